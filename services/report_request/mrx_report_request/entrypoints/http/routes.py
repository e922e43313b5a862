"""report_request's HTTP API."""

from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha256
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Response
from mrx_shared.bus.requests import Command, Requests
from mrx_shared.kit.access import Access, Principal, Role
from mrx_shared.messages.envelope import places
from mrx_shared.messages.faults import plainly
from mrx_shared.refusals import Invalid, Unknown, spelled
from pydantic import ValidationError

from mrx_report_request.domain.requests import Request
from mrx_report_request.domain.steps import State
from mrx_report_request.entrypoints.http.bodies import (
    BulkAsked,
    BulkShown,
    ContactAsked,
    DecisionAsked,
    NumbersListed,
    PageShown,
    RefusalAsked,
    RequestAsked,
    RequestShown,
    RequestsShown,
    RowShown,
    SameFileSites,
    WithdrawalAsked,
    asking,
    numbers_shown,
    page_shown,
    request_shown,
    row_shown,
)
from mrx_report_request.handlers import members, suppliers
from mrx_report_request.handlers.asking import ask, ask_all
from mrx_report_request.ports import Page, Work

PageToken = Annotated[
    str, Header(alias="MRX-Page-Token", max_length=200, description="the token of the mailed link")
]


def build_router(requests: Requests[Work], access: Access) -> APIRouter:
    """Every route of report_request but those that every service has."""
    router = APIRouter(prefix="/v1")
    _add_asking(router, requests, access)
    _add_reading(router, requests, access)
    _add_steps(router, requests, access)
    _add_pages(router, requests)
    _add_answers(router, requests)
    return router


