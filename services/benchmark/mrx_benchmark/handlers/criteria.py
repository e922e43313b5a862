"""The criteria that are measured by, and the days on which they hold."""

from dataclasses import replace

from mrx_criteria.domain.commonality import Waiver
from mrx_criteria.domain.criteria import Catalogue
from mrx_shared.refusals import Invalid, Rejected

from mrx_benchmark.ports import Work


async def list_criteria(work: Work) -> list[Catalogue]:
    """Every version with the last day that holds now."""
    return [await in_force(version, work) for version in work.catalogues]


def catalogue_named(version: str, work: Work) -> Catalogue:
    """The criteria of a version, as they were shipped."""
    if version not in work.catalogues:
        raise Invalid(
            f"no criteria {version[:64]!r}",
            field="criteria_version",
            remedy=f"name one of {', '.join(work.catalogues)}",
        )
    return work.catalogues[version]


async def in_force(version: str, work: Work) -> Catalogue:
    """The criteria of a version with their last day: the shipped one, or an earlier end of the transition."""
    catalogue = catalogue_named(version, work)
    evolution = await work.consultation.successor(version)
    if evolution is None:
        return catalogue
    ends = [day for day in (catalogue.valid_until, evolution.transition_until) if day is not None]
    return replace(catalogue, valid_until=min(ends))


async def waivers_today(version: str, work: Work) -> tuple[Waiver, ...]:
    """The waivers on these criteria that hold today."""
    return tuple(one for one in await work.waivers.of(version) if one.until >= work.now.date())


async def check_begun_today(catalogue: Catalogue, work: Work) -> None:
    """Refuse to begin with criteria that do not hold yet, have ended, or gave way to others.

    What follows a version takes effect on the day that was announced. From then on the older one is not begun with
    any more: it may ask for less.
    """
    successor = await work.consultation.successor(catalogue.version)
    if successor is not None and successor.effective_on <= work.now.date():
        raise Rejected(
            f"criteria {catalogue.version} were replaced by {successor.newer} on {successor.effective_on}",
            field="criteria_version",
            remedy=f"submit against {successor.newer}; a draft can start with the answers of an earlier assessment",
        )
    if catalogue.valid_until is not None and catalogue.valid_until < work.now.date():
        raise Rejected(
            f"criteria {catalogue.version} ended on {catalogue.valid_until}",
            field="criteria_version",
            remedy="submit against a version that is in force",
        )
    announced = [one.effective_on for one in await work.consultation.predecessors(catalogue.version)]
    first = min(announced, default=catalogue.valid_from)
    if work.now.date() < first:
        raise Rejected(
            f"criteria {catalogue.version} take effect on {first}",
            field="criteria_version",
            remedy="keep the answers as a draft until then, or submit them against the previous version",
        )
