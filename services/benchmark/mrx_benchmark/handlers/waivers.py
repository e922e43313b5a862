"""The secretariat leaves a disputed clause out of verdicts."""

from datetime import date

from mrx_criteria.domain.answers import plain_text
from mrx_criteria.domain.commonality import Waiver, score
from mrx_shared.refusals import Invalid

from mrx_benchmark.handlers.criteria import in_force, waivers_today
from mrx_benchmark.ports import Work


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
    await work.waivers.keep(criteria_version, waiver, by=by)
    return waiver
