"""Answers carried to other criteria, over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from mrx_criteria.domain.answers import row_of
from mrx_shared.api import benchmark as api
from mrx_shared.bus.requests import Requests
from mrx_shared.kit.access import Access, Principal, Role

from mrx_benchmark.entrypoints.http.bodies import figures_body
from mrx_benchmark.handlers import carry_over
from mrx_benchmark.ports import Work


def add_carry_over(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    """Add the routes to the benchmark's."""
    owner = Annotated[Principal, Depends(access.require(Role.MEMBER, Role.SECRETARIAT))]
    judge = Annotated[Principal, Depends(access.require(Role.SECRETARIAT, Role.REVIEWER))]

    @router.get("/criteria/{version}/what-if", tags=["criteria"])
    async def what_if(version: str, who: judge) -> api.WhatIfs:
        async def reckoned(work: Work) -> api.WhatIfs:
            return api.WhatIfs(
                protocols=[
                    api.WhatIf(
                        **dict(figures_body(one.outcome.figures)),
                        protocol_id=one.protocol_id,
                        version=one.version,
                        member_id=one.owner,
                        criteria_version=one.criteria_version,
                        equivalent=one.outcome.equivalent,
                        asked=one.outcome.asked,
                    )
                    for one in await carry_over.what_if(
                        version, by=who.subject if who.role is Role.REVIEWER else "", work=work
                    )
                ]
            )

        return await requests.read(reckoned)

    @router.get("/assessments/{assessment_id}/carried", tags=["assessments"])
    async def carried(assessment_id: UUID, criteria_version: str, who: owner) -> api.CarriedAnswers:
        async def moved(work: Work) -> api.CarriedAnswers:
            answers, asked = await carry_over.carry_over(assessment_id, criteria_version, work=work)
            return api.CarriedAnswers(
                answers=[api.AnswerRow(**row_of(one)) for one in answers],
                asked=list(asked),
            )

        return await requests.read(moved, tenant=who.member)
