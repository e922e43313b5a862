"""The HTTP client of the services: credentials, time-outs, retries, refusals, and answers as `mrx_shared.api` has them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, Literal, Protocol, Self, TypeVar, overload
from uuid import UUID, uuid4
from weakref import WeakKeyDictionary

import httpx
from pydantic import BaseModel, ValidationError

from mrx_shared.api.bodies import RequestBody
from mrx_shared.api.problems import Problem
from mrx_shared.api.registry import Token
from mrx_shared.kit.retries import Unreachable, retrying
from mrx_shared.refusals import (
    Faulty,
    Forbidden,
    Invalid,
    RateLimited,
    Rejected,
    Unavailable,
    Unknown,
    spelled,
)

A = TypeVar("A", bound=BaseModel)
T = TypeVar("T")
Query = str | int | UUID | None
"""None is left out of the address"""
Notice = Callable[[str], None]
"""is told once which service a call waits for"""

TIMEOUT_S: Final = 30.0
CONNECT_S: Final = 5.0
LIMITS: Final = httpx.Limits(max_connections=100, max_keepalive_connections=20)
PATIENCE_S: Final = 5.0
LONGEST_WAIT_S: Final = 60.0
"""a longer Retry-After is a mistake"""
FRESH_S: Final = 60.0
"""a token is replaced this long before it expires"""
CHUNK: Final = 1024 * 1024
_GATEWAY: Final = {502, 503, 504}
_BY_STATUS: Final = {400: Invalid, 403: Forbidden, 404: Unknown, 413: Invalid, 422: Invalid}
_SESSION_GRANT: Final = "urn:mrx:params:oauth:grant-type:session"


class Unauthorized(Forbidden):
    """A service does not take the credentials of a call."""


class Credentials(Protocol):
    """What a call says about who makes it."""

    async def headers(self, service: str) -> Mapping[str, str]:
        """The headers of a call to a service. Raises what the registry refuses, or `Unreachable`."""

    def renew(self, service: str) -> bool:
        """Forget what a service did not take; False where there is nothing else to come with."""


@dataclass(frozen=True, slots=True)
class Headers:
    """The same headers for every call: a bearer token, a session, the token of a page; or none."""

    given: Mapping[str, str] = field(default_factory=dict, repr=False)

    async def headers(self, service: str) -> Mapping[str, str]:  # noqa: ARG002
        """See `Credentials`."""
        return self.given

    def renew(self, service: str) -> bool:  # noqa: ARG002
        """See `Credentials`."""
        return False


@dataclass(slots=True)
class _Connections:
    http: httpx.AsyncClient
    users: int = 0


class Services:
    """Where the services answer, and the connections to them. Close it at the end, or enter it; the last to leave closes it.

    A call is tried again for `patience_s` (None: for as long as the caller lets it), and `notice` is told when that begins.
    With `trust_env` the environment's proxy and certificates are used. Each event loop has connections of its own.
    """

    def __init__(
        self,
        urls: Mapping[str, str],
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        timeout_s: float = TIMEOUT_S,
        patience_s: float | None = PATIENCE_S,
        notice: Notice | None = None,
        trust_env: bool = False,
    ) -> None:
        self._urls = urls
        self._timeout = httpx.Timeout(timeout_s, connect=CONNECT_S)
        self._transport = transport
        self._patience_s = patience_s
        self._notice = notice
        self._trust_env = trust_env
        self._opened: WeakKeyDictionary[asyncio.AbstractEventLoop, _Connections] = WeakKeyDictionary()

    async def __aenter__(self) -> Self:
        self._connections().users += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        mine = self._connections()
        mine.users -= 1
        if not mine.users:
            await self.close()

    async def close(self) -> None:
        """Close every connection of this event loop. A later call opens new ones."""
        if mine := self._opened.pop(asyncio.get_running_loop(), None):
            await mine.http.aclose()

    def _connections(self) -> _Connections:
        loop = asyncio.get_running_loop()
        if loop not in self._opened:
            self._opened[loop] = _Connections(
                httpx.AsyncClient(
                    timeout=self._timeout,
                    limits=LIMITS,
                    transport=self._transport,
                    trust_env=self._trust_env,
                    follow_redirects=False,
                )
            )
        return self._opened[loop]

    def address(self, service: str) -> str:
        """Where a service answers. Raises `Invalid` where nobody said it."""
        try:
            return self._urls[service].rstrip("/")
        except KeyError:
            raise Invalid(f"the address of {service} is not set", field=f"{service}_url") from None

    async def answers(self, service: str, *, health: Literal["live", "ready"] = "live") -> bool:
        """Whether a service says at this moment that it is live, or ready."""
        try:
            await self.once("GET", service, f"/health/{health}")
        except (Rejected, Unavailable):
            return False
        return True

    async def once(
        self,
        method: str,
        service: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, Query] | None = None,
        content: bytes | None = None,
        form: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
    ) -> httpx.Response:
        """Call a service once. Raises `Unreachable`, `Unavailable`, or what the service's problem document says."""
        url = self.address(service)
        try:
            response = await self._connections().http.request(
                method,
                f"{url}{path}",
                params={name: str(value) for name, value in (query or {}).items() if value is not None}
                or None,
                headers=headers,
                content=content,
                data=form,
                auth=auth,
            )
        except httpx.TransportError as error:
            raise Unreachable(f"{service}: it does not answer") from error
        if not response.is_success:
            raise self._refusal(service, response)
        return response

    async def download(self, url: str, write: Callable[[bytes], None], *, start: int = 0) -> None:
        """Give `write` what a signed link leads to, from byte `start`. Raises `Unreachable`, and what `write` raises.

        No credentials go with it, and the link stands in no error: whoever has it may read.
        """
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
        try:
            async with self._connections().http.stream("GET", url, headers=headers) as response:
                if response.status_code not in {httpx.codes.OK, httpx.codes.PARTIAL_CONTENT}:
                    raise Unreachable(f"storage: it answered {response.status_code}")
                # A server that knows no ranges sends it all.
                left = start if response.status_code == httpx.codes.OK else 0
                async for part in response.aiter_bytes(CHUNK):
                    if rest := part[left:]:
                        write(rest)
                    left = max(0, left - len(part))
        except httpx.TransportError as error:
            raise Unreachable("storage: it does not answer") from error

    async def retrying(self, attempt: Callable[[], Awaitable[T]], what: str) -> T:
        """Attempt until nothing is away or the patience is over. A server's Retry-After is kept."""
        return await retrying(
            attempt,
            patience_s=self._patience_s,
            notice=lambda _: self._notice(what) if self._notice else None,
        )

    def _refusal(self, service: str, response: httpx.Response) -> Exception:
        status, told = response.status_code, _told(response)
        words = told.detail or told.error_description or f"{service} answered {status}"
        wait = response.headers.get("retry-after", "")
        seconds = int(wait) if wait.isdigit() else 0
        if status == httpx.codes.TOO_MANY_REQUESTS and self._patience_s is not None:
            return RateLimited(words, seconds=seconds or 60, remedy=told.remedy)
        if status in _GATEWAY or told.retryable or status == httpx.codes.TOO_MANY_REQUESTS:
            return Unreachable(f"{service}: {words}", retry_after=min(seconds, LONGEST_WAIT_S))
        if status >= httpx.codes.INTERNAL_SERVER_ERROR:
            return Unavailable(f"{service}: {words}")
        if told.faults:
            several = [
                Invalid(one.detail, field=one.field, row=one.row, remedy=one.remedy) for one in told.faults
            ]
            return Faulty(several, more=told.more or 0)
        kind = Unauthorized if status == httpx.codes.UNAUTHORIZED else _BY_STATUS.get(status, Rejected)
        return kind(words, field=told.field, row=told.row, remedy=told.remedy)


