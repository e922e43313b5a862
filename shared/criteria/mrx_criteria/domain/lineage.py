"""What became of each criterion from one version to the next, and how answers are carried along."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from mrx_shared.refusals import Invalid

from mrx_criteria.domain.answers import Answer
from mrx_criteria.domain.criteria import Catalogue, Criterion, Relation

_WHOLE = frozenset({Relation.EQUAL, Relation.SUPERSET})


class How(StrEnum):
    """What became of criteria."""

    KEPT = "kept"
    CHANGED = "changed"
    SPLIT = "split"
    MERGED = "merged"
    NEW = "new"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageStep:
    """One statement of a lineage: these criteria became those."""

    how: How
    before: tuple[str, ...]
    after: tuple[str, ...]

    def __post_init__(self) -> None:
        if not _FITS[self.how](len(self.before), len(self.after)):
            raise Invalid(
                f"{len(self.before)} criteria {self.how} into {len(self.after)}",
                field="how",
                remedy="kept and changed: one to one; split: one to several; merged: several to one; "
                "new: none to some; dropped: some to none",
            )


_FITS = {
    How.KEPT: lambda before, after: before == after == 1,
    How.CHANGED: lambda before, after: before == after == 1,
    How.SPLIT: lambda before, after: before == 1 < after,
    How.MERGED: lambda before, after: before > 1 == after,
    How.NEW: lambda before, after: before == 0 < after,
    How.DROPPED: lambda before, after: before > 0 == after,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Where each criterion of the newer version comes from. Every one has exactly one origin."""

    older: str
    newer: str
    steps: tuple[LineageStep, ...]

    def origin(self) -> dict[str, LineageStep]:
        """The step that leads to each criterion of the newer version."""
        return {criterion_id: step for step in self.steps for criterion_id in step.after}


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """Answers as far as they hold in the newer version, and the criteria that are still to be asked about."""

    answers: tuple[Answer, ...]
    asked: tuple[str, ...]


def lineage_between(older: Catalogue, newer: Catalogue, stated: Iterable[LineageStep]) -> Lineage:
    """The whole lineage from what a file states of the changes.

    An id that both versions hold was kept. A stated step of which neither version holds anything, as of clauses that
    only the 4-pillar form has, is left out. Raises `Invalid` where a criterion has no origin, two, or no end, and
    where one is called kept that reads otherwise.
    """
    was = {one.id: one for one in older.criteria}
    now = {one.id: one for one in newer.criteria}
    place = f"lineage from {older.version} to {newer.version}"
    steps: list[LineageStep] = []
    for step in stated:
        fitting = _fit(step, was, now, place)
        if fitting is not None:
            steps.append(fitting)
    named_before = [name for step in steps for name in step.before]
    named_after = [name for step in steps for name in step.after]
    for name in {*named_before, *named_after}:
        if named_before.count(name) > 1 or named_after.count(name) > 1:
            raise Invalid(f"{place}: {name} is named twice", field="steps", remedy="state each once")
    for name in was.keys() - set(named_before):
        if name in now and name not in named_after:
            steps.append(LineageStep(how=How.KEPT, before=(name,), after=(name,)))
        else:
            raise Invalid(
                f"{place}: {name} has no end",
                field="steps",
                remedy="state what became of it, or that it was dropped",
            )
    for name in now.keys() - {name for step in steps for name in step.after}:
        raise Invalid(f"{place}: {name} has no origin", field="steps", remedy="state it as new")
    for step in steps:
        if step.how is How.KEPT and _measured(was[step.before[0]]) != _measured(now[step.after[0]]):
            raise Invalid(
                f"{place}: {step.after[0]} is called kept but has other words or another weight",
                field="steps",
                remedy="give the changed criterion a new id and call it changed",
            )
    order = {one.id: place for place, one in enumerate(newer.criteria)}
    return Lineage(
        older=older.version,
        newer=newer.version,
        steps=tuple(
            sorted(steps, key=lambda step: (order[step.after[0]] if step.after else len(order), step.before))
        ),
    )


def carry(lineage: Lineage, answers: Iterable[Answer]) -> Carried:
    """Carry answers over as far as they hold; the rest is to be asked.

    Kept: as it was. Split: what met the whole meets each part, and what met nothing of it meets no part. Merged: what
    met all the parts meets the whole, and what met none does not. Everything else is to be asked anew.
    """
    known = {answer.criterion_id: answer for answer in answers}
    relations = {name: answer.relation for name, answer in known.items()}
    carried: list[Answer] = []
    asked: list[str] = []
    for criterion_id, step in lineage.origin().items():
        relation = inherited(step, relations)
        if relation is None:
            asked.append(criterion_id)
        else:
            carried.append(replace(known[step.before[0]], criterion_id=criterion_id, relation=relation))
    return Carried(answers=tuple(carried), asked=tuple(asked))


def inherited(step: LineageStep, known: Mapping[str, Relation]) -> Relation | None:
    """What each criterion after a step inherits; None where it is to be asked anew."""
    if step.how in {How.CHANGED, How.NEW, How.DROPPED} or not all(name in known for name in step.before):
        return None
    if step.how is How.KEPT:
        return known[step.before[0]]
    relations = {known[name] for name in step.before}
    if relations <= _WHOLE:
        return Relation.SUPERSET if relations == {Relation.SUPERSET} else Relation.EQUAL
    return Relation.NONE if relations == {Relation.NONE} else None


def path(older: str, newer: str, lineages: Mapping[tuple[str, str], Lineage]) -> tuple[Lineage, ...] | None:
    """The lineages that lead from one version to another, none for the same one; None where none does."""
    if older == newer:
        return ()
    for (one, two), lineage in lineages.items():
        if one == older and (rest := path(two, newer, lineages)) is not None:
            return (lineage, *rest)
    return None


def _fit(
    step: LineageStep, was: Mapping[str, Criterion], now: Mapping[str, Criterion], place: str
) -> LineageStep | None:
    """The step as far as these versions hold its criteria; None where they hold nothing of it."""
    before = tuple(name for name in step.before if name in was)
    after = tuple(name for name in step.after if name in now)
    if step.how is How.NEW:
        after = tuple(name for name in after if name not in was)
    if not before and not after:
        return None
    if step.how is How.DROPPED:
        return replace(step, before=before)
    if not before and step.before:
        return LineageStep(how=How.NEW, before=(), after=after)
    if step.how is How.NEW:
        return replace(step, after=after)
    if before != step.before or after != step.after:
        raise Invalid(
            f"{place}: {', '.join((*step.before, *step.after))} do not all exist",
            field="steps",
            remedy="name criteria that the two versions contain",
        )
    return replace(step, before=before, after=after)


def _measured(criterion: Criterion) -> tuple[str, str, bool, str, int]:
    return (criterion.statement, criterion.pillar, criterion.essential, criterion.kind, criterion.weight)
