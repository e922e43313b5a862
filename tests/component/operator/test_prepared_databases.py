"""`mrx operator prepare --only databases` on an empty PostgreSQL of its own, with the project's own services."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from mrx_local.infrastructure.postgres import PostgresServer
from mrx_local.testing import postgres_server
from mrx_operator.adapters import tree
from mrx_operator.app import app
from mrx_shared.kit.command import run

ROOT = Path(__file__).resolve().parents[3]
SERVICES = tree.services_with_databases(ROOT)
PREPARE = ["prepare", "--root", str(ROOT), "--only", "databases", "--wait", "10"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with postgres_server(tmp_path_factory.mktemp("empty")) as server:
        yield server


@pytest.fixture
def environment(server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MRX_PREPARE_POSTGRES_URL", server.superuser_url)
    for service in SERVICES:
        for role, variable in (("owner", "OWNER_"), ("app", ""), ("relay", "RELAY_")):
            monkeypatch.setenv(f"MRX_{service.upper()}_{variable}DATABASE_URL", url(server, service, role))
    for role in ("resolver", "writer"):
        variable = f"MRX_AGGREGATION_{role.upper()}_DATABASE_URL"
        monkeypatch.setenv(variable, url(server, "aggregation", role))


def url(server: PostgresServer, service: str, role: str, password: str = "first") -> str:
    return f"postgresql://{service}_{role}:{password}@{server.host}:{server.port}/{service}"


async def ask(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


@pytest.mark.usefixtures("environment")
def test_an_empty_server_is_prepared_for_every_service_as_often_as_asked(server: PostgresServer) -> None:
    for _ in range(2):
        assert run(app, PREPARE) == 0
    for service in SERVICES:
        relay = url(server, service, "relay")
        assert asyncio.run(ask(relay, "SELECT count(*) FROM outbox")) is not None
        app_role = url(server, service, "app")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            asyncio.run(ask(app_role, "CREATE TABLE public.mine (a int)"))


@pytest.mark.usefixtures("environment")
def test_a_service_cannot_enter_anothers_database(server: PostgresServer) -> None:
    assert run(app, PREPARE) == 0
    stranger = url(server, "registry", "app").rsplit("/", 1)[0] + "/benchmark"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        asyncio.run(ask(stranger, "SELECT 1"))


@pytest.mark.usefixtures("environment")
def test_a_new_password_is_set(server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(app, PREPARE) == 0
    renewed = url(server, "registry", "app", password="second")
    monkeypatch.setenv("MRX_REGISTRY_DATABASE_URL", renewed)
    assert run(app, PREPARE) == 0
    assert asyncio.run(ask(renewed, "SELECT 1")) == 1
    with pytest.raises(asyncpg.InvalidPasswordError):
        asyncio.run(ask(url(server, "registry", "app"), "SELECT 1"))


@pytest.mark.usefixtures("environment")
def test_a_wrong_superuser_is_bad_input_and_is_named(
    server: PostgresServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(
        "MRX_PREPARE_POSTGRES_URL", f"postgresql://postgres:wrong@{server.host}:{server.port}/postgres"
    )
    assert run(app, PREPARE) == 2
    assert "MRX_PREPARE_POSTGRES_URL" in capsys.readouterr().err


@pytest.mark.usefixtures("environment")
def test_a_server_that_does_not_answer_is_the_infrastructures_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MRX_PREPARE_POSTGRES_URL", "postgresql://postgres:x@127.0.0.1:1/postgres")
    assert run(app, [*PREPARE[:-1], "0"]) == 3


@pytest.mark.usefixtures("environment")
def test_a_variable_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MRX_AGGREGATION_WRITER_DATABASE_URL")
    with pytest.raises(SystemExit, match="2"):
        run(app, PREPARE)
    assert "MRX_AGGREGATION_WRITER_DATABASE_URL" in capsys.readouterr().err
