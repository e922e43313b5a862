"""A round in words."""

from collections.abc import Mapping
from types import MappingProxyType

from mrx_portal.domain.requests import StateLabel

ROUNDS: Mapping[str, StateLabel] = MappingProxyType(
    {
        "open": StateLabel(label="Open", means="Members send their lists.", tone="busy"),
        "closing": StateLabel(
            label="Closing",
            means="Every row is judged again and frozen. This takes a moment.",
            tone="busy",
        ),
        "closed": StateLabel(
            label="Closed", means="The numbers are final, and the release can be proposed.", tone="calm"
        ),
        "proposed": StateLabel(
            label="Release proposed", means="A second person has to approve the release.", tone="warn"
        ),
        "releasing": StateLabel(
            label="Being released", means="The documents are being written. This takes a moment.", tone="busy"
        ),
        "released": StateLabel(label="Released", means="Participants can fetch the list.", tone="good"),
    }
)
FAILING: Mapping[str, StateLabel] = MappingProxyType(
    {
        "closing": StateLabel(
            label="Closing fails", means="The rows are not frozen yet. Nothing is lost.", tone="bad"
        ),
        "releasing": StateLabel(
            label="Release fails",
            means="The documents are not written yet, so nobody can fetch this round's list. Nothing is lost.",
            tone="bad",
        ),
    }
)
ROUND_WAY = ("open", "closed", "proposed", "released")
"""the states that a person brings about; the others pass by themselves"""


def round_said(state: str, *, fails: bool = False) -> StateLabel:
    """How a round's state is called."""
    known = {**ROUNDS, **FAILING} if fails else ROUNDS
    return known.get(state, StateLabel(label=state.capitalize(), means="", tone="calm"))
