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


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """A report that a member accepted for a site, with a top-up or without."""

    sha256: str
    audit_date: date | None
    valid_until: date
    avoided: bool


def decide(
    outcome: Outcome,
    reason: str | None,
    valid_until: date | None,
    *,
    stored_at: datetime,
    audit_date: date | None,
    now: datetime,
) -> Decision:
    """A decision as a member states it, read and completed. Raises `Invalid`.

    A report stands in for an audit until 36 months after its own audit at most, or after it came, where no day of an
    audit before that is known.
    """
    why = optional_line(reason, field="reason")
    if outcome is Outcome.REFUSED:
        if why is None:
            raise Invalid("a refusal needs a reason", field="reason", remedy="say why the report does not do")
        if valid_until is not None:
            raise Invalid(
                "a refused report stands in for nothing", field="valid_until", remedy="leave valid_until out"
            )
        return Decision(outcome=outcome, reason=why, valid_until=None, decided_at=now)
    came = stored_at.date()
    began = min(audit_date or came, came)
    most = later(began, months=MOST_MONTHS)
    if most < now.date():
        raise Invalid(
            f"the audit of {began} is more than {MOST_MONTHS} months old",
            field="outcome",
            remedy="refuse the report, and ask anew when there is a newer one",
        )
    last = valid_until or min(later(came, months=MONTHS), most)
    if not now.date() <= last <= most:
        raise Invalid(
            f"{last} is not between today and {MOST_MONTHS} months after {began}, when the audit was or the report came",
            field="valid_until",
            remedy=f"state a day from {now.date()} to {most}",
        )
    return Decision(outcome=outcome, reason=why, valid_until=last, decided_at=now)


def avoids(
    decision: Decision, earlier: Iterable[Recognised], *, sha256: str, audit_date: date | None
) -> bool:
    """Whether it avoids an audit: a first acceptance of its member for its site and validity period.

    `earlier` are the reports that the same member accepted for the site before. Neither the same file, nor the same
    audit or one before it, avoids an audit when it is accepted again, however short a period was stated: a top-up that
    it took before was an audit.
    """
    if decision.outcome is not Outcome.ACCEPTED:
        return False
    for one in earlier:
        if one.sha256 == sha256:
            return False
        if one.audit_date and audit_date and audit_date <= one.audit_date:
            return False
        if one.avoided and one.valid_until >= decision.decided_at.date():
            return False
    return True


def later(day: date, *, months: int) -> date:
    """The same day some months later, or that month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in range(day.day, 27, -1):
        try:
            return date(year, month + 1, last)
        except ValueError:
            continue
    return date(year, month + 1, day.day)
