"""The benchmark as a process of its own, on a real Kafka and a real PostgreSQL."""

import asyncio
import contextlib
import json
import sys
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from joserfc.jwk import OKPKey
from mrx_benchmark.entrypoints.files import shipped_versions
from mrx_local.infrastructure.kafka import KafkaServer
from mrx_local.remembered import Ports
from mrx_local.testing import infrastructure
from mrx_shared.bus.administration import KafkaAdministration, Right

from tests.component.benchmark.conftest import Caller, key_published, token
from tests.conftest import ROOT, ServiceDatabase

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

USER, PASSWORD = "svc-benchmark", "the password of the service's own user"


async def until(claim: Callable[[], Awaitable[bool]]) -> None:
    """Return when the claim holds."""
    async with asyncio.timeout(60):
        while not await claim():  # noqa: ASYNC110  (another process's state has no event to wait on)
            await asyncio.sleep(0.1)


def access(server: KafkaServer) -> dict[str, Any]:
    """How the super-user signs in."""
    return {
        "bootstrap_servers": server.bootstrap_servers,
        "security_protocol": server.security_protocol,
        "sasl_mechanism": server.sasl_mechanism,
        "sasl_plain_username": server.username,
        "sasl_plain_password": server.password,
    }


async def prepare(server: KafkaServer) -> None:
    """Topics, and the user with the rights that `deploy/kafka/principals.toml` grants it."""
    administration = KafkaAdministration(
        server.bootstrap_servers,
        security_protocol=server.security_protocol,
        username=server.username,
        password=server.password,
    )
    for topic in ("mrx.registry.v1", "mrx.benchmark.v1"):
        await administration.ensure_topic(topic, 3, {"retention.ms": "-1"})
    await administration.ensure_user(USER, PASSWORD)
    stated = tomllib.loads((ROOT / "deploy/kafka/principals.toml").read_text(encoding="utf-8"))["benchmark"]
    await administration.ensure_acls(
        [
            Right(
                user=USER,
                operation=operation,
                resource=resource,
                name=name.removesuffix("*"),
                prefixed=name.endswith("*"),
            )
            for resource in ("topic", "group")
            for operation, names in stated[resource].items()
            for name in names
        ]
    )


@contextlib.asynccontextmanager
async def served(
    server: KafkaServer, database: ServiceDatabase, folder: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """The service, killed without a word at the end."""
    port = Ports(folder / "service-ports.json").get("benchmark")
    environment = {
        "MRX_BENCHMARK_HTTP_PORT": str(port),
        "MRX_BENCHMARK_DATABASE_URL": database.app,
        "MRX_BENCHMARK_RELAY_DATABASE_URL": database.relay,
        "MRX_BENCHMARK_KAFKA_USERNAME": USER,
        "MRX_BENCHMARK_KAFKA_PASSWORD": PASSWORD,
        "MRX_KAFKA_BOOTSTRAP_SERVERS": server.bootstrap_servers,
        "MRX_KAFKA_SECURITY_PROTOCOL": server.security_protocol,
    }
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "mrx_benchmark", env=environment)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:

            async def ready() -> bool:
                with contextlib.suppress(httpx.TransportError):
                    return (await http.get("/health/ready")).status_code == 200
                return False

            await until(ready)
            yield http
    finally:
        process.kill()
        await process.wait()


async def facts(server: KafkaServer, enough: int) -> list[dict[str, Any]]:
    """The first facts on the benchmark's topic."""
    consumer = AIOKafkaConsumer("mrx.benchmark.v1", **access(server), auto_offset_reset="earliest")
    await consumer.start()
    try:
        async with asyncio.timeout(30):
            return [json.loads((await consumer.getone()).value or b"") for _ in range(enough)]
    finally:
        await consumer.stop()


async def test_a_killed_benchmark_goes_on_where_it_was_and_says_nothing_twice(
    tmp_path: Path, benchmark_database: ServiceDatabase, as_superuser: asyncpg.Connection
) -> None:
    key = OKPKey.generate_key("Ed25519", {"kid": "k1"})
    secretariat = token(key, "secretariat")
    async with infrastructure(tmp_path, parts={"kafka"}) as servers:
        server = servers.kafka.server
        await prepare(server)
        async with served(server, benchmark_database, tmp_path) as http:
            assert len(await facts(server, 7)) == 7
            unknown = await Caller(http, secretariat).get("/v1/protocols")
            assert (unknown.status_code, unknown.headers["Retry-After"]) == (503, "1")

            producer = AIOKafkaProducer(**access(server))
            await producer.start()
            await producer.send_and_wait("mrx.registry.v1", key_published(key), key=b"k1")
            await producer.stop()

            async def known() -> bool:
                return (await Caller(http, secretariat).get("/v1/protocols")).status_code == 200

            await until(known)
        async with served(server, benchmark_database, tmp_path) as http:
            asked = {"code": "SMETA 6.0", "name": "SMETA 6.0", "scheme_family": "SMETA", "public": True}
            made = await Caller(http, secretariat).post("/v1/protocols", asked)
            version = {"version": "1", "effective_from": "2017-06-01"}
            protocol_id = made.json()["protocol_id"]
            await Caller(http, secretariat).post(f"/v1/protocols/{protocol_id}/versions", version)
            said = [(one["type"], one["subject"], one["sequence"]) for one in await facts(server, 8)]

    assert sorted(said) == [
        *(("mrx.benchmark.criteria-published.v1", version, 1) for version in shipped_versions()),
        ("mrx.benchmark.protocol-submitted.v1", protocol_id, 1),
    ]
    assert await as_superuser.fetchval("SELECT count(*) FROM outbox") == 8
