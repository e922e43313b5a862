"""What happened to an assessment, step by step."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class EventKind(StrEnum):
    """What happened to an assessment."""

    SUBMITTED = "submitted"
    REPLACED = "replaced"
    REVIEWED = "reviewed"
    SETTLED = "settled"
    RESOLVED = "resolved"
    RELEASED = "released"
    ASKED = "asked"
    REPLIED = "replied"
    CONCLUDED = "concluded"
    APPEALED = "appealed"
    APPEAL_GRANTED = "appeal-granted"
    APPEAL_DISMISSED = "appeal-dismissed"
    REMINDED = "reminded"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One step, with who took it and when."""

    step: EventKind
    by: str
    at: datetime
    detail: str = ""

    def without_asker(self) -> "Event":
        """As the owner sees it: who asked is not the owner's to know."""
        return replace(self, by="a reviewer") if self.step is EventKind.ASKED else self


def times_settled(history: Iterable[Event]) -> int:
    """How often a pair of reviewers was done. From the second on, one of them may have read what the first wrote."""
    return sum(event.step is EventKind.SETTLED for event in history)
