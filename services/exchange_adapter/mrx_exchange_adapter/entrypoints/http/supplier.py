"""What a supplier may call: whoever holds the token of a request's page, in the header `MRX-Page-Token`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Response
from mrx_shared.api import exchange_adapter as api
from mrx_shared.bus.requests import Command, Requests
from mrx_shared.kit.access import Principal, Role

from mrx_exchange_adapter.entrypoints.http import answers
from mrx_exchange_adapter.handlers import pages
from mrx_exchange_adapter.handlers.platform import show_share
from mrx_exchange_adapter.ports import Signer, SupplierPage, Work

PageToken = Annotated[
    str,
    Header(
        alias="MRX-Page-Token",
        max_length=200,
        description="the token of the link in the mail; nowhere else is it read",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplier:
    """Whoever holds a page's token."""

    page: SupplierPage
    principal: Principal


def page_holder(requests: Requests[Work]) -> Callable[[str], Awaitable[Supplier]]:
    """FastAPI dependency: who holds the token; 404 for a token that is missing, unknown or no longer valid."""

    async def holder(token: PageToken = "") -> Supplier:
        token_hash = sha256(token.encode()).digest()
        page = await requests.read(lambda work: pages.find_page(token_hash, work))
        principal = Principal(
            subject=f"page:{token_hash.hex()[:16]}", role=Role.SUPPLIER, member=page.member_id
        )
        return Supplier(page=page, principal=principal)

    return holder


def add_supplier_routes(
    router: APIRouter,
    requests: Requests[Work],
    *,
    signer: Signer,
    max_bytes: int,
    look_now: Callable[[], None],
) -> None:
    """See the page, get a ticket, say that the file arrived. `look_now` wakes whoever looks at what is due."""
    supplier = Annotated[Supplier, Depends(page_holder(requests))]
    do = Annotated[Command[Work], Depends(requests.command)]

    @router.get("/pages", tags=["supplier"])
    async def show_page(who: supplier) -> api.SupplierPage:
        async def shown(work: Work) -> api.SupplierPage:
            found = await pages.show_page(who.page, work)
            shared = await show_share(who.page, work)
            return answers.page(who.page.request_id, found, max_bytes=max_bytes, shared=shared)

        return await requests.read(shown, tenant=who.page.member_id)

    @router.post("/pages/tickets", status_code=201, response_model=api.Ticket, tags=["supplier"])
    async def mint_ticket(asked: api.NewTicket, who: supplier, command: do) -> Response:
        async def minted(work: Work) -> api.Ticket:
            ticket, put = await pages.mint_ticket(
                who.page,
                work,
                sha256=bytes.fromhex(asked.sha256),
                size=asked.size,
                media_type=asked.media_type,
                max_bytes=max_bytes,
                signer=signer,
            )
            return answers.ticket(ticket, put)

        return await command(minted, by=who.principal, status=201)

    @router.post(
        "/pages/tickets/{ticket_id}/arrival", status_code=202, response_model=api.Arrival, tags=["supplier"]
    )
    async def note_arrival(ticket_id: UUID, who: supplier, command: do) -> Response:
        async def noted(work: Work) -> api.Arrival:
            await pages.note_arrival(who.page, ticket_id, work)
            return api.Arrival(ticket_id=ticket_id)

        response = await command(noted, by=who.principal, status=202)
        look_now()
        return response
