"""The member's own files, read for one page and kept nowhere, as `mrx member` reads them."""

import asyncio
from collections.abc import Mapping
from typing import Final

from mrx_lists.sheets import read_sheet
from mrx_lists.tables import known

from mrx_portal.domain.findings import Contact, Finding, read_contacts, read_findings

MAX_UNPACKED: Final = 64 * 1024 * 1024
"""of a workbook; the rows of a check's result need far less"""


async def read_check(findings: bytes, contacts: bytes) -> tuple[tuple[Finding, ...], Mapping[str, Contact]]:
    """What a check found, and the contacts, none where no file was chosen. Raises `Invalid`."""

    def both() -> tuple[tuple[Finding, ...], Mapping[str, Contact]]:
        found = read_findings(read_sheet("check.csv", findings, known=known, max_unpacked=MAX_UNPACKED))
        if not contacts:
            return found, {}
        return found, read_contacts(
            read_sheet("the file of contacts", contacts, known=known, max_unpacked=MAX_UNPACKED)
        )

    return await asyncio.to_thread(both)
