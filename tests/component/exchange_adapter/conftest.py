"""exchange_adapter on a real PostgreSQL and a real SeaweedFS; report_request, notification and registry are played."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pikepdf
import pytest
from joserfc import jwt
from joserfc.jwk import OKPKey
from mrx_exchange_adapter.app import QUARANTINE, VAULT, Buckets, buckets_of, build_service, check_ports
from mrx_exchange_adapter.handlers.checking import CheckPorts, settle_due, sweep
from mrx_exchange_adapter.ports import Inspector, Work
from mrx_exchange_adapter.settings import Settings
from mrx_local.infrastructure.seaweedfs import Identity, ObjectServer
from mrx_local.testing import object_server as running_object_server
from mrx_shared.bus.dead_letters import Record
from mrx_shared.bus.service import Service
from mrx_shared.kit.clock import system_clock
from mrx_shared.messages.envelope import Envelope, Message, encode
from mrx_shared.messages.notification import MailSent
from mrx_shared.messages.registry import SigningKeyPublished
from mrx_shared.messages.report_request import RequestChanged
from mrx_shared.store.objects import ensure_bucket
from pydantic import SecretStr

from tests.conftest import MakeDatabase, ServiceDatabase

NOW = system_clock()
PRESIGNER = Identity(
    name="quarantine-presigner",
    access_key="presigner",
    secret_key="presigner-secret-of-a-test",
    actions=("Write:quarantine",),
)
SCANNER = Identity(
    name="quarantine-scanner",
    access_key="scanner",
    secret_key="scanner-secret-of-a-test",
    actions=tuple(f"{may}:{bucket}" for may in ("Read", "Write", "List") for bucket in (QUARANTINE, VAULT)),
)
READER = Identity(
    name="vault-reader", access_key="reader", secret_key="reader-secret-of-a-test", actions=("Read:vault",)
)


def pdf(words: str = "a report") -> bytes:
    """A PDF that says something of its own."""
    out = BytesIO()
    with pikepdf.new() as made:
        made.add_blank_page()
        made.docinfo["/Title"] = words
        made.save(out, deterministic_id=True)
    return out.getvalue()


@pytest.fixture(scope="session")
def object_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    """A SeaweedFS with both buckets and the three identities."""
    with running_object_server(tmp_path_factory.mktemp("objects"), [PRESIGNER, SCANNER, READER]) as server:
        asyncio.run(_prepared(server))
        yield server


async def _prepared(server: ObjectServer) -> None:
    for bucket, locked_days in ((QUARANTINE, None), (VAULT, 1)):
        await ensure_bucket(
            endpoint=server.endpoint,
            access_key=server.access_key,
            secret_key=SecretStr(server.secret_key),
            bucket=bucket,
            locked_days=locked_days,
        )


@pytest.fixture(scope="session")
def exchange_database(make_database: MakeDatabase) -> ServiceDatabase:
    """exchange_adapter's database with its migrations."""
    return make_database("exchange_adapter")


@pytest.fixture
async def as_superuser(exchange_database: ServiceDatabase) -> AsyncIterator[asyncpg.Connection]:
    """A connection that sees everything, to an emptied database."""
    connection = await asyncpg.connect(exchange_database.superuser_url)
    tables = await connection.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
    )
    await connection.execute(f"TRUNCATE {', '.join(row['tablename'] for row in tables)}")
    yield connection
    await connection.close()


@pytest.fixture
def settings(exchange_database: ServiceDatabase, object_server: ObjectServer) -> Settings:
    return settings_for(exchange_database, object_server.endpoint)


