"""What the asking member does with reports: look at them, and fetch them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from mrx_shared.messages.exchange_adapter import ReportRead

from mrx_exchange_adapter.domain.reports import LINK_LASTS, Access, Report, file_name
from mrx_exchange_adapter.ports import Reader, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Where a report can be fetched, and until when."""

    url: str
    expires_at: datetime
    report: Report
    file_name: str


async def list_reports(work: Work, *, after: UUID | None, limit: int) -> list[Report]:
    """The member's reports, in the order in which they came."""
    return await work.reports.all(after=after, limit=limit)


async def show_report(report_id: UUID, work: Work) -> tuple[Report, list[Access]]:
    """One, and who was given a link to it."""
    return await work.reports.get(report_id), await work.reports.accesses(report_id)


async def mint_link(report_id: UUID, work: Work, *, by: str, reader: Reader) -> Link:
    """A link to a report; that it was given is kept and said with it, or it is not given."""
    report = await work.reports.get(report_id)
    request = await work.requests.get(report.request_id)
    report.check_may_be_read(request)
    await work.reports.note_access(
        Access(
            access_id=work.new_id(),
            report_id=report_id,
            member_id=report.member_id,
            read_by=by,
            read_at=work.now,
        )
    )
    work.emit(
        ReportRead(
            report_id=report_id,
            request_id=report.request_id,
            member_id=report.member_id,
            read_at=work.now,
        ),
        about=str(report.request_id),
    )
    name = file_name(request)
    return Link(
        url=await reader.link(report.vault_key, file_name=name),
        expires_at=work.now + LINK_LASTS,
        report=report,
        file_name=name,
    )
