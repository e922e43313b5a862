"""Aggregation on a real database, without Kafka: members, registry and benchmark are played by the test."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OKPKey
from mrx_aggregation.app import AggregationDatabase, build_service
from mrx_aggregation.ports import Work
from mrx_aggregation.settings import Settings
from mrx_shared.bus.dead_letters import Record
from mrx_shared.bus.service import Service
from mrx_shared.kit.clock import system_clock
from mrx_shared.messages.aggregation import ListReceived
from mrx_shared.messages.benchmark import ProtocolAssessed
from mrx_shared.messages.envelope import Envelope, Message, decode, encode
from mrx_shared.messages.lists import ListManifest, ListPage, ListRow, rows_digest
from mrx_shared.messages.registry import ParticipationChanged, SigningKeyPublished
from mrx_shared.messages.topics import Topic, lists_in
from mrx_shared.testing.objects import MemoryObjects

from tests.conftest import MakeDatabase, ServiceDatabase

AS_OF = date(2026, 6, 30)
WHEN = datetime(2026, 6, 30, 12, tzinfo=UTC)
KEY_ID = "key-1"
RELEASE_KEY = "ab" * 32
TABLES = (
    "participation, recognition, round, received_list, page, entry, refused_row, contribution, link, pool_site, "
    "held_site, release, release_key, released_site, outbox, outbox_version, inbox, dead_letter, waiting, "
    "idempotency, token_key"
)
OFFSETS = count(1)


def site(number: int, **changed: str) -> dict[str, str]:
    """A good row about site number so-and-so; other members name the same site alike."""
    return {
        "row_ref": f"R{number}",
        "site_name": f"{_NAMES[number % len(_NAMES)]} {_TRADES[number // len(_NAMES) % len(_TRADES)]} Ltd",
        "address": f"{17 * number + 3} {_STREETS[number % len(_STREETS)]} Road",
        "city": "Dhaka",
        "country": "Bangladesh",
        "audit_date": "2025-03-04",
        "protocol": "SMETA",
        "protocol_version": "6.1",
        **changed,
    }


_NAMES = (
    "Aurora",
    "Borealis",
    "Cedarwood",
    "Driftstone",
    "Emberline",
    "Fernhill",
    "Gladewater",
    "Harrowgate",
)
_TRADES = ("Textiles", "Footwear", "Ceramics", "Packaging", "Plastics", "Foods", "Timber", "Glass")
_STREETS = ("Lakeview", "Orchard", "Station", "Foundry", "Harbour")


@dataclass(kw_only=True)
class SentList:
    """A list as its member sends it."""

    rows: Sequence[dict[str, str]]
    list_id: UUID = field(default_factory=uuid4)
    revision: int = 1
    page_rows: int = 500

    def pages(self) -> list[ListPage]:
        rows = [ListRow(row=number, values=values) for number, values in enumerate(self.rows, start=1)]
        parts = [rows[start : start + self.page_rows] for start in range(0, len(rows), self.page_rows)]
        return [
            ListPage(list_id=self.list_id, revision=self.revision, page=number, rows=part)
            for number, part in enumerate(parts, start=1)
        ]

    def manifest(self, **changed: object) -> ListManifest:
        pages = self.pages()
        rows = [row for page in pages for row in page.rows]
        stated = {
            "list_id": self.list_id,
            "revision": self.revision,
            "pages": len(pages),
            "rows": len(rows),
            "sha256": rows_digest(rows),
        }
        return ListManifest.model_validate({**stated, **changed})

    def messages(self) -> list[Message]:
        return [*self.pages(), self.manifest()]


class Caller:
    """One principal that calls the API; every POST has a key of its own."""

    def __init__(self, http: httpx.AsyncClient, token: str) -> None:
        self._http = http
        self._token = token

    async def get(self, path: str, **query: str | int) -> httpx.Response:
        return await self._http.get(path, params=query, headers={"Authorization": f"Bearer {self._token}"})

    async def post(self, path: str, body: dict[str, Any] | None = None, *, key: str = "") -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._token}", "Idempotency-Key": key or str(uuid4())}
        return await self._http.post(path, json=body, headers=headers)


class Aggregation:
    """The service under test, and everybody who speaks to it."""

    def __init__(
        self,
        service: Service[Work],
        http: httpx.AsyncClient,
        key: OKPKey,
        objects: MemoryObjects,
        sql: asyncpg.Connection,
    ) -> None:
        assert isinstance(service.database, AggregationDatabase)
        self.service = service
        self.database = service.database
        self.objects = objects
        self.sql = sql
        self._http = http
        self.key = key

    async def hear(
        self, topic: str, fact: Message, *, event_id: UUID | None = None, sequence: int = 1
    ) -> None:
        """Deliver an event as Kafka would."""
        envelope = Envelope[Any](
            id=event_id or uuid4(),
            source="/test",
            type=fact.type,
            subject="x",
            time=WHEN,
            data=fact,
            correlationid="test",
            sequence=sequence,
        )
        consumer = "mrx.in.lists" if topic.startswith("mrx.in.lists") else topic
        record = Record(topic=topic, partition=0, offset=next(OFFSETS), payload=encode(envelope))
        await self.service.subscriptions.of(f"aggregation:{consumer}").take(record)

    async def participate(
        self,
        member_id: UUID,
        *,
        group_id: UUID | None = None,
        tied: Sequence[UUID] = (),
        missing: Sequence[str] = (),
        names: Sequence[str] = (),
        sequence: int = 1,
    ) -> None:
        """The registry says whether a member takes part."""
        fact = ParticipationChanged.model_validate(
            {
                "member_id": member_id,
                "group_id": group_id or member_id,
                "tied_groups": list(tied),
                "participates": not missing,
                "missing": list(missing),
                "since": WHEN,
                "company_names": list(names),
            }
        )
        await self.hear(Topic.REGISTRY, fact, sequence=sequence)

    async def assess(self, code: str = "SMETA", version: str = "6.1", **changed: object) -> None:
        """The benchmark says how a protocol version stands."""
        stated = {
            "assessment_id": uuid4(),
            "protocol_id": uuid4(),
            "protocol_code": code,
            "protocol_version": version,
            "scheme_family": "SMETA",
            "public": True,
            "member_id": None,
            "criteria_version": "6.0-4p",
            "commonality": Decimal(100),
            "lower": Decimal(100),
            "upper": Decimal(100),
            "equivalent": True,
            "recognised_from": date(2019, 5, 1),
            "recognised_until": None,
            "assessed_at": WHEN,
        }
        await self.hear(Topic.BENCHMARK, ProtocolAssessed.model_validate({**stated, **changed}))

    async def send(self, member_id: UUID, *messages: Message | SentList) -> None:
        """A member writes to its own topic."""
        for one in messages:
            for message in one.messages() if isinstance(one, SentList) else [one]:
                await self.hear(lists_in(member_id), message)

    async def receipts(self, member_id: UUID) -> list[ListReceived]:
        """What was said to a member about its lists, in order."""
        rows = await self.sql.fetch(
            "SELECT payload FROM outbox WHERE topic = $1 AND type = $2 ORDER BY sequence",
            f"mrx.out.{member_id}",
            ListReceived.type,
        )
        return [decode(row["payload"], ListReceived).data for row in rows]

    async def receipt(self, member_id: UUID) -> ListReceived:
        """The last receipt."""
        return (await self.receipts(member_id))[-1]

    async def take_up(self) -> None:
        """The loop that takes up what waited comes by once."""
        await self.service.loops[0].once()

    async def carry_on(self) -> None:
        """The loop that carries on rounds comes by once."""
        await self.service.loops[1].once()

    def caller(self, role: str, *, member: UUID | None = None, subject: str = "") -> Caller:
        """Somebody with a token of the registry."""
        now = system_clock()()
        claims = {
            "sub": subject or str(uuid4()),
            "role": role,
            "aud": "mrx.aggregation",
            "iat": int(now.timestamp()),
            "exp": int((now + timedelta(minutes=5)).timestamp()),
            **({"member": str(member)} if member else {}),
        }
        return Caller(
            self._http,
            jwt.encode({"alg": "Ed25519", "kid": KEY_ID}, claims, self.key, algorithms=["Ed25519"]),
        )

    async def open_round(self, as_of: date = AS_OF) -> str:
        """The secretariat opens a round."""
        answer = await self.caller("secretariat").post("/v1/rounds", {"as_of": str(as_of)})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["round_id"])

    async def close_round(self, round_id: str, *, leave_waiting: bool = False) -> dict[str, Any]:
        """The secretariat closes a round, and the loop freezes it."""
        secretariat = self.caller("secretariat")
        answer = await secretariat.post(f"/v1/rounds/{round_id}/close", {"leave_waiting": leave_waiting})
        assert answer.status_code == 202, answer.text
        await self.carry_on()
        return await self.round(round_id)

    async def release_round(self, round_id: str) -> dict[str, Any]:
        """Two of the secretariat release a closed round, and the loop writes the documents."""
        proposed = await self.caller("secretariat", subject="first").post(f"/v1/rounds/{round_id}/release")
        assert proposed.status_code == 202, proposed.text
        approved = await self.caller("secretariat", subject="second").post(f"/v1/rounds/{round_id}/approve")
        assert approved.status_code == 202, approved.text
        await self.carry_on()
        return await self.round(round_id)

    async def round(self, round_id: str) -> dict[str, Any]:
        """A round as the secretariat sees it."""
        shown: dict[str, Any] = (await self.caller("secretariat").get(f"/v1/rounds/{round_id}")).json()
        return shown


@pytest.fixture(scope="session")
def aggregation_database(make_database: MakeDatabase) -> ServiceDatabase:
    """Aggregation's database with its migrations and all five roles."""
    return make_database("aggregation", "resolver", "writer")


