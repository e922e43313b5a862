"""What every verb that waits needs: an end to its patience, and an ear for one kind of fact."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mrx_shared.messages.envelope import Envelope, M, Unreadable, decode, read_header
from mrx_shared.refusals import Unavailable


def unseen(done: int, of: int) -> None:
    """Progress that nobody watches."""


def heard(body: bytes, message: type[M]) -> Envelope[M] | None:
    """Return the event if its fact is of this type; None for another's, or for one that a newer service says."""
    try:
        return decode(body, message) if read_header(body).type == message.type else None
    except Unreadable:
        return None


def understood(body: bytes, message: type[M]) -> M | None:
    """Return the fact of an event, as `heard` does."""
    event = heard(body, message)
    return event.data if event else None


@asynccontextmanager
async def within(patience: float, otherwise: str) -> AsyncIterator[None]:
    """Raise `Unavailable` where the block takes longer than the patience, in seconds."""
    try:
        async with asyncio.timeout(patience):
            yield
    except TimeoutError:
        raise Unavailable(
            f"{otherwise} after {patience:g} s; run the same command again, it carries on where this one stopped"
        ) from None
