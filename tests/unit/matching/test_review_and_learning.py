"""What is worth a person's time, and what is learnt from the answers."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from mrx_matching import SiteRecord
from mrx_matching.candidates import candidate_pairs
from mrx_matching.generator.directory import directory
from mrx_matching.learning import from_decisions, without_labels
from mrx_matching.reading import frame_of, nodes_of
from mrx_matching.review import review_queue
from mrx_matching.scores import Model, shipped_model
from mrx_matching.tokens import Nodes


def generated(seed: int, size: int, country: str) -> tuple[pl.DataFrame, list[int]]:
    found = [(row, number) for row, number in directory(seed, size) if row["country"] == country]
    columns = ("name", "address", "city", "region", "postcode", "country")
    rows = frame_of(
        [
            SiteRecord(key=at, **{column: row[column] for column in columns})
            for at, (row, _) in enumerate(found)
        ]
    )
    return rows, [number for _, number in found]


def probability_sum(model: Model, rows: pl.DataFrame, pairs: list[tuple[int, int]]) -> float:
    frame, numbers = nodes_of(rows, "ID")
    nodes = Nodes(frame)
    at = numbers.cast(pl.Int64).to_numpy()
    low = at[[one for one, _ in pairs]]
    return float(model.log_odds(nodes, low, at[[other for _, other in pairs]]).sum())


def test_the_queue_is_ordered_by_value_and_asks_about_uncertain_pairs_only() -> None:
    rows, _ = generated(3, 6000, "ID")
    queue = review_queue(rows)
    assert queue.height > 5
    assert queue["value"].to_list() == sorted(queue["value"], reverse=True)
    assert queue["probability"].is_between(0.1, 0.9).all()


@given(st.lists(st.booleans(), min_size=6, max_size=6))
@settings(deadline=None, max_examples=6)
def test_a_question_that_was_answered_is_not_asked_again(answers: list[bool]) -> None:
    rows, _ = generated(3, 1500, "ID")
    asked = review_queue(rows).head(len(answers)).select("one", "other").rows()
    must = [pair for pair, same in zip(asked, answers, strict=False) if same]
    cannot = [pair for pair, same in zip(asked, answers, strict=False) if not same]
    again = set(review_queue(rows, must=must, cannot=cannot).select("one", "other").rows())
    assert not again & set(asked)


def test_decisions_move_the_scores_of_what_was_decided() -> None:
    rows, truth = generated(4, 4000, "ID")
    asked = review_queue(rows).select("one", "other").rows()
    same = [pair for pair in asked if truth[pair[0]] == truth[pair[1]]]
    different = [pair for pair in asked if truth[pair[0]] != truth[pair[1]]]
    learnt = from_decisions(rows, "ID", same=same, different=different)
    shipped = shipped_model("full")
    assert probability_sum(learnt, rows, same) > probability_sum(shipped, rows, same)
    assert probability_sum(learnt, rows, different) < probability_sum(shipped, rows, different)


def test_no_decision_changes_nothing() -> None:
    rows, _ = generated(4, 400, "ID")
    assert from_decisions(rows, "ID", same=[], different=[]) == shipped_model("full")


def test_re_estimation_without_labels_keeps_apart_what_is_apart() -> None:
    rows, truth = generated(5, 4000, "ID")
    learnt = without_labels(rows, "ID")
    frame, numbers = nodes_of(rows, "ID")
    nodes = Nodes(frame)
    pairs = candidate_pairs(nodes)
    site = dict(zip(numbers.to_list(), truth, strict=True))
    odds = learnt.log_odds(nodes, pairs[:, 0].copy(), pairs[:, 1].copy())
    right = sum(
        (value > 0) == (site[one] == site[other])
        for value, (one, other) in zip(odds, pairs.tolist(), strict=True)
    )
    assert right / len(pairs) >= 0.95
