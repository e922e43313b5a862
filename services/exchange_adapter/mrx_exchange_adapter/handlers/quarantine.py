"""What the secretariat sees of files that did not come through: which, why, since when; no contents, no member."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from mrx_exchange_adapter.domain.tickets import Ticket
from mrx_exchange_adapter.ports import Work

SHOWN_FOR: Final = timedelta(days=90)
"""so long a refusal is shown; what still lies in quarantine is shown however old it is"""


async def list_held(work: Work, *, after: UUID | None, limit: int) -> list[Ticket]:
    """Everybody's files that were refused or could not be checked, the newest first, from the one after `after` on."""
    held = await work.tickets.held(since=work.now - SHOWN_FOR, after=after, limit=limit)
    found: list[Ticket] = []
    for member_id in {one.member_id for one in held}:
        async with work.acting_for(member_id):
            found += await work.tickets.all([one.ticket_id for one in held if one.member_id == member_id])
    return sorted(found, key=lambda one: one.ticket_id, reverse=True)
