"""An owner's appeal against a verdict, and the decision on it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from mrx_criteria.domain.answers import plain_text
from mrx_shared.refusals import Invalid, Rejected

APPEAL_WITHIN = timedelta(days=30)


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
                "this appeal has been decided", field="state", remedy="a verdict can be appealed against once"
            )
        if not plain_text(rationale, field="rationale"):
            raise Invalid("a decision without a rationale", field="rationale", remedy="say why")
        return replace(self, granted=granted, rationale=rationale.strip(), decided_by=by, decided_at=at)


def check_in_time(concluded_at: datetime, now: datetime) -> None:
    """Raises `Rejected` when it is too late to appeal."""
    if now - concluded_at > APPEAL_WITHIN:
        raise Rejected(
            f"the verdict is dated {concluded_at.date()}; an appeal is possible for {APPEAL_WITHIN.days} days",
            field="assessment_id",
            remedy="submit a new assessment",
        )
