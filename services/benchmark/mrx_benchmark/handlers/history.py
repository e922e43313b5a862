"""The history of an assessment, of which every step is published."""

from mrx_shared.messages.benchmark import AssessmentMoved

from mrx_benchmark.domain.assessments import Assessment
from mrx_benchmark.domain.history import Event, EventKind
from mrx_benchmark.domain.questions import Question
from mrx_benchmark.ports import Work

BY_ITSELF = "benchmark"
"""Who takes a step that nobody asked for."""


async def note(
    assessment: Assessment,
    step: EventKind,
    by: str,
    work: Work,
    *,
    detail: str = "",
    question: Question | None = None,
) -> None:
    """Enter a step into the history, and say it; of a `question` or its reply also what waits for the owner now."""
    event = Event(step=step, by=by, at=work.now, detail=detail)
    await work.history.add(assessment.assessment_id, event, owner=assessment.owner)
    work.emit(
        AssessmentMoved(
            assessment_id=assessment.assessment_id,
            protocol_id=assessment.protocol_id,
            protocol_version=assessment.version,
            public=assessment.owner is None,
            member_id=assessment.owner,
            criteria_version=assessment.criteria_version,
            step=step.value,
            by=by,
            at=work.now,
            criterion_id=question.criterion_id if question else None,
            asked_by=question.asked_by if question else None,
            open_questions=await _open_questions(question, work) if question else None,
        ),
        about=str(assessment.assessment_id),
    )


async def _open_questions(question: Question, work: Work) -> int:
    """How many of the same asker's questions on the assessment wait for a reply."""
    return sum(
        one.replied_at is None and one.asked_by == question.asked_by
        for one in (await work.questions.of([question.assessment_id]))[question.assessment_id]
    )
