"""Bodies of notification's HTTP API."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from mrx_shared.api.bodies import Answer, Words

Kind = Annotated[
    str,
    Words(
        "invitation",
        "reminder",
        "received",
        "file-refused",
        "closed",
        "ready",
        "undelivered",
        "welcome",
        "password-reset",
        "recognition-ending",
        "recognition-lapsed",
        "criteria-evolving",
        "question-asked",
        "question-replied",
    ),
]
State = Annotated[str, Words("waiting", "sent", "failed")]
Cause = Annotated[str, Words("refused", "bounced", "given-up", "unsafe")]


class Mail(Answer):
    """How a mail stands; of its address just enough to tell two apart."""

    mail_id: UUID
    kind: Kind
    asked_by: Literal["report_request", "registry"]
    about: UUID = Field(description="the request, or the principal")
    to: str | None = Field(description="masked; null once it is forgotten")
    state: State
    cause: Cause | None
    status: str | None = Field(description="RFC 3463 code of the last answer that was no yes")
    tries: int
    asked_at: AwareDatetime
    due_at: AwareDatetime | None = Field(description="when it is tried next, while it waits")
    sent_at: AwareDatetime | None
    slot_at: AwareDatetime | None = Field(default=None, description="the slot of a request mail")
    letter_id: UUID | None = Field(default=None, description="the same for mails that leave as one")


class Mails(Answer):
    """Mails, the newest first."""

    mails: tuple[Mail, ...]


class Bounce(Answer):
    """The mail that a notification was about, as it stands now."""

    mail_id: UUID
    state: State
