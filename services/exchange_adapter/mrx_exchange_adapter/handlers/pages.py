"""What a supplier does on its page: see how its files stand, get room for one, say that it arrived."""

from dataclasses import dataclass
from uuid import UUID

from mrx_shared.refusals import Unknown

from mrx_exchange_adapter.domain.reports import Access, Report
from mrx_exchange_adapter.domain.tickets import Ticket, check_may_upload, check_promise
from mrx_exchange_adapter.handlers.tickets import new_ticket, open_ticket
from mrx_exchange_adapter.ports import SignedPut, Signer, SupplierPage, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class PageShown:
    """All that a supplier sees of its request here."""

    tickets: list[Ticket]
    report: Report | None
    accesses: list[Access]


async def find_page(token_hash: bytes, work: Work) -> SupplierPage:
    """Whose page a token opens. Raises `Unknown` for one that is not known, or no longer."""
    return await work.pages.find(token_hash, at=work.now)


async def show_page(page: SupplierPage, work: Work) -> PageShown:
    """The files of a request, its report, and when it was read."""
    report = await work.reports.of_request(page.request_id)
    return PageShown(
        tickets=await work.tickets.of_request(page.request_id),
        report=report,
        accesses=await work.reports.accesses(report.report_id) if report else [],
    )


async def mint_ticket(
    page: SupplierPage,
    work: Work,
    *,
    sha256: bytes,
    size: int,
    media_type: str,
    max_bytes: int,
    signer: Signer,
) -> tuple[Ticket, SignedPut]:
    """Make room for one file and sign the link that takes it."""
    check_promise(size=size, media_type=media_type, max_bytes=max_bytes)
    request = await work.requests.get_to_change(page.request_id)
    check_may_upload(request, await work.tickets.of_request(page.request_id), now=work.now)
    ticket = new_ticket(page, work, channel="upload", sha256=sha256, size=size)
    await open_ticket(ticket, work)
    return ticket, signer.sign(ticket)


async def note_arrival(page: SupplierPage, ticket_id: UUID, work: Work) -> None:
    """Have a ticket looked at now. Nothing else is believed of whoever says that its file arrived."""
    ticket = await work.tickets.get(ticket_id)
    if ticket.request_id != page.request_id:
        raise Unknown("there is no such ticket on this page", field="ticket_id", remedy="ask for a new link")
    await work.tickets.make_due([ticket_id], at=work.now)
