"""A country's rows to its sites. Countries are independent: in this process, in several, or on Spark alike."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl

from mrx_matching.candidates import candidate_pairs
from mrx_matching.features import Rows
from mrx_matching.grouping import grouped, united
from mrx_matching.reading import SCHEMA, nodes_of
from mrx_matching.scores import SURE, Model, identified, model_for
from mrx_matching.tokens import Floats, Nodes

_WORTH_KEEPING = -4.0
CAUTION = np.float32(0.5)
"""By how much log-odds must exceed an even chance to put rows together that no two streets speak for."""


Tell = Callable[[float], None]
"""Told how far the work is, 0 to 1."""

_READ, _PAIRED, _SCORED = 0.4, 0.5, 0.95
"""How far the work is after each of its steps, about."""

_AT_ONCE = 100_000
_ALIKE = np.float32(SURE - 1)
"""Of rows that say the same and that decisions have parted: sure, but not so that one of two would be taken at random."""


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
    nodes = compared.nodes
    unit_of, node = _units(compared.node_of, rows, must, cannot)

    def cautious(odds: Floats, one: Rows, other: Rows) -> Floats:
        no_street = (nodes.street.totals[one] <= 0) | (nodes.street.totals[other] <= 0)
        return odds - np.where(no_street, CAUTION, np.float32(0))

    def log_odds(one: Rows, other: Rows) -> Floats:
        mine, theirs = node[one], node[other]
        found = np.full(len(one), _ALIKE, dtype=np.float32)
        apart = mine != theirs
        low, high = np.minimum(mine, theirs)[apart], np.maximum(mine, theirs)[apart]
        found[apart] = cautious(compared.model.log_odds(nodes, low, high), low, high)
        return found

    scores = cautious(compared.odds, compared.low, compared.high)
    kept = scores > _WORTH_KEEPING
    low, high, scores = compared.low[kept], compared.high[kept], scores[kept]
    certain = identified(nodes, low, high)
    if len(node) > nodes.size:
        low, high, which = _of_units(low, high, node, nodes.size)
        scores, certain = np.append(scores, _ALIKE)[which], np.append(certain, False)[which]
    label, sure = grouped(
        len(node),
        low,
        high,
        scores,
        log_odds,
        must=[(int(unit_of[one]), int(unit_of[other])) for one, other in must],
        cannot=[(int(unit_of[one]), int(unit_of[other])) for one, other in cannot],
        certain=certain,
    )
    _, site = np.unique(label[unit_of], return_inverse=True)
    confidence = np.round(1 / (1 + np.exp(-np.clip(sure, -12, 12).astype(np.float64))), 4)
    return pl.DataFrame({"site": site.astype(np.int64), "confidence": confidence[unit_of]})


def _units(
    node_of: Rows, rows: pl.DataFrame, must: Collection[tuple[int, int]], cannot: Collection[tuple[int, int]]
) -> tuple[Rows, Rows]:
    """Return for each row its unit, and for each unit its node. A unit is a node, as a rule.

    Where decisions would part what says the same, each row that somebody decided on is a unit of its own.
    """
    size = int(node_of.max()) + 1
    one_of = united(size, [(node_of[one], node_of[other]) for one, other in must], ())
    torn = {
        int(one_of[node_of[one]]) for one, other in cannot if one_of[node_of[one]] == one_of[node_of[other]]
    }
    unit_of, node = node_of.copy(), list(range(size))
    if not torn:
        return unit_of, np.arange(size, dtype=np.int64)
    decided = {place for pair in (*must, *cannot) for place in pair if one_of[node_of[place]] in torn}
    # By what they say to the letter, so that the order of rows decides between equal copies alone.
    written = rows.select(*SCHEMA)
    left = np.bincount(node_of, minlength=size)
    for place in sorted(decided, key=lambda place: (written.row(place), place)):
        left[node_of[place]] -= 1
        if left[node_of[place]]:
            unit_of[place] = len(node)
            node.append(int(node_of[place]))
    return unit_of, np.array(node, dtype=np.int64)


def _of_units(low: Rows, high: Rows, node: Rows, size: int) -> tuple[Rows, Rows, Rows]:
    """Return pairs of nodes as pairs of their units, with the place of each; the last, -1, for two units that say the same."""
    several: dict[int, list[int]] = {}
    for unit in range(size, len(node)):
        several.setdefault(int(node[unit]), [int(node[unit])]).append(unit)
    split = np.isin(low, list(several)) | np.isin(high, list(several))
    pairs = [(mine, theirs, -1) for units in several.values() for mine, theirs in combinations(units, 2)]
    pairs += [
        (min(mine, theirs), max(mine, theirs), place)
        for place in np.flatnonzero(split).tolist()
        for mine in several.get(int(low[place]), [int(low[place])])
        for theirs in several.get(int(high[place]), [int(high[place])])
    ]
    added = np.array(pairs, dtype=np.int64).reshape(-1, 3)
    return (
        np.append(low[~split], added[:, 0]),
        np.append(high[~split], added[:, 1]),
        np.append(np.flatnonzero(~split), added[:, 2]),
    )
