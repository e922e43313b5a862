"""Tickets: one file each that a request may get, from its signed link to the vault or to a refusal."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Literal
from uuid import UUID

from mrx_shared.refusals import Invalid, Rejected, TooEarly

LINK_LASTS = timedelta(minutes=10)
LAPSES_AFTER = timedelta(hours=1)
"""so long after its link a ticket still takes a file: an upload may begin in the link's last second"""
OPEN_AT_ONCE = 3
TRIES = 5
"""so often a file is checked before it is shown as unchecked; it is tried on"""
OUT_OF_TIME = 3
"""so often a check of one file runs out of time before that is the verdict"""
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=15)
BEHIND_ANOTHER = timedelta(seconds=5)
MEDIA_TYPE = "application/pdf"

UNCHECKED = "unchecked"
ANOTHER_TAKEN = "another-file-was-taken"
REQUEST_ENDED = "request-ended"
NEVER_USED = "never-used"
CONTACT_REPLACED = "contact-replaced"

Channel = Literal["upload", "platform"]


class State(StrEnum):
    """How far a ticket's file has come."""

    WAITING = "waiting"
    RECEIVED = "received"
    CHECKING = "checking"
    STORED = "stored"
    REFUSED = "refused"
    LAPSED = "lapsed"


TRANSITIONS: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        State.WAITING: frozenset({State.RECEIVED, State.REFUSED, State.LAPSED}),
        State.RECEIVED: frozenset({State.CHECKING, State.LAPSED}),
        State.CHECKING: frozenset({State.CHECKING, State.STORED, State.REFUSED, State.LAPSED}),
        State.STORED: frozenset(),
        State.REFUSED: frozenset(),
        State.LAPSED: frozenset(),
    }
)
SETTLED = frozenset(state for state, further in TRANSITIONS.items() if not further)
IN_HAND = frozenset({State.RECEIVED, State.CHECKING})
NOTHING_COMES = SETTLED - {State.STORED}

ASKED_FOR = frozenset({"accepted", "uploading", "checking"})
"""states of a request in which a file may come; whether one is being checked, our own tickets know better"""
NOT_YET = frozenset({"drafted", "sent", "opened"})
EXPIRED = "expired"
ENDED = frozenset({"declined", EXPIRED, "withdrawn"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is known here of a request."""

    request_id: UUID
    member_id: UUID
    state: str
    reference: str
    term_ends_at: datetime

    @property
    def ended(self) -> bool:
        """Whether nothing is to come any more."""
        return self.state in ENDED

    def has_ended_for(self, ticket: "Ticket") -> bool:
        """Whether a ticket's file is wanted no longer.

        Who declined or withdrew wants none. Time that ran out ends no room that was opened within the term: the
        file may lie there already, and takes up the request again.
        """
        return self.ended and (self.state != EXPIRED or ticket.minted_at > self.term_ends_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """Room for one file: these bytes, under a key that nobody can guess."""

    ticket_id: UUID
    request_id: UUID
    member_id: UUID
    channel: Channel
    object_key: str
    sha256: bytes
    size: int
    state: State
    minted_at: datetime
    expires_at: datetime
    settled_at: datetime | None = None
    tries: int = 0
    timeouts: int = 0
    reasons: tuple[str, ...] = ()
    audit_date: date | None = None
    protocol: str | None = None
    protocol_version: str | None = None

    @property
    def lapses_at(self) -> datetime:
        """When a ticket without a file is closed."""
        return self.expires_at + LAPSES_AFTER

    @property
    def held_since(self) -> datetime | None:
        """Since when its file is held back, as one that was refused or could not be checked; None where it is not."""
        if self.state is State.REFUSED:
            return self.settled_at
        return self.minted_at if self.state is State.CHECKING and self.reasons else None

    @property
    def vault_key(self) -> str:
        """Where its file lies in the vault: the same for every try, so that storing it twice is storing it once."""
        return f"reports/{self.ticket_id}.pdf"

    def receive(self) -> "Ticket":
        """The promised file lies in quarantine."""
        return self._to(State.RECEIVED)

    def check(self) -> "Ticket":
        """Begin one more try at checking it."""
        tries = self.tries + 1
        return replace(self._to(State.CHECKING), tries=tries, reasons=(UNCHECKED,) if tries > TRIES else ())

    def run_out_of_time(self) -> "Ticket":
        """A try ended by the clock."""
        return replace(self, timeouts=self.timeouts + 1)

    def store(self, at: datetime) -> "Ticket":
        """It passed, and stands in the vault."""
        return replace(self._to(State.STORED), settled_at=at, reasons=())

    def refuse(self, reasons: tuple[str, ...], at: datetime) -> "Ticket":
        """It did not pass."""
        return replace(self._to(State.REFUSED), settled_at=at, reasons=reasons)

    def lapse(self, reason: str, at: datetime) -> "Ticket":
        """Close it without a verdict."""
        return replace(self._to(State.LAPSED), settled_at=at, reasons=(reason,))

    def differs(self, *, size: int, sha256: bytes | None) -> tuple[str, ...]:
        """In what a file is another than was promised; empty where it is the same."""
        reasons = []
        if size != self.size:
            reasons.append("size-differs")
        if sha256 != self.sha256:
            reasons.append("checksum-differs")
        return tuple(reasons)

    def _to(self, state: State) -> "Ticket":
        if state not in TRANSITIONS[self.state]:
            raise Rejected(f"a ticket that is {self.state} cannot become {state}", field="ticket_id")
        return replace(self, state=state)


def pause_after(tries: int) -> timedelta:
    """How long until a file without a verdict is tried again."""
    return min(FIRST_PAUSE * int(2 ** min(tries - 1, 10)), LONGEST_PAUSE)


def check_promise(*, size: int, media_type: str, max_bytes: int) -> None:
    """Refuse what can be no report before a byte of it travels."""
    if media_type != MEDIA_TYPE:
        raise Invalid("only PDF files are accepted", field="media_type", remedy="save the report as PDF")
    if size < 1:
        raise Invalid("the file is empty", field="size", remedy="choose the report itself")
    if size > max_bytes:
        raise Invalid(
            f"the file is larger than {max_bytes // 1024 // 1024} MiB",
            field="size",
            remedy="save it with smaller images, or ask the member that requests it",
        )


def check_may_upload(request: Request, tickets: list[Ticket], *, now: datetime) -> None:
    """Refuse a new ticket where the request takes no file now. Raises `TooEarly` where it soon may."""
    if request.state in NOT_YET:
        raise TooEarly(
            "the request is not accepted yet; accept it on the page, then upload",
            waiting_for=f"request {request.request_id}",
        )
    if any(one.state in IN_HAND for one in tickets):
        raise Rejected(
            "a file is being checked", field="request_id", remedy="wait for the result; it shows on this page"
        )
    if any(one.state is State.STORED for one in tickets) or request.state not in ASKED_FOR:
        raise Rejected(
            f"the request is {request.state} and accepts no file",
            field="request_id",
            remedy="nothing is to be done",
        )
    waiting = [one for one in tickets if one.state is State.WAITING and one.expires_at > now]
    if len(waiting) >= OPEN_AT_ONCE:
        raise Rejected(
            f"{OPEN_AT_ONCE} links are already open",
            field="request_id",
            remedy="use one of them, or wait ten minutes until they expire",
        )
