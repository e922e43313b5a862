"""A service starts on the schema that it was written for, and on no other."""

import asyncpg
import pytest
from mrx_shared.store.database import Database, SchemaDiffers, check_schema

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
