"""Room for one file: a ticket, opened and closed again. Whoever calls holds the request's lock."""

from collections.abc import Sequence
from datetime import datetime
from secrets import token_urlsafe

from mrx_shared.messages.exchange_adapter import UploadBegun, UploadLapsed

from mrx_exchange_adapter.domain.tickets import LINK_LASTS, NOTHING_COMES, Channel, State, Ticket
from mrx_exchange_adapter.ports import SupplierPage, Work


def new_ticket(page: SupplierPage, work: Work, *, channel: Channel, sha256: bytes, size: int) -> Ticket:
    """A ticket whose object key tells which it is, and that nobody can guess."""
    ticket_id = work.new_id()
    return Ticket(
        ticket_id=ticket_id,
        request_id=page.request_id,
        member_id=page.member_id,
        channel=channel,
        object_key=f"{ticket_id}/{token_urlsafe(24)}",
        sha256=sha256,
        size=size,
        state=State.WAITING,
        minted_at=work.now,
        expires_at=work.now + LINK_LASTS,
    )


async def open_ticket(ticket: Ticket, work: Work) -> None:
    """Open room for a file, and say that one may be on its way."""
    await work.tickets.add(ticket, due_at=ticket.lapses_at)
    work.emit(
        UploadBegun(
            request_id=ticket.request_id,
            member_id=ticket.member_id,
            channel=ticket.channel,
            begun_at=work.now,
        ),
        about=str(ticket.request_id),
    )


async def close_ticket(ticket: Ticket, work: Work, reason: str, *, due_at: datetime) -> Ticket:
    """Close room that no file is taken from; said where nothing else of the request is on its way, or was taken."""
    lapsed = ticket.lapse(reason, work.now)
    await work.tickets.save(lapsed, due_at=due_at)
    await emit_if_nothing_comes(ticket, work, await work.tickets.of_request(ticket.request_id))
    return lapsed


async def emit_if_nothing_comes(ticket: Ticket, work: Work, tickets: Sequence[Ticket]) -> None:
    """Say that nothing is on its way any more, if the last of a request's tickets has just ended without a report."""
    if all(one.state in NOTHING_COMES for one in tickets):
        work.emit(
            UploadLapsed(
                request_id=ticket.request_id,
                member_id=ticket.member_id,
                ticket_id=ticket.ticket_id,
                channel=ticket.channel,
                lapsed_at=work.now,
            ),
            about=str(ticket.request_id),
        )
