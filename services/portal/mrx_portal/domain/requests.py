"""A request for a report in words: its states, its mail, its life as a line of steps."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class StateLabel:
    """How a state is called, what it means for the member, and its tone: calm, busy, good, warn or bad."""

    label: str
    means: str
    tone: str


STATES: Mapping[str, StateLabel] = MappingProxyType(
    {
        "drafted": StateLabel(
            label="To be sent", means="The e-mail to the supplier has not been sent yet.", tone="busy"
        ),
        "sent": StateLabel(
            label="Sent", means="The supplier has the e-mail but has not opened its page yet.", tone="calm"
        ),
        "opened": StateLabel(
            label="Opened", means="The supplier has opened its page but has not answered yet.", tone="calm"
        ),
        "accepted": StateLabel(
            label="Accepted", means="The supplier agreed to share its report. The report is due.", tone="busy"
        ),
        "declined": StateLabel(label="Declined", means="The supplier will not share its report.", tone="bad"),
        "uploading": StateLabel(
            label="Uploading", means="The supplier is uploading its report.", tone="busy"
        ),
        "checking": StateLabel(
            label="Being checked",
            means="The file has arrived and is being checked before you get it.",
            tone="busy",
        ),
        "available": StateLabel(
            label="Report ready", means="Download the report, read it, and record your decision.", tone="good"
        ),
        "decided": StateLabel(label="Decided", means="You recorded a decision on this report.", tone="calm"),
        "expired": StateLabel(label="Expired", means="The term ended without a report.", tone="warn"),
        "withdrawn": StateLabel(label="Withdrawn", means="You withdrew this request.", tone="calm"),
    }
)
"""In the order of a request's life."""

OPEN = ("drafted", "sent", "opened", "accepted", "uploading", "checking", "available")

MAILS: Mapping[str, StateLabel] = MappingProxyType(
    {
        "unsent": StateLabel(label="Not sent yet", means="The e-mail is waiting to be sent.", tone="busy"),
        "sent": StateLabel(label="Sent", means="The mail server accepted the e-mail.", tone="calm"),
        "refused": StateLabel(
            label="Refused by the mail server",
            means="The mail server did not accept the e-mail for this address. The supplier has not heard about your request.",
            tone="bad",
        ),
        "bounced": StateLabel(
            label="Came back",
            means="The e-mail was returned. The supplier has not heard about your request.",
            tone="bad",
        ),
    }
)

OUTCOMES: Mapping[str, str] = MappingProxyType(
    {
        "accepted": "Accepted",
        "accepted-with-top-up": "Accepted with top-up",
        "refused": "Refused",
    }
)

_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "no-recent-audit": "There is no recent audit of this site.",
        "not-our-site": "The site is not the supplier's.",
        "not-a-customer": "The supplier does not know you as a customer.",
        "shared-already": "The supplier says that it has already shared the report.",
        "not-shared": "The supplier does not share its reports.",
        "other": "The supplier gave another reason.",
    }
)

_PATH = ("drafted", "sent", "opened", "accepted", "uploading", "checking", "available", "decided")
_HAPPENED: Mapping[str, str] = MappingProxyType(
    {
        "drafted": "Asked",
        "sent": "E-mail sent",
        "opened": "Page opened",
        "uploading": "Upload started",
        "checking": "File arrived",
    }
)
_ENDS = frozenset({"declined", "expired", "withdrawn", "decided"})


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """A request came to a state."""

    state: str
    at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One step of a request's life: done, the present one, or still to come."""

    label: str
    at: datetime | None
    reason: str | None
    stage: str


def said(state: str) -> StateLabel:
    """How a state is called; a state that this page does not know yet is shown by its own name."""
    return STATES.get(state, StateLabel(label=state.replace("-", " ").capitalize(), means="", tone="calm"))


def standing(state: str, mail: str) -> StateLabel:
    """How a request stands; before the supplier has opened its page, a mail that failed is what counts."""
    failed = mail_said(mail)
    return failed if state in {"drafted", "sent"} and failed.tone == "bad" else said(state)


def leaving(state: str, mail: str, leaves_at: datetime | None) -> str | None:
    """When the next mail to the supplier leaves, and what it is."""
    if leaves_at is None:
        return None
    day = f"{leaves_at:%A} {leaves_at.day} {leaves_at:%B}"
    return f"We {'remind' if mail == 'sent' and state != 'drafted' else 'e-mail'} the supplier on {day}."


def mail_said(mail: str) -> StateLabel:
    """What became of the latest mail."""
    return MAILS.get(mail, StateLabel(label=mail, means="", tone="calm"))


def reason_said(reason: str | None) -> str | None:
    """Why something happened: a supplier's reason comes as a code, perhaps with a comment after it."""
    if reason is None:
        return None
    code, colon, comment = reason.partition(":")
    return f"{_REASONS[code]}{f' “{comment.strip()}”' if colon else ''}" if code in _REASONS else reason


def timeline(history: Sequence[HistoryEntry], state: str) -> tuple[TimelineEntry, ...]:
    """What happened, then what is still to come while the request is alive."""
    steps = [
        TimelineEntry(
            label=_happened(one.state),
            at=one.at,
            reason=reason_said(one.reason),
            stage="now" if place == len(history) else "done",
        )
        for place, one in enumerate(history, 1)
    ]
    if state in _ENDS or state not in _PATH:
        return tuple(steps)
    ahead = _PATH[_PATH.index(state) + 1 :]
    return (
        *steps,
        *(TimelineEntry(label=_happened(one), at=None, reason=None, stage="ahead") for one in ahead),
    )


def _happened(state: str) -> str:
    return _HAPPENED.get(state) or said(state).label


def in_order(counts: Mapping[str, int]) -> Iterable[tuple[str, StateLabel, int]]:
    """States with how many requests stand there, in the order of a request's life; none that is empty."""
    for state, saying in STATES.items():
        if counts.get(state):
            yield state, saying, counts[state]
