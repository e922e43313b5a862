"""Answers, made of the domain's things."""

from collections.abc import Sequence
from uuid import UUID

from mrx_shared.api import exchange_adapter as api

from mrx_exchange_adapter.domain.findings import remedy
from mrx_exchange_adapter.domain.platform import Share
from mrx_exchange_adapter.domain.reports import Access, Report
from mrx_exchange_adapter.domain.tickets import Ticket
from mrx_exchange_adapter.handlers.pages import PageShown
from mrx_exchange_adapter.handlers.reports import Link
from mrx_exchange_adapter.ports import SignedPut


def ticket(minted: Ticket, put: SignedPut) -> api.Ticket:
    """Room for one file."""
    return api.Ticket(
        ticket_id=minted.ticket_id, url=put.url, headers=put.headers, expires_at=minted.expires_at
    )


def page(request_id: UUID, shown: PageShown, *, max_bytes: int, shared: Share | None) -> api.SupplierPage:
    """What a supplier sees of its request."""
    one = shown.report
    return api.SupplierPage(
        request_id=request_id,
        max_bytes=max_bytes,
        uploads=tuple(map(_upload, shown.tickets)),
        platform=share(shared) if shared else None,
        report=api.SharedReport.of(one, sha256=one.sha256.hex()) if one else None,
        accesses=_accesses(shown.accesses),
    )


def share(one: Share) -> api.Share:
    """A sharing on a platform."""
    return api.Share.of(one)


def report(one: Report) -> api.Report:
    """A member's report."""
    return api.Report.of(one, sha256=one.sha256.hex())


def report_with_accesses(one: Report, accesses: Sequence[Access]) -> api.ReportWithAccesses:
    """A member's report, and when links to it were given."""
    return api.ReportWithAccesses(**dict(report(one)), accesses=_accesses(accesses))


def link(minted: Link) -> api.Link:
    """A link to a report."""
    return api.Link.of(minted, sha256=minted.report.sha256.hex(), size=minted.report.size)


def quarantined_file(one: Ticket) -> api.QuarantinedFile:
    """A file that stays in quarantine."""
    since = one.held_since or one.minted_at
    return api.QuarantinedFile.of(one, remedy=remedy(one.reasons), since=since)


def _upload(one: Ticket) -> api.Upload:
    return api.Upload.of(one, remedy=remedy(one.reasons))


def _accesses(several: Sequence[Access]) -> tuple[api.Access, ...]:
    return tuple(api.Access(at=one.read_at) for one in several)
