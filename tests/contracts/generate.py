"""What crosses a boundary, drawn from code: JSON Schemas, AsyncAPI, OpenAPI, and the table in contracts/README.md.

`python -m tests.contracts.generate` writes it into contracts/, unless what has been published would change otherwise than
by addition.
"""

import base64
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mrx_aggregation.app
import mrx_aggregation.settings
import mrx_benchmark.app
import mrx_benchmark.settings
import mrx_exchange_adapter.app
import mrx_exchange_adapter.settings
import mrx_notification.app
import mrx_notification.settings
import mrx_platform.app
import mrx_platform.settings
import mrx_registry.app
import mrx_registry.settings
import mrx_report_request.app
import mrx_report_request.settings
from fastapi import FastAPI
from mrx_shared.kit.settings import KafkaSettings
from mrx_shared.messages import (
    aggregation,
    benchmark,
    exchange_adapter,
    lists,
    notification,
    registry,
    report_request,
    requests,
)
from mrx_shared.messages.envelope import Envelope, Message
from mrx_shared.messages.topics import LISTS_IN
from pydantic import SecretStr

from tests.contracts.published import ROOT, facts_of, faults, files_of, published

MODULES = (registry, benchmark, lists, aggregation, requests, report_request, exchange_adapter, notification)


def messages() -> list[type[Message]]:
    """Every message type, by its type's name."""
    found = [
        value
        for module in MODULES
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Message) and value.__module__ == module.__name__
    ]
    return sorted(found, key=lambda message: message.type)


def topic_of(message: type[Message]) -> str:
    """Where a message travels; `{memberId}` stands for the member's opaque id."""
    return {
        "kept": message.apart or f"mrx.{message.owner()}.v1",
        "to-member": "mrx.out.{memberId}",
        "from-member": f"{message.apart or LISTS_IN}{{memberId}}",
    }[message.travels]


def schema_of(message: type[Message]) -> dict[str, Any]:
    """JSON Schema of a whole event of this type, as it is sent."""
    schema: dict[str, Any] = Envelope[message].model_json_schema(mode="serialization")  # type: ignore[valid-type]
    schema["$id"] = f"{message.type}.schema.json"
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = message.type
    schema["description"] = " ".join((message.__doc__ or "").split())
    schema["properties"]["type"] = {"const": message.type}
    schema["properties"]["subject"]["description"] = message.subject_is
    return schema


def services() -> dict[str, FastAPI]:
    """Every service, built and not started."""
    common = {
        "http_port": 1,
        "database_url": "postgresql://app:x@database.mrx.example/x",
        "relay_database_url": "postgresql://relay:x@database.mrx.example/x",
        "kafka_username": "x",
        "kafka_password": "x",
    }
    kafka = KafkaSettings(bootstrap_servers="kafka.mrx.example:9092", security_protocol="SASL_PLAINTEXT")
    builders: Mapping[str, tuple[Callable[..., FastAPI], type[Any], dict[str, Any]]] = {
        "registry": (
            mrx_registry.app.build_app,
            mrx_registry.settings.Settings,
            {
                "bootstrap_secret": "x" * 32,
                "secret_key": base64.b64encode(bytes(32)).decode(),
                "issuer": "https://registry.mrx.example",
            },
        ),
        "benchmark": (
            mrx_benchmark.app.build_app,
            mrx_benchmark.settings.Settings,
            {"s3_endpoint": "https://objects.mrx.example", "s3_access_key": "x", "s3_secret_key": "x"},
        ),
        "aggregation": (
            mrx_aggregation.app.build_app,
            mrx_aggregation.settings.Settings,
            {
                "resolver_database_url": "postgresql://resolver:x@database.mrx.example/x",
                "writer_database_url": "postgresql://writer:x@database.mrx.example/x",
                "s3_endpoint": "https://objects.mrx.example",
                "s3_public_url": "https://objects.mrx.example",
                "s3_access_key": "x",
                "s3_secret_key": "x",
            },
        ),
        "report_request": (mrx_report_request.app.build_app, mrx_report_request.settings.Settings, {}),
        "exchange_adapter": (
            mrx_exchange_adapter.app.build_app,
            mrx_exchange_adapter.settings.Settings,
            {
                "s3_endpoint": "https://objects.mrx.example",
                "s3_public_url": "https://objects.mrx.example",
                **{
                    f"{identity}_{key}": "x"
                    for identity in ("presigner", "scanner", "reader")
                    for key in ("access_key", "secret_key")
                },
                "platform_url": "https://platform.mrx.example",
                "platform_client_id": "x",
                "platform_client_secret": "x",
                "platform_webhook_secret": "x" * 32,
            },
        ),
        "notification": (
            mrx_notification.app.build_app,
            mrx_notification.settings.Settings,
            {
                "smtp_host": "mail.mrx.example",
                "smtp_port": 587,
                "sender": "exchange@mrx.example",
                "portal_url": "https://mrx.example",
                "bounce_secret": "x" * 32,
            },
        ),
    }
    return {name: build(made(**common, **own), kafka) for name, (build, made, own) in builders.items()}


