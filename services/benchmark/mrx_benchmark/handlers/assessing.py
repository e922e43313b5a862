"""An assessment from its answers to its verdict. `owner` is the member that asks, or None for the secretariat."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from mrx_criteria.domain.answers import nothing_answered, read_answers
from mrx_criteria.domain.commonality import Score, score
from mrx_shared.refusals import Rejected, counted

from mrx_benchmark.domain.appeals import Appeal
from mrx_benchmark.domain.assessments import Assessment, check_measurable
from mrx_benchmark.domain.history import Event, EventKind, times_settled
from mrx_benchmark.domain.protocols import one_line
from mrx_benchmark.domain.questions import Question
from mrx_benchmark.handlers.criteria import catalogue_named, check_begun_today, in_force, waivers_today
from mrx_benchmark.handlers.history import note
from mrx_benchmark.handlers.protocols import check_code, owned
from mrx_benchmark.handlers.publishing import as_kept, emit_assessed
from mrx_benchmark.ports import Verdict, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentShown:
    """An assessment with what it comes to as it stands, and its verdict once there is one."""

    assessment: Assessment
    score: Score
    verdict: Verdict | None
    history: tuple[Event, ...] = ()
    questions: tuple[Question, ...] = ()
    appeal: Appeal | None = None
    reviewers: int = 0
    """How many have begun to judge it independently."""
    independent: bool = True
    """Whether nobody of the pair that judges now could have read the review of an earlier pair."""
    may_judge: bool = False
    """Whether the reviewer who asks may decide on answers."""


async def submit_answers(
    rows: Sequence[Mapping[str, str]],
    *,
    protocol_id: UUID,
    version: str,
    criteria_version: str,
    owner: UUID | None,
    by: str,
    work: Work,
) -> AssessmentShown:
    """Start an assessment with its owner's answers. It replaces one of the same kind that is not concluded.

    One that is not concluded may be replaced whatever was announced or ended since it was begun.
    """
    one_line(version, field="version")
    protocol = await owned(protocol_id, owner, work)
    await check_code(protocol, work)
    catalogue = await in_force(criteria_version, work)
    check_measurable(await work.protocols.version(protocol_id, version), catalogue)
    answers = read_answers(enumerate(rows, 1), catalogue)
    if not answers:
        raise nothing_answered()
    older = await work.assessments.unfinished(protocol_id, version, criteria_version)
    if older is None:
        await check_begun_today(catalogue, work)
    else:
        await work.assessments.save(older.replace_by_newer())
        await note(older, EventKind.REPLACED, by, work)
    assessment = Assessment(
        assessment_id=work.new_id(),
        protocol_id=protocol.protocol_id,
        owner=owner,
        version=version,
        criteria_version=criteria_version,
        submitted_by=by,
        submitted_at=work.now,
        answers=answers,
    )
    await work.assessments.add(assessment)
    await note(assessment, EventKind.SUBMITTED, by, work)
    return AssessmentShown(assessment=assessment, score=score(catalogue, answers), verdict=None)


async def conclude(assessment_id: UUID, *, by: str, work: Work) -> AssessmentShown:
    """Reach the verdict on an assessment whose every answer is decided, and say it."""
    await work.assessments.hold_verdicts()
    owner = await work.owners.of_assessment(assessment_id)
    (await work.impartiality.conflicts()).check(by, owner)
    async with work.acting_for(owner):
        kept = await work.assessments.get_to_change(assessment_id)
        assessment = (await work.impartiality.conflicts()).impartial(kept)
        protocol = await work.protocols.get(assessment.protocol_id)
        await check_code(protocol, work)
        version = await work.protocols.version(assessment.protocol_id, assessment.version)
        waivers = await waivers_today(assessment.criteria_version, work)
        concluded, outcome = assessment.conclude(
            await in_force(assessment.criteria_version, work), version, waivers=waivers
        )
        questions = await work.questions.of([assessment_id])
        unanswered = [one for one in questions[assessment_id] if one.replied_at is None]
        if unanswered:  # told only here, where both reviewers are done: a question is part of what one writes
            raise Rejected(
                f"{counted(len(unanswered), 'question to the owner has', 'questions to the owner have')} no reply, the first is on {unanswered[0].criterion_id}",
                field="questions",
                remedy="wait for the reply",
            )
        verdict = as_kept(concluded, outcome, by, work)
        await work.assessments.conclude(concluded, verdict)
        await note(
            concluded, EventKind.CONCLUDED, by, work, detail="equivalent" if verdict.equivalent else ""
        )
    emit_assessed(concluded, protocol, verdict, work)
    return AssessmentShown(assessment=concluded, score=outcome.score, verdict=verdict)


async def show_assessment(
    assessment_id: UUID, *, for_review: bool, work: Work, by: str = ""
) -> AssessmentShown:
    """One assessment, to its owner, to everyone where the protocol is public, or to a reviewer.

    Nobody sees what one of two reviewers has written before both are done, but she herself; the owner sees the
    questions, and never who asked.
    """
    conflicts = await work.impartiality.conflicts()
    if not for_review:
        found = await shown(conflicts.impartial(await work.assessments.get(assessment_id)), work, by="")
        return replace(found, history=tuple(one.without_asker() for one in found.history))
    owner = await work.owners.of_assessment(assessment_id)
    conflicts.check(by, owner)
    async with work.acting_for(owner):
        found = await shown(conflicts.impartial(await work.assessments.get(assessment_id)), work, by=by)
    if found.assessment.settled:
        return found
    return replace(
        found,
        questions=tuple(one for one in found.questions if one.asked_by == by),
        history=tuple(one for one in found.history if one.step not in {EventKind.ASKED, EventKind.REPLIED}),
    )


async def list_assessments(*, for_review: bool, work: Work, by: str = "") -> list[AssessmentShown]:
    """The assessments that the asker may see, the newest first; a reviewer sees all without a conflict of interest."""
    conflicts = await work.impartiality.conflicts()
    if not for_review:
        listed = await _short(
            [conflicts.impartial(one) for one in await work.assessments.visible()], work, by=""
        )
        questions = await work.questions.of([one.assessment.assessment_id for one in listed])
        return [replace(one, questions=tuple(questions[one.assessment.assessment_id])) for one in listed]
    found: list[AssessmentShown] = []
    for owner in await work.owners.all():
        if not conflicts.bar(by, owner):
            async with work.acting_for(owner):
                own = [one for one in await work.assessments.visible() if one.owner == owner]
                found += await _short([conflicts.impartial(one) for one in own], work, by=by)
    return sorted(found, key=lambda one: one.assessment.assessment_id, reverse=True)


def frozen(by: str, assessment: Assessment, history: Sequence[Event]) -> bool:
    """Whether somebody is what is left of a pair that was done: she may have read the other, so hers stands."""
    return assessment.has_judged_all(by) and not assessment.settled and times_settled(history) > 0


async def shown(assessment: Assessment, work: Work, *, by: str) -> AssessmentShown:
    """An assessment with everything around it, its decisions as somebody may see them."""
    of = assessment.assessment_id
    history = (await work.history.of([of]))[of]
    [short] = await _short([assessment], work, by=by)
    return replace(
        short,
        independent=times_settled(history) <= 1,
        may_judge=bool(by) and assessment.open_to(by) and not frozen(by, assessment, history),
        history=tuple(history),
        questions=tuple((await work.questions.of([of]))[of]),
    )


async def _short(assessments: Sequence[Assessment], work: Work, *, by: str) -> list[AssessmentShown]:
    """Assessments with their scores, verdicts and appeals, each asked for once for all of them."""
    ids = [one.assessment_id for one in assessments]
    verdicts, appeals = await work.assessments.verdicts(ids), await work.appeals.of(ids)
    waivers = {
        version: await waivers_today(version, work)
        for version in {one.criteria_version for one in assessments if one.assessment_id not in verdicts}
    }
    found: list[AssessmentShown] = []
    for one in assessments:
        seen, verdict = one.as_seen_by(by), verdicts.get(one.assessment_id)
        waived = verdict.waived if verdict else waivers[one.criteria_version]
        found.append(
            AssessmentShown(
                assessment=seen,
                score=score(catalogue_named(one.criteria_version, work), seen.judged(), waivers=waived),
                verdict=verdict,
                reviewers=len(one.reviews),
                appeal=appeals.get(one.assessment_id),
            )
        )
    return found
