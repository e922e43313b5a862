"""What happens around an assessment, over HTTP: questions, appeals, ties, waivers, extensions, evolution."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from mrx_criteria.domain.answers import row_of
from mrx_criteria.domain.commonality import Equivalent
from mrx_shared.api.bodies import Answer
from mrx_shared.api.bodies import RequestBody as Asked
from mrx_shared.bus.requests import Command, Requests
from mrx_shared.kit.access import Access, Principal, Role
from mrx_shared.refusals import Forbidden, Unknown
from pydantic import Field

from mrx_benchmark.domain.process import Evolution, Phase
from mrx_benchmark.entrypoints.http.bodies import (
    MANY,
    AnswerAsked,
    AssessmentShown,
    DecisionAsked,
    FiguresShown,
    QuestionShown,
    assessment_shown,
    decisions_of,
    percentages,
    question_shown,
)
from mrx_benchmark.handlers import evolution, process
from mrx_benchmark.ports import Extension, Work

_EVERYONE = tuple(Role)


class QuestionAsked(Asked):
    """A reviewer's question on one criterion."""

    criterion_id: str
    text: str


class TextAsked(Asked):
    """Some words."""

    text: str


class AppealAsked(Asked):
    """Why an owner objects to the verdict."""

    reason: str


class AppealTaken(Answer):
    """An appeal was taken up."""

    assessment_id: UUID
    appealed_at: datetime


class AppealDecision(Asked):
    """A decision on an appeal; granted, with the decisions that are put in place of those that stand."""

    granted: bool
    rationale: str
    decisions: list[DecisionAsked] = Field(default=[], max_length=MANY)


class ReleaseAsked(Asked):
    """A reviewer who will not finish."""

    reviewer: str = Field(description="id of the principal, as the history names it")


class TieAsked(Asked):
    """A reviewer has to do with a member's group."""

    reviewer: str = Field(description="id of the principal, the `sub` of its tokens")
    member_id: UUID


class WaiverAsked(Asked):
    """A clause to leave out of verdicts until a day."""

    clause: str
    reason: str
    until: date


class WaiverShown(Answer):
    """A clause that is left out of verdicts until a day."""

    clause: str
    reason: str
    until: date


class WaiversShown(Answer):
    """The waivers on a version of the criteria, ended ones too."""

    waivers: list[WaiverShown]


class ExtensionAsked(Asked):
    """What a protocol asks for beyond the criteria."""

    topic: str = Field(description="such as land rights or women's rights")
    requirement_ref: str = ""
    requirement_text: str


class ExtensionShown(Answer):
    """What a protocol asks for beyond the criteria."""

    topic: str
    requirement_ref: str
    requirement_text: str


class ExtensionsShown(Answer):
    """Extensions of the asker's own protocols and of public ones."""

    extensions: list[ExtensionShown]


class EvolutionAsked(Asked):
    """The dates by which a version gives way to a newer one."""

    newer: str
    consultation_until: date
    effective_on: date
    transition_until: date


class CommentShown(Answer):
    """A word in a consultation."""

    text: str
    at: datetime


class EvolutionShown(Answer):
    """The dates by which a version gives way to a newer one, and what was said in the consultation."""

    older: str
    newer: str
    phase: Phase
    consultation_until: date
    effective_on: date
    transition_until: date
    comments: list[CommentShown]


class Done(Answer):
    """It was done."""

    done: bool = True


class WhatIfShown(FiguresShown):
    """What a protocol version would come to under other criteria today."""

    protocol_id: UUID
    version: str
    member_id: UUID | None
    criteria_version: str
    equivalent: Equivalent
    asked: int = Field(description="criteria that its answers say nothing about")


class WhatIfsShown(Answer):
    """What every protocol version with a verdict would come to under other criteria today."""

    protocols: list[WhatIfShown]


class CarriedShown(Answer):
    """Answers as they hold under a newer version, and the criteria that are still to be answered."""

    answers: list[AnswerAsked]
    asked: list[str]


