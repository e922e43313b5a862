"""A report from a data-sharing platform: named by the supplier, seen to be granted, fetched, and sent through the checks.

An event of the platform is a hint to look. What counts is read from the platform each time, so a look may be
repeated at will, and an event that comes twice, late or never changes nothing but the moment.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from tempfile import TemporaryFile
from typing import BinaryIO, Final

from mrx_shared.messages.exchange_adapter import AccessRenewed, AccessWithdrawn, ReportRefused
from mrx_shared.refusals import Invalid

from mrx_exchange_adapter.domain import findings
from mrx_exchange_adapter.domain.platform import (
    ACCESS_WITHDRAWN,
    NO_REPORT_YET,
    SIZE_DIFFERS,
    TOO_LARGE,
    UNAVAILABLE,
    UNKNOWN_SITE,
    Grant,
    PlatformAudit,
    Share,
    ShareState,
    latest_report,
)
from mrx_exchange_adapter.domain.reports import Report
from mrx_exchange_adapter.domain.tickets import (
    ASKED_FOR,
    IN_HAND,
    SETTLED,
    State,
    Ticket,
    check_may_upload,
)
from mrx_exchange_adapter.handlers.tickets import new_ticket, open_ticket
from mrx_exchange_adapter.ports import (
    AccessEnded,
    Platform,
    PlatformUnavailable,
    Quarantine,
    ReportTooLarge,
    SupplierPage,
    Transact,
    Watched,
    Work,
)

AT_ONCE: Final = 4
NAMING_S: Final = 5.0
"""so long a supplier waits on its page for the platform to say whether it knows a site"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformPorts:
    """What looking at the platform works with."""

    transact: Transact
    platform: Platform
    quarantine: Quarantine
    max_bytes: int


async def is_known(site_code: str, platform: Platform) -> bool:
    """Whether the platform confirmed the site just now; a look asks again. Raises `Invalid` where it denies it."""
    try:
        async with asyncio.timeout(NAMING_S):
            known = await platform.knows_site(site_code)
    except (PlatformUnavailable, TimeoutError):
        return False
    if not known:
        raise Invalid(
            f"the platform has no site {site_code}",
            field="site_code",
            remedy="copy the code from the site's profile on the platform, or upload the file instead",
        )
    return True


async def name_site(page: SupplierPage, site_code: str, work: Work, *, verified: bool) -> Share:
    """The supplier says which site's audit it shares. Said again, it is done once."""
    request = await work.requests.get_to_change(page.request_id)
    tickets = await work.tickets.of_request(page.request_id)
    # Links for uploads that nobody used yet stand in no one's way.
    check_may_upload(request, [one for one in tickets if one.state is not State.WAITING], now=work.now)
    before = await work.shares.find(page.request_id)
    if before is not None and before.state is ShareState.WAITING and before.site_code == site_code:
        return before
    share = Share(
        request_id=page.request_id,
        member_id=page.member_id,
        site_code=site_code,
        reference=request.reference,
        verified=verified,
        state=ShareState.WAITING,
        since=work.now,
        attempt=before.attempt + 1 if before else 1,
    )
    await work.shares.save(share, watched=True)
    return share


async def show_share(page: SupplierPage, work: Work) -> Share | None:
    """How a request's sharing stands, as the supplier sees it."""
    share = await work.shares.find(page.request_id)
    if share is None:
        return None
    return share.followed(await _ticket_of(share, work), await work.reports.of_request(page.request_id))


async def look(deps: PlatformPorts) -> None:
    """Look at every sharing once. Raises the first failure, after all had their turn."""
    watched: list[Watched] = []

    async def find(work: Work) -> None:
        watched.extend(await work.shares.watched())

    await deps.transact(find)
    if not watched:
        return
    try:
        grants = await deps.platform.grants()
    except PlatformUnavailable:
        for one in watched:
            await _note_reason(one, UNAVAILABLE, deps)
        raise
    active = {grant.grant_id for grant in grants if grant.active}
    turn = asyncio.Semaphore(AT_ONCE)

    async def in_turn(one: Watched) -> None:
        async with turn:
            await _look_at(one, grants, deps)

    outcomes = await asyncio.gather(
        *(in_turn(one) for one in watched if not (one.resting and one.grant_id in active)),
        return_exceptions=True,
    )
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome


