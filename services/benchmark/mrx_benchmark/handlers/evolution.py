"""One version of the criteria gives way to the next: consultation, effect, transition, reminders, lapse, what if."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from mrx_criteria.domain.answers import Answer, plain_text
from mrx_criteria.domain.lineage import Lineage, carry, path
from mrx_criteria.domain.portfolio import Rescored, rescore
from mrx_shared.messages.benchmark import CriteriaEvolving, RecognitionEnding, RecognitionLapsed
from mrx_shared.refusals import Invalid, Rejected

from mrx_benchmark.domain.assessments import Assessment
from mrx_benchmark.domain.process import REMINDERS, Evolution, Phase, Step, reminder_due
from mrx_benchmark.handlers.assessing import BY_ITSELF, note
from mrx_benchmark.handlers.criteria import catalogue_named, waivers_today
from mrx_benchmark.handlers.publishing import say_criteria, say_with_new_end
from mrx_benchmark.handlers.reviewers import is_tied
from mrx_benchmark.ports import Measured, Verdict, Work

Transact = Callable[[Callable[[Work], Awaitable[None]]], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """What a protocol version would come to under other criteria, as far as its answers can be carried."""

    protocol_id: UUID
    version: str
    owner: UUID | None
    criteria_version: str
    outcome: Rescored


async def announce(
    older: str,
    newer: str,
    *,
    consultation_until: date,
    effective_on: date,
    transition_until: date,
    by: str,
    work: Work,
) -> Evolution:
    """Announce that a version gives way to another. Recognition under the older one now ends with the transition."""
    await work.assessments.hold_verdicts()
    catalogue_named(older, work)
    successor = catalogue_named(newer, work)
    if effective_on < successor.valid_from:
        raise Invalid(
            f"{newer} holds from {successor.valid_from}",
            field="effective_on",
            remedy="let it take effect on that day or later",
        )
    if path(older, newer, work.lineages) is None:
        raise Invalid(
            f"no lineage leads from {older} to {newer}",
            field="newer",
            remedy="name a version that follows it",
        )
    evolution = Evolution(
        older=older,
        newer=newer,
        announced_by=by,
        announced_at=work.now,
        consultation_until=consultation_until,
        effective_on=effective_on,
        transition_until=transition_until,
    )
    known = await work.process.evolution(older)
    if known is not None and known.phase(work.now.date()) in {Phase.TRANSITION, Phase.OVER}:
        raise Rejected(
            f"{newer} took effect on {known.effective_on}", field="older", remedy="announce the next version"
        )
    await work.process.keep_evolution(evolution)
    work.say(
        CriteriaEvolving(
            criteria_version=older,
            successor=newer,
            consultation_until=consultation_until,
            effective_on=effective_on,
            transition_until=transition_until,
            announced_at=work.now,
        ),
        about=older,
    )
    await say_criteria(older, work)
    for owner in await work.owners.all():
        async with work.acting_for(owner):
            await say_with_new_end(older, owner, work)
    return evolution


async def comment(older: str, text: str, *, by: str, work: Work) -> None:
    """A word in a consultation, which everyone reads."""
    evolution = await work.process.evolution(older)
    if evolution is None or evolution.phase(work.now.date()) is not Phase.CONSULTATION:
        raise Rejected(
            f"there is no consultation on what follows {older[:64]}",
            field="version",
            remedy="comment while a consultation is open",
        )
    if not plain_text(text, field="text"):
        raise Invalid("an empty comment", field="text", remedy="write what should be otherwise")
    await work.process.keep_comment(older, plain_text(text, field="text"), by=by)


async def watch(transact: Transact) -> bool:
    """Remind owners before recognition ends, and say when it has lapsed; each once. Says whether there was something."""
    done = False

    async def look(work: Work) -> None:
        nonlocal done
        soon = work.now.date() + timedelta(days=max(REMINDERS))
        for owner in await work.owners.all():
            async with work.acting_for(owner):
                for version in work.catalogues:
                    for assessment, verdict in await work.assessments.ending(version, soon):
                        if assessment.owner == owner and await _watch_one(assessment, verdict, work):
                            done = True

    await transact(look)
    return done


async def what_if(newer: str, *, work: Work, by: str = "") -> list[WhatIf]:
    """What every protocol version with a verdict would come to today under these criteria, with today's waivers.

    Each once, from the verdict under the nearest criteria. A reviewer is told nothing of groups that she is tied to.
    """
    catalogue = catalogue_named(newer, work)
    nearest: dict[tuple[UUID, str], tuple[tuple[Lineage, ...], Measured]] = {}
    for owner in await work.owners.all():
        if await is_tied(by, owner, work):
            continue
        async with work.acting_for(owner):
            for one in await work.assessments.portfolio():
                steps = path(one.criteria_version, newer, work.lineages)
                if one.owner != owner or steps is None:
                    continue
                known = nearest.get((one.protocol_id, one.version))
                if known is None or len(steps) <= len(known[0]):
                    nearest[one.protocol_id, one.version] = (steps, one)
    waived = [one.clause for one in await waivers_today(newer, work)]
    found: list[WhatIf] = []
    for older in {one.criteria_version for _, one in nearest.values()}:
        listed = [one for _, one in nearest.values() if one.criteria_version == older]
        steps = path(older, newer, work.lineages) or ()
        outcomes = rescore(catalogue, steps, (one.relations for one in listed), waived=waived)
        found += [
            WhatIf(
                protocol_id=one.protocol_id,
                version=one.version,
                owner=one.owner,
                criteria_version=older,
                outcome=outcome,
            )
            for one, outcome in zip(listed, outcomes, strict=True)
        ]
    return sorted(found, key=lambda one: (one.protocol_id, one.version))


async def carry_over(
    assessment_id: UUID, newer: str, *, work: Work
) -> tuple[tuple[Answer, ...], tuple[str, ...]]:
    """The answers of an assessment as they hold under a newer version, and what is to be asked."""
    assessment = await work.assessments.get(assessment_id)
    catalogue_named(newer, work)
    steps = path(assessment.criteria_version, newer, work.lineages)
    if steps is None:
        raise Invalid(
            f"no lineage leads from {assessment.criteria_version} to {newer}",
            field="criteria_version",
            remedy="name a version that follows it",
        )
    return carried(assessment.judged(), steps)


def carried(
    answers: tuple[Answer, ...], steps: tuple[Lineage, ...]
) -> tuple[tuple[Answer, ...], tuple[str, ...]]:
    """Answers carried along several lineages, and what the last of them asks."""
    asked: tuple[str, ...] = ()
    for lineage in steps:
        moved = carry(lineage, answers)
        answers, asked = moved.answers, moved.asked
    return answers, asked


async def _watch_one(assessment: Assessment, verdict: Verdict, work: Work) -> bool:
    if not verdict.equivalent or verdict.recognised_until is None:
        return False
    due = reminder_due(verdict.recognised_until, work.now.date())
    if due is None or not await work.process.first_reminder(
        assessment.assessment_id, due, verdict.recognised_until
    ):
        return False
    told = {
        "assessment_id": assessment.assessment_id,
        "protocol_id": assessment.protocol_id,
        "protocol_version": assessment.version,
        "public": assessment.owner is None,
        "member_id": assessment.owner,
        "criteria_version": assessment.criteria_version,
        "recognised_until": verdict.recognised_until,
    }
    about = f"{assessment.protocol_id}:{assessment.version}"
    if due == 0:
        work.say(RecognitionLapsed.model_validate({**told, "noticed_at": work.now}), about=about)
        await note(assessment, Step.LAPSED, BY_ITSELF, work)
    else:
        work.say(
            RecognitionEnding.model_validate({**told, "days": due, "reminded_at": work.now}), about=about
        )
        await note(assessment, Step.REMINDED, BY_ITSELF, work, detail=str(due))
    return True
