"""When an owner is reminded that recognition ends."""

from datetime import date

REMINDERS = (90, 30, 7)
"""Days before the last day of recognition on which its owner is reminded."""


def reminder_due(until: date, today: date) -> int | None:
    """The reminder of the days that are left, in its latest form; 0 once recognition has lapsed; None before."""
    left = (until - today).days
    if left < 0:
        return 0
    return next((days for days in sorted(REMINDERS) if left <= days), None)
