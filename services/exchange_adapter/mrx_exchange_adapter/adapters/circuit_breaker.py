"""A circuit breaker: a server that fails is left alone for a while, then tried with one call."""

import time
from collections.abc import Callable


class CircuitOpen(Exception):
    """Nobody is let through now."""


class CircuitBreaker:
    """Counts failures in a row. After `limit` of them nobody is let through for `pause_s`, then one call is.

    For one event loop: no call suspends in here. Each `admit` is followed by one of `worked`, `failed`, `left`.
    """

    def __init__(
        self, *, limit: int = 5, pause_s: float = 30, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = limit
        self._pause_s = pause_s
        self._clock = clock
        self._failures = 0
        self._closed_until = 0.0
        self._trying = False

    def admit(self) -> None:
        """Return if a call may be made. Raises `CircuitOpen`."""
        if self._clock() < self._closed_until:
            raise CircuitOpen(f"for another {self._closed_until - self._clock():.0f} s")
        if self._failures >= self._limit:
            if self._trying:
                raise CircuitOpen("while another call tries")
            self._trying = True

    def worked(self) -> None:
        """The call was answered."""
        self._failures, self._trying = 0, False

    def failed(self) -> None:
        """The call was not answered as it should."""
        self._failures, self._trying = self._failures + 1, False
        if self._failures >= self._limit:
            self._closed_until = self._clock() + self._pause_s

    def left(self) -> None:
        """The call was given up by its caller: that says nothing of the server."""
        self._trying = False

    def leave_alone(self, seconds: float) -> None:
        """The server asked for a pause."""
        self._trying = False
        self._closed_until = max(self._closed_until, self._clock() + seconds)
