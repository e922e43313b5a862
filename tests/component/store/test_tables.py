"""The table classes of every service say what its migrations made."""

import importlib
import re
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from mrx_shared.store.database import engine
from mrx_shared.store.tables import DeliveryTable
from sqlalchemy import Connection, MetaData, text

from tests.conftest import ROOT, MakeDatabase, ServiceDatabase

pytestmark = pytest.mark.live

T = TypeVar("T")
Catalogue = dict[str, list[tuple[Any, ...]]]
ROLES = {"aggregation": ("resolver", "writer")}
SERVICES = sorted(path.parent.name for path in (ROOT / "services").glob("*/migrations"))
QUESTIONS = {
    "columns": """
        SELECT table_name, column_name, data_type, udt_name, is_nullable, column_default, identity_generation
        FROM information_schema.columns WHERE table_schema = 'public'
        """,
    "constraints": """
        SELECT conrelid::regclass::text, contype::text, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND contype <> 'n' AND conrelid <> 0
        """,
    "indexes": "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'",
}


def metadata_of(service: str) -> list[MetaData]:
    """The tables of a service: those of delivery, and its own."""
    tables = importlib.import_module(f"mrx_{service}.adapters.tables")
    return [DeliveryTable.metadata, tables.Table.metadata]


async def ask(url: str, question: Callable[[Connection], T]) -> T:
    """Ask a database in a transaction."""
    opened = engine(url, pool_size=1)
    try:
        async with opened.begin() as connection:
            return await connection.run_sync(question)
    finally:
        await opened.dispose()


def catalogue(connection: Connection) -> Catalogue:
    """What PostgreSQL says about its tables; unique constraints' own indexes without their names."""
    found = {}
    for what, question in QUESTIONS.items():
        rows = [tuple(row) for row in connection.execute(text(question)) if row[0] != "alembic_version"]
        found[what] = sorted(
            tuple(re.sub(r"INDEX \S+_(?:key|pkey)\d* ", "INDEX ", str(cell)) for cell in row) for row in rows
        )
    return found


@pytest.fixture(params=SERVICES)
def migrated(request: pytest.FixtureRequest, make_database: MakeDatabase) -> ServiceDatabase:
    """A database as the migrations make it."""
    return make_database(request.param, *ROLES.get(request.param, ()))


@pytest.fixture
def empty(migrated: ServiceDatabase, make_database: MakeDatabase) -> ServiceDatabase:
    """Another database of the same service, with nothing in it."""
    return make_database(migrated.service, *ROLES.get(migrated.service, ()), migrate=False)


async def test_alembic_finds_no_difference(migrated: ServiceDatabase) -> None:
    def differences(connection: Connection) -> list[Any]:
        options = {"compare_type": True, "compare_server_default": True, "include_name": _of_ours}
        context = MigrationContext.configure(connection, opts=options)
        together = MetaData()
        for metadata in metadata_of(migrated.service):
            for table in metadata.tables.values():
                table.to_metadata(together)
        found: list[Any] = compare_metadata(context, together)
        return found

    assert await ask(migrated.owner, differences) == []


async def test_the_catalogue_is_that_of_tables_made_from_the_classes(
    migrated: ServiceDatabase, empty: ServiceDatabase
) -> None:
    """Checks, keys, identities and defaults, too, which Alembic does not compare."""

    def create(connection: Connection) -> None:
        for metadata in metadata_of(empty.service):
            metadata.create_all(connection)

    await ask(empty.owner, create)
    assert await ask(empty.owner, catalogue) == await ask(migrated.owner, catalogue)


def test_the_schema_that_a_service_needs_is_that_of_its_newest_migration() -> None:
    for service in SERVICES:
        newest = max((ROOT / "services" / service / "migrations" / "versions").glob("*.py")).name[:4]
        assert newest == importlib.import_module(f"mrx_{service}.adapters.tables").SCHEMA, service


def _of_ours(name: str | None, kind: str, _: object) -> bool:
    return (kind, name) != ("table", "alembic_version")
