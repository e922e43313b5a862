"""Walk along a service's log and say whether it holds."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

from mrx_operator.domain.chain import Link, Walk

Pages = Callable[[int], Awaitable[Sequence[Link]]]
"""The next page of a log behind a position; empty at its end."""


async def walk(
    service: str,
    pages: Pages,
    *,
    milestones: Mapping[int, bytes],
    keep: Callable[[str, Sequence[Link]], None],
) -> Walk:
    """Walk a whole log, giving each page to `keep`. Every hash is computed here, none is believed."""
    walking = Walk(service=service, milestones=milestones)
    async for links in _until_empty(pages):
        keep(service, links)
        walking.take(links)
    walking.finish()
    return walking


async def _until_empty(pages: Pages) -> AsyncIterator[Sequence[Link]]:
    after = 0
    while links := await pages(after):
        yield links
        # A log that answers with what lies before would be walked for ever.
        after = max(after + 1, *(link.position for link in links))
