"""A country's rows to its sites. Countries are independent: in this process, in several, or on Spark alike."""

from collections.abc import Collection

import numpy as np
import polars as pl

from mrx_matching.candidates import candidate_pairs
from mrx_matching.features import Rows
from mrx_matching.grouping import grouped
from mrx_matching.reading import nodes_of
from mrx_matching.scores import Model, model_for
from mrx_matching.tokens import Floats, Nodes

_WORTH_KEEPING = -4.0
CAUTION = np.float32(0.5)
"""By how much log-odds must exceed an even chance to put rows together that no two streets speak for."""


def resolve_country(
    rows: pl.DataFrame,
    country: str,
    *,
    model: Model | None = None,
    must: Collection[tuple[int, int]] = (),
    cannot: Collection[tuple[int, int]] = (),
) -> pl.DataFrame:
    """Return for every row its `site`, a number in the order of contents, and the `confidence`, 0 to 1.

    `must` and `cannot` are pairs of places of rows: what people have decided.
    """
    frame, node_of = nodes_of(rows, country)
    nodes = Nodes(frame)
    if nodes.size == 0:
        return pl.DataFrame(schema={"site": pl.Int64, "confidence": pl.Float64})
    model = model or model_for(nodes)
    pairs = candidate_pairs(nodes)
    low, high = pairs[:, 0], pairs[:, 1]

    def log_odds(one: Rows, other: Rows) -> Floats:
        no_street = (nodes.street.totals[one] <= 0) | (nodes.street.totals[other] <= 0)
        return model.log_odds(nodes, one, other) - np.where(no_street, CAUTION, np.float32(0))

    scores = log_odds(low, high)
    kept = scores > _WORTH_KEEPING
    numbers = node_of.cast(pl.Int64).to_numpy()

    def of_nodes(decided: Collection[tuple[int, int]]) -> set[tuple[int, int]]:
        found = ((int(numbers[one]), int(numbers[other])) for one, other in decided)
        return {(min(pair), max(pair)) for pair in found if pair[0] != pair[1]}

    label, sure = grouped(
        nodes.size,
        low[kept],
        high[kept],
        scores[kept],
        log_odds,
        must=of_nodes(must),
        cannot=of_nodes(cannot),
    )
    _, site = np.unique(label, return_inverse=True)
    site = _held_apart(site[numbers].astype(np.int64), numbers, rows, cannot)
    confidence = np.round(1 / (1 + np.exp(-np.clip(sure, -12, 12).astype(np.float64))), 4)
    return pl.DataFrame({"site": site, "confidence": confidence[numbers]})


def _held_apart(site: Rows, numbers: Rows, rows: pl.DataFrame, cannot: Collection[tuple[int, int]]) -> Rows:
    """Part rows that say the same although somebody decided that they are not one site."""
    alike = [pair for pair in cannot if numbers[pair[0]] == numbers[pair[1]]]
    for later in sorted({max(pair, key=lambda place: (rows.row(place), place)) for pair in alike}):
        site[later] = site.max() + 1
    return site
