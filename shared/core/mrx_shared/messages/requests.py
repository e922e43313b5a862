"""What a member system says on `mrx.in.requests.<id>`: that it asks for a report, and what it decided on it."""

from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from mrx_shared.messages.envelope import Message, Part, Travels, Word
from mrx_shared.messages.topics import REQUESTS_IN

Outcome = Literal["accepted", "accepted-with-top-up", "refused"]


class AskedSupplier(Part):
    """The supplier as the asking member's own supplier base has it; contacts never come from another's list."""

    name: Word
    contact_email: Word = Field(repr=False)
    contact_name: Word | None = Field(repr=False)
    language: Word = Field(description="of the mails: en, zh or es")


class ReportAsked(Message):
    """A member asks a supplier for the audit report of a site on the released list."""

    type: ClassVar[str] = "mrx.member.report-asked.v1"
    subject_is: ClassVar[str] = "request id"
    travels: ClassVar[Travels] = "from-member"
    apart: ClassVar[str | None] = REQUESTS_IN

    request_id: UUID = Field(description="made by the member; the same id asks once")
    entry_id: Word
    site_number: Word = Field(description="the site in the member's own supplier base")
    supplier: AskedSupplier
    scope: Word
    purpose: Word
    term_days: int = Field(description="days that the supplier has to answer")
    requester_email: Word | None = Field(repr=False, description="who is told when the report is there")
    requester_language: Word | None


class RecognitionDecided(Message):
    """A member decided on a report: whether it stands in for an audit of its own."""

    type: ClassVar[str] = "mrx.member.recognition-decided.v1"
    subject_is: ClassVar[str] = "request id"
    travels: ClassVar[Travels] = "from-member"
    apart: ClassVar[str | None] = REQUESTS_IN

    request_id: UUID
    outcome: Outcome
    reason: Word | None
    valid_until: date | None = Field(
        description="until when the report stands in; null: 24 months after its audit, or today where that has passed"
    )
    same_file_confirmed: bool = Field(
        default=False,
        description="accept a file that was also given for another site of the member's own requests",
    )


class RequestWithdrawn(Message):
    """A member asks no longer."""

    type: ClassVar[str] = "mrx.member.request-withdrawn.v1"
    subject_is: ClassVar[str] = "request id"
    travels: ClassVar[Travels] = "from-member"
    apart: ClassVar[str | None] = REQUESTS_IN

    request_id: UUID
    reason: Word | None
