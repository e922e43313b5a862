"""Commonality is exact, and its rules hold for every catalogue and every set of answers."""

import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mrx_benchmark.domain.answers import Answer
from mrx_benchmark.domain.commonality import Equivalent, Waiver, percent, score
from mrx_benchmark.domain.criteria import CREDITS, Catalogue, Criterion, GateRule, Kind, Relation
from mrx_benchmark.entrypoints.files import shipped_catalogue, shipped_versions
from mrx_shared.refusals import Invalid

from tests.unit.benchmark.worth import answers_worth

FULL = {Relation.EQUAL, Relation.SUPERSET}


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


@given(comparisons(), st.randoms(use_true_random=False))
def test_the_order_of_the_answers_changes_nothing(
    compared: tuple[Catalogue, dict[str, Relation]], shuffler: random.Random
) -> None:
    criteria, relations = compared
    shuffled = answers(relations)
    shuffler.shuffle(shuffled)
    assert score(criteria, shuffled) == score(criteria, answers(relations))


@given(comparisons())
def test_meeting_one_more_criterion_never_lowers_commonality(
    compared: tuple[Catalogue, dict[str, Relation]],
) -> None:
    criteria, relations = compared
    before = score(criteria, answers(relations)).overall
    for one in criteria.criteria:
        after = score(criteria, answers({**relations, one.id: Relation.EQUAL})).overall
        assert after.commonality >= before.commonality
        assert after.lower >= before.lower


@given(comparisons())
def test_the_value_lies_between_the_worst_and_the_best_case(
    compared: tuple[Catalogue, dict[str, Relation]],
) -> None:
    criteria, relations = compared
    result = score(criteria, answers(relations))
    for figures in (result.overall, *result.by_pillar.values(), *result.by_clause.values()):
        assert 0 <= figures.lower <= figures.commonality <= figures.upper <= 100
    if len(relations) == len(criteria.criteria):
        assert result.overall.lower == result.overall.upper
        assert result.equivalent is not Equivalent.OPEN


@given(comparisons(most=7))
def test_no_set_of_criteria_smaller_than_the_cheapest_path_reaches_the_gate(
    compared: tuple[Catalogue, dict[str, Relation]],
) -> None:
    criteria, relations = compared
    path = score(criteria, answers(relations)).cheapest_path

    def reaches(met: tuple[str, ...]) -> bool:
        raised = {**relations, **dict.fromkeys(met, Relation.EQUAL)}
        return 100 * _credited(criteria, raised) >= criteria.gate * criteria.weight

    assert reaches(path)
    names = [one.id for one in criteria.criteria]
    assert not any(reaches(fewer) for fewer in combinations(names, len(path) - 1)) if path else True


@given(comparisons(most=6), st.integers(0, 100), st.integers(0, 100))
def test_with_floors_no_smaller_set_than_the_cheapest_path_reaches_all_that_is_asked_for(
    compared: tuple[Catalogue, dict[str, Relation]], first: int, second: int
) -> None:
    criteria, relations = compared
    pillars = ("labour", "ethics")
    divided = tuple(replace(one, pillar=pillars[place % 2]) for place, one in enumerate(criteria.criteria))
    there = {one.pillar for one in divided}
    floors = {
        pillar: Fraction(floor)
        for pillar, floor in zip(pillars, (first, second), strict=True)
        if pillar in there
    }
    own = replace(criteria, criteria=divided, floors=floors)

    def reaches(met: tuple[str, ...]) -> bool:
        raised = answers({**relations, **dict.fromkeys(met, Relation.EQUAL)})
        worst = {one.id: Relation.NONE for one in divided} | {
            one.criterion_id: one.relation for one in raised
        }
        credited = {one.id: one.weight * CREDITS[worst[one.id]] for one in divided}
        asked = [(divided, own.gate)] + [
            (tuple(one for one in divided if one.pillar == pillar), floor) for pillar, floor in floors.items()
        ]
        return all(
            100 * sum(credited[one.id] for one in among) >= share * sum(one.weight for one in among)
            for among, share in asked
        )

    result = score(own, answers(relations))
    assert reaches(result.cheapest_path)
    assert (result.equivalent is Equivalent.YES) is reaches(())
    names = [one.id for one in divided]
    if result.cheapest_path:
        assert not any(reaches(fewer) for fewer in combinations(names, len(result.cheapest_path) - 1))


@given(comparisons(), st.sampled_from(["1", "2", "3"]))
def test_a_waived_clause_leaves_both_sums(
    compared: tuple[Catalogue, dict[str, Relation]], clause: str
) -> None:
    criteria, relations = compared
    rest = tuple(one for one in criteria.criteria if one.clause != clause)
    if not rest or len(rest) == len(criteria.criteria):
        return
    waiver = Waiver(clause=clause, reason="disputed", until=date(2030, 1, 1))
    waived = score(criteria, answers(relations), waivers=[waiver])
    without = score(replace(criteria, criteria=rest), answers(relations))
    assert (waived.overall, waived.equivalent, waived.gaps) == (
        without.overall,
        without.equivalent,
        without.gaps,
    )


