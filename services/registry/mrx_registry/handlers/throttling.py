"""Failed tries at a password are counted, and too many are refused for a while."""

import math
from datetime import timedelta

from mrx_registry.domain.sign_in import GUESSES, GUESSES_WITHIN
from mrx_registry.ports import Work


class TooManyGuesses(Exception):
    """This address was tried too often, or this browser tried too often."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__("too many sign-ins failed")
        self.seconds = max(1, math.ceil(wait.total_seconds()))


async def count_guess(counted: bytes, work: Work) -> None:
    """Count a try before it is made. Raises `TooManyGuesses`."""
    tried = await work.sign_ins.guesses(counted, since=work.now - GUESSES_WITHIN)
    if len(tried) >= GUESSES:
        raise TooManyGuesses(tried[-GUESSES] + GUESSES_WITHIN - work.now)
    await work.sign_ins.count_guess(counted, forget_before=work.now - GUESSES_WITHIN)
