"""The work on PostgreSQL. Row-level security decides what a transaction sees; no query filters by member."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

from mrx_shared.bus.keys import remember_key
from mrx_shared.bus.rows import Rows
from mrx_shared.bus.work import Moment, SqlWork
from mrx_shared.messages.registry import SigningKeyPublished
from mrx_shared.refusals import TooEarly, Unknown
from mrx_shared.store.database import set_tenant
from sqlalchemy import Row
from sqlmodel.ext.asyncio.session import AsyncSession

from mrx_exchange_adapter.adapters.shares import SqlShares
from mrx_exchange_adapter.domain.reports import Access, Report
from mrx_exchange_adapter.domain.tickets import Request, State, Ticket
from mrx_exchange_adapter.ports import Due, Page


class SqlPages(Rows):
    """See `ports.Pages`."""

    async def remember(
        self, token_hash: bytes, request_id: UUID, *, mail_id: UUID, valid_until: datetime
    ) -> None:
        await self._do(
            """
            INSERT INTO page_token (token_hash, request_id, mail_id, valid_until)
            VALUES (:token_hash, :request_id, :mail_id, :valid_until) ON CONFLICT DO NOTHING
            """,
            token_hash=token_hash,
            request_id=request_id,
            mail_id=mail_id,
            valid_until=valid_until,
        )

    async def revoke(self, request_id: UUID, mail_ids: Collection[UUID]) -> bool:
        rows = await self._all(
            """
            INSERT INTO revoked_mail (request_id, mail_id)
            SELECT :request_id, * FROM unnest(CAST(:mail_ids AS uuid[])) ON CONFLICT DO NOTHING RETURNING 1
            """,
            request_id=request_id,
            mail_ids=list(mail_ids),
        )
        return bool(rows)

    async def find(self, token_hash: bytes, *, at: datetime) -> Page:
        row = await self._first(
            """
            SELECT t.request_id, o.member_id FROM page_token t LEFT JOIN request_owner o USING (request_id)
            WHERE t.token_hash = :token_hash AND t.valid_until > :at AND NOT EXISTS (
                SELECT 1 FROM revoked_mail r
                WHERE r.request_id = t.request_id AND r.mail_id = COALESCE(t.mail_id, r.mail_id))
            """,
            token_hash=token_hash,
            at=at,
        )
        if row is None:
            raise Unknown(
                "this link is not known, or no longer valid",
                field="MRX-Page-Token",
                remedy="ask for a new link, by answering the mail or through the member that asks",
            )
        if row.member_id is None:
            raise TooEarly("the request of this link is on its way", waiting_for=f"request {row.request_id}")
        return Page(request_id=row.request_id, member_id=row.member_id)


class SqlRequests(Rows):
    """See `ports.RequestsKnown`."""

    async def note(self, request: Request, *, sequence: int) -> None:
        await self._do(
            """
            INSERT INTO request_owner (request_id, member_id) VALUES (:request_id, :member_id)
            ON CONFLICT DO NOTHING
            """,
            request_id=request.request_id,
            member_id=request.member_id,
        )
        await self._do(
            """
            INSERT INTO request AS known (request_id, member_id, sequence, state, reference, term_ends_at)
            VALUES (:request_id, :member_id, :sequence, :state, :reference, :term_ends_at)
            ON CONFLICT (request_id) DO UPDATE
                SET sequence = excluded.sequence, state = excluded.state, reference = excluded.reference,
                    term_ends_at = excluded.term_ends_at
                WHERE known.sequence < excluded.sequence
            """,
            request_id=request.request_id,
            member_id=request.member_id,
            sequence=sequence,
            state=request.state,
            reference=request.reference,
            term_ends_at=request.term_ends_at,
        )

    async def get(self, request_id: UUID) -> Request:
        return _request(
            await self._first("SELECT * FROM request WHERE request_id = :request_id", request_id=request_id)
        )

    async def get_to_change(self, request_id: UUID) -> Request:
        # Not the row is locked but its id: a fact that changes the row need not wait for a check.
        await self._do(
            "SELECT pg_advisory_xact_lock(hashtextextended('request ' || CAST(:request_id AS text), 0))",
            request_id=str(request_id),
        )
        return await self.get(request_id)


TICKET = ", ".join(one.name for one in fields(Ticket))


class SqlTickets(Rows):
    """See `ports.Tickets`."""

    async def add(self, ticket: Ticket, *, due_at: datetime) -> None:
        await self._do(
            """
            INSERT INTO ticket_schedule (ticket_id, member_id, waiting, due_at, held_since)
            VALUES (:ticket_id, :member_id, :waiting, :due_at, :held_since)
            """,
            ticket_id=ticket.ticket_id,
            member_id=ticket.member_id,
            waiting=ticket.state is State.WAITING,
            due_at=due_at,
            held_since=ticket.held_since,
        )
        values = {one.name: getattr(ticket, one.name) for one in fields(ticket)}
        await self._do(
            f"INSERT INTO ticket ({TICKET}) VALUES ({', '.join(f':{name}' for name in values)})",  # noqa: S608 - ours
            **values | {"state": ticket.state.value, "reasons": list(ticket.reasons)},
        )

    async def get(self, ticket_id: UUID) -> Ticket:
        row = await self._first("SELECT * FROM ticket WHERE ticket_id = :ticket_id", ticket_id=ticket_id)
        if row is None:
            raise Unknown(
                "there is no such ticket on this page", field="ticket_id", remedy="ask for a new link"
            )
        return _ticket(row)

    async def of_request(self, request_id: UUID) -> list[Ticket]:
        rows = await self._all(
            "SELECT * FROM ticket WHERE request_id = :request_id ORDER BY ticket_id", request_id=request_id
        )
        return [_ticket(row) for row in rows]

    async def save(self, ticket: Ticket, *, due_at: datetime | None) -> None:
        await self._do(
            """
            UPDATE ticket SET state = :state, settled_at = :settled_at, tries = :tries, timeouts = :timeouts,
                reasons = :reasons
            WHERE ticket_id = :ticket_id
            """,
            ticket_id=ticket.ticket_id,
            state=ticket.state.value,
            settled_at=ticket.settled_at,
            tries=ticket.tries,
            timeouts=ticket.timeouts,
            reasons=list(ticket.reasons),
        )
        await self._do(
            """
            UPDATE ticket_schedule SET waiting = :waiting, due_at = :due_at, held_since = :held_since
            WHERE ticket_id = :ticket_id
            """,
            ticket_id=ticket.ticket_id,
            waiting=ticket.state is State.WAITING,
            due_at=due_at,
            held_since=ticket.held_since,
        )

    async def all(self, ticket_ids: Collection[UUID]) -> list[Ticket]:
        rows = await self._all(
            "SELECT * FROM ticket WHERE ticket_id = ANY(:ticket_ids)", ticket_ids=list(ticket_ids)
        )
        return [_ticket(row) for row in rows]

    async def held(self, *, since: datetime, after: UUID | None, limit: int) -> list[Due]:
        # What is due still lies there: it waits to be tried again, or to be taken away.
        rows = await self._all(
            """
            SELECT ticket_id, member_id FROM ticket_schedule
            WHERE held_since IS NOT NULL AND (held_since > :since OR due_at IS NOT NULL)
                AND (CAST(:after AS uuid) IS NULL OR ticket_id < :after)
            ORDER BY ticket_id DESC LIMIT :limit
            """,
            since=since,
            after=after,
            limit=limit,
        )
        return [Due(ticket_id=row.ticket_id, member_id=row.member_id) for row in rows]

    async def due(self, *, at: datetime, limit: int) -> list[Due]:
        rows = await self._all(
            """
            SELECT ticket_id, member_id FROM ticket_schedule WHERE due_at <= :at ORDER BY due_at LIMIT :limit
            """,
            at=at,
            limit=limit,
        )
        return [Due(ticket_id=row.ticket_id, member_id=row.member_id) for row in rows]

    async def make_due(self, ticket_ids: Collection[UUID], *, at: datetime) -> int:
        rows = await self._all(
            """
            UPDATE ticket_schedule SET due_at = LEAST(due_at, :at)
            WHERE ticket_id = ANY(:ticket_ids) AND waiting RETURNING 1
            """,
            ticket_ids=list(ticket_ids),
            at=at,
        )
        return len(rows)

    async def known(self, ticket_ids: Collection[UUID]) -> set[UUID]:
        rows = await self._all(
            "SELECT ticket_id FROM ticket_schedule WHERE ticket_id = ANY(:ticket_ids)",
            ticket_ids=list(ticket_ids),
        )
        return {row.ticket_id for row in rows}

    async def settle_alone(self, ticket_id: UUID) -> bool:
        row = await self._first(
            "SELECT pg_try_advisory_xact_lock(hashtextextended('ticket ' || CAST(:ticket_id AS text), 0)) AS alone",
            ticket_id=str(ticket_id),
        )
        return bool(row and row.alone)


REPORT = ", ".join(one.name for one in fields(Report))


class SqlReports(Rows):
    """See `ports.Reports`."""

    async def add(self, report: Report) -> None:
        values = {one.name: getattr(report, one.name) for one in fields(report)}
        await self._do(
            f"INSERT INTO report ({REPORT}) VALUES ({', '.join(f':{name}' for name in values)})",  # noqa: S608 - ours
            **values,
        )

    async def of_request(self, request_id: UUID) -> Report | None:
        row = await self._first("SELECT * FROM report WHERE request_id = :request_id", request_id=request_id)
        return _report(row) if row else None

    async def get(self, report_id: UUID) -> Report:
        row = await self._first("SELECT * FROM report WHERE report_id = :report_id", report_id=report_id)
        if row is None:
            raise Unknown("there is no such report", field="report_id", remedy="list the reports first")
        return _report(row)

    async def all(self, *, after: UUID | None, limit: int) -> list[Report]:
        rows = await self._all(
            """
            SELECT * FROM report WHERE CAST(:after AS uuid) IS NULL OR report_id > :after
            ORDER BY report_id LIMIT :limit
            """,
            after=after,
            limit=limit,
        )
        return [_report(row) for row in rows]

    async def note_access(self, access: Access) -> None:
        await self._do(
            """
            INSERT INTO access (access_id, report_id, member_id, read_by, read_at)
            VALUES (:access_id, :report_id, :member_id, :read_by, :read_at)
            """,
            **{one.name: getattr(access, one.name) for one in fields(access)},
        )

    async def accesses(self, report_id: UUID) -> list[Access]:
        rows = await self._all(
            "SELECT * FROM access WHERE report_id = :report_id ORDER BY access_id", report_id=report_id
        )
        return [Access(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public way to a row's names

    async def withdraw(self, report_id: UUID, *, at: datetime) -> None:
        await self._do(
            "UPDATE report SET withdrawn_at = :at WHERE report_id = :report_id AND withdrawn_at IS NULL",
            report_id=report_id,
            at=at,
        )

    async def reopen(self, report_id: UUID) -> None:
        await self._do(
            "UPDATE report SET withdrawn_at = NULL WHERE report_id = :report_id", report_id=report_id
        )


class ExchangeWork(SqlWork):
    """One transaction of exchange_adapter on PostgreSQL."""

    def __init__(self, session: AsyncSession, moment: Moment) -> None:
        super().__init__(session, moment)
        self.pages = SqlPages(session)
        self.requests = SqlRequests(session)
        self.tickets = SqlTickets(session)
        self.reports = SqlReports(session)
        self.shares = SqlShares(session)

    @asynccontextmanager
    async def acting_for(self, member_id: UUID) -> AsyncIterator[None]:
        """See `ports.Work`. After a database error nothing can be set back, and nothing of it is kept."""
        await set_tenant(self.session, member_id)
        yield
        await set_tenant(self.session, self.moment.tenant)

    async def remember_key(self, key: SigningKeyPublished) -> None:
        """See `ports.Work`."""
        await remember_key(self.session, key)


def _request(row: Row[Any] | None) -> Request:
    if row is None:
        raise Unknown("there is no such request", field="request_id", remedy="ask for a new link")
    return Request(
        request_id=row.request_id,
        member_id=row.member_id,
        state=row.state,
        reference=row.reference,
        term_ends_at=row.term_ends_at,
    )


def _ticket(row: Row[Any]) -> Ticket:
    values = {one.name: getattr(row, one.name) for one in fields(Ticket)}
    return Ticket(**values | {"state": State(row.state), "reasons": tuple(row.reasons)})


def _report(row: Row[Any]) -> Report:
    return Report(**{one.name: getattr(row, one.name) for one in fields(Report)})
