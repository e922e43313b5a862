"""Appeals and the decisions on them, over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from mrx_shared.api import benchmark as api
from mrx_shared.bus.requests import Command, Requests
from mrx_shared.kit.access import Access, Principal, Role

from mrx_benchmark.entrypoints.http.bodies import assessment_body, decisions_of
from mrx_benchmark.handlers import appeals
from mrx_benchmark.ports import Work


def add_appeals(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    """Add the routes to the benchmark's."""
    owner = Annotated[Principal, Depends(access.require(Role.MEMBER, Role.SECRETARIAT))]
    reviewer = Annotated[Principal, Depends(access.require(Role.REVIEWER))]
    do = Annotated[Command[Work], Depends(requests.command)]

    @router.post(
        "/assessments/{assessment_id}/appeal",
        status_code=201,
        response_model=api.AppealMade,
        tags=["assessments"],
    )
    async def appeal(assessment_id: UUID, asked: api.NewAppeal, who: owner, command: do) -> Response:
        async def appealed(work: Work) -> api.AppealMade:
            made = await appeals.appeal(
                assessment_id, asked.reason, owner=who.member, by=who.subject, work=work
            )
            return api.AppealMade(assessment_id=assessment_id, appealed_at=made.at)

        return await command(appealed, by=who, status=201)

    @router.post(
        "/assessments/{assessment_id}/appeal/decision", response_model=api.Assessment, tags=["review"]
    )
    async def decide(
        assessment_id: UUID, asked: api.NewAppealDecision, who: reviewer, command: do
    ) -> Response:
        async def decided(work: Work) -> api.Assessment:
            decisions = decisions_of(asked.decisions)
            return assessment_body(
                await appeals.decide_appeal(
                    assessment_id,
                    decisions,
                    granted=asked.granted,
                    rationale=asked.rationale,
                    by=who.subject,
                    work=work,
                )
            )

        return await command(decided, by=who)
