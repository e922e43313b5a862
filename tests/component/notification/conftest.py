"""Notification as it is wired, on a real PostgreSQL, with a real SMTP server that can be made to misbehave."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from joserfc import jwt
from joserfc.jwk import OKPKey
from mrx_notification.app import build_service, build_transport
from mrx_notification.ports import Transport, Work
from mrx_notification.settings import Settings
from mrx_shared.bus.dead_letters import Record
from mrx_shared.bus.service import Service
from mrx_shared.kit.clock import system_clock
from mrx_shared.messages.envelope import Envelope as Event
from mrx_shared.messages.envelope import M, encode
from mrx_shared.messages.registry import PasswordMailAsked, SigningKeyPublished
from mrx_shared.messages.report_request import MailAsked
from mrx_shared.messages.topics import REGISTRY_MAILS, REQUEST_MAILS

from tests.conftest import MakeDatabase, ServiceDatabase

BOUNCE_SECRET = "a bounce secret for tests"
PORTAL = "https://portal.mrx.example"
NOW = system_clock()


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of its own, beside the service's."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def notification_database(make_database: MakeDatabase) -> ServiceDatabase:
    """A migrated database, shared by the session."""
    return make_database("notification")


@pytest.fixture
async def empty_database(notification_database: ServiceDatabase) -> ServiceDatabase:
    """The same, emptied."""
    async with connected(notification_database.superuser_url) as connection:
        names = await connection.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
        )
        await connection.execute("TRUNCATE " + ", ".join(row["tablename"] for row in names))
    return notification_database


class MailServer:
    """A mail server on loopback. `on_mail`, `on_recipient`, `on_data` are its next answers; then it takes all."""

    def __init__(self) -> None:
        self.port = 0
        self.received: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.on_mail: list[str] = []
        self.on_recipient: list[str] = []
        self.on_data: list[str] = []
        self.hangs_up_after_data = 0
        self.knows_utf8 = True
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(self, hostname="mail.test", enable_SMTPUTF8=self.knows_utf8), "127.0.0.1", self.port
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def handle_MAIL(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.on_mail:
            return self.on_mail.pop(0)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.on_recipient:
            return self.on_recipient.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.on_data:
            return self.on_data.pop(0)
        assert isinstance(envelope.content, bytes)
        parsed = BytesParser(policy=default).parsebytes(envelope.content)
        assert isinstance(parsed, EmailMessage)
        self.received.append(parsed)
        self.recipients += envelope.rcpt_tos
        if self.hangs_up_after_data:
            self.hangs_up_after_data -= 1
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return "250 2.0.0 OK"

    def links(self) -> list[str]:
        """The links in the plain text of what was received."""
        return [link for mail in self.received for link in links_in(mail)]


def links_in(mail: EmailMessage) -> list[str]:
    """The lines of a mail's plain text that are links."""
    plain = mail.get_body(("plain",))
    assert plain is not None
    return [line for line in plain.get_content().splitlines() if line.startswith("http")]


@pytest.fixture
async def mail_server() -> AsyncIterator[MailServer]:
    server = MailServer()
    await server.start()
    yield server
    await server.stop()


def settings_for(database: ServiceDatabase, mail_server: MailServer, offset: timedelta) -> Settings:
    return Settings.model_validate(
        {
            "environment": "demonstration",
            "request_mail_every_s": 0.001,
            "clock_offset": offset,
            "http_port": 1,
            "database_url": database.app,
            "relay_database_url": database.relay,
            "kafka_username": "svc-notification",
            "kafka_password": "unused",
            "smtp_host": "127.0.0.1",
            "smtp_port": mail_server.port,
            "smtp_security": "none",
            "sender": "no-reply@mrx.example",
            "portal_url": PORTAL,
            "bounce_secret": BOUNCE_SECRET,
        }
    )


