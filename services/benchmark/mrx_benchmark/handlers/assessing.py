"""An assessment from its answers to its verdict. `owner` is the member that asks, or None for the secretariat."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from mrx_criteria.domain.answers import nothing_answered, read_answers
from mrx_criteria.domain.commonality import Score, score
from mrx_shared.messages.benchmark import AssessmentMoved
from mrx_shared.refusals import Rejected, counted

from mrx_benchmark.domain.assessments import Assessment, Decision, State, check_measurable
from mrx_benchmark.domain.process import Appeal, Event, Question, Step, times_settled
from mrx_benchmark.domain.protocols import Protocol, one_line
from mrx_benchmark.handlers.criteria import catalogue_named, check_begun_today, in_force, waivers_today
from mrx_benchmark.handlers.protocols import check_code, owned
from mrx_benchmark.handlers.publishing import as_kept, say_assessed
from mrx_benchmark.handlers.reviewers import check_free, impartial, is_tied
from mrx_benchmark.ports import Verdict, Work

BY_ITSELF = "benchmark"
"""Who takes a step that nobody asked for."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class AtWork:
    """An assessment that is not concluded, with those of its reviewers who can be released."""

    assessment: Assessment
    protocol: Protocol
    releasable: tuple[str, ...]


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
        await note(older, Step.REPLACED, by, work)
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
    await note(assessment, Step.SUBMITTED, by, work)
    return AssessmentShown(assessment=assessment, score=score(catalogue, answers), verdict=None)


async def review(
    assessment_id: UUID, decisions: Iterable[Decision], *, confirm_rest: bool, by: str, work: Work
) -> AssessmentShown:
    """Keep a reviewer's decisions."""
    owner = await work.owners.of_assessment(assessment_id)
    await check_free(by, owner, work)
    async with work.acting_for(owner):
        kept = await work.assessments.get_to_change(assessment_id)
        assessment = await impartial(kept, work)
        if frozen(by, assessment, await work.process.history(assessment_id)):
            raise Rejected(
                "both reviews were done, and you may have read the other; yours stands",
                field="decisions",
                remedy="leave it as it is; another reviewer judges in the place of who was put out",
            )
        await note_ties(kept, work)
        catalogue = catalogue_named(assessment.criteria_version, work)
        reviewed = assessment.review(
            decisions, confirm_rest=confirm_rest, by=by, at=work.now, catalogue=catalogue
        )
        await work.assessments.save(reviewed)
        await note(reviewed, Step.RESOLVED if assessment.settled else Step.REVIEWED, by, work)
        if reviewed.settled and not assessment.settled:
            await note(reviewed, Step.SETTLED, by, work, detail=f"{len(reviewed.differences())} differences")
        seen = reviewed.as_seen_by(by)
        return AssessmentShown(
            assessment=seen,
            score=score(catalogue, seen.judged()),
            verdict=None,
        )


async def note_ties(kept: Assessment, work: Work) -> None:
    """Enter into the history who no longer judges it, having been tied to the owner's group since."""
    for who in kept.judges():
        if await is_tied(who, kept.owner, work):
            await note(kept, Step.RELEASED, BY_ITSELF, work, detail=who)


def frozen(by: str, assessment: Assessment, history: Sequence[Event]) -> bool:
    """Whether somebody is what is left of a pair that was done: she may have read the other, so hers stands."""
    return assessment.has_judged_all(by) and not assessment.settled and times_settled(history) > 0


async def conclude(assessment_id: UUID, *, by: str, work: Work) -> AssessmentShown:
    """Reach the verdict on an assessment whose every answer is decided, and say it."""
    await work.assessments.hold_verdicts()
    owner = await work.owners.of_assessment(assessment_id)
    await check_free(by, owner, work)
    async with work.acting_for(owner):
        assessment = await impartial(await work.assessments.get_to_change(assessment_id), work)
        protocol = await work.protocols.get(assessment.protocol_id)
        await check_code(protocol, work)
        version = await work.protocols.version(assessment.protocol_id, assessment.version)
        waivers = await waivers_today(assessment.criteria_version, work)
        concluded, outcome = assessment.conclude(
            await in_force(assessment.criteria_version, work), version, waivers=waivers
        )
        unanswered = [one for one in await work.process.questions(assessment_id) if one.replied_at is None]
        if unanswered:  # told only here, where both reviewers are done: a question is part of what one writes
            raise Rejected(
                f"{counted(len(unanswered), 'question to the owner has', 'questions to the owner have')} no reply, the first is on {unanswered[0].criterion_id}",
                field="questions",
                remedy="wait for the reply",
            )
        verdict = as_kept(concluded, outcome, by, work)
        await work.assessments.conclude(concluded, verdict)
        await note(concluded, Step.CONCLUDED, by, work, detail="equivalent" if verdict.equivalent else "")
    say_assessed(concluded, protocol, verdict, work)
    return AssessmentShown(assessment=concluded, score=outcome.score, verdict=verdict)


