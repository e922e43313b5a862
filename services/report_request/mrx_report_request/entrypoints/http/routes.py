"""report_request's HTTP API."""

from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha256
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Response
from mrx_shared.api import report_request as api
from mrx_shared.bus.requests import Command, Requests
from mrx_shared.kit.access import Access, Principal, Role
from mrx_shared.messages.envelope import places
from mrx_shared.messages.faults import plainly
from mrx_shared.refusals import Invalid, Unknown, spelled
from pydantic import ValidationError

from mrx_report_request.domain.decisions import Outcome
from mrx_report_request.domain.requests import Request
from mrx_report_request.domain.transitions import State
from mrx_report_request.entrypoints.http import answers
from mrx_report_request.handlers import members, suppliers
from mrx_report_request.handlers.asking import ask, ask_all
from mrx_report_request.ports import SupplierPage, Work

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

    @router.post("/requests", status_code=201, response_model=api.Request, tags=["requests"])
    async def ask_for_report(asked: api.NewRequest, who: member, command: do) -> Response:
        async def taken(work: Work) -> api.Request:
            request = await ask(asked, work, member_id=who.tenant)
            return await _shown(request, work)

        return await command(taken, by=who, status=201)

    @router.post("/requests/bulk", response_model=api.RequestResults, tags=["requests"])
    async def ask_for_reports(asked: api.NewRequests, who: member, command: do) -> Response:
        async def taken(work: Work) -> api.RequestResults:
            rows = await _rows(asked.requests, work, member_id=who.tenant)
            refused = sum(row.refused is not None for row in rows)
            return api.RequestResults(taken=len(rows) - refused, refused=refused, rows=rows)

        return await command(taken, by=who)


async def _rows(stated: list[dict[str, object]], work: Work, *, member_id: UUID) -> list[api.RequestResult]:
    read = [_read(row) for row in stated]
    asked = [one for one in read if isinstance(one, api.NewRequest)]
    answered = iter(await ask_all(asked, work, member_id=member_id, once=True) if asked else ())
    return [
        answers.result(
            number, next(answered) if isinstance(one, api.NewRequest) else one, today=work.now.date()
        )
        for number, one in enumerate(read, 1)
    ]


async def _shown(request: Request, work: Work, *, contact: bool = False) -> api.Request:
    [shown] = await _all_shown([request], work, contact=contact)
    return shown


async def _all_shown(requests: Sequence[Request], work: Work, *, contact: bool) -> list[api.Request]:
    sharing = await members.sharing_files(requests, work)
    return [
        answers.request(
            one, today=work.now.date(), same_file=sharing.get(one.request_id, ()), contact=contact
        )
        for one in requests
    ]


def _read(row: dict[str, object]) -> api.NewRequest | Invalid:
    try:
        return api.NewRequest.model_validate(row)
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
    ) -> api.Requests:
        async def listed(work: Work) -> api.Requests:
            found = await work.requests.newest_first(state=state, after=after, limit=limit)
            return api.Requests(requests=await _all_shown(found, work, contact=True))

        return await requests.read(listed, tenant=who.tenant)

    @router.get("/requests/{request_id}", tags=["requests"])
    async def show_request(request_id: UUID, who: member) -> api.Request:
        async def shown(work: Work) -> api.Request:
            return await _shown(await work.requests.get(request_id), work, contact=True)

        return await requests.read(shown, tenant=who.tenant)

    @router.get("/numbers", tags=["numbers"])
    async def show_numbers(who: counter) -> api.Numbers:
        async def shown(work: Work) -> api.Numbers:
            if who.role is Role.SECRETARIAT:
                return answers.numbers(await members.totals(work))
            return answers.numbers(list(await work.requests.numbers()))

        return await requests.read(shown, tenant=who.member)


