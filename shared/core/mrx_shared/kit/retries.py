"""Attempts that are repeated while a server is away."""

from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_exponential_jitter

from mrx_shared.refusals import Unavailable

T = TypeVar("T")

FIRST_PAUSE_S, LONGEST_PAUSE_S, JITTER_S = 0.2, 1.5, 0.1


class Unreachable(Unavailable):
    """A server does not answer or asks to come again: what `retrying` tries again."""

    def __init__(self, reason: str, *, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


async def retrying(
    attempt: Callable[[], Awaitable[T]],
    *,
    patience_s: float | None,
    notice: Callable[[Unreachable], None] = lambda _: None,
    longest_pause_s: float | None = None,
) -> T:
    """Attempt until nothing is away, or for `patience_s` (None: for as long as the caller lets it).

    `notice` is told once, when the first attempt is to be repeated.
    """
    until = None if patience_s is None else monotonic() + patience_s
    noticed = False

    async def failed(error: Exception, _: float) -> None:
        nonlocal noticed
        if not isinstance(error, Unreachable):
            raise error
        if until is not None and monotonic() + max(error.retry_after, FIRST_PAUSE_S) > until:
            raise error
        if not noticed:
            notice(error)
        noticed = True

    return await until_done(attempt, failed=failed, longest_pause_s=longest_pause_s or LONGEST_PAUSE_S)


async def until_done(
    attempt: Callable[[], Awaitable[T]],
    *,
    failed: Callable[[Exception, float], Awaitable[None]],
    longest_pause_s: float,
) -> T:
    """Attempt until it works, with pauses that double; a server's Retry-After is kept, even above `longest_pause_s`.

    `failed` is told of each error and the seconds until the next attempt; what it raises ends the attempts.
    """
    growing = wait_exponential_jitter(multiplier=FIRST_PAUSE_S, max=longest_pause_s, jitter=JITTER_S)

    async def once() -> T:
        return await attempt()

    def pause(state: RetryCallState) -> float:
        error = _error(state)
        return (isinstance(error, Unreachable) and error.retry_after) or growing(state)

    async def again(state: RetryCallState) -> None:
        await failed(_error(state), state.upcoming_sleep)

    return await AsyncRetrying(retry=retry_if_exception_type(Exception), wait=pause, before_sleep=again)(once)


def _error(state: RetryCallState) -> Exception:
    error = state.outcome and state.outcome.exception()
    assert isinstance(error, Exception)
    return error
