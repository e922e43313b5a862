"""Commonality is exact, and its rules hold for every catalogue and every set of answers."""

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import combinations
from time import process_time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mrx_criteria.domain.commonality import Equivalent, Waiver, percent, score
from mrx_criteria.domain.criteria import CREDITS, Catalogue, GateRule, Relation
from mrx_criteria.files import shipped_catalogue, shipped_versions
from mrx_shared.refusals import Invalid

from tests.unit.criteria.comparing import answers, catalogue, comparisons, criterion
from tests.unit.criteria.worth import answers_worth

FULL = {Relation.EQUAL, Relation.SUPERSET}
UNEVEN = ((1, 4), (2, 3), (3, 5), (4, 3), (5, 5))


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
@example((catalogue(*(criterion(number, weight=weight) for number, weight in UNEVEN)), {}))
def test_the_cheapest_path_is_the_first_by_id_of_the_smallest_sets_that_reach_the_gate(
    compared: tuple[Catalogue, dict[str, Relation]],
) -> None:
    criteria, relations = compared
    path = score(criteria, answers(relations)).cheapest_path

    def reaches(met: tuple[str, ...]) -> bool:
        raised = {**relations, **dict.fromkeys(met, Relation.EQUAL)}
        return 100 * _credited(criteria, raised) >= criteria.gate * criteria.weight

    assert path == first_of_the_smallest(criteria, reaches)


@given(comparisons(most=7), st.integers(0, 100), st.integers(0, 100))
def test_with_floors_too_the_cheapest_path_is_the_first_by_id_of_the_smallest_sets(
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
    assert result.cheapest_path == first_of_the_smallest(own, reaches)
    assert (result.equivalent is Equivalent.YES) is reaches(())


@given(comparisons())
def test_the_cheapest_path_to_the_essential_gate_is_every_essential_criterion_that_is_not_met(
    compared: tuple[Catalogue, dict[str, Relation]],
) -> None:
    criteria, relations = compared
    lacking = [one.id for one in criteria.criteria if one.essential and relations.get(one.id) not in FULL]
    if any(one.essential for one in criteria.criteria):
        path = score(criteria, answers(relations), rule=GateRule.ESSENTIAL).cheapest_path
        assert list(path) == sorted(lacking)


def first_of_the_smallest(criteria: Catalogue, reaches: Callable[[tuple[str, ...]], bool]) -> tuple[str, ...]:
    """By trying every set, the smaller before the larger, and each size in the order of ids."""
    names = sorted(one.id for one in criteria.criteria)
    return next(met for size in range(len(names) + 1) for met in combinations(names, size) if reaches(met))


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


def test_a_clause_that_is_waived_twice_is_named_once_with_its_last_day() -> None:
    twice = [Waiver(clause="1", reason="disputed", until=date(year, 1, 1)) for year in (2031, 2030)]
    result = score(catalogue(criterion(1), criterion(2, clause="2")), [], waivers=twice)
    assert result.waived == (twice[0],)


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
def test_84_99_percent_fails_and_85_percent_passes_on_every_shipped_catalogue(version: str) -> None:
    criteria = shipped_catalogue(version)
    below = score(criteria, answers(answers_worth(criteria, "84.99", "85")))
    assert (percent(below.overall.commonality), below.equivalent) == (Decimal("84.99"), Equivalent.NO)
    at = score(criteria, answers(answers_worth(criteria, "85", "85.01")))
    assert (percent(at.overall.commonality), at.equivalent) == (Decimal("85.00"), Equivalent.YES)


def test_exactly_84_99_and_84_995_percent_fail_and_exactly_85_passes() -> None:
    own = catalogue(*(criterion(number, weight=weight) for number, weight in ((1, 8499), (2, 1), (3, 1500))))
    for relation, exact, verdict in (
        (Relation.NONE, "84.99", Equivalent.NO),
        (Relation.SUBSET, "84.995", Equivalent.NO),
        (Relation.EQUAL, "85", Equivalent.YES),
    ):
        result = score(own, answers({"K1": Relation.EQUAL, "K2": relation, "K3": Relation.NONE}))
        assert (result.overall.commonality, result.equivalent) == (Fraction(exact), verdict)


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


def test_equal_gains_go_into_the_cheapest_path_by_id_as_people_order_ids() -> None:
    criteria = catalogue(*(criterion(number) for number in (10, 3, 2)), gate=34)
    assert score(criteria, []).cheapest_path == ("K2", "K3")
    assert [gap.criterion.id for gap in score(criteria, []).gaps] == ["K2", "K3", "K10"]


def test_a_large_catalogue_has_its_cheapest_path_in_no_time() -> None:
    criteria = catalogue(*(criterion(number, weight=1 + number % 97) for number in range(1000)))
    began = process_time()
    assert len(score(criteria, []).cheapest_path) > 500
    assert process_time() - began < 5


def _credited(criteria: Catalogue, relations: Mapping[str, Relation]) -> Fraction:
    return sum(
        (one.weight * CREDITS[relations[one.id]] for one in criteria.criteria if one.id in relations),
        Fraction(0),
    )
