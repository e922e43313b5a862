"""How the handlers' results become bodies of the API."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from mrx_criteria.domain.answers import TEXTS, read_relation, row_of
from mrx_criteria.domain.commonality import Figures, Score, percent
from mrx_criteria.domain.criteria import Catalogue
from mrx_shared.api import benchmark as api

from mrx_benchmark.domain.appeals import Appeal
from mrx_benchmark.domain.assessments import Decision, Judgement
from mrx_benchmark.domain.consultation import Evolution
from mrx_benchmark.domain.protocols import Protocol, ProtocolVersion
from mrx_benchmark.handlers import assessing, reviewing
from mrx_benchmark.handlers.drafting import DraftShown


def decisions_of(stated: Iterable[api.NewDecision]) -> list[Decision]:
    """A reviewer's decisions; a relation that is none is refused with its row."""
    return [
        Decision(
            criterion_id=one.criterion_id,
            judgement=Judgement(one.verdict),
            relation=read_relation(one.relation, row=row) if one.relation else None,
            rationale=one.rationale,
        )
        for row, one in enumerate(stated, 1)
    ]


def protocol_body(protocol: Protocol, versions: list[ProtocolVersion]) -> api.Protocol:
    """A protocol with its versions."""
    return api.Protocol.of(
        protocol,
        member_id=protocol.owner,
        versions=[api.ProtocolVersion.of(version) for version in versions],
    )


def criteria_body(catalogue: Catalogue, evolution: Evolution | None, today: date) -> api.CriteriaVersion:
    """A version of the criteria, in short, with its last day as it holds now."""
    return api.CriteriaVersion.of(
        catalogue,
        criteria=len(catalogue.criteria),
        successor=successor(evolution, today) if evolution else None,
    )


def successor(evolution: Evolution, today: date) -> api.Succession:
    """The dates by which a newer version replaces an older one."""
    return api.Succession.of(evolution, phase=evolution.phase(today))


def at_work_body(found: reviewing.ReviewerWorkload) -> api.AssessmentAtWork:
    """Who judges an assessment that is not concluded."""
    one, answered = found.assessment, {answer.criterion_id for answer in found.assessment.answers}
    return api.AssessmentAtWork.of(
        one,
        code=found.protocol.code,
        name=found.protocol.name,
        member_id=one.owner,
        answers=len(answered),
        both_done=one.settled,
        reviewers=[
            api.Judge(
                reviewer=who,
                judged=len(answered & mine.keys()),
                last_at=max(decided.at for decided in mine.values()),
                releasable=who in found.releasable,
            )
            for who, mine in one.reviews.items()
        ],
    )


def draft_body(found: DraftShown) -> api.Draft:
    """A draft, in short."""
    one = found.draft
    return api.Draft.of(
        one,
        **dict(figures_body(found.score.overall)),
        equivalent=found.score.equivalent,
        answered=len(one.answers),
        open=sum(gap.relation is None for gap in found.score.gaps),
    )


def draft_whole(found: DraftShown) -> api.DraftWhole:
    """A draft with every answer."""
    return api.DraftWhole(
        **dict(draft_body(found)),
        **_parts(found.score),
        answers=[api.AnswerRow(**row_of(one)) for one in found.draft.written],
    )


def assessment_body(found: assessing.AssessmentShown) -> api.Assessment:
    """An assessment, in short."""
    one, verdict = found.assessment, found.verdict
    return api.Assessment.of(
        one,
        **dict(figures_body(found.score.overall)),
        member_id=one.owner,
        equivalent=found.score.equivalent,
        undecided=len(one.undecided()),
        recognised_from=verdict.recognised_from if verdict else None,
        recognised_until=verdict.recognised_until if verdict else None,
        concluded_at=verdict.concluded_at if verdict else None,
        appealed=_appealed(found.appeal) if found.appeal else None,
        questions_open=sum(question.replied_at is None for question in found.questions),
    )


def _appealed(appeal: Appeal) -> str:
    if appeal.granted is None:
        return "open"
    return "granted" if appeal.granted else "dismissed"


def assessment_whole(found: assessing.AssessmentShown) -> api.AssessmentWhole:
    """An assessment with every answer."""
    return api.AssessmentWhole(
        **dict(assessment_body(found)),
        **_parts(found.score),
        reviewers=found.reviewers,
        may_judge=found.may_judge,
        agreement=_agreement(found),
        history=[api.Event.of(one) for one in found.history],
        questions=[api.Question.of(one) for one in found.questions],
        appeal=api.Appeal.of(found.appeal, appealed_at=found.appeal.at) if found.appeal else None,
        waived=[api.Waiver.of(one) for one in found.score.waived],
        answers=list(_answers(found)),
    )


def _parts(score: Score) -> dict[str, Any]:
    """A score by pillars and clauses, and what would reach the gate."""
    return {
        "by_pillar": {name: figures_body(part) for name, part in score.by_pillar.items()},
        "by_clause": {name: figures_body(part) for name, part in score.by_clause.items()},
        "cheapest_path": list(score.cheapest_path),
    }


def _agreement(found: assessing.AssessmentShown) -> api.Agreement | None:
    assessment = found.assessment
    if not assessment.settled:
        return None
    kappa = assessment.kappa() if found.independent else None
    return api.Agreement(
        independent=found.independent,
        kappa=percent(kappa) if kappa is not None else None,
        compared=len(assessment.compared()),
        differences=[
            api.Difference(
                criterion_id=name, first=pair[0], second=pair[1], resolved=name in assessment.decisions
            )
            for name, pair in assessment.differences().items()
        ],
    )


def _answers(found: assessing.AssessmentShown) -> Iterator[api.JudgedAnswer]:
    """Every criterion that the owner answered or a reviewer decided on."""
    answers = {answer.criterion_id: answer for answer in found.assessment.answers}
    decisions = found.assessment.decisions
    for criterion_id in [*answers, *(one for one in decisions if one not in answers)]:
        answer, decided = answers.get(criterion_id), decisions.get(criterion_id)
        yield api.JudgedAnswer(
            criterion_id=criterion_id,
            relation=answer.relation if answer else None,
            **{name: getattr(answer, name) if answer else "" for name in TEXTS},
            verdict=decided.decision.judgement if decided else None,
            corrected_to=decided.decision.relation if decided else None,
            reviewers_rationale=decided.decision.rationale if decided else "",
            decided_by=decided.by if decided else None,
            decided_at=decided.at if decided else None,
        )


def figures_body(figures: Figures) -> api.Figures:
    """Figures, rounded down."""
    return api.Figures(**figures.published)
