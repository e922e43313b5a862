"""The machine's clock, for what lives outside a transaction; inside one, `work.now` is the database's."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]


def system_clock(offset: timedelta = timedelta(0)) -> Clock:
    """UTC now, moved by `offset` as `MRX_CLOCK_OFFSET` moves the database's."""

    def now() -> datetime:
        return datetime.now(UTC) + offset  # noqa: TID251  (the one clock)

    return now
