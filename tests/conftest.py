"""Servers that tests share; each starts once a session, on loopback, and only when a test asks for it."""

import asyncio
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from mrx_local.infrastructure.postgres import PostgresServer
from mrx_local.testing import postgres_server
from mrx_shared.store import migrations
from mrx_shared.store.roles import ensure_database

pytest.register_assert_rewrite("tests.component.tenants")

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, kw_only=True)
class ServiceDatabase:
    """A fresh database of one service: a URL for each of its roles."""

    service: str
    superuser_url: str
    urls: dict[str, str]

    @property
    def owner(self) -> str:
        return self.urls["owner"]

    @property
    def app(self) -> str:
        return self.urls["app"]

    @property
    def relay(self) -> str:
        return self.urls["relay"]


MakeDatabase = Callable[..., ServiceDatabase]


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A real PostgreSQL 18."""
    with postgres_server(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(scope="session")
def make_database(postgres: PostgresServer) -> MakeDatabase:
    """Make a fresh database with the roles of a service and, unless told not to, its migrations.

    Roles belong to the whole server and are named in migrations, so every database of a service shares them.
    """
    password = secrets.token_hex(8)

    def make(service: str, *extra_roles: str, migrate: bool = True) -> ServiceDatabase:
        name = f"{service}_{secrets.token_hex(4)}"
        host = f"{postgres.host}:{postgres.port}"
        urls = {
            role: f"postgresql://{service}_{role}:{password}@{host}/{name}"
            for role in ("owner", "app", "relay", *extra_roles)
        }
        owner, *others = urls.values()
        asyncio.run(ensure_database(postgres.superuser_url, owner, *others))
        database = ServiceDatabase(
            service=service,
            superuser_url=postgres.superuser_url.rsplit("/", 1)[0] + f"/{name}",
            urls=urls,
        )
        if migrate:
            migrations.upgrade(ROOT / "services" / service / "migrations", owner)
        return database

    return make
