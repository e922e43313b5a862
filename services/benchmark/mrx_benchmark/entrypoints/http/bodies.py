"""What the HTTP API takes and gives, and how the handlers' results become it."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from mrx_criteria.domain.answers import read_relation
from mrx_criteria.domain.commonality import Equivalent, Figures, percent
from mrx_criteria.domain.criteria import Catalogue, Relation
from mrx_shared.api.bodies import Answer
from mrx_shared.api.bodies import RequestBody as Asked
from pydantic import Field

from mrx_benchmark import handlers
from mrx_benchmark.domain.assessments import Decision, Judgement, State
from mrx_benchmark.domain.process import Appeal, Evolution, Phase, Question, Step
from mrx_benchmark.domain.protocols import Protocol, ProtocolVersion

MANY = 2_000


class ProtocolAsked(Asked):
    """A protocol to take up: a member's own, or a public one of the secretariat."""

    code: str
    name: str
    scheme_family: str | None = Field(default=None, description="of a public protocol, such as SMETA")
    public: bool = False


class ProtocolTaken(Answer):
    """A protocol was taken up."""

    protocol_id: UUID


class VersionAsked(Asked):
    """A version of a protocol and the days of the audits done under it."""

    version: str
    effective_from: date
    effective_until: date | None = None


class VersionShown(Answer):
    """A version of a protocol."""

    protocol_id: UUID
    version: str
    effective_from: date
    effective_until: date | None


class ProtocolShown(Answer):
    """A protocol with its versions."""

    protocol_id: UUID
    code: str
    name: str
    scheme_family: str
    public: bool
    member_id: UUID | None
    versions: list[VersionShown]


class ProtocolsShown(Answer):
    """The protocols that the asker may see."""

    protocols: list[ProtocolShown]


class AnswerAsked(Asked):
    """A row of the answers' template; without a relation the criterion stays open."""

    criterion_id: str
    relation: str = Field(default="", description=", ".join(Relation))
    requirement_ref: str = ""
    requirement_text: str = ""
    rationale: str = ""
    evidence: str = ""


class AssessmentAsked(Asked):
    """An owner's answers for a version of its protocol."""

    protocol_id: UUID
    version: str
    criteria_version: str
    answers: list[AnswerAsked] = Field(min_length=1, max_length=MANY)


class DecisionAsked(Asked):
    """A reviewer's word on one criterion."""

    criterion_id: str
    verdict: Judgement
    relation: str | None = Field(default=None, description="of a correction: the right relation")
    rationale: str = Field(default="", description="of a correction: why")


class ReviewAsked(Asked):
    """Decisions of a reviewer."""

    decisions: list[DecisionAsked] = Field(default=[], max_length=MANY)
    confirm_rest: bool = Field(default=False, description="confirm every answer without a decision")


class FiguresShown(Answer):
    """Percentages, rounded down to two places."""

    commonality: Decimal
    lower: Decimal
    upper: Decimal


class Appealed(StrEnum):
    """How an appeal stands."""

    OPEN = "open"
    GRANTED = "granted"
    DISMISSED = "dismissed"


class AssessmentShown(FiguresShown):
    """An assessment and what it comes to as it stands."""

    assessment_id: UUID
    protocol_id: UUID
    version: str
    criteria_version: str
    member_id: UUID | None
    state: State
    submitted_at: datetime
    equivalent: Equivalent
    undecided: int
    recognised_from: date | None
    recognised_until: date | None
    concluded_at: datetime | None
    appealed: Appealed | None = Field(
        description="how the appeal against the verdict stands, if there is one"
    )
    questions_open: int = Field(
        description="questions that wait for the owner's reply; a reviewer is told none of them in a list, "
        "and of one assessment her own before both are done"
    )


class AssessmentsShown(Answer):
    """The assessments that the asker may see, the newest first."""

    assessments: list[AssessmentShown]


class AnswerShown(Answer):
    """An answer with the decision on it."""

    criterion_id: str
    relation: Relation | None
    requirement_ref: str
    requirement_text: str
    rationale: str
    evidence: str
    verdict: Judgement | None
    corrected_to: Relation | None
    reviewers_rationale: str
    decided_by: str | None
    decided_at: datetime | None


class StepShown(Answer):
    """A step of an assessment, with who took it and when."""

    step: Step
    by: str
    at: datetime
    detail: str


class QuestionShown(Answer):
    """A reviewer's question to the owner, and the reply."""

    question_id: UUID
    criterion_id: str
    text: str
    asked_at: datetime
    reply: str
    replied_at: datetime | None


class AppealShown(Answer):
    """An owner's objection to the verdict."""

    reason: str
    appealed_at: datetime
    granted: bool | None
    rationale: str
    decided_at: datetime | None


