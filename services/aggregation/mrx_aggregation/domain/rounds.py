"""Rounds: from opening to release, as a table of transitions."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from mrx_shared.refusals import Forbidden, Rejected, counted


class RoundState(StrEnum):
    """Where a round stands. `closing` and `releasing` are carried on by a loop."""

    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"
    PROPOSED = "proposed"
    RELEASING = "releasing"
    RELEASED = "released"


class Action(StrEnum):
    """What moves a round on."""

    CLOSE = "close"
    FREEZE = "freeze"
    RELEASE = "release"
    APPROVE = "approve"
    WITHDRAW = "withdraw"
    PUBLISH = "publish"


_TRANSITIONS = MappingProxyType(
    {
        (RoundState.OPEN, Action.CLOSE): RoundState.CLOSING,
        (RoundState.CLOSING, Action.FREEZE): RoundState.CLOSED,
        (RoundState.CLOSED, Action.RELEASE): RoundState.PROPOSED,
        (RoundState.PROPOSED, Action.RELEASE): RoundState.PROPOSED,
        (RoundState.PROPOSED, Action.WITHDRAW): RoundState.CLOSED,
        (RoundState.PROPOSED, Action.APPROVE): RoundState.RELEASING,
        (RoundState.RELEASING, Action.PUBLISH): RoundState.RELEASED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What is not settled in an open round."""

    lists: int = 0
    incomplete: int = 0
    entries: int = 0

    def __bool__(self) -> bool:
        return bool(self.lists or self.incomplete or self.entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """What a round holds. `sites` counts the rows of its pool: always released + held."""

    lists: int = 0
    rows: int = 0
    accepted: int = 0
    refused: int = 0
    waiting: int = 0
    lists_waiting: int = 0
    lists_incomplete: int = 0
    sites: int = 0
    sites_on_several_lists: int = 0
    independent_groups: int = 0
    released: int = 0
    held: int = 0


FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why a round does not come out of `closing` or `releasing`."""

    step: RoundState
    """the state that the round cannot leave"""
    cause: str
    permanent: bool
    """refused for good: it fails until somebody mends the cause"""
    since: datetime
    attempts: int
    """failures in a row"""
    next_try_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round of lists. All windows are reckoned from `as_of`."""

    round_id: UUID
    as_of: date
    state: RoundState = RoundState.OPEN
    leave_waiting: bool = False
    proposed_by: str | None = None
    approved_by: str | None = None
    release_id: UUID | None = None
    compared_with: UUID | None = None
    """the release that was the latest at freezing, and that the decisions look back to; None before the first"""
    numbers: Numbers = Numbers()
    trouble: Trouble | None = None

    def failed(self, cause: str, *, permanent: bool, at: datetime) -> "Round":
        """The step that it is in failed. It is tried again after a pause that doubles up to a minute."""
        before = self.trouble
        attempts = before.attempts + 1 if before else 1
        pause = min(FIRST_PAUSE * 2 ** min(attempts - 1, 10), LONGEST_PAUSE)
        trouble = Trouble(
            step=self.state,
            cause=cause,
            permanent=permanent,
            since=before.since if before else at,
            attempts=attempts,
            next_try_at=at + pause,
        )
        return replace(self, trouble=trouble)

    def due(self, now: datetime) -> bool:
        """Whether the step that it is in may be tried."""
        return self.trouble is None or self.trouble.next_try_at <= now

    def close(
        self, waiting: Waiting, *, leave_waiting: bool, unfinished: RoundState | None = None
    ) -> "Round":
        """Take no more lists. Refused while something waits, unless that is left to the next round.

        Refused too while an older round is about to be released: this one must be compared with that release.
        """
        after = self._after(Action.CLOSE)
        if unfinished is not None:
            raise Rejected(
                f"an older round is {unfinished}: this round must be compared with its release",
                field="round_id",
                remedy="have the older round's release approved, wait until it is released, and close again",
            )
        if waiting and not leave_waiting:
            raise Rejected(
                f"{counted(waiting.lists, 'list waits', 'lists wait')}, "
                f"{counted(waiting.incomplete, 'list is', 'lists are')} incomplete and "
                f"{counted(waiting.entries, 'entry waits', 'entries wait')}",
                remedy="wait until they are settled, or close with leave_waiting to move them to the next round",
            )
        return replace(self, state=after, leave_waiting=leave_waiting)

    def with_numbers(self, numbers: Numbers) -> "Round":
        """The round with what it holds so far."""
        return replace(self, numbers=numbers)

    def freeze(self, numbers: Numbers, *, compared_with: UUID | None) -> "Round":
        """Fix what the round holds, and with which release it was compared."""
        return replace(
            self, state=self._after(Action.FREEZE), numbers=numbers, compared_with=compared_with, trouble=None
        )

    def propose(self, *, by: str, needed: int, newer_closed: bool, latest: UUID | None) -> "Round":
        """Propose the release; another identity has to approve it.

        Only the newest closed round can be released: an older pool was compared with an older release.
        """
        after = self._after(Action.RELEASE)
        self._is_last(newer_closed=newer_closed, latest=latest)
        if self.numbers.independent_groups < needed:
            raise Rejected(
                f"{counted(self.numbers.independent_groups, 'independent group', 'independent groups')} "
                f"contributed to this round; at least {needed} are needed",
                remedy="open another round and have more members send their lists",
            )
        return replace(self, state=after, proposed_by=by)

    def withdraw(self) -> "Round":
        """Take a proposal back: the round is closed as before, and other rounds may close again."""
        return replace(self, state=self._after(Action.WITHDRAW), proposed_by=None)

    def approve(self, *, by: str, release_id: UUID, newer_closed: bool, latest: UUID | None) -> "Round":
        """Approve what another identity proposed. What proposing asked for must still hold."""
        after = self._after(Action.APPROVE)
        self._is_last(newer_closed=newer_closed, latest=latest)
        if by == self.proposed_by:
            raise Forbidden(
                "the person who proposed a release cannot approve it",
                remedy="have another person of the secretariat approve it",
            )
        return replace(self, state=after, approved_by=by, release_id=release_id)

    def publish(self, *, newer_closed: bool, latest: UUID | None) -> "Round":
        """The documents stand where participants can fetch them."""
        after = self._after(Action.PUBLISH)
        self._is_last(newer_closed=newer_closed, latest=latest)
        return replace(self, state=after, trouble=None)

    def _is_last(self, *, newer_closed: bool, latest: UUID | None) -> None:
        """Nobody looked at the difference from any release but the one that this round was compared with."""
        if newer_closed:
            raise Rejected(
                "a later round is already closed", field="round_id", remedy="release the later round"
            )
        if self.compared_with != latest:
            raise Rejected(
                "another list was released since this round was closed; "
                "nobody has checked the difference between the two",
                field="round_id",
                remedy="open another round, have members send their lists again, and release that round",
            )

    def _after(self, step: Action) -> RoundState:
        try:
            return _TRANSITIONS[self.state, step]
        except KeyError:
            allowed = sorted(str(state) for state, known in _TRANSITIONS if known is step)
            raise Rejected(
                f"the round is {self.state}; {step} needs a round that is {' or '.join(allowed)}",
                field="round_id",
                remedy="look at the round's state with GET /v1/rounds",
            ) from None
