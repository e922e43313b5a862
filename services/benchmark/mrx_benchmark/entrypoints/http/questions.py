"""Questions to the owner and replies, over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from mrx_shared.api import benchmark as api
from mrx_shared.bus.requests import Command, Requests
from mrx_shared.kit.access import Access, Principal, Role

from mrx_benchmark.handlers import questions
from mrx_benchmark.ports import Work


def add_questions(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    """Add the routes to the benchmark's."""
    owner = Annotated[Principal, Depends(access.require(Role.MEMBER, Role.SECRETARIAT))]
    reviewer = Annotated[Principal, Depends(access.require(Role.REVIEWER))]
    do = Annotated[Command[Work], Depends(requests.command)]

    @router.post(
        "/assessments/{assessment_id}/questions",
        status_code=201,
        response_model=api.Question,
        tags=["review"],
    )
    async def ask(assessment_id: UUID, asked: api.NewQuestion, who: reviewer, command: do) -> Response:
        async def put(work: Work) -> api.Question:
            made = await questions.ask(
                assessment_id, asked.criterion_id, asked.text, by=who.subject, work=work
            )
            return api.Question.of(made)

        return await command(put, by=who, status=201)

    @router.post(
        "/assessments/{assessment_id}/questions/{question_id}/reply",
        response_model=api.Question,
        tags=["assessments"],
    )
    async def reply(
        assessment_id: UUID, question_id: UUID, asked: api.NewText, who: owner, command: do
    ) -> Response:
        async def replied(work: Work) -> api.Question:
            made = await questions.reply(
                assessment_id, question_id, asked.text, owner=who.member, by=who.subject, work=work
            )
            return api.Question.of(made)

        return await command(replied, by=who)
