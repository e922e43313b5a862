"""A member's suppliers against a released list: which entry is which supplier."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from math import exp, log

import numpy as np
import polars as pl

from mrx_matching.engine import Progress, by_country
from mrx_matching.index import Tables, index_of, shortlist
from mrx_matching.reading import frame_of
from mrx_matching.records import SiteRecord
from mrx_matching.scores import Model, model_for
from mrx_matching.sharding import Tell
from mrx_matching.tokens import Nodes

MATCH = 0.14
"""Lower than for sites: each entry is one supplier's only, and who fits two entries goes to review."""

REVIEW = 0.07
"""From this score on a person should look."""

_CERTAIN = 15.0
_MARGIN = 0.4
_LEAST = log(REVIEW / (1 - REVIEW))
_SURELY = -1.0
"""From these log-odds on two entries that both fit a supplier, which speaks for it too, are taken for one site."""

_MOST_RIVALS = 8
_STAGE = "comparing"
_LISTED = 0.6
_WORTH_PROCESSES = 2_000
_LINKS = {"right": pl.Int64, "score": pl.Float64, "decision": pl.String}


class Decision(StrEnum):
    MATCH = "match"
    REVIEW = "review"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The best entry of the right list for one record of the left; `right_key` is None where none is."""

    left_key: int | str
    right_key: int | str | None
    score: float
    decision: Decision


def link(left: Sequence[SiteRecord], right: Sequence[SiteRecord]) -> list[Link]:
    """Return one link for each left record, in their order.

    A right entry is the match of one left content at most; whoever else fits it goes to review, and so does
    who fits two entries equally well.
    """
    found = link_frames(frame_of(left), frame_of(right))
    return [
        Link(
            left_key=record.key,
            right_key=None if place < 0 else right[place].key,
            score=score,
            decision=Decision(decision),
        )
        for record, (place, score, decision) in zip(left, found.iter_rows(), strict=True)
    ]


def link_frames(left: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
    """Return for each left row the `right` place of its row (-1 where none is), `score` and `decision`."""
    countries = left["country"].unique()
    places = right.select(pl.col("country").is_in(countries.implode())).to_series().arg_true()
    found = link_with_index(left, index_of(right[places]))
    of_all = pl.concat([places.cast(pl.Int64), pl.Series([-1], dtype=pl.Int64)])
    none = pl.lit(len(places), dtype=pl.Int64)
    at = found.select(pl.when(pl.col("right") < 0).then(none).otherwise("right")).to_series()
    return found.with_columns(right=of_all.gather(at))


def link_with_index(
    left: pl.DataFrame,
    index: Mapping[str, Tables],
    *,
    processes: int = 1,
    progress: Progress | None = None,
) -> pl.DataFrame:
    """Return what `link_frames` returns, for a list of which the index is at hand."""
    parts = by_country(
        partial(_linked, index=index),
        left,
        stage=_STAGE,
        processes=processes,
        worth_processes=_WORTH_PROCESSES,
        progress=progress,
    )
    if not parts:
        return pl.DataFrame(schema=_LINKS)
    return pl.concat([places.hstack(found) for places, found in parts]).sort("place").drop("place")


def _linked(
    mine: pl.DataFrame, country: str, *, index: Mapping[str, Tables], tell: Tell, **_: object
) -> pl.DataFrame:
    if country not in index:
        none = {"right": -1, "score": 0.0, "decision": Decision.NONE.value}
        return (
            mine.select("place")
            .with_columns(pl.lit(value, dtype=_LINKS[column]).alias(column) for column, value in none.items())
            .drop("place")
        )
    tables = index[country]
    found = shortlist(mine, country, tables)
    nodes = found.nodes
    tell(_LISTED)
    model = model_for(nodes)
    scores = model.log_odds(nodes, found.low, found.high)
    worth = np.flatnonzero(scores >= _LEAST)
    ranked = [(-_CERTAIN, one, other) for one, other in found.same.tolist()]
    ranked += zip(
        (-scores[worth]).tolist(), found.low[worth].tolist(), found.high[worth].tolist(), strict=True
    )
    best = _assigned(sorted(ranked), _one_site(nodes, model, ranked))
    rows = [best.get(node) for node in found.node_of.tolist()]
    return pl.DataFrame(
        {
            "right": [-1 if row is None else found.place[row[1] - found.first] for row in rows],
            "score": [0.0 if row is None else round(_probability(-row[0]), 4) for row in rows],
            "decision": [Decision.NONE.value if row is None else row[2].value for row in rows],
        },
        schema=_LINKS,
    )


def _one_site(
    nodes: Nodes, model: Model, ranked: Sequence[tuple[float, int, int]]
) -> frozenset[tuple[int, int]]:
    """Return the pairs of entries, of those that compete for one supplier, that are surely one site themselves."""
    partners: defaultdict[int, list[tuple[float, int]]] = defaultdict(list)
    for likeness, mine, theirs in ranked:
        if _probability(-likeness) >= MATCH:
            partners[mine].append((likeness, theirs))
    pairs = {
        (min(theirs, other), max(theirs, other))
        for competing in partners.values()
        for at, (likeness, theirs) in enumerate(sorted(competing)[:_MOST_RIVALS])
        for score, other in sorted(competing)[at + 1 : _MOST_RIVALS]
        if score <= likeness + _MARGIN
    }
    at = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
    surely = model.log_odds(nodes, at[:, 0].copy(), at[:, 1].copy()) >= _SURELY
    return frozenset((one, other) for one, other in at[surely].tolist())


def _assigned(
    ranked: Sequence[tuple[float, int, int]], one_site: Collection[tuple[int, int]]
) -> dict[int, tuple[float, int, Decision]]:
    """Give every entry to one content at most, the likeliest pairs first. Entries of one site are no rivals."""
    partners: defaultdict[int, list[tuple[float, int]]] = defaultdict(list)
    for likeness, mine, theirs in ranked:
        partners[mine].append((likeness, theirs))
    taken: set[int] = set()
    assigned: dict[int, tuple[float, int, Decision]] = {}
    for likeness, mine, theirs in ranked:
        if mine in assigned and assigned[mine][2] is Decision.MATCH:
            continue
        rivals = [
            score
            for score, other in partners[mine]
            if other != theirs
            and other not in taken
            and score <= likeness + _MARGIN
            and (min(theirs, other), max(theirs, other)) not in one_site
        ]
        sure = -likeness >= _CERTAIN
        if _probability(-likeness) >= MATCH and theirs not in taken and (sure or not rivals):
            taken.add(theirs)
            assigned[mine] = (likeness, theirs, Decision.MATCH)
        elif mine not in assigned:
            assigned[mine] = (likeness, theirs, Decision.REVIEW)
    return assigned


def _probability(log_odds: float) -> float:
    return 1 / (1 + exp(-max(-30.0, min(30.0, log_odds))))
