"""Conflicts of interest, over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from mrx_shared.api import benchmark as api
from mrx_shared.bus.requests import Command, Requests
from mrx_shared.kit.access import Access, Principal, Role

from mrx_benchmark.handlers import impartiality
from mrx_benchmark.ports import Work


def add_impartiality(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    """Add the routes to the benchmark's."""
    secretariat = Annotated[Principal, Depends(access.require(Role.SECRETARIAT))]
    do = Annotated[Command[Work], Depends(requests.command)]

    # Clients that are generated from the contract know the operation by this id.
    @router.post(
        "/reviewers/ties",
        status_code=201,
        response_model=api.Done,
        tags=["review"],
        operation_id="tie_v1_reviewers_ties_post",
    )
    async def declare_conflict(asked: api.NewConflict, who: secretariat, command: do) -> Response:
        async def declared(work: Work) -> api.Done:
            await impartiality.declare_conflict(asked.reviewer, asked.member_id, work=work)
            return api.Done()

        return await command(declared, by=who, status=201)
