"""The member's own files, read for one page and kept nowhere, as `mrx member` reads them."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from mrx_lists.cells import Sheet
from mrx_lists.sheets import read_sheet
from mrx_lists.tables import known
from mrx_shared.refusals import Invalid

from mrx_portal.domain.findings import Contact, Finding, read_contacts, read_findings

T = TypeVar("T")

MAX_UNPACKED: Final = 64 * 1024 * 1024
"""of a workbook; the rows of a check's result need far less"""


async def read_check(findings: bytes, contacts: bytes) -> tuple[tuple[Finding, ...], Mapping[str, Contact]]:
    """What a check found, and the contacts, none where no file was chosen. Raises `Invalid`, which names the file."""
    found = await asyncio.to_thread(_read, "check.csv", findings, read_findings)
    return found, await asyncio.to_thread(_read, "contacts", contacts, read_contacts) if contacts else {}


def _read(name: str, content: bytes, rows: Callable[[Sheet], T]) -> T:
    try:
        return rows(read_sheet("the file", content, known=known, max_unpacked=MAX_UNPACKED))
    except Invalid as error:
        raise Invalid(
            f"{name}: {error.reason}", field=error.field, row=error.row, remedy=error.remedy
        ) from None
