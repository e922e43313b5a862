"""Every route of exchange_adapter but those that every service has."""

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from mrx_shared.api import exchange_adapter as api
from mrx_shared.bus.requests import Command, Requests
from mrx_shared.kit.access import Access, Principal, Role

from mrx_exchange_adapter.entrypoints.http import answers
from mrx_exchange_adapter.entrypoints.http.platform import Connection, add_platform_routes
from mrx_exchange_adapter.entrypoints.http.supplier import add_supplier_routes
from mrx_exchange_adapter.handlers import quarantine, reports
from mrx_exchange_adapter.ports import Reader, Signer, Work

PAGE = 500


def build_router(
    requests: Requests[Work],
    access: Access,
    *,
    signer: Signer,
    reader: Reader,
    max_bytes: int,
    look_now: Callable[[], None],
    connection: Connection | None,
) -> APIRouter:
    """For suppliers, members, the secretariat, and a data-sharing platform."""
    router = APIRouter(prefix="/v1")
    add_supplier_routes(router, requests, signer=signer, max_bytes=max_bytes, look_now=look_now)
    add_platform_routes(router, requests, connection)
    _add_reports(router, requests, access, reader)
    _add_quarantine(router, requests, access)
    return router


def _add_reports(router: APIRouter, requests: Requests[Work], access: Access, reader: Reader) -> None:
    member = Annotated[Principal, Depends(access.require(Role.MEMBER))]
    do = Annotated[Command[Work], Depends(requests.command)]

    @router.get("/reports", tags=["reports"])
    async def list_reports(
        who: member, after: UUID | None = None, limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE
    ) -> api.Reports:
        async def listed(work: Work) -> api.Reports:
            found = await reports.list_reports(work, after=after, limit=limit)
            return api.Reports(reports=tuple(map(answers.report, found)))

        return await requests.read(listed, tenant=who.tenant)

    @router.get("/reports/{report_id}", tags=["reports"])
    async def show_report(report_id: UUID, who: member) -> api.ReportWithAccesses:
        async def shown(work: Work) -> api.ReportWithAccesses:
            return answers.report_with_accesses(*await reports.show_report(report_id, work))

        return await requests.read(shown, tenant=who.tenant)

    @router.post("/reports/{report_id}/links", status_code=201, response_model=api.Link, tags=["reports"])
    async def mint_link(report_id: UUID, who: member, command: do) -> Response:
        async def minted(work: Work) -> api.Link:
            return answers.link(await reports.mint_link(report_id, work, by=who.subject, reader=reader))

        return await command(minted, by=who, status=201, secrets=("url",))


def _add_quarantine(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    secretariat = Annotated[Principal, Depends(access.require(Role.SECRETARIAT))]

    @router.get("/quarantine", tags=["secretariat"])
    async def list_held(
        who: secretariat,  # noqa: ARG001
        after: UUID | None = None,
        limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE,
    ) -> api.Quarantine:
        async def listed(work: Work) -> api.Quarantine:
            found = await quarantine.list_held(work, after=after, limit=limit)
            return api.Quarantine(held=tuple(map(answers.quarantined_file, found)))

        return await requests.read(listed)
