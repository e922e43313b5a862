"""Kafka, PostgreSQL and SeaweedFS as the local stack starts them."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import asyncpg
import psutil
import pytest
import pytest_asyncio
from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # it re-exports without saying so
    AdminClient,
    NewTopic,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from minio import Minio
from minio.error import S3Error
from mrx_local.infrastructure.seaweedfs import Identity
from mrx_local.stack import Infrastructure
from mrx_local.supervisor import read_stack
from mrx_local.testing import infrastructure

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

READER = Identity(
    name="releases-reader",
    access_key="reader-key",
    secret_key="reader-secret",
    actions=("Read:releases", "List:releases"),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Infrastructure]:
    async with infrastructure(tmp_path_factory.mktemp("servers"), identities=[READER]) as started:
        await asyncio.to_thread(_s3(started).make_bucket, "releases")
        await asyncio.to_thread(_s3(started).make_bucket, "vault")
        yield started


def _kafka(servers: Infrastructure, username: str, password: str) -> AdminClient:
    return AdminClient(
        {
            "bootstrap.servers": servers.kafka.server.bootstrap_servers,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": username,
            "sasl.password": password,
            "log_level": 0,
        }
    )


def _superuser(servers: Infrastructure) -> AdminClient:
    return _kafka(servers, servers.kafka.server.username, servers.kafka.server.password)


def _make_topic(servers: Infrastructure, name: str) -> None:
    admin = _superuser(servers)  # as long as the answer is awaited, somebody has to hold the client
    admin.create_topics([NewTopic(name, 1, 1)])[name].result()


def _s3(servers: Infrastructure, identity: Identity | None = None) -> Minio:
    server = servers.objects.server
    key, secret = (
        (identity.access_key, identity.secret_key) if identity else (server.access_key, server.secret_key)
    )
    return Minio(
        endpoint=server.endpoint.removeprefix("http://"), access_key=key, secret_key=secret, secure=False
    )


async def test_a_kafka_user_signs_in_with_its_password_and_sees_nothing_it_was_not_given(
    servers: Infrastructure,
) -> None:
    await asyncio.to_thread(_make_topic, servers, "mrx.members.v1")
    admin = _superuser(servers)
    upsertion = UserScramCredentialUpsertion(
        "member-a", ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096), b"password-a"
    )
    await asyncio.to_thread(admin.alter_user_scram_credentials([upsertion])["member-a"].result)

    member = _kafka(servers, "member-a", "password-a")
    assert (await asyncio.to_thread(member.list_topics, timeout=10)).topics == {}
    assert "mrx.members.v1" in (await asyncio.to_thread(admin.list_topics, timeout=10)).topics


async def test_kafka_refuses_a_wrong_password_and_who_has_none(servers: Infrastructure) -> None:
    wrong = _kafka(servers, servers.kafka.server.username, "wrong")
    anonymous = AdminClient({"bootstrap.servers": servers.kafka.server.bootstrap_servers, "log_level": 0})
    for client in (wrong, anonymous):
        with pytest.raises(KafkaException):
            await asyncio.to_thread(client.list_topics, timeout=3)


async def test_postgres_lets_its_superuser_in_by_password_alone(servers: Infrastructure) -> None:
    server = servers.postgres.server
    connection = await asyncpg.connect(server.superuser_url)
    try:
        assert (await connection.fetchval("SHOW server_version")).startswith("18.")
        assert await connection.fetchval("SHOW fsync") == "on"
        assert int(await connection.fetchval("SHOW max_connections")) >= 200
        assert await connection.fetchval("SHOW listen_addresses") == "127.0.0.1"
    finally:
        await connection.close()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(host=server.host, port=server.port, user="postgres", password="wrong")


async def test_an_s3_identity_reads_and_writes_its_own_bucket_only(
    servers: Infrastructure, tmp_path: Path
) -> None:
    document = tmp_path / "list.csv"
    document.write_text("entry_id\n", encoding="utf-8")

    writer = servers.servers({}).identities["releases-writer"]

    def use(bucket: str, identity: Identity = writer) -> bytes:
        client = _s3(servers, identity)
        client.fput_object(bucket, "list.csv", str(document))
        answer = client.get_object(bucket, "list.csv")
        try:
            return answer.read()
        finally:
            answer.close()

    assert await asyncio.to_thread(use, "releases") == b"entry_id\n"
    for bucket, identity in (("vault", writer), ("releases", READER)):
        with pytest.raises(S3Error, match="AccessDenied"):
            await asyncio.to_thread(use, bucket, identity)


async def test_nobody_without_a_key_gets_at_the_objects(servers: Infrastructure) -> None:
    ports = json.loads((servers.folder / "ports.json").read_text(encoding="utf-8"))
    s3 = f"http://127.0.0.1:{ports['seaweedfs_s3']}"
    filer = f"http://127.0.0.1:{ports['seaweedfs_filer']}"

    def status(url: str, method: str) -> int:
        try:
            with urlopen(
                Request(url, method=method, data=b"x" if method == "PUT" else None), timeout=10
            ) as answer:
                return int(answer.status)
        except HTTPError as error:
            error.close()
            return error.code

    for url, method in (
        (s3, "GET"),
        (f"{s3}/releases/any", "GET"),
        (f"{s3}/releases/any", "PUT"),
    ):
        assert await asyncio.to_thread(status, url, method) == 403
    for url, method in ((f"{filer}/buckets/releases/any", "PUT"), (f"{filer}/buckets/releases/", "GET")):
        assert await asyncio.to_thread(status, url, method) == 401


async def test_no_password_stands_on_a_command_line_or_in_a_file_that_others_read(
    servers: Infrastructure,
) -> None:
    secrets = json.loads((servers.folder / "secrets.json").read_text(encoding="utf-8"))
    lines = [" ".join(child.cmdline()) for child in psutil.Process().children(recursive=True)]
    assert len(lines) >= 3
    for name, secret in secrets.items():
        assert not [line for line in lines if secret in line], name
        for path in servers.folder.glob("*/*.*"):
            if path.is_file() and secret in path.read_text(encoding="utf-8", errors="replace"):
                assert path.stat().st_mode & 0o077 == 0, path


async def test_a_killed_postgres_is_back_with_every_committed_row(servers: Infrastructure) -> None:
    connection = await asyncpg.connect(servers.postgres.server.superuser_url)
    await connection.execute("CREATE TABLE kept (n int)")
    await connection.execute("INSERT INTO kept VALUES (1)")
    await _kill("postgres", servers)
    connection.terminate()
    assert await _count_kept(servers.postgres.server.superuser_url) == 1


async def test_a_killed_kafka_is_back_with_its_topics(servers: Infrastructure) -> None:
    await asyncio.to_thread(_make_topic, servers, "mrx.kept.v1")
    await _kill("kafka", servers)
    assert "mrx.kept.v1" in (await asyncio.to_thread(_superuser(servers).list_topics, timeout=10)).topics


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
async def test_data_ports_and_passwords_survive_a_restart_whatever_the_name_of_the_folder(
    locale: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", locale)
    folder = tmp_path / "x y ü" / 'it\'s, "so"'
    async with infrastructure(folder) as first:
        connection = await asyncpg.connect(first.postgres.server.superuser_url)
        await connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
        await connection.close()
        await asyncio.to_thread(_s3(first).make_bucket, "releases")
        await asyncio.to_thread(_make_topic, first, "mrx.registry.v1")
        servers_before = (first.kafka.server, first.postgres.server, first.objects.server)
    async with infrastructure(folder) as second:
        assert (second.kafka.server, second.postgres.server, second.objects.server) == servers_before
        assert await _count_kept(second.postgres.server.superuser_url) == 1
        assert await asyncio.to_thread(_s3(second).bucket_exists, "releases")
        assert (
            "mrx.registry.v1" in (await asyncio.to_thread(_superuser(second).list_topics, timeout=10)).topics
        )
    assert [list(path.iterdir()) for path in (tmp_path, folder.parent)] == [[folder.parent], [folder]]


async def _count_kept(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM kept"))
    finally:
        await connection.close()


async def _kill(name: str, servers: Infrastructure) -> None:
    def entry() -> dict[str, Any]:
        return next(one for one in read_stack(servers.folder)["processes"] if one["name"] == name)

    killed = entry()["pid"]
    os.kill(killed, signal.SIGKILL)
    async with asyncio.timeout(60):
        while entry()["pid"] in {killed, None} or entry()["ready_s"] is None:  # noqa: ASYNC110 - another task's file
            await asyncio.sleep(0.05)
