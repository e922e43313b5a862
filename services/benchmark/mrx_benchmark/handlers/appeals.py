"""An owner appeals against a verdict; a reviewer who had no part in it decides."""

from collections.abc import Iterable
from uuid import UUID

from mrx_shared.refusals import Forbidden, Invalid, Rejected

from mrx_benchmark.domain.appeals import Appeal, check_in_time
from mrx_benchmark.domain.assessments import Assessment, Decision, check_measurable
from mrx_benchmark.domain.history import EventKind
from mrx_benchmark.handlers.assessing import AssessmentShown, shown
from mrx_benchmark.handlers.criteria import in_force, waivers_today
from mrx_benchmark.handlers.history import note
from mrx_benchmark.handlers.protocols import check_code
from mrx_benchmark.handlers.publishing import as_kept, emit_assessed
from mrx_benchmark.ports import Work


async def appeal(assessment_id: UUID, reason: str, *, owner: UUID | None, by: str, work: Work) -> Appeal:
    """The owner objects to a verdict, once and in time."""
    assessment = await work.assessments.get_to_change(assessment_id)
    if assessment.owner != owner:
        raise Forbidden(
            "this assessment is the secretariat's", field="assessment_id", remedy="appeal for your own"
        )
    verdict = await work.assessments.verdict(assessment_id)
    if verdict is None:
        raise Rejected("there is no verdict yet", field="state", remedy="appeal against a verdict")
    check_in_time(verdict.concluded_at, work.now)
    await _check_last(assessment, work)
    if assessment_id in await work.appeals.of([assessment_id]):
        raise Rejected(
            "this verdict has already been appealed against", field="state", remedy="submit a new assessment"
        )
    made = Appeal(assessment_id=assessment_id, reason=reason, by=by, at=work.now)
    await work.appeals.keep(made, owner=owner)
    await note(assessment, EventKind.APPEALED, by, work)
    return made


async def decide_appeal(
    assessment_id: UUID,
    decisions: Iterable[Decision],
    *,
    granted: bool,
    rationale: str,
    by: str,
    work: Work,
) -> AssessmentShown:
    """A reviewer without a part in the verdict decides. Granted, new decisions make a new verdict, and it is said.

    Once another verdict has taken the place of that which is appealed against, the appeal can only be dismissed.
    """
    taken = list(decisions)
    if taken and not granted:
        raise Invalid(
            f"the appeal is dismissed, but {len(taken)} decisions are given",
            field="decisions",
            remedy="leave them out, or grant the appeal",
        )
    await work.assessments.hold_verdicts()
    owner = await work.owners.of_assessment(assessment_id)
    (await work.impartiality.conflicts()).check(by, owner)
    async with work.acting_for(owner):
        assessment = await work.assessments.get_to_change(assessment_id)
        made = (await work.appeals.of([assessment_id])).get(assessment_id)
        if made is None:
            raise Rejected(
                "there is no appeal", field="assessment_id", remedy="decide an appeal that has been made"
            )
        before = await work.assessments.verdict(assessment_id)
        if assessment.took_part(by) or (before is not None and before.concluded_by == by):
            raise Forbidden(
                "a reviewer who judged the assessment cannot decide the appeal against it",
                field="assessment_id",
                remedy="leave it to another reviewer",
            )
        if granted:
            await _check_last(assessment, work)
        await work.appeals.keep(
            made.decide(granted=granted, rationale=rationale, by=by, at=work.now), owner=owner
        )
        if not granted:
            await note(assessment, EventKind.APPEAL_DISMISSED, by, work)
            return await shown(assessment, work, by=by)
        protocol = await work.protocols.get(assessment.protocol_id)
        await check_code(protocol, work)
        catalogue = await in_force(assessment.criteria_version, work)
        changed = assessment.amend(taken, by=by, at=work.now, catalogue=catalogue)
        version = await work.protocols.version(assessment.protocol_id, assessment.version)
        check_measurable(version, catalogue)
        waivers = await waivers_today(catalogue.version, work)
        verdict = as_kept(changed, changed.outcome(catalogue, version, waivers=waivers), by, work)
        await work.assessments.save(changed)
        await work.assessments.replace_verdict(verdict)
        await note(changed, EventKind.APPEAL_GRANTED, by, work)
        emit_assessed(changed, protocol, verdict, work)
        return await shown(changed, work, by=by)


async def _check_last(assessment: Assessment, work: Work) -> None:
    """Refuse to change a verdict that a later submission's has taken the place of."""
    if await work.assessments.overtaken(assessment):
        raise Rejected(
            "a newer verdict under the same criteria replaces this one",
            field="assessment_id",
            remedy="appeal against the newer one; an open appeal here can be dismissed",
        )
