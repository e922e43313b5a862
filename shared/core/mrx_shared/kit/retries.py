"""Attempts that are repeated while a server is away."""

from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

import stamina

from mrx_shared.refusals import Unavailable

T = TypeVar("T")

FIRST_PAUSE_S, LONGEST_PAUSE_S, JITTER_S = 0.2, 1.5, 0.1


class Away(Unavailable):
    """A server does not answer or asks to come again: what `patiently` tries again."""

    def __init__(self, reason: str, *, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


async def patiently(
    attempt: Callable[[], Awaitable[T]],
    *,
    patience_s: float | None,
    notice: Callable[[Away], None] = lambda _: None,
    longest_pause_s: float | None = None,
) -> T:
    """Attempt until nothing is away, or for `patience_s` (None: for as long as the caller lets it).

    A server's Retry-After is kept. `notice` is told once, when the first attempt is to be repeated.
    """
    until = None if patience_s is None else monotonic() + patience_s
    noticed = False

    def again(error: Exception) -> bool | float:
        nonlocal noticed
        if not isinstance(error, Away):
            return False
        if until is not None and monotonic() + max(error.retry_after, FIRST_PAUSE_S) > until:
            return False
        if not noticed:
            notice(error)
        noticed = True
        return error.retry_after or True

    # Its own log of retries would go to a command's standard output.
    stamina.instrumentation.set_on_retry_hooks(())
    async for one in stamina.retry_context(
        again,
        attempts=None,
        timeout=None,
        wait_initial=FIRST_PAUSE_S,
        wait_max=longest_pause_s or LONGEST_PAUSE_S,
        wait_jitter=JITTER_S,
    ):
        with one:
            return await attempt()
    raise AssertionError
