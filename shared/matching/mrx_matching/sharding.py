"""A country's rows to its sites. Countries are independent: in this process, in several, or on Spark alike."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import polars as pl

from mrx_matching.candidates import candidate_pairs
from mrx_matching.features import Rows
from mrx_matching.grouping import grouped
from mrx_matching.reading import SCHEMA, nodes_of
from mrx_matching.scores import Model, identified, model_for
from mrx_matching.tokens import Floats, Nodes

_WORTH_KEEPING = -4.0
CAUTION = np.float32(0.5)
"""By how much log-odds must exceed an even chance to put rows together that no two streets speak for."""


Tell = Callable[[float], None]
"""Told how far the work is, 0 to 1."""

_READ, _PAIRED, _SCORED = 0.4, 0.5, 0.95
"""How far the work is after each of its steps, about."""

_AT_ONCE = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A country's nodes, for each row its node, and the pairs of nodes that are worth a comparison, with their log-odds."""

    nodes: Nodes
    node_of: Rows
    model: Model
    low: Rows
    high: Rows
    odds: Floats


def compare(
    rows: pl.DataFrame, country: str, *, model: Model | None = None, tell: Tell = lambda _: None
) -> Compared:
    """Read the rows of one country and score what may be one site."""
    frame, node_of = nodes_of(rows, country)
    nodes = Nodes(frame)
    tell(_READ)
    model = model or model_for(nodes)
    pairs = candidate_pairs(nodes) if nodes.size else np.empty((0, 2), dtype=np.int64)
    tell(_PAIRED)
    low, high = pairs[:, 0].copy(), pairs[:, 1].copy()
    odds = np.empty(len(low), dtype=np.float32)
    for start in range(0, len(low), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        odds[part] = model.log_odds(nodes, low[part], high[part])
        tell(_PAIRED + (_SCORED - _PAIRED) * min(1.0, (start + _AT_ONCE) / len(low)))
    return Compared(
        nodes=nodes, node_of=node_of.cast(pl.Int64).to_numpy(), model=model, low=low, high=high, odds=odds
    )


def resolve_country(
    rows: pl.DataFrame,
    country: str,
    *,
    model: Model | None = None,
    must: Collection[tuple[int, int]] = (),
    cannot: Collection[tuple[int, int]] = (),
    tell: Tell = lambda _: None,
) -> pl.DataFrame:
    """Return for every row its `site`, a number in the order of contents, and the `confidence`, 0 to 1.

    `must` and `cannot` are pairs of places of rows: what people have decided.
    """
    compared = compare(rows, country, model=model, tell=tell)
    if not compared.nodes.size:
        return pl.DataFrame(schema={"site": pl.Int64, "confidence": pl.Float64})
    return sites_of(compared, rows, must=must, cannot=cannot)


def sites_of(
    compared: Compared,
    rows: pl.DataFrame,
    *,
    must: Collection[tuple[int, int]] = (),
    cannot: Collection[tuple[int, int]] = (),
) -> pl.DataFrame:
    """Return `site` and `confidence` for every row of what was compared."""
    nodes, numbers = compared.nodes, compared.node_of

    def cautious(odds: Floats, one: Rows, other: Rows) -> Floats:
        no_street = (nodes.street.totals[one] <= 0) | (nodes.street.totals[other] <= 0)
        return odds - np.where(no_street, CAUTION, np.float32(0))

    def log_odds(one: Rows, other: Rows) -> Floats:
        return cautious(compared.model.log_odds(nodes, one, other), one, other)

    scores = cautious(compared.odds, compared.low, compared.high)
    kept = scores > _WORTH_KEEPING

    def of_nodes(decided: Collection[tuple[int, int]]) -> set[tuple[int, int]]:
        found = ((int(numbers[one]), int(numbers[other])) for one, other in decided)
        return {(min(pair), max(pair)) for pair in found if pair[0] != pair[1]}

    label, sure = grouped(
        nodes.size,
        compared.low[kept],
        compared.high[kept],
        scores[kept],
        log_odds,
        must=of_nodes(must),
        cannot=of_nodes(cannot),
        certain=identified(nodes, compared.low[kept], compared.high[kept]),
    )
    _, site = np.unique(label, return_inverse=True)
    site = _held_apart(site[numbers].astype(np.int64), numbers, rows, cannot)
    confidence = np.round(1 / (1 + np.exp(-np.clip(sure, -12, 12).astype(np.float64))), 4)
    return pl.DataFrame({"site": site, "confidence": confidence[numbers]})


def _held_apart(site: Rows, numbers: Rows, rows: pl.DataFrame, cannot: Collection[tuple[int, int]]) -> Rows:
    """Part rows that say the same although somebody decided that they are not one site."""
    alike = [pair for pair in cannot if numbers[pair[0]] == numbers[pair[1]]]
    # By what they say to the letter, so that the order of rows decides between copies alone.
    written = rows.select(*SCHEMA)
    for later in sorted({max(pair, key=lambda place: (written.row(place), place)) for pair in alike}):
        site[later] = site.max() + 1
    return site