async def show_assessment(
    assessment_id: UUID, *, for_review: bool, work: Work, by: str = ""
) -> AssessmentShown:
    """One assessment, to its owner, to everyone where the protocol is public, or to a reviewer.

    Nobody sees what one of two reviewers has written before both are done, but she herself; the owner sees the
    questions, and never who asked.
    """
    if not for_review:
        found = await shown(await impartial(await work.assessments.get(assessment_id), work), work, by="")
        return replace(found, history=tuple(one.without_asker() for one in found.history))
    owner = await work.owners.of_assessment(assessment_id)
    await check_free(by, owner, work)
    async with work.acting_for(owner):
        assessment = await impartial(await work.assessments.get(assessment_id), work)
        found = await shown(assessment, work, by=by)
        if assessment.settled:
            return found
        return replace(
            found,
            questions=tuple(one for one in found.questions if one.asked_by == by),
            history=tuple(one for one in found.history if one.step not in {Step.ASKED, Step.REPLIED}),
        )


async def list_assessments(*, for_review: bool, work: Work, by: str = "") -> list[AssessmentShown]:
    """The assessments that the asker may see, the newest first; a reviewer sees all but those of groups tied to her."""
    if not for_review:
        return [
            replace(
                await _short(await impartial(one, work), work, by=""),
                questions=tuple(await work.process.questions(one.assessment_id)),
            )
            for one in await work.assessments.visible()
        ]
    found: dict[UUID, AssessmentShown] = {}
    for owner in await work.owners.all():
        if await is_tied(by, owner, work):
            continue
        async with work.acting_for(owner):
            for one in await work.assessments.visible():
                if one.owner == owner:
                    found[one.assessment_id] = await _short(await impartial(one, work), work, by=by)
    return sorted(found.values(), key=lambda shown: shown.assessment.assessment_id, reverse=True)


async def list_reviews(*, work: Work) -> list[AtWork]:
    """Who judges what that is not concluded, the oldest first; nothing of what anybody wrote."""
    found: list[AtWork] = []
    for owner in await work.owners.all():
        async with work.acting_for(owner):
            for one in await work.assessments.visible():
                if one.owner == owner and one.state in {State.SUBMITTED, State.IN_REVIEW}:
                    assessment = await impartial(one, work)
                    history = await work.process.history(one.assessment_id)
                    found.append(
                        AtWork(
                            assessment=assessment,
                            protocol=await work.protocols.get(one.protocol_id),
                            releasable=tuple(
                                who
                                for who in assessment.reviews
                                if not assessment.settled and not frozen(who, assessment, history)
                            ),
                        )
                    )
    return sorted(found, key=lambda one: one.assessment.assessment_id)


async def note(
    assessment: Assessment,
    step: Step,
    by: str,
    work: Work,
    *,
    detail: str = "",
    question: Question | None = None,
) -> None:
    """Enter a step into the history, and say it; of a `question` or its reply also what waits for the owner now."""
    event = Event(step=step, by=by, at=work.now, detail=detail)
    await work.process.note(assessment.assessment_id, event, owner=assessment.owner)
    work.say(
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
        for one in await work.process.questions(question.assessment_id)
    )


async def shown(assessment: Assessment, work: Work, *, by: str) -> AssessmentShown:
    """An assessment with everything around it, its decisions as somebody may see them."""
    history = await work.process.history(assessment.assessment_id)
    return replace(
        await _short(assessment, work, by=by),
        independent=times_settled(history) <= 1,
        may_judge=bool(by) and assessment.open_to(by) and not frozen(by, assessment, history),
        history=tuple(history),
        questions=tuple(await work.process.questions(assessment.assessment_id)),
    )


async def _short(assessment: Assessment, work: Work, *, by: str) -> AssessmentShown:
    version = assessment.criteria_version
    verdict = await work.assessments.verdict(assessment.assessment_id)
    waivers = verdict.waived if verdict else await waivers_today(version, work)
    seen = assessment.as_seen_by(by)
    return AssessmentShown(
        assessment=seen,
        score=score(catalogue_named(version, work), seen.judged(), waivers=waivers),
        verdict=verdict,
        reviewers=len(assessment.reviews),
        appeal=await work.process.appeal(assessment.assessment_id) if verdict else None,
    )
