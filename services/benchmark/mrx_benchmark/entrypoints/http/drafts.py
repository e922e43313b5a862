"""Drafts over HTTP: answers that are kept, completed and at last submitted."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from mrx_shared.api import benchmark as api
from mrx_shared.bus.requests import Command, Requests
from mrx_shared.kit.access import Access, Principal, Role

from mrx_benchmark.entrypoints.http.bodies import assessment_body, draft_body, draft_whole
from mrx_benchmark.handlers import drafting
from mrx_benchmark.ports import Work

_PATH = "/protocols/{protocol_id}/versions/{version}/drafts/{criteria_version}"


def place(protocol_id: UUID, version: str, criteria_version: str) -> drafting.Place:
    """What the draft of a path is of."""
    return drafting.Place(protocol_id=protocol_id, version=version, criteria_version=criteria_version)


Where = Annotated[drafting.Place, Depends(place)]


def add_drafts(router: APIRouter, requests: Requests[Work], access: Access) -> None:  # noqa: C901 - one function a route
    """Add the routes to the benchmark's."""
    owner = Annotated[Principal, Depends(access.require(Role.MEMBER, Role.SECRETARIAT))]
    do = Annotated[Command[Work], Depends(requests.command)]

    @router.get("/drafts", tags=["assessments"])
    async def list_drafts(who: owner) -> api.Drafts:
        async def listed(work: Work) -> api.Drafts:
            return api.Drafts(drafts=[draft_body(one) for one in await drafting.list_drafts(work=work)])

        return await requests.read(listed, tenant=who.member)

    @router.get(_PATH, tags=["assessments"])
    async def show_draft(where: Where, who: owner) -> api.DraftWhole:
        async def shown(work: Work) -> api.DraftWhole:
            return draft_whole(await drafting.show_draft(where, owner=who.member, work=work))

        return await requests.read(shown, tenant=who.member)

    @router.post(_PATH, response_model=api.DraftWhole, tags=["assessments"])
    async def save_draft(where: Where, asked: api.NewDraft, who: owner, command: do) -> Response:
        async def saved(work: Work) -> api.DraftWhole:
            if asked.start_from is not None:
                await drafting.start_from(
                    asked.start_from, place=where, owner=who.member, by=who.subject, work=work
                )
            rows = [answer.model_dump() for answer in asked.answers]
            return draft_whole(
                await drafting.save_draft(rows, place=where, owner=who.member, by=who.subject, work=work)
            )

        return await command(saved, by=who)

    @router.post(f"{_PATH}/submission", status_code=201, response_model=api.Assessment, tags=["assessments"])
    async def submit_draft(where: Where, who: owner, command: do) -> Response:
        async def submitted(work: Work) -> api.Assessment:
            return assessment_body(
                await drafting.submit_draft(where, owner=who.member, by=who.subject, work=work)
            )

        return await command(submitted, by=who, status=201)

    @router.post(f"{_PATH}/discard", response_model=api.Draft, tags=["assessments"])
    async def discard_draft(where: Where, who: owner, command: do) -> Response:
        async def discarded(work: Work) -> api.Draft:
            return draft_body(await drafting.discard_draft(where, owner=who.member, work=work))

        return await command(discarded, by=who)
