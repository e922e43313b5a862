"""How much of the criteria a protocol covers, in exact arithmetic, and whether that makes it equivalent.

Commonality is the sum of weight x credit over the sum of weights. A criterion without an answer counts nothing in
`commonality` and `lower`, and in full in `upper`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from mrx_shared.refusals import Invalid

from mrx_benchmark.domain.answers import Answer
from mrx_benchmark.domain.criteria import Catalogue, Criterion, GateRule, Relation

_FULL = Fraction(1)


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
    """The fewest criteria to be met in full to reach the gate, the heaviest gain first, ties by id."""


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


def score(catalogue: Catalogue, answers: Iterable[Answer], *, rule: GateRule | None = None) -> Score:
    """Compare; the catalogue's own rule of the gate holds unless another is asked for."""
    rule = rule or catalogue.rule
    if rule is GateRule.ESSENTIAL and not any(criterion.essential for criterion in catalogue.criteria):
        raise Invalid(
            f"catalogue {catalogue.version} has no essential criterion",
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
        for criterion in catalogue.criteria
    ]
    return Score(
        overall=_figures(counted),
        equivalent=_equivalent(catalogue, counted, rule),
        rule=rule,
        by_pillar=_grouped((one.criterion.pillar, one) for one in counted),
        by_clause=_grouped((one.criterion.clause, one) for one in counted),
        gaps=tuple(
            Gap(
                criterion=one.criterion,
                relation=one.relation,
                credit=one.credit,
                points=100 * one.gain / catalogue.weight,
            )
            for one in _heaviest_first(counted)
        ),
        cheapest_path=_cheapest_path(catalogue, counted, rule),
    )


def percent(value: Fraction) -> Decimal:
    """As it is published: two places, rounded down, so that 84.999 never reads as 85."""
    return Decimal(value * 100 // 1).scaleb(-2)


def _figures(counted: list[_Counted]) -> Figures:
    weight = sum(one.criterion.weight for one in counted)
    lower = 100 * sum((one.lower for one in counted), Fraction(0)) / weight
    upper = 100 * sum((one.upper for one in counted), Fraction(0)) / weight
    return Figures(commonality=lower, lower=lower, upper=upper)


def _grouped(named: Iterable[tuple[str, _Counted]]) -> dict[str, Figures]:
    groups: defaultdict[str, list[_Counted]] = defaultdict(list)
    for name, one in named:
        groups[name].append(one)
    return {name: _figures(members) for name, members in groups.items()}


def _equivalent(catalogue: Catalogue, counted: list[_Counted], rule: GateRule) -> Equivalent:
    if rule is GateRule.ESSENTIAL:
        essential = [one for one in counted if one.criterion.essential]
        reached = all(one.credit == _FULL for one in essential)
        reachable = all(one.relation is None or one.credit == _FULL for one in essential)
    else:
        gate = catalogue.gate * catalogue.weight
        reached = 100 * sum(one.lower for one in counted) >= gate
        reachable = 100 * sum(one.upper for one in counted) >= gate
    if reached:
        return Equivalent.YES
    return Equivalent.OPEN if reachable else Equivalent.NO


def _heaviest_first(counted: list[_Counted]) -> list[_Counted]:
    lacking = [one for one in counted if one.credit < _FULL]
    return sorted(lacking, key=lambda one: (-one.gain, one.criterion.id))


def _cheapest_path(catalogue: Catalogue, counted: list[_Counted], rule: GateRule) -> tuple[str, ...]:
    if rule is GateRule.ESSENTIAL:
        return tuple(sorted(one.criterion.id for one in _heaviest_first(counted) if one.criterion.essential))
    lacking = catalogue.gate * catalogue.weight / 100 - sum(one.lower for one in counted)
    path: list[str] = []
    for one in _heaviest_first(counted):
        if lacking <= 0:
            break
        lacking -= one.gain
        path.append(one.criterion.id)
    return tuple(path)
