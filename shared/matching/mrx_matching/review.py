"""Which pairs of rows are worth a person's time, the most valuable first."""

from collections.abc import Collection

import numpy as np
import polars as pl

from mrx_matching.candidates import candidate_pairs
from mrx_matching.reading import content_of, nodes_of
from mrx_matching.scores import Model, model_for
from mrx_matching.sharding import resolve_country
from mrx_matching.tokens import Nodes

UNCERTAIN = (0.1, 0.9)
_QUEUE = {"one": pl.Int64, "other": pl.Int64, "probability": pl.Float64, "value": pl.Float64}


def review_queue(
    rows: pl.DataFrame,
    *,
    model: Model | None = None,
    must: Collection[tuple[int, int]] = (),
    cannot: Collection[tuple[int, int]] = (),
) -> pl.DataFrame:
    """Return pairs of places of rows to ask about: `one`, `other`, `probability`, `value`.

    A pair is worth the more, the less certain it is and the more pairs of rows hang on the answer. Two sites are asked
    about once, by their likeliest rows; what was decided (`must`, `cannot`), in whichever rows say the same, never.
    """
    placed = content_of(rows).with_row_index("place")
    parts = [
        _questions(part, str(part["country"][0]), model, must, cannot)
        for part in placed.partition_by("country", maintain_order=True)
    ]
    queue = pl.concat(parts) if parts else pl.DataFrame(schema=_QUEUE)
    return queue.sort("value", "one", "other", descending=[True, False, False])


def _questions(
    part: pl.DataFrame,
    country: str,
    model: Model | None,
    must: Collection[tuple[int, int]],
    cannot: Collection[tuple[int, int]],
) -> pl.DataFrame:
    places = part["place"].to_list()
    at = {place: number for number, place in enumerate(places)}
    inner = [[(at[a], at[b]) for a, b in decided if a in at and b in at] for decided in (must, cannot)]
    sites = resolve_country(part, country, model=model, must=inner[0], cannot=inner[1])["site"].to_list()
    frame, numbers = nodes_of(part, country)
    nodes = Nodes(frame)
    node_of = numbers.to_list()
    first: dict[int, int] = {}
    count = np.zeros(nodes.size, dtype=np.int64)
    for row, node in enumerate(node_of):
        first.setdefault(node, row)
        count[node] += 1
    settled = {frozenset((node_of[a], node_of[b])) for decided in inner for a, b in decided}
    settled |= {frozenset((sites[a], -1 - sites[b])) for a, b in inner[1]} | {
        frozenset((sites[b], -1 - sites[a])) for a, b in inner[1]
    }
    pairs = candidate_pairs(nodes)
    odds = (model or model_for(nodes)).log_odds(nodes, pairs[:, 0].copy(), pairs[:, 1].copy())
    chance = 1 / (1 + np.exp(-np.clip(odds.astype(np.float64), -30, 30)))
    size = pl.Series(sites).value_counts()
    rows_of = dict(size.iter_rows())
    best: dict[tuple[int, int], tuple[float, int, int]] = {}
    for which in np.flatnonzero((chance > UNCERTAIN[0]) & (chance < UNCERTAIN[1])).tolist():
        low, high = (int(node) for node in pairs[which])
        mine, theirs = sites[first[low]], sites[first[high]]
        if frozenset((low, high)) in settled or frozenset((mine, -1 - theirs)) in settled:
            continue
        # Within a site each pair is a question of its own; two sites are asked about once.
        key = (low, -1 - high) if mine == theirs else (min(mine, theirs), max(mine, theirs))
        if key not in best or chance[which] > best[key][0]:
            best[key] = (float(chance[which]), low, high)
    lines = []
    for probability, low, high in best.values():
        mine, theirs = sites[first[low]], sites[first[high]]
        hang = int(count[low] * count[high]) if mine == theirs else rows_of[mine] * rows_of[theirs]
        one, other = sorted((places[first[low]], places[first[high]]))
        lines.append((one, other, round(probability, 4), round((1 - abs(2 * probability - 1)) * hang, 4)))
    return pl.DataFrame(lines, schema=_QUEUE, orient="row")
