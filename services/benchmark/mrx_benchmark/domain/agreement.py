"""How far two reviewers agree beyond what chance would bring about."""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from mrx_criteria.domain.criteria import Relation

Judged = Relation | None
"""What somebody makes of a criterion; None leaves it open."""


def cohens_kappa(pairs: Sequence[tuple[Judged, Judged]]) -> Fraction | None:
    """Cohen's kappa of two people's relations on the same criteria, exact; None where there is no pair.

    That one of them left a criterion open is a word like any other.

    Where both always say the same one thing, chance explains all of it and kappa is not defined; full agreement is
    then called 1.
    """
    if not pairs:
        return None
    count = len(pairs)
    observed = Fraction(sum(first is second for first, second in pairs), count)
    firsts, seconds = (Counter(pair[place] for pair in pairs) for place in (0, 1))
    by_chance = sum((Fraction(firsts[one] * seconds[one], count * count) for one in firsts), Fraction(0))
    return Fraction(1) if by_chance == 1 else (observed - by_chance) / (1 - by_chance)
