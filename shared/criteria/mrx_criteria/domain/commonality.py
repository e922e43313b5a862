"""How much of the criteria a protocol covers, in exact arithmetic, and whether that makes it equivalent.

Commonality is the sum of weight x credit over the sum of weights. A criterion without an answer counts nothing in
`commonality` and `lower`, and in full in `upper`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from math import lcm
from typing import TypeVar

from mrx_shared.refusals import Invalid

from mrx_criteria.domain.answers import Answer, plain_text
from mrx_criteria.domain.criteria import Catalogue, Criterion, GateRule, Relation, natural

_FULL = Fraction(1)
_G = TypeVar("_G")


class Equivalent(StrEnum):
    """`yes` when the worst case reaches the gate, `no` when the best case does not, else `open`."""

    YES = "yes"
    NO = "no"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Exact percentages; they are rounded, downwards, only where they are shown."""

    commonality: Fraction
    lower: Fraction
    upper: Fraction

    @property
    def published(self) -> dict[str, str]:
        """The percentages as they are published."""
        return {name: str(percent(getattr(self, name))) for name in ("commonality", "lower", "upper")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A clause that is left out until a day, because its wording is disputed. Cannot be built without a reason."""

    clause: str
    reason: str
    until: date

    def __post_init__(self) -> None:
        if not plain_text(self.reason, field="reason"):
            raise Invalid(
                f"the waiver of clause {self.clause[:40]} has no reason",
                field="reason",
                remedy="say why the clause is left out",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A criterion that is not met in full."""

    criterion: Criterion
    relation: Relation | None
    credit: Fraction
    points: Fraction
    """What meeting it in full would add to the commonality."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The outcome of a comparison. Dictionaries and gaps are in a fixed order, whatever order the answers had."""

    overall: Figures
    equivalent: Equivalent
    rule: GateRule
    by_pillar: Mapping[str, Figures]
    by_clause: Mapping[str, Figures]
    gaps: tuple[Gap, ...]
    cheapest_path: tuple[str, ...]
    """The fewest criteria to be met in full to reach the gate; of several such sets the first by id."""
    waived: tuple[Waiver, ...] = ()
    """The waivers of the clauses that left both sums, each clause once, with the last day of its last waiver."""
    by_field: Mapping[tuple[str, str], Figures] = field(default_factory=dict)
    """By clause and pillar, as the heat map shows them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GapReport:
    """What a gap report is about."""

    protocol: str
    catalogue: Catalogue
    answers: tuple[Answer, ...]
    score: Score
    made_at: datetime


@dataclass(frozen=True, slots=True)
class _Counted:
    criterion: Criterion
    relation: Relation | None
    credit: Fraction

    @property
    def lower(self) -> Fraction:
        return self.criterion.weight * self.credit

    @property
    def upper(self) -> Fraction:
        return self.criterion.weight * (_FULL if self.relation is None else self.credit)

    @property
    def gain(self) -> Fraction:
        return self.criterion.weight * (_FULL - self.credit)


def score(
    catalogue: Catalogue,
    answers: Iterable[Answer],
    *,
    rule: GateRule | None = None,
    waivers: Iterable[Waiver] = (),
) -> Score:
    """Compare; the catalogue's own rule of the gate holds unless another is asked for.

    The criteria of waived clauses count in neither sum. Whoever calls leaves out waivers that have ended.
    """
    rule = rule or catalogue.rule
    last = {one.clause: one for one in sorted(waivers, key=lambda one: one.until)}
    waived = tuple(sorted(last.values(), key=lambda one: natural(one.clause)))
    for waiver in waived:
        if waiver.clause not in catalogue.clauses:
            raise Invalid(
                f"catalogue {catalogue.version} has no clause {waiver.clause[:40]!r} to waive",
                field="clause",
                remedy=f"name one of {', '.join(sorted(catalogue.clauses))}",
            )
    left_out = {one.clause for one in waived}
    counting = [one for one in catalogue.criteria if one.clause not in left_out]
    if not counting:
        raise Invalid("every clause is waived", field="clause", remedy="leave at least one to be measured")
    if rule is GateRule.ESSENTIAL and not any(criterion.essential for criterion in counting):
        raise Invalid(
            f"catalogue {catalogue.version} has no essential criterion{' left' if waived else ''}",
            field="gate",
            remedy="use the gate by weight",
        )
    relations = {answer.criterion_id: answer.relation for answer in answers}
    counted = [
        _Counted(
            criterion,
            relation := relations.get(criterion.id),
            catalogue.credits[relation] if relation is not None else Fraction(0),
        )
        for criterion in counting
    ]
    weight = sum(one.weight for one in counting)
    marks = _marks(catalogue, counted, rule)
    return Score(
        overall=_figures(counted),
        equivalent=_equivalent(marks),
        rule=rule,
        by_pillar=_grouped((one.criterion.pillar, one) for one in counted),
        by_clause=_grouped((one.criterion.clause, one) for one in counted),
        gaps=tuple(
            Gap(
                criterion=one.criterion,
                relation=one.relation,
                credit=one.credit,
                points=100 * one.gain / weight,
            )
            for one in _heaviest_first(counted)
        ),
        cheapest_path=_cheapest_path(marks),
        waived=waived,
        by_field=_grouped(((one.criterion.clause, one.criterion.pillar), one) for one in counted),
    )


def percent(value: Fraction) -> Decimal:
    """As it is published: two places, rounded down, so that 84.999 never reads as 85."""
    return Decimal(value * 100 // 1).scaleb(-2)


def gate_in_words(catalogue: Catalogue, rule: GateRule) -> str:
    """What must be reached, for people to read."""
    if rule is GateRule.ESSENTIAL:
        return "every essential criterion in full"
    return f"{percent(catalogue.gate)} % of the weight"


def gate_of(catalogue: Catalogue, waived: Iterable[str]) -> list[tuple[frozenset[str], Fraction]]:
    """What the catalogue's gate comes to: criteria, and the weight that they must reach together."""
    left_out = frozenset(waived)
    counted = [_Counted(one, None, Fraction(0)) for one in catalogue.criteria if one.clause not in left_out]
    return [
        (frozenset(one.criterion.id for one in mark.among), mark.goal)
        for mark in _marks(catalogue, counted, catalogue.rule)
    ]


def _figures(counted: list[_Counted]) -> Figures:
    weight = sum(one.criterion.weight for one in counted)
    lower = 100 * sum((one.lower for one in counted), Fraction(0)) / weight
    upper = 100 * sum((one.upper for one in counted), Fraction(0)) / weight
    return Figures(commonality=lower, lower=lower, upper=upper)


def _grouped(named: Iterable[tuple[_G, _Counted]]) -> dict[_G, Figures]:
    groups: defaultdict[_G, list[_Counted]] = defaultdict(list)
    for name, one in named:
        groups[name].append(one)
    return {name: _figures(members) for name, members in groups.items()}


@dataclass(frozen=True, slots=True)
class _Mark:
    """A weight that some of the criteria must reach together."""

    among: list[_Counted]
    goal: Fraction

    @property
    def lacking(self) -> Fraction:
        return self.goal - sum((one.lower for one in self.among), Fraction(0))

    @property
    def out_of_reach(self) -> bool:
        return sum((one.upper for one in self.among), Fraction(0)) < self.goal


def _marks(catalogue: Catalogue, counted: list[_Counted], rule: GateRule) -> list[_Mark]:
    """What the gate comes to: the floors first, the whole last."""
    if rule is GateRule.ESSENTIAL:
        return [_mark([one for one in counted if one.criterion.essential], Fraction(100))]
    pillars = (
        _mark([one for one in counted if one.criterion.pillar == pillar], floor)
        for pillar, floor in sorted(catalogue.floors.items())
    )
    return [*pillars, _mark(counted, catalogue.gate)]


def _mark(among: list[_Counted], percentage: Fraction) -> _Mark:
    return _Mark(among, percentage * sum(one.criterion.weight for one in among) / 100)


def _equivalent(marks: list[_Mark]) -> Equivalent:
    if all(mark.lacking <= 0 for mark in marks):
        return Equivalent.YES
    return Equivalent.NO if any(mark.out_of_reach for mark in marks) else Equivalent.OPEN


def _heaviest_first(counted: list[_Counted]) -> list[_Counted]:
    lacking = [one for one in counted if one.credit < _FULL]
    return sorted(lacking, key=lambda one: (-one.gain, natural(one.criterion.id)))


def _cheapest_path(marks: list[_Mark]) -> tuple[str, ...]:
    """The first, by natural order of ids, among the smallest sets whose gains bring every mark to its goal.

    One criterion after the other is taken where a smallest set may hold it beside those that were taken before.
    """
    gaps = {one.criterion.id: one for mark in marks for one in _heaviest_first(mark.among)}
    # On whole numbers, as there is a check for each gap.
    scale = lcm(
        *(one.gain.denominator for one in gaps.values()), *(mark.lacking.denominator for mark in marks)
    )
    lacking = [int(mark.lacking * scale) for mark in marks]
    gains = {name: int(one.gain * scale) for name, one in gaps.items()}
    within: defaultdict[str, list[int]] = defaultdict(list)
    for place, mark in enumerate(marks):
        for one in mark.among:
            within[one.criterion.id].append(place)
    left = sorted(gaps, key=lambda name: -gains[name])
    room = _fewest(lacking, left, gains, within) or 0
    taken: list[str] = []
    for name in sorted(gaps, key=natural):
        if not room:
            break
        left.remove(name)
        after = list(lacking)
        for place in within[name]:
            after[place] -= gains[name]
        fewest = _fewest(after, left, gains, within)
        if fewest is not None and fewest < room:
            taken.append(name)
            lacking, room = after, fewest
    return tuple(taken)


def _fewest(
    lacking: list[int], heaviest_first: list[str], gains: Mapping[str, int], within: Mapping[str, list[int]]
) -> int | None:
    """How many of the criteria bring every mark to its goal at least; None where all of them do not.

    Pillars share no criterion, so each floor takes its heaviest, and what the whole (the last mark) still lacks is made
    up by the heaviest of the rest.
    """
    short, rest, taken = list(lacking), list[str](), 0
    for name in heaviest_first:
        if any(short[place] > 0 for place in within[name][:-1]):
            taken += 1
            for place in within[name]:
                short[place] -= gains[name]
        else:
            rest.append(name)
    for name in rest:
        if short[-1] <= 0:
            break
        taken += 1
        short[-1] -= gains[name]
    return None if any(one > 0 for one in short) else taken
