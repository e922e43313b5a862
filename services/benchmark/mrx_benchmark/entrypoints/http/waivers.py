"""Waivers of clauses, over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from mrx_shared.api import benchmark as api
from mrx_shared.bus.requests import Command, Requests
from mrx_shared.kit.access import Access, Principal, Role

from mrx_benchmark.handlers import waivers
from mrx_benchmark.ports import Work


def add_waivers(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    """Add the routes to the benchmark's."""
    secretariat = Annotated[Principal, Depends(access.require(Role.SECRETARIAT))]
    everyone = Annotated[Principal, Depends(access.require(*Role))]
    do = Annotated[Command[Work], Depends(requests.command)]

    @router.post("/criteria/{version}/waivers", status_code=201, response_model=api.Waiver, tags=["criteria"])
    async def waive(version: str, asked: api.NewWaiver, who: secretariat, command: do) -> Response:
        async def waived(work: Work) -> api.Waiver:
            made = await waivers.waive(
                version, asked.clause, asked.reason, asked.until, by=who.subject, work=work
            )
            return api.Waiver.of(made)

        return await command(waived, by=who, status=201)

    @router.get("/criteria/{version}/waivers", tags=["criteria"])
    async def list_waivers(version: str, who: everyone) -> api.Waivers:  # noqa: ARG001
        async def listed(work: Work) -> api.Waivers:
            return api.Waivers(waivers=[api.Waiver.of(one) for one in await work.waivers.of(version)])

        return await requests.read(listed)
