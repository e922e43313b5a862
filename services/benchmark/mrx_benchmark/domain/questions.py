"""A reviewer's questions to the owner, and the replies."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from mrx_criteria.domain.answers import plain_text
from mrx_shared.refusals import Invalid, Rejected


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
                "this question has been answered", field="question_id", remedy="wait for the next question"
            )
        if not plain_text(text, field="text"):
            raise Invalid("an empty reply", field="text", remedy="answer the question")
        return replace(self, reply=plain_text(text, field="text"), replied_by=by, replied_at=at)
