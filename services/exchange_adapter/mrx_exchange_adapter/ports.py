"""What the handlers need, in their words."""

from collections.abc import Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol
from uuid import UUID

from mrx_shared.messages import unit_of_work
from mrx_shared.messages.unit_of_work import UnitOfWork
from mrx_shared.refusals import Unavailable

from mrx_exchange_adapter.domain.platform import FetchedReport, Grant, PlatformAudit, Share
from mrx_exchange_adapter.domain.reports import Access, Report
from mrx_exchange_adapter.domain.tickets import Request, Ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplierPage:
    """Whose page a token opens."""

    request_id: UUID
    member_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A ticket that somebody is to look at."""

    ticket_id: UUID
    member_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedFile:
    """A file as it lies in quarantine."""

    key: str
    size: int
    sha256: bytes | None
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedPut:
    """Where and how to send a file."""

    url: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A request whose sharing is to be looked at. A resting one only when its grant is active no longer."""

    request_id: UUID
    member_id: UUID
    grant_id: str | None
    resting: bool


class Pages(Protocol):
    """Tokens of suppliers' pages, as hashes; ids only."""

    async def remember(
        self, token_hash: bytes, request_id: UUID, *, mail_id: UUID, valid_until: datetime
    ) -> None:
        """Keep a token of a request's page. A repetition changes nothing."""

    async def revoke(self, request_id: UUID, mail_ids: Collection[UUID]) -> bool:
        """The tokens of these mails open nothing from now on, also those not heard of yet.

        Returns whether any was not revoked before.
        """

    async def find(self, token_hash: bytes, *, at: datetime) -> SupplierPage:
        """Whose page it opens. Raises `Unknown`; `TooEarly` where the request's own fact has not come."""


class RequestsKnown(Protocol):
    """Requests as report_request says they stand; the tenant's."""

    async def note(self, request: Request, *, sequence: int) -> None:
        """Keep how a request stands, unless something newer is known."""

    async def get(self, request_id: UUID) -> Request:
        """One. Raises `Unknown`."""

    async def get_to_change(self, request_id: UUID) -> Request:
        """One, locked until the commit: nobody else mints, receives or stores for it. Raises `Unknown`."""


class Tickets(Protocol):
    """Tickets of the tenant, and the schedule of all."""

    async def add(self, ticket: Ticket, *, due_at: datetime) -> None:
        """Add one, to be looked at then."""

    async def get(self, ticket_id: UUID) -> Ticket:
        """One. Raises `Unknown`."""

    async def of_request(self, request_id: UUID) -> list[Ticket]:
        """A request's, in the order in which they were minted."""

    async def save(self, ticket: Ticket, *, due_at: datetime | None) -> None:
        """Keep its state, and when it is to be looked at next."""

    async def all(self, ticket_ids: Collection[UUID]) -> list[Ticket]:
        """Those of these that are the tenant's."""

    async def held(self, *, since: datetime, after: UUID | None, limit: int) -> list[Due]:
        """Everybody's whose file is held back: it still lies in quarantine, or was refused after `since`.

        The newest first, from the one after `after` on.
        """

    async def due(self, *, at: datetime, limit: int) -> list[Due]:
        """Everybody's tickets that are to be looked at, the longest due first."""

    async def make_due(self, ticket_ids: Collection[UUID], *, at: datetime) -> int:
        """Of these, have those looked at that wait for a file. Returns how many."""

    async def known(self, ticket_ids: Collection[UUID]) -> set[UUID]:
        """Which of these exist, whoever's."""

    async def settle_alone(self, ticket_id: UUID) -> bool:
        """Whether nobody else has this ticket in hand until the end of the transaction."""


class Reports(Protocol):
    """Reports of the tenant."""

    async def add(self, report: Report) -> None:
        """Add one. Raises where its request has one already."""

    async def of_request(self, request_id: UUID) -> Report | None:
        """A request's."""

    async def get(self, report_id: UUID) -> Report:
        """One. Raises `Unknown`."""

    async def all(self, *, after: UUID | None, limit: int) -> list[Report]:
        """By id, which is by time."""

    async def note_access(self, access: Access) -> None:
        """Keep that a link was given."""

    async def accesses(self, report_id: UUID) -> list[Access]:
        """Who was given a link, and when."""

    async def withdraw(self, report_id: UUID, *, at: datetime) -> None:
        """No further link is given. A repetition changes nothing."""

    async def reopen(self, report_id: UUID) -> None:
        """Links are given again."""


