"""A whole portfolio against a new version at once: the same figures as one by one, in whole numbers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from mrx_criteria.domain.commonality import Equivalent, Figures, gate_of
from mrx_criteria.domain.criteria import Catalogue, Relation
from mrx_criteria.domain.lineage import How, Lineage, LineageStep, inherited


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescored:
    """What a protocol version comes to under other criteria, and how many of them its answers say nothing about."""

    figures: Figures
    equivalent: Equivalent
    asked: int


def rescore(
    catalogue: Catalogue,
    steps: Sequence[Lineage],
    portfolio: Iterable[Mapping[str, Relation]],
    *,
    waived: Iterable[str] = (),
) -> list[Rescored]:
    """Each protocol's outcome under the newer version, in order, carried along the lineages that lead there.

    The criteria of waived clauses count nowhere. Credits are brought to one denominator, so that the sums run over
    whole numbers and stay exact.
    """
    parts = lcm(*(credit.denominator for credit in catalogue.credits.values()))
    worth = {relation: int(credit * parts) for relation, credit in catalogue.credits.items()}
    marks = gate_of(catalogue, waived)
    left_out = frozenset(waived)
    counting = [one for one in catalogue.criteria if one.clause not in left_out]
    origin = steps[-1].origin() if steps else {one.id: _itself(one.id) for one in counting}
    # Criteria that the same marks ask for are summed together.
    shares = {one.id: tuple(one.id in among for among, _ in marks) for one in counting}
    groups = list(dict.fromkeys(shares.values()))
    columns = [(origin[one.id], one.weight, groups.index(shares[one.id])) for one in counting]
    kept = [(step.before[0], weight, group) for step, weight, group in columns if step.how is How.KEPT]
    others = [column for column in columns if column[0].how is not How.KEPT]
    whole = sum(one.weight for one in counting) * parts
    goals = [
        (tuple(place for place, group in enumerate(groups) if group[mark]), goal * parts)
        for mark, (_, goal) in enumerate(marks)
    ]
    found: list[Rescored] = []
    for relations in portfolio:
        known = _carried(steps[:-1], relations)
        lower, upper, asked = [0] * len(groups), [0] * len(groups), 0
        for before, weight, group in kept:
            if before in known:
                reached = weight * worth[known[before]]
                lower[group] += reached
                upper[group] += reached
            else:
                asked += 1
                upper[group] += weight * parts
        for step, weight, group in others:
            relation = inherited(step, known)
            asked += relation is None
            reached = weight * worth[relation] if relation is not None else 0
            lower[group] += reached
            upper[group] += reached if relation is not None else weight * parts
        least = Fraction(100 * sum(lower), whole)
        found.append(
            Rescored(
                figures=Figures(commonality=least, lower=least, upper=Fraction(100 * sum(upper), whole)),
                equivalent=_equivalent(goals, lower, upper),
                asked=asked,
            )
        )
    return found


def _itself(name: str) -> LineageStep:
    return LineageStep(how=How.KEPT, before=(name,), after=(name,))


def _carried(steps: Sequence[Lineage], known: Mapping[str, Relation]) -> Mapping[str, Relation]:
    for lineage in steps:
        known = {
            name: relation
            for name, step in lineage.origin().items()
            if (relation := inherited(step, known)) is not None
        }
    return known


def _equivalent(
    goals: Sequence[tuple[Sequence[int], Fraction]], lower: Sequence[int], upper: Sequence[int]
) -> Equivalent:
    if all(sum(lower[group] for group in groups) >= goal for groups, goal in goals):
        return Equivalent.YES
    out_of_reach = any(sum(upper[group] for group in groups) < goal for groups, goal in goals)
    return Equivalent.NO if out_of_reach else Equivalent.OPEN
