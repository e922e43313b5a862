"""The table of transitions: from which states each may be taken, by whom, and where it leads."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class State(StrEnum):
    """Where a request stands."""

    DRAFTED = "drafted"
    SENT = "sent"
    OPENED = "opened"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    UPLOADING = "uploading"
    CHECKING = "checking"
    AVAILABLE = "available"
    DECIDED = "decided"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class Actor(StrEnum):
    """Who makes a transition."""

    MEMBER = "member"
    SUPPLIER = "supplier"
    CLOCK = "clock"
    MAIL = "mail"
    EXCHANGE = "exchange"


class Action(StrEnum):
    """What may happen to a request."""

    SEND = "send"
    OPEN = "opening"
    ACCEPT = "acceptance"
    REFUSE = "refusal"
    BEGIN_UPLOAD = "upload"
    LAPSE_UPLOAD = "upload-lapse"
    RECEIVE = "arrival"
    STORE = "storage"
    REFUSE_FILE = "file-refusal"
    LOSE_ACCESS = "access-withdrawal"
    EXPIRE = "expiry"
    WITHDRAW = "withdrawal"
    READDRESS = "contact"
    DECIDE = "decision"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One line of the table. Without `to`, the state stays."""

    by: Actor
    of: frozenset[State]
    to: State | None


_ASKED = frozenset({State.DRAFTED, State.SENT, State.OPENED, State.ACCEPTED})
_UNDER_WAY = _ASKED | {State.UPLOADING, State.CHECKING}
OPEN = _UNDER_WAY | {State.AVAILABLE}
"""a member has at most one of these for a site"""
ENDS = frozenset(State) - OPEN
REMINDED = frozenset({State.SENT, State.OPENED, State.ACCEPTED, State.UPLOADING})
EXPIRES = _ASKED | {State.UPLOADING}

TABLE: Mapping[Action, Transition] = MappingProxyType(
    {
        Action.SEND: Transition(by=Actor.MAIL, of=frozenset({State.DRAFTED}), to=State.SENT),
        Action.OPEN: Transition(
            by=Actor.SUPPLIER, of=frozenset({State.DRAFTED, State.SENT}), to=State.OPENED
        ),
        Action.ACCEPT: Transition(
            by=Actor.SUPPLIER, of=frozenset({State.DRAFTED, State.SENT, State.OPENED}), to=State.ACCEPTED
        ),
        Action.REFUSE: Transition(by=Actor.SUPPLIER, of=_ASKED | {State.UPLOADING}, to=State.DECLINED),
        Action.BEGIN_UPLOAD: Transition(by=Actor.EXCHANGE, of=_ASKED, to=State.UPLOADING),
        Action.LAPSE_UPLOAD: Transition(
            by=Actor.EXCHANGE, of=frozenset({State.UPLOADING}), to=State.ACCEPTED
        ),
        Action.RECEIVE: Transition(by=Actor.EXCHANGE, of=_ASKED | {State.UPLOADING}, to=State.CHECKING),
        # What is in the vault was taken while the request was open: that the clock came by meanwhile loses nothing.
        Action.STORE: Transition(by=Actor.EXCHANGE, of=_UNDER_WAY | {State.EXPIRED}, to=State.AVAILABLE),
        Action.REFUSE_FILE: Transition(
            by=Actor.EXCHANGE,
            of=frozenset({State.ACCEPTED, State.UPLOADING, State.CHECKING}),
            to=State.ACCEPTED,
        ),
        Action.LOSE_ACCESS: Transition(
            by=Actor.EXCHANGE, of=frozenset({State.UPLOADING, State.CHECKING}), to=State.ACCEPTED
        ),
        Action.EXPIRE: Transition(by=Actor.CLOCK, of=EXPIRES, to=State.EXPIRED),
        Action.WITHDRAW: Transition(by=Actor.MEMBER, of=_UNDER_WAY, to=State.WITHDRAWN),
        Action.READDRESS: Transition(by=Actor.MEMBER, of=_ASKED | {State.UPLOADING}, to=None),
        Action.DECIDE: Transition(by=Actor.MEMBER, of=frozenset({State.AVAILABLE}), to=State.DECIDED),
    }
)


def possible(state: State, by: Actor) -> tuple[Action, ...]:
    """The steps that somebody may take now."""
    return tuple(step for step, move in TABLE.items() if move.by is by and state in move.of)
