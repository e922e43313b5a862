"""The benchmark as a process of its own, on a real Kafka and a real PostgreSQL."""

import json
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from joserfc.jwk import OKPKey
from mrx_criteria.files import shipped_versions
from mrx_local.infrastructure.kafka import KafkaServer
from mrx_local.infrastructure.seaweedfs import ObjectServer
from mrx_local.testing import infrastructure
from mrx_shared.messages.topics import Topic

from tests.component.benchmark.conftest import KEEPER, Caller, key_published, token
from tests.component.kafka import access, heard, prepare, served, until
from tests.conftest import ServiceDatabase

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]


async def facts(server: KafkaServer, enough: int) -> list[dict[str, Any]]:
    """The first facts on the benchmark's topic."""
    return [json.loads(one) for one in await heard(server, Topic.BENCHMARK, enough)]


async def test_a_killed_benchmark_goes_on_where_it_was_and_says_nothing_twice(
    tmp_path: Path,
    benchmark_database: ServiceDatabase,
    as_superuser: asyncpg.Connection,
    object_server: ObjectServer,
) -> None:
    storage = {
        "MRX_S3_ENDPOINT": object_server.endpoint,
        "MRX_BENCHMARK_S3_ACCESS_KEY": KEEPER.access_key,
        "MRX_BENCHMARK_S3_SECRET_KEY": KEEPER.secret_key,
    }
    key = OKPKey.generate_key("Ed25519", {"kid": "k1"})
    secretariat = token(key, "secretariat")
    async with infrastructure(tmp_path, parts={"kafka"}) as servers:
        server = servers.kafka.server
        await prepare(server, "benchmark")
        async with served("benchmark", server, benchmark_database, tmp_path, **storage) as http:
            assert len(await facts(server, 7)) == 7
            unknown = await Caller(http, secretariat).get("/v1/protocols")
            assert (unknown.status_code, unknown.headers["Retry-After"]) == (503, "1")

            producer = AIOKafkaProducer(**access(server))
            await producer.start()
            await producer.send_and_wait(Topic.REGISTRY, key_published(key), key=b"k1")
            await producer.stop()

            async def known() -> bool:
                return (await Caller(http, secretariat).get("/v1/protocols")).status_code == 200

            await until(known)
        async with served("benchmark", server, benchmark_database, tmp_path, **storage) as http:
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
