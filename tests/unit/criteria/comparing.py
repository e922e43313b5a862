"""Criteria and answers to them, drawn by hand or by Hypothesis."""

from collections.abc import Mapping
from datetime import date
from fractions import Fraction

from hypothesis import strategies as st
from mrx_criteria.domain.answers import Answer
from mrx_criteria.domain.criteria import Catalogue, Criterion, Kind, Relation


def criterion(number: int, *, weight: int = 1, clause: str = "1", essential: bool = False) -> Criterion:
    return Criterion(
        id=f"K{number}",
        clause=clause,
        pillar="labour",
        statement="something is asked for",
        essential=essential,
        weight=weight,
        kind=Kind.REQUIREMENT,
    )


def catalogue(*criteria: Criterion, gate: int = 85) -> Catalogue:
    return Catalogue(
        version="own",
        based_on="own",
        valid_from=date(2020, 1, 1),
        valid_until=None,
        criteria=criteria,
        gate=Fraction(gate),
    )


def answers(relations: Mapping[str, Relation]) -> list[Answer]:
    return [Answer(criterion_id=name, relation=relation) for name, relation in relations.items()]


@st.composite
def comparisons(draw: st.DrawFn, most: int = 8) -> tuple[Catalogue, dict[str, Relation]]:
    criteria = [
        criterion(
            number,
            weight=draw(st.integers(1, 40)),
            clause=draw(st.sampled_from(["1", "2", "3"])),
            essential=draw(st.booleans()),
        )
        for number in range(draw(st.integers(1, most)))
    ]
    relations = {
        one.id: relation
        for one in criteria
        if (relation := draw(st.none() | st.sampled_from(list(Relation)))) is not None
    }
    return catalogue(*criteria, gate=draw(st.integers(1, 100))), relations