class Tokens:
    """Access tokens of the registry, one for each service; each is replaced shortly before it expires.

    Calls that need the same token wait for one request of it; those of other services do not wait for it.
    """

    def __init__(
        self, services: Services, form: Mapping[str, str], *, auth: tuple[str, str] | None = None
    ) -> None:
        self._services = services
        self._form = form
        self._auth = auth
        self._kept: dict[str, tuple[str, float]] = {}
        self._coming: dict[tuple[asyncio.AbstractEventLoop, str], asyncio.Task[str]] = {}

    @classmethod
    def of_client(cls, services: Services, client_id: str, client_secret: str) -> Self:
        """By client credentials."""
        return cls(services, {"grant_type": "client_credentials"}, auth=(client_id, client_secret))

    @classmethod
    def of_session(cls, services: Services, session: str) -> Self:
        """For whoever signed in."""
        return cls(services, {"grant_type": _SESSION_GRANT, "session": session})

    async def headers(self, service: str) -> Mapping[str, str]:
        """See `Credentials`."""
        token, until = self._kept.get(service, ("", 0.0))
        if monotonic() >= until:
            token = await self._new(service)
        return {"Authorization": f"Bearer {token}"}

    async def _new(self, service: str) -> str:
        place = asyncio.get_running_loop(), service
        if place not in self._coming:
            coming = self._coming[place] = asyncio.ensure_future(self._ask(service))

            def arrived(task: asyncio.Task[str]) -> None:
                del self._coming[place]
                if not task.cancelled():
                    task.exception()  # seen, also where everybody who waited has gone

            coming.add_done_callback(arrived)
        # Whoever gives up waiting does not take the token from the others.
        return await asyncio.shield(self._coming[place])

    async def _ask(self, service: str) -> str:
        form = {**self._form, "audience": f"mrx.{service}"}
        response = await self._services.once("POST", "registry", "/v1/token", form=form, auth=self._auth)
        made = read(Token, response.content, "registry")
        self._kept[service] = made.access_token, monotonic() + made.expires_in - FRESH_S
        return made.access_token

    def renew(self, service: str) -> bool:
        """See `Credentials`."""
        self._kept.pop(service, None)
        return True


