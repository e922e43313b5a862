"""What the verbs need from outside, in their own words."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, TypeVar
from uuid import UUID

from mrx_lists.cells import Sheet
from mrx_lists.columns import recognised
from mrx_shared.api.aggregation import Release
from mrx_shared.messages.aggregation import ListReceived, RowRefusal

from mrx_member.domain.editions import Edition
from mrx_member.domain.reading import Entry
from mrx_member.domain.requests import Asking, Fault, Report, Request, Requester, Submission, Verdict
from mrx_member.domain.suppliers import Link

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Progress = Callable[[int, int], None]
"""Is told how many of how many are done."""


class Event(NamedTuple):
    """One event, ready to be sent."""

    key: str
    body: bytes


class ReceivedEvent(NamedTuple):
    """One event of the out-topic, and where the next one will stand."""

    after: int
    body: bytes


class EventReader(Protocol[T_co]):
    """Hears one event, and whether others lie there already behind it; answers, or None to hear more."""

    def __call__(self, body: bytes, more: bool, /) -> T_co | None: ...


class Files(Protocol):
    """The member's files."""

    def sheet(
        self, path: Path, *, encoding: str | None = None, known: Callable[[Sequence[str]], int] = recognised
    ) -> Sheet:
        """The cells of a CSV or XLSX file; `known` tells how many headings a row of it has."""

    def released(self, path: Path) -> Sequence[Entry]:
        """The rows of a released list: its folder, `list.csv` or `list.json`. Their values hold `entry_id`."""

    def write(self, path: Path, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Write a CSV table, whole or not at all."""

    def copy(self, folder: Path, out: Path) -> None:
        """Copy the files of a folder into another."""

    def sha256(self, path: Path) -> str | None:
        """The SHA-256 of a file, None where there is none."""


class Home(Protocol):
    """The member's own folder: what was published, the receipts, the releases. Nobody else may read it."""

    def edition(self, name: str) -> Edition | None:
        """The last edition of the list of that name."""

    def keep_edition(self, name: str, edition: Edition) -> None:
        """Remember an edition, safe against a crash once this returns."""

    def keep_own(self, entries: Sequence[Entry]) -> None:
        """Remember the member's own list, in place of the one before."""

    def own(self) -> Sequence[Entry] | None:
        """The last published own list."""

    def keep_receipt(self, receipt: ListReceived) -> None:
        """Remember the newest receipt of a list and revision."""

    def receipts(self) -> Sequence[ListReceived]:
        """All receipts, oldest first."""

    def refusals_path(self, receipt: ListReceived) -> Path:
        """Where the refused rows of a list are written unless the member says another place."""

    def release_folder(self, release_id: UUID) -> Path:
        """Where the documents of a release are kept; they may not be there."""

    def keep_release(self, release_id: UUID) -> None:
        """Remember which release is the latest, once its documents are in its folder."""

    def latest_release(self) -> UUID | None:
        """The release that was fetched last."""

    def submissions(self) -> Mapping[UUID, Submission]:
        """What was asked, decided and withdrawn from here, by the id of its content."""

    def keep_submissions(self, submissions: Mapping[UUID, Submission]) -> None:
        """Remember these submissions beside the others, safe against a crash once this returns."""

    def heard_until(self) -> int:
        """How far in the out-topic a listening program came; 0 before the first time."""

    def keep_heard(self, position: int) -> None:
        """Remember how far a listening program came."""


class Topics(Protocol):
    """The member's own topics."""

    async def position(self) -> int:
        """Where in the out-topic the next event will stand."""

    async def send(
        self, events: Sequence[Event], progress: Progress, *, to: Literal["lists", "requests"] = "lists"
    ) -> None:
        """Send events in order to one of the member's topics; returns when all are safe there."""

    async def listen(self, position: int, read_event: EventReader[T]) -> T:
        """Read the out-topic from a position on, and whatever comes, until the ear answers."""

    def follow(self, position: int) -> AsyncIterator[ReceivedEvent]:
        """Read the out-topic from a position on, and whatever comes, without end."""


class Services(Protocol):
    """The HTTP services, with the member's token."""

    async def refusals(self, receipt: ListReceived) -> Sequence[RowRefusal]:
        """All refused rows of a list. Raises `Unavailable` when the service does not answer."""

    async def latest_release(self) -> Release | None:
        """The latest release, None before the first."""

    async def documents(
        self, release: Release, names: Sequence[str], folder: Path, progress: Progress
    ) -> None:
        """Download documents of a release into a folder, each only if its SHA-256 and size are right."""

    async def participation(self) -> Mapping[str, object]:
        """Whether this member takes part, and what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A request that the scheme took, now or before."""

    request_id: UUID
    state: str
    mail: str


class Requests(Protocol):
    """report_request and exchange_adapter, with the member's token."""

    async def ask(
        self, askings: Sequence[tuple[UUID, Asking]], requester: Requester, *, again: bool = False
    ) -> Sequence[Taken | Fault]:
        """Ask for reports under these request ids: an answer for each, in their order.

        With `again`, also where a request of the same words for the site is over.
        """

    async def requests(self, state: str | None) -> Sequence[Request]:
        """All requests of this member, or those in one state."""

    async def request(self, request_id: UUID) -> Request:
        """One request. Raises `Unknown`."""

    async def decide(self, verdict: Verdict) -> Request:
        """Record a decision; the same decision again changes nothing. Raises `Rejected`."""

    async def readdress(
        self, request_id: UUID, *, email: str, name: str | None, language: str | None
    ) -> Request:
        """Have the supplier written to at another contact. Raises `Rejected`."""

    async def withdraw(self, request_id: UUID, reason: str | None) -> Request:
        """Ask no longer; again changes nothing. Raises `Rejected`."""

    async def numbers(self) -> Mapping[str, object]:
        """This member's requests, decisions and avoided audits, by round."""

    async def until_opened(self, request_ids: Sequence[UUID]) -> None:
        """Wait until the scheme knows that the reports of these requests were opened, some seconds at most.

        From then on they may be accepted.
        """

    async def download(self, report: Report, path: Path, progress: Progress) -> None:
        """Download a report to a path that is free: whole and with its size and SHA-256, or not at all.

        After an outage, also one that ended the program, it goes on where it stopped.
        """


class Matcher(Protocol):
    """Supplier-site matching, on this machine."""

    def link(self, sites: Sequence[Entry], targets: Sequence[Entry]) -> Sequence[Link]:
        """For each site, in their order, the best target, named by its `entry_id` or else by its row."""


class Backend(Protocol):
    """Everything that a member's verbs work with. What is not used is never opened."""

    @property
    def member_id(self) -> UUID:
        """Who this is."""

    @property
    def now(self) -> datetime:
        """The moment, UTC."""

    @property
    def files(self) -> Files:
        """The member's files."""

    @property
    def home(self) -> Home:
        """The member's own folder."""

    @property
    def topics(self) -> Topics:
        """The member's own topics."""

    @property
    def services(self) -> Services:
        """The HTTP services."""

    @property
    def requests(self) -> Requests:
        """The HTTP services for requests and reports."""

    @property
    def matcher(self) -> Matcher:
        """Supplier-site matching."""

    def new_id(self) -> UUID:
        """A new random id."""
