"""Notification whole, on a real Kafka with the rights that it is granted there, and a real PostgreSQL."""

import asyncio
import json
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from mrx_local.infrastructure.kafka import KafkaServer
from mrx_local.testing import infrastructure
from mrx_notification.app import build_app
from mrx_shared.bus.administration import KafkaAdministration, Right
from mrx_shared.kit.settings import KafkaSettings
from mrx_shared.messages.envelope import Envelope, Message, encode
from mrx_shared.messages.topics import REGISTRY_MAILS, REQUEST_MAILS, Topic
from pydantic import SecretStr

from tests.component.notification.conftest import NOW, MailServer, settings_for
from tests.conftest import ROOT, ServiceDatabase
from tests.unit.notification.asked import password_mail, request_mail

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

USER, PASSWORD = "svc-notification", "the password of notification's own user"


async def until(claim: Callable[[], Awaitable[bool]]) -> None:
    """Return when the claim holds."""
    async with asyncio.timeout(60):
        while not await claim():  # noqa: ASYNC110  (another process's state has no event to wait on)
            await asyncio.sleep(0.1)


def super_user(server: KafkaServer) -> dict[str, Any]:
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
    for topic in (Topic.REGISTRY, Topic.NOTIFICATION, REQUEST_MAILS, REGISTRY_MAILS):
        await administration.ensure_topic(topic, 3, {"retention.ms": "-1"})
    await administration.ensure_user(USER, PASSWORD)
    granted = tomllib.loads((ROOT / "deploy/kafka/principals.toml").read_text("utf-8"))["notification"]
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
            for operation, names in granted[resource].items()
            for name in names
        ]
    )


async def say(server: KafkaServer, topic: str, source: str, *facts: Message) -> None:
    """Another service's facts arrive on Kafka."""
    producer = AIOKafkaProducer(**super_user(server), acks="all")
    await producer.start()
    try:
        for fact in facts:
            event: Envelope[Message] = Envelope(
                id=uuid4(),
                source=source,
                type=fact.type,
                subject="x",
                time=NOW(),
                data=fact,
                correlationid="a story",
                sequence=1,
            )
            await producer.send_and_wait(topic, encode(event))
    finally:
        await producer.stop()


async def heard(server: KafkaServer, enough: int) -> list[dict[str, Any]]:
    """The first facts that notification said."""
    consumer = AIOKafkaConsumer(Topic.NOTIFICATION, **super_user(server), auto_offset_reset="earliest")
    await consumer.start()
    try:
        async with asyncio.timeout(30):
            return [json.loads((await consumer.getone()).value or b"") for _ in range(enough)]
    finally:
        await consumer.stop()


@asynccontextmanager
async def running(
    server: KafkaServer, database: ServiceDatabase, mail_server: MailServer
) -> AsyncIterator[httpx.AsyncClient]:
    """The service as a process would run it."""
    settings = settings_for(database, mail_server, timedelta(0)).model_copy(
        update={"kafka_password": SecretStr(PASSWORD)}
    )
    kafka = KafkaSettings(bootstrap_servers=server.bootstrap_servers, security_protocol="SASL_PLAINTEXT")
    app = build_app(settings, kafka)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://notification") as http,
    ):
        yield http


async def test_mails_asked_for_on_kafka_are_sent_and_said_there(
    tmp_path: Path, empty_database: ServiceDatabase, mail_server: MailServer
) -> None:
    async with infrastructure(tmp_path, parts={"kafka"}) as servers:
        server = servers.kafka.server
        await prepare(server)
        await say(server, REQUEST_MAILS, "/report_request", request_mail(), request_mail("ready"))
        async with running(server, empty_database, mail_server) as http:

            async def ready() -> bool:
                return (await http.get("/health/ready")).status_code == 200

            async def arrived() -> bool:
                return len(mail_server.received) == 3

            await until(ready)
            await say(server, REGISTRY_MAILS, "/registry", password_mail("welcome"))
            await until(arrived)
            facts = await heard(server, 3)
        assert sorted(fact["data"]["kind"] for fact in facts) == ["invitation", "ready", "welcome"]
        assert {fact["correlationid"] for fact in facts} == {"a story"}
        assert len({mail["Message-ID"] for mail in mail_server.received}) == 3
