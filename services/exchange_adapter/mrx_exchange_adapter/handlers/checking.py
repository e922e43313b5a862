"""From quarantine to vault, step by step. Each step can be repeated; a kill between two loses and doubles nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from tempfile import TemporaryFile
from typing import BinaryIO, TypeVar
from uuid import UUID

from mrx_shared.messages.exchange_adapter import ReportReceived, ReportRefused, ReportStored

from mrx_exchange_adapter.domain import findings
from mrx_exchange_adapter.domain.platform import ACCESS_WITHDRAWN
from mrx_exchange_adapter.domain.reports import Report
from mrx_exchange_adapter.domain.tickets import (
    ANOTHER_TAKEN,
    BEHIND_ANOTHER,
    IN_HAND,
    NEVER_USED,
    OUT_OF_TIME,
    REQUEST_ENDED,
    SETTLED,
    Request,
    State,
    Ticket,
    pause_after,
)
from mrx_exchange_adapter.handlers.tickets import close_ticket, emit_if_nothing_comes
from mrx_exchange_adapter.ports import (
    Due,
    Inspector,
    NoVerdict,
    Quarantine,
    QuarantinedFile,
    TookTooLong,
    Transact,
    Vault,
    Work,
)

T = TypeVar("T")
TOO_COMPLEX = "too-complex"
AT_ONCE = 2
"""each holds up to two of the database's connections while it is looked at"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPorts:
    """What checking works with."""

    transact: Transact
    quarantine: Quarantine
    vault: Vault
    inspector: Inspector
    kept_for: timedelta
    """so long a file stays in quarantine after its verdict"""