def add_around(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    """Add the routes to the benchmark's."""
    _add_questions(router, requests, access)
    _add_appeals(router, requests, access)
    _add_rules(router, requests, access)
    _add_extensions(router, requests, access)
    _add_evolution(router, requests, access)
    _add_carrying(router, requests, access)


def _add_questions(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    owner = Annotated[Principal, Depends(access.require(Role.MEMBER, Role.SECRETARIAT))]
    reviewer = Annotated[Principal, Depends(access.require(Role.REVIEWER))]
    do = Annotated[Command[Work], Depends(requests.command)]

    @router.post(
        "/assessments/{assessment_id}/questions",
        status_code=201,
        response_model=QuestionShown,
        tags=["review"],
    )
    async def ask(assessment_id: UUID, asked: QuestionAsked, who: reviewer, command: do) -> Response:
        async def put(work: Work) -> QuestionShown:
            return question_shown(
                await process.ask(assessment_id, asked.criterion_id, asked.text, by=who.subject, work=work)
            )

        return await command(put, by=who, status=201)

    @router.post(
        "/assessments/{assessment_id}/questions/{question_id}/reply",
        response_model=QuestionShown,
        tags=["assessments"],
    )
    async def reply(
        assessment_id: UUID, question_id: UUID, asked: TextAsked, who: owner, command: do
    ) -> Response:
        async def replied(work: Work) -> QuestionShown:
            return question_shown(
                await process.reply(
                    assessment_id, question_id, asked.text, owner=who.member, by=who.subject, work=work
                )
            )

        return await command(replied, by=who)


def _add_appeals(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    owner = Annotated[Principal, Depends(access.require(Role.MEMBER, Role.SECRETARIAT))]
    reviewer = Annotated[Principal, Depends(access.require(Role.REVIEWER))]
    do = Annotated[Command[Work], Depends(requests.command)]

    @router.post(
        "/assessments/{assessment_id}/appeal",
        status_code=201,
        response_model=AppealTaken,
        tags=["assessments"],
    )
    async def appeal(assessment_id: UUID, asked: AppealAsked, who: owner, command: do) -> Response:
        async def appealed(work: Work) -> AppealTaken:
            made = await process.appeal(
                assessment_id, asked.reason, owner=who.member, by=who.subject, work=work
            )
            return AppealTaken(assessment_id=assessment_id, appealed_at=made.at)

        return await command(appealed, by=who, status=201)

    @router.post(
        "/assessments/{assessment_id}/appeal/decision", response_model=AssessmentShown, tags=["review"]
    )
    async def decide(assessment_id: UUID, asked: AppealDecision, who: reviewer, command: do) -> Response:
        async def decided(work: Work) -> AssessmentShown:
            decisions = decisions_of(asked.decisions)
            return assessment_shown(
                await process.decide_appeal(
                    assessment_id,
                    decisions,
                    granted=asked.granted,
                    rationale=asked.rationale,
                    by=who.subject,
                    work=work,
                )
            )

        return await command(decided, by=who)


def _add_rules(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    secretariat = Annotated[Principal, Depends(access.require(Role.SECRETARIAT))]
    everyone = Annotated[Principal, Depends(access.require(*_EVERYONE))]
    may_release = Annotated[Principal, Depends(access.require(Role.SECRETARIAT, Role.REVIEWER))]
    do = Annotated[Command[Work], Depends(requests.command)]

    @router.post(
        "/assessments/{assessment_id}/releases", status_code=201, response_model=Done, tags=["review"]
    )
    async def release(assessment_id: UUID, asked: ReleaseAsked, who: may_release, command: do) -> Response:
        if who.role is Role.REVIEWER and asked.reviewer != who.subject:
            raise Forbidden(
                "a reviewer releases herself alone", field="reviewer", remedy="ask the secretariat"
            )

        async def released(work: Work) -> Done:
            await process.release(assessment_id, asked.reviewer, by=who.subject, work=work)
            return Done()

        return await command(released, by=who, status=201)

    @router.post("/reviewers/ties", status_code=201, response_model=Done, tags=["review"])
    async def tie(asked: TieAsked, who: secretariat, command: do) -> Response:
        async def tied(work: Work) -> Done:
            await process.tie(asked.reviewer, asked.member_id, work=work)
            return Done()

        return await command(tied, by=who, status=201)

    @router.post(
        "/criteria/{version}/waivers", status_code=201, response_model=WaiverShown, tags=["criteria"]
    )
    async def waive(version: str, asked: WaiverAsked, who: secretariat, command: do) -> Response:
        async def waived(work: Work) -> WaiverShown:
            made = await process.waive(
                version, asked.clause, asked.reason, asked.until, by=who.subject, work=work
            )
            return WaiverShown(clause=made.clause, reason=made.reason, until=made.until)

        return await command(waived, by=who, status=201)

    @router.get("/criteria/{version}/waivers", tags=["criteria"])
    async def list_waivers(version: str, who: everyone) -> WaiversShown:  # noqa: ARG001
        async def listed(work: Work) -> WaiversShown:
            return WaiversShown(
                waivers=[
                    WaiverShown(clause=one.clause, reason=one.reason, until=one.until)
                    for one in await work.process.waivers(version)
                ]
            )

        return await requests.read(listed)


def _add_extensions(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    owner = Annotated[Principal, Depends(access.require(Role.MEMBER, Role.SECRETARIAT))]
    do = Annotated[Command[Work], Depends(requests.command)]

    @router.post(
        "/protocols/{protocol_id}/versions/{version}/extensions",
        status_code=201,
        response_model=Done,
        tags=["protocols"],
    )
    async def keep(
        protocol_id: UUID, version: str, asked: ExtensionAsked, who: owner, command: do
    ) -> Response:
        async def kept(work: Work) -> Done:
            await process.keep_extension(
                protocol_id, version, Extension(**asked.model_dump()), owner=who.member, work=work
            )
            return Done()

        return await command(kept, by=who, status=201)

    @router.get("/extensions", tags=["protocols"])
    async def find(who: owner, q: Annotated[str, Query(max_length=200)] = "") -> ExtensionsShown:
        async def found(work: Work) -> ExtensionsShown:
            return ExtensionsShown(
                extensions=[
                    ExtensionShown(
                        topic=one.topic,
                        requirement_ref=one.requirement_ref,
                        requirement_text=one.requirement_text,
                    )
                    for one in await process.find_extensions(q, work=work)
                ]
            )

        return await requests.read(found, tenant=who.member)


def _add_evolution(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    secretariat = Annotated[Principal, Depends(access.require(Role.SECRETARIAT))]
    member = Annotated[Principal, Depends(access.require(Role.MEMBER))]
    everyone = Annotated[Principal, Depends(access.require(*_EVERYONE))]
    do = Annotated[Command[Work], Depends(requests.command)]

    @router.post(
        "/criteria/{version}/evolution", status_code=201, response_model=EvolutionShown, tags=["criteria"]
    )
    async def announce(version: str, asked: EvolutionAsked, who: secretariat, command: do) -> Response:
        async def announced(work: Work) -> EvolutionShown:
            made = await evolution.announce(version, **asked.model_dump(), by=who.subject, work=work)
            return await _evolution(made, work)

        return await command(announced, by=who, status=201)

    @router.get("/criteria/{version}/evolution", tags=["criteria"])
    async def show(version: str, who: everyone) -> EvolutionShown:  # noqa: ARG001
        async def shown(work: Work) -> EvolutionShown:
            found = await work.process.evolution(version)
            if found is None:
                raise Unknown(
                    "nothing follows this version yet", field="version", remedy="list the criteria first"
                )
            return await _evolution(found, work)

        return await requests.read(shown)

    @router.post("/criteria/{version}/comments", status_code=201, response_model=Done, tags=["criteria"])
    async def comment(version: str, asked: TextAsked, who: member, command: do) -> Response:
        async def commented(work: Work) -> Done:
            await evolution.comment(version, asked.text, by=who.subject, work=work)
            return Done()

        return await command(commented, by=who, status=201)


def _add_carrying(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    owner = Annotated[Principal, Depends(access.require(Role.MEMBER, Role.SECRETARIAT))]
    judge = Annotated[Principal, Depends(access.require(Role.SECRETARIAT, Role.REVIEWER))]

    @router.get("/criteria/{version}/what-if", tags=["criteria"])
    async def what_if(version: str, who: judge) -> WhatIfsShown:
        async def reckoned(work: Work) -> WhatIfsShown:
            return WhatIfsShown(
                protocols=[
                    WhatIfShown(
                        **percentages(one.outcome.figures),
                        protocol_id=one.protocol_id,
                        version=one.version,
                        member_id=one.owner,
                        criteria_version=one.criteria_version,
                        equivalent=one.outcome.equivalent,
                        asked=one.outcome.asked,
                    )
                    for one in await evolution.what_if(
                        version, by=who.subject if who.role is Role.REVIEWER else "", work=work
                    )
                ]
            )

        return await requests.read(reckoned)

    @router.get("/assessments/{assessment_id}/carried", tags=["assessments"])
    async def carried(assessment_id: UUID, criteria_version: str, who: owner) -> CarriedShown:
        async def moved(work: Work) -> CarriedShown:
            answers, asked = await evolution.carry_over(assessment_id, criteria_version, work=work)
            return CarriedShown(
                answers=[AnswerAsked(**row_of(one)) for one in answers],
                asked=list(asked),
            )

        return await requests.read(moved, tenant=who.member)


async def _evolution(made: Evolution, work: Work) -> EvolutionShown:
    return EvolutionShown(
        older=made.older,
        newer=made.newer,
        phase=made.phase(work.now.date()),
        consultation_until=made.consultation_until,
        effective_on=made.effective_on,
        transition_until=made.transition_until,
        comments=[CommentShown(text=one.text, at=one.at) for one in await work.process.comments(made.older)],
    )
