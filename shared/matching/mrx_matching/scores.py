"""How likely two nodes are one site: a calibrated logistic over the features, explainable part by part.

The shipped weights were learnt on generated directories only.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from rapidfuzz.fuzz import ratio

from mrx_matching.features import (
    COMPANY_IDENTIFIERS,
    SAME_SITE_IDENTIFIERS,
    Bools,
    Rows,
    alike,
    compared,
    names_agree,
    places_differ,
)
from mrx_matching.tokens import Floats, Nodes

_AT_ONCE = 20_000
SURE = 12.0
NEVER = -30.0
_SPELT_ALIKE = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Weights by the name of their feature, and the log-odds of a pair without any."""

    intercept: float
    weights: dict[str, float]

    def log_odds(self, nodes: Nodes, low: Rows, high: Rows) -> Floats:
        """Return for each pair the log-odds that it is one site."""
        found = np.full(len(low), self.intercept, dtype=np.float32)
        for start in range(0, len(low), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            # Not a matrix product: its order of additions depends on the number of rows.
            for name, column in compared(nodes, low[part], high[part]):
                if weight := self.weights.get(name):
                    found[part] += np.multiply(column, np.float32(weight), dtype=np.float32)
        found = np.round(found, 3)
        for _, holds, adds in rules(nodes, low, high):
            found[holds] += np.float32(adds)
        return found


@cache
def shipped_model(kind: str = "full") -> Model:
    """Return a model that needs no labels from the user: `full`, `places` without streets, or `names`."""
    text = files("mrx_matching").joinpath("lexicons/model.json").read_text(encoding="utf-8")
    read = json.loads(text)[kind]
    weights = Counter(read["weights"])
    weights.update(read["by_hand"])
    return Model(intercept=read["intercept"], weights=dict(weights))


def model_for(nodes: Nodes) -> Model:
    """Return the shipped model for what the nodes say."""
    if (nodes.frame["street"] != "").any():
        return shipped_model("full")
    return shipped_model("places" if (nodes.frame["city"] != "").any() else "names")


def identified(nodes: Nodes, low: Rows, high: Rows) -> Bools:
    """Say of which pairs an identifier of sites is equal and something else agrees, and none that is valid differs."""
    certain, barred, _ = _by_identifiers(nodes, low, high)
    return certain & ~barred


def _by_identifiers(nodes: Nodes, low: Rows, high: Rows) -> tuple[Bools, Bools, Bools]:
    """Say for which pairs an identifier of sites speaks, which it keeps apart, and which have an identifier alone in common."""
    certain, barred = np.zeros(len(low), dtype=bool), np.zeros(len(low), dtype=bool)
    for kind in SAME_SITE_IDENTIFIERS:
        codes, checked = nodes.codes(kind), nodes.is_checked(kind)
        one, other = codes[low], codes[high]
        there = (one >= 0) & (other >= 0)
        certain |= there & (one == other)
        barred |= there & (one != other) & checked[low] & checked[high]
    equal = certain.copy()
    for kind in COMPANY_IDENTIFIERS:
        codes = nodes.codes(kind)
        equal |= (codes[low] >= 0) & (codes[low] == codes[high])
    alone = np.zeros(len(low), dtype=bool)
    at = np.flatnonzero(equal)
    alone[at] = places_differ(nodes, low[at], high[at]) & ~names_agree(nodes, low[at], high[at])
    return certain & ~alone, barred, alone


def rules(nodes: Nodes, low: Rows, high: Rows) -> Iterator[tuple[str, Bools, float]]:
    """Yield what no weight may outvote: its name, the pairs that it holds for, and what it adds to their log-odds."""
    certain, barred, alone = _by_identifiers(nodes, low, high)
    yield "identifiers of the site differ", barred, 4 * NEVER
    yield "names and places differ, whatever identifier is the same", alone, 2 * NEVER
    codes = nodes.codes("numbers")
    one, other = codes[low], codes[high]
    yield "units differ", (one >= 0) & (other >= 0) & (one != other) & ~certain, NEVER
    yield "brackets differ", _brackets_differ(nodes, low, high) & ~certain, NEVER
    yield "places differ, and no street is known", _far_apart(nodes, low, high) & ~certain, NEVER / 3
    yield "an identifier of the site is the same", certain, 2 * SURE


def _brackets_differ(nodes: Nodes, low: Rows, high: Rows) -> Bools:
    codes = nodes.codes("alias")
    one, other = codes[low], codes[high]
    differ: Bools = (one >= 0) & (other >= 0) & (one != other)
    at = np.flatnonzero(differ)
    text = nodes.texts("alias")
    differ[at] = alike((text[low[at]], text[high[at]]), ratio) < _SPELT_ALIKE
    return differ


def _far_apart(nodes: Nodes, low: Rows, high: Rows) -> Bools:
    """Say where city and region differ and no street speaks for the two."""
    street = nodes.codes("street")
    far: Bools = (street[low] < 0) | (street[high] < 0)
    for column in ("city", "province"):
        codes = nodes.codes(column)
        one, other = codes[low], codes[high]
        at = np.flatnonzero(far & (one >= 0) & (other >= 0) & (one != other))
        far[:] = False
        text = nodes.texts(column)
        far[at] = [not _one_place(*pair) for pair in zip(text[low[at]], text[high[at]], strict=True)]
    return far


def _one_place(one: str, other: str) -> bool:
    """Say whether two names of places may be of one: every word of the shorter is in the longer, or spelt like one of it."""
    short, long = sorted((one.split(), other.split()), key=len)
    return all(any(ratio(word, also) > 100 * _SPELT_ALIKE for also in long) for word in short)
