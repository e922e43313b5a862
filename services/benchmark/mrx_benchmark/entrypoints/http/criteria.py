"""The versions of the criteria, over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from mrx_shared.api import benchmark as api
from mrx_shared.bus.requests import Requests
from mrx_shared.kit.access import Access, Principal, Role
from mrx_shared.refusals import Unknown

from mrx_benchmark.entrypoints.http.bodies import criteria_body
from mrx_benchmark.handlers import criteria
from mrx_benchmark.ports import Work


def add_criteria(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    """Add the routes to the benchmark's."""
    everyone = Annotated[Principal, Depends(access.require(*Role))]

    @router.get("/criteria", tags=["criteria"])
    async def list_criteria(who: everyone) -> api.CriteriaVersions:  # noqa: ARG001
        async def listed(work: Work) -> api.CriteriaVersions:
            return api.CriteriaVersions(
                criteria=[
                    criteria_body(one, await work.consultation.successor(one.version), work.now.date())
                    for one in await criteria.list_criteria(work)
                ]
            )

        return await requests.read(listed)

    @router.get("/criteria/{version}", tags=["criteria"])
    async def show_criteria(version: str, who: everyone) -> dict[str, Any]:  # noqa: ARG001
        async def shown(work: Work) -> dict[str, Any]:
            if version not in work.catalogues:
                raise Unknown("there is no such version", field="version", remedy="list the criteria first")
            return (await criteria.in_force(version, work)).document()

        return await requests.read(shown)
