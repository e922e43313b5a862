"""The registry as it is wired, on a real PostgreSQL; Kafka stands in memory."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from mrx_registry.app import build_service
from mrx_registry.ports import Work
from mrx_registry.settings import Settings
from mrx_shared.bus.dead_letters import Record
from mrx_shared.bus.service import Service
from mrx_shared.messages.benchmark import ProtocolAssessed, RecognitionEnding
from mrx_shared.messages.envelope import Envelope, encode
from mrx_shared.messages.notification import MailSent

from tests.conftest import MakeDatabase, ServiceDatabase
from tests.unit.registry.memory import MemoryTopics, MemoryWork

BOOTSTRAP = "a bootstrap secret for tests"


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of its own, beside the registry's."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def registry_database(make_database: MakeDatabase) -> ServiceDatabase:
    """A migrated database, shared by the session."""
    return make_database("registry")


@pytest.fixture
async def empty_database(registry_database: ServiceDatabase) -> ServiceDatabase:
    """The same, emptied."""
    async with connected(registry_database.superuser_url) as connection:
        names = await connection.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
        )
        await connection.execute("TRUNCATE " + ", ".join(row["tablename"] for row in names))
    return registry_database


@pytest.fixture
def topics() -> MemoryTopics:
    return MemoryTopics()


@pytest.fixture
async def registry(empty_database: ServiceDatabase, topics: MemoryTopics) -> AsyncIterator[Service[Work]]:
    """The registry's parts, joined as in production."""
    made = build_service(settings_for(empty_database), topics)
    assert made.on_start
    await made.on_start()
    yield made
    await made.database.close()


def settings_for(database: ServiceDatabase) -> Settings:
    return Settings.model_validate(
        {
            "http_port": 1,
            "database_url": database.app,
            "relay_database_url": database.relay,
            "kafka_username": "svc-registry",
            "kafka_password": "unused",
            "bootstrap_secret": BOOTSTRAP,
            "secret_key": base64.b64encode(bytes(32)).decode(),
            "issuer": "https://registry.mrx.example",
        }
    )


class Caller:
    """Somebody who speaks to the registry over HTTP, signed in or not."""

    def __init__(self, http: httpx.AsyncClient, token: str | None = None) -> None:
        self.http = http
        self.headers: Mapping[str, str] = {"Authorization": f"Bearer {token}"} if token else {}

    async def post(
        self, path: str, body: object = None, *, key: str | None = None, **headers: str
    ) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.post(
            path, json=body, headers={**self.headers, "Idempotency-Key": key or str(uuid4()), **named}
        )

    async def get(self, path: str) -> httpx.Response:
        return await self.http.get(path, headers=self.headers)

    async def done(self, path: str, body: object = None) -> dict[str, Any]:
        """What a POST answers that must succeed."""
        response = await self.post(path, body)
        assert response.is_success, response.text
        answer: dict[str, Any] = response.json()
        return answer


class House:
    """The registry seen from outside, with the acts that most scenarios begin with."""

    def __init__(self, registry: Service[Work], http: httpx.AsyncClient) -> None:
        self.registry = registry
        self.http = http
        self.anyone = Caller(http)
        self.offset = 0

    async def token(
        self, client_id: str, secret: str | None, audience: str = "mrx.registry"
    ) -> httpx.Response:
        return await self.http.post(
            "/v1/token",
            data={"grant_type": "client_credentials", "audience": audience},
            auth=(client_id, secret or ""),
        )

    async def signed_in(self, principal: Mapping[str, Any]) -> Caller:
        response = await self.token(principal["client_id"], principal["client_secret"])
        assert response.status_code == 200, response.text
        return Caller(self.http, response.json()["access_token"])

    async def secretariat(self) -> Caller:
        """Whoever came first, signed in."""
        first = await self.anyone.post("/v1/bootstrap", {"name": "Secretary"}, MRX_Bootstrap_Secret=BOOTSTRAP)
        return await self.signed_in(first.json())

    async def member(self, secretariat: Caller, name: str) -> tuple[UUID, Caller]:
        """An admitted member, and its system, signed in."""
        applied = await secretariat.done(
            "/v1/members", {"name": name, "group": f"{name} Group", "new_group": True}
        )
        await self.registry.loop("provisioning").once()
        asked = {"kind": "system", "name": "ERP", "role": "member", "member_id": applied["member_id"]}
        principal = await secretariat.done("/v1/principals", asked)
        return UUID(applied["member_id"]), await self.signed_in(principal)

    async def person(self, secretariat: Caller, name: str, member_id: UUID | None = None) -> dict[str, Any]:
        """A person who was let in: of a member, or else a reviewer."""
        role = {"role": "member", "member_id": str(member_id)} if member_id else {"role": "reviewer"}
        return await secretariat.done("/v1/principals", {"kind": "person", "name": name, **role})

    async def deliver(
        self,
        fact: ProtocolAssessed | RecognitionEnding | MailSent,
        *,
        sequence: int = 1,
        event_id: UUID | None = None,
    ) -> None:
        """A fact of another service as it comes from Kafka."""
        self.offset += 1
        service = fact.owner()
        about = fact.mail_id if isinstance(fact, MailSent) else f"{fact.protocol_id}:{fact.protocol_version}"
        event: Envelope[ProtocolAssessed | RecognitionEnding | MailSent] = Envelope(
            id=event_id or uuid4(),
            source=f"/{service}",
            type=fact.type,
            subject=str(about),
            time=MemoryWork().now,
            data=fact,
            correlationid="a-correlation-id",
            sequence=sequence,
        )
        topic = f"mrx.{service}.v1"
        record = Record(topic=topic, partition=0, offset=self.offset, payload=encode(event))
        await self.registry.subscriptions.of(f"registry:{topic}").take(record)


@pytest.fixture
async def house(registry: Service[Work]) -> AsyncIterator[House]:
    transport = httpx.ASGITransport(registry.api)
    async with httpx.AsyncClient(transport=transport, base_url="http://registry") as http:
        yield House(registry, http)


async def said(database: ServiceDatabase) -> list[tuple[str, str]]:
    """Type and key of every fact in the outbox, in order."""
    async with connected(database.superuser_url) as connection:
        rows = await connection.fetch("SELECT type, key FROM outbox ORDER BY entry")
    return [(row["type"].removeprefix("mrx.registry.").removesuffix(".v1"), row["key"]) for row in rows]


async def together(*calls: Awaitable[int]) -> list[int]:
    """Several calls at once."""
    return list(await asyncio.gather(*calls))
