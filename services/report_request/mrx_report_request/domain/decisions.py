"""Recognition decisions, and which of them avoid an audit."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from mrx_shared.refusals import Invalid

from mrx_report_request.domain.wording import optional_line

EUR_PER_AUDIT: Final = 2_500
MONTHS, MOST_MONTHS = 12, 36


class Outcome(StrEnum):
    """What a member decides on a report."""

    ACCEPTED = "accepted"
    TOP_UP = "accepted-with-top-up"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A decision. What is accepted stands in for an audit until its last day; what is refused has a reason."""

    outcome: Outcome
    reason: str | None
    valid_until: date | None
    decided_at: datetime
    avoided: bool = False


def decide(
    outcome: Outcome, reason: str | None, valid_until: date | None, *, stored_at: datetime, now: datetime
) -> Decision:
    """A decision as a member states it, read and completed. Raises `Invalid`."""
    why = optional_line(reason, field="reason")
    if outcome is Outcome.REFUSED:
        if why is None:
            raise Invalid("a refusal needs a reason", field="reason", remedy="say why the report does not do")
        if valid_until is not None:
            raise Invalid(
                "a refused report stands in for nothing", field="valid_until", remedy="leave valid_until out"
            )
        return Decision(outcome=outcome, reason=why, valid_until=None, decided_at=now)
    last = valid_until or later(stored_at.date(), months=MONTHS)
    most = later(stored_at.date(), months=MOST_MONTHS)
    if not now.date() <= last <= most:
        raise Invalid(
            f"{last} is not between today and {MOST_MONTHS} months after the report came",
            field="valid_until",
            remedy=f"state a day from {now.date()} to {most}",
        )
    return Decision(outcome=outcome, reason=why, valid_until=last, decided_at=now)


def avoids(decision: Decision, counted: Iterable[date]) -> bool:
    """Whether it avoids an audit: a first acceptance of its member for its site and validity period.

    `counted` are the last days of the acceptances of the same member and site that were counted before.
    """
    if decision.outcome is not Outcome.ACCEPTED:
        return False
    return all(last < decision.decided_at.date() for last in counted)


def later(day: date, *, months: int) -> date:
    """The same day some months later, or that month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in range(day.day, 27, -1):
        try:
            return date(year, month + 1, last)
        except ValueError:
            continue
    return date(year, month + 1, day.day)