async def settle_due(deps: CheckPorts) -> bool:
    """Look at the tickets that are due. Returns whether there were any; raises the first failure among them."""
    due = await _read(deps.transact, lambda work: work.tickets.due(at=work.now, limit=AT_ONCE))
    outcomes = await asyncio.gather(*(_settle_alone(one, deps) for one in due), return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return any(outcomes)


async def sweep(deps: CheckPorts) -> int:
    """Have looked at what lies in quarantine for a ticket that waits, and take away what belongs to none.

    So a lost call-back loses nothing. Returns how many tickets were found.
    """
    quarantined = await deps.quarantine.listed()
    by_ticket = {ticket_id: one for one in quarantined if (ticket_id := ticket_of(one.key)) is not None}
    found: list[int] = []
    strays: list[QuarantinedFile] = []

    async def look(work: Work) -> None:
        found.append(await work.tickets.make_due(by_ticket, at=work.now))
        known = await work.tickets.known(by_ticket)
        strays.extend(
            one
            for one in quarantined
            if ticket_of(one.key) not in known and one.since < work.now - deps.kept_for
        )

    await deps.transact(look)
    for one in strays:
        await deps.quarantine.remove(one.key)
    return sum(found)


def ticket_of(key: str) -> UUID | None:
    """The ticket that an object key belongs to; None for a key that is not ours."""
    try:
        return UUID(key.partition("/")[0])
    except ValueError:
        return None


async def _settle_alone(due: Due, deps: CheckPorts) -> bool:
    """Bring one ticket further, unless somebody else does."""
    had: list[bool] = []

    async def alone(work: Work) -> None:
        # The lock lasts as long as this outer transaction, which does nothing else.
        had.append(await work.tickets.settle_alone(due.ticket_id))
        if had[0]:
            await settle(due, deps)

    await deps.transact(alone)
    return had[0]


async def settle(due: Due, deps: CheckPorts) -> None:
    """Bring one ticket as far as it comes now."""
    ticket = await _read(deps.transact, lambda work: work.tickets.get(due.ticket_id), tenant=due.member_id)
    if ticket.state in SETTLED:
        await deps.quarantine.remove(ticket.object_key)
        await _change(deps, ticket, _nothing_more)
        return
    if ticket.state is State.WAITING:
        quarantined = await deps.quarantine.head(ticket.object_key)
        ticket = await _change(
            deps, ticket, partial(receive, quarantined=quarantined, kept_for=deps.kept_for)
        )
    if ticket.state in IN_HAND:
        ticket = await _change(deps, ticket, begin_check)
        await _check(ticket, deps)


async def receive(
    ticket: Ticket, work: Work, *, quarantined: QuarantinedFile | None, kept_for: timedelta
) -> Ticket:
    """Take a waiting ticket's file if it is the promised one; the checksum is storage's, not the sender's."""
    request = await work.requests.get_to_change(ticket.request_id)
    ticket = await work.tickets.get(ticket.ticket_id)
    if ticket.state is not State.WAITING:
        return ticket  # it ended while the storage was asked
    others = [one for one in await work.tickets.of_request(ticket.request_id) if one != ticket]
    if over := _why_over(ticket, request, others, quarantined=quarantined, now=work.now):
        return await _lapse(ticket, work, over, kept_for)
    behind = any(one.state in IN_HAND for one in others)
    if quarantined is None or behind:
        await work.tickets.save(ticket, due_at=work.now + BEHIND_ANOTHER if quarantined else ticket.lapses_at)
        return ticket
    if reasons := ticket.differs(size=quarantined.size, sha256=quarantined.sha256):
        return await _refuse(ticket, work, reasons, kept_for)
    received = ticket.receive()
    await work.tickets.save(received, due_at=work.now)
    work.emit(
        ReportReceived(
            request_id=ticket.request_id,
            member_id=ticket.member_id,
            ticket_id=ticket.ticket_id,
            channel=ticket.channel,
            received_at=work.now,
        ),
        about=str(ticket.request_id),
    )
    return received


def _why_over(
    ticket: Ticket,
    request: Request,
    others: list[Ticket],
    *,
    quarantined: QuarantinedFile | None,
    now: datetime,
) -> str | None:
    if request.has_ended_for(ticket):
        return REQUEST_ENDED
    if any(one.state is State.STORED for one in others):
        return ANOTHER_TAKEN
    return NEVER_USED if quarantined is None and now >= ticket.lapses_at else None


async def begin_check(ticket: Ticket, work: Work) -> Ticket:
    """Count a try, and have the ticket looked at again should this one end without a word."""
    checking = ticket.check()
    await work.tickets.save(checking, due_at=work.now + pause_after(checking.tries))
    return checking


async def _check(ticket: Ticket, deps: CheckPorts) -> None:
    with TemporaryFile() as body:
        reasons = await _look_into(ticket, body, deps)
        if reasons is None:
            return
        if not reasons:
            ticket = await _change(deps, ticket, partial(confirm, kept_for=deps.kept_for))
            if ticket.state is not State.CHECKING:
                return
            await deps.vault.keep(ticket.vault_key, body, size=ticket.size, sha256=ticket.sha256)
    await _change(deps, ticket, partial(conclude, reasons=reasons, kept_for=deps.kept_for))


async def _look_into(ticket: Ticket, body: BinaryIO, deps: CheckPorts) -> tuple[str, ...] | None:
    """What is wrong with the file, whose bytes are then in `body`; None without a verdict."""
    came = await deps.quarantine.fetch(ticket.object_key, body, at_most=ticket.size)
    if came is None:
        return ("object-missing",)
    if came != ticket.sha256:
        return ("checksum-differs",)
    try:
        return await deps.inspector.inspect(body)
    except TookTooLong:
        counted = await _change(deps, ticket, count_timeout)
        return (TOO_COMPLEX,) if counted.timeouts >= OUT_OF_TIME else None
    except NoVerdict:
        return None


async def count_timeout(ticket: Ticket, work: Work) -> Ticket:
    """Keep that a try ended by the clock."""
    current = await work.tickets.get(ticket.ticket_id)
    if current.state is not State.CHECKING:
        return current
    slow = current.run_out_of_time()
    await work.tickets.save(slow, due_at=work.now + pause_after(slow.tries))
    return slow


async def confirm(ticket: Ticket, work: Work, *, kept_for: timedelta) -> Ticket:
    """Close a ticket whose file is wanted no longer, whatever the verdict.

    Asked before the vault takes a file, because nobody can take it out of there again, and once more with the verdict.
    """
    request = await work.requests.get_to_change(ticket.request_id)
    current = await work.tickets.get(ticket.ticket_id)
    if current.state is not State.CHECKING:
        return current
    if request.has_ended_for(current):
        return await _lapse(current, work, REQUEST_ENDED, kept_for)
    share = await work.shares.find(ticket.request_id)
    if share is not None and share.ticket_id == ticket.ticket_id and share.is_losing_access:
        return await _lapse(current, work, ACCESS_WITHDRAWN, timedelta(0))
    if await work.reports.of_request(ticket.request_id) is not None:
        return await _lapse(current, work, ANOTHER_TAKEN, kept_for)
    return current


async def conclude(ticket: Ticket, work: Work, *, reasons: tuple[str, ...], kept_for: timedelta) -> Ticket:
    """Keep the verdict, and say it. A request has one report, whatever comes at the same time."""
    current = await confirm(ticket, work, kept_for=kept_for)
    if current.state is not State.CHECKING:
        return current
    if reasons:
        return await _refuse(current, work, reasons, kept_for)
    stored = current.store(work.now)
    await work.tickets.save(stored, due_at=work.now + kept_for)
    report = Report(
        report_id=work.new_id(),
        request_id=ticket.request_id,
        ticket_id=ticket.ticket_id,
        member_id=ticket.member_id,
        channel=ticket.channel,
        vault_key=ticket.vault_key,
        sha256=ticket.sha256,
        size=ticket.size,
        stored_at=work.now,
    )
    await work.reports.add(report)
    await _close_others(ticket, work)
    work.emit(
        ReportStored(
            report_id=report.report_id,
            request_id=report.request_id,
            member_id=report.member_id,
            channel=report.channel,
            sha256=report.sha256.hex(),
            size=report.size,
            audit_date=ticket.audit_date,
            protocol=ticket.protocol,
            protocol_version=ticket.protocol_version,
            stored_at=report.stored_at,
        ),
        about=str(ticket.request_id),
    )
    return stored


async def _close_others(ticket: Ticket, work: Work) -> None:
    others = [
        one.ticket_id
        for one in await work.tickets.of_request(ticket.request_id)
        if one.state is State.WAITING
    ]
    await work.tickets.make_due(others, at=work.now)


async def _refuse(ticket: Ticket, work: Work, reasons: tuple[str, ...], kept_for: timedelta) -> Ticket:
    refused = ticket.refuse(reasons, work.now)
    await work.tickets.save(refused, due_at=work.now + kept_for)
    work.emit(
        ReportRefused(
            request_id=ticket.request_id,
            member_id=ticket.member_id,
            ticket_id=ticket.ticket_id,
            channel=ticket.channel,
            reasons=list(reasons),
            remedy=findings.remedy(reasons) or "",
            refused_at=work.now,
        ),
        about=str(ticket.request_id),
    )
    tickets = await work.tickets.of_request(ticket.request_id)
    if len(tickets) > 1:
        # Others that lapsed while this one was in hand were not said.
        await emit_if_nothing_comes(ticket, work, tickets)
    return refused


async def _lapse(ticket: Ticket, work: Work, reason: str, kept_for: timedelta) -> Ticket:
    return await close_ticket(ticket, work, reason, due_at=work.now + kept_for)


async def _nothing_more(ticket: Ticket, work: Work) -> Ticket:
    await work.tickets.save(ticket, due_at=None)
    return ticket


Change = Callable[[Ticket, Work], Awaitable[Ticket]]


async def _change(deps: CheckPorts, ticket: Ticket, step: Change) -> Ticket:
    """Take one step in a transaction of its own, as the member that the ticket belongs to."""
    changed: list[Ticket] = []

    async def change(work: Work) -> None:
        changed.append(await step(ticket, work))

    await deps.transact(change, tenant=ticket.member_id)
    return changed[0]


async def _read(
    transact: Transact, query: Callable[[Work], Awaitable[T]], *, tenant: UUID | None = None
) -> T:
    found: list[T] = []

    async def read(work: Work) -> None:
        found.append(await query(work))

    await transact(read, tenant=tenant)
    return found[0]
