"""A reviewer asks the owner about an answer, and the owner replies."""

from uuid import UUID

from mrx_criteria.domain.answers import plain_text
from mrx_shared.refusals import Forbidden, Invalid, Rejected

from mrx_benchmark.domain.assessments import State
from mrx_benchmark.domain.history import EventKind
from mrx_benchmark.domain.questions import Question
from mrx_benchmark.handlers.history import note
from mrx_benchmark.ports import Work


async def ask(assessment_id: UUID, criterion_id: str, text: str, *, by: str, work: Work) -> Question:
    """A reviewer asks the owner about a criterion; there is no verdict before the reply."""
    owner = await work.owners.of_assessment(assessment_id)
    (await work.impartiality.conflicts()).check(by, owner)
    async with work.acting_for(owner):
        assessment = await work.assessments.get_to_change(assessment_id)
        if assessment.state not in {State.SUBMITTED, State.IN_REVIEW}:
            raise Rejected(
                f"the assessment is {assessment.state}", field="state", remedy="ask while it is in review"
            )
        if criterion_id not in {one.id for one in work.catalogues[assessment.criteria_version].criteria}:
            raise Invalid(
                f"criterion {criterion_id[:64]!r} is not in these criteria",
                field="criterion_id",
                remedy="use an id from the catalogue",
            )
        question = Question(
            question_id=work.new_id(),
            assessment_id=assessment_id,
            criterion_id=criterion_id,
            text=plain_text(text, field="text"),
            asked_by=by,
            asked_at=work.now,
        )
        await work.questions.keep(question, owner=owner)
        await note(assessment, EventKind.ASKED, by, work, detail=criterion_id, question=question)
    return question


async def reply(
    assessment_id: UUID, question_id: UUID, text: str, *, owner: UUID | None, by: str, work: Work
) -> Question:
    """The owner replies."""
    assessment = await work.assessments.get_to_change(assessment_id)
    if assessment.owner != owner:
        raise Forbidden(
            "this assessment is the secretariat's", field="assessment_id", remedy="reply to your own"
        )
    for question in (await work.questions.of([assessment_id]))[assessment_id]:
        if question.question_id == question_id:
            replied = question.replied(text, by=by, at=work.now)
            await work.questions.keep(replied, owner=owner)
            await note(
                assessment, EventKind.REPLIED, by, work, detail=question.criterion_id, question=replied
            )
            return replied
    raise Invalid("there is no such question", field="question_id", remedy="choose one from the assessment")
