"""Proposals for a protocol's requirements: ranked, marked as proposals, and measured on labelled pairs."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from mrx_criteria.domain.suggestions import SAME, plain_words
from mrx_criteria.files import shipped_catalogue
from mrx_criteria.similarity import labelled, phrasings, suggest
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

Pairs = Sequence[tuple[str, str]]

PAIRS = phrasings()
HELD_OUT = labelled((Path(__file__).parent / "held_out_pairs.csv").read_text(encoding="utf-8"))
"""In words of neither the statements nor the synonyms; no phrasing and no synonym comes from it. Not a stranger's protocol."""
CRITERIA = shipped_catalogue("6.1-4p")
FOLDS = 10


def hits(asked: Pairs, known: Pairs | None = None) -> list[int]:
    """The place of the right criterion among the proposals for each pair; 0 where it is not among them."""
    found = suggest([(str(place), text) for place, (_, text) in enumerate(asked)], CRITERIA, known=known)
    by_ref: dict[str, list[str]] = {}
    for one in found:
        by_ref.setdefault(one.requirement_ref, []).append(one.criterion_id)
    assert max(map(len, by_ref.values())) <= 5
    ranked = [by_ref.get(str(place), []) for place in range(len(asked))]
    return [
        names.index(criterion) + 1 if criterion in names else 0
        for (criterion, _), names in zip(asked, ranked, strict=True)
    ]


def recall(name: str, places: list[int]) -> float:
    found = sum(place > 0 for place in places) / len(places)
    print(f"\nrecall@5 {found:.3f}, recall@1 {places.count(1) / len(places):.3f} on {len(places)} {name}")
    return found


def test_the_labels_name_criteria_and_there_are_enough_of_them() -> None:
    known = {one.id for one in CRITERIA.criteria}
    for pairs, least in ((PAIRS, 120), (HELD_OUT, 60)):
        assert len(set(pairs)) == len(pairs) >= least
        assert {criterion for criterion, _ in pairs} <= known
        assert all(text.endswith(".") for _, text in pairs), "a row was cut"


@pytest.mark.parametrize("row", ["C1.1,Forced, bonded work is banned.", "C1.1"])
def test_a_label_whose_comma_is_not_quoted_is_refused(row: str) -> None:
    with pytest.raises(ValueError, match="unpack"):
        labelled(f"criterion_id,requirement_text\n{row}\n")


def test_the_criterion_of_a_labelled_requirement_is_mostly_among_the_first_five_when_its_tenth_is_not_known() -> (
    None
):
    places: list[int] = []
    for fold in range(FOLDS):
        rest = [pair for place, pair in enumerate(PAIRS) if place % FOLDS != fold]
        places += hits(PAIRS[fold::FOLDS], rest)
    assert recall("labelled pairs, each tenth by the others", places) >= 0.95


def test_the_held_out_requirements_share_no_word_with_their_statements_or_the_synonyms() -> None:
    statements = {one.id: one.statement for one in CRITERIA.criteria}
    synonyms = {word for same in SAME for word in same}
    for criterion, text in HELD_OUT:
        words = {word for word in re.findall("[a-z0-9]+", text.lower()) if word not in ENGLISH_STOP_WORDS}
        stems = set(plain_words(" ".join(words)))
        assert not stems & set(plain_words(statements[criterion])), text
        assert not {*words, *stems} & synonyms, text


def test_what_is_said_in_other_words_is_found_more_often_for_the_known_phrasings() -> None:
    without = recall("held-out pairs, without the known phrasings", hits(HELD_OUT, []))
    found = recall("held-out pairs", hits(HELD_OUT))
    assert found >= 0.45
    assert found > 3 * without


def test_the_same_texts_give_the_same_proposals_and_nothing_gives_none() -> None:
    asked = [("1", "No forced labour."), ("2", "zzz qqq")]
    assert suggest(asked, CRITERIA) == suggest(asked, CRITERIA)
    assert suggest([], CRITERIA) == ()
    assert suggest([("1", "zzz qqq")], CRITERIA) == ()


def test_plurals_of_synonyms_are_synonyms() -> None:
    assert plain_words("employees vendors dormitories fees") == [
        "worker",
        "supplier",
        "housing",
        "fee",
    ]
