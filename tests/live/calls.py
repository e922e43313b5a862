"""Calls of the services by the one client, with JSON as it is sent and comes."""

import json
from collections.abc import Mapping
from typing import Any

from mrx_shared.api.bodies import RequestBody
from mrx_shared.kit.client import Client
from pydantic import ConfigDict, RootModel


class _Sent(RequestBody):
    """Whatever fields are given."""

    model_config = ConfigDict(extra="allow")


class _Came(RootModel[Any]):
    """Whatever came."""


async def get(client: Client, service: str, path: str) -> Any:  # noqa: ANN401 - JSON
    """What a service answers to a GET."""
    return json.loads(await client.fetch(service, path))


async def post(client: Client, service: str, path: str, body: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON
    """What a service answers to a POST. Raises what it refuses."""
    sent = None if body is None else _Sent(**body)
    return (await client.post(service, path, sent, _Came)).root
