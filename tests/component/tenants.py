"""What keeps members apart in PostgreSQL: one suite for every service that keeps a member's confidential rows."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.conftest import ServiceDatabase

SET_TENANT = "SELECT set_config('mrx.tenant', $1, true)"
NOBODY = (None, "", str(uuid4()))
"""the tenant not set, empty, or another member"""


@dataclass(frozen=True, kw_only=True)
class Tenant:
    """A member that has rows in every confidential table of a service."""

    member_id: UUID
    database: ServiceDatabase


class MembersApart:
    """A service's test class derives from this one, names its tables and gives a `tenant`."""

    confidential: ClassVar[Mapping[str, str]]
    """Each table with a member's confidential rows, and its column that names the member."""
    open_to_all: ClassVar[frozenset[str]]
    """Tables that name a member and have no row-level security: what they hold is no secret, or grants guard it."""
    insert: ClassVar[str]
    """A statement that adds a row of member $1."""
    update: ClassVar[str]
    """A statement that changes every row it sees of a confidential table."""

    @pytest.fixture
    async def tenant(self) -> Tenant:
        raise NotImplementedError

    async def test_a_member_sees_its_own_rows_and_nobody_else_any(self, tenant: Tenant) -> None:
        none = dict.fromkeys(self.confidential, 0)
        async with as_app(tenant) as connection:
            for nobody in NOBODY:
                async with rolled_back(connection, nobody):
                    assert await self._rows(connection) == none
            async with rolled_back(connection, str(tenant.member_id)):
                assert all((await self._rows(connection)).values())
            assert await self._rows(connection) == none, "the tenant outlived its transaction"

    async def test_every_table_that_names_a_member_is_closed_by_force(self, tenant: Tenant) -> None:
        connection = await asyncpg.connect(tenant.database.superuser_url)
        try:
            rows = await connection.fetch(
                """
                SELECT DISTINCT c.relname, c.relrowsecurity AND c.relforcerowsecurity AS closed
                FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
                WHERE a.attname = ANY ($1) AND c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
                """,
                list({"member_id", *self.confidential.values()}),
            )
        finally:
            await connection.close()
        assert {row["relname"] for row in rows if not row["closed"]} == self.open_to_all
        assert self.confidential.keys() <= {row["relname"] for row in rows if row["closed"]}

    async def test_nobody_writes_a_row_of_another_member(self, tenant: Tenant) -> None:
        async with as_app(tenant) as connection:
            async with rolled_back(connection, str(tenant.member_id)):
                assert await connection.execute(self.insert, tenant.member_id) == "INSERT 0 1"
                assert await connection.execute(self.update) != "UPDATE 0"
            for nobody in NOBODY:
                async with rolled_back(connection, nobody):
                    assert await connection.execute(self.update) == "UPDATE 0"
                    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
                        await connection.execute(self.insert, tenant.member_id)

    async def _rows(self, connection: asyncpg.Connection) -> dict[str, int]:
        """How many rows of members the connection sees, by table."""
        return {
            table: await connection.fetchval(f"SELECT count({column}) FROM {table}")
            for table, column in self.confidential.items()
        }


@asynccontextmanager
async def as_app(tenant: Tenant) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the service's own role."""
    connection = await asyncpg.connect(tenant.database.app)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def rolled_back(connection: asyncpg.Connection, tenant: str | None) -> AsyncIterator[None]:
    """A transaction for a tenant, and its end without effect."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        if tenant is not None:
            await connection.execute(SET_TENANT, tenant)
        yield
    finally:
        await transaction.rollback()
