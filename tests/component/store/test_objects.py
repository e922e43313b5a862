"""Object storage: the port's promises, in memory and on a real SeaweedFS; and what only a real one can show."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from mrx_local.infrastructure.seaweedfs import Identity, ObjectServer
from mrx_local.testing import infrastructure
from mrx_shared.refusals import Unavailable
from mrx_shared.store.objects import S3Objects, ensure_bucket, refuses_strangers
from mrx_shared.testing.objects import MemoryObjects
from mrx_shared.testing.suites import objects_keep_their_promises
from pydantic import SecretStr

WRITER = Identity(
    name="writer",
    access_key="writer-key",
    secret_key="writer-secret-of-a-test",
    actions=("Read:releases", "Write:releases", "List:releases"),
)


def bucket(server: ObjectServer, identity: Identity = WRITER, *, name: str = "releases") -> S3Objects:
    return S3Objects(
        endpoint=server.endpoint,
        public_url=server.endpoint,
        access_key=identity.access_key,
        secret_key=SecretStr(identity.secret_key),
        bucket=name,
        timeout_s=5,
    )


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ObjectServer]:
    async with infrastructure(tmp_path, parts={"objects"}, identities=[WRITER]) as servers:
        found = servers.objects.server
        await ensure_bucket(
            endpoint=found.endpoint,
            access_key=found.access_key,
            secret_key=SecretStr(found.secret_key),
            bucket="releases",
        )
        yield found


async def test_a_bucket_in_memory_keeps_the_ports_promises() -> None:
    await objects_keep_their_promises(MemoryObjects())


@pytest.mark.live
async def test_a_real_bucket_keeps_the_ports_promises_and_shuts_strangers_out(server: ObjectServer) -> None:
    releases = bucket(server)
    await objects_keep_their_promises(releases)
    assert await refuses_strangers(server.endpoint, "releases")

    link = await releases.link("one/a.txt", file_name="report.txt", lasting=timedelta(seconds=60))
    async with httpx.AsyncClient(trust_env=False) as client:
        fetched = await client.get(link)
        assert (fetched.status_code, fetched.content) == (200, b"first")
        assert fetched.headers["content-disposition"] == 'attachment; filename="report.txt"'
        altered = await client.get(link.replace("one/a.txt", "one/empty.txt"))
    assert altered.status_code == 403

    with pytest.raises(Unavailable, match="AccessDenied"):
        await bucket(server, name="vault").put("x", b"x", content_type="text/plain")


async def test_a_server_that_is_away_is_unavailable() -> None:
    away = ObjectServer(endpoint="http://127.0.0.1:9", access_key="x", secret_key="x")
    with pytest.raises(Unavailable, match="away"):
        await bucket(away).get("one/a.txt")
