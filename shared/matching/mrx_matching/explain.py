"""Why two rows are one site, or are not: in words and in log-odds."""

from dataclasses import dataclass
from math import exp

from mrx_matching.reading import frame_of, nodes_of
from mrx_matching.records import SiteRecord
from mrx_matching.scores import Reason, model_for, reasons
from mrx_matching.tokens import Nodes

_MOST = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """How likely two rows are one site, and what says so, the weightiest first."""

    probability: float
    reasons: tuple[Reason, ...]

    @property
    def text(self) -> str:
        said = ", ".join(f"{reason.feature} {reason.says:+.2f}" for reason in self.reasons)
        return f"{self.probability:.4f}: {said or 'nothing speaks for or against it'}"


def explain(one: SiteRecord, other: SiteRecord) -> Explanation:
    """Explain a pair by itself, without what the other rows of a list would say of its words."""
    if one.country != other.country:
        return Explanation(probability=0.0, reasons=(Reason(feature="country differs", says=-100.0),))
    frame, numbers = nodes_of(frame_of([one, other]), one.country)
    mine, theirs = numbers.to_list()
    if mine == theirs:
        return Explanation(probability=1.0, reasons=(Reason(feature="the rows say the same", says=100.0),))
    nodes = Nodes(frame)
    model = model_for(nodes)
    total = model.intercept + sum(reason.says for reason in reasons(model, nodes, mine, theirs))
    found = tuple(reasons(model, nodes, mine, theirs)[:_MOST])
    return Explanation(probability=round(1 / (1 + exp(-max(-30.0, min(30.0, total)))), 4), reasons=found)
