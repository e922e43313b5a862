"""The registry whole, on a real Kafka and a real PostgreSQL: what a member may do there, and nothing else."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError, TopicAuthorizationFailedError
from mrx_local.infrastructure.kafka import KafkaServer
from mrx_local.testing import infrastructure
from mrx_registry.app import build_app
from mrx_shared.kit.settings import KafkaSettings
from mrx_shared.messages.envelope import read_header
from mrx_shared.messages.topics import lists_in, out, requests_in

from tests.component.kafka import PASSWORD, access, prepare, ready, until
from tests.component.registry.conftest import BOOTSTRAP, Caller, settings_for
from tests.conftest import ServiceDatabase

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]


@contextlib.asynccontextmanager
async def registry_on_kafka(
    server: KafkaServer, database: ServiceDatabase
) -> AsyncIterator[httpx.AsyncClient]:
    """The service as a process would run it."""
    await prepare(server, "registry")
    settings = settings_for(database).model_copy(
        update={"kafka_password": type(settings_for(database).kafka_password)(PASSWORD)}
    )
    kafka = KafkaSettings(bootstrap_servers=server.bootstrap_servers, security_protocol="SASL_PLAINTEXT")
    app = build_app(settings, kafka)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://registry") as http,
    ):
        yield http


class OnKafka:
    """A member's own software."""

    def __init__(self, server: KafkaServer, username: str, password: str) -> None:
        self.access = access(server, username, password)

    async def write(self, topic: str) -> None:
        producer = AIOKafkaProducer(**self.access, acks="all", request_timeout_ms=5000)
        try:
            await producer.start()
            async with asyncio.timeout(10):
                await producer.send_and_wait(topic, b"x")
        finally:
            await producer.stop()

    async def topics(self) -> set[str]:
        consumer = AIOKafkaConsumer(**self.access)
        try:
            await consumer.start()
            return set(await consumer.topics())
        finally:
            await consumer.stop()

    async def read(self, topic: str, *, group: str | None, enough: int = 1) -> list[bytes]:
        consumer = AIOKafkaConsumer(topic, **self.access, group_id=group, auto_offset_reset="earliest")
        try:
            await consumer.start()
            async with asyncio.timeout(15):
                return [(await consumer.getone()).value or b"" for _ in range(enough)]
        finally:
            await consumer.stop()


class Secretariat:
    """Admits members and waits for what follows."""

    def __init__(self, caller: Caller, server: KafkaServer) -> None:
        self.caller = caller
        self.server = server

    async def admit(self, name: str) -> UUID:
        applied = await self.caller.done("/v1/members", {"name": name, "group": name})

        async def admitted() -> bool:
            member = await self.caller.get(f"/v1/members/{applied['member_id']}")
            return bool(member.json()["state"] == "admitted")

        await until(admitted)
        return UUID(applied["member_id"])

    async def lets_in(self, member_id: UUID) -> OnKafka:
        credentials = await self.caller.done(f"/v1/members/{member_id}/kafka-credentials")

        async def ready() -> bool:
            seen = await self.caller.get(f"/v1/members/{member_id}/kafka-credentials")
            return bool(seen.json()["state"] == "ready")

        await until(ready)
        return OnKafka(self.server, credentials["username"], credentials["password"])


async def first_secretariat(http: httpx.AsyncClient, server: KafkaServer) -> Secretariat:
    first = await Caller(http).post("/v1/bootstrap", {"name": "S"}, MRX_Bootstrap_Secret=BOOTSTRAP)
    granted = await http.post(
        "/v1/token",
        data={
            "grant_type": "client_credentials",
            "audience": "mrx.registry",
            "client_id": first.json()["client_id"],
            "client_secret": first.json()["client_secret"],
        },
    )
    return Secretariat(Caller(http, granted.json()["access_token"]), server)


async def test_a_member_has_its_own_three_topics_and_no_others(
    tmp_path: Path, empty_database: ServiceDatabase
) -> None:
    async with infrastructure(tmp_path, parts={"kafka"}) as servers:
        server = servers.kafka.server
        async with registry_on_kafka(server, empty_database) as http:
            secretariat = await first_secretariat(http, server)

            await until(lambda: ready(http))
            own, other = await secretariat.admit("Acme"), await secretariat.admit("Other")
            member = await secretariat.lets_in(own)

            await member.write(lists_in(own))
            await member.write(requests_in(own))
            assert await member.topics() == {lists_in(own), requests_in(own), out(own)}
            for denied in (lists_in(other), requests_in(other), out(own), "mrx.registry.v1"):
                with pytest.raises(TopicAuthorizationFailedError):
                    await member.write(denied)
            with pytest.raises(TopicAuthorizationFailedError):
                await member.read(out(other), group=f"member-{own}.reader")
            with pytest.raises(GroupAuthorizationFailedError):
                await member.read(out(own), group=f"member-{other}.reader")

            await secretariat.caller.done(f"/v1/members/{own}/suspension")

            async def shut_out() -> bool:
                try:
                    await member.write(lists_in(own))
                except KafkaError:
                    return True
                return False

            await until(shut_out)
            await secretariat.caller.done(f"/v1/members/{own}/reinstatement")
            await (await secretariat.lets_in(own)).write(lists_in(own))

            said = await OnKafka(server, server.username, server.password).read(
                "mrx.registry.v1", group=None, enough=9
            )
            types = [read_header(event).type.removeprefix("mrx.registry.") for event in said]
            assert sorted(types) == [
                "member-admitted.v1",
                "member-admitted.v1",
                "member-reinstated.v1",
                "member-suspended.v1",
                *["participation-changed.v1"] * 4,
                "signing-key-published.v1",
            ]
