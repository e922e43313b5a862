"""Sessions of one service's PostgreSQL database; the tenant is set inside each transaction."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import ColumnElement, Text, column, func, text
from sqlalchemy import select as sa_select
from sqlalchemy import table as sa_table
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel import SQLModel, select
from sqlmodel.ext.asyncio.session import AsyncSession

from mrx_shared.kit.settings import ServiceSettings

_BEGIN = text("SELECT set_config('mrx.tenant', :tenant, true), now()")
# Every read shows what the database holds now: nothing is kept from a read before, and updates change no object.
_READ = {"populate_existing": True, "synchronize_session": False}


def engine(url: SecretStr | str, *, pool_size: int = 5) -> AsyncEngine:
    """An engine for a `postgresql://` URL. It opens nothing yet, and no error of it shows a parameter."""
    secret = url.get_secret_value() if isinstance(url, SecretStr) else url
    return create_async_engine(
        secret.replace("postgresql://", "postgresql+asyncpg://", 1),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        pool_timeout=10,
        hide_parameters=True,
        connect_args={"timeout": 5, "command_timeout": 120},
    )


class Database:
    """Two roles of one database: `app` under row-level security, and `relay`, which sees delivery tables alone."""

    def __init__(
        self,
        app_url: SecretStr | str,
        relay_url: SecretStr | str,
        *,
        clock_offset: timedelta = timedelta(0),
    ) -> None:
        self.app = engine(app_url)
        self.relay = engine(relay_url, pool_size=3)
        self._offset = clock_offset

    @classmethod
    def of(cls, settings: ServiceSettings) -> "Database":
        """The database that a service's settings name."""
        return cls(settings.database_url, settings.relay_database_url, clock_offset=settings.clock_offset)

    @asynccontextmanager
    async def transaction(self, tenant: UUID | None) -> AsyncIterator[tuple[AsyncSession, datetime]]:
        """One transaction as `app` for a tenant, or for none; and its moment, UTC. Commits at the end."""
        async with open_session(self.app) as session, session.begin():
            yield session, await begin(session, tenant, self._offset)

    @asynccontextmanager
    async def relay_transaction(self) -> AsyncIterator[tuple[AsyncSession, datetime]]:
        """One transaction as `relay`; and its moment, UTC. Commits at the end."""
        async with open_session(self.relay) as session, session.begin():
            yield session, await begin(session, None, self._offset)

    async def close(self) -> None:
        """Close every connection."""
        await self.app.dispose()
        await self.relay.dispose()


class SchemaDiffers(Exception):
    """A database's schema is not the one that the program was written for."""


async def check_schema(database: Database, needed: str, *, service: str) -> None:
    """Raise `SchemaDiffers`, with both versions, unless the database's migrations ended at the version needed."""
    version = sa_table("alembic_version", column("version_num", Text))
    try:
        async with database.relay_transaction() as (session, _):
            connection = await session.connection()
            found: str | None = (
                await connection.execute(sa_select(version.c.version_num))
            ).scalar_one_or_none()
    except ProgrammingError:  # no such table, or one that may not be read: from before this was checked
        found = None
    if found == needed:
        return
    remedy = (
        "start a newer program, or restore the database of this one"
        if found is not None and found > needed
        else "run its migrations first, with `mrx operator prepare`"
    )
    raise SchemaDiffers(
        f"{service}: the database's schema is at version {found or 'none'}, and this program needs version {needed}; "
        f"{remedy}"
    )


async def count(session: AsyncSession, table: type[SQLModel], *where: ColumnElement[bool]) -> int:
    """How many rows there are in a table, or of them those that fulfil conditions."""
    return (await session.exec(select(func.count()).select_from(table).where(*where))).one()


def open_session(bind: AsyncEngine) -> AsyncSession:
    """A session for statements. It writes nothing by itself and remembers nothing between statements."""
    return AsyncSession(bind, autoflush=False, expire_on_commit=False, execution_options=_READ)


async def begin(session: AsyncSession, tenant: UUID | None, offset: timedelta) -> datetime:
    """Set the transaction's tenant, and read its moment from the database's clock."""
    return (await set_tenant(session, tenant)).astimezone(UTC) + offset


async def set_tenant(session: AsyncSession, tenant: UUID | None) -> datetime:
    """Go on with this transaction as another tenant, which ends with it. Returns when the transaction began."""
    connection = await session.connection()
    row = (await connection.execute(_BEGIN, {"tenant": str(tenant) if tenant else ""})).one()
    moment: datetime = row[1]
    return moment
