"""What the secretariat sees of files that did not come through: which, why, since when; no contents, no member."""

from mrx_exchange_adapter.domain.tickets import Ticket
from mrx_exchange_adapter.ports import Work


async def list_held(work: Work) -> list[Ticket]:
    """Everybody's files that were refused or could not be checked, the newest first."""
    held: list[Ticket] = []
    for member_id in await work.owners():
        async with work.acting_for(member_id):
            held += await work.tickets.held()
    return sorted(held, key=lambda one: one.ticket_id, reverse=True)
