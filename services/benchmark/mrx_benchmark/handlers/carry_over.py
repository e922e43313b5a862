"""Answers carried to a newer version of the criteria: one assessment, or all with a verdict."""

from dataclasses import dataclass
from uuid import UUID

from mrx_criteria.domain.answers import Answer
from mrx_criteria.domain.lineage import Lineage, carry, path
from mrx_criteria.domain.portfolio import Rescored, rescore
from mrx_shared.refusals import Invalid

from mrx_benchmark.handlers.criteria import catalogue_named, waivers_today
from mrx_benchmark.ports import Measured, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """What a protocol version would come to under other criteria, as far as its answers can be carried."""

    protocol_id: UUID
    version: str
    owner: UUID | None
    criteria_version: str
    outcome: Rescored


async def what_if(newer: str, *, work: Work, by: str = "") -> list[WhatIf]:
    """What every protocol version with a verdict would come to today under these criteria, with today's waivers.

    Each once, from the verdict under the nearest criteria. A reviewer learns nothing about groups with a conflict of interest.
    """
    catalogue = catalogue_named(newer, work)
    nearest: dict[tuple[UUID, str], tuple[tuple[Lineage, ...], Measured]] = {}
    conflicts = await work.impartiality.conflicts()
    for owner in await work.owners.all():
        if conflicts.bar(by, owner):
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
            f"there is no lineage from {assessment.criteria_version} to {newer}",
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
