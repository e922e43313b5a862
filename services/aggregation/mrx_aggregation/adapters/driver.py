"""The driver under a session, for COPY, arrays and many rows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from mrx_shared.store.database import open_session
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import literal, select
from sqlmodel.ext.asyncio.session import AsyncSession


async def driver_of(session: AsyncSession) -> asyncpg.Connection:
    """The driver's own connection. It is in the session's transaction once a statement of the session has run."""
    connection = await session.connection()
    driver = (await connection.get_raw_connection()).driver_connection
    assert isinstance(driver, asyncpg.Connection)
    return driver


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[tuple[AsyncSession, asyncpg.Connection]]:
    """A transaction, as a session and as the driver see it. Commits at the end."""
    async with open_session(engine) as session, session.begin():
        await session.exec(select(literal(1)))
        yield session, await driver_of(session)
