"""What the handlers need, in their words."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Protocol
from uuid import UUID

from mrx_shared.messages import unit_of_work
from mrx_shared.messages.unit_of_work import UnitOfWork

from mrx_aggregation.domain.disclosure import Attributed, Decisions, Entry
from mrx_aggregation.domain.groups import Participation
from mrx_aggregation.domain.lists import ReceivedList, ReceivedPage
from mrx_aggregation.domain.pool import Audited, PoolSite, ReleasedEntry
from mrx_aggregation.domain.protocols import Recognition, Recognitions
from mrx_aggregation.domain.rounds import Numbers, Round, RoundState, Waiting
from mrx_aggregation.domain.rows import RefusedRow, Verdict


class Lists(Protocol):
    """The received lists of the member whose transaction this is; nobody else's are there."""

    async def hold(self, list_id: UUID, revision: int) -> ReceivedList:
        """The revision, begun if it is new, and nobody else's to change until the transaction ends."""

    async def find(self, list_id: UUID, revision: int) -> ReceivedList | None:
        """The revision as it stands, or None."""

    async def revisions(self, list_id: UUID) -> Sequence[ReceivedList]:
        """All revisions of a list."""

    async def newest_first(self, *, limit: int) -> Sequence[ReceivedList]:
        """The member's lists."""

    async def keep(self, received: ReceivedList) -> None:
        """Keep how the revision stands."""

    async def page_digest(self, received: ReceivedList, number: int) -> bytes | None:
        """The digest of a page that is kept, or None."""

    async def keep_page(self, received: ReceivedList, page: ReceivedPage) -> bool:
        """Keep a page. False where a page of that number is kept already; that one stays."""

    async def drop_pages(self, received: ReceivedList) -> None:
        """Keep none of its pages: they may not be held here."""

    async def pages_here(self, received: ReceivedList) -> tuple[int, int, int]:
        """How many pages are kept, the highest page number, and the sum of their rows."""

    def bodies(self, received: ReceivedList, *, at_once: int) -> AsyncIterator[bytes]:
        """The pages' rows in page order, several pages at once."""

    async def unread_columns(self, received: ReceivedList) -> Sequence[str]:
        """Columns of its pages that are not read."""

    async def forget_verdict(self, received: ReceivedList) -> None:
        """Forget what became of the rows that count now."""

    async def keep_verdict(self, received: ReceivedList, verdict: Verdict, *, round_id: UUID) -> None:
        """Keep what became of some rows."""

    async def refused_rows(
        self, received: ReceivedList, *, after_row: int, limit: int
    ) -> Sequence[RefusedRow]:
        """The refused rows by row number."""

    async def note_contribution(self, received: ReceivedList, round_id: UUID) -> None:
        """Keep what the revision brings to a closing round, or that it brings nothing."""

    async def waiting_rows(self, received: ReceivedList) -> tuple[int, ...]:
        """The rows that wait for their protocol version."""

    async def forget_waiting_rows(self, received: ReceivedList) -> None:
        """Take waiting rows out of the round."""


class Facts(Protocol):
    """What other services said: who takes part, and which protocol versions are recognised."""

    async def participation(self, member_id: UUID) -> Participation | None:
        """Whether a member takes part; None where nothing is known of it."""

    async def company_names(self) -> Collection[str]:
        """The names of every member that is known, and of its group."""

    async def participants(self) -> Sequence[UUID]:
        """Every member that takes part."""

    async def keep_participation(self, participation: Participation, *, sequence: int) -> None:
        """Keep it unless something newer is kept."""

    async def recognitions(self, *, seen_by: UUID) -> Recognitions:
        """All that is known of protocol versions, as a member may be told of it."""

    async def keep_recognition(
        self, recognition: Recognition, *, protocol_id: UUID, criteria_version: str, sequence: int
    ) -> None:
        """Keep it unless something newer is kept."""


CERTIFICATE = "certificate.json"
FULL_CERTIFICATE = f"secretariat/{CERTIFICATE}"
"""the copy for secretariat and counsel; it alone tells how many rows are held"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A released list, or one in the making: `documents` are there once it is published."""

    release_id: UUID
    round_id: UUID
    as_of: date
    rows: int | None = None
    held: int | None = None
    documents: dict[str, str] | None = None
    released_at: datetime | None = None

    def documents_for(self, *, secretariat: bool) -> dict[str, str]:
        """File name to SHA-256, as members see them, or as the secretariat does: it has the full certificate."""
        documents = dict(self.documents or {})
        full = documents.pop(FULL_CERTIFICATE, None)
        if secretariat and full is not None:
            documents[CERTIFICATE] = full
        return documents


class Rounds(Protocol):
    """Rounds and their releases."""

    async def add(self, opened: Round, *, at: datetime) -> None:
        """Add an open round. Raises `Rejected` while another one is open."""

    async def find(self, round_id: UUID) -> Round:
        """The round as it stands. Raises `Unknown`."""

    async def get_for_step(self, round_id: UUID) -> Round:
        """The round; until the transaction ends nobody else changes the state of any. Raises `Unknown`."""

    async def carry_alone(self, round_id: UUID) -> bool:
        """Whether this transaction alone carries the round on, until it ends; False where another does."""

    async def open_now(self) -> Round | None:
        """The open round, which stays open until the transaction ends."""

    async def newer_closed(self, round_id: UUID) -> bool:
        """Whether a round that was opened later takes no more lists."""

    async def older_unfinished(self, round_id: UUID) -> RoundState | None:
        """The state of an older round whose release is proposed or being written, or None."""

    async def latest_release_id(self) -> UUID | None:
        """The latest published release, or None before the first."""

    async def keep(self, changed: Round, *, at: datetime) -> None:
        """Keep how the round stands."""

    async def newest_first(self) -> Sequence[Round]:
        """All rounds."""

    async def in_hand(self) -> Sequence[Round]:
        """The rounds that a loop carries on."""

    async def begin_release(self, release: Release, *, key: bytes) -> None:
        """Keep the release and its key. From here on only the writer reads the key."""

    async def publish_release(self, release: Release) -> None:
        """Keep what was published."""

    async def release(self, release_id: UUID | None) -> Release:
        """The published release, or the latest. Raises `Unknown`."""


