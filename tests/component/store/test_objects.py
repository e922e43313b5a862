"""Object storage: the port's promises, in memory and on a real SeaweedFS; and what only a real one can show."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from minio.error import S3Error
from mrx_local.infrastructure.seaweedfs import Identity, ObjectServer
from mrx_local.testing import infrastructure
from mrx_shared.refusals import ServerRefused, Unavailable
from mrx_shared.store.objects import S3Objects, admit_origin, ensure_bucket, refuses_strangers
from mrx_shared.store.signing import signed_url
from mrx_shared.testing.objects import MemoryObjects
from mrx_shared.testing.suites import objects_keep_their_promises
from pydantic import SecretStr

WRITER = Identity(
    name="writer",
    access_key="writer-key",
    secret_key="writer-secret-of-a-test",
    actions=("Read:releases", "Write:releases", "List:releases"),
)


def bucket(
    server: ObjectServer, identity: Identity = WRITER, *, name: str = "releases", timeout_s: float = 5
) -> S3Objects:
    return S3Objects(
        endpoint=server.endpoint,
        public_url=server.endpoint,
        access_key=identity.access_key,
        secret_key=SecretStr(identity.secret_key),
        bucket=name,
        timeout_s=timeout_s,
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


def test_an_address_is_signed_as_the_example_of_the_signatures_authors_is() -> None:
    """Source: Amazon S3 API Reference, "Authenticating Requests: Using Query Parameters"."""
    url = signed_url(
        "GET",
        "https://examplebucket.s3.amazonaws.com/test.txt",
        access_key="AKIAIOSFODNN7EXAMPLE",
        secret_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        moment=datetime(2013, 5, 24, tzinfo=UTC),
        lasting=timedelta(days=1),
    )
    assert url.endswith("&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")


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

    with pytest.raises(ServerRefused, match="AccessDenied"):
        await bucket(server, name="vault").put("x", b"x", content_type="text/plain")


async def test_a_server_that_is_away_is_unavailable() -> None:
    away = ObjectServer(endpoint="http://127.0.0.1:9", access_key="x", secret_key="x")
    with pytest.raises(Unavailable, match="away") as failed:
        await bucket(away).get("one/a.txt")
    assert not isinstance(failed.value, ServerRefused)


@contextlib.asynccontextmanager
async def answering(answer: bytes, *, after_s: float = 0) -> AsyncIterator[ObjectServer]:
    """A server that takes any request whole and answers each with the same, after a while."""
    serving: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        await reader.readexactly(int(length[1]) if length else 0)
        never = asyncio.Event()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(after_s):
                await never.wait()
        writer.write(answer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield ObjectServer(endpoint=f"http://127.0.0.1:{port}", access_key="x", secret_key="x")
        await asyncio.gather(*filter(None, serving))


async def test_a_large_object_is_given_the_time_that_its_size_takes() -> None:
    body = bytes(4 * 1024 * 1024)
    async with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", after_s=1) as slow:
        hasty = bucket(slow, timeout_s=0.2)
        await hasty.put("large", body, content_type="text/plain")
        await hasty.put_once(
            "large", BytesIO(body), size=len(body), sha256=sha256(body).digest(), content_type="text/plain"
        )
        with pytest.raises(Unavailable, match="away"):
            await hasty.put("small", b"x", content_type="text/plain")


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "InvalidRequest", ServerRefused),
        (403, "AccessDenied", ServerRefused),
        (507, "InsufficientStorage", ServerRefused),
        (500, "InternalError", Unavailable),
        (503, "SlowDown", Unavailable),
        (502, "", Unavailable),
    ],
)
async def test_a_refusal_for_good_is_told_apart_from_a_server_that_is_away(
    status: int, code: str, kind: type[Unavailable]
) -> None:
    said = f"<Error><Code>{code}</Code></Error>".encode() if code else b"bad gateway"
    answer = f"HTTP/1.1 {status} X\r\nContent-Length: {len(said)}\r\n\r\n".encode() + said
    async with answering(answer) as server:
        with pytest.raises(Unavailable) as failed:
            await bucket(server).put("a", b"x", content_type="text/plain")
    assert type(failed.value) is kind
    assert str(failed.value).startswith(
        f"object storage refused: {code}" if kind is ServerRefused else "object storage is away: "
    )


@pytest.mark.live
async def test_a_locked_bucket_keeps_what_was_put_whoever_asks(server: ObjectServer) -> None:
    secret = SecretStr(server.secret_key)
    for _ in range(2):
        await ensure_bucket(
            endpoint=server.endpoint,
            access_key=server.access_key,
            secret_key=secret,
            bucket="vault",
            locked_days=1,
        )
    administrator = Identity(name="a", access_key=server.access_key, secret_key=server.secret_key, actions=())
    vault = bucket(server, administrator, name="vault")
    body = b"a report"
    await vault.put_once(
        "r", BytesIO(body), size=len(body), sha256=sha256(body).digest(), content_type="application/pdf"
    )
    client = vault._client
    version = client.stat_object("vault", "r").version_id
    with pytest.raises(S3Error, match="AccessDenied"):
        client.remove_object("vault", "r", version_id=version)


@pytest.mark.live
async def test_a_browser_may_upload_from_the_admitted_origin_alone(server: ObjectServer) -> None:
    await admit_origin(
        endpoint=server.endpoint,
        access_key=server.access_key,
        secret_key=SecretStr(server.secret_key),
        bucket="releases",
        origin="https://portal.mrx.example",
        methods=("PUT",),
    )

    async def preflight(origin: str, method: str) -> httpx.Response:
        headers = {
            "Origin": origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "content-type,if-none-match,x-amz-checksum-sha256",
        }
        async with httpx.AsyncClient(trust_env=False) as client:
            return await client.options(f"{server.endpoint}/releases/x", headers=headers)

    admitted = await preflight("https://portal.mrx.example", "PUT")
    assert admitted.headers["access-control-allow-origin"] == "https://portal.mrx.example"
    assert "if-none-match" in admitted.headers["access-control-allow-headers"]
    other_method = await preflight("https://portal.mrx.example", "DELETE")
    assert "DELETE" not in other_method.headers.get("access-control-allow-methods", "")
    other_origin = await preflight("https://elsewhere.example", "PUT")
    assert "access-control-allow-origin" not in other_origin.headers
