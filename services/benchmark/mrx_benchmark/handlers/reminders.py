"""Owners are reminded before recognition ends, and told when it has lapsed."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from mrx_shared.messages.benchmark import RecognitionEnding, RecognitionLapsed

from mrx_benchmark.domain.assessments import Assessment
from mrx_benchmark.domain.history import EventKind
from mrx_benchmark.domain.reminders import REMINDERS, reminder_due
from mrx_benchmark.handlers.history import BY_ITSELF, note
from mrx_benchmark.ports import Verdict, Work

Transact = Callable[[Callable[[Work], Awaitable[None]]], Awaitable[None]]


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


async def _watch_one(assessment: Assessment, verdict: Verdict, work: Work) -> bool:
    if not verdict.equivalent or verdict.recognised_until is None:
        return False
    due = reminder_due(verdict.recognised_until, work.now.date())
    if due is None or not await work.reminders.first(assessment.assessment_id, due, verdict.recognised_until):
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
        work.emit(RecognitionLapsed.model_validate({**told, "noticed_at": work.now}), about=about)
        await note(assessment, EventKind.LAPSED, BY_ITSELF, work)
    else:
        work.emit(
            RecognitionEnding.model_validate({**told, "days": due, "reminded_at": work.now}), about=about
        )
        await note(assessment, EventKind.REMINDED, BY_ITSELF, work, detail=str(due))
    return True
