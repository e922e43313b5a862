"""What happens around an assessment: its history, questions to the owner, an appeal, the evolution of the criteria."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from mrx_criteria.domain.answers import plain_text
from mrx_shared.refusals import Invalid, Rejected

APPEAL_WITHIN = timedelta(days=30)
REMINDERS = (90, 30, 7)
"""Days before the last day of recognition on which its owner is reminded."""


class Step(StrEnum):
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

    step: Step
    by: str
    at: datetime
    detail: str = ""

    def without_asker(self) -> "Event":
        """As the owner sees it: who asked is not the owner's to know."""
        return replace(self, by="a reviewer") if self.step is Step.ASKED else self


def times_settled(history: Iterable[Event]) -> int:
    """How often a pair of reviewers was done. From the second on, one of them may have read what the first wrote."""
    return sum(event.step is Step.SETTLED for event in history)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A reviewer's question to the owner about one criterion."""

    question_id: UUID
    assessment_id: UUID
    criterion_id: str
    text: str
    asked_by: str
    asked_at: datetime
    reply: str = ""
    replied_by: str | None = None
    replied_at: datetime | None = None

    def __post_init__(self) -> None:
        if not plain_text(self.text, field="text"):
            raise Invalid("an empty question", field="text", remedy="write what you want to know")

    def replied(self, text: str, *, by: str, at: datetime) -> "Question":
        """With the owner's reply. Raises `Rejected` where there is one."""
        if self.replied_at is not None:
            raise Rejected(
                "this question has its reply", field="question_id", remedy="wait for the next question"
            )
        if not plain_text(text, field="text"):
            raise Invalid("an empty reply", field="text", remedy="answer the question")
        return replace(self, reply=plain_text(text, field="text"), replied_by=by, replied_at=at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Appeal:
    """An owner's objection to a verdict, which somebody decides who had no part in it."""

    assessment_id: UUID
    reason: str
    by: str
    at: datetime
    granted: bool | None = None
    rationale: str = ""
    decided_by: str | None = None
    decided_at: datetime | None = None

    def __post_init__(self) -> None:
        if not plain_text(self.reason, field="reason"):
            raise Invalid(
                "an appeal without a reason", field="reason", remedy="say which answers were judged wrongly"
            )

    def decide(self, *, granted: bool, rationale: str, by: str, at: datetime) -> "Appeal":
        """With the decision. Raises `Rejected` where there is one."""
        if self.granted is not None:
            raise Rejected(
                "this appeal is decided", field="state", remedy="a verdict is appealed against once"
            )
        if not plain_text(rationale, field="rationale"):
            raise Invalid("a decision without a rationale", field="rationale", remedy="say why")
        return replace(self, granted=granted, rationale=rationale.strip(), decided_by=by, decided_at=at)


def check_in_time(concluded_at: datetime, now: datetime) -> None:
    """Raises `Rejected` when it is too late to appeal."""
    if now - concluded_at > APPEAL_WITHIN:
        raise Rejected(
            f"the verdict is of {concluded_at.date()}; an appeal is heard for {APPEAL_WITHIN.days} days",
            field="assessment_id",
            remedy="submit a new assessment",
        )


class Phase(StrEnum):
    """How far a newer version of the criteria is on its way to replace an older one."""

    CONSULTATION = "consultation"
    DECIDED = "decided"
    TRANSITION = "transition"
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evolution:
    """A version of the criteria gives way to a newer one, by dates that follow one another."""

    older: str
    newer: str
    announced_by: str
    announced_at: datetime
    consultation_until: date
    effective_on: date
    transition_until: date

    def __post_init__(self) -> None:
        if self.older == self.newer:
            raise Invalid(
                f"{self.older} cannot follow itself", field="newer", remedy="name the newer version"
            )
        days = (
            ("consultation_until", self.announced_at.date(), self.consultation_until),
            ("effective_on", self.consultation_until + timedelta(days=1), self.effective_on),
            ("transition_until", self.effective_on, self.transition_until),
        )
        for name, earliest, stated in days:
            if stated < earliest:
                raise Invalid(
                    f"{stated} is before {earliest}",
                    field=name,
                    remedy="consultation ends first, then the newer version takes effect, then the transition ends",
                )

    def phase(self, day: date) -> Phase:
        """Where it stands on a day."""
        if day <= self.consultation_until:
            return Phase.CONSULTATION
        if day < self.effective_on:
            return Phase.DECIDED
        return Phase.TRANSITION if day <= self.transition_until else Phase.OVER


def reminder_due(until: date, today: date) -> int | None:
    """The reminder of the days that are left, in its latest form; 0 once recognition has lapsed; None before."""
    left = (until - today).days
    if left < 0:
        return 0
    return next((days for days in sorted(REMINDERS) if left <= days), None)
