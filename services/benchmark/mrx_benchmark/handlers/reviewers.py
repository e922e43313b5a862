"""Who may judge: nobody who has to do with the owner's group."""

from uuid import UUID

from mrx_shared.refusals import Forbidden

from mrx_benchmark.domain.assessments import Assessment, State
from mrx_benchmark.ports import Work


async def check_free(reviewer: str, owner: UUID | None, work: Work) -> None:
    """Raises `Forbidden` where a reviewer has to do with the owner's group."""
    if await is_tied(reviewer, owner, work):
        raise Forbidden(
            "this protocol is of a group that you are tied to",
            field="assessment_id",
            remedy="leave it to another reviewer",
        )


async def is_tied(reviewer: str, owner: UUID | None, work: Work) -> bool:
    """Whether a reviewer has to do with the owner's group."""
    return owner is not None and await work.process.tied(reviewer, owner)


async def impartial(assessment: Assessment, work: Work) -> Assessment:
    """Without the decisions of who has been tied to the owner's group since; a verdict that was reached stands."""
    if assessment.state is not State.IN_REVIEW:
        return assessment
    for who in assessment.judges():
        if await is_tied(who, assessment.owner, work):
            assessment = assessment.without(who)
    return assessment