def _add_asking(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    member = Annotated[Principal, Depends(access.require(Role.MEMBER))]
    do = Annotated[Command[Work], Depends(requests.command)]

    @router.post("/requests", status_code=201, response_model=RequestShown, tags=["requests"])
    async def ask_for_report(asked: RequestAsked, who: member, command: do) -> Response:
        async def taken(work: Work) -> RequestShown:
            request = await ask(asking(asked, work.new_id()), work, member_id=who.tenant)
            return await _shown(request, work)

        return await command(taken, by=who, status=201)

    @router.post("/requests/bulk", response_model=BulkShown, tags=["requests"])
    async def ask_for_reports(asked: BulkAsked, who: member, command: do) -> Response:
        async def taken(work: Work) -> BulkShown:
            rows = await _rows(asked.requests, work, member_id=who.tenant)
            refused = sum(row.refused is not None for row in rows)
            return BulkShown(taken=len(rows) - refused, refused=refused, rows=rows)

        return await command(taken, by=who)


async def _rows(stated: list[dict[str, object]], work: Work, *, member_id: UUID) -> list[RowShown]:
    read = [_read(row) for row in stated]
    askings = [asking(one, work.new_id()) for one in read if isinstance(one, RequestAsked)]
    answers = iter(await ask_all(askings, work, member_id=member_id, once=True) if askings else ())
    return [
        row_shown(number, next(answers) if isinstance(one, RequestAsked) else one, today=work.now.date())
        for number, one in enumerate(read, 1)
    ]


async def _shown(request: Request, work: Work, *, contact: bool = False) -> RequestShown:
    [shown] = await _all_shown([request], work, contact=contact)
    return shown


async def _all_shown(requests: Sequence[Request], work: Work, *, contact: bool) -> list[RequestShown]:
    sharing = await members.sharing_files(requests, work)
    return [
        request_shown(one, today=work.now.date(), same_file=sharing.get(one.request_id, ()), contact=contact)
        for one in requests
    ]


def _read(row: dict[str, object]) -> RequestAsked | Invalid:
    try:
        return RequestAsked.model_validate(row)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        return Invalid(places(error), field=spelled(first["loc"]) or "row", remedy=plainly(first)[1])


def _add_reading(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    member = Annotated[Principal, Depends(access.require(Role.MEMBER))]
    counter = Annotated[Principal, Depends(access.require(Role.MEMBER, Role.SECRETARIAT))]

    @router.get("/requests", tags=["requests"])
    async def list_requests(
        who: member,
        state: State | None = None,
        after: UUID | None = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
    ) -> RequestsShown:
        async def listed(work: Work) -> RequestsShown:
            found = await work.requests.newest_first(state=state, after=after, limit=limit)
            return RequestsShown(requests=await _all_shown(found, work, contact=True))

        return await requests.read(listed, tenant=who.tenant)

    @router.get("/requests/{request_id}", tags=["requests"])
    async def show_request(request_id: UUID, who: member) -> RequestShown:
        async def shown(work: Work) -> RequestShown:
            return await _shown(await work.requests.get(request_id), work, contact=True)

        return await requests.read(shown, tenant=who.tenant)

    @router.get("/numbers", tags=["numbers"])
    async def show_numbers(who: counter) -> NumbersListed:
        async def shown(work: Work) -> NumbersListed:
            if who.role is Role.SECRETARIAT:
                return numbers_shown(await members.totals(work))
            return numbers_shown(list(await work.requests.numbers()))

        return await requests.read(shown, tenant=who.member)


def _add_steps(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    member = Annotated[Principal, Depends(access.require(Role.MEMBER))]
    do = Annotated[Command[Work], Depends(requests.command)]

    @router.post("/requests/{request_id}/withdrawal", response_model=RequestShown, tags=["requests"])
    async def withdraw(request_id: UUID, asked: WithdrawalAsked, who: member, command: do) -> Response:
        async def withdrawn(work: Work) -> RequestShown:
            return await _shown(await members.withdraw(request_id, asked.reason, work), work)

        return await command(withdrawn, by=who)

    @router.post("/requests/{request_id}/contact", response_model=RequestShown, tags=["requests"])
    async def readdress(request_id: UUID, asked: ContactAsked, who: member, command: do) -> Response:
        async def readdressed(work: Work) -> RequestShown:
            again = await members.readdress(
                request_id,
                contact_email=asked.contact_email,
                contact_name=asked.contact_name,
                language=asked.language,
                work=work,
            )
            return await _shown(again, work)

        return await command(readdressed, by=who)

    @router.post("/requests/{request_id}/decision", response_model=RequestShown, tags=["requests"])
    async def decide(request_id: UUID, asked: DecisionAsked, who: member, command: do) -> Response:
        async def decided(work: Work) -> RequestShown:
            request = await members.decide(
                request_id,
                outcome=asked.outcome,
                reason=asked.reason,
                valid_until=asked.valid_until,
                same_file_confirmed=asked.same_file_confirmed,
                work=work,
            )
            return await _shown(request, work)

        return await command(decided, by=who)


async def _holder(requests: Requests[Work], token: str) -> tuple[Page, Principal]:
    token_hash = sha256(token.encode(errors="replace")).hexdigest()
    page = await requests.read(lambda work: work.pages.find(token_hash))
    if page is None:
        raise Unknown("this link opens nothing", field="MRX-Page-Token", remedy="ask for a new link")
    subject = f"page:{token_hash[:16]}"
    return page, Principal(subject=subject, role=Role.SUPPLIER, member=page.member_id)


def _add_pages(router: APIRouter, requests: Requests[Work]) -> None:
    @router.get("/pages", tags=["pages"])
    async def show_page(token: PageToken) -> PageShown:
        page, _ = await _holder(requests, token)

        async def shown(work: Work) -> PageShown:
            return page_shown(await suppliers.look(page.request_id, work))

        return await requests.read(shown, tenant=page.member_id)

    @router.get("/pages/same-file", tags=["pages"])
    async def show_same_file(
        token: PageToken, sha256: Annotated[str, Query(pattern="^[0-9a-f]{64}$")]
    ) -> SameFileSites:
        page, _ = await _holder(requests, token)

        async def shown(work: Work) -> SameFileSites:
            return SameFileSites(sites=await suppliers.sites_of_file(page.request_id, sha256, work))

        return await requests.read(shown, tenant=page.member_id)


def _add_answers(router: APIRouter, requests: Requests[Work]) -> None:
    do = Annotated[Command[Work], Depends(requests.command)]
    Verb = Callable[[Page, Work], Awaitable[suppliers.Shown]]  # noqa: N806 - a type

    async def done(token: str, command: Command[Work], verb: Verb) -> Response:
        page, who = await _holder(requests, token)

        async def shown(work: Work) -> PageShown:
            return page_shown(await verb(page, work))

        return await command(shown, by=who)

    @router.post("/pages/opening", response_model=PageShown, tags=["pages"])
    async def open_page(token: PageToken, command: do) -> Response:
        return await done(token, command, lambda page, work: suppliers.open_page(page.request_id, work))

    @router.post("/pages/acceptance", response_model=PageShown, tags=["pages"])
    async def accept(token: PageToken, command: do) -> Response:
        return await done(token, command, lambda page, work: suppliers.accept(page.request_id, work))

    @router.post("/pages/refusal", response_model=PageShown, tags=["pages"])
    async def refuse(asked: RefusalAsked, token: PageToken, command: do) -> Response:
        return await done(
            token,
            command,
            lambda page, work: suppliers.refuse(page.request_id, asked.reason, asked.comment, work),
        )
