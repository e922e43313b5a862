"""A bulkhead: a short queue before work that costs much, so that a crowd of strangers costs no more than a few at a time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class BulkheadFull(Exception):
    """Too many wait already, or waited too long. Nothing was done, and nothing was counted."""


class Bulkhead:
    """So many at once, so many more waiting, and nobody for longer than `within_s`."""

    def __init__(self, *, at_once: int = 4, waiting: int = 60, within_s: float = 5) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._most, self._waiting = waiting, 0
        self._within_s = within_s

    @asynccontextmanager
    async def enter(self) -> AsyncIterator[None]:
        """Wait for a place, and hold it until the end. Raises `BulkheadFull`."""
        if self._free.locked():
            if self._waiting >= self._most:
                raise BulkheadFull
            await self._wait()
        else:
            await self._free.acquire()
        try:
            yield
        finally:
            self._free.release()

    async def _wait(self) -> None:
        self._waiting += 1
        try:
            async with asyncio.timeout(self._within_s):
                await self._free.acquire()
        except TimeoutError as late:
            raise BulkheadFull from late
        finally:
            self._waiting -= 1
