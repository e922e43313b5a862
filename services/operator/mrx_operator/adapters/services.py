"""The services' HTTP APIs, with the operator's token."""

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

import httpx
from mrx_shared.refusals import Forbidden, Invalid, Rejected, Unavailable, Unknown
from pydantic import SecretStr

from mrx_operator.domain.chain import Link
from mrx_operator.ports import Service, Shown

PAGE = 5000
FRESH_S = 30.0
"""A token is replaced so many seconds before it expires."""
TIMEOUT = httpx.Timeout(30, connect=5)
REFUSALS: Mapping[int, type[Rejected]] = {
    httpx.codes.BAD_REQUEST: Invalid,
    httpx.codes.UNAUTHORIZED: Forbidden,
    httpx.codes.FORBIDDEN: Forbidden,
    httpx.codes.NOT_FOUND: Unknown,
    httpx.codes.UNPROCESSABLE_ENTITY: Invalid,
}


class Tokens:
    """The operator's access tokens, one a service, from the registry."""

    def __init__(
        self, client: httpx.AsyncClient, *, registry_url: str, client_id: str, client_secret: SecretStr
    ) -> None:
        self._client = client
        self._url = f"{registry_url.rstrip('/')}/v1/token"
        self._auth = (client_id, client_secret.get_secret_value())
        self._known: dict[str, tuple[str, float]] = {}
        self._one_at_a_time = asyncio.Lock()

    async def token(self, service: str) -> str:
        """A token that the service accepts for some time yet."""
        async with self._one_at_a_time:
            token, until = self._known.get(service, ("", 0.0))
            if monotonic() < until:
                return token
            form = {"grant_type": "client_credentials", "audience": f"mrx.{service}"}
            answer = await _asked(self._client.post(self._url, data=form, auth=self._auth), "registry")
            self._known[service] = (answer["access_token"], monotonic() + answer["expires_in"] - FRESH_S)
            return str(answer["access_token"])


class HttpService:
    """`Service` over HTTP."""

    def __init__(self, name: str, url: str, *, client: httpx.AsyncClient, tokens: Tokens) -> None:
        self._name = name
        self._url = f"{url.rstrip('/')}/v1/operations"
        self._client = client
        self._tokens = tokens

    @property
    def name(self) -> str:
        """See `Service`."""
        return self._name

    async def status(self) -> Shown:
        """See `Service`."""
        found: Shown = await self._ask("GET", "/status")
        return found

    async def dead_letters(self, *, every: bool) -> Sequence[Shown]:
        """See `Service`."""
        found = await self._ask("GET", "/dead-letters", params={"every": every, "limit": 1000})
        letters: list[Shown] = found["dead_letters"]
        return letters

    async def dead_letter(self, letter: UUID) -> Shown:
        """See `Service`."""
        found: Shown = await self._ask("GET", f"/dead-letters/{letter}")
        return found

    async def replay(self, letter: UUID) -> str:
        """See `Service`."""
        return str((await self._ask("POST", f"/dead-letters/{letter}/replay"))["outcome"])

    async def unsent(self) -> Sequence[Shown]:
        """See `Service`."""
        rows: list[Shown] = (await self._ask("GET", "/outbox", params={"limit": 1000}))["unsent"]
        return rows

    async def retry(self) -> str:
        """See `Service`."""
        return str((await self._ask("POST", "/outbox/retry"))["outcome"])

    async def links(self, after: int) -> Sequence[Link]:
        """See `Service`."""
        page = await self._ask("GET", "/chain", params={"after": after, "limit": PAGE})
        return [link(shown) for shown in page["links"]]

    async def _ask(self, method: str, path: str, *, params: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401
        headers = {"Authorization": f"Bearer {await self._tokens.token(self._name)}"}
        if method == "POST":
            headers["Idempotency-Key"] = str(uuid4())
        asking = self._client.request(method, f"{self._url}{path}", params=params, headers=headers)
        return await _asked(asking, self._name)


@asynccontextmanager
async def connected(
    urls: Mapping[str, str],
    *,
    client_id: str,
    client_secret: SecretStr,
    transport: httpx.AsyncBaseTransport | None = None,
) -> AsyncIterator[dict[str, Service]]:
    """All services at these addresses, by name; one of them is the registry, which makes the tokens."""
    async with httpx.AsyncClient(timeout=TIMEOUT, transport=transport) as client:
        tokens = Tokens(
            client, registry_url=urls["registry"], client_id=client_id, client_secret=client_secret
        )
        yield {name: HttpService(name, url, client=client, tokens=tokens) for name, url in urls.items()}


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
        raise Invalid(f"this is no link of a log: {type(error).__name__} {error}") from None


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


async def _asked(asking: Any, service: str) -> Any:  # noqa: ANN401
    """The answer's JSON. Raises what the service's problem says, or `Unavailable`."""
    try:
        answer: httpx.Response = await asking
    except httpx.TransportError as error:
        raise Unavailable(f"{service} does not answer: {type(error).__name__}") from None
    try:
        said = answer.json()
    except ValueError:
        raise Unavailable(f"{service} answers {answer.status_code} without JSON") from None
    if answer.is_success:
        return said
    reason = f"{service}: {said.get('detail') or said.get('title') or answer.status_code}"
    if answer.is_server_error or said.get("retryable"):
        raise Unavailable(reason)
    refusal = REFUSALS.get(answer.status_code, Rejected)
    raise refusal(reason, field=said.get("field"), row=said.get("row"), remedy=said.get("remedy"))