async def _look_at(one: Watched, grants: Iterable[Grant], deps: PlatformPorts) -> None:
    page = SupplierPage(request_id=one.request_id, member_id=one.member_id)
    wanted: list[Share] = []

    async def see(work: Work) -> None:
        share = await see_grants(page, grants, work)
        if share is not None:
            wanted.append(share)

    await deps.transact(see, tenant=one.member_id)
    if not wanted:
        return
    share = wanted[0]
    grant = share.grant_among(grants)
    try:
        if grant is not None:
            await _fetch(share, grant, page, deps)
        elif not share.verified:
            await _verify(share, deps)
    except AccessEnded:
        # The grant ended after it was listed: the next look sees that.
        return
    except PlatformUnavailable:
        await _note_reason(one, UNAVAILABLE, deps)
        raise


async def see_grants(page: SupplierPage, grants: Iterable[Grant], work: Work) -> Share | None:
    """Bring a sharing to how its file and the grants stand. Gives it where something may be to fetch."""
    request = await work.requests.get_to_change(page.request_id)
    kept = await work.shares.find(page.request_id)
    if kept is None:
        return None
    ticket, report = await _ticket_of(kept, work), await work.reports.of_request(page.request_id)
    share = kept.followed(ticket, report)
    grant = share.grant_among(grants)
    if report is not None and report.ticket_id != share.ticket_id:
        # Another file was taken: nothing is read on the platform any more, so nothing is to be watched.
        await work.shares.save(share, watched=False)
        return None
    if report is not None and share.state is ShareState.WITHDRAWN:
        if grant is not None:
            await _regain_access(share, grant, report, work)
        return None
    if share.grant_id is not None and grant is None:
        await _lose_access(share, ticket, report, work)
        return None
    share = share.seen(grant)
    watched = report is not None or not request.ended
    if share != kept or not watched:
        await work.shares.save(share, watched=watched)
    if report is not None or not watched or (ticket is not None and ticket.state in IN_HAND):
        return None
    return share


async def _lose_access(share: Share, ticket: Ticket | None, report: Report | None, work: Work) -> None:
    if report is not None:
        await work.reports.withdraw(report.report_id, at=work.now)
    elif ticket is not None and ticket.state not in SETTLED:
        if not await work.tickets.settle_alone(ticket.ticket_id):
            # It is being checked this moment: what ends the check closes it, and the next look says so.
            await work.shares.save(share.losing_access(), watched=True)
            return
        await work.tickets.save(ticket.lapse(ACCESS_WITHDRAWN, work.now), due_at=work.now)
    lost = share.lost_access(stored=report is not None, now=work.now)
    await work.shares.save(lost, watched=True)
    work.emit(
        AccessWithdrawn(
            report_id=report.report_id if report else None,
            request_id=share.request_id,
            member_id=share.member_id,
            withdrawn_at=work.now,
        ),
        about=str(share.request_id),
    )


async def _regain_access(share: Share, grant: Grant, report: Report, work: Work) -> None:
    await work.reports.reopen(report.report_id)
    await work.shares.save(share.regained_access(grant, now=work.now), watched=True)
    work.emit(
        AccessRenewed(
            report_id=report.report_id,
            request_id=share.request_id,
            member_id=share.member_id,
            renewed_at=work.now,
        ),
        about=str(share.request_id),
    )


async def _verify(share: Share, deps: PlatformPorts) -> None:
    known = await deps.platform.knows_site(share.site_code)

    async def note(work: Work) -> None:
        await work.requests.get_to_change(share.request_id)
        if await work.shares.find(share.request_id) == share:
            verified = replace(share, verified=True)
            after = verified if known else share.refused(UNKNOWN_SITE, now=work.now)
            await work.shares.save(after, watched=known)

    await deps.transact(note, tenant=share.member_id)


async def _fetch(share: Share, grant: Grant, page: SupplierPage, deps: PlatformPorts) -> None:
    """Fetch the latest report unless it was taken before, and lay it into quarantine under a ticket of its own."""
    audit = latest_report(await deps.platform.audits(grant))
    if audit is None:
        await _note_reason(share, NO_REPORT_YET, deps)
        return
    assert audit.size is not None
    waiting = await _waiting_ticket(share, deps) if not share.takes(audit) else None
    if waiting is None and not share.takes(audit):
        return
    if audit.size > deps.max_bytes:
        await deps.transact(partial(_refuse_unfetched, page, audit, TOO_LARGE), tenant=page.member_id)
        return
    with TemporaryFile() as body:
        try:
            fetched = await deps.platform.fetch(grant, audit, into=body, at_most=audit.size)
        except ReportTooLarge:
            await deps.transact(partial(_refuse_unfetched, page, audit, SIZE_DIFFERS), tenant=page.member_id)
            return
        promised = bytes.fromhex(fetched.promised(audit))
        tickets: list[Ticket] = []

        async def make_room(work: Work) -> None:
            ticket = waiting or await open_platform_ticket(page, share, audit, promised, work)
            if ticket is not None:
                tickets.append(ticket)

        await deps.transact(make_room, tenant=page.member_id)
        if tickets:
            await _upload(tickets[0], body, fetched.size, bytes.fromhex(fetched.sha256), deps)


