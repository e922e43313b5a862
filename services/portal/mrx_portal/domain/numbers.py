"""What requests come to, round by round."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date

EUR_PER_AUDIT = 2_500


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How many requests were made, how far they came, and what they were good for."""

    asked: int = 0
    sent: int = 0
    available: int = 0
    accepted: int = 0
    top_ups: int = 0
    refused: int = 0
    declined: int = 0
    expired: int = 0
    avoided: int = 0
    avoided_eur: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundNumbers(Figures):
    """The requests for sites of one round's list."""

    round_id: str
    as_of: date | None

    @property
    def label(self) -> str:
        """The round by its day, or by the beginning of its id."""
        return self.as_of.isoformat() if self.as_of else self.round_id[:8]


COUNTS = tuple(one.name for one in fields(Figures))

HEADINGS = (
    ("asked", "Asked"),
    ("sent", "Reached"),
    ("available", "Reports"),
    ("declined", "Declined"),
    ("expired", "Expired"),
    ("accepted", "Accepted"),
    ("top_ups", "With top-up"),
    ("refused", "Refused"),
    ("avoided", "Audits avoided"),
    ("avoided_eur", "EUR"),
)
"""as a table shows them"""


def total(rounds: Iterable[RoundNumbers]) -> Figures:
    """All rounds together."""
    listed = list(rounds)
    return Figures(**{name: sum(getattr(one, name) for one in listed) for name in COUNTS})
