"""The services over HTTP, with the token of whoever looks at the page."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from time import monotonic
from typing import Any, Final, Generic, TypeVar
from uuid import uuid4

import httpx
from mrx_shared.refusals import Forbidden, Invalid, Rejected, Unavailable, Unknown

from mrx_portal.domain.people import Opened, Person
from mrx_portal.ports import Api, Service, SignedOut, TooOften

T = TypeVar("T")

TIMEOUT: Final = httpx.Timeout(15.0, connect=3.0)
LIMITS: Final = httpx.Limits(max_connections=100, max_keepalive_connections=20)
PATIENCE_S: Final = 5.0
"""so long a call is tried again while a service is away or still waits for a fact"""
FRESH_S: Final = 60.0
"""a token is replaced so long before it expires"""
PERSON_S: Final = 10.0
"""so long a session counts as open without asking the registry"""
KEPT: Final = 10_000
_BY_STATUS: Final = {400: Invalid, 403: Forbidden, 404: Unknown, 413: Invalid, 422: Invalid}


class Kept(Generic[T]):
    """What may be forgotten at any time: so many at most, each until its time; the oldest go first."""

    def __init__(self, most: int = KEPT) -> None:
        self._most = most
        self._kept: OrderedDict[str, tuple[T, float]] = OrderedDict()

    def get(self, key: str) -> T | None:
        """What is kept, unless its time is over."""
        value, until = self._kept.get(key, (None, 0.0))
        return value if monotonic() < until else None

    def put(self, key: str, value: T, seconds: float) -> None:
        """Keep for so many seconds."""
        self._kept[key] = value, monotonic() + seconds
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def drop(self, prefix: str) -> None:
        """Forget what begins so."""
        for key in [one for one in self._kept if one.startswith(prefix)]:
            del self._kept[key]


class Away(Exception):
    """A service does not answer, or asks to come again."""


class HttpServices:
    """The ports `Services` and `Door`. One client for the life of the process; close it at the end."""

    def __init__(
        self,
        urls: Mapping[Service, str],
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._urls = {service: url.rstrip("/") for service, url in urls.items()}
        self._client = httpx.AsyncClient(
            timeout=TIMEOUT, limits=LIMITS, transport=transport, trust_env=False, follow_redirects=False
        )
        self._patience_s = patience_s
        self._tokens: Kept[str] = Kept()
        self._people: Kept[Person] = Kept()

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    def as_person(self, session: str) -> Api:
        """As the person of a session, with tokens had from the registry."""
        return _Personal(self, session)

    def as_supplier(self, token: str) -> Api:
        """As whoever holds the token of a request's page."""
        return _Supplying(self, token)

    async def ready(self) -> bool:
        """Whether the registry answers."""
        try:
            answer = await self._client.get(f"{self._urls[Service.REGISTRY]}/health/live")
        except httpx.TransportError:
            return False
        return answer.is_success

    async def sign_in(self, email: str, password: str, *, browser: str | None = None) -> Opened:
        """Open a session at the registry."""
        typed = {"email": email, "password": password} | ({"browser": browser} if browser else {})
        try:
            said = await self.call("POST", Service.REGISTRY, "/v1/sign-ins", json=typed)
        except SignedOut as error:
            # Without a session to end, 401 is the answer to the password.
            raise Forbidden("e-mail address and password do not go together") from error
        opened = Opened(
            session=said["session"],
            browser=said.get("browser"),
            expires_at=datetime.fromisoformat(said["expires_at"]),
            person=_person(said),
        )
        self._people.put(_mark(opened.session), opened.person, PERSON_S)
        return opened

    async def person(self, session: str) -> Person:
        """Whose session it is; remembered for some seconds."""
        known = self._people.get(_mark(session))
        if known is None:
            try:
                said = await self.call(
                    "GET", Service.REGISTRY, "/v1/sign-ins/current", headers={"MRX-Session": session}
                )
            except (Unknown, Forbidden, Invalid) as error:
                raise SignedOut from error
            known = _person(said)
            self._people.put(_mark(session), known, PERSON_S)
        return known

    async def sign_out(self, session: str) -> None:
        """End a session at the registry, and forget it here first."""
        self.forget(session)
        try:
            await self.call(
                "POST", Service.REGISTRY, "/v1/sign-ins/current/end", headers={"MRX-Session": session}
            )
        except (SignedOut, Unknown, Forbidden):
            return

    async def forgotten(self, email: str) -> None:
        """Ask the registry for a link; it always answers alike."""
        await self.call("POST", Service.REGISTRY, "/v1/password-resets", json={"email": email})

    async def set_password(self, token: str, password: str) -> str | None:
        """Set the password with the token of a mailed link."""
        said = await self.call(
            "POST",
            Service.REGISTRY,
            "/v1/password-resets/redemption",
            json={"token": token, "password": password},
        )
        mark: str | None = said.get("browser")
        return mark

    async def change_password(self, session: str, current: str, password: str) -> None:
        """Replace the password at the registry, with the one that holds."""
        await self.call(
            "POST",
            Service.REGISTRY,
            "/v1/sign-ins/current/password",
            headers={"MRX-Session": session},
            json={"current_password": current, "password": password},
        )

    def forget(self, session: str) -> None:
        """Drop what is remembered of a session."""
        self._people.drop(_mark(session))
        self._tokens.drop(_mark(session))

    async def token(self, session: str, service: Service) -> str:
        """The person's token for one service; kept for less than its life."""
        place = f"{_mark(session)}/{service}"
        known = self._tokens.get(place)
        if known is None:
            form = {
                "grant_type": "urn:mrx:params:oauth:grant-type:session",
                "session": session,
                "audience": f"mrx.{service}",
            }
            try:
                said = await self.call("POST", Service.REGISTRY, "/v1/token", data=form)
            except (Invalid, Forbidden) as error:
                raise SignedOut from error
            known = str(said["access_token"])
            self._tokens.put(place, known, float(said["expires_in"]) - FRESH_S)
        return known

    async def call(
        self,
        method: str,
        service: Service,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        key: str | None = None,
        **how: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401 - JSON
        """One call, tried again for some seconds while the service is away. A POST is done once by its key."""
        sent = dict(headers or {})
        if method == "POST":
            sent["Idempotency-Key"] = key or str(uuid4())
        answer = await self._patiently(method, service, path, headers=sent, **how)
        return answer.json() if answer.content else None

    async def fetch(self, service: Service, path: str, **how: Any) -> bytes:  # noqa: ANN401
        """What is read there, as it came."""
        return (await self._patiently("GET", service, path, **how)).content

    async def _patiently(self, method: str, service: Service, path: str, **how: Any) -> httpx.Response:  # noqa: ANN401
        until, pause = monotonic() + self._patience_s, 0.2
        while True:
            try:
                return await self._once(method, service, path, **how)
            except (Away, httpx.TransportError) as error:
                if monotonic() + pause > until:
                    waited = str(error) if isinstance(error, Away) else "it does not answer"
                    raise Unavailable(f"{service}: {waited}") from error
            await asyncio.sleep(pause)
            pause *= 2

    async def _once(self, method: str, service: Service, path: str, **how: Any) -> httpx.Response:  # noqa: ANN401
        answer = await self._client.request(method, f"{self._urls[service]}{path}", **how)
        if answer.is_success:
            return answer
        raise _refusal(answer)


@dataclass(frozen=True, slots=True)
class _Personal:
    services: HttpServices
    session: str = field(repr=False)

    async def get(self, service: Service, path: str, **query: str | int | None) -> Any:  # noqa: ANN401 - JSON
        return await self._call("GET", service, path, params=_given(query))

    async def fetch(self, service: Service, path: str, **query: str | int | None) -> bytes:
        return await self._with_token(
            service, lambda headers: self.services.fetch(service, path, headers=headers, params=_given(query))
        )

    async def post(
        self, service: Service, path: str, body: Mapping[str, Any] | None = None, *, key: str
    ) -> Any:  # noqa: ANN401 - JSON
        return await self._call("POST", service, path, json=body or {}, key=key)

    async def _call(self, method: str, service: Service, path: str, **how: Any) -> Any:  # noqa: ANN401 - JSON
        return await self._with_token(
            service, lambda headers: self.services.call(method, service, path, headers=headers, **how)
        )

    async def _with_token(self, service: Service, ask: Callable[[dict[str, str]], Awaitable[T]]) -> T:
        for last in (False, True):
            token = await self.services.token(self.session, service)
            try:
                return await ask({"Authorization": f"Bearer {token}"})
            except SignedOut:
                # A token may be refused before its time, as after a change of keys: another one is asked for once.
                self.services.forget(self.session)
                if last:
                    raise
        raise AssertionError


@dataclass(frozen=True, slots=True)
class _Supplying:
    services: HttpServices
    token: str = field(repr=False)

    async def get(self, service: Service, path: str, **query: str | int | None) -> Any:  # noqa: ANN401 - JSON
        return await self.services.call("GET", service, path, headers=self._headers(), params=_given(query))

    async def fetch(self, service: Service, path: str, **query: str | int | None) -> bytes:
        return await self.services.fetch(service, path, headers=self._headers(), params=_given(query))

    async def post(
        self, service: Service, path: str, body: Mapping[str, Any] | None = None, *, key: str
    ) -> Any:  # noqa: ANN401 - JSON
        return await self.services.call(
            "POST", service, path, headers=self._headers(), json=body or {}, key=key
        )

    def _headers(self) -> dict[str, str]:
        return {"MRX-Page-Token": self.token}


def _refusal(answer: httpx.Response) -> Exception:
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    if not isinstance(problem, dict):
        problem = {}
    status = answer.status_code
    words = str(problem.get("detail") or problem.get("error_description") or f"it answered {status}")
    if status == httpx.codes.TOO_MANY_REQUESTS:
        wait = answer.headers.get("retry-after", "")
        return TooOften(words, seconds=int(wait) if wait.isdigit() else 60, remedy=problem.get("remedy"))
    if status >= httpx.codes.INTERNAL_SERVER_ERROR or problem.get("retryable"):
        return Away(words)
    if status == httpx.codes.UNAUTHORIZED:
        return SignedOut()
    return _BY_STATUS.get(status, Rejected)(
        words, field=problem.get("field"), row=problem.get("row"), remedy=problem.get("remedy")
    )


def _person(said: Mapping[str, Any]) -> Person:
    return Person(
        principal_id=str(said["principal_id"]),
        name=said["name"],
        role=said["role"],
        member_id=said.get("member_id"),
        member_name=said.get("member_name"),
    )


def _given(query: Mapping[str, str | int | None]) -> dict[str, str | int]:
    return {name: value for name, value in query.items() if value is not None}


def _mark(session: str) -> str:
    return sha256(session.encode()).hexdigest()
