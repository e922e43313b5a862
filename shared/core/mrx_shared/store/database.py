"""Sessions of one service's PostgreSQL database; the tenant is set inside each transaction."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

_BEGIN = text("SELECT set_config('mrx.tenant', :tenant, true), now()")


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

    @asynccontextmanager
    async def transaction(self, tenant: UUID | None) -> AsyncIterator[tuple[AsyncSession, datetime]]:
        """One transaction as `app` for a tenant, or for none; and its moment, UTC. Commits at the end."""
        async with AsyncSession(self.app, expire_on_commit=False) as session, session.begin():
            yield session, await begin(session, tenant, self._offset)

    @asynccontextmanager
    async def relay_transaction(self) -> AsyncIterator[tuple[AsyncSession, datetime]]:
        """One transaction as `relay`; and its moment, UTC. Commits at the end."""
        async with AsyncSession(self.relay, expire_on_commit=False) as session, session.begin():
            yield session, await begin(session, None, self._offset)

    async def close(self) -> None:
        """Close every connection."""
        await self.app.dispose()
        await self.relay.dispose()


async def begin(session: AsyncSession, tenant: UUID | None, offset: timedelta) -> datetime:
    """Set the transaction's tenant, and read its moment from the database's clock."""
    row = (await session.execute(_BEGIN, {"tenant": str(tenant) if tenant else ""})).one()
    moment: datetime = row[1]
    return moment.astimezone(UTC) + offset


async def set_tenant(session: AsyncSession, tenant: UUID | None) -> None:
    """Go on with this transaction as another tenant. The setting ends with the transaction."""
    await session.execute(_BEGIN, {"tenant": str(tenant) if tenant else ""})
