"""Recognition decisions, and which of them avoid an audit."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from mrx_shared.refusals import Invalid

from mrx_report_request.domain.wording import optional_line

EUR_PER_AUDIT: Final = 2_500
ADVISED_MONTHS, MOST_MONTHS = 24, 36
_HALF_YEAR = re.compile(r"([0-9]{4})-H([12])")


class Outcome(StrEnum):
    """What a member decides on a report."""

    ACCEPTED = "accepted"
    TOP_UP = "accepted-with-top-up"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """How long a report may stand in for an audit, and what that is reckoned from."""

    since: str
    advised: date
    """until when the scheme advises to rely on it; it may lie in the past"""
    most: date

    def default(self, today: date) -> date:
        """The last day where none is stated: as advised, but not before today."""
        return min(max(self.advised, today), self.most)


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


def validity(*, audit_date: date | None, half_year: str | None, came: date) -> Validity:
    """How long a report may stand in for an audit.

    Reckoned from the report's own audit date where it is known, else from the end of the half-year that the list
    shows, else from the day on which the report came.
    """
    end = half_year_end(half_year)
    if audit_date is not None and audit_date <= came:
        began, since = audit_date, f"the audit of {audit_date}"
    elif end is not None:
        began, since = end, f"the end of the listed half-year {half_year}"
    else:
        began, since = came, f"the arrival of the report on {came}"
    most = later(began, months=MOST_MONTHS)
    return Validity(since=since, advised=later(began, months=ADVISED_MONTHS), most=most)


def half_year_end(half_year: str | None) -> date | None:
    """The last day of a half-year such as `2025-H1`; None where it is none."""
    read = _HALF_YEAR.fullmatch(half_year or "")
    if read is None:
        return None
    return date(int(read[1]), 6, 30) if read[2] == "1" else date(int(read[1]), 12, 31)


def decide(
    outcome: Outcome, reason: str | None, valid_until: date | None, *, limits: Validity, now: datetime
) -> Decision:
    """A decision as a member states it, read and completed. Raises `Invalid`."""
    why = optional_line(reason, field="reason")
    if outcome is Outcome.REFUSED:
        if why is None:
            raise Invalid(
                "a refusal needs a reason",
                field="reason",
                remedy="say why the report does not meet your needs",
            )
        if valid_until is not None:
            raise Invalid(
                "a refused report replaces no audit", field="valid_until", remedy="leave valid_until out"
            )
        return Decision(outcome=outcome, reason=why, valid_until=None, decided_at=now)
    today = now.date()
    if limits.most < today:
        raise Invalid(
            f"{limits.since} is more than {MOST_MONTHS} months ago: the report could replace an audit until {limits.most}",
            field="outcome",
            remedy="refuse the report, and ask again when there is a newer one",
        )
    last = valid_until or limits.default(today)
    if not today <= last <= limits.most:
        raise Invalid(
            f"{last} is not between today and {limits.most}, {MOST_MONTHS} months after {limits.since}",
            field="valid_until",
            remedy=f"give a day from {today} to {limits.most}",
        )
    return Decision(outcome=outcome, reason=why, valid_until=last, decided_at=now)


def avoids(
    decision: Decision, earlier: Iterable[Recognised], *, sha256: str, audit_date: date | None
) -> bool:
    """Whether it avoids an audit: a first acceptance of its member for its site and validity period.

    `earlier` are the reports that the same member accepted before: those of the site, and this file for other sites.
    Neither the same file, nor the same audit or one before it, avoids an audit when it is accepted again, however short
    a period was stated: a top-up that it took before was an audit, and one file is one audit.
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