async def _upload(ticket: Ticket, body: BinaryIO, size: int, sha256: bytes, deps: PlatformPorts) -> None:
    """The file goes to quarantine as it is, right or wrong; the ticket's check tells."""
    await deps.quarantine.put(ticket.object_key, body, size=size, sha256=sha256)

    async def have_it_looked_at(work: Work) -> None:
        await work.tickets.make_due([ticket.ticket_id], at=work.now)

    await deps.transact(have_it_looked_at, tenant=ticket.member_id)


async def open_platform_ticket(
    page: SupplierPage, share: Share, audit: PlatformAudit, sha256: bytes, work: Work
) -> Ticket | None:
    """A ticket for a report that was fetched; None where it is wanted no longer."""
    request = await work.requests.get_to_change(page.request_id)
    if await work.shares.find(page.request_id) != share or request.state not in ASKED_FOR:
        return None
    others = await work.tickets.of_request(page.request_id)
    if any(one.state is State.STORED or one.state in IN_HAND for one in others):
        return None
    ticket = _ticket_for(audit, page, work, sha256)
    await open_ticket(ticket, work)
    await work.shares.save(share.took(audit, ticket.ticket_id, now=work.now), watched=True)
    return ticket


async def _refuse_unfetched(page: SupplierPage, audit: PlatformAudit, reason: str, work: Work) -> None:
    """Refuse a report that is not taken into quarantine because of its size."""
    await work.requests.get_to_change(page.request_id)
    share = await work.shares.find(page.request_id)
    if share is None or not share.takes(audit):
        return
    assert audit.sha256 is not None
    ticket = _ticket_for(audit, page, work, bytes.fromhex(audit.sha256)).refuse((reason,), work.now)
    await work.tickets.add(ticket, due_at=work.now)
    await work.shares.save(share.took(audit, ticket.ticket_id, now=work.now), watched=True)
    work.emit(
        ReportRefused(
            request_id=page.request_id,
            member_id=page.member_id,
            ticket_id=ticket.ticket_id,
            channel="platform",
            reasons=[reason],
            remedy=findings.remedy([reason]) or "",
            refused_at=work.now,
        ),
        about=str(page.request_id),
    )


def _ticket_for(audit: PlatformAudit, page: SupplierPage, work: Work, sha256: bytes) -> Ticket:
    assert audit.size is not None
    return replace(
        new_ticket(page, work, channel="platform", sha256=sha256, size=audit.size),
        audit_date=audit.audit_date,
        protocol=audit.protocol,
        protocol_version=audit.protocol_version,
    )


async def _ticket_of(share: Share, work: Work) -> Ticket | None:
    return None if share.ticket_id is None else await work.tickets.get(share.ticket_id)


async def _waiting_ticket(share: Share, deps: PlatformPorts) -> Ticket | None:
    """The ticket of a report that was to be laid down when this process or its forerunner ended."""
    found: list[Ticket] = []

    async def find(work: Work) -> None:
        ticket = await _ticket_of(share, work)
        if ticket is not None and ticket.state is State.WAITING:
            found.append(ticket)

    await deps.transact(find, tenant=share.member_id)
    if not found or await deps.quarantine.head(found[0].object_key) is not None:
        return None
    return found[0]


async def _note_reason(one: Watched | Share, reason: str, deps: PlatformPorts) -> None:
    """Show the supplier why nothing happens while it waits."""

    async def note(work: Work) -> None:
        await work.requests.get_to_change(one.request_id)
        share = await work.shares.find(one.request_id)
        if share is not None and share.state is ShareState.WAITING and share.reason != reason:
            await work.shares.save(replace(share, reason=reason), watched=True)

    await deps.transact(note, tenant=one.member_id)
