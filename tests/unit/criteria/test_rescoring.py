"""A whole portfolio at once comes to what each protocol comes to by itself."""

from dataclasses import replace
from datetime import date
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from mrx_criteria.domain.answers import Answer
from mrx_criteria.domain.commonality import Waiver, score
from mrx_criteria.domain.criteria import Catalogue, Criterion, GateRule, Kind, Relation
from mrx_criteria.domain.lineage import How, Lineage, LineageStep, carry, lineage_between
from mrx_criteria.domain.portfolio import rescore

WEIGHTS = (30, 1, 7, 12, 25, 9, 16)


def catalogue(version: str, *names: str) -> Catalogue:
    return Catalogue(
        version=version,
        based_on="invented",
        valid_from=date(2026, 1, 1),
        valid_until=None,
        floors={"safety": Fraction(50)},
        criteria=tuple(
            Criterion(
                id=name,
                clause="1" if place < 3 else "2",
                pillar="labour" if place % 2 else "safety",
                statement=f"criterion {name}",
                essential=place == 1,
                weight=weight,
                kind=Kind.REQUIREMENT,
            )
            for place, (name, weight) in enumerate(zip(names, WEIGHTS, strict=False))
        ),
    )


def alike(one: Catalogue) -> Catalogue:
    """Criteria that differ by their ids alone, so that those whose id stays are kept."""
    return replace(
        one,
        criteria=tuple(replace(each, statement="same", pillar="safety", weight=1) for each in one.criteria),
    )


FIRST = catalogue("1", "A", "B", "C", "D", "E", "F")
SECOND = catalogue("2", "A1", "A2", "C", "DE", "F", "N")
THIRD = catalogue("3", "A1", "A2", "C2", "DE", "G")
TO_SECOND = lineage_between(
    alike(FIRST),
    alike(SECOND),
    [
        LineageStep(how=How.SPLIT, before=("A",), after=("A1", "A2")),
        LineageStep(how=How.DROPPED, before=("B",), after=()),
        LineageStep(how=How.MERGED, before=("D", "E"), after=("DE",)),
        LineageStep(how=How.NEW, before=(), after=("N",)),
    ],
)
TO_THIRD = Lineage(
    older="2",
    newer="3",
    steps=(
        *(LineageStep(how=How.KEPT, before=(name,), after=(name,)) for name in ("A1", "A2", "DE")),
        LineageStep(how=How.CHANGED, before=("C",), after=("C2",)),
        LineageStep(how=How.MERGED, before=("F", "N"), after=("G",)),
    ),
)

relations = st.dictionaries(st.sampled_from("ABCDEF"), st.sampled_from(list(Relation)))


@given(
    st.lists(relations, max_size=4),
    st.sampled_from([(FIRST, ()), (SECOND, (TO_SECOND,)), (THIRD, (TO_SECOND, TO_THIRD))]),
    st.sampled_from([(), ("1",), ("2",)]),
    st.sampled_from(list(GateRule)),
)
def test_a_portfolio_comes_to_what_each_protocol_comes_to_by_itself(
    portfolio: list[dict[str, Relation]],
    target: tuple[Catalogue, tuple[Lineage, ...]],
    waived: tuple[str, ...],
    rule: GateRule,
) -> None:
    newer, steps = target
    if rule is GateRule.ESSENTIAL and "1" in waived:
        waived = ()
    newer = replace(newer, rule=rule, floors={} if rule is GateRule.ESSENTIAL or waived else newer.floors)
    waivers = [Waiver(clause=clause, reason="disputed", until=date(2030, 1, 1)) for clause in waived]
    for known, outcome in zip(portfolio, rescore(newer, steps, portfolio, waived=waived), strict=True):
        answers = tuple(Answer(criterion_id=name, relation=relation) for name, relation in known.items())
        for lineage in steps:
            answers = carry(lineage, answers).answers
        alone = score(newer, answers, waivers=waivers)
        assert outcome.figures == alone.overall
        assert outcome.equivalent is alone.equivalent
        assert outcome.asked == sum(gap.relation is None for gap in alone.gaps)
