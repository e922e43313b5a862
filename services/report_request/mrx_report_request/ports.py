"""What the handlers need, in their words."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from mrx_shared.messages import unit_of_work
from mrx_shared.messages.aggregation import ReleasePage
from mrx_shared.messages.unit_of_work import UnitOfWork
from mrx_shared.slots import Slots

from mrx_report_request.domain.decisions import Recognised
from mrx_report_request.domain.requests import Request
from mrx_report_request.domain.transitions import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """Whether a member takes part, and the name that suppliers read."""

    member_id: UUID
    participates: bool
    missing: tuple[str, ...]
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A site as the newest release lists it."""

    entry_id: str
    site_token: str
    round_id: UUID
    half_year: str | None = None
    """of its audit, as the release shows it"""


class NotListed(StrEnum):
    """Why an entry leads to no site of the newest release."""

    NO_RELEASE = "no-release"
    UNKNOWN = "unknown"
    COMING = "coming"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """What the requests for one round's list came to."""

    round_id: UUID
    as_of: date | None
    asked: int
    sent: int
    available: int
    accepted: int
    top_ups: int
    refused: int
    declined: int
    expired: int
    avoided: int

    def __add__(self, other: "Numbers") -> "Numbers":
        """Both together; of one round."""
        return replace(self, **{name: getattr(self, name) + getattr(other, name) for name in COUNTS})


COUNTS = tuple(one.name for one in fields(Numbers) if one.type is int)


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplierPage:
    """Whose request the holder of a link may see."""

    request_id: UUID
    member_id: UUID


class Facts(Protocol):
    """What other services said: who takes part, and what the released lists hold."""

    async def participant(self, member_id: UUID) -> Participant | None:
        """Whether a member takes part; None where nothing is known of it."""

    async def keep_participant(self, participant: Participant, *, sequence: int) -> None:
        """Keep it unless something newer is kept."""

    async def keep_page(self, page: ReleasePage) -> None:
        """Keep a part of a release's entries."""

    async def listed(self, entry_ids: Collection[str]) -> Mapping[str, Listed | NotListed]:
        """Each entry's site in the newest release that is here whole, or why it is not there."""


class Requests(Protocol):
    """The requests of the member whose transaction this is; nobody else's are there."""

    async def add(self, requests: Sequence[Request]) -> None:
        """Add requests. Raises `Rejected` where an id of theirs is taken, or a site has an open one.

        Some of them may then be added: the caller undoes that.
        """

    async def find_all(self, request_ids: Collection[UUID]) -> Mapping[UUID, Request]:
        """Those of these requests that there are, as they stand."""

    async def find(self, request_id: UUID) -> Request | None:
        """The request as it stands, or None."""

    async def get(self, request_id: UUID) -> Request:
        """The request as it stands. Raises `Unknown`."""

    async def get_to_change(self, request_id: UUID) -> Request:
        """The request, nobody else's to change until the transaction ends. Raises `Unknown`."""

    async def save(self, request: Request) -> None:
        """Keep how the request stands."""

    async def open_for(self, site_tokens: Collection[str]) -> Mapping[str, UUID]:
        """The open requests for these sites, where there are any."""

    async def over_for(self, site_tokens: Collection[str]) -> Sequence[Request]:
        """The requests for these sites that are over, the newest first."""

    async def closing(self, site_tokens: Collection[str]) -> Sequence[Request]:
        """Ended requests for these sites whose suppliers are still to be told so; nobody else's to change."""

    async def newest_first(self, *, state: State | None, after: UUID | None, limit: int) -> Sequence[Request]:
        """The member's requests, from the one after `after` on."""

    async def recognised(self, site_token: str, sha256: str) -> Sequence[Recognised]:
        """The reports that were accepted for the site, and this file for any other site.

        Nobody else decides on the site or the file until the end.
        """

    async def with_files(self, files: Collection[str]) -> Sequence[Request]:
        """The member's requests whose report is one of these files, by its SHA-256, the oldest first."""

    async def numbers(self) -> Sequence[Numbers]:
        """What the member's requests came to, by round, the newest first."""


class Mails(Protocol):
    """The mails to the supplier about requests of the member whose transaction this is; ids only."""

    async def note(self, mail_id: UUID, *, about: UUID) -> None:
        """A mail to the supplier is asked for about the request."""

    async def of(self, request_id: UUID) -> Sequence[UUID]:
        """Every mail to the supplier that was asked for."""

    async def has(self, mail_id: UUID, *, about: UUID) -> bool:
        """Whether that mail to the supplier was asked for about the request."""


class Contacts(Protocol):
    """The mailboxes that the member named, by site; hashes only."""

    async def named(self, site_tokens: Collection[str], *, since: datetime) -> Mapping[str, Collection[str]]:
        """The hashes that were named for each of these sites since then."""

    async def name(self, named: Collection[tuple[str, str]]) -> None:
        """These hashes, each beside its site, are named now."""

    async def forget(self, site_token: str, *, before: datetime) -> None:
        """Those of a site that were last named before are forgotten."""


class Pages(Protocol):
    """Links to suppliers' pages: hashes of tokens and ids, no rows of a member."""

    async def find(self, token_hash: str) -> SupplierPage | None:
        """Whose page a token opens now, or None."""

    async def open(self, token_hash: str, page: SupplierPage, *, mail_id: UUID, until: datetime) -> None:
        """A token opens the request's page from now on."""

    async def close(self, request_id: UUID) -> None:
        """No token opens the request's page any more."""


class Owners(Protocol):
    """Whose requests they are: ids and due times, no rows of a member."""

    async def of(self, request_id: UUID) -> UUID | None:
        """The member that asked, or None where there is no such request."""

    async def all(self) -> Sequence[UUID]:
        """Every member that asked."""

    async def due(self, *, limit: int) -> Sequence[SupplierPage]:
        """Requests that the clock should look at, the longest due first; those it failed at after all others."""

    async def put_off(self, request_id: UUID) -> None:
        """The clock failed at a request: it is due again as much later as it has been due, in a minute to an hour."""


class Work(UnitOfWork, Protocol):
    """One transaction of report_request."""

    @property
    def facts(self) -> Facts: ...
    @property
    def requests(self) -> Requests: ...
    @property
    def mails(self) -> Mails: ...
    @property
    def contacts(self) -> Contacts: ...
    @property
    def pages(self) -> Pages: ...
    @property
    def owners(self) -> Owners: ...
    @property
    def slots(self) -> Slots:
        """When request mails leave."""

    def new_reference(self) -> str:
        """A reference that nobody can guess."""

    def acting_for(self, member_id: UUID | None) -> AbstractAsyncContextManager[None]:
        """Go on as a member, then as before."""

    def attempt(self) -> AbstractAsyncContextManager[None]:
        """What is written inside is undone where it raises; the transaction goes on."""


Verb = Callable[[Work], Awaitable[None]]


Transact = unit_of_work.Transact[Work]
