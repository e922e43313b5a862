"""A member's suppliers against a released list: which entry is which supplier."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import exp

import numpy as np
import polars as pl

from mrx_matching.candidates import candidate_pairs
from mrx_matching.reading import frame_of, nodes_of
from mrx_matching.records import SiteRecord
from mrx_matching.scores import model_for
from mrx_matching.tokens import Nodes

MATCH = 0.14
"""Lower than for sites: each entry is one supplier's only, and who fits two entries goes to review."""

REVIEW = 0.07
"""From this score on a person should look."""

_CERTAIN = 15.0
_MARGIN = 0.4


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
    """Return for each left row the `place` of its right row (-1 where none is), `score` and `decision`."""
    left, right = (rows.with_row_index("place") for rows in (left, right))
    parts = []
    for mine in left.partition_by("country"):
        theirs = right.filter(pl.col("country") == mine["country"][0])
        parts.append(_linked(mine, theirs, str(mine["country"][0])))
    if not parts:
        return pl.DataFrame(schema={"right": pl.Int64, "score": pl.Float64, "decision": pl.String})
    return pl.concat(parts).sort("place").drop("place")


def _linked(mine: pl.DataFrame, theirs: pl.DataFrame, country: str) -> pl.DataFrame:
    frame, numbers = nodes_of(pl.concat([mine, theirs]), country)
    node_of = numbers.cast(pl.Int64).to_numpy()
    of_mine, of_theirs = node_of[: mine.height], node_of[mine.height :]
    nodes = Nodes(frame)
    first: dict[int, int] = {}
    for place, node in zip(theirs["place"].to_list(), of_theirs.tolist(), strict=True):
        first.setdefault(node, place)
    is_mine, is_theirs = np.zeros(nodes.size, dtype=bool), np.zeros(nodes.size, dtype=bool)
    is_mine[of_mine], is_theirs[of_theirs] = True, True
    pairs = candidate_pairs(nodes)
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    pairs = pairs[is_mine[pairs[:, 0]] & is_theirs[pairs[:, 1]]]
    scores = model_for(nodes).log_odds(nodes, pairs[:, 0].copy(), pairs[:, 1].copy())
    same = np.flatnonzero(is_mine & is_theirs)
    ranked = [(-_CERTAIN, int(node), int(node)) for node in same]
    ranked += [
        (-float(score), one, other)
        for score, (one, other) in zip(scores.tolist(), pairs.tolist(), strict=True)
        if _probability(score) >= REVIEW
    ]
    best = _assigned(sorted(ranked))
    rows = [best.get(node) for node in of_mine.tolist()]
    return pl.DataFrame(
        {
            "place": mine["place"],
            "right": [-1 if row is None else first[row[1]] for row in rows],
            "score": [0.0 if row is None else round(_probability(-row[0]), 4) for row in rows],
            "decision": [Decision.NONE.value if row is None else row[2].value for row in rows],
        },
        schema_overrides={"right": pl.Int64, "score": pl.Float64, "decision": pl.String},
    )


def _assigned(ranked: Sequence[tuple[float, int, int]]) -> dict[int, tuple[float, int, Decision]]:
    """Give every entry to one content at most, the likeliest pairs first."""
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
            if other != theirs and other not in taken and score <= likeness + _MARGIN
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
