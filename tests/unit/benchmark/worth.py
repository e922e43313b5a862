"""Answers that come to an exact share of a catalogue's weight."""

from fractions import Fraction

from mrx_benchmark.domain.criteria import Catalogue, Relation

QUARTERS = {Relation.EQUAL: 4, Relation.SUBSET: 2, Relation.INTERSECTS: 1, Relation.NONE: 0}


def answers_worth(criteria: Catalogue, share: Fraction) -> dict[str, Relation]:
    """An answer to every criterion: the heaviest first, each as far as there is room."""
    room = share * 4 * criteria.weight
    chosen: dict[str, Relation] = {}
    for one in sorted(criteria.criteria, key=lambda one: -one.weight):
        relation = next(fits for fits, worth in QUARTERS.items() if worth * one.weight <= room)
        chosen[one.id] = relation
        room -= QUARTERS[relation] * one.weight
    assert room == 0, "this share was not reached"
    return chosen
