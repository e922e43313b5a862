"""Delivery on a real Kafka and a real PostgreSQL: a service that only counts, whole, under its lifespan."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from fastapi import FastAPI
from mrx_local.infrastructure.kafka import KafkaServer
from mrx_local.testing import infrastructure
from mrx_shared.bus.administration import KafkaAdministration
from mrx_shared.bus.dead_letters import Record, dead_letters
from mrx_shared.bus.service import assemble, serve
from mrx_shared.bus.subscriptions import Subscription, Subscriptions
from mrx_shared.bus.work import Moment
from mrx_shared.kit.http import build_api
from mrx_shared.kit.settings import KafkaSettings, ServiceSettings
from mrx_shared.messages.envelope import read_header
from mrx_shared.refusals import Rejected
from mrx_shared.store.database import Database
from pydantic import SecretStr
from sqlalchemy import text

from tests.component.delivery.conftest import Counted, TallyWork, database, event, tally_database
from tests.conftest import ServiceDatabase

__all__ = ("database", "tally_database")  # fixtures

pytestmark = [pytest.mark.live, pytest.mark.timeout(240), pytest.mark.usefixtures("database")]

HEARD, SAID = "mrx.elsewhere.v1", "mrx.tallying.v1"


class Troubles:
    """What the handler raises next."""

    def __init__(self) -> None:
        self.errors: list[Exception] = []
        self.calls = 0


class Tallying:
    """The service and what surrounds it."""

    def __init__(self, server: KafkaServer, made: ServiceDatabase, *, sourced: str = HEARD) -> None:
        self.server = server
        self.troubles = Troubles()
        settings = ServiceSettings(
            http_port=1,
            database_url=SecretStr(made.app),
            relay_database_url=SecretStr(made.relay),
            kafka_username=server.username,
            kafka_password=SecretStr(server.password),
        )
        api = build_api(service="tallying", title="tallying", description="counts")
        service = assemble(settings, TallyWork, api=api, schema="0001")
        self.database = service.database
        self.subscriptions: Subscriptions[TallyWork] = service.subscriptions
        self.subscription: Subscription[TallyWork] = self.subscriptions.subscribe(
            sourced, description="counted"
        )

        async def count(fact: Counted, work: TallyWork) -> None:
            self.troubles.calls += 1
            times = await work.count(fact.name)
            work.emit(Counted(name=fact.name, count=times), about=fact.name)
            if self.troubles.errors:
                raise self.troubles.errors.pop(0)

        self.subscription.handle(Counted, count)
        kafka = KafkaSettings(bootstrap_servers=server.bootstrap_servers, security_protocol="SASL_PLAINTEXT")
        self.app: FastAPI = serve(service, settings, kafka)

    @property
    def _connection(self) -> dict[str, str]:
        return {
            "bootstrap_servers": self.server.bootstrap_servers,
            "security_protocol": self.server.security_protocol,
            "sasl_mechanism": self.server.sasl_mechanism,
            "sasl_plain_username": self.server.username,
            "sasl_plain_password": self.server.password,
        }

    async def write(self, *payloads: bytes, topic: str = HEARD) -> None:
        producer = AIOKafkaProducer(**self._connection, acks="all")
        await producer.start()
        for payload in payloads:
            await producer.send_and_wait(topic, payload, partition=0)
        await producer.stop()

    async def said(self, count: int) -> list[bytes]:
        """The first facts on the service's topic."""
        consumer = AIOKafkaConsumer(**self._connection)
        await consumer.start()
        try:
            places = [TopicPartition(SAID, number) for number in range(3)]
            consumer.assign(places)
            await consumer.seek_to_beginning(*places)
            async with asyncio.timeout(30):
                return [(await consumer.getone()).value or b"" for _ in range(count)]
        finally:
            await consumer.stop()

    async def tally(self) -> dict[str, int]:
        async with self.database.transaction(None) as (session, _):
            rows = await (await session.connection()).execute(text("SELECT name, count AS times FROM tally"))
            return {row.name: row.times for row in rows}

    async def until(self, counted: dict[str, int]) -> None:
        async with asyncio.timeout(60):
            while await self.tally() != counted:  # noqa: ASYNC110  (rows have no event)
                await asyncio.sleep(0.05)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        async with self.app.router.lifespan_context(self.app):
            yield


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[KafkaServer]:
    async with infrastructure(tmp_path, parts={"kafka"}) as servers:
        server = servers.kafka.server
        administration = KafkaAdministration(
            server.bootstrap_servers,
            security_protocol=server.security_protocol,
            username=server.username,
            password=server.password,
        )
        await administration.ensure_topic(HEARD, 1, {"retention.ms": "-1"})
        await administration.ensure_topic(SAID, 3, {"retention.ms": "-1"})
        yield server


