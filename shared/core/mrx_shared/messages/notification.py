"""Facts that notification says: what became of a mail. No address, no link; of a link's token only the hash."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from mrx_shared.messages.envelope import Message

AskedBy = Literal["report_request", "registry"]


class MailSent(Message):
    """The mail server took a mail."""

    type: ClassVar[str] = "mrx.notification.mail-sent.v1"
    subject_is: ClassVar[str] = "mail id"

    mail_id: UUID
    kind: str
    asked_by: AskedBy
    about: UUID = Field(description="the request, or the principal")
    token_hashes: list[str] = Field(
        description="SHA-256 in hex of the tokens of its links: several where it was sent again after a crash"
    )
    sent_at: AwareDatetime
    slot_at: AwareDatetime | None = Field(
        default=None, description="the slot of a request mail: what its member is told as the time"
    )


class MailFailed(Message):
    """A mail was refused by the mail server, came back, or was given up. `status` is an RFC 3463 code."""

    type: ClassVar[str] = "mrx.notification.mail-failed.v1"
    subject_is: ClassVar[str] = "mail id"

    mail_id: UUID
    kind: str
    asked_by: AskedBy
    about: UUID
    cause: Literal["refused", "bounced", "given-up"]
    status: str
    token_hashes: list[str] = Field(
        default=[],
        description="SHA-256 in hex of the tokens of its links: a try whose answer was lost may have arrived",
    )
    failed_at: AwareDatetime
