"""What the clock does: reminders, the end of the term, and the erasure of contacts."""

from functools import partial
from uuid import UUID

from mrx_report_request.domain.requests import Request
from mrx_report_request.domain.steps import Step
from mrx_report_request.handlers.telling import close_to_supplier, mail_supplier, settle
from mrx_report_request.ports import Page, Transact, Work

AT_ONCE = 100


async def keep_time(transact: Transact) -> bool:
    """Do what is due, each request in a transaction of its own. Returns whether more may be due.

    A request at which this fails steps aside for a while, and is no hindrance to those behind it; the first failure is
    raised at the end.
    """
    due: list[Page] = []

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
        expired = request.take(Step.EXPIRE, at=now, reason="the term ended without a report")
        return await close_to_supplier(expired, work)
    if reminder and reminder <= now:
        reminded = request.reminded(at=now)
        participant = await work.facts.participant(request.member_id)
        if participant is None or not participant.participates:
            return reminded
        return await mail_supplier("reminder", reminded, work)
    if erases and erases <= now:
        return request.without_contacts()
    return request
