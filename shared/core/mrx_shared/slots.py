"""When request mails leave: moments that depend on the calendar alone. A domain may import this module."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final

MOST_DAYS: Final = 3
GATHERED_WITHIN: Final = timedelta(minutes=15)
_MOMENT: Final = timedelta(microseconds=1)
_ORIGIN: Final = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """Fixed days of the week at a fixed hour, UTC; for a demonstration, every so often instead.

    What is due at a slot is gathered for a while and then leaves, one mail to each mailbox.
    """

    days: frozenset[int] = frozenset({0, 2, 4})
    """Monday is 0"""
    hour: int = 7
    every: timedelta | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.days) <= MOST_DAYS or not all(0 <= day < 7 for day in self.days):  # noqa: PLR2004
            raise ValueError(f"state 1 to {MOST_DAYS} days of the week")
        if self.every is not None and self.every <= timedelta(0):
            raise ValueError("slots follow each other by more than 0 seconds")

    def after(self, moment: datetime) -> datetime:
        """The first slot after a moment."""
        if self.every is not None:
            return _ORIGIN + ((moment - _ORIGIN) // self.every + 1) * self.every
        today = moment.astimezone(UTC).date()
        coming = (
            datetime.combine(today + timedelta(days=ahead), time(self.hour), tzinfo=UTC) for ahead in range(8)
        )
        return next(slot for slot in coming if slot.weekday() in self.days and slot > moment)

    def not_before(self, moment: datetime) -> datetime:
        """The slot at a moment, or the first one after it."""
        return self.after(moment - _MOMENT)

    def joined(self, wished: datetime, *, now: datetime) -> datetime:
        """The slot with which a mail leaves that was wished for one: a later one where that is gathered already."""
        return max(self.not_before(wished), self.after(now - self._gathering * 2 / 3))

    def leaves_at(self, slot: datetime) -> datetime:
        """When the mails of a slot leave; some time after the last that still joins it is stored."""
        return slot + self._gathering

    @property
    def _gathering(self) -> timedelta:
        return self.every or GATHERED_WITHIN
