"""Assessments from the answers to the verdict, over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from mrx_shared.api import benchmark as api
from mrx_shared.bus.requests import Command, Requests
from mrx_shared.kit.access import Access, Principal, Role

from mrx_benchmark.entrypoints.http.bodies import assessment_body, assessment_whole
from mrx_benchmark.handlers import assessing
from mrx_benchmark.ports import Work


def add_assessments(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    """Add the routes to the benchmark's."""
    owner = Annotated[Principal, Depends(access.require(Role.MEMBER, Role.SECRETARIAT))]
    reader = Annotated[Principal, Depends(access.require(Role.MEMBER, Role.SECRETARIAT, Role.REVIEWER))]
    reviewer = Annotated[Principal, Depends(access.require(Role.REVIEWER))]
    do = Annotated[Command[Work], Depends(requests.command)]

    @router.post("/assessments", status_code=201, response_model=api.Assessment, tags=["assessments"])
    async def submit_answers(asked: api.NewAssessment, who: owner, command: do) -> Response:
        async def submitted(work: Work) -> api.Assessment:
            shown = await assessing.submit_answers(
                [answer.model_dump() for answer in asked.answers],
                protocol_id=asked.protocol_id,
                version=asked.version,
                criteria_version=asked.criteria_version,
                owner=who.member,
                by=who.subject,
                work=work,
            )
            return assessment_body(shown)

        return await command(submitted, by=who, status=201)

    @router.get("/assessments", tags=["assessments"])
    async def list_assessments(who: reader) -> api.Assessments:
        async def listed(work: Work) -> api.Assessments:
            found = await assessing.list_assessments(
                for_review=who.role is Role.REVIEWER, by=who.subject, work=work
            )
            return api.Assessments(assessments=[assessment_body(one) for one in found])

        return await requests.read(listed, tenant=who.member)

    @router.get("/assessments/{assessment_id}", tags=["assessments"])
    async def show_assessment(assessment_id: UUID, who: reader) -> api.AssessmentWhole:
        async def shown(work: Work) -> api.AssessmentWhole:
            return assessment_whole(
                await assessing.show_assessment(
                    assessment_id, for_review=who.role is Role.REVIEWER, by=who.subject, work=work
                )
            )

        return await requests.read(shown, tenant=who.member)

    @router.post("/assessments/{assessment_id}/conclusion", response_model=api.Assessment, tags=["review"])
    async def conclude(assessment_id: UUID, who: reviewer, command: do) -> Response:
        async def concluded(work: Work) -> api.Assessment:
            return assessment_body(await assessing.conclude(assessment_id, by=who.subject, work=work))

        return await command(concluded, by=who)
