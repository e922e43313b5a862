"""What has been published stands: paths, fields, types, statuses and examples of contracts/ are those of the list."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.contracts.published import PUBLISHED, ROOT, facts_of, faults, files_of, published, written

ORDER = {
    "title": "Order",
    "type": "object",
    "description": "What is ordered.",
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "kind": {"type": "string", "enum": ["small", "large"]},
        "title": {"anyOf": [{"type": "string", "maxLength": 80}, {"type": "null"}]},
        "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Order"}},
        "sizes": {"type": "object", "additionalProperties": {"type": "integer"}},
    },
    "required": ["id", "kind"],
}
API = {
    "openapi": "3.1.0",
    "paths": {
        "/v1/orders": {
            "post": {
                "operationId": "order",
                "parameters": [
                    {"name": "Key", "in": "header", "required": True, "schema": {"type": "string"}},
                    {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 100}},
                ],
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}},
                },
                "responses": {
                    "201": {
                        "description": "Made",
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}},
                    },
                    "409": {"description": "Taken"},
                },
                "security": [{"Bearer": []}],
            },
            "get": {"responses": {"200": {"description": "All"}}},
        }
    },
    "components": {
        "schemas": {"Order": ORDER},
        "securitySchemes": {"Bearer": {"type": "http", "scheme": "bearer"}},
    },
}
EVENT = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "data": {"$ref": "#/$defs/Ordered"}},
    "required": ["id", "data"],
    "$defs": {
        "Ordered": {
            "type": "object",
            "properties": {"order_id": {"type": "string"}, "price": {"type": "number"}},
            "required": ["order_id"],
        }
    },
}
KAFKA = {
    "channels": {
        "orders": {
            "address": "mrx.orders.v1",
            "messages": {"Ordered": {"$ref": "#/components/messages/Ordered"}},
        }
    },
    "operations": {
        "sendOrdered": {
            "action": "send",
            "channel": {"$ref": "#/channels/orders"},
            "messages": [{"$ref": "#/channels/orders/messages/Ordered"}],
        }
    },
    "components": {
        "messages": {
            "Ordered": {
                "name": "mrx.orders.ordered.v1",
                "contentType": "application/cloudevents+json",
                "payload": {"$ref": "../messages/mrx.orders.ordered.v1.schema.json"},
            }
        }
    },
}
DOCUMENTS: dict[str, Any] = {
    "http/orders.openapi.json": API,
    "messages/mrx.orders.ordered.v1.schema.json": EVENT,
    "messages/mrx.orders.ordered.v1.example.json": {"id": "1", "data": {"order_id": "A"}},
    "services/orders.asyncapi.json": KAFKA,
}


def test_what_has_been_published_stands() -> None:
    found = faults(published(), facts_of(files_of(ROOT)))
    assert not found, "\n".join(["published contracts change by addition only:", *found])


def test_the_list_is_as_it_is_written() -> None:
    assert PUBLISHED.read_text(encoding="utf-8") == written(published())


def files(documents: dict[str, Any]) -> dict[str, bytes]:
    return {path: json.dumps(document).encode() for path, document in documents.items()}


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, bytes]:
    documents = copy.deepcopy(DOCUMENTS)
    change(documents)
    return files(documents)


def api(documents: dict[str, Any]) -> Any:  # noqa: ANN401
    return documents["http/orders.openapi.json"]


def order(documents: dict[str, Any]) -> Any:  # noqa: ANN401
    return api(documents)["components"]["schemas"]["Order"]


def post(documents: dict[str, Any]) -> Any:  # noqa: ANN401
    return api(documents)["paths"]["/v1/orders"]["post"]


def ordered(documents: dict[str, Any]) -> Any:  # noqa: ANN401
    return documents["messages/mrx.orders.ordered.v1.schema.json"]["$defs"]["Ordered"]


def kafka(documents: dict[str, Any]) -> Any:  # noqa: ANN401
    return documents["services/orders.asyncapi.json"]


def with_path_renamed(documents: dict[str, Any]) -> None:
    paths = api(documents)["paths"]
    paths["/v1/purchases"] = paths.pop("/v1/orders")


def with_component_renamed(documents: dict[str, Any]) -> None:
    text = json.dumps(api(documents)).replace("schemas/Order", "schemas/Purchase")
    documents["http/orders.openapi.json"] = renamed = json.loads(text)
    renamed["components"]["schemas"]["Purchase"] = renamed["components"]["schemas"].pop("Order")
    renamed["components"]["schemas"]["Purchase"]["title"] = "Purchase"


def with_names_in_kafka_renamed(documents: dict[str, Any]) -> None:
    documents["services/orders.asyncapi.json"] = json.loads(
        json.dumps(kafka(documents))
        .replace('"Ordered"', '"OrderMade"')
        .replace("messages/Ordered", "messages/OrderMade")
        .replace("sendOrdered", "sendOrderMade")
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda all_: order(all_)["properties"].pop("title"), ".title is gone"),
        (lambda all_: order(all_)["properties"]["id"].update(type="integer"), ".id was"),
        (lambda all_: order(all_)["properties"]["id"].pop("format"), ".id was"),
        (lambda all_: order(all_)["properties"]["title"]["anyOf"].pop(), ".title was"),
        (lambda all_: order(all_)["properties"]["title"]["anyOf"][0].update(maxLength=79), ".title was"),
        (lambda all_: order(all_)["properties"]["kind"]["enum"].append("huge"), ".kind was"),
        (lambda all_: order(all_)["properties"]["sizes"].update(additionalProperties=False), ".sizes was"),
        (lambda all_: order(all_)["properties"]["parts"].update(items={"type": "string"}), ".parts[] was"),
        (lambda all_: order(all_)["required"].append("title"), ".title was"),
        (lambda all_: order(all_)["required"].remove("kind"), ".kind was"),
        (
            lambda all_: order(all_)["properties"].update(on={}) or order(all_)["required"].append("on"),
            ".on is new",
        ),
        (lambda all_: order(all_).update(additionalProperties=False), "body application/json was"),
        (with_path_renamed, "POST /v1/orders is gone"),
        (lambda all_: api(all_)["paths"]["/v1/orders"].pop("get"), "GET /v1/orders is gone"),
        (lambda all_: post(all_)["responses"].pop("409"), "response 409 is gone"),
        (lambda all_: post(all_)["responses"].update({"410": {}}), "response 410 is new"),
        (lambda all_: post(all_)["parameters"].pop(), "query limit is gone"),
        (lambda all_: post(all_)["parameters"][1].update(required=True), "query limit was"),
        (lambda all_: post(all_)["parameters"][1]["schema"].update(maximum=50), "query limit was"),
        (lambda all_: post(all_).pop("security"), "security http bearer is gone"),
        (lambda all_: ordered(all_)["properties"].pop("price"), ".data.price is gone"),
        (lambda all_: ordered(all_)["properties"]["price"].update(type="string"), ".data.price was"),
        (lambda all_: ordered(all_)["required"].append("price"), ".data.price was"),
        (lambda all_: all_.pop("messages/mrx.orders.ordered.v1.schema.json"), "ordered.v1 is gone"),
        (lambda all_: all_["messages/mrx.orders.ordered.v1.example.json"].update(id="2"), "example.json was"),
        (lambda all_: all_.pop("messages/mrx.orders.ordered.v1.example.json"), "examples is gone"),
        (
            lambda all_: kafka(all_)["channels"]["orders"].update(address="mrx.orders.v2"),
            "orders.v1 mrx.orders",
        ),
        (lambda all_: kafka(all_)["operations"].pop("sendOrdered"), "send mrx.orders.v1"),
    ],
)
def test_a_change_of_what_is_published_is_told(change: Callable[[dict[str, Any]], object], told: str) -> None:
    found = faults(facts_of(files(DOCUMENTS)), facts_of(changed(change)))
    assert any(told in fault for fault in found), found


@pytest.mark.parametrize(
    "change",
    [
        with_component_renamed,
        with_names_in_kafka_renamed,
        lambda all_: order(all_).update(description="Other words."),
        lambda all_: order(all_)["properties"]["kind"].update(description="Other words.", title="A kind"),
        lambda all_: order(all_)["properties"]["kind"]["enum"].reverse(),
        lambda all_: post(all_).update(operationId="place_order", summary="Order it"),
        lambda all_: post(all_)["responses"]["409"].update(description="Taken already"),
        lambda all_: order(all_)["properties"].update(
            note={"type": "object", "properties": {"text": {}}, "required": ["text"]}
        ),
        lambda all_: post(all_)["parameters"].append({"name": "q", "in": "query", "schema": {}}),
        lambda all_: api(all_)["paths"].update({"/v1/returns": {"get": {"responses": {"200": {}}}}}),
        lambda all_: ordered(all_).update(additionalProperties=False),
        lambda all_: ordered(all_)["properties"].update(note={"type": "string"}),
        lambda all_: all_.update({"messages/mrx.orders.ordered.v1.example2.json": {"id": "2"}}),
        lambda all_: all_.update({"messages/mrx.orders.returned.v1.schema.json": EVENT}),
    ],
)
def test_an_addition_and_other_names_and_words_pass(change: Callable[[dict[str, Any]], object]) -> None:
    assert faults(facts_of(files(DOCUMENTS)), facts_of(changed(change))) == []