def platform() -> FastAPI:
    """The simulated data-sharing platform, built and not started."""
    with TemporaryDirectory() as folder:
        return mrx_platform.app.build_app(
            mrx_platform.settings.Settings(
                http_port=1,
                client_id="x",
                client_secret=SecretStr("x"),
                webhook_secret=SecretStr("x"),
                control_secret=SecretStr("x"),
                data=Path(folder),
            )
        )


def consumers(apps: Mapping[str, FastAPI]) -> dict[str, list[str]]:
    """Which services take which message type."""
    taken: dict[str, list[str]] = {}
    for name, app in apps.items():
        for subscription in app.state.subscriptions:
            for message in subscription.messages:
                taken.setdefault(message.type, []).append(name)
    return taken


def asyncapi(name: str, app: FastAPI) -> dict[str, Any]:
    """AsyncAPI 3 of a service: what it sends and what it receives."""
    sends = [message for message in messages() if message.owner() == name]
    receives = [message for subscription in app.state.subscriptions for message in subscription.messages]
    return _asyncapi(f"MRX {name}", f"What {name} says and what it listens to.", sends, receives)


def asyncapi_of_member() -> dict[str, Any]:
    """AsyncAPI 3 of a member system: what it may write and what it reads."""
    return _asyncapi(
        "MRX member system",
        "What a member's own software says and hears on the member's topics.",
        [message for message in messages() if message.travels == "from-member"],
        [message for message in messages() if message.travels == "to-member"],
    )


def _asyncapi(
    title: str, description: str, sends: list[type[Message]], receives: list[type[Message]]
) -> dict[str, Any]:
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for action, those in (("send", sends), ("receive", receives)):
        for message in sorted(those, key=lambda one: one.type):
            address = topic_of(message)
            channel = channels.setdefault(_channel(address), {"address": address, "messages": {}})
            if "{memberId}" in address:
                channel["parameters"] = {"memberId": {"description": "the member's opaque id"}}
            channel["messages"][message.__name__] = {"$ref": f"#/components/messages/{message.__name__}"}
            operations[f"{action}{message.__name__}"] = {
                "action": action,
                "channel": {"$ref": f"#/channels/{_channel(address)}"},
                "messages": [{"$ref": f"#/channels/{_channel(address)}/messages/{message.__name__}"}],
            }
    return {
        "asyncapi": "3.0.0",
        "info": {"title": title, "version": "1", "description": description},
        "defaultContentType": "application/cloudevents+json",
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": {
                message.__name__: {
                    "name": message.type,
                    "summary": " ".join((message.__doc__ or "").split()),
                    "contentType": "application/cloudevents+json",
                    "payload": {"$ref": f"../messages/{message.type}.schema.json"},
                }
                for message in sorted({*sends, *receives}, key=lambda one: one.type)
            }
        },
    }


def _channel(address: str) -> str:
    return address.replace(".{memberId}", "").replace(".", "-")


def readme(apps: Mapping[str, FastAPI]) -> str:
    """The table of messages."""
    taken = consumers(apps)
    rows = [
        f"| `{message.type}` | {message.owner()} | `{topic_of(message)}` | {message.subject_is} | "
        f"{', '.join(taken.get(message.type, [])) or ('the member' if message.travels == 'to-member' else '-')} |"
        for message in messages()
    ]
    return "\n".join(
        [
            "# Contracts",
            "",
            "`make contracts` generates these files from code: `messages/` has a JSON Schema per message and examples that",
            "must always parse, `services/` AsyncAPI 3, `http/` OpenAPI 3.1. A published version changes only by addition;",
            "anything else needs a new version beside it.",
            "",
            "`tests/contracts/published.txt` lists what has been published: every path, parameter, status, field, type and",
            "message, and a digest of every example. A test compares it with this folder: a listed fact must not change,",
            "but an optional field or parameter, a new path, a new message and a new example may be added. Names of",
            "components, titles and descriptions may change. When a version goes out to members,",
            "`python -m tests.contracts.published` adds what is new to the list.",
            "`--withdraw 'message mrx.registry.example.v1'` removes a version that is no longer used.",
            "",
            "Events are CloudEvents 1.0, structured JSON; the Kafka key of a kept fact is its subject; that of an event",
            "to or from a member is the member's id or the list's. `sequence` counts the versions of a key, from 1.",
            "",
            "| message | owner | topic | subject | consumers |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def everything() -> dict[str, str]:
    """All files below contracts/ but the examples, by path."""
    apps = services()
    documents: dict[str, Any] = {f"messages/{one.type}.schema.json": schema_of(one) for one in messages()}
    for name, app in apps.items():
        documents[f"services/{name}.asyncapi.json"] = asyncapi(name, app)
        documents[f"http/{name}.openapi.json"] = app.openapi()
    documents["http/platform.openapi.json"] = platform().openapi()
    documents["services/member.asyncapi.json"] = asyncapi_of_member()
    files = {
        path: json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        for path, document in documents.items()
    }
    return {**files, "README.md": readme(apps)}


def main() -> int:
    """Write contracts/ anew. Returns 1, and writes nothing, when what has been published would break."""
    files = everything()
    broken = faults(
        published(), facts_of({**files_of(ROOT), **{path: text.encode() for path, text in files.items()}})
    )
    if broken:
        sys.stderr.write("\n".join([*broken, "make it a new version beside the old one", ""]))
        return 1
    for path, content in files.items():
        target = ROOT / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
