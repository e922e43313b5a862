"""What the pages need from the services."""

from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import Protocol, TypeVar, overload
from uuid import UUID

from mrx_shared.api.bodies import RequestBody
from pydantic import BaseModel

from mrx_portal.domain.numbers import RoundNumbers
from mrx_portal.domain.people import Person, SessionOpened

A = TypeVar("A", bound=BaseModel)
Query = str | int | UUID | None


class Service(StrEnum):
    """A service that pages are drawn from."""

    REGISTRY = "registry"
    BENCHMARK = "benchmark"
    AGGREGATION = "aggregation"
    REPORT_REQUEST = "report_request"
    EXCHANGE_ADAPTER = "exchange_adapter"


class SignedOut(Exception):
    """The session ended, or never was."""


class Api(Protocol):
    """The services, spoken to by one person or one supplier's page.

    A refusal is raised as `Invalid`, `Forbidden`, `Unknown` or `Rejected` with the service's words, field and remedy;
    `Unavailable` after some seconds of trying, or for an answer that does not fit; `SignedOut` where the session ended.
    """

    async def get(self, service: str, path: str, answer: type[A], /, **query: Query) -> A:
        """Read; a query of None is left out."""

    async def fetch(self, service: str, path: str, /, **query: Query) -> bytes:
        """Read what is no JSON, such as a report."""

    @overload
    async def post(
        self, service: str, path: str, body: RequestBody | None, answer: type[A], /, *, key: str
    ) -> A: ...

    @overload
    async def post(
        self, service: str, path: str, body: RequestBody | None = None, /, *, key: str
    ) -> None: ...

    async def post(
        self,
        service: str,
        path: str,
        body: RequestBody | None = None,
        answer: type[A] | None = None,
        /,
        *,
        key: str,
    ) -> A | None:
        """Do once: the same `key`, path and body again give the same answer."""

    async def send(
        self, service: str, path: str, content: bytes, answer: type[A], /, *, key: str, **query: Query
    ) -> A:
        """Do once, with a file as the body."""


class Services(Protocol):
    """Ways to speak to the services."""

    def as_person(self, session: str) -> Api:
        """As the person of a session."""

    def as_supplier(self, token: str) -> Api:
        """As whoever holds the token of a request's page."""

    async def ready(self) -> bool:
        """Whether the registry answers."""


class Accounts(Protocol):
    """Sign-in at the registry."""

    async def sign_in(self, email: str, password: str, *, browser: str | None = None) -> SessionOpened:
        """Open a session. `browser` is the mark of an earlier sign-in there. Raises `Forbidden` or `RateLimited`."""

    async def person(self, session: str) -> Person:
        """Whose session it is. Raises `SignedOut`."""

    async def sign_out(self, session: str) -> None:
        """End a session; one that has ended already is fine."""

    async def forgotten(self, email: str) -> None:
        """Send a link to set a new password, if the address has a sign-in; nobody learns whether."""

    async def set_password(self, token: str, password: str) -> str | None:
        """Set the password with the token of a mailed link. Returns the browser's mark, if any. Raises `Rejected`."""

    async def change_password(self, session: str, current: str, password: str) -> None:
        """Replace the password of whoever is signed in. Raises `Invalid`, `RateLimited` or `SignedOut`."""


class Documents(Protocol):
    """Documents behind signed links."""

    async def fetch(self, url: str) -> bytes:
        """The whole document. Raises `Unavailable`."""


Draw = Callable[[Sequence[RoundNumbers]], Awaitable[bytes]]
"""Audits avoided, round by round, as an SVG"""
