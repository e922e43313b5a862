"""What travels over HTTP, and how it is made of the domain's things."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from mrx_shared.api.bodies import Answer, RequestBody
from pydantic import AwareDatetime, Field

from mrx_exchange_adapter.domain.findings import remedy
from mrx_exchange_adapter.domain.platform import Share, ShareState
from mrx_exchange_adapter.domain.reports import Access, Report
from mrx_exchange_adapter.domain.tickets import Channel, State, Ticket
from mrx_exchange_adapter.handlers.pages import PageShown as Shown
from mrx_exchange_adapter.handlers.reports import Link
from mrx_exchange_adapter.ports import SignedPut


class TicketAsked(RequestBody):
    """A file that the supplier is about to upload."""

    sha256: str = Field(pattern="^[0-9a-fA-F]{64}$", description="of the file, in hex")
    size: int = Field(ge=0, lt=2**53, description="bytes")
    media_type: str = Field(max_length=100)


class TicketMinted(Answer):
    """Room for that file, and no other: send it with exactly these headers, before the link expires."""

    ticket_id: UUID
    url: str
    method: Literal["PUT"] = "PUT"
    headers: dict[str, str] = Field(description="Content-Length is set by a browser itself")
    expires_at: AwareDatetime


class UploadShown(Answer):
    """How a file stands. `reasons` are codes; `remedy` says what to do."""

    ticket_id: UUID
    channel: Channel
    state: State
    size: int
    minted_at: AwareDatetime
    reasons: list[str]
    remedy: str | None


class PlatformShown(Answer):
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


class AccessShown(Answer):
    """The asking member was given a link."""

    at: AwareDatetime


class PageShown(Answer):
    """All that a supplier sees here of its request."""

    request_id: UUID
    max_bytes: int
    uploads: list[UploadShown]
    platform: PlatformShown | None
    report: SharedReport | None
    accesses: list[AccessShown]


class ArrivalTaken(Answer):
    """The file is looked at; the page shows how it stands."""

    ticket_id: UUID


class ReportShown(Answer):
    """A member's report."""

    report_id: UUID
    request_id: UUID
    channel: Channel
    sha256: str
    size: int
    stored_at: AwareDatetime
    withdrawn_at: AwareDatetime | None


class ReportWhole(ReportShown):
    """With when links to it were given."""

    accesses: list[AccessShown]


class ReportsShown(Answer):
    """One page of a member's reports; ask on with `after`."""

    reports: list[ReportShown]


class LinkMinted(Answer):
    """Where the report can be fetched for a minute; a repetition of the request is not told the address again."""

    url: str | None
    expires_at: AwareDatetime
    sha256: str
    size: int
    file_name: str


class HeldShown(Answer):
    """A file that stays in quarantine."""

    request_id: UUID
    ticket_id: UUID
    channel: Channel
    state: State
    reasons: list[str]
    remedy: str | None
    since: AwareDatetime


class QuarantineShown(Answer):
    """The newest first; ask on with `after`, a ticket's id. A refusal is shown for ninety days."""

    held: list[HeldShown]


def ticket_minted(ticket: Ticket, put: SignedPut) -> TicketMinted:
    return TicketMinted(
        ticket_id=ticket.ticket_id, url=put.url, headers=put.headers, expires_at=ticket.expires_at
    )


def page_shown(
    request_id: UUID, shown: Shown, *, max_bytes: int, platform: PlatformShown | None
) -> PageShown:
    report = shown.report
    return PageShown(
        request_id=request_id,
        max_bytes=max_bytes,
        uploads=[upload_shown(one) for one in shown.tickets],
        platform=platform,
        report=SharedReport(
            report_id=report.report_id,
            channel=report.channel,
            sha256=report.sha256.hex(),
            size=report.size,
            stored_at=report.stored_at,
            withdrawn_at=report.withdrawn_at,
        )
        if report
        else None,
        accesses=accesses_shown(shown.accesses),
    )


def platform_shown(share: Share) -> PlatformShown:
    return PlatformShown(site_code=share.site_code, state=share.state, since=share.since, reason=share.reason)


def upload_shown(ticket: Ticket) -> UploadShown:
    return UploadShown(
        ticket_id=ticket.ticket_id,
        channel=ticket.channel,
        state=ticket.state,
        size=ticket.size,
        minted_at=ticket.minted_at,
        reasons=list(ticket.reasons),
        remedy=remedy(ticket.reasons),
    )


def accesses_shown(accesses: list[Access]) -> list[AccessShown]:
    return [AccessShown(at=one.read_at) for one in accesses]


def report_shown(report: Report) -> ReportShown:
    return ReportShown(
        report_id=report.report_id,
        request_id=report.request_id,
        channel=report.channel,
        sha256=report.sha256.hex(),
        size=report.size,
        stored_at=report.stored_at,
        withdrawn_at=report.withdrawn_at,
    )


def report_whole(report: Report, accesses: list[Access]) -> ReportWhole:
    return ReportWhole(**dict(report_shown(report)), accesses=accesses_shown(accesses))


def link_minted(link: Link) -> LinkMinted:
    return LinkMinted(
        url=link.url,
        expires_at=link.expires_at,
        sha256=link.report.sha256.hex(),
        size=link.report.size,
        file_name=link.file_name,
    )


def held_shown(ticket: Ticket) -> HeldShown:
    since: datetime = ticket.held_since or ticket.minted_at
    return HeldShown(
        request_id=ticket.request_id,
        ticket_id=ticket.ticket_id,
        channel=ticket.channel,
        state=ticket.state,
        reasons=list(ticket.reasons),
        remedy=remedy(ticket.reasons),
        since=since,
    )
