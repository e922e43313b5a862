"""Proposals for a protocol's requirements: ranked, marked as proposals, and measured on labelled pairs."""

import csv
from pathlib import Path

from mrx_benchmark.entrypoints.files import shipped_catalogue
from mrx_benchmark.entrypoints.suggestions import suggest

with (Path(__file__).parent / "labelled_pairs.csv").open(encoding="utf-8", newline="") as pairs:
    PAIRS = [(one["criterion_id"], one["requirement_text"]) for one in csv.DictReader(pairs)]
CRITERIA = shipped_catalogue("6.1-4p")


def test_the_labels_name_criteria_and_there_are_enough_of_them() -> None:
    known = {one.id for one in CRITERIA.criteria}
    assert len(set(PAIRS)) == len(PAIRS) >= 120
    assert {criterion for criterion, _ in PAIRS} <= known


def test_the_criterion_is_mostly_among_the_first_five() -> None:
    found = suggest([(str(place), text) for place, (_, text) in enumerate(PAIRS)], CRITERIA)
    by_ref: dict[str, list[str]] = {}
    for one in found:
        by_ref.setdefault(one.requirement_ref, []).append(one.criterion_id)
    hits = [criterion in by_ref.get(str(place), []) for place, (criterion, _) in enumerate(PAIRS)]
    firsts = [by_ref.get(str(place), [""])[0] == criterion for place, (criterion, _) in enumerate(PAIRS)]
    recall = sum(hits) / len(PAIRS)
    print(f"\nrecall@5 {recall:.3f}, recall@1 {sum(firsts) / len(PAIRS):.3f} on {len(PAIRS)} labelled pairs")
    assert recall >= 0.85
    assert max(map(len, by_ref.values())) <= 5


def test_the_same_texts_give_the_same_proposals_and_nothing_gives_none() -> None:
    asked = [("1", "No forced labour."), ("2", "zzz qqq")]
    assert suggest(asked, CRITERIA) == suggest(asked, CRITERIA)
    assert suggest([], CRITERIA) == ()
    assert suggest([("1", "zzz qqq")], CRITERIA) == ()
