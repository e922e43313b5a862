"""The work on PostgreSQL. Row-level security decides what a transaction sees; no query filters by member."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from mrx_shared.bus.repository import Repository
from mrx_shared.bus.work import Moment, SqlWork
from mrx_shared.refusals import TooEarly, Unknown
from mrx_shared.store.database import set_tenant
from mrx_shared.store.tables import among, domain, upsert, values
from sqlalchemy import ARRAY, Uuid, cast, func, literal, or_, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from mrx_exchange_adapter.adapters.shares import SqlShares
from mrx_exchange_adapter.adapters.tables import (
    AccessRow,
    PageTokenRow,
    ReportRow,
    RequestOwnerRow,
    RequestRow,
    RevokedMailRow,
    TicketRow,
    TicketScheduleRow,
)
from mrx_exchange_adapter.domain.reports import Access, Report
from mrx_exchange_adapter.domain.tickets import Request, State, Ticket
from mrx_exchange_adapter.ports import Due, SupplierPage


class SqlPages(Repository):
    """See `ports.Pages`."""

    async def remember(
        self, token_hash: bytes, request_id: UUID, *, mail_id: UUID, valid_until: datetime
    ) -> None:
        token = insert(PageTokenRow).values(
            token_hash=token_hash, request_id=request_id, mail_id=mail_id, valid_until=valid_until
        )
        await self._do(token.on_conflict_do_nothing())

    async def revoke(self, request_id: UUID, mail_ids: Collection[UUID]) -> bool:
        mails = select(literal(request_id), func.unnest(cast(list(mail_ids), ARRAY(Uuid))))
        revoked = insert(RevokedMailRow).from_select(["request_id", "mail_id"], mails)
        return await self._do(revoked.on_conflict_do_nothing()) > 0

    async def find(self, token_hash: bytes, *, at: datetime) -> SupplierPage:
        owner = select(RequestOwnerRow.member_id).where(RequestOwnerRow.request_id == PageTokenRow.request_id)
        revoked = select(RevokedMailRow).where(
            RevokedMailRow.request_id == PageTokenRow.request_id,
            RevokedMailRow.mail_id == func.coalesce(PageTokenRow.mail_id, RevokedMailRow.mail_id),
        )
        row = await self._first(
            select(PageTokenRow.request_id, owner.scalar_subquery()).where(
                PageTokenRow.token_hash == token_hash, PageTokenRow.valid_until > at, ~revoked.exists()
            )
        )
        if row is None:
            raise Unknown(
                "this link is not known, or no longer valid",
                field="MRX-Page-Token",
                remedy="ask the member that wrote to you for a new link",
            )
        known_id, member_id = row
        if member_id is None:
            raise TooEarly("the request of this link is on its way", waiting_for=f"request {known_id}")
        return SupplierPage(request_id=known_id, member_id=member_id)


class SqlRequests(Repository):
    """See `ports.RequestsKnown`."""

    async def note(self, request: Request, *, sequence: int) -> None:
        whose = {"request_id": request.request_id, "member_id": request.member_id}
        stands = {"sequence": sequence, **values(request, *whose)}
        await self._do(insert(RequestOwnerRow).values(whose).on_conflict_do_nothing())
        newer = col(RequestRow.sequence) < sequence
        await self._do(upsert(RequestRow, whose | stands, key=["request_id"], changed=stands, where=newer))

    async def get(self, request_id: UUID) -> Request:
        row = await self._first(select(RequestRow).where(RequestRow.request_id == request_id))
        if row is None:
            raise Unknown("there is no such request", field="request_id", remedy="ask for a new link")
        return domain(Request, row)

    async def get_to_change(self, request_id: UUID) -> Request:
        # Not the row is locked but its id: a fact that changes the row need not wait for a check.
        await self._hold(f"request {request_id}")
        return await self.get(request_id)


class SqlTickets(Repository):
    """See `ports.Tickets`."""

    async def add(self, ticket: Ticket, *, due_at: datetime) -> None:
        scheduled = {"ticket_id": ticket.ticket_id, "member_id": ticket.member_id}
        await self._do(insert(TicketScheduleRow).values(scheduled | _schedule(ticket, due_at)))
        await self._do(insert(TicketRow).values(values(ticket)))

    async def get(self, ticket_id: UUID) -> Ticket:
        row = await self._first(select(TicketRow).where(TicketRow.ticket_id == ticket_id))
        if row is None:
            raise Unknown(
                "there is no such ticket on this page", field="ticket_id", remedy="ask for a new link"
            )
        return _ticket(row)

    async def of_request(self, request_id: UUID) -> list[Ticket]:
        of_it = select(TicketRow).where(TicketRow.request_id == request_id)
        return [_ticket(row) for row in await self._all(of_it.order_by(col(TicketRow.ticket_id)))]

    async def save(self, ticket: Ticket, *, due_at: datetime | None) -> None:
        this = {"ticket_id": ticket.ticket_id}
        changed = ("state", "settled_at", "tries", "timeouts", "reasons")
        stands = {name: getattr(ticket, name) for name in changed}
        await self._do(update(TicketRow).filter_by(**this).values(stands))
        await self._do(update(TicketScheduleRow).filter_by(**this).values(_schedule(ticket, due_at)))

    async def all(self, ticket_ids: Collection[UUID]) -> list[Ticket]:
        these = select(TicketRow).where(among(TicketRow.ticket_id, ticket_ids))
        return [_ticket(row) for row in await self._all(these)]

    async def held(self, *, since: datetime, after: UUID | None, limit: int) -> list[Due]:
        held_since, due_at = col(TicketScheduleRow.held_since), col(TicketScheduleRow.due_at)
        # What is due still lies there: it waits to be tried again, or to be taken away.
        held = select(TicketScheduleRow).where(
            held_since.is_not(None), or_(held_since > since, due_at.is_not(None))
        )
        if after is not None:
            held = held.where(TicketScheduleRow.ticket_id < after)
        newest = held.order_by(col(TicketScheduleRow.ticket_id).desc()).limit(limit)
        return [domain(Due, row) for row in await self._all(newest)]

    async def due(self, *, at: datetime, limit: int) -> list[Due]:
        due_at = col(TicketScheduleRow.due_at)
        due = select(TicketScheduleRow).where(due_at <= at).order_by(due_at).limit(limit)
        return [domain(Due, row) for row in await self._all(due)]

    async def make_due(self, ticket_ids: Collection[UUID], *, at: datetime) -> int:
        these = update(TicketScheduleRow).where(
            among(TicketScheduleRow.ticket_id, ticket_ids), col(TicketScheduleRow.waiting)
        )
        return await self._do(these.values(due_at=func.least(TicketScheduleRow.due_at, at)))

    async def known(self, ticket_ids: Collection[UUID]) -> set[UUID]:
        these = among(TicketScheduleRow.ticket_id, ticket_ids)
        return set(await self._all(select(TicketScheduleRow.ticket_id).where(these)))

    async def settle_alone(self, ticket_id: UUID) -> bool:
        return await self._hold_alone(f"ticket {ticket_id}")


class SqlReports(Repository):
    """See `ports.Reports`."""

    async def add(self, report: Report) -> None:
        await self._do(insert(ReportRow).values(values(report)))

    async def of_request(self, request_id: UUID) -> Report | None:
        row = await self._first(select(ReportRow).where(ReportRow.request_id == request_id))
        return domain(Report, row) if row else None

    async def get(self, report_id: UUID) -> Report:
        row = await self._first(select(ReportRow).where(ReportRow.report_id == report_id))
        if row is None:
            raise Unknown("there is no such report", field="report_id", remedy="list the reports first")
        return domain(Report, row)

    async def all(self, *, after: UUID | None, limit: int) -> list[Report]:
        some = select(ReportRow).order_by(col(ReportRow.report_id)).limit(limit)
        if after is not None:
            some = some.where(ReportRow.report_id > after)
        return [domain(Report, row) for row in await self._all(some)]

    async def note_access(self, access: Access) -> None:
        await self._do(insert(AccessRow).values(values(access)))

    async def accesses(self, report_id: UUID) -> list[Access]:
        of_it = select(AccessRow).where(AccessRow.report_id == report_id)
        return [domain(Access, row) for row in await self._all(of_it.order_by(col(AccessRow.access_id)))]

    async def withdraw(self, report_id: UUID, *, at: datetime) -> None:
        open_to_it = col(ReportRow.report_id) == report_id, col(ReportRow.withdrawn_at).is_(None)
        await self._do(update(ReportRow).where(*open_to_it).values(withdrawn_at=at))

    async def reopen(self, report_id: UUID) -> None:
        await self._do(update(ReportRow).filter_by(report_id=report_id).values(withdrawn_at=None))


def _schedule(ticket: Ticket, due_at: datetime | None) -> dict[str, object]:
    waiting = ticket.state is State.WAITING
    return {"waiting": waiting, "due_at": due_at, "held_since": ticket.held_since}


def _ticket(row: TicketRow) -> Ticket:
    return domain(Ticket, row, reasons=tuple(row.reasons))


class ExchangeWork(SqlWork):
    """One transaction of exchange_adapter on PostgreSQL."""

    def __init__(self, session: AsyncSession, moment: Moment) -> None:
        super().__init__(session, moment)
        self.pages = SqlPages(self)
        self.requests = SqlRequests(self)
        self.tickets = SqlTickets(self)
        self.reports = SqlReports(self)
        self.shares = SqlShares(self)

    @asynccontextmanager
    async def acting_for(self, member_id: UUID) -> AsyncIterator[None]:
        """See `ports.Work`. After a database error nothing can be set back, and nothing of it is kept."""
        await set_tenant(self.session, member_id)
        yield
        await set_tenant(self.session, self.moment.tenant)
