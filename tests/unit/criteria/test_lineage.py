"""Answers are carried along a lineage as far as they hold, and the rest is asked."""

import re
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mrx_criteria.domain.answers import Answer
from mrx_criteria.domain.criteria import Criterion, Relation
from mrx_criteria.domain.lineage import How, Lineage, LineageStep, carry, lineage_between
from mrx_criteria.files import shipped_catalogue, shipped_lineages
from mrx_shared.refusals import Invalid

from tests.unit.criteria.comparing import answers, catalogue, comparisons, criterion

LINEAGES = shipped_lineages()
BINDING = frozenset(
    ["a", "an", "and", "are", "as", "is", "it", "its", "of", "or", "s", "site", "that", "the", "was", "what"]
)
"""Words by which a sentence holds together, not by what it asks for."""


def step(how: How, before: str, after: str) -> LineageStep:
    return LineageStep(how=how, before=tuple(before.split()), after=tuple(after.split()))


@given(comparisons())
def test_carrying_along_a_lineage_of_kept_criteria_changes_nothing(compared: tuple) -> None:  # type: ignore[type-arg]
    criteria, relations = compared
    carried = carry(lineage_between(criteria, criteria, []), answers(relations))
    assert sorted(carried.answers, key=str) == sorted(answers(relations), key=str)
    assert set(carried.asked) == {one.id for one in criteria.criteria} - relations.keys()


@given(st.dictionaries(st.sampled_from(["K1", "K2", "K3", "K4"]), st.sampled_from(list(Relation))))
def test_every_criterion_of_the_newer_version_is_carried_or_asked(relations: Mapping[str, Relation]) -> None:
    older = catalogue(*(criterion(number) for number in (1, 2, 3, 4)))
    newer = catalogue(*(criterion(number) for number in (1, 5, 6, 7, 8)))
    lineage = lineage_between(
        older,
        newer,
        [step(How.SPLIT, "K2", "K5 K6"), step(How.MERGED, "K3 K4", "K7"), step(How.NEW, "", "K8")],
    )
    carried = carry(lineage, answers(relations))
    assert {one.criterion_id for one in carried.answers} | set(carried.asked) == {
        "K1",
        "K5",
        "K6",
        "K7",
        "K8",
    }
    assert not {one.criterion_id for one in carried.answers} & set(carried.asked)
    assert "K8" in carried.asked


@pytest.mark.parametrize(
    ("relations", "carried"),
    [
        ({"K2": "equal"}, {"K5": "equal", "K6": "equal"}),
        ({"K2": "superset"}, {"K5": "superset", "K6": "superset"}),
        ({"K2": "none"}, {"K5": "none", "K6": "none"}),
        ({"K2": "subset"}, {}),
        ({"K2": "intersects"}, {}),
        ({"K3": "equal", "K4": "superset"}, {"K7": "equal"}),
        ({"K3": "none", "K4": "none"}, {"K7": "none"}),
        ({"K3": "equal", "K4": "none"}, {}),
        ({"K3": "equal"}, {}),
    ],
)
def test_parts_and_wholes_inherit_only_what_must_hold(
    relations: dict[str, str], carried: dict[str, str]
) -> None:
    lineage = Lineage(
        older="old",
        newer="new",
        steps=(
            step(How.SPLIT, "K2", "K5 K6"),
            step(How.MERGED, "K3 K4", "K7"),
            step(How.CHANGED, "K9", "K10"),
        ),
    )
    known = [Answer(criterion_id=name, relation=Relation(word)) for name, word in relations.items()]
    found = carry(lineage, [*known, Answer(criterion_id="K9", relation=Relation.EQUAL)])
    assert {one.criterion_id: one.relation for one in found.answers} == carried
    assert "K10" in found.asked


@pytest.mark.parametrize("pair", LINEAGES, ids=" to ".join)
def test_a_shipped_lineage_leads_to_every_criterion_and_carries_all_that_is_not_new_or_changed(
    pair: tuple[str, str],
) -> None:
    older, newer = map(shipped_catalogue, pair)
    met = [Answer(criterion_id=one.id, relation=Relation.EQUAL) for one in older.criteria]
    carried = carry(LINEAGES[pair], met)
    named = {one.criterion_id for one in carried.answers} | set(carried.asked)
    assert named == {one.id for one in newer.criteria}
    asked = {LINEAGES[pair].origin()[one].how for one in carried.asked}
    assert asked <= {How.NEW, How.CHANGED}


def test_answers_to_6_0_leave_six_questions_of_6_1() -> None:
    met = [
        Answer(criterion_id=one.id, relation=Relation.EQUAL) for one in shipped_catalogue("6.0-4p").criteria
    ]
    assert set(carry(LINEAGES["6.0-4p", "6.1-4p"], met).asked) == {
        "C3.14",
        "C5.7",
        "C6.6",
        "C8.4",
        "C10B4.12",
        "C10B4.13",
    }


@pytest.mark.parametrize("pair", LINEAGES, ids=" to ".join)
def test_the_parts_of_a_split_ask_together_for_the_whole_and_for_nothing_beyond_it(
    pair: tuple[str, str],
) -> None:
    older, newer = ({one.id: one for one in shipped_catalogue(name).criteria} for name in pair)

    def asked(criteria: Mapping[str, Criterion], names: tuple[str, ...]) -> set[str]:
        found = {word for name in names for word in re.findall(r"[a-z]+", criteria[name].statement.lower())}
        return {word for word in found if word not in BINDING}

    for one in LINEAGES[pair].steps:
        if one.how in {How.SPLIT, How.MERGED}:
            assert asked(newer, one.after) == asked(older, one.before), one.after


@pytest.mark.parametrize(
    ("steps", "fault"),
    [
        ([], "no end"),
        ([step(How.DROPPED, "K2", "")], "no origin"),
        ([step(How.CHANGED, "K2", "K3"), step(How.CHANGED, "K1", "K3")], "twice"),
        ([step(How.CHANGED, "K2", "K9")], "not all exist"),
        ([step(How.KEPT, "K2", "K3")], "called kept"),
    ],
)
def test_a_lineage_that_does_not_add_up_is_refused(steps: list[LineageStep], fault: str) -> None:
    older, newer = (
        catalogue(criterion(1), criterion(2)),
        catalogue(criterion(1), criterion(3, essential=True)),
    )
    with pytest.raises(Invalid, match=fault):
        lineage_between(older, newer, steps)


def test_what_weighs_otherwise_was_not_kept() -> None:
    older, newer = catalogue(criterion(1)), catalogue(criterion(1, weight=2))
    with pytest.raises(Invalid, match="called kept but has other words or another weight"):
        lineage_between(older, newer, [])


@pytest.mark.parametrize(
    ("how", "before", "after"),
    [(How.KEPT, "K1", "K1 K2"), (How.SPLIT, "K1", "K2"), (How.MERGED, "K1", "K2"), (How.NEW, "K1", "K2")],
)
def test_a_step_has_as_many_ends_as_its_name_says(how: How, before: str, after: str) -> None:
    with pytest.raises(Invalid, match="criteria"):
        step(how, before, after)
