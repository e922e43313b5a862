"""A round in words."""

from collections.abc import Mapping
from types import MappingProxyType

from mrx_portal.domain.requests import Saying

ROUNDS: Mapping[str, Saying] = MappingProxyType(
    {
        "open": Saying(label="Open", means="Members send their lists.", tone="busy"),
        "closing": Saying(
            label="Closing",
            means="What came in is judged again and frozen. This takes a moment.",
            tone="busy",
        ),
        "closed": Saying(
            label="Closed", means="Its numbers are final. Its release can be proposed.", tone="calm"
        ),
        "proposed": Saying(
            label="Release proposed", means="A second person has to approve the release.", tone="warn"
        ),
        "releasing": Saying(
            label="Being released", means="The documents are being written. This takes a moment.", tone="busy"
        ),
        "released": Saying(label="Released", means="Participants can fetch the list.", tone="good"),
    }
)
ROUND_WAY = ("open", "closed", "proposed", "released")
"""the states that a person brings about; the others pass by themselves"""


def round_said(state: str) -> Saying:
    """How a round's state is called."""
    return ROUNDS.get(state, Saying(label=state.capitalize(), means="", tone="calm"))
