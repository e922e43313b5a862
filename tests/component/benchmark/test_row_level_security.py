"""A member's protocols, answers and verdicts are its own, whatever a query asks for."""

from uuid import UUID, uuid4

import asyncpg
import pytest
from mrx_shared.store.database import Database
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.component.benchmark.conftest import As
from tests.component.benchmark.test_assessment_over_http import every, judged, made, protocol_of, submitted
from tests.conftest import ServiceDatabase

pytestmark = pytest.mark.live

WALLED = ("protocol", "protocol_version", "assessment", "answer", "decision", "verdict", "draft", "evidence")


@pytest.fixture
async def owner(call_as: As) -> UUID:
    """A member with a concluded assessment, in a database with a public protocol."""
    member_id = uuid4()
    await protocol_of(call_as("secretariat"), code="SMETA", public=True)
    member = call_as("member", member_id)
    protocol_id = await protocol_of(member)
    await made(await member.send(f"/v1/protocols/{protocol_id}/evidence", b"notes", file_name="notes.txt"))
    draft = f"/v1/protocols/{protocol_id}/versions/1/drafts/6.0-4p"
    await made(await member.post(draft, {"answers": every("subset")}), 200)
    assessment = await submitted(member, protocol_id, every("equal"))
    path = f"/v1/assessments/{assessment['assessment_id']}"
    reviewer = await judged(path, call_as)
    await made(await reviewer.post(f"{path}/conclusion"), 200)
    return member_id


async def seen(database: Database, tenant: UUID | None) -> dict[str, int]:
    """How many of a member's own rows a transaction sees, by table."""
    async with database.transaction(tenant) as (session, _):
        return {
            table: (
                await session.execute(text(f"SELECT count(*) FROM {table} WHERE member_id IS NOT NULL"))
            ).scalar_one()
            for table in WALLED
        }


async def test_a_member_sees_its_own_rows_and_another_none(owner: UUID, database: Database) -> None:
    assert all(count > 0 for count in (await seen(database, owner)).values())
    assert set((await seen(database, uuid4())).values()) == {0}


async def test_an_unset_or_empty_tenant_sees_no_members_rows(
    owner: UUID, database: Database, benchmark_database: ServiceDatabase
) -> None:
    assert set((await seen(database, None)).values()) == {0}
    connection = await asyncpg.connect(benchmark_database.app)
    try:
        for table in WALLED:
            assert await connection.fetchval(f"SELECT count(*) FROM {table} WHERE member_id IS NOT NULL") == 0
    finally:
        await connection.close()


async def test_the_tenant_does_not_outlive_a_rollback(
    owner: UUID, benchmark_database: ServiceDatabase
) -> None:
    connection = await asyncpg.connect(benchmark_database.app)
    try:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("SELECT set_config('mrx.tenant', $1, true)", str(owner))
        assert await connection.fetchval("SELECT count(*) FROM answer") == 91
        await transaction.rollback()
        assert await connection.fetchval("SELECT count(*) FROM answer") == 0
    finally:
        await connection.close()


async def test_every_table_with_a_members_rows_is_walled_by_force(as_superuser: asyncpg.Connection) -> None:
    rows = await as_superuser.fetch(
        """
        SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE a.attname = 'member_id' AND c.relkind = 'r' AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
        """
    )
    ids_only = {"protocol_owner", "assessment_owner", "member_group", "reviewer_tie"}
    assert {row["relname"] for row in rows} == ids_only


@pytest.mark.parametrize("tenant", [None, uuid4()])
async def test_nobody_writes_a_row_of_another_member(
    tenant: UUID | None, owner: UUID, database: Database, as_superuser: asyncpg.Connection
) -> None:
    protocol_id = await as_superuser.fetchval("SELECT protocol_id FROM protocol WHERE member_id = $1", owner)
    with pytest.raises(DBAPIError, match="row-level security"):
        async with database.transaction(tenant) as (session, _):
            await session.execute(
                text("INSERT INTO protocol_version VALUES (:id, '9', :owner, '2020-01-01', NULL, now())"),
                {"id": protocol_id, "owner": owner},
            )
    async with database.transaction(tenant) as (session, _):
        changed = await session.execute(text("UPDATE assessment SET state = 'submitted' RETURNING 1"))
        assert changed.all() == []


async def test_a_member_reads_public_rows_and_cannot_add_to_them(owner: UUID, database: Database) -> None:
    async with database.transaction(owner) as (session, _):
        public = (
            await session.execute(text("SELECT protocol_id FROM protocol WHERE member_id IS NULL"))
        ).one()
    with pytest.raises(DBAPIError, match="row-level security"):
        async with database.transaction(owner) as (session, _):
            await session.execute(
                text("INSERT INTO protocol_version VALUES (:id, '9', NULL, '2020-01-01', NULL, now())"),
                {"id": public.protocol_id},
            )
