"""Which pairs of rows are worth a person's time, the most valuable first."""

from collections.abc import Collection

import numpy as np
import polars as pl

from mrx_matching.engine import Decided, Models, Progress, by_country
from mrx_matching.explain import explanations
from mrx_matching.grouping import united
from mrx_matching.scores import Model
from mrx_matching.sharding import Tell, compare, sites_of

UNCERTAIN = (0.1, 0.9)
_QUEUE = {
    "one": pl.Int64,
    "other": pl.Int64,
    "probability": pl.Float64,
    "value": pl.Float64,
    "why": pl.String,
}
_STAGE = "finding questions"


def review_queue(
    rows: pl.DataFrame,
    *,
    processes: int = 1,
    progress: Progress | None = None,
    model: Models = None,
    must: Decided = (),
    cannot: Decided = (),
) -> pl.DataFrame:
    """Return pairs of places of rows to ask about: `one`, `other`, `probability`, `value`, `why`.

    A pair is worth the more, the less certain it is and the more pairs of rows hang on the answer. Two sites are asked
    about once, by their likeliest rows; what was decided (`must`, `cannot`), in whichever rows say the same, never.
    """
    parts = [
        found.with_columns(
            places["place"].gather(found[side]).cast(pl.Int64).alias(side) for side in ("one", "other")
        )
        for places, found in by_country(
            _questions,
            rows,
            stage=_STAGE,
            processes=processes,
            progress=progress,
            model=model,
            must=must,
            cannot=cannot,
        )
    ]
    queue = pl.concat(parts) if parts else pl.DataFrame(schema=_QUEUE)
    return queue.sort("value", "one", "other", descending=[True, False, False])


def _questions(
    rows: pl.DataFrame,
    country: str,
    *,
    model: Model | None,
    must: Collection[tuple[int, int]],
    cannot: Collection[tuple[int, int]],
    tell: Tell,
) -> pl.DataFrame:
    compared = compare(rows, country, model=model, tell=tell)
    sites = sites_of(compared, rows, must=must, cannot=cannot)["site"].to_list()
    node_of = compared.node_of.tolist()
    first: dict[int, int] = {}
    for row, node in enumerate(node_of):
        first.setdefault(node, row)
    count = np.bincount(compared.node_of, minlength=compared.nodes.size)
    # What follows from decisions is settled too: two that are the same as a third, and what differs from one of them.
    one_of = united(compared.nodes.size, [(node_of[a], node_of[b]) for a, b in must], ()).tolist()
    apart = {frozenset((one_of[node_of[a]], one_of[node_of[b]])) for a, b in cannot}
    settled = {frozenset((sites[a], -1 - sites[b])) for a, b in cannot} | {
        frozenset((sites[b], -1 - sites[a])) for a, b in cannot
    }
    chance = 1 / (1 + np.exp(-np.clip(compared.odds.astype(np.float64), -30, 30)))
    rows_of = dict(pl.Series(sites).value_counts().iter_rows())
    best: dict[tuple[int, int], tuple[float, int]] = {}
    for which in np.flatnonzero((chance > UNCERTAIN[0]) & (chance < UNCERTAIN[1])).tolist():
        low, high = int(compared.low[which]), int(compared.high[which])
        mine, theirs = sites[first[low]], sites[first[high]]
        ends = frozenset((one_of[low], one_of[high]))
        if len(ends) == 1 or ends in apart or frozenset((mine, -1 - theirs)) in settled:
            continue
        # Within a site each pair is a question of its own; two sites are asked about once.
        key = (low, -1 - high) if mine == theirs else (min(mine, theirs), max(mine, theirs))
        if key not in best or chance[which] > best[key][0]:
            best[key] = (float(chance[which]), which)
    asked = np.array([which for _, which in best.values()], dtype=np.int64)
    low_asked, high_asked = compared.low[asked], compared.high[asked]
    reasons = explanations(compared.model, compared.nodes, low_asked, high_asked, compared.odds[asked])
    lines = []
    for (probability, which), why in zip(best.values(), reasons, strict=True):
        low, high = int(compared.low[which]), int(compared.high[which])
        mine, theirs = sites[first[low]], sites[first[high]]
        hang = int(count[low] * count[high]) if mine == theirs else rows_of[mine] * rows_of[theirs]
        value = round((1 - abs(2 * probability - 1)) * hang, 4)
        lines.append((*sorted((first[low], first[high])), round(probability, 4), value, why.text))
    return pl.DataFrame(lines, schema=_QUEUE, orient="row")