class Shares(Protocol):
    """Sharings on the platform: the tenant's, and the list of all that are to be looked at."""

    async def find(self, request_id: UUID) -> Share | None:
        """A request's."""

    async def save(self, share: Share, *, watched: bool) -> None:
        """Keep it, and whether it is to be looked at. The caller holds its request's lock."""

    async def watched(self) -> list[Watched]:
        """Everybody's requests whose sharing is to be looked at."""


class Work(UnitOfWork, Protocol):
    """One transaction's work."""

    @property
    def pages(self) -> Pages:
        """Tokens of suppliers' pages."""

    @property
    def requests(self) -> RequestsKnown:
        """Requests as they stand."""

    @property
    def tickets(self) -> Tickets:
        """Tickets."""

    @property
    def reports(self) -> Reports:
        """Reports and accesses."""

    @property
    def shares(self) -> Shares:
        """Sharings on the platform."""

    def acting_for(self, member_id: UUID) -> AbstractAsyncContextManager[None]:
        """Inside, the transaction sees what this member sees. For whoever has no tenant of its own."""


Transact = unit_of_work.Transact[Work]


Verb = Callable[[Work], Awaitable[None]]


class Signer(Protocol):
    """Signs links into quarantine; may write there, and nothing else."""

    def sign(self, ticket: Ticket) -> SignedPut:
        """A link that takes the ticket's file, once, while the link lasts."""


class Quarantine(Protocol):
    """Where files lie that were not checked, or did not pass."""

    async def head(self, key: str) -> QuarantinedFile | None:
        """What lies there; None where nothing does."""

    async def fetch(self, key: str, into: BinaryIO, *, at_most: int) -> bytes | None:
        """Write the file into an open one and return its SHA-256; None where it is gone or larger."""

    async def put(self, key: str, body: BinaryIO, *, size: int, sha256: bytes) -> None:
        """Lay a file there that a platform gave. Where one of the key lies already, it stays."""

    async def listed(self) -> list[QuarantinedFile]:
        """All that lies there, without checksums."""

    async def remove(self, key: str) -> None:
        """Take a file away. A repetition changes nothing."""


class Vault(Protocol):
    """Where reports stand that passed."""

    async def keep(self, key: str, body: BinaryIO, *, size: int, sha256: bytes) -> None:
        """Store a report; done again, it changes nothing. Afterwards these very bytes lie there.

        Raises `VaultDiffers` where other bytes lie under the key.
        """


class Reader(Protocol):
    """Signs links out of the vault; may read there, and nothing else."""

    async def link(self, key: str, *, file_name: str) -> str:
        """An address that fetches the report as an attachment, for a minute."""


class Inspector(Protocol):
    """Looks into a file where nothing that it holds can do harm."""

    async def inspect(self, body: BinaryIO) -> tuple[str, ...]:
        """What is wrong with the file, by code; empty where nothing is. Raises `NoVerdict`."""


class NoVerdict(Exception):
    """The check itself failed: of the file nothing is known."""


class TookTooLong(NoVerdict):
    """It was ended by the clock. A busy machine may be the cause; when it happens again and again, the file is."""


class VaultDiffers(Exception):
    """Other bytes lie in the vault than were to be stored."""


class PlatformUnavailable(Unavailable):
    """The platform did not answer as it should; the same call may succeed later."""


class AccessEnded(Exception):
    """What was granted is shown no longer."""


class ReportTooLarge(Exception):
    """A report on the platform holds more bytes than are taken."""


class Platform(Protocol):
    """A data-sharing platform, read with the exchange's own account. Calls may be repeated at will.

    Every call raises `PlatformUnavailable` once its patience is at an end. Nothing that is asked names a member.
    """

    async def knows_site(self, site_code: str) -> bool:
        """Whether there is such a site."""

    async def grants(self) -> list[Grant]:
        """All that was granted to the exchange, also what was withdrawn: the whole list, however it shifts."""

    async def audits(self, grant: Grant) -> list[PlatformAudit]:
        """The audits of the grant's site. Raises `AccessEnded`."""

    async def fetch(
        self, grant: Grant, audit: PlatformAudit, *, into: BinaryIO, at_most: int
    ) -> FetchedReport:
        """Write the audit's report into an open file, piece by piece, and say what came.

        Raises `AccessEnded`, and `ReportTooLarge` once more than `at_most` bytes came.
        """