@given(comparisons())
def test_equivalent_says_what_every_way_of_answering_the_rest_would_say(
    compared: tuple[Catalogue, dict[str, Relation]],
) -> None:
    criteria, relations = compared
    for rule in GateRule:
        if rule is GateRule.ESSENTIAL and not any(one.essential for one in criteria.criteria):
            continue
        worst = {one.id: Relation.NONE for one in criteria.criteria} | relations
        best = {one.id: Relation.EQUAL for one in criteria.criteria} | relations
        verdicts = {score(criteria, answers(case), rule=rule).equivalent for case in (worst, best)}
        verdict = score(criteria, answers(relations), rule=rule).equivalent
        assert {verdict} == verdicts or (
            verdict is Equivalent.OPEN and verdicts == {Equivalent.YES, Equivalent.NO}
        )


@pytest.mark.parametrize("version", shipped_versions())
def test_exactly_84_99_percent_fails_and_85_percent_passes_on_every_shipped_catalogue(version: str) -> None:
    criteria = shipped_catalogue(version)
    below = answers_worth(criteria, Fraction(8499, 10_000))
    at = answers_worth(criteria, Fraction(85, 100))
    just_below = answers_worth(criteria, Fraction(85, 100) - Fraction(1, 4 * criteria.weight))

    result = score(criteria, answers(below))
    assert result.overall.commonality == Fraction(8499, 100)
    assert percent(result.overall.commonality) == Decimal("84.99")
    assert result.equivalent is Equivalent.NO

    assert score(criteria, answers(at)).overall.commonality == 85
    assert score(criteria, answers(at)).equivalent is Equivalent.YES

    nearest = score(criteria, answers(just_below))
    assert percent(nearest.overall.commonality) == Decimal("84.99")
    assert nearest.equivalent is Equivalent.NO


def test_credits_are_those_of_the_scheme() -> None:
    criteria = catalogue(*(criterion(number) for number in range(5)))
    given_ = {f"K{number}": relation for number, relation in enumerate(Relation)}
    result = score(criteria, answers(given_))
    assert result.overall.commonality == Fraction(100 * 11, 4 * 5)  # 1 + 1 + 1/2 + 1/4 + 0 of 5
    assert [gap.criterion.id for gap in result.gaps] == ["K4", "K3", "K2"]


def test_a_criterion_without_an_answer_counts_nothing_below_and_in_full_above() -> None:
    figures = score(catalogue(criterion(1, weight=3), criterion(2)), answers({"K2": Relation.EQUAL})).overall
    assert [figures.commonality, figures.lower, figures.upper] == [Fraction(25), Fraction(25), Fraction(100)]


def test_a_published_figure_is_rounded_down() -> None:
    assert percent(Fraction(84_999, 1000)) == Decimal("84.99")
    assert percent(Fraction(200, 3)) == Decimal("66.66")
    assert str(percent(Fraction(0))) == "0.00"
    assert str(percent(Fraction(100))) == "100.00"


def test_thirds_stay_exact_at_the_gate() -> None:
    own = Catalogue(
        version="own",
        based_on="own",
        valid_from=date(2020, 1, 1),
        valid_until=None,
        criteria=(criterion(1), criterion(2), criterion(3)),
        gate=Fraction("66.67"),
        credits=CREDITS,
    )
    two_of_three = answers({"K1": Relation.EQUAL, "K2": Relation.EQUAL, "K3": Relation.NONE})
    assert score(own, two_of_three).equivalent is Equivalent.NO


def test_the_essential_gate_asks_for_every_essential_criterion_and_for_nothing_else() -> None:
    criteria = catalogue(criterion(1, essential=True), criterion(2, weight=99))
    met = answers({"K1": Relation.SUPERSET, "K2": Relation.NONE})
    half = answers({"K1": Relation.SUBSET, "K2": Relation.EQUAL})
    assert score(criteria, met, rule=GateRule.ESSENTIAL).equivalent is Equivalent.YES
    assert score(criteria, half, rule=GateRule.ESSENTIAL).equivalent is Equivalent.NO
    assert score(criteria, half, rule=GateRule.ESSENTIAL).cheapest_path == ("K1",)
    assert score(criteria, [], rule=GateRule.ESSENTIAL).equivalent is Equivalent.OPEN
    with pytest.raises(Invalid, match="no essential criterion"):
        score(catalogue(criterion(1)), [], rule=GateRule.ESSENTIAL)


def test_equal_gains_go_into_the_cheapest_path_by_id() -> None:
    criteria = catalogue(*(criterion(number) for number in (3, 1, 2)), gate=34)
    assert score(criteria, []).cheapest_path == ("K1", "K2")


def _credited(criteria: Catalogue, relations: Mapping[str, Relation]) -> Fraction:
    return sum(
        (one.weight * CREDITS[relations[one.id]] for one in criteria.criteria if one.id in relations),
        Fraction(0),
    )
