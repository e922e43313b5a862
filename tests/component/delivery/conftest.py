"""A service that does nothing but count, on a real database, to watch delivery itself."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID, uuid4

import asyncpg
import pytest
from mrx_shared.bus.dead_letters import Record
from mrx_shared.bus.once import Once
from mrx_shared.bus.schema import delivery_v1
from mrx_shared.bus.subscriptions import Subscriptions
from mrx_shared.bus.work import Moment, SqlWork
from mrx_shared.messages.envelope import Envelope, Message, encode
from mrx_shared.store.database import Database
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from tests.conftest import MakeDatabase, ServiceDatabase

TABLE = """
CREATE TABLE tally (name text PRIMARY KEY, count integer NOT NULL);
GRANT SELECT, INSERT, UPDATE ON tally TO tallying_app;
CREATE TABLE alembic_version (version_num text PRIMARY KEY);
INSERT INTO alembic_version VALUES ('0001');
GRANT SELECT ON alembic_version TO PUBLIC;
"""


class Counted(Message):
    """Something was counted."""

    type: ClassVar[str] = "mrx.tallying.counted.v1"
    subject_is: ClassVar[str] = "name"

    name: str
    count: int = 0


class TallyWork(SqlWork):
    """Counts by name."""

    def __init__(self, session: AsyncSession, moment: Moment) -> None:
        super().__init__(session, moment)

    async def count(self, name: str) -> int:
        """Count once more. Returns how often."""
        counted = await (await self.session.connection()).execute(
            text(
                "INSERT INTO tally AS t VALUES (:name, 1)"
                " ON CONFLICT (name) DO UPDATE SET count = t.count + 1 RETURNING count"
            ),
            {"name": name},
        )
        return int(counted.scalar_one())


@pytest.fixture(scope="session")
def tally_database(make_database: MakeDatabase) -> ServiceDatabase:
    """The database, its delivery tables and one table of its own."""
    made = make_database("tallying", migrate=False)

    async def create() -> None:
        connection = await asyncpg.connect(made.owner)
        await connection.execute(delivery_v1("tallying") + TABLE)
        await connection.close()

    asyncio.run(create())
    return made


@pytest.fixture
async def database(tally_database: ServiceDatabase) -> AsyncIterator[Database]:
    """The database, emptied."""
    connection = await asyncpg.connect(tally_database.superuser_url)
    await connection.execute(
        "TRUNCATE outbox, outbox_version, inbox, dead_letter, waiting, idempotency, token_key, tally"
    )
    await connection.close()
    opened = Database(tally_database.app, tally_database.relay)
    yield opened
    await opened.close()


@pytest.fixture
def once(database: Database) -> Once[TallyWork]:
    """Handlers of the tallying service run through this."""
    return Once(database, TallyWork, service="tallying")


@pytest.fixture
def subscriptions(once: Once[TallyWork]) -> Subscriptions[TallyWork]:
    """What the tallying service listens to."""
    return Subscriptions(once)


def event(
    name: str = "x", *, event_id: UUID | None = None, count: int = 0, source: str = "/elsewhere"
) -> bytes:
    """One event as bytes."""
    return encode(
        Envelope(
            id=event_id or uuid4(),
            source=source,
            type=Counted.type,
            subject=name,
            time=datetime(2026, 6, 30, tzinfo=UTC),
            data=Counted(name=name, count=count),
            correlationid="a-correlation-id",
            sequence=1,
        )
    )


def record(payload: bytes, *, topic: str = "mrx.elsewhere.v1", offset: int = 0) -> Record:
    """One record as it would lie on Kafka."""
    return Record(topic=topic, partition=0, offset=offset, payload=payload)
