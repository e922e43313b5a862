"""Which audits count in a round: not older than 36 months, at least 90 days past."""

import calendar
from dataclasses import dataclass
from datetime import date, timedelta

WINDOW_MONTHS = 36
QUIET_DAYS = timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The days of audit that count on one day: `after < audit_date <= until`."""

    as_of: date

    @property
    def after(self) -> date:
        """The last day that is too old."""
        return _months_later(self.as_of, -WINDOW_MONTHS)

    @property
    def until(self) -> date:
        """The last day that is old enough to be told."""
        return self.as_of - QUIET_DAYS

    def __contains__(self, day: date) -> bool:
        return self.after < day <= self.until

    def refusal(self, day: date) -> tuple[str, str] | None:
        """Why an audit of this day does not count, and what to do; None where it counts."""
        if day > self.as_of:
            return (
                f"{day} lies in the future of the round, which is as of {self.as_of}",
                "correct the date of the audit",
            )
        if day > self.until:
            return (
                f"{day} is less than 90 days before {self.as_of}: the audit counts from {day + QUIET_DAYS}",
                "send the row again in a round on or after that day",
            )
        if day <= self.after:
            return (
                f"{day} is 36 months or more before {self.as_of}: the audit counted until {last_day(day)}",
                "leave the row out, or send the site's later audit",
            )
        return None


def last_day(day: date) -> date:
    """The last day on which an audit of `day` counts."""
    last = _months_later(day, WINDOW_MONTHS)
    return last if Window(as_of=last).after < day else last - timedelta(days=1)


def half_year(day: date) -> str:
    """The half-year that a day is published as, like `2025-H1`."""
    return f"{day.year:04d}-H{1 if day.month <= 6 else 2}"  # noqa: PLR2004 - June


def is_over(half: str, as_of: date) -> bool:
    """Whether no audit of a published half-year counts on a day any more."""
    year, which = half.split("-H")
    last = date(int(year), 6, 30) if which == "1" else date(int(year), 12, 31)
    return last <= Window(as_of=as_of).after


def _months_later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
