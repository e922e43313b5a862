"""What other services said. What comes late or again changes nothing and is no fault."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from mrx_shared.messages.aggregation import ReleasePage
from mrx_shared.messages.exchange_adapter import (
    AccessRenewed,
    AccessWithdrawn,
    ReportRead,
    ReportReceived,
    ReportRefused,
    ReportStored,
    UploadBegun,
    UploadLapsed,
)
from mrx_shared.messages.notification import MailFailed, MailSent
from mrx_shared.messages.registry import ParticipationChanged
from mrx_shared.refusals import Rejected, Unknown

from mrx_report_request.domain.requests import Channel, Report, Request
from mrx_report_request.domain.transitions import Action, State
from mrx_report_request.handlers.publishing import mail_requester, mail_supplier, settle
from mrx_report_request.ports import Participant, SupplierPage, Work

PAGE_LASTS: Final = timedelta(days=180)
"""so long after its mail a supplier's page can be read"""
NAMELESS: Final = "MRX"


async def note_participation(changed: ParticipationChanged, work: Work, *, sequence: int) -> None:
    """Keep whether a member takes part, and the name that suppliers read."""
    participant = Participant(
        member_id=changed.member_id,
        participates=changed.participates,
        missing=tuple(changed.missing),
        name=changed.company_names[0] if changed.company_names else NAMELESS,
    )
    await work.facts.keep_participant(participant, sequence=sequence)


async def note_entries(page: ReleasePage, work: Work) -> None:
    """Keep a part of a release's entries."""
    await work.facts.keep_page(page)


async def note_mail_sent(sent: MailSent, work: Work) -> None:
    """The supplier has its mail: the tokens of its links open the page."""
    if sent.asked_by != "report_request":
        return
    async with _owner_of(sent.about, work):
        request = await work.requests.get_to_change(sent.about)
        if not await work.mails.has(sent.mail_id, about=sent.about):
            return
        await _open_page(sent, request, work, at=sent.sent_at)
        await settle(request, request.mail_sent(sent.mail_id, at=sent.slot_at or sent.sent_at), work)


async def note_mail_failed(failed: MailFailed, work: Work) -> None:
    """A mail came back or was refused: the member is told. A link of it that arrived nevertheless works."""
    if failed.asked_by != "report_request":
        return
    async with _owner_of(failed.about, work):
        request = await work.requests.get_to_change(failed.about)
        if await work.mails.has(failed.mail_id, about=failed.about):
            await _open_page(failed, request, work, at=failed.failed_at)
        after = request.mail_failed(failed.mail_id, bounced=failed.cause == "bounced")
        if after != request and not request.ended and request.report is None:
            await mail_requester("undelivered", request, work, detail=f"{failed.cause} {failed.status}")
        await settle(request, after, work)


async def _open_page(mail: MailSent | MailFailed, request: Request, work: Work, *, at: datetime) -> None:
    """The tokens of a mail's links open the page from now on, unless its address was replaced."""
    if mail.mail_id in request.revoked_mails:
        return
    page = SupplierPage(request_id=request.request_id, member_id=request.member_id)
    for token_hash in mail.token_hashes:
        await work.pages.open(token_hash, page, mail_id=mail.mail_id, until=at + PAGE_LASTS)


async def note_upload_begun(begun: UploadBegun, work: Work) -> None:
    """The supplier began to hand over its report."""
    async with _owner_of(begun.request_id, work, stated=begun.member_id):
        request = await work.requests.get_to_change(begun.request_id)
        after = request.upload_begun(begun_at=begun.begun_at, now=work.now)
        await settle(request, await _unless_asked_again(request, after, work), work)


async def note_upload_lapsed(lapsed: UploadLapsed, work: Work) -> None:
    """Nothing came of what the supplier had begun: the request waits for it as before."""
    async with _owner_of(lapsed.request_id, work, stated=lapsed.member_id):
        request = await work.requests.get_to_change(lapsed.request_id)
        await settle(request, request.upload_lapsed(lapsed_at=lapsed.lapsed_at, now=work.now), work)


async def note_report_received(received: ReportReceived, work: Work) -> None:
    """A file is being checked."""
    async with _owner_of(received.request_id, work, stated=received.member_id):
        request = await work.requests.get_to_change(received.request_id)
        after = request.take(Action.RECEIVE, at=work.now) if request.may(Action.RECEIVE) else request
        await settle(request, await _unless_asked_again(request, after, work), work)


async def note_report_stored(stored: ReportStored, work: Work) -> None:
    """The report is there: requester and supplier are told."""
    async with _owner_of(stored.request_id, work, stated=stored.member_id):
        request = await work.requests.get_to_change(stored.request_id)
        report = Report(
            report_id=stored.report_id,
            sha256=stored.sha256,
            size=stored.size,
            channel=Channel(stored.channel),
            stored_at=stored.stored_at,
            audit_date=stored.audit_date,
        )
        after = await _unless_asked_again(request, request.report_stored(report, now=work.now), work)
        if after == request:
            after = request.report_came_late(report, now=work.now)
        if after.state is State.AVAILABLE and request.state is not State.AVAILABLE:
            await mail_requester("ready", after, work)
            after = await mail_supplier("received", after, work)
        await settle(request, after, work)


async def note_report_refused(refused: ReportRefused, work: Work) -> None:
    """A file did not pass: the supplier is told why and may hand over another."""
    async with _owner_of(refused.request_id, work, stated=refused.member_id):
        request = await work.requests.get_to_change(refused.request_id)
        why = ", ".join(refused.reasons)
        after = request.file_refused(f"a file was refused: {why}", now=work.now)
        if after.history != request.history:
            after = await mail_supplier("file-refused", after, work, detail=why)
        await settle(request, after, work)


async def note_report_read(read: ReportRead, work: Work) -> None:
    """The member was given a link to the report."""
    async with _owner_of(read.request_id, work, stated=read.member_id):
        request = await work.requests.get_to_change(read.request_id)
        await settle(request, request.report_read(read.report_id, at=read.read_at), work)


async def note_access_withdrawn(withdrawn: AccessWithdrawn, work: Work) -> None:
    """The supplier withdrew access on its platform."""
    async with _owner_of(withdrawn.request_id, work, stated=withdrawn.member_id):
        request = await work.requests.get_to_change(withdrawn.request_id)
        await settle(request, request.access_withdrawn(withdrawn.report_id, now=work.now), work)


async def note_access_renewed(renewed: AccessRenewed, work: Work) -> None:
    """The supplier granted access on its platform again."""
    async with _owner_of(renewed.request_id, work, stated=renewed.member_id):
        request = await work.requests.get_to_change(renewed.request_id)
        await settle(request, request.access_renewed(renewed.report_id, now=work.now), work)


@asynccontextmanager
async def _owner_of(request_id: UUID, work: Work, *, stated: UUID | None = None) -> AsyncIterator[UUID]:
    """Go on as the member that asked. Services name requests by ids that came from here, so each is known."""
    member_id = await work.owners.of(request_id)
    if member_id is None:
        raise Unknown("there is no such request", field="request_id")
    if stated not in (None, member_id):
        raise Rejected("the request is another member's", field="member_id")
    async with work.acting_for(member_id):
        yield member_id


async def _unless_asked_again(request: Request, after: Request, work: Work) -> Request:
    """An expired request is taken up by what its supplier does late, unless its member has asked for the site anew."""
    revived = request.ended and not after.ended
    if revived and await work.requests.open_for([request.site_token]):
        return request
    return after
