"""A whole portfolio against a new version at once: the same figures as one by one, in whole numbers."""

from collections.abc import Iterable
from fractions import Fraction
from math import lcm

from mrx_benchmark.domain.answers import Answer
from mrx_benchmark.domain.commonality import Figures
from mrx_benchmark.domain.criteria import Catalogue
from mrx_benchmark.domain.lineage import How, Lineage, inherited


def rescore(catalogue: Catalogue, lineage: Lineage, portfolio: Iterable[Iterable[Answer]]) -> list[Figures]:
    """Each protocol's figures under the newer version, in order.

    Credits are brought to one denominator, so that the sums run over whole numbers and stay exact.
    """
    parts = lcm(*(credit.denominator for credit in catalogue.credits.values()))
    worth = {relation: int(credit * parts) for relation, credit in catalogue.credits.items()}
    weights = {criterion.id: criterion.weight for criterion in catalogue.criteria}
    origin = lineage.origin()
    kept = [(step.before[0], weights[name]) for name, step in origin.items() if step.how is How.KEPT]
    others = [(name, step, weights[name]) for name, step in origin.items() if step.how is not How.KEPT]
    whole = catalogue.weight * parts
    found: list[Figures] = []
    for answers in portfolio:
        known = {answer.criterion_id: answer for answer in answers}
        reached = lacking = 0
        for before, weight in kept:
            answer = known.get(before)
            if answer is None:
                lacking += weight
            else:
                reached += weight * worth[answer.relation]
        for name, step, weight in others:
            answer = inherited(name, step, known)
            if answer is None:
                lacking += weight
            else:
                reached += weight * worth[answer.relation]
        lower = Fraction(100 * reached, whole)
        upper = Fraction(100 * (reached + lacking * parts), whole)
        found.append(Figures(commonality=lower, lower=lower, upper=upper))
    return found
