"""Cutting a list into pages that fit a message."""

import json
from collections.abc import Iterator, Sequence

from mrx_shared.refusals import Invalid

from mrx_member.domain.reading import Entry

ENVELOPE_BYTES = 4 * 1024
"""Room for what surrounds the rows of a page."""


def pages(entries: Sequence[Entry], *, rows: int, size: int) -> Iterator[tuple[Entry, ...]]:
    """Yield the entries in order, in pages of at most `rows` rows and, as messages, `size` bytes."""
    page: list[Entry] = []
    left = size - ENVELOPE_BYTES
    for entry in entries:
        weight = len(
            json.dumps({"row": entry.row, "values": dict(entry.values)}, ensure_ascii=False).encode()
        )
        if weight > size - ENVELOPE_BYTES:
            raise Invalid(
                f"row {entry.row} is too long to send", row=entry.row, remedy="shorten its longest values"
            )
        if len(page) == rows or weight > left:
            yield tuple(page)
            page, left = [], size - ENVELOPE_BYTES
        page.append(entry)
        left -= weight
    if page:
        yield tuple(page)
