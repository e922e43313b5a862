"""Weights that follow a user's own data: without labels, and from what reviewers decided.

Both start from the shipped weights and stay near them: the fewer the pairs, the nearer.
"""

from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.optimize import minimize
from scipy.special import expit

from mrx_matching.candidates import candidate_pairs
from mrx_matching.features import features, name_columns
from mrx_matching.reading import nodes_of
from mrx_matching.scores import Model, model_for
from mrx_matching.tokens import Floats, Nodes

_ROUNDS = 5
_MOST_PAIRS = 20_000
_HELD_BY_DECISIONS = 1.0
_HELD_BY_GUESSES = 200.0
"""How strongly weights are held to where they started, in pairs; guesses may move them little."""


def from_decisions(
    rows: pl.DataFrame,
    country: str,
    *,
    same: Collection[tuple[int, int]],
    different: Collection[tuple[int, int]],
) -> Model:
    """Return the shipped model, moved towards what people decided about pairs of places of rows of a country."""
    nodes, numbers = _read(rows, country)
    model = model_for(nodes)
    pairs = [(one, other, 1.0) for one, other in same] + [(one, other, 0.0) for one, other in different]
    known = {
        (min(numbers[one], numbers[other]), max(numbers[one], numbers[other])): said
        for one, other, said in pairs
    }
    known = {pair: said for pair, said in known.items() if pair[0] != pair[1]}
    if not known:
        return model
    at = np.array(sorted(known), dtype=np.int64)
    said = np.array([known[one, other] for one, other in at.tolist()])
    return _fitted(model, features(nodes, at[:, 0].copy(), at[:, 1].copy()), said, _HELD_BY_DECISIONS)


def without_labels(rows: pl.DataFrame, country: str) -> Model:
    """Return the shipped model, re-estimated on the rows of a country by expectation and maximisation."""
    nodes, _ = _read(rows, country)
    model = model_for(nodes)
    pairs = candidate_pairs(nodes)
    pairs = pairs[:: max(1, len(pairs) // _MOST_PAIRS)]
    if not len(pairs):
        return model
    low, high = pairs[:, 0].copy(), pairs[:, 1].copy()
    seen = features(nodes, low, high)
    for _ in range(_ROUNDS):
        guessed = expit(model.log_odds(nodes, low, high).astype(np.float64))
        model = _fitted(model, seen, guessed, _HELD_BY_GUESSES)
    return model


def _read(rows: pl.DataFrame, country: str) -> tuple[Nodes, list[int]]:
    frame, numbers = nodes_of(rows, country)
    return Nodes(frame), [int(number) for number in numbers]


def _fitted(model: Model, seen: Floats, said: npt.NDArray[np.float64], held: float) -> Model:
    """Return the weights that are likeliest, given that they are near those of the model."""
    names = name_columns()
    start = np.array([model.intercept, *(model.weights.get(name, 0.0) for name in names)])
    columns = np.column_stack([np.ones(len(seen)), seen.astype(np.float64)])

    def cost(weights: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        odds = columns @ weights
        moved = weights - start
        lost = float((np.maximum(odds, 0) - odds * said + np.log1p(np.exp(-np.abs(odds)))).sum())
        slope = columns.T @ (expit(odds) - said) + held * moved
        return lost + held / 2 * float(moved @ moved), slope

    found = minimize(cost, start, jac=True, method="L-BFGS-B").x.round(5).tolist()
    return Model(intercept=found[0], weights=dict(zip(names, found[1:], strict=True)))
