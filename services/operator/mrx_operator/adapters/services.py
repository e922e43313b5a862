"""The services' HTTP APIs, with the operator's token."""

import base64
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
from mrx_shared.api.bodies import Answer
from mrx_shared.kit.client import Client, Query, Services, Tokens
from mrx_shared.refusals import Invalid, Unavailable
from pydantic import SecretStr

from mrx_operator.domain.chain import Link
from mrx_operator.ports import Service, Shown

PAGE = 5000


class Outcome(Answer):
    """What became of what was asked for."""

    outcome: str


class HttpService:
    """`Service` over HTTP."""

    def __init__(self, name: str, client: Client) -> None:
        self._name = name
        self._client = client

    @property
    def name(self) -> str:
        """See `Service`."""
        return self._name

    async def status(self) -> Shown:
        """See `Service`."""
        found: Shown = await self._get("status")
        return found

    async def dead_letters(self, *, every: bool) -> Sequence[Shown]:
        """See `Service`."""
        letters: list[Shown] = (await self._get("dead-letters", every=every, limit=1000))["dead_letters"]
        return letters

    async def dead_letter(self, letter: UUID) -> Shown:
        """See `Service`."""
        found: Shown = await self._get(f"dead-letters/{letter}")
        return found

    async def replay(self, letter: UUID) -> str:
        """See `Service`."""
        return await self._do(f"dead-letters/{letter}/replay")

    async def unsent(self) -> Sequence[Shown]:
        """See `Service`."""
        rows: list[Shown] = (await self._get("outbox", limit=1000))["unsent"]
        return rows

    async def retry(self) -> str:
        """See `Service`."""
        return await self._do("outbox/retry")

    async def links(self, after: int) -> Sequence[Link]:
        """See `Service`."""
        return [link(shown) for shown in (await self._get("chain", after=after, limit=PAGE))["links"]]

    async def _get(self, path: str, **query: Query) -> Any:  # noqa: ANN401 - shown as it is, with what is newer than this command
        said = await self._client.fetch(self._name, f"/v1/operations/{path}", **query)
        try:
            return json.loads(said)
        except ValueError:
            raise Unavailable(f"{self._name} answers without JSON") from None

    async def _do(self, path: str) -> str:
        return (await self._client.post(self._name, f"/v1/operations/{path}", None, Outcome)).outcome


@asynccontextmanager
async def connected(
    urls: Mapping[str, str],
    *,
    client_id: str,
    client_secret: SecretStr,
    transport: httpx.AsyncBaseTransport | None = None,
) -> AsyncIterator[dict[str, Service]]:
    """All services at these addresses, by name; one of them is the registry, which makes the tokens."""
    async with Services(urls, transport=transport, patience_s=0, trust_env=True) as services:
        client = Client(services, Tokens.of_client(services, client_id, client_secret.get_secret_value()))
        yield {name: HttpService(name, client) for name in urls}


def link(shown: Shown) -> Link:
    """A link as a service shows it. Raises `Invalid` when it is none."""
    try:
        return Link(
            position=int(shown["position"]),
            id=str(shown["id"]),
            topic=str(shown["topic"]),
            key=str(shown["key"]),
            sequence=int(shown["sequence"]),
            type=str(shown["type"]),
            digest=base64.b64decode(shown["digest"], validate=True),
            chain=base64.b64decode(shown["chain"], validate=True),
            erased=bool(shown["erased"]),
            digest_holds=bool(shown["digest_holds"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Invalid(f"this is not a link of a log: {type(error).__name__} {error}") from None


def shown(one: Link) -> dict[str, Any]:
    """A link as a service shows it; `link` reads it back."""
    return {
        "position": one.position,
        "id": one.id,
        "topic": one.topic,
        "key": one.key,
        "sequence": one.sequence,
        "type": one.type,
        "digest": base64.b64encode(one.digest).decode(),
        "chain": base64.b64encode(one.chain).decode(),
        "erased": one.erased,
        "digest_holds": one.digest_holds,
    }
