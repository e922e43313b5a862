"""Facts that report_request says: how a request stands, and the mails that are due."""

from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from mrx_shared.messages.envelope import Message, Travels, Word
from mrx_shared.messages.requests import Outcome
from mrx_shared.messages.topics import REQUEST_MAILS

State = Literal[
    "drafted",
    "sent",
    "opened",
    "accepted",
    "declined",
    "uploading",
    "checking",
    "available",
    "decided",
    "expired",
    "withdrawn",
]
Channel = Literal["upload", "platform"]


class RequestChanged(Message):
    """A request came to a new state. It links a member with a supplier's site: only named services read it."""

    type: ClassVar[str] = "mrx.report_request.request-changed.v1"
    subject_is: ClassVar[str] = "request id"

    request_id: UUID
    member_id: UUID
    state: State
    reference: str = Field(description="how the supplier names the request on a data-sharing platform")
    site_token: str
    round_id: UUID
    asked_at: AwareDatetime
    term_ends_at: AwareDatetime
    report_id: UUID | None
    outcome: Outcome | None
    changed_at: AwareDatetime
    revoked_mails: list[UUID] = Field(
        default=[], description="mails whose links hold no longer: their address was replaced"
    )


class RequestStatus(Message):
    """How a request stands, said to the member that asked; `refused` where it was not taken at all."""

    type: ClassVar[str] = "mrx.report_request.request-status.v1"
    subject_is: ClassVar[str] = "member id"
    travels: ClassVar[Travels] = "to-member"

    request_id: UUID
    state: State | Literal["refused"]
    entry_id: str
    site_number: str
    mail: Literal["unsent", "sent", "refused", "bounced"] = Field(
        description="what became of the latest mail"
    )
    field: str | None
    reason: str | None
    remedy: str | None
    term_ends_at: AwareDatetime | None
    report_id: UUID | None
    report_sha256: str | None
    report_size: int | None = Field(description="bytes")
    links_path: str | None = Field(description="of exchange_adapter; mints a download link for a token")
    outcome: Outcome | None
    valid_until: date | None
    changed_at: AwareDatetime
    mail_leaves_at: AwareDatetime | None = Field(
        default=None, description="when the next request or reminder to the supplier leaves"
    )


class MailAsked(Message):
    """A mail is due. It carries a contact: kept seven days on its topic, and not in the outbox once sent."""

    type: ClassVar[str] = "mrx.report_request.mail-asked.v1"
    subject_is: ClassVar[str] = "request id"
    apart: ClassVar[str | None] = REQUEST_MAILS

    mail_id: UUID
    kind: Literal["invitation", "reminder", "received", "file-refused", "closed", "ready", "undelivered"]
    request_id: UUID
    to: Word = Field(repr=False)
    to_name: Word | None = Field(repr=False)
    language: Word
    with_link: bool = Field(description="whether the mail carries a link to the supplier's page")
    asks: Word = Field(repr=False, description="the member that asks")
    site: Word = Field(repr=False, description="the supplier's site, as the member names it")
    site_number: Word | None = Field(repr=False, description="for the member's own mails")
    scope: Word
    purpose: Word
    reference: Word
    term_ends_at: AwareDatetime
    detail: Word | None = Field(description="why a file was refused, or a mail not delivered")
    leaves_at: AwareDatetime | None = Field(
        default=None, description="the slot of an invitation, a reminder or an end; others are sent at once"
    )
