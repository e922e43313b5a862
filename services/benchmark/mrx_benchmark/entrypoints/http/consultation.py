"""The announcement of a newer version of the criteria, and comments on it, over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from mrx_shared.api import benchmark as api
from mrx_shared.bus.requests import Command, Requests
from mrx_shared.kit.access import Access, Principal, Role
from mrx_shared.refusals import Unknown

from mrx_benchmark.domain.consultation import Evolution
from mrx_benchmark.entrypoints.http.bodies import successor
from mrx_benchmark.handlers import consultation
from mrx_benchmark.ports import Work


def add_consultation(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    """Add the routes to the benchmark's."""
    secretariat = Annotated[Principal, Depends(access.require(Role.SECRETARIAT))]
    member = Annotated[Principal, Depends(access.require(Role.MEMBER))]
    everyone = Annotated[Principal, Depends(access.require(*Role))]
    do = Annotated[Command[Work], Depends(requests.command)]

    @router.post(
        "/criteria/{version}/evolution", status_code=201, response_model=api.Evolution, tags=["criteria"]
    )
    async def announce(version: str, asked: api.NewEvolution, who: secretariat, command: do) -> Response:
        async def announced(work: Work) -> api.Evolution:
            made = await consultation.announce(version, **asked.model_dump(), by=who.subject, work=work)
            return await _evolution(made, work)

        return await command(announced, by=who, status=201)

    @router.get("/criteria/{version}/evolution", tags=["criteria"])
    async def show(version: str, who: everyone) -> api.Evolution:  # noqa: ARG001
        async def shown(work: Work) -> api.Evolution:
            found = await work.consultation.successor(version)
            if found is None:
                raise Unknown(
                    "this version has no successor yet", field="version", remedy="list the criteria first"
                )
            return await _evolution(found, work)

        return await requests.read(shown)

    @router.post("/criteria/{version}/comments", status_code=201, response_model=api.Done, tags=["criteria"])
    async def comment(version: str, asked: api.NewText, who: member, command: do) -> Response:
        async def commented(work: Work) -> api.Done:
            await consultation.comment(version, asked.text, by=who.subject, work=work)
            return api.Done()

        return await command(commented, by=who, status=201)


async def _evolution(made: Evolution, work: Work) -> api.Evolution:
    return api.Evolution(
        older=made.older,
        **dict(successor(made, work.now.date())),
        comments=[api.Comment.of(one) for one in await work.consultation.comments(made.older)],
    )
