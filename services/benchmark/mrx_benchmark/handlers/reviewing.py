"""Two reviewers judge every answer; the secretariat sees how far they are and releases who will not finish."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from mrx_criteria.domain.commonality import score
from mrx_shared.refusals import Rejected

from mrx_benchmark.domain.assessments import Assessment, Decision, State
from mrx_benchmark.domain.history import EventKind
from mrx_benchmark.domain.impartiality import Conflicts
from mrx_benchmark.domain.protocols import Protocol
from mrx_benchmark.handlers.assessing import AssessmentShown, frozen
from mrx_benchmark.handlers.criteria import catalogue_named
from mrx_benchmark.handlers.history import BY_ITSELF, note
from mrx_benchmark.ports import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewerWorkload:
    """An assessment that is not concluded, with those of its reviewers who can be released."""

    assessment: Assessment
    protocol: Protocol
    releasable: tuple[str, ...]


async def review(
    assessment_id: UUID, decisions: Iterable[Decision], *, confirm_rest: bool, by: str, work: Work
) -> AssessmentShown:
    """Keep a reviewer's decisions."""
    owner = await work.owners.of_assessment(assessment_id)
    (await work.impartiality.conflicts()).check(by, owner)
    async with work.acting_for(owner):
        kept = await work.assessments.get_to_change(assessment_id)
        conflicts = await work.impartiality.conflicts()  # one may have come while another transaction held it
        assessment = conflicts.impartial(kept)
        if frozen(by, assessment, (await work.history.of([assessment_id]))[assessment_id]):
            raise Rejected(
                "both reviews were finished, and you may have read the other; yours stands",
                field="decisions",
                remedy="leave it as it is; another reviewer takes over from the one who was removed",
            )
        await _note_conflicts(kept, conflicts, work)
        catalogue = catalogue_named(assessment.criteria_version, work)
        reviewed = assessment.review(
            decisions, confirm_rest=confirm_rest, by=by, at=work.now, catalogue=catalogue
        )
        await work.assessments.save(reviewed)
        await note(reviewed, EventKind.RESOLVED if assessment.settled else EventKind.REVIEWED, by, work)
        if reviewed.settled and not assessment.settled:
            await note(
                reviewed, EventKind.SETTLED, by, work, detail=f"{len(reviewed.differences())} differences"
            )
        seen = reviewed.as_seen_by(by)
        return AssessmentShown(
            assessment=seen,
            score=score(catalogue, seen.judged()),
            verdict=None,
        )


async def unassign(assessment_id: UUID, reviewer: str, *, by: str, work: Work) -> None:
    """Put out a reviewer who will not finish; what she has decided falls away."""
    async with work.acting_for(await work.owners.of_assessment(assessment_id)):
        kept = await work.assessments.get_to_change(assessment_id)
        conflicts = await work.impartiality.conflicts()
        assessment = conflicts.impartial(kept)
        if frozen(reviewer, assessment, (await work.history.of([assessment_id]))[assessment_id]):
            raise Rejected(
                "this reviewer may have read the removed review; this one stands",
                field="reviewer",
                remedy="let another reviewer take over from the one who was removed",
            )
        unassigned = assessment.unassign(reviewer)
        await _note_conflicts(kept, conflicts, work)
        await work.assessments.save(unassigned)
        await note(unassigned, EventKind.RELEASED, by, work, detail=reviewer)


async def list_reviews(*, work: Work) -> list[ReviewerWorkload]:
    """Who judges what that is not concluded, the oldest first; nothing of what anybody wrote."""
    conflicts = await work.impartiality.conflicts()
    found: list[ReviewerWorkload] = []
    for owner in await work.owners.all():
        async with work.acting_for(owner):
            at_work = [
                conflicts.impartial(one)
                for one in await work.assessments.visible()
                if one.owner == owner and one.state in {State.SUBMITTED, State.IN_REVIEW}
            ]
            histories = await work.history.of([one.assessment_id for one in at_work])
            protocols = {one.protocol_id: one for one, _ in await work.protocols.visible()}
        found += [
            ReviewerWorkload(
                assessment=one,
                protocol=protocols[one.protocol_id],
                releasable=tuple(
                    who
                    for who in one.reviews
                    if not one.settled and not frozen(who, one, histories[one.assessment_id])
                ),
            )
            for one in at_work
        ]
    return sorted(found, key=lambda one: one.assessment.assessment_id)


async def _note_conflicts(kept: Assessment, conflicts: Conflicts, work: Work) -> None:
    """Enter into the history who no longer judges it because of a conflict that was declared since."""
    for who in conflicts.of_judges(kept):
        await note(kept, EventKind.RELEASED, BY_ITSELF, work, detail=who)
