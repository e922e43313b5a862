"""Notification whole, on a real Kafka with the rights that it is granted there, and a real PostgreSQL."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from mrx_local.infrastructure.kafka import KafkaServer
from mrx_local.testing import infrastructure
from mrx_notification.app import build_app
from mrx_shared.kit.settings import KafkaSettings
from mrx_shared.messages.topics import REGISTRY_MAILS, REQUEST_MAILS, Topic
from pydantic import SecretStr

from tests.component.kafka import CORRELATION_ID, PASSWORD, heard, prepare, ready, say, until
from tests.component.notification.conftest import MailServer, settings_for
from tests.conftest import ServiceDatabase
from tests.unit.notification.asked import notice_mail, password_mail, request_mail

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]


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
        await prepare(server, "notification")
        await say(server, REQUEST_MAILS, request_mail(), request_mail("ready"), source="/report_request")
        async with running(server, empty_database, mail_server) as http:

            async def arrived() -> bool:
                return len(mail_server.received) == 4

            await until(lambda: ready(http))
            await say(server, REGISTRY_MAILS, password_mail("welcome"), notice_mail(), source="/registry")
            await until(arrived)
            facts = [json.loads(one) for one in await heard(server, Topic.NOTIFICATION, 4)]
        assert sorted(fact["data"]["kind"] for fact in facts) == [
            "invitation",
            "ready",
            "recognition-ending",
            "welcome",
        ]
        assert {fact["correlationid"] for fact in facts} == {CORRELATION_ID}
        assert len({mail["Message-ID"] for mail in mail_server.received}) == 4
