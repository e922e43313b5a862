"""Waiting for servers that are still starting."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from mrx_shared.kit.retries import Unreachable, retrying
from mrx_shared.refusals import Unavailable

from mrx_operator.ports import Tell

TELL_EVERY_S = 5.0


class BoundedRetrier:
    """Takes a step again until it is done; all steps together may wait `seconds`. Tells every five what it waits for."""

    def __init__(self, seconds: float, tell: Tell) -> None:
        self._began = time.monotonic()
        self._seconds = seconds
        self._tell = tell

    async def until_done(self, what: str, step: Callable[[], Awaitable[None]]) -> None:
        """See `Retrier`."""

        async def once() -> None:
            try:
                await step()
            except Unreachable:
                raise
            except (Unavailable, OSError) as error:
                raise Unreachable(str(error) or type(error).__name__) from error

        trying = asyncio.ensure_future(retrying(once, patience_s=self._seconds - self._waited))
        try:
            while not (await asyncio.wait({trying}, timeout=TELL_EVERY_S))[0]:
                self._tell(f"{what}: waiting, {self._waited:.0f} s of at most {self._seconds:.0f} s")
        finally:
            trying.cancel()
        await trying

    @property
    def _waited(self) -> float:
        return time.monotonic() - self._began
