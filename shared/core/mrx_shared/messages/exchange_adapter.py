"""Facts that exchange_adapter says: a report on its way, in the vault, or refused; and who read it."""

from datetime import date
from typing import ClassVar, Final
from uuid import UUID

from pydantic import AwareDatetime, Field

from mrx_shared.messages.envelope import Message
from mrx_shared.messages.report_request import Channel

REASONS: Final = (
    "empty",
    "not-a-pdf",
    "damaged",
    "encrypted",
    "active-content",
    "attachments",
    "xfa-form",
    "rich-media",
    "external-content",
    "no-pages",
    "too-complex",
    "too-large",
    "size-differs",
    "checksum-differs",
    "object-missing",
    "unchecked",
    "another-file-was-taken",
    "request-ended",
    "never-used",
    "contact-replaced",
    "access-withdrawn",
    "no-report-yet",
    "platform-unavailable",
    "unknown-site",
)
"""every code that may be said of a file, or of a sharing on a platform: whoever shows them has words for each"""


class UploadBegun(Message):
    """Room for a report was opened: a ticket was minted, or the platform's report is being fetched."""

    type: ClassVar[str] = "mrx.exchange_adapter.upload-begun.v1"
    subject_is: ClassVar[str] = "request id"

    request_id: UUID
    member_id: UUID
    channel: Channel
    begun_at: AwareDatetime


class UploadLapsed(Message):
    """The last room of a request that was still open was closed without a file: nothing is on its way any more."""

    type: ClassVar[str] = "mrx.exchange_adapter.upload-lapsed.v1"
    subject_is: ClassVar[str] = "request id"

    request_id: UUID
    member_id: UUID
    ticket_id: UUID
    channel: Channel
    lapsed_at: AwareDatetime


class ReportReceived(Message):
    """A file lies in quarantine with the size and checksum that were promised; it is being checked."""

    type: ClassVar[str] = "mrx.exchange_adapter.report-received.v1"
    subject_is: ClassVar[str] = "request id"

    request_id: UUID
    member_id: UUID
    ticket_id: UUID
    channel: Channel
    received_at: AwareDatetime


class ReportStored(Message):
    """A report passed its checks and stands in the vault."""

    type: ClassVar[str] = "mrx.exchange_adapter.report-stored.v1"
    subject_is: ClassVar[str] = "request id"

    report_id: UUID
    request_id: UUID
    member_id: UUID
    channel: Channel
    sha256: str
    size: int = Field(description="bytes")
    audit_date: date | None = Field(description="as the platform states it; null for an upload")
    protocol: str | None
    protocol_version: str | None
    stored_at: AwareDatetime


class ReportRefused(Message):
    """A file did not pass; it stays in quarantine, and the supplier may hand over another."""

    type: ClassVar[str] = "mrx.exchange_adapter.report-refused.v1"
    subject_is: ClassVar[str] = "request id"

    request_id: UUID
    member_id: UUID
    ticket_id: UUID
    channel: Channel
    reasons: list[str] = Field(
        description="codes, such as not-a-pdf, encrypted, active-content; see `REASONS`"
    )
    remedy: str
    refused_at: AwareDatetime


class ReportRead(Message):
    """The asking member was given a download link."""

    type: ClassVar[str] = "mrx.exchange_adapter.report-read.v1"
    subject_is: ClassVar[str] = "request id"

    report_id: UUID
    request_id: UUID
    member_id: UUID
    read_at: AwareDatetime


class AccessWithdrawn(Message):
    """The supplier withdrew access on its platform: no further link is given until it is renewed."""

    type: ClassVar[str] = "mrx.exchange_adapter.access-withdrawn.v1"
    subject_is: ClassVar[str] = "request id"

    report_id: UUID | None = Field(description="null where no report had been fetched yet")
    request_id: UUID
    member_id: UUID
    withdrawn_at: AwareDatetime


class AccessRenewed(Message):
    """The supplier granted access on its platform again: links to the report that is here are given again."""

    type: ClassVar[str] = "mrx.exchange_adapter.access-renewed.v1"
    subject_is: ClassVar[str] = "request id"

    report_id: UUID
    request_id: UUID
    member_id: UUID
    renewed_at: AwareDatetime