class Survey(Protocol):
    """Looks over all members' lists, as the resolver. It gives numbers and ids, never contents."""

    async def unsettled(self, round_id: UUID) -> Waiting:
        """What waits in the round or for it."""

    async def numbers(self, round_id: UUID) -> Numbers:
        """What the round holds so far."""

    async def ready(self) -> Sequence[tuple[UUID, UUID, int]]:
        """Member, list and revision of what waited for a fact or a round that has come."""

    async def to_judge(self, round_id: UUID) -> Sequence[tuple[UUID, UUID, int]]:
        """Member, list and revision of what counts for a closing round and was not judged again yet."""


class Work(UnitOfWork, Protocol):
    """One transaction of aggregation."""

    @property
    def lists(self) -> Lists: ...
    @property
    def facts(self) -> Facts: ...
    @property
    def rounds(self) -> Rounds: ...
    @property
    def survey(self) -> Survey: ...
    def new_key(self) -> bytes:
        """A key for one release."""


Transact = unit_of_work.Transact[Work]


Verb = Callable[[Work], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Why a step failed, in a text without payload."""

    cause: str
    permanent: bool
    """refused for good: it fails until somebody mends the cause"""


class Diagnose(Protocol):
    """Logs an error that kept a round from coming on, and tells its cause."""

    def __call__(self, failing: Round, error: Exception, /) -> Diagnosis: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """A link: the entry of a member and the row of the pool that it is part of. Never leaves the resolver."""

    member_id: UUID
    list_id: UUID
    revision: int
    row: int
    entry: Entry
    site: PoolSite


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """An accepted entry with its member. Only the resolver reads it."""

    member_id: UUID
    list_id: UUID
    revision: int
    row: int
    audited: Audited


class Resolver(Protocol):
    """All links, under the database role that alone may read them."""

    async def entries(self, round_id: UUID) -> Sequence[Owned]:
        """Every accepted entry of the round."""

    async def keep_links(self, round_id: UUID, links: Sequence[Linked]) -> None:
        """Keep the round's links in place of any that are there. Raises `Rejected` once it is frozen."""

    async def groups(self) -> Mapping[UUID, UUID]:
        """The independent group of each member that is known."""

    async def company_names(self) -> Collection[str]:
        """The names of all members and their groups that are known."""

    async def choice_key(self) -> bytes:
        """The exchange's secret that decides between what equally many groups say of a site."""

    async def latest_release_id(self) -> UUID | None:
        """The latest published release, or None before the first."""

    async def released_in(self, release_id: UUID) -> Sequence[Attributed]:
        """What a release showed, with whom it came from."""

    async def keep_decisions(
        self,
        round_id: UUID,
        decisions: Decisions,
        staying: Collection[PoolSite],
        *,
        compared_with: UUID | None,
    ) -> None:
        """Keep which rows are held, and copy the links of the rows that stay from the release before.

        Raises `Rejected` once the round is frozen.
        """

    async def numbers(self, round_id: UUID) -> Numbers:
        """What the round holds, as far as links tell."""


class Writer(Protocol):
    """The pool, under the database role that reads nothing else."""

    async def keep_pool(self, round_id: UUID, sites: Sequence[PoolSite]) -> None:
        """Keep the round's pool in place of any that is there. Raises `Rejected` once it is frozen."""

    def pool(self, round_id: UUID, *, at_once: int) -> AsyncGenerator[Sequence[PoolSite]]:
        """The round's pool in the order of `domain.pool.in_order`, so many rows at once."""

    async def held(self, round_id: UUID) -> frozenset[bytes]:
        """The digests of the round's rows that are held."""

    async def keep_entry_ids(self, release_id: UUID, shown: Sequence[PoolSite]) -> Mapping[bytes, str]:
        """Make these rows' ids under the release's key and keep them. Returns them by digest."""

    def entries(
        self, release_id: UUID, *, before: UUID | None, at_once: int
    ) -> AsyncGenerator[Sequence[ReleasedEntry]]:
        """The kept entries by id, so many at once, each with its site's entry in the release `before`."""


class Documents(Protocol):
    """The documents of one release in the making."""

    async def add(self, shown: Sequence[PoolSite], entry_ids: Mapping[bytes, str]) -> None:
        """Write these rows after those before."""

    async def publish(self, release: Release) -> dict[str, str]:
        """Finish the documents and put them on the shelf. Returns file name to SHA-256.

        The same rows in the same order give the same bytes, so doing it again changes nothing.
        """


class DocumentStore(Protocol):
    """Where the documents of releases stand."""

    def documents(self, decisions: Decisions) -> AbstractAsyncContextManager[Documents]:
        """Begin the documents of a release."""

    async def link(self, release: Release, document: str, *, secretariat: bool) -> str:
        """An address from which the document can be fetched for `LINK_LASTS`."""


LINK_LASTS = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A download link that lapses soon."""

    url: str = field(repr=False)
    expires_at: datetime
    sha256: str
