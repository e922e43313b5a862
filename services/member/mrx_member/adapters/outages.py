"""Riding over short outages: services restart, and a member's command goes on."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 1.5
DOUBT = 5.0
"""Seconds for which rights that were just given may be on their way."""

Notice = Callable[[str], None]
"""Is told what does not answer."""


async def riding_over(
    attempt: Callable[[], Awaitable[T]],
    *,
    outages: tuple[type[Exception], ...],
    doubtful: tuple[type[Exception], ...] = (),
    notice: Callable[[], None],
) -> T:
    """Attempt until it works; `doubtful` errors are raised in the end, outages never.

    Whoever calls bounds the time. `notice` is called at the first outage.
    """
    pause, began, noticed = FIRST_PAUSE, asyncio.get_running_loop().time(), False
    while True:
        try:
            return await attempt()
        except doubtful:
            if asyncio.get_running_loop().time() > began + DOUBT:
                raise
        except outages:
            if not noticed:
                notice()
            noticed = True
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)