class Desk:
    """One process of notification: events are delivered to it, and its loops turned by hand."""

    def __init__(self, parts: Service[Work]) -> None:
        self.parts = parts
        self.sending = parts.loop("sending")
        self.offset = 0

    async def deliver(self, fact: M, *, source: str, topic: str, about: str) -> UUID:
        """A fact arrives. Gives its event's id."""
        self.offset += 1
        event: Event[M] = Event(
            id=uuid4(),
            source=source,
            type=fact.type,
            subject=about,
            time=NOW(),
            data=fact,
            correlationid="a-correlation-id",
            sequence=1,
        )
        record = Record(topic=topic, partition=0, offset=self.offset, payload=encode(event))
        await self.parts.subscriptions.of(f"notification:{topic}").take(record)
        return event.id

    async def asked(self, mail: MailAsked) -> UUID:
        """report_request asks for a mail."""
        return await self.deliver(
            mail, source="/report_request", topic=REQUEST_MAILS, about=str(mail.request_id)
        )

    async def asked_by_registry(self, mail: PasswordMailAsked) -> UUID:
        """The registry asks for a mail."""
        return await self.deliver(
            mail, source="/registry", topic=REGISTRY_MAILS, about=str(mail.principal_id)
        )

    async def http(self, method: str, path: str, **more: Any) -> httpx.Response:  # noqa: ANN401
        transport = httpx.ASGITransport(self.parts.api, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://notification") as client:
            return await client.request(method, path, **more)

    async def bounced(self, raw: bytes, *, secret: str = BOUNCE_SECRET) -> httpx.Response:
        """The mail server posts what came back."""
        headers = {"MRX-Bounce-Secret": secret, "Content-Type": "message/rfc822"}
        return await self.http("POST", "/v1/bounces", content=raw, headers=headers)

    async def as_role(self, role: str, path: str, *, member: UUID | None = None) -> httpx.Response:
        """Somebody signed in reads."""
        key = OKPKey.generate_key("Ed25519", {"kid": str(uuid4())})
        claims = {
            "sub": str(uuid4()),
            "role": role,
            "aud": "mrx.notification",
            "exp": int(NOW().timestamp()) + 10**8,
            **({"member": str(member)} if member else {}),
        }
        token = jwt.encode({"alg": "Ed25519", "kid": key.kid}, claims, key, algorithms=["Ed25519"])
        published = SigningKeyPublished(
            key_id=str(key.kid), public_key=str(key.as_dict(private=False)["x"]), valid_from=NOW()
        )
        await self.deliver(published, source="/registry", topic="mrx.registry.v1", about=str(key.kid))
        return await self.http("GET", path, headers={"Authorization": f"Bearer {token}"})


OpenDesk = Callable[..., Desk]


@pytest.fixture
async def open_desk(empty_database: ServiceDatabase, mail_server: MailServer) -> AsyncIterator[OpenDesk]:
    """Start a process: `open_desk(later=timedelta(...), post=...)`; all share the database and the mail server."""
    opened: list[Desk] = []

    def make(*, later: timedelta = timedelta(0), post: Transport | None = None) -> Desk:
        settings = settings_for(empty_database, mail_server, later)
        desk = Desk(build_service(settings, post or build_transport(settings)))
        opened.append(desk)
        return desk

    yield make
    for desk in opened:
        await desk.parts.database.close()


@pytest.fixture
def desk(open_desk: OpenDesk) -> Desk:
    return open_desk()


async def said(database: ServiceDatabase) -> list[dict[str, Any]]:
    """The data of every fact in the outbox, in order, with its type's short name as `fact`."""
    async with connected(database.superuser_url) as connection:
        rows = await connection.fetch(
            "SELECT type, convert_from(payload, 'UTF8')::jsonb -> 'data' AS data FROM outbox ORDER BY entry"
        )
    return [
        {"fact": row["type"].removeprefix("mrx.notification.").removesuffix(".v1"), **json.loads(row["data"])}
        for row in rows
    ]