def settings_for(database: ServiceDatabase, endpoint: str, **more: object) -> Settings:
    """What the environment would say."""
    stated: dict[str, Any] = {
        "environment": "demonstration",
        "http_port": 1,
        "database_url": database.app,
        "relay_database_url": database.relay,
        "kafka_username": "x",
        "kafka_password": "x",
        "s3_endpoint": endpoint,
        "s3_public_url": endpoint,
        "max_bytes": 1024 * 1024,
        **more,
    }
    for name, identity in (("presigner", PRESIGNER), ("scanner", SCANNER), ("reader", READER)):
        stated |= {f"{name}_access_key": identity.access_key, f"{name}_secret_key": identity.secret_key}
    return Settings(**stated)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request that a member made, and the token that its supplier got by mail."""

    request_id: UUID = field(default_factory=uuid4)
    member_id: UUID = field(default_factory=uuid4)
    token: str = field(default_factory=lambda: uuid4().hex)
    mail_id: UUID = field(default_factory=uuid4)

    @property
    def token_hash(self) -> str:
        return hashlib.sha256(self.token.encode()).hexdigest()


Answered = httpx.Response


class Exchange:
    """The service as its neighbours see it."""

    def __init__(
        self,
        service: Service[Work],
        buckets: Buckets,
        bench: CheckPorts,
        http: httpx.AsyncClient,
        superuser: asyncpg.Connection,
    ) -> None:
        self.service = service
        self.buckets = buckets
        self.bench = bench
        self.http = http
        self.superuser = superuser
        self._key = OKPKey.generate_key("Ed25519", {"kid": "k1"})
        self._sequence = 0
        self._s3 = httpx.AsyncClient(trust_env=False)

    async def hear(self, fact: Message, *, sequence: int | None = None) -> None:
        """A neighbour's fact arrives."""
        self._sequence += 1
        owner = fact.owner()
        payload = encode(
            Envelope(
                id=uuid4(),
                source=f"/{owner}",
                type=fact.type,
                subject="x",
                time=NOW(),
                data=fact,
                correlationid="a-correlation-id",
                sequence=sequence if sequence is not None else self._sequence,
            )
        )
        topic = f"mrx.{owner}.v1"
        subscription = self.service.subscriptions.of(f"exchange_adapter:{topic}")
        await subscription.take(Record(topic=topic, partition=0, offset=self._sequence, payload=payload))

    async def know_key(self) -> None:
        await self.hear(
            SigningKeyPublished(
                key_id="k1", public_key=str(self._key.as_dict(private=False)["x"]), valid_from=NOW()
            )
        )

    async def request_is(
        self,
        asked: Asked,
        state: str,
        *,
        sequence: int | None = None,
        revoked_mails: Sequence[UUID] = (),
        term_ends_at: datetime | None = None,
    ) -> None:
        """report_request says how the request stands."""
        await self.hear(
            RequestChanged(
                request_id=asked.request_id,
                member_id=asked.member_id,
                state=state,
                reference="MRX-2F7K9QWX",
                site_token="t",
                round_id=uuid4(),
                asked_at=NOW(),
                term_ends_at=term_ends_at or NOW() + timedelta(days=28),
                report_id=None,
                outcome=None,
                changed_at=NOW(),
                revoked_mails=list(revoked_mails),
            ),
            sequence=sequence,
        )

    async def mail_was_sent(self, asked: Asked, *, kind: str = "invitation", days_ago: int = 0) -> None:
        """Notification says that the link's mail went out."""
        await self.hear(
            MailSent(
                mail_id=asked.mail_id,
                kind=kind,
                asked_by="report_request",
                about=asked.request_id,
                token_hashes=[asked.token_hash],
                sent_at=NOW() - timedelta(days=days_ago),
            )
        )

    async def asked(self, *, state: str = "accepted", member_id: UUID | None = None) -> Asked:
        """A request whose supplier has its link."""
        one = Asked(member_id=member_id or uuid4())
        await self.request_is(one, state)
        await self.mail_was_sent(one)
        return one

    async def page(self, asked: Asked | str) -> Answered:
        return await self.http.get("/v1/pages", headers=self._token(asked))

    async def post(self, path: str, asked: Asked | str, body: dict[str, Any] | None = None) -> Answered:
        return await self.http.post(
            path, json=body or {}, headers={**self._token(asked), "Idempotency-Key": str(uuid4())}
        )

    async def ticket(self, asked: Asked, body: bytes, **other: object) -> dict[str, Any]:
        """A ticket for these bytes."""
        answer = await self.post("/v1/pages/tickets", asked, {**promise(body), **other})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def put(self, ticket: dict[str, Any], body: bytes) -> Answered:
        """What the browser does with a ticket."""
        return await self._s3.put(ticket["url"], content=body, headers=ticket["headers"])

    async def s3(self, method: str, url: str, **more: Any) -> Answered:  # noqa: ANN401
        return await self._s3.request(method, url, **more)

    async def upload(self, asked: Asked, body: bytes) -> dict[str, Any]:
        """A ticket, its file, and the call that it arrived."""
        ticket = await self.ticket(asked, body)
        sent = await self.put(ticket, body)
        assert sent.status_code == 200, sent.text
        arrived = await self.post(f"/v1/pages/tickets/{ticket['ticket_id']}/arrival", asked)
        assert arrived.status_code == 202, arrived.text
        return ticket

    async def carry_on(self) -> None:
        """The loop, until nothing is due."""
        while await settle_due(self.bench):
            pass

    async def sweep(self) -> int:
        return await sweep(self.bench)

    async def said(self, about: UUID | None = None) -> list[str]:
        """The types of what was said, in order."""
        rows = await self.superuser.fetch("SELECT type, key FROM outbox ORDER BY entry")
        return [row["type"].split(".")[2] for row in rows if about is None or row["key"] == str(about)]

    def bearer(self, role: str, member: UUID | None = None) -> dict[str, str]:
        claims = {
            "sub": f"{role}-of-a-test",
            "role": role,
            "aud": "mrx.exchange_adapter",
            "exp": int(NOW().timestamp()) + 300,
            **({"member": str(member)} if member else {}),
        }
        token = jwt.encode({"alg": "Ed25519", "kid": "k1"}, claims, self._key, algorithms=["Ed25519"])
        return {"Authorization": f"Bearer {token}"}

    async def get_as(self, role: str, path: str, member: UUID | None = None) -> Answered:
        return await self.http.get(path, headers=self.bearer(role, member))

    async def link(self, member: UUID, report_id: str, *, key: str | None = None) -> Answered:
        headers = {**self.bearer("member", member), "Idempotency-Key": key or str(uuid4())}
        return await self.http.post(f"/v1/reports/{report_id}/links", json={}, headers=headers)

    async def close(self) -> None:
        await self._s3.aclose()
        await self.service.database.close()

    @staticmethod
    def _token(asked: Asked | str) -> dict[str, str]:
        return {"MRX-Page-Token": asked if isinstance(asked, str) else asked.token}


