"""Why two rows are one site, or are not: in words and in log-odds."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp

import numpy as np
import polars as pl

from mrx_matching.features import Rows, features, name_columns
from mrx_matching.reading import nodes_of
from mrx_matching.scores import Model, model_for, rules
from mrx_matching.tokens import Floats, Nodes

_MOST = 8
_SAYS_NOTHING = 0.05
_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """What one feature says for (positive) or against two rows being one site, in log-odds."""

    feature: str
    says: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """How likely two rows are one site, and what says so: rules that no weight outvotes, then the weightiest features."""

    probability: float
    reasons: tuple[Reason, ...]

    @property
    def text(self) -> str:
        said = ", ".join(f"{reason.feature} {reason.says:+.2f}" for reason in self.reasons)
        return f"{self.probability:.4f}: {said or 'nothing speaks for or against it'}"


def explain_rows(rows: pl.DataFrame) -> Explanation:
    """Explain a frame of two rows by themselves, without what the other rows of a list would say of their words.

    `lat` and `lng` may stand beside the columns of a record.
    """
    one, other = rows["country"].to_list()
    if one != other:
        return Explanation(probability=0.0, reasons=(Reason(feature="country differs", says=-100.0),))
    frame, numbers = nodes_of(rows, one)
    if numbers.n_unique() == 1:
        return Explanation(probability=1.0, reasons=(Reason(feature="the rows say the same", says=100.0),))
    nodes = Nodes(frame)
    model = model_for(nodes)
    low, high = np.zeros(1, dtype=np.int64), np.ones(1, dtype=np.int64)
    return next(explanations(model, nodes, low, high, model.log_odds(nodes, low, high)))


def explanations(model: Model, nodes: Nodes, low: Rows, high: Rows, odds: Floats) -> Iterator[Explanation]:
    """Yield for each pair of nodes, with its log-odds, what speaks for and against it in the light of all nodes."""
    names = name_columns()
    weights = np.array([model.weights.get(name, 0.0) for name in names])
    for start in range(0, len(low), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        said = features(nodes, low[part], high[part]) * weights
        said_by_rules = list(rules(nodes, low[part], high[part]))
        heaviest = np.argsort(-np.abs(said), axis=1, kind="stable")[:, :_MOST]
        for place, (total, line, places) in enumerate(zip(odds[part], said, heaviest, strict=True)):
            found = [Reason(feature=name, says=adds) for name, holds, adds in said_by_rules if holds[place]]
            found += [Reason(feature=names[at], says=round(float(line[at]), 3)) for at in places]
            yield Explanation(
                probability=round(1 / (1 + exp(-max(-30.0, min(30.0, float(total))))), 4),
                reasons=tuple(reason for reason in found if abs(reason.says) > _SAYS_NOTHING)[:_MOST],
            )
