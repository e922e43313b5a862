"""report_request as a process of its own, on a real Kafka and a real PostgreSQL, killed in between."""

import asyncio
import contextlib
import sys
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from mrx_local.infrastructure.kafka import KafkaServer
from mrx_local.remembered import Ports
from mrx_local.testing import infrastructure
from mrx_shared.bus.administration import KafkaAdministration, Right
from mrx_shared.messages.envelope import Envelope, Message, decode, encode
from mrx_shared.messages.exchange_adapter import ReportStored, UploadBegun
from mrx_shared.messages.notification import MailSent
from mrx_shared.messages.registry import ParticipationChanged
from mrx_shared.messages.report_request import MailAsked, RequestStatus
from mrx_shared.messages.requests import AskedSupplier, RecognitionDecided, ReportAsked
from mrx_shared.messages.topics import REQUEST_MAILS, Topic, out, requests_in

from tests.component.report_request.conftest import NOW, ReportRequests, entry
from tests.conftest import ROOT, ServiceDatabase

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

USER, PASSWORD = "svc-report_request", "the password of the service's own user"
WHEN = datetime(2026, 6, 30, 12, tzinfo=UTC)


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


async def prepare(server: KafkaServer, member_id: UUID) -> None:
    """Topics, and the user with the rights that `deploy/kafka/principals.toml` grants it."""
    administration = KafkaAdministration(
        server.bootstrap_servers,
        security_protocol=server.security_protocol,
        username=server.username,
        password=server.password,
    )
    stated = tomllib.loads((ROOT / "deploy/kafka/principals.toml").read_text("utf-8"))["report_request"]
    named = {name for names in stated["topic"].values() for name in names if not name.endswith("*")}
    for topic in (*sorted(named), requests_in(member_id), out(member_id)):
        await administration.ensure_topic(topic, 3, {"retention.ms": "-1"})
    await administration.ensure_user(USER, PASSWORD)
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
async def served(server: KafkaServer, database: ServiceDatabase, folder: Path) -> AsyncIterator[None]:
    """The service, killed without a word at the end."""
    port = Ports(folder / "service-ports.json").get("report_request")
    environment = {
        "MRX_REPORT_REQUEST_HTTP_PORT": str(port),
        "MRX_REPORT_REQUEST_DATABASE_URL": database.app,
        "MRX_REPORT_REQUEST_RELAY_DATABASE_URL": database.relay,
        "MRX_REPORT_REQUEST_KAFKA_USERNAME": USER,
        "MRX_REPORT_REQUEST_KAFKA_PASSWORD": PASSWORD,
        "MRX_KAFKA_BOOTSTRAP_SERVERS": server.bootstrap_servers,
        "MRX_KAFKA_SECURITY_PROTOCOL": server.security_protocol,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mrx_report_request", env=environment
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:

            async def ready() -> bool:
                with contextlib.suppress(httpx.TransportError):
                    return (await http.get("/health/ready")).status_code == 200
                return False

            await until(ready)
        yield
    finally:
        process.kill()
        await process.wait()


async def say(server: KafkaServer, topic: str, *facts: Message) -> None:
    """Somebody writes facts to a topic."""
    producer = AIOKafkaProducer(**access(server))
    await producer.start()
    try:
        for fact in facts:
            envelope = Envelope[Any](
                id=uuid4(),
                source="/test",
                type=fact.type,
                subject="x",
                time=WHEN,
                data=fact,
                correlationid="test",
                sequence=1,
            )
            await producer.send_and_wait(topic, encode(envelope), key=b"one key")
    finally:
        await producer.stop()


async def heard(server: KafkaServer, topic: str, message: type[Message], enough: int) -> list[Any]:
    """The first facts on a topic."""
    consumer = AIOKafkaConsumer(topic, **access(server), auto_offset_reset="earliest")
    await consumer.start()
    try:
        async with asyncio.timeout(60):
            return [decode((await consumer.getone()).value or b"", message).data for _ in range(enough)]
    finally:
        await consumer.stop()


async def test_a_killed_process_goes_on_with_what_came_meanwhile_and_says_nothing_twice(
    tmp_path: Path, service: ReportRequests, report_request_database: ServiceDatabase
) -> None:
    member_id, request_id, report_id = uuid4(), uuid4(), uuid4()
    asked = ReportAsked(
        request_id=request_id,
        entry_id=entry(1),
        site_number="S-1",
        supplier=AskedSupplier(
            name="Works", contact_email="q@works.example", contact_name=None, language="en"
        ),
        scope="SMETA",
        purpose="Approval",
        term_days=28,
        requester_email=None,
        requester_language=None,
    )
    takes_part = ParticipationChanged.model_validate(
        {
            "member_id": member_id,
            "group_id": member_id,
            "tied_groups": [],
            "participates": True,
            "missing": [],
            "since": WHEN,
            "company_names": ["Acme"],
        }
    )
    async with infrastructure(tmp_path, parts={"kafka"}) as servers:
        server = servers.kafka.server
        await prepare(server, member_id)
        async with served(server, report_request_database, tmp_path):
            await say(server, requests_in(member_id), asked)

            async def waits() -> bool:
                return bool(await service.sql.fetchval("SELECT count(*) FROM waiting"))

            await until(waits)
            await say(server, Topic.REGISTRY, takes_part)
            [mail] = await heard(server, REQUEST_MAILS, MailAsked, 1)
            assert (mail.asks, mail.to, mail.reference[:4]) == ("Acme", "q@works.example", "MRX-")

            async def blanked() -> bool:
                kept = "SELECT count(*) FROM outbox WHERE topic = $1 AND payload IS NOT NULL"
                return not await service.sql.fetchval(kept, REQUEST_MAILS)

            await until(blanked)
        await say(server, Topic.EXCHANGE_ADAPTER, _begun(request_id, member_id))
        await say(server, Topic.NOTIFICATION, _sent(mail))
        async with served(server, report_request_database, tmp_path):
            await say(server, Topic.EXCHANGE_ADAPTER, _stored(request_id, member_id, report_id))
        async with served(server, report_request_database, tmp_path):

            async def there() -> bool:
                return bool(
                    await service.sql.fetchval("SELECT count(*) FROM request WHERE state = 'available'")
                )

            await until(there)
            decided = RecognitionDecided(
                request_id=request_id, outcome="accepted", reason=None, valid_until=None
            )
            await say(server, requests_in(member_id), decided)

            async def done() -> bool:
                unsent = "SELECT count(*) FROM outbox WHERE sent_at IS NULL"
                decisions = "SELECT count(*) FROM request WHERE avoided"
                return await service.sql.fetchval(decisions) == 1 and not await service.sql.fetchval(unsent)

            await until(done)
            said = await service.sql.fetchval("SELECT count(*) FROM outbox WHERE topic = $1", out(member_id))
            told = await heard(server, out(member_id), RequestStatus, said)
    states = [one.state for one in told]
    assert (states[0], states[-2:]) == ("drafted", ["available", "decided"])
    assert states.count("available") == states.count("decided") == 1
    assert told[-1].report_id == report_id
    page = await service.supplier("the token").get("/v1/pages")
    assert (page.status_code, page.json()["state"]) == (200, "decided")
    assert await service.dead() == []


def _sent(mail: MailAsked) -> MailSent:
    return MailSent(
        mail_id=mail.mail_id,
        kind=mail.kind,
        asked_by="report_request",
        about=mail.request_id,
        token_hashes=[sha256(b"the token").hexdigest()],
        sent_at=NOW(),
    )


def _begun(request_id: UUID, member_id: UUID) -> UploadBegun:
    return UploadBegun(request_id=request_id, member_id=member_id, channel="upload", begun_at=WHEN)


def _stored(request_id: UUID, member_id: UUID, report_id: UUID) -> ReportStored:
    return ReportStored(
        report_id=report_id,
        request_id=request_id,
        member_id=member_id,
        channel="upload",
        sha256="0" * 64,
        size=1,
        audit_date=None,
        protocol=None,
        protocol_version=None,
        stored_at=NOW(),
    )
