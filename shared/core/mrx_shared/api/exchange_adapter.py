"""Bodies of exchange_adapter's HTTP API."""

from typing import Annotated, Literal, get_args
from uuid import UUID

from pydantic import AwareDatetime, Field

from mrx_shared.api.bodies import Answer, RequestBody, Words
from mrx_shared.messages import report_request as facts

Channel = Annotated[str, Words(*get_args(facts.Channel))]
State = Annotated[str, Words("waiting", "received", "checking", "stored", "refused", "lapsed")]
ShareState = Annotated[str, Words("waiting-for-access", "checking", "stored", "refused", "withdrawn")]


class NewTicket(RequestBody):
    """A file that the supplier is about to upload."""

    sha256: str = Field(pattern="^[0-9a-fA-F]{64}$", description="of the file, in hex")
    size: int = Field(ge=0, lt=2**53, description="bytes")
    media_type: str = Field(max_length=100)


class NewShare(RequestBody):
    """The site whose latest audit the supplier shares on the platform."""

    site_code: str = Field(max_length=60, description="ZS and 5 to 15 digits")


class Ticket(Answer):
    """Room for that file, and no other: send it with exactly these headers, before the link expires."""

    ticket_id: UUID
    url: str = Field(repr=False)
    method: Literal["PUT"] = "PUT"
    headers: dict[str, str] = Field(repr=False, description="Content-Length is set by a browser itself")
    expires_at: AwareDatetime


class Upload(Answer):
    """How a file stands. `reasons` are codes; `remedy` says what to do."""

    ticket_id: UUID
    channel: Channel
    state: State
    size: int
    minted_at: AwareDatetime
    reasons: tuple[str, ...]
    remedy: str | None


class Share(Answer):
    """How the sharing on a data-sharing platform stands."""

    site_code: str
    state: ShareState
    since: AwareDatetime
    reason: str | None


class SharedReport(Answer):
    """The report that the asking member has access to."""

    report_id: UUID
    channel: Channel
    sha256: str
    size: int
    stored_at: AwareDatetime
    withdrawn_at: AwareDatetime | None


class Access(Answer):
    """The asking member was given a link."""

    at: AwareDatetime


class SupplierPage(Answer):
    """All that a supplier sees here of its request."""

    request_id: UUID
    max_bytes: int
    uploads: tuple[Upload, ...]
    platform: Share | None
    report: SharedReport | None
    accesses: tuple[Access, ...]


class Arrival(Answer):
    """The file is looked at; the page shows how it stands."""

    ticket_id: UUID


class Report(SharedReport):
    """A member's report."""

    request_id: UUID


class ReportWithAccesses(Report):
    """With when links to it were given."""

    accesses: tuple[Access, ...]


class Reports(Answer):
    """One page of a member's reports; ask on with `after`."""

    reports: tuple[Report, ...]


class Link(Answer):
    """Where the report can be fetched for a minute; a repetition of the request is not told the address again."""

    url: str | None = Field(repr=False)
    expires_at: AwareDatetime
    sha256: str
    size: int
    file_name: str


class QuarantinedFile(Answer):
    """A file that stays in quarantine."""

    request_id: UUID
    ticket_id: UUID
    channel: Channel
    state: State
    reasons: tuple[str, ...]
    remedy: str | None
    since: AwareDatetime


class Quarantine(Answer):
    """The newest first; ask on with `after`, a ticket's id. A refusal is shown for ninety days."""

    held: tuple[QuarantinedFile, ...]