def promise(body: bytes) -> dict[str, Any]:
    """What a supplier says of a file before it uploads it."""
    return {
        "sha256": hashlib.sha256(body).hexdigest(),
        "size": len(body),
        "media_type": "application/pdf",
    }


def checksum(body: bytes) -> str:
    """As S3 writes it."""
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


MakeExchange = Callable[..., Exchange]


@pytest.fixture
async def make_exchange(settings: Settings, as_superuser: asyncpg.Connection) -> AsyncIterator[MakeExchange]:
    """Wire the service, with other settings or other buckets where a test says so."""
    made: list[Exchange] = []

    def make(
        *,
        buckets: Buckets | None = None,
        inspector: Inspector | None = None,
        changed: dict[str, Any] | None = None,
    ) -> Exchange:
        told = settings.model_copy(update=changed or {})
        buckets = buckets or buckets_of(told)
        service = build_service(told, buckets, inspector=inspector)
        bench = check_ports(told, service.transact, buckets, inspector)
        transport = httpx.ASGITransport(app=service.api, raise_app_exceptions=False)
        http = httpx.AsyncClient(transport=transport, base_url="http://exchange.test")
        made.append(Exchange(service, buckets, bench, http, as_superuser))
        return made[-1]

    yield make
    for one in made:
        await one.http.aclose()
        await one.close()


@pytest.fixture
async def exchange(make_exchange: MakeExchange) -> Exchange:
    """The service as it is."""
    made = make_exchange()
    await made.know_key()
    return made
