"""A received list: from its first page to what counts in a round."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from mrx_shared.refusals import counted

from mrx_aggregation.domain.columns import Columns
from mrx_aggregation.domain.rows import Verdict

MOST_ROWS_A_PAGE = 500
MOST_BYTES_A_PAGE = 512 * 1024


class ListState(StrEnum):
    """Where a revision of a list stands."""

    INCOMPLETE = "incomplete"
    WAITING = "waiting"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    REPLACED = "replaced"


class Cause(StrEnum):
    """What a list waits for, or was refused for, that a later fact may change."""

    PARTICIPATION = "participation"
    ROUND = "round"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What the member says its list consists of."""

    pages: int
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedPage:
    """One page of a list as it is kept: rows as lines of canonical JSON."""

    number: int
    rows: int
    body: bytes
    digest: bytes
    columns: Columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many rows became what."""

    accepted: int = 0
    refused: int = 0
    waiting: int = 0

    def with_verdict(self, verdict: Verdict) -> "Tally":
        """The tally with some more rows."""
        settled = verdict.entries["waits_for_code"].null_count()
        return Tally(
            accepted=self.accepted + settled,
            refused=self.refused + len(verdict.refused),
            waiting=self.waiting + verdict.entries.height - settled,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedList:
    """One revision of a member's list. `left_rows` are the rows that an earlier round left waiting, if it did."""

    member_id: UUID
    list_id: UUID
    revision: int
    received_at: datetime
    state: ListState = ListState.INCOMPLETE
    manifest: Manifest | None = None
    cause: Cause | None = None
    reason: str | None = None
    remedy: str | None = None
    round_id: UUID | None = None
    tally: Tally = Tally()
    left_rows: tuple[int, ...] | None = None

    @property
    def rows(self) -> int:
        """How many rows count: those of the manifest, or those that an earlier round left."""
        if self.left_rows is not None:
            return len(self.left_rows)
        return self.manifest.rows if self.manifest else 0

    @property
    def whole(self) -> bool:
        """All pages are here and fit the manifest."""
        return self.state is not ListState.INCOMPLETE

    def wait(self, cause: Cause, reason: str) -> "ReceivedList":
        """The whole list waits; nothing needs to be sent again."""
        return replace(
            self,
            state=ListState.WAITING,
            cause=cause,
            reason=reason,
            remedy="nothing: it is taken up automatically",
            round_id=None,
            tally=Tally(waiting=self.rows),
        )

    def refuse(self, reason: str, remedy: str, *, cause: Cause | None = None) -> "ReceivedList":
        """The list does not count."""
        return replace(
            self,
            state=ListState.REFUSED,
            cause=cause,
            reason=reason,
            remedy=remedy,
            round_id=None,
            tally=Tally(refused=self.rows),
        )

    def count(self, tally: Tally, *, round_id: UUID, remark: str | None) -> "ReceivedList":
        """The list counts for a round with the rows that were not refused.

        A list of which no row is left does not count, and replaces none.
        """
        refused = tally.accepted + tally.waiting == 0
        return replace(
            self,
            state=ListState.REFUSED if refused else ListState.ACCEPTED,
            cause=None,
            reason="every row was refused" if refused else None,
            remedy="see the rows' reasons and send the list as a new revision" if refused else remark,
            round_id=None if refused else round_id,
            tally=tally,
        )

    def make_way(self, revision: int) -> "ReceivedList":
        """A newer revision counts in this one's place."""
        return replace(
            self,
            state=ListState.REPLACED,
            cause=None,
            reason=f"revision {revision} replaced this one",
            remedy=None,
            round_id=None,
            tally=Tally(),
        )

    def leave(self, rows: tuple[int, ...]) -> "ReceivedList":
        """A closed round leaves these rows to the next one."""
        left = replace(self, left_rows=rows)
        return left.wait(Cause.ROUND, f"{counted(len(rows), 'row waits', 'rows wait')} for the next round")

    def too_old(self, newer: int) -> "ReceivedList":
        """A newer revision is here already."""
        return self.refuse(
            f"revision {newer} of this list is already here", f"send it as revision {newer + 1} or later"
        )
