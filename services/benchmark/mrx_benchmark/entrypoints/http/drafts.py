"""Drafts over HTTP: answers that are kept, completed and at last submitted."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from mrx_criteria.domain.answers import row_of
from mrx_criteria.domain.commonality import Equivalent
from mrx_shared.api.bodies import Answer
from mrx_shared.api.bodies import RequestBody as Asked
from mrx_shared.bus.requests import Command, Requests
from mrx_shared.kit.access import Access, Principal, Role
from pydantic import Field

from mrx_benchmark.entrypoints.http.bodies import (
    MANY,
    AnswerAsked,
    AssessmentShown,
    FiguresShown,
    assessment_shown,
    percentages,
)
from mrx_benchmark.handlers import drafting
from mrx_benchmark.ports import Work


class DraftAsked(Asked):
    """Answers to keep. One replaces what was there on its criterion; without relation it stays open, its words are kept."""

    answers: list[AnswerAsked] = Field(default=[], max_length=MANY)
    start_from: UUID | None = Field(
        default=None,
        description="an assessment of the asker's: its answers are kept first, as far as they hold here",
    )


class DraftShown(FiguresShown):
    """A draft, and what it would come to if no answer were corrected."""

    protocol_id: UUID
    version: str
    criteria_version: str
    saved_at: datetime
    equivalent: Equivalent
    answered: int
    open: int


class DraftsShown(Answer):
    """The asker's drafts, the last saved first."""

    drafts: list[DraftShown]


class DraftWhole(DraftShown):
    """A draft with every answer."""

    by_pillar: dict[str, FiguresShown]
    by_clause: dict[str, FiguresShown]
    cheapest_path: list[str]
    answers: list[AnswerAsked]


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
    async def list_drafts(who: owner) -> DraftsShown:
        async def listed(work: Work) -> DraftsShown:
            return DraftsShown(drafts=[draft_shown(one) for one in await drafting.list_drafts(work=work)])

        return await requests.read(listed, tenant=who.member)

    @router.get(_PATH, tags=["assessments"])
    async def show_draft(where: Where, who: owner) -> DraftWhole:
        async def shown(work: Work) -> DraftWhole:
            return draft_whole(await drafting.show_draft(where, owner=who.member, work=work))

        return await requests.read(shown, tenant=who.member)

    @router.post(_PATH, response_model=DraftWhole, tags=["assessments"])
    async def save_draft(where: Where, asked: DraftAsked, who: owner, command: do) -> Response:
        async def saved(work: Work) -> DraftWhole:
            if asked.start_from is not None:
                await drafting.start_from(
                    asked.start_from, place=where, owner=who.member, by=who.subject, work=work
                )
            rows = [answer.model_dump() for answer in asked.answers]
            return draft_whole(
                await drafting.save_draft(rows, place=where, owner=who.member, by=who.subject, work=work)
            )

        return await command(saved, by=who)

    @router.post(f"{_PATH}/submission", status_code=201, response_model=AssessmentShown, tags=["assessments"])
    async def submit_draft(where: Where, who: owner, command: do) -> Response:
        async def submitted(work: Work) -> AssessmentShown:
            return assessment_shown(
                await drafting.submit_draft(where, owner=who.member, by=who.subject, work=work)
            )

        return await command(submitted, by=who, status=201)

    @router.post(f"{_PATH}/discard", response_model=DraftShown, tags=["assessments"])
    async def discard_draft(where: Where, who: owner, command: do) -> Response:
        async def discarded(work: Work) -> DraftShown:
            return draft_shown(await drafting.discard_draft(where, owner=who.member, work=work))

        return await command(discarded, by=who)


def draft_shown(found: drafting.DraftShown) -> DraftShown:
    """A draft, in short."""
    one = found.draft
    return DraftShown(
        **percentages(found.score.overall),
        protocol_id=one.protocol_id,
        version=one.version,
        criteria_version=one.criteria_version,
        saved_at=one.saved_at,
        equivalent=found.score.equivalent,
        answered=len(one.answers),
        open=sum(gap.relation is None for gap in found.score.gaps),
    )


def draft_whole(found: drafting.DraftShown) -> DraftWhole:
    """A draft with every answer."""
    return DraftWhole(
        **dict(draft_shown(found)),
        by_pillar={name: FiguresShown(**percentages(part)) for name, part in found.score.by_pillar.items()},
        by_clause={name: FiguresShown(**percentages(part)) for name, part in found.score.by_clause.items()},
        cheapest_path=list(found.score.cheapest_path),
        answers=[AnswerAsked(**row_of(one)) for one in found.draft.written],
    )
