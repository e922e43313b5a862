"""Alembic for one service: run as the database's owner, in the order of its versions."""

import asyncio
from pathlib import Path

from alembic import command, context, op
from alembic.config import Config
from sqlalchemy import Connection, text

from mrx_shared.store.database import engine

ADVISORY_LOCK = 0x6D7278


def upgrade(folder: Path, owner_url: str) -> None:
    """Bring a database to the newest version in `folder`. Repeatable; two runs at once wait for each other.

    Not to be called inside a running event loop.
    """
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.attributes["owner_url"] = owner_url
    command.upgrade(config, "head")


def run_environment() -> None:
    """What a service's `migrations/env.py` does, all of it."""
    asyncio.run(_run(context.config.attributes["owner_url"]))


def script(sql: str) -> None:
    """Execute several statements in the migration's transaction. For use in a version's `upgrade`."""
    bind = op.get_bind()
    bind.execute(text("SELECT 1"))  # the driver begins its transaction with the first statement
    bind.connection.dbapi_connection.run_async(lambda driver: driver.execute(sql))  # type: ignore[union-attr]


async def _run(url: str) -> None:
    owner = engine(url, pool_size=1)
    try:
        async with owner.connect() as connection:
            await connection.run_sync(_migrate)
            await connection.commit()
    finally:
        await owner.dispose()


def _migrate(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
    # Each service compares it with the version that it needs before it starts.
    connection.execute(text("GRANT SELECT ON alembic_version TO PUBLIC"))
