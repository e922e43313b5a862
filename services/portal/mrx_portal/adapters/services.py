"""The services over HTTP, with the token of whoever looks at the page."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from cachetools import TTLCache
from mrx_shared.api import registry as api
from mrx_shared.api.bodies import fill
from mrx_shared.kit.client import Client, Headers, Tokens, Unauthorized
from mrx_shared.kit.client import Services as Connections
from mrx_shared.refusals import Forbidden, Invalid, Unknown
from pydantic import Field
from typing_extensions import override

from mrx_portal.domain.people import Person, SessionOpened
from mrx_portal.ports import Api, Service, SignedOut

TIMEOUT_S: Final = 15.0
PERSON_S: Final = 10.0
"""so long a session counts as open without asking the registry"""
TOKENS_S: Final = 3600.0
KEPT: Final = 10_000


class Begun(api.SignedIn):
    """A session, also from a registry that knows no marks of browsers."""

    session: str = Field(repr=False)
    browser: str | None = Field(default=None, repr=False)


class Redeemed(api.Done):
    """A password that holds, also from a registry that knows no marks of browsers."""

    browser: str | None = Field(default=None, repr=False)


class SessionTokens(Tokens):
    """Tokens for whoever signed in; a session that ended gets none."""

    @override
    async def headers(self, service: str) -> Mapping[str, str]:
        try:
            return await super().headers(service)
        except (Invalid, Forbidden) as error:
            raise SignedOut from error


class HttpServices:
    """The ports `Services` and `Accounts`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._people: TTLCache[str, Person] = TTLCache(KEPT, PERSON_S)
        self._tokens: TTLCache[str, SessionTokens] = TTLCache(KEPT, TOKENS_S)
        self._anyone = Client(connections)

    async def close(self) -> None:
        """Close every connection."""
        await self._connections.close()

    def as_person(self, session: str) -> Api:
        """As the person of a session, with tokens had from the registry."""
        tokens = self._tokens.get(_mark(session)) or SessionTokens.of_session(self._connections, session)
        self._tokens[_mark(session)] = tokens
        return Client(self._connections, tokens, unauthorized=lambda _: self._signed_out(session))

    def as_supplier(self, token: str) -> Api:
        """As whoever holds the token of a request's page."""
        return Client(
            self._connections, Headers({"MRX-Page-Token": token}), unauthorized=lambda _: SignedOut()
        )

    async def ready(self) -> bool:
        """Whether the registry answers."""
        return await self._connections.answers(Service.REGISTRY)

    async def sign_in(self, email: str, password: str, *, browser: str | None = None) -> SessionOpened:
        """Open a session at the registry."""
        mark = {"browser": browser} if browser else {}
        begun = await self._anyone.post(
            Service.REGISTRY,
            "/v1/sign-ins",
            fill(api.NewSession, email=email, password=password, **mark),
            Begun,
        )
        opened = SessionOpened(
            session=begun.session,
            browser=begun.browser,
            expires_at=begun.expires_at,
            person=_person(begun),
        )
        self._people[_mark(opened.session)] = opened.person
        return opened

    async def person(self, session: str) -> Person:
        """Whose session it is; remembered for some seconds."""
        known = self._people.get(_mark(session))
        if known is None:
            try:
                seen = await self._of(session).get(Service.REGISTRY, "/v1/sign-ins/current", api.SignedIn)
            except (Unknown, Forbidden, Invalid) as error:
                raise SignedOut from error
            known = self._people[_mark(session)] = _person(seen)
        return known

    async def sign_out(self, session: str) -> None:
        """End a session at the registry, and forget it here first."""
        self._forget(session)
        try:
            await self._of(session).post(Service.REGISTRY, "/v1/sign-ins/current/end")
        except (Unknown, Forbidden):
            return

    async def forgotten(self, email: str) -> None:
        """Ask the registry for a link; it always answers alike."""
        await self._anyone.post(Service.REGISTRY, "/v1/password-resets", fill(api.NewReset, email=email))

    async def set_password(self, token: str, password: str) -> str | None:
        """Set the password with the token of a mailed link."""
        redemption = fill(api.NewRedemption, token=token, password=password)
        path = "/v1/password-resets/redemption"
        return (await self._anyone.post(Service.REGISTRY, path, redemption, Redeemed)).browser

    async def change_password(self, session: str, current: str, password: str) -> None:
        """Replace the password at the registry, with the one that holds."""
        try:
            await self._of(session).post(
                Service.REGISTRY,
                "/v1/sign-ins/current/password",
                fill(api.NewPassword, current_password=current, password=password),
            )
        except Unauthorized as error:
            raise SignedOut from error

    def _of(self, session: str) -> Client:
        return Client(self._connections, Headers({"MRX-Session": session}))

    def _signed_out(self, session: str) -> SignedOut:
        self._forget(session)
        return SignedOut()

    def _forget(self, session: str) -> None:
        self._people.pop(_mark(session), None)
        self._tokens.pop(_mark(session), None)


def _person(seen: api.SignedIn) -> Person:
    return Person(
        principal_id=str(seen.principal_id),
        name=seen.name,
        role=seen.role,
        member_id=str(seen.member_id) if seen.member_id else None,
        member_name=seen.member_name,
    )


def _mark(session: str) -> str:
    return sha256(session.encode()).hexdigest()