Make = Callable[[], Tallying]


@pytest.fixture
def make(server: KafkaServer, tally_database: ServiceDatabase) -> Make:
    """Makes the service anew, as a restart does; the database was emptied."""
    return lambda: Tallying(server, tally_database)


async def test_the_story_of_a_service_on_a_real_kafka(make: Make) -> None:
    first = make()
    same = event("same")

    # Said before the service ever listened: it starts from the beginning.
    await first.write(event("early"), same, same)
    async with first.serving():
        await first.until({"early": 1, "same": 1})

        # A handler that fails three times, with a redelivery of what was handled behind it.
        first.troubles.errors = [ZeroDivisionError(), ZeroDivisionError(), ZeroDivisionError()]
        await first.write(event("troubled"), same)
        await first.until({"early": 1, "same": 1, "troubled": 1})
        assert first.troubles.calls == 2 + 4

        # A poison message holds up nothing.
        await first.write(b"\x00 poison", event("behind"))
        await first.until({"early": 1, "same": 1, "troubled": 1, "behind": 1})
        [poison] = await dead_letters(first.database, every=False, limit=10)
        assert poison["cause"] == "unreadable"

        # A refusal becomes a dead letter; its replay changes state.
        first.troubles.errors = [Rejected("not now")]
        refused = event("refused")
        await first.write(refused, event("last"))
        await first.until({"early": 1, "same": 1, "troubled": 1, "behind": 1, "last": 1})
        letters = await dead_letters(first.database, every=False, limit=10)
        [letter] = [one for one in letters if one["cause"] == "refused"]
        again = Record(topic=HEARD, partition=0, offset=letter["kafka_offset"], payload=refused)
        assert await first.subscription.dispatch(again, dead_letter=letter["id"]) == "handled"
        assert (await first.tally())["refused"] == 1

        # Every committed fact arrived, each key's in the order of its versions.
        facts = [read_header(raw) for raw in await first.said(6)]
        assert len({fact.id for fact in facts}) == 6

    # Its successor goes on where it stopped.
    second = make()
    await second.write(event("afterwards"))
    async with second.serving():
        await second.until(
            {"early": 1, "same": 1, "troubled": 1, "behind": 1, "last": 1, "refused": 1, "afterwards": 1}
        )
        assert second.troubles.calls == 1


async def test_a_topic_that_was_made_while_its_reader_was_down_is_read(
    server: KafkaServer,
    tally_database: ServiceDatabase,
) -> None:
    administration = KafkaAdministration(
        server.bootstrap_servers,
        security_protocol=server.security_protocol,
        username=server.username,
        password=server.password,
    )
    await administration.ensure_topic("mrx.many.a", 1, {})
    first = Tallying(server, tally_database, sourced="mrx.many.")
    await first.write(event("a"), topic="mrx.many.a")
    async with first.serving():
        await first.until({"a": 1})
    # Its successor comes before the group has noticed, and is given the place that it had.
    await administration.ensure_topic("mrx.many.b", 1, {})
    await first.write(event("b"), topic="mrx.many.b")
    second = Tallying(server, tally_database, sourced="mrx.many.")
    async with second.serving():
        await second.until({"a": 1, "b": 1})


async def test_a_service_starts_and_works_though_its_broker_comes_later(
    tmp_path: Path,
    tally_database: ServiceDatabase,
    database: Database,
) -> None:
    folder = tmp_path / str(uuid4())
    async with infrastructure(folder, parts={"kafka"}) as servers:
        server = servers.kafka.server
        administration = KafkaAdministration(
            server.bootstrap_servers,
            security_protocol=server.security_protocol,
            username=server.username,
            password=server.password,
        )
        for topic in (HEARD, SAID):
            await administration.ensure_topic(topic, 3, {"retention.ms": "-1"})
    tallying = Tallying(server, tally_database)
    async with tallying.serving():
        async with tallying.database.transaction(None) as (session, now):
            work = tallying.subscriptions.once.make_work(
                session, Moment(now=now, service="tallying", tenant=None, correlation_id="c")
            )
            work.emit(Counted(name="said while away"), about="x")
            await work.write_outbox()
        await asyncio.sleep(1)
        async with infrastructure(folder, parts={"kafka"}):
            await tallying.write(event("heard"))
            await tallying.until({"heard": 1})
            assert len(await tallying.said(2)) == 2