def _add_steps(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    member = Annotated[Principal, Depends(access.require(Role.MEMBER))]
    do = Annotated[Command[Work], Depends(requests.command)]

    @router.post("/requests/{request_id}/withdrawal", response_model=api.Request, tags=["requests"])
    async def withdraw(request_id: UUID, asked: api.NewWithdrawal, who: member, command: do) -> Response:
        async def withdrawn(work: Work) -> api.Request:
            return await _shown(await members.withdraw(request_id, asked.reason, work), work)

        return await command(withdrawn, by=who)

    @router.post("/requests/{request_id}/contact", response_model=api.Request, tags=["requests"])
    async def readdress(request_id: UUID, asked: api.NewContact, who: member, command: do) -> Response:
        async def readdressed(work: Work) -> api.Request:
            again = await members.readdress(
                request_id,
                contact_email=asked.contact_email,
                contact_name=asked.contact_name,
                language=asked.language,
                work=work,
            )
            return await _shown(again, work)

        return await command(readdressed, by=who)

    @router.post("/requests/{request_id}/decision", response_model=api.Request, tags=["requests"])
    async def decide(request_id: UUID, asked: api.NewDecision, who: member, command: do) -> Response:
        async def decided(work: Work) -> api.Request:
            request = await members.decide(
                request_id,
                outcome=Outcome(asked.outcome),
                reason=asked.reason,
                valid_until=asked.valid_until,
                same_file_confirmed=asked.same_file_confirmed,
                work=work,
            )
            return await _shown(request, work)

        return await command(decided, by=who)


async def _holder(requests: Requests[Work], token: str) -> tuple[SupplierPage, Principal]:
    token_hash = sha256(token.encode(errors="replace")).hexdigest()
    page = await requests.read(lambda work: work.pages.find(token_hash))
    if page is None:
        raise Unknown(
            "this link does not open a request", field="MRX-Page-Token", remedy="ask for a new link"
        )
    subject = f"page:{token_hash[:16]}"
    return page, Principal(subject=subject, role=Role.SUPPLIER, member=page.member_id)


def _add_pages(router: APIRouter, requests: Requests[Work]) -> None:
    @router.get("/pages", tags=["pages"])
    async def show_page(token: PageToken) -> api.SupplierPage:
        page, _ = await _holder(requests, token)

        async def shown(work: Work) -> api.SupplierPage:
            return answers.page(await suppliers.look(page.request_id, work))

        return await requests.read(shown, tenant=page.member_id)

    @router.get("/pages/same-file", tags=["pages"])
    async def show_same_file(
        token: PageToken, sha256: Annotated[str, Query(pattern="^[0-9a-f]{64}$")]
    ) -> api.SameFileSites:
        page, _ = await _holder(requests, token)

        async def shown(work: Work) -> api.SameFileSites:
            return api.SameFileSites(sites=await suppliers.sites_of_file(page.request_id, sha256, work))

        return await requests.read(shown, tenant=page.member_id)


def _add_answers(router: APIRouter, requests: Requests[Work]) -> None:
    do = Annotated[Command[Work], Depends(requests.command)]
    Verb = Callable[[SupplierPage, Work], Awaitable[suppliers.Shown]]  # noqa: N806 - a type

    async def done(token: str, command: Command[Work], verb: Verb) -> Response:
        page, who = await _holder(requests, token)

        async def shown(work: Work) -> api.SupplierPage:
            return answers.page(await verb(page, work))

        return await command(shown, by=who)

    @router.post("/pages/opening", response_model=api.SupplierPage, tags=["pages"])
    async def open_page(token: PageToken, command: do) -> Response:
        return await done(token, command, lambda page, work: suppliers.open_page(page.request_id, work))

    @router.post("/pages/acceptance", response_model=api.SupplierPage, tags=["pages"])
    async def accept(token: PageToken, command: do) -> Response:
        return await done(token, command, lambda page, work: suppliers.accept(page.request_id, work))

    @router.post("/pages/refusal", response_model=api.SupplierPage, tags=["pages"])
    async def refuse(asked: api.NewRefusal, token: PageToken, command: do) -> Response:
        return await done(
            token,
            command,
            lambda page, work: suppliers.refuse(page.request_id, asked.reason, asked.comment, work),
        )
