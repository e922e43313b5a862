"""Two reviewers' decisions, over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from mrx_shared.api import benchmark as api
from mrx_shared.bus.requests import Command, Requests
from mrx_shared.kit.access import Access, Principal, Role
from mrx_shared.refusals import Forbidden

from mrx_benchmark.entrypoints.http.bodies import assessment_body, at_work_body, decisions_of
from mrx_benchmark.handlers import reviewing
from mrx_benchmark.ports import Work


def add_reviews(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    """Add the routes to the benchmark's."""
    reviewer = Annotated[Principal, Depends(access.require(Role.REVIEWER))]
    secretariat = Annotated[Principal, Depends(access.require(Role.SECRETARIAT))]
    may_release = Annotated[Principal, Depends(access.require(Role.SECRETARIAT, Role.REVIEWER))]
    do = Annotated[Command[Work], Depends(requests.command)]

    @router.get("/reviews", tags=["review"])
    async def list_reviews(who: secretariat) -> api.AssessmentsAtWork:  # noqa: ARG001
        async def listed(work: Work) -> api.AssessmentsAtWork:
            return api.AssessmentsAtWork(
                reviews=[at_work_body(one) for one in await reviewing.list_reviews(work=work)]
            )

        return await requests.read(listed)

    @router.post("/assessments/{assessment_id}/reviews", response_model=api.Assessment, tags=["review"])
    async def review(assessment_id: UUID, asked: api.NewReview, who: reviewer, command: do) -> Response:
        async def reviewed(work: Work) -> api.Assessment:
            decisions = decisions_of(asked.decisions)
            return assessment_body(
                await reviewing.review(
                    assessment_id, decisions, confirm_rest=asked.confirm_rest, by=who.subject, work=work
                )
            )

        return await command(reviewed, by=who)

    @router.post(
        "/assessments/{assessment_id}/releases", status_code=201, response_model=api.Done, tags=["review"]
    )
    async def release(assessment_id: UUID, asked: api.NewRelease, who: may_release, command: do) -> Response:
        if who.role is Role.REVIEWER and asked.reviewer != who.subject:
            raise Forbidden(
                "a reviewer can release only herself", field="reviewer", remedy="ask the secretariat"
            )

        async def released(work: Work) -> api.Done:
            await reviewing.unassign(assessment_id, asked.reviewer, by=who.subject, work=work)
            return api.Done()

        return await command(released, by=who, status=201)
