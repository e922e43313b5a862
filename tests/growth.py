"""How the cost of a call grows with the length of the text that it reads."""

import time
from collections.abc import Callable

SIZES = tuple(1024 << doubling for doubling in range(7))
"""from 1,024 to 65,536 characters"""
_TELLING_S = 0.002
"""Less CPU time than this is noise, and far too little for a cost that grows with the square."""
_DEAR_S = 0.02
_NO_SQUARE_S = 0.001
_DOUBLINGS = 3
_MOST = 3.0
"""how much dearer a character may become over three doublings: 1 where the cost is linear, 8 where it is quadratic"""


def worse_than_linear(read: Callable[[str], object], text_of: Callable[[int], str]) -> str | None:
    """Say how the cost grows where that is worse than linear; else None.

    CPU time, best of three, so that a busy machine does not matter; what looks bad is measured again.
    """
    if _cheap(read, text_of):
        return None
    grown = _growth(read, text_of)
    return grown and _growth(read, text_of)


def _cheap(read: Callable[[str], object], text_of: Callable[[int], str]) -> bool:
    """Whether one or two looks settle it: they do for most.

    The square of 16,384 characters is more than 10**8 steps, and no step takes less than a hundredth of a nanosecond.
    """
    if _cpu_seconds(read, text_of(SIZES[4]), times=1) < _NO_SQUARE_S:
        return True
    small = _cpu_seconds(read, text_of(SIZES[3]))
    if small >= _DEAR_S:
        return False
    large = _cpu_seconds(read, text_of(SIZES[6]), times=1)
    return bool(large < max(small, _TELLING_S) * 2**_DOUBLINGS * 2)


def _growth(read: Callable[[str], object], text_of: Callable[[int], str]) -> str | None:
    prices: list[float] = []
    for size in SIZES:
        spent = _cpu_seconds(read, text_of(size))
        if spent < _TELLING_S:
            continue
        prices.append(spent / size)
        if len(prices) > _DOUBLINGS and (grown := prices[-1] / prices[-1 - _DOUBLINGS]) > _MOST:
            return f"a character costs {grown:.1f} times as much at {size} as at {size >> _DOUBLINGS}"
    return None


def _cpu_seconds(read: Callable[[str], object], text: str, *, times: int = 3) -> float:
    best = float("inf")
    for _ in range(times):
        started = time.process_time()
        read(text)
        best = min(best, time.process_time() - started)
        if best < _TELLING_S:
            break
    return best
