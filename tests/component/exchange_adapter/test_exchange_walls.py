"""A request's tickets, report and accesses are its member's own, whatever a query asks for."""

from uuid import UUID, uuid4

import asyncpg
import pytest
from mrx_exchange_adapter.adapters.tables import AccessRow, ReportRow, RequestRow, TicketRow
from mrx_shared.store.database import Database, count
from sqlalchemy import UpdateBase, delete, func, insert, update
from sqlalchemy.exc import DBAPIError

from tests.component.exchange_adapter.conftest import Asked, Exchange, pdf
from tests.conftest import ServiceDatabase

pytestmark = pytest.mark.live

WALLED = (RequestRow, TicketRow, ReportRow, AccessRow)


@pytest.fixture
async def asked(exchange: Exchange) -> Asked:
    """A request whose report was read."""
    one = await exchange.asked()
    await exchange.upload(one, pdf())
    await exchange.carry_on()
    report_id = (await exchange.page(one)).json()["report"]["report_id"]
    assert (await exchange.link(one.member_id, report_id)).status_code == 201
    return one


async def seen(database: Database, tenant: UUID | None) -> dict[str, int]:
    """How many rows a transaction sees, by table."""
    async with database.transaction(tenant) as (session, _):
        return {table.__name__: await count(session, table) for table in WALLED}


async def test_a_member_sees_its_own_rows_and_another_none(asked: Asked, exchange: Exchange) -> None:
    database = exchange.service.database
    assert set((await seen(database, asked.member_id)).values()) == {1}
    assert set((await seen(database, uuid4())).values()) == {0}


async def test_an_unset_or_empty_tenant_sees_nothing(
    asked: Asked, exchange: Exchange, exchange_database: ServiceDatabase
) -> None:
    assert set((await seen(exchange.service.database, None)).values()) == {0}
    connection = await asyncpg.connect(exchange_database.app)
    try:
        for table in WALLED:
            assert await connection.fetchval(f"SELECT count(*) FROM {table.__tablename__}") == 0
    finally:
        await connection.close()


async def test_the_tenant_does_not_outlive_a_rollback(
    asked: Asked, exchange_database: ServiceDatabase
) -> None:
    connection = await asyncpg.connect(exchange_database.app)
    try:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("SELECT set_config('mrx.tenant', $1, true)", str(asked.member_id))
        assert await connection.fetchval("SELECT count(*) FROM report") == 1
        await transaction.rollback()
        assert await connection.fetchval("SELECT count(*) FROM report") == 0
    finally:
        await connection.close()


async def test_every_table_with_a_members_rows_is_walled_by_force(as_superuser: asyncpg.Connection) -> None:
    rows = await as_superuser.fetch(
        """
        SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE a.attname = 'member_id' AND c.relkind = 'r' AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
        """
    )
    ids_only = {"request_owner", "ticket_schedule", "share_watch"}
    assert {row["relname"] for row in rows} == ids_only


@pytest.mark.parametrize("tenant", [None, uuid4()])
async def test_nobody_writes_a_row_of_another_member(
    tenant: UUID | None, asked: Asked, exchange: Exchange
) -> None:
    database = exchange.service.database
    report = await exchange.superuser.fetchval("SELECT report_id FROM report")
    access = {"access_id": uuid4(), "report_id": report, "member_id": asked.member_id}
    with pytest.raises(DBAPIError, match="row-level security"):
        async with database.transaction(tenant) as (session, _):
            await session.exec(insert(AccessRow).values(**access, read_by="x", read_at=func.now()))
    async with database.transaction(tenant) as (session, _):
        changed = await session.exec(update(ReportRow).values(withdrawn_at=func.now()))
        assert changed.rowcount == 0


async def test_the_service_can_neither_delete_a_report_nor_forget_an_access(
    asked: Asked, exchange: Exchange
) -> None:
    statements: tuple[UpdateBase, ...] = (
        delete(ReportRow),
        delete(AccessRow),
        update(AccessRow).values(read_at=func.now()),
        update(ReportRow).values(sha256=ReportRow.sha256),
        update(TicketRow).values(sha256=TicketRow.sha256),
    )
    for statement in statements:
        with pytest.raises(DBAPIError, match="permission denied"):
            async with exchange.service.database.transaction(asked.member_id) as (session, _):
                await session.exec(statement)


async def test_two_members_that_ask_the_same_supplier_share_nothing(exchange: Exchange) -> None:
    """Each page, each list and each fact is of one request alone."""
    one, other = await exchange.asked(), await exchange.asked()
    await exchange.upload(one, pdf("one"))
    await exchange.carry_on()
    page = (await exchange.page(other)).json()
    assert (page["uploads"], page["report"], page["accesses"]) == ([], None, [])
    assert (await exchange.get_as("member", "/v1/reports", other.member_id)).json() == {"reports": []}
    assert await exchange.said(other.request_id) == []
