"""Waiting for servers that are still starting."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from mrx_shared.refusals import Unavailable

from mrx_operator.ports import Tell

PAUSE_S = 0.3
TELL_EVERY_S = 5.0


class BoundedPatience:
    """Takes a step again until it is done; all steps together may wait `seconds`. Tells every five what it waits for."""

    def __init__(self, seconds: float, tell: Tell) -> None:
        self._began = time.monotonic()
        self._seconds = seconds
        self._tell = tell

    async def until_done(self, what: str, step: Callable[[], Awaitable[None]]) -> None:
        """See `Patience`."""
        trying = asyncio.ensure_future(self._try(step))
        try:
            while not (await asyncio.wait({trying}, timeout=TELL_EVERY_S))[0]:
                self._tell(f"{what}: waiting, {self._waited:.0f} s of at most {self._seconds:.0f} s")
        finally:
            trying.cancel()
        await trying

    async def _try(self, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                return await step()
            except (Unavailable, OSError):
                if self._waited > self._seconds:
                    raise
            await asyncio.sleep(PAUSE_S)

    @property
    def _waited(self) -> float:
        return time.monotonic() - self._began
