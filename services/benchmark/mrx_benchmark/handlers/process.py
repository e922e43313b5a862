"""Around a review: questions to the owner, appeals, ties of reviewers to groups, waivers, extensions."""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from mrx_criteria.domain.answers import plain_text
from mrx_criteria.domain.commonality import Waiver, score
from mrx_shared.messages.registry import MemberAdmitted
from mrx_shared.refusals import Forbidden, Invalid, Rejected

from mrx_benchmark.domain.assessments import Assessment, Decision, State, check_measurable
from mrx_benchmark.domain.process import Appeal, Question, Step, check_in_time
from mrx_benchmark.domain.protocols import one_line
from mrx_benchmark.handlers.assessing import AssessmentShown, frozen, note, note_ties, shown
from mrx_benchmark.handlers.criteria import in_force, waivers_today
from mrx_benchmark.handlers.protocols import check_code, owned
from mrx_benchmark.handlers.publishing import as_kept, say_assessed
from mrx_benchmark.handlers.reviewers import check_free, impartial
from mrx_benchmark.ports import Extension, Work


async def ask(assessment_id: UUID, criterion_id: str, text: str, *, by: str, work: Work) -> Question:
    """A reviewer asks the owner about a criterion; there is no verdict before the reply."""
    owner = await work.owners.of_assessment(assessment_id)
    await check_free(by, owner, work)
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
                remedy="take an id that the catalogue lists",
            )
        question = Question(
            question_id=work.new_id(),
            assessment_id=assessment_id,
            criterion_id=criterion_id,
            text=plain_text(text, field="text"),
            asked_by=by,
            asked_at=work.now,
        )
        await work.process.keep_question(question, owner=owner)
        await note(assessment, Step.ASKED, by, work, detail=criterion_id, question=question)
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
    for question in await work.process.questions(assessment_id):
        if question.question_id == question_id:
            replied = question.replied(text, by=by, at=work.now)
            await work.process.keep_question(replied, owner=owner)
            await note(assessment, Step.REPLIED, by, work, detail=question.criterion_id, question=replied)
            return replied
    raise Invalid("there is no such question", field="question_id", remedy="take one of the assessment's")


async def release(assessment_id: UUID, reviewer: str, *, by: str, work: Work) -> None:
    """Put out a reviewer who will not finish; what she has decided falls away."""
    async with work.acting_for(await work.owners.of_assessment(assessment_id)):
        kept = await work.assessments.get_to_change(assessment_id)
        assessment = await impartial(kept, work)
        if frozen(reviewer, assessment, await work.process.history(assessment_id)):
            raise Rejected(
                "this reviewer may have read a review that was put out; this one stands",
                field="reviewer",
                remedy="let another judge in the place of who was put out",
            )
        released = assessment.release(reviewer)
        await note_ties(kept, work)
        await work.assessments.save(released)
        await note(released, Step.RELEASED, by, work, detail=reviewer)


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
    if await work.process.appeal(assessment_id) is not None:
        raise Rejected("this verdict was appealed against", field="state", remedy="submit a new assessment")
    made = Appeal(assessment_id=assessment_id, reason=reason, by=by, at=work.now)
    await work.process.keep_appeal(made, owner=owner)
    await note(assessment, Step.APPEALED, by, work)
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
            f"the appeal is dismissed, and yet {len(taken)} decisions are stated",
            field="decisions",
            remedy="leave them out, or grant the appeal",
        )
    await work.assessments.hold_verdicts()
    owner = await work.owners.of_assessment(assessment_id)
    await check_free(by, owner, work)
    async with work.acting_for(owner):
        assessment = await work.assessments.get_to_change(assessment_id)
        made = await work.process.appeal(assessment_id)
        if made is None:
            raise Rejected("there is no appeal", field="assessment_id", remedy="decide one that was made")
        before = await work.assessments.verdict(assessment_id)
        if assessment.took_part(by) or (before is not None and before.concluded_by == by):
            raise Forbidden(
                "who judged the assessment does not decide the appeal against it",
                field="assessment_id",
                remedy="leave it to another reviewer",
            )
        if granted:
            await _check_last(assessment, work)
        await work.process.keep_appeal(
            made.decide(granted=granted, rationale=rationale, by=by, at=work.now), owner=owner
        )
        if not granted:
            await note(assessment, Step.APPEAL_DISMISSED, by, work)
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
        await note(changed, Step.APPEAL_GRANTED, by, work)
        say_assessed(changed, protocol, verdict, work)
        return await shown(changed, work, by=by)


async def _check_last(assessment: Assessment, work: Work) -> None:
    """Refuse to change a verdict that a later submission's has taken the place of."""
    if await work.assessments.overtaken(assessment):
        raise Rejected(
            "a newer verdict under the same criteria stands in place of this one",
            field="assessment_id",
            remedy="appeal against the newer one; an appeal that is open here can be dismissed",
        )


async def tie(reviewer: str, member_id: UUID, *, work: Work) -> None:
    """A reviewer has to do with a member's group, and reviews nothing of that group or of those tied to it."""
    one_line(reviewer, field="reviewer")
    await work.process.tie(reviewer, member_id)


async def note_group(admitted: MemberAdmitted, work: Work) -> None:
    """Remember a member's group, and those tied to it."""
    await work.process.keep_group(admitted.member_id, {admitted.group_id, *admitted.tied_groups})


async def waive(
    criteria_version: str, clause: str, reason: str, until: date, *, by: str, work: Work
) -> Waiver:
    """Leave a disputed clause out of verdicts until a day."""
    catalogue = await in_force(criteria_version, work)
    if clause not in catalogue.clauses:
        raise Invalid(
            f"criteria {criteria_version} have no clause {clause[:40]!r}",
            field="clause",
            remedy=f"name one of {', '.join(sorted(catalogue.clauses))}",
        )
    if until < work.now.date():
        raise Invalid(f"{until} is over", field="until", remedy="state a day to come")
    waiver = Waiver(clause=clause, reason=plain_text(reason, field="reason"), until=until)
    others = [one for one in await waivers_today(criteria_version, work) if one.clause != clause]
    score(catalogue, (), waivers=[*others, waiver])  # refuses what would leave nothing to measure
    await work.process.keep_waiver(criteria_version, waiver, by=by)
    return waiver


async def keep_extension(
    protocol_id: UUID, version: str, extension: Extension, *, owner: UUID | None, work: Work
) -> None:
    """Keep what a protocol asks for beyond the criteria."""
    await owned(protocol_id, owner, work)
    await work.protocols.version(protocol_id, version)
    for name in ("topic", "requirement_ref", "requirement_text"):
        plain_text(getattr(extension, name), field=name)
    if not extension.topic.strip() or not extension.requirement_text.strip():
        raise Invalid("an extension without topic or text", field="topic", remedy="state both")
    await work.process.keep_extension(protocol_id, version, extension, owner=owner)


async def find_extensions(query: str, *, work: Work) -> list[Extension]:
    """The extensions that hold these words, of own and public protocols."""
    return await work.process.extensions(query)
