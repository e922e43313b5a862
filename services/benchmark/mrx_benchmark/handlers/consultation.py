"""A newer version of the criteria is announced to replace an older one, and members comment on it."""

from datetime import date

from mrx_criteria.domain.answers import plain_text
from mrx_criteria.domain.lineage import path
from mrx_shared.messages.benchmark import CriteriaEvolving
from mrx_shared.refusals import Invalid, Rejected

from mrx_benchmark.domain.consultation import Evolution, Phase
from mrx_benchmark.handlers.criteria import catalogue_named
from mrx_benchmark.handlers.publishing import emit_criteria, emit_with_new_end
from mrx_benchmark.ports import Work


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
            f"{newer} is in force from {successor.valid_from}",
            field="effective_on",
            remedy="let it take effect on that day or later",
        )
    if path(older, newer, work.lineages) is None:
        raise Invalid(
            f"there is no lineage from {older} to {newer}",
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
    known = await work.consultation.successor(older)
    if known is not None and known.phase(work.now.date()) in {Phase.TRANSITION, Phase.OVER}:
        raise Rejected(
            f"{newer} took effect on {known.effective_on}", field="older", remedy="announce the next version"
        )
    await work.consultation.announce(evolution)
    work.emit(
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
    await emit_criteria(older, work)
    for owner in await work.owners.all():
        async with work.acting_for(owner):
            await emit_with_new_end(older, owner, work)
    return evolution


async def comment(older: str, text: str, *, by: str, work: Work) -> None:
    """A word in a consultation, which everyone reads."""
    evolution = await work.consultation.successor(older)
    if evolution is None or evolution.phase(work.now.date()) is not Phase.CONSULTATION:
        raise Rejected(
            f"there is no consultation on the successor of {older[:64]}",
            field="version",
            remedy="comment while a consultation is open",
        )
    if not plain_text(text, field="text"):
        raise Invalid("an empty comment", field="text", remedy="write what should change")
    await work.consultation.add_comment(older, plain_text(text, field="text"), by=by)