class DifferenceShown(Answer):
    """Where two reviewers differ."""

    criterion_id: str
    first: Relation | None
    second: Relation | None
    resolved: bool


class AgreementShown(Answer):
    """How far two reviewers agree, once both are done."""

    independent: bool = Field(
        description="false where one of them may have read what an earlier pair wrote, before a tie put one of it out"
    )
    kappa: Decimal | None = Field(
        description="Cohen's kappa, rounded down to two places; none where they are not independent"
    )
    compared: int
    differences: list[DifferenceShown]


class WaivedShown(Answer):
    """A clause that the figures leave out."""

    clause: str
    reason: str
    until: date


class AssessmentWhole(AssessmentShown):
    """An assessment with every answer."""

    reviewers: int = Field(description="how many people have begun to judge it independently")
    may_judge: bool = Field(description="whether the reviewer who asks may decide on answers")
    agreement: AgreementShown | None
    history: list[StepShown]
    questions: list[QuestionShown]
    appeal: AppealShown | None
    waived: list[WaivedShown]

    by_pillar: dict[str, FiguresShown]
    by_clause: dict[str, FiguresShown]
    cheapest_path: list[str]
    answers: list[AnswerShown]


class JudgeShown(Answer):
    """One of the two who judge an assessment."""

    reviewer: str = Field(description="id of the principal, the `sub` of its tokens")
    judged: int = Field(description="answers that this reviewer has judged")
    last_at: datetime = Field(description="when last")
    releasable: bool


class AtWorkShown(Answer):
    """An assessment that is not concluded, and who judges it; nothing of what anybody wrote."""

    assessment_id: UUID
    protocol_id: UUID
    code: str
    name: str
    version: str
    criteria_version: str
    member_id: UUID | None
    submitted_at: datetime
    answers: int
    both_done: bool = Field(description="whether it waits for a third reviewer or for the conclusion")
    reviewers: list[JudgeShown]


class ReviewsShown(Answer):
    """The assessments that are not concluded, the oldest first."""

    reviews: list[AtWorkShown]


class SuccessorShown(Answer):
    """The dates by which a version gives way to a newer one."""

    newer: str
    phase: Phase
    consultation_until: date
    effective_on: date
    transition_until: date


class CriteriaShown(Answer):
    """A version of the criteria, in short."""

    version: str
    based_on: str
    valid_from: date
    valid_until: date | None
    criteria: int
    weight: int
    successor: SuccessorShown | None


class CriteriaListed(Answer):
    """The versions of the criteria."""

    criteria: list[CriteriaShown]


def decisions_of(asked: Iterable[DecisionAsked]) -> list[Decision]:
    """A reviewer's decisions; a relation that is none is refused with its row."""
    return [
        Decision(
            criterion_id=one.criterion_id,
            judgement=one.verdict,
            relation=read_relation(one.relation, row=row) if one.relation else None,
            rationale=one.rationale,
        )
        for row, one in enumerate(asked, 1)
    ]


def version_shown(version: ProtocolVersion) -> VersionShown:
    """A version."""
    return VersionShown(
        protocol_id=version.protocol_id,
        version=version.version,
        effective_from=version.effective_from,
        effective_until=version.effective_until,
    )


def protocol_shown(protocol: Protocol, versions: list[ProtocolVersion]) -> ProtocolShown:
    """A protocol with its versions."""
    return ProtocolShown(
        protocol_id=protocol.protocol_id,
        code=protocol.code,
        name=protocol.name,
        scheme_family=protocol.scheme_family,
        public=protocol.public,
        member_id=protocol.owner,
        versions=[version_shown(version) for version in versions],
    )


def criteria_shown(catalogue: Catalogue, evolution: Evolution | None, today: date) -> CriteriaShown:
    """A version of the criteria, in short, with its last day as it holds now."""
    return CriteriaShown(
        version=catalogue.version,
        based_on=catalogue.based_on,
        valid_from=catalogue.valid_from,
        valid_until=catalogue.valid_until,
        criteria=len(catalogue.criteria),
        weight=catalogue.weight,
        successor=SuccessorShown(
            newer=evolution.newer,
            phase=evolution.phase(today),
            consultation_until=evolution.consultation_until,
            effective_on=evolution.effective_on,
            transition_until=evolution.transition_until,
        )
        if evolution
        else None,
    )


