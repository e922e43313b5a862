"""What the clock does: reminders, the end of the term, and the erasure of contacts."""

from functools import partial
from uuid import UUID

from mrx_report_request.domain.requests import CONTACTS_KEPT, DueMail, Request, SlotMail
from mrx_report_request.domain.transitions import Action
from mrx_report_request.handlers.publishing import close_to_supplier, mail_supplier, settle
from mrx_report_request.ports import SupplierPage, Transact, Work

AT_ONCE = 100


async def keep_time(transact: Transact) -> bool:
    """Do what is due, each request in a transaction of its own. Returns whether more may be due.

    A request at which this fails steps aside for a while, and is no hindrance to those behind it; the first failure is
    raised at the end.
    """
    due: list[SupplierPage] = []

    async def find(work: Work) -> None:
        due.extend(await work.owners.due(limit=AT_ONCE))

    await transact(find)
    failures: list[Exception] = []
    for one in due:
        try:
            await transact(partial(look_at_clock, one.request_id), tenant=one.member_id)
        except Exception as error:  # noqa: BLE001  (one request's fault keeps no other waiting; it is raised below)
            failures.append(error)
            await transact(partial(_put_off, one.request_id))
    if failures:
        raise failures[0]
    return len(due) == AT_ONCE


async def _put_off(request_id: UUID, work: Work) -> None:
    await work.owners.put_off(request_id)


async def look_at_clock(request_id: UUID, work: Work) -> None:
    """Take the one step that is due on a request, if any is."""
    request = await work.requests.get_to_change(request_id)
    after = await _after(request, work)
    if after == request:
        await work.requests.save(request)  # it is due at another time than was kept: that is kept anew
    await settle(request, after, work)


async def _after(request: Request, work: Work) -> Request:
    now = work.now
    ends, reminder, erases = request.expires_at(), request.reminder_at(), request.erases_at()
    if ends and ends <= now:
        expired = request.take(Action.EXPIRE, at=now, reason="the term ended without a report")
        return close_to_supplier(expired, work)
    if request.due_mail and request.due_mail.at <= now:
        return await _mail_due(request, request.due_mail, work)
    if reminder and reminder <= now:
        reminded = request.reminded(at=now)
        if reminded.due_mail is not None:  # a contact that is not written to yet needs no reminder
            return reminded
        return reminded.with_mail_due(SlotMail.REMINDER, at=work.slots.not_before(reminder))
    if erases and erases <= now:
        await work.contacts.forget(request.site_token, before=now - CONTACTS_KEPT)
        return request.without_contacts()
    return request


async def _mail_due(request: Request, due: DueMail, work: Work) -> Request:
    """The slot has come. Who does not take part at the moment asks in a later one.

    A reminder that is due by now would leave in the same slot: it counts as written, too.
    """
    without = request.without_mail_due().reminded(at=work.now)
    if not request.wants(due.kind):
        return without
    participant = await work.facts.participant(request.member_id)
    if due.kind is not SlotMail.CLOSED and (participant is None or not participant.participates):
        return request.with_mail_due(due.kind, at=work.slots.after(work.now))
    return await mail_supplier(due.kind.value, without, work, leaves_at=due.at)
