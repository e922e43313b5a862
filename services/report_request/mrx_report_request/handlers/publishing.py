"""What is said of a request: to the services, to its member, and the mails that are due."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from mrx_shared.messages.report_request import MailAsked, RequestChanged, RequestStatus
from mrx_shared.refusals import Rejected

from mrx_report_request.domain.requests import MailState, Request, SlotMail
from mrx_report_request.ports import Work

DETAIL = 200
SupplierMail = Literal["invitation", "reminder", "received", "file-refused", "closed"]
MemberMail = Literal["ready", "undelivered"]


async def settle(before: Request, after: Request, work: Work) -> Request:
    """Keep how a request stands now, and say what others learn of it. Nothing happens where nothing changed."""
    if after == before:
        return after
    await work.requests.save(after)
    if _for_services(after) != _for_services(before):
        emit_changed(after, work)
    if _for_member(after) != _for_member(before):
        emit_status(after, work)
    return after


def _for_services(request: Request) -> tuple[object, ...]:
    report = request.report
    known = (request.state, request.term_ends_at, report and report.report_id, request.decision)
    return (*known, request.revoked_mails)


def _for_member(request: Request) -> tuple[object, ...]:
    return (*_for_services(request), request.mail, request.history)


def emit_changed(request: Request, work: Work) -> None:
    """Say to the services how a request stands."""
    fact = RequestChanged(
        request_id=request.request_id,
        member_id=request.member_id,
        state=request.state.value,
        reference=request.reference,
        site_token=request.site_token,
        round_id=request.round_id,
        asked_at=request.asked_at,
        term_ends_at=request.term_ends_at,
        report_id=request.report.report_id if request.report else None,
        outcome=request.outcome.value if request.outcome else None,
        changed_at=work.now,
        revoked_mails=list(request.revoked_mails),
    )
    work.emit(fact, about=str(request.request_id))


def emit_status(request: Request, work: Work, *, refused: Rejected | None = None) -> None:
    """Say to the member how its request stands; with `refused`, that it stays so because a step was refused."""
    report = request.report
    undelivered = request.mail in (MailState.REFUSED, MailState.BOUNCED)
    field, reason, remedy = None, request.reason, None
    if refused is not None:
        field, reason, remedy = refused.field, refused.reason, refused.remedy
    elif undelivered and not request.ended and report is None:
        field, reason = "supplier.contact_email", f"the latest mail to the supplier was {request.mail}"
        remedy = f"POST /v1/requests/{request.request_id}/contact with an address that takes mail"
    links = None
    if report is not None and report.access_withdrawn_at is None:
        links = f"/v1/reports/{report.report_id}/links"
    status = RequestStatus(
        request_id=request.request_id,
        state=request.state.value,
        entry_id=request.entry_id,
        site_number=request.site_number,
        mail=request.mail.value,
        field=field,
        reason=reason,
        remedy=remedy,
        term_ends_at=request.term_ends_at,
        report_id=report.report_id if report else None,
        report_sha256=report.sha256 if report else None,
        report_size=report.size if report else None,
        links_path=links,
        outcome=request.outcome.value if request.outcome else None,
        valid_until=request.valid_until,
        changed_at=work.now,
        mail_leaves_at=request.mail_leaves_at,
    )
    work.emit(status, about=str(request.member_id), to=request.member_id)


def emit_refused(
    request_id: UUID, refusal: Rejected, work: Work, *, member_id: UUID, entry_id: str, site_number: str
) -> None:
    """Say to a member that what it asked was not taken, and why."""
    status = RequestStatus(
        request_id=request_id,
        state="refused",
        entry_id=entry_id[:DETAIL],
        site_number=site_number[:DETAIL],
        mail="unsent",
        field=refusal.field,
        reason=refusal.reason,
        remedy=refusal.remedy,
        term_ends_at=None,
        report_id=None,
        report_sha256=None,
        report_size=None,
        links_path=None,
        outcome=None,
        valid_until=None,
        changed_at=work.now,
    )
    work.emit(status, about=str(member_id), to=member_id)


async def mail_supplier(
    kind: SupplierMail,
    request: Request,
    work: Work,
    *,
    detail: str | None = None,
    leaves_at: datetime | None = None,
) -> Request:
    """Ask for a mail to the supplier, if its address is still there. The request then has it as its latest mail.

    What the member asks waits for its slot, so that it comes with `leaves_at`.
    """
    address = request.supplier.contact_email
    if address is None:
        return request
    mail_id = work.new_id()
    await work.mails.note(mail_id, about=request.request_id)
    work.emit(
        MailAsked(
            mail_id=mail_id,
            kind=kind,
            request_id=request.request_id,
            to=address,
            to_name=request.supplier.contact_name,
            language=request.supplier.language,
            with_link=kind != "closed",
            asks=await _name(request, work),
            site=request.supplier.name,
            site_number=None,
            scope=request.scope,
            purpose=request.purpose,
            reference=request.reference,
            term_ends_at=request.term_ends_at,
            detail=detail[:DETAIL] if detail else None,
            leaves_at=leaves_at,
        ),
        about=str(request.request_id),
    )
    return request.mailed(mail_id)


async def mail_requester(
    kind: MemberMail, request: Request, work: Work, *, detail: str | None = None
) -> None:
    """Ask for a mail to whoever asked, if it left an address."""
    if request.requester_email is None:
        return
    work.emit(
        MailAsked(
            mail_id=work.new_id(),
            kind=kind,
            request_id=request.request_id,
            to=request.requester_email,
            to_name=None,
            language=request.requester_language,
            with_link=False,
            asks=await _name(request, work),
            site=request.supplier.name,
            site_number=request.site_number,
            scope=request.scope,
            purpose=request.purpose,
            reference=request.reference,
            term_ends_at=request.term_ends_at,
            detail=detail[:DETAIL] if detail else None,
        ),
        about=str(request.request_id),
    )


def close_to_supplier(request: Request, work: Work) -> Request:
    """Tell the supplier, in a slot, that nothing is expected any more, if it was told before that something is."""
    if request.reached:
        return request.with_mail_due(SlotMail.CLOSED, at=work.slots.after(work.now))
    return request.without_mail_due()


async def _name(request: Request, work: Work) -> str:
    participant = await work.facts.participant(request.member_id)
    return participant.name if participant else "MRX"