@pytest.fixture
def objects() -> MemoryObjects:
    """Where the service puts its documents."""
    return MemoryObjects()


MakeAggregation = Callable[[], Aggregation]


@pytest.fixture
async def make_aggregation(
    aggregation_database: ServiceDatabase, objects: MemoryObjects
) -> AsyncIterator[MakeAggregation]:
    """The service on its database as it is; called again, it is the service started anew."""
    urls = aggregation_database.urls
    settings = Settings.model_validate(
        {
            "MRX_ENVIRONMENT": "demonstration",
            "http_port": 1,
            "database_url": urls["app"],
            "relay_database_url": urls["relay"],
            "resolver_database_url": urls["resolver"],
            "writer_database_url": urls["writer"],
            "kafka_username": "svc-aggregation",
            "kafka_password": "unused",
            "s3_endpoint": "http://127.0.0.1:9",
            "s3_public_url": "http://127.0.0.1:9",
            "s3_access_key": "unused",
            "s3_secret_key": "unused",
            "release_key": RELEASE_KEY,
        }
    )
    key = OKPKey.generate_key("Ed25519")
    sql = await asyncpg.connect(aggregation_database.superuser_url)
    async with AsyncExitStack() as opened:
        opened.push_async_callback(sql.close)

        def make() -> Aggregation:
            service = build_service(settings, objects)
            opened.push_async_callback(service.database.close)
            transport = httpx.ASGITransport(app=service.api)
            http = httpx.AsyncClient(transport=transport, base_url="http://aggregation")
            opened.push_async_callback(http.aclose)
            return Aggregation(service, http, key, objects, sql)

        yield make


@pytest.fixture
async def aggregation(make_aggregation: MakeAggregation) -> Aggregation:
    """The service on an emptied database; the benchmark recognises SMETA 6.1."""
    service = make_aggregation()
    await service.sql.execute(f"TRUNCATE {TABLES} CASCADE")
    await service.hear(
        Topic.REGISTRY,
        SigningKeyPublished(
            key_id=KEY_ID, public_key=str(service.key.as_dict(private=False)["x"]), valid_from=WHEN
        ),
    )
    await service.assess()
    return service