def at_work_shown(found: handlers.AtWork) -> AtWorkShown:
    """Who judges an assessment that is not concluded."""
    one, answered = found.assessment, {answer.criterion_id for answer in found.assessment.answers}
    return AtWorkShown(
        assessment_id=one.assessment_id,
        protocol_id=one.protocol_id,
        code=found.protocol.code,
        name=found.protocol.name,
        version=one.version,
        criteria_version=one.criteria_version,
        member_id=one.owner,
        submitted_at=one.submitted_at,
        answers=len(answered),
        both_done=one.settled,
        reviewers=[
            JudgeShown(
                reviewer=who,
                judged=len(answered & mine.keys()),
                last_at=max(decided.at for decided in mine.values()),
                releasable=who in found.releasable,
            )
            for who, mine in one.reviews.items()
        ],
    )


def assessment_shown(found: handlers.AssessmentShown) -> AssessmentShown:
    """An assessment, in short."""
    one, verdict = found.assessment, found.verdict
    return AssessmentShown(
        **percentages(found.score.overall),
        assessment_id=one.assessment_id,
        protocol_id=one.protocol_id,
        version=one.version,
        criteria_version=one.criteria_version,
        member_id=one.owner,
        state=one.state,
        submitted_at=one.submitted_at,
        equivalent=found.score.equivalent,
        undecided=len(one.undecided()),
        recognised_from=verdict.recognised_from if verdict else None,
        recognised_until=verdict.recognised_until if verdict else None,
        concluded_at=verdict.concluded_at if verdict else None,
        appealed=_appealed(found.appeal) if found.appeal else None,
        questions_open=sum(question.replied_at is None for question in found.questions),
    )


def _appealed(appeal: Appeal) -> Appealed:
    if appeal.granted is None:
        return Appealed.OPEN
    return Appealed.GRANTED if appeal.granted else Appealed.DISMISSED


def assessment_whole(found: handlers.AssessmentShown) -> AssessmentWhole:
    """An assessment with every answer."""
    return AssessmentWhole(
        **dict(assessment_shown(found)),
        reviewers=found.reviewers,
        may_judge=found.may_judge,
        agreement=_agreement(found),
        history=[StepShown(step=one.step, by=one.by, at=one.at, detail=one.detail) for one in found.history],
        questions=[question_shown(one) for one in found.questions],
        appeal=AppealShown(
            reason=found.appeal.reason,
            appealed_at=found.appeal.at,
            granted=found.appeal.granted,
            rationale=found.appeal.rationale,
            decided_at=found.appeal.decided_at,
        )
        if found.appeal
        else None,
        waived=[
            WaivedShown(clause=one.clause, reason=one.reason, until=one.until) for one in found.score.waived
        ],
        by_pillar={name: FiguresShown(**percentages(part)) for name, part in found.score.by_pillar.items()},
        by_clause={name: FiguresShown(**percentages(part)) for name, part in found.score.by_clause.items()},
        cheapest_path=list(found.score.cheapest_path),
        answers=list(_answers(found)),
    )


def question_shown(question: Question) -> QuestionShown:
    """A question; who asked is not the owner's to know."""
    return QuestionShown(
        question_id=question.question_id,
        criterion_id=question.criterion_id,
        text=question.text,
        asked_at=question.asked_at,
        reply=question.reply,
        replied_at=question.replied_at,
    )


def _agreement(found: handlers.AssessmentShown) -> AgreementShown | None:
    assessment = found.assessment
    if not assessment.settled:
        return None
    kappa = assessment.kappa() if found.independent else None
    return AgreementShown(
        independent=found.independent,
        kappa=percent(kappa) if kappa is not None else None,
        compared=len(assessment.compared()),
        differences=[
            DifferenceShown(
                criterion_id=name, first=pair[0], second=pair[1], resolved=name in assessment.decisions
            )
            for name, pair in assessment.differences().items()
        ],
    )


def _answers(found: handlers.AssessmentShown) -> Iterator[AnswerShown]:
    """Every criterion that the owner answered or a reviewer decided on."""
    answers = {answer.criterion_id: answer for answer in found.assessment.answers}
    decisions = found.assessment.decisions
    for criterion_id in [*answers, *(one for one in decisions if one not in answers)]:
        answer, decided = answers.get(criterion_id), decisions.get(criterion_id)
        yield AnswerShown(
            criterion_id=criterion_id,
            relation=answer.relation if answer else None,
            requirement_ref=answer.requirement_ref if answer else "",
            requirement_text=answer.requirement_text if answer else "",
            rationale=answer.rationale if answer else "",
            evidence=answer.evidence if answer else "",
            verdict=decided.decision.judgement if decided else None,
            corrected_to=decided.decision.relation if decided else None,
            reviewers_rationale=decided.decision.rationale if decided else "",
            decided_by=decided.by if decided else None,
            decided_at=decided.at if decided else None,
        )


def percentages(figures: Figures) -> dict[str, Any]:
    """Figures, rounded down."""
    return {
        "commonality": percent(figures.commonality),
        "lower": percent(figures.lower),
        "upper": percent(figures.upper),
    }
