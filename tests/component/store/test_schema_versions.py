"""A service starts on the schema that it was written for, and on no other."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import asyncpg
import pytest
from mrx_shared.bus.service import Loop, assemble, serve
from mrx_shared.bus.work import SqlWork
from mrx_shared.kit.http import build_api
from mrx_shared.kit.settings import KafkaSettings, ServiceSettings
from mrx_shared.store.database import Database, SchemaDiffers, check_schema
from pydantic import SecretStr
from sqlmodel.ext.asyncio.session import AsyncSession
from typing_extensions import override

from tests.conftest import MakeDatabase, ServiceDatabase

pytestmark = pytest.mark.live


@pytest.fixture
def migrated(make_database: MakeDatabase) -> ServiceDatabase:
    """Notification's database, as its migrations make it."""
    return make_database("notification")


async def at_version(database: ServiceDatabase, statement: str) -> None:
    """Change what the database says of its schema."""
    connection = await asyncpg.connect(database.superuser_url)
    await connection.execute(statement)
    await connection.close()


async def checked(database: ServiceDatabase, needed: str) -> str:
    """What the start-up says, or nothing."""
    opened = Database(database.app, database.relay)
    try:
        await check_schema(opened, needed, service="notification")
    except SchemaDiffers as error:
        return str(error)
    finally:
        await opened.close()
    return ""


async def test_the_version_that_the_program_needs_is_let_pass(migrated: ServiceDatabase) -> None:
    await at_version(migrated, "UPDATE alembic_version SET version_num = '0007'")
    assert await checked(migrated, "0007") == ""


async def test_a_database_behind_names_both_versions_and_the_migrations(migrated: ServiceDatabase) -> None:
    await at_version(migrated, "UPDATE alembic_version SET version_num = '0006'")
    said = await checked(migrated, "0007")
    assert "schema is at version 0006, and this program needs version 0007" in said
    assert "migrations" in said


async def test_a_database_ahead_names_both_versions_and_asks_for_a_newer_program(
    migrated: ServiceDatabase,
) -> None:
    await at_version(migrated, "UPDATE alembic_version SET version_num = '0008'")
    said = await checked(migrated, "0007")
    assert "schema is at version 0008, and this program needs version 0007" in said
    assert "newer program" in said


@pytest.mark.parametrize("statement", ["DROP TABLE alembic_version", "DELETE FROM alembic_version"])
async def test_a_database_without_a_version_asks_for_migrations(
    migrated: ServiceDatabase, statement: str
) -> None:
    await at_version(migrated, statement)
    said = await checked(migrated, "0007")
    assert "version none, and this program needs version 0007; run its migrations first" in said


class AwayAtFirst(Database):
    """A database that is away when its service starts, and back at the next look."""

    looks = 0

    @asynccontextmanager
    @override
    async def relay_transaction(self) -> AsyncIterator[tuple[AsyncSession, datetime]]:
        self.looks += 1
        if self.looks == 1:
            raise ConnectionRefusedError
        async with super().relay_transaction() as opened:
            yield opened


async def test_a_database_that_comes_back_with_another_schema_ends_the_service_before_it_works(
    migrated: ServiceDatabase,
) -> None:
    await at_version(migrated, "UPDATE alembic_version SET version_num = '0008'")
    settings = ServiceSettings(
        http_port=1,
        database_url=SecretStr(migrated.app),
        relay_database_url=SecretStr(migrated.relay),
        kafka_username="svc-notification",
        kafka_password=SecretStr("unused"),
    )
    kafka = KafkaSettings(bootstrap_servers="127.0.0.1:9", security_protocol="SASL_PLAINTEXT")
    database = AwayAtFirst(migrated.app, migrated.relay)
    api = build_api(service="notification", title="notification", description="under test")
    service = assemble(settings, SqlWork, api=api, schema="0007", database=database)
    worked, told_to_end = [], asyncio.Event()

    async def work() -> bool:
        worked.append(True)
        return False

    service.loops.append(Loop(name="work", once=work, every_s=0.01))
    served = serve(service, settings, kafka)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, told_to_end.set)
    try:
        async with asyncio.timeout(10), served.router.lifespan_context(served):
            await told_to_end.wait()
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
    assert (database.looks, worked) == (2, [])