class Client:
    """The services as somebody speaks to them.

    A refusal is raised as `Invalid`, `Faulty`, `Forbidden`, `Unknown`, `RateLimited` or `Rejected` with the service's words,
    field, row and remedy; `Unavailable` when the patience is over or an answer does not fit. Credentials that are not taken
    are renewed once; then `unauthorized` makes the error that is raised.
    """

    def __init__(
        self,
        services: Services,
        credentials: Credentials | None = None,
        *,
        unauthorized: Callable[[Unauthorized], Exception] = lambda error: error,
    ) -> None:
        self._services = services
        self._credentials = credentials or Headers()
        self._unauthorized = unauthorized

    async def get(self, service: str, path: str, answer: type[A], /, **query: Query) -> A:
        """Read."""
        return read(answer, await self.fetch(service, path, **query), service)

    async def fetch(self, service: str, path: str, /, **query: Query) -> bytes:
        """Read what is no JSON, such as a report."""
        return await self._call("GET", service, path, query=query)

    @overload
    async def post(
        self, service: str, path: str, body: RequestBody | None, answer: type[A], /, *, key: str | None = None
    ) -> A: ...

    @overload
    async def post(
        self, service: str, path: str, body: RequestBody | None = None, /, *, key: str | None = None
    ) -> None: ...

    async def post(
        self,
        service: str,
        path: str,
        body: RequestBody | None = None,
        answer: type[A] | None = None,
        /,
        *,
        key: str | None = None,
    ) -> A | None:
        """Do once: the same `key`, path and body again give the same answer. Fields that were not set are not sent."""
        headers, content = {}, None
        if body is not None:
            headers = {"Content-Type": "application/json"}
            content = body.model_dump_json(exclude_unset=True).encode()
        said = await self._call("POST", service, path, headers=headers, content=content, key=key)
        return None if answer is None else read(answer, said, service)

    async def send(
        self,
        service: str,
        path: str,
        content: bytes,
        answer: type[A],
        /,
        *,
        key: str | None = None,
        **query: Query,
    ) -> A:
        """Do once, with a file as the body."""
        return read(
            answer, await self._call("POST", service, path, content=content, query=query, key=key), service
        )

    async def _call(
        self,
        method: str,
        service: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, Query] | None = None,
        content: bytes | None = None,
        key: str | None = None,
    ) -> bytes:
        own = dict(headers or {}) | ({"Idempotency-Key": key or str(uuid4())} if method == "POST" else {})

        self._services.address(service)  # before anybody is asked for a token

        async def attempt() -> bytes:
            renewed = False
            while True:
                who = await self._credentials.headers(service)
                try:
                    response = await self._services.once(
                        method, service, path, headers={**own, **who}, query=query, content=content
                    )
                except Unauthorized as error:
                    # A token may be refused before its time, as after a change of keys.
                    if renewed or not self._credentials.renew(service):
                        raise self._unauthorized(error) from None
                    renewed = True
                else:
                    return response.content

        return await self._services.retrying(attempt, service)


def read(answer: type[A], content: bytes, service: str) -> A:
    """An answer in its class. One that does not fit comes from a service that is older or newer than its client."""
    try:
        return answer.model_validate_json(content)
    except ValidationError as error:
        places = {spelled(fault["loc"]) or "the body" for fault in error.errors(include_input=False)}
        raise Unavailable(
            f"{service}: an answer that does not fit {answer.__name__}: {', '.join(sorted(places)[:5])}"
        ) from None


class _Told(Problem):
    """A problem document, or as much of one as there is; the token endpoint has its own field."""

    title: str = ""
    status: int = 0
    detail: str = ""
    error_description: str = ""


def _told(response: httpx.Response) -> _Told:
    """What can be read of a problem; a part that does not fit leaves the others as they are."""
    try:
        said = response.json()
    except ValueError:
        return _Told()
    parts = said if isinstance(said, dict) else {}
    return _Told.model_validate({name: value for name, value in parts.items() if _fits(name, value)})


def _fits(name: str, value: object) -> bool:
    try:
        _Told.model_validate({name: value})
    except ValidationError:
        return False
    return True
