"""Answers that come to a share of a catalogue's weight."""

from fractions import Fraction

from mrx_criteria.domain.criteria import Catalogue, Relation

QUARTERS = {Relation.NONE: 4, Relation.INTERSECTS: 3, Relation.SUBSET: 2}
"""What each relation lacks of a criterion."""


def answers_worth(criteria: Catalogue, least: str, below: str) -> dict[str, Relation]:
    """An answer to every criterion: as little as possible from one percentage up to, but without, another."""
    whole = 4 * criteria.weight
    most = int(whole * (100 - Fraction(least)) / 100)
    reached: dict[int, dict[str, Relation]] = {0: {}}
    for one in criteria.criteria:
        for so_far, chosen in list(reached.items()):
            for relation, quarters in QUARTERS.items():
                if so_far + quarters * one.weight <= most:
                    reached.setdefault(so_far + quarters * one.weight, {**chosen, one.id: relation})
    lacking = max(reached)
    assert 100 - Fraction(100 * lacking, whole) < Fraction(below), "this share was not reached"
    return {one.id: reached[lacking].get(one.id, Relation.EQUAL) for one in criteria.criteria}
