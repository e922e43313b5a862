"""The relay: every committed fact, in order, for ever; what cannot go holds up only its own key."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from uuid import UUID

import pytest
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError
from mrx_shared.bus.once import Once
from mrx_shared.bus.relay import Relay, link
from mrx_shared.bus.work import EventTooLarge, Moment, SqlWork
from mrx_shared.messages.envelope import decode
from mrx_shared.store.database import Database
from sqlalchemy import text

from tests.component.delivery.conftest import Counted, TallyWork

pytestmark = pytest.mark.live


class Broker:
    """What all producers of a test share: what arrived, and what goes wrong."""

    def __init__(self) -> None:
        self.arrived: list[tuple[str, str, int]] = []
        self.away = False
        self.forbidden: set[str] = set()
        self.unknown: set[str] = set()
        self.others: set[str] = set()
        self.silent_after: int | None = None
        self.producers = 0

    def connect(self) -> "BrokerProducer":
        self.producers += 1
        return BrokerProducer(self)


class BrokerProducer:
    """A producer in memory, with the faults that aiokafka's has."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def start(self) -> None:
        if self._broker.away:
            raise KafkaConnectionError

    async def stop(self) -> None:
        pass

    async def send(
        self, topic: str, value: bytes, key: bytes, headers: Sequence[tuple[str, bytes]]
    ) -> Awaitable[object]:
        if self._broker.away:
            raise KafkaConnectionError
        if topic in self._broker.forbidden:
            raise TopicAuthorizationFailedError(topic)
        if topic in self._broker.unknown:
            await asyncio.sleep(3600)
        done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        envelope = decode(value, Counted)
        if self._broker.silent_after is not None and len(self._broker.arrived) >= self._broker.silent_after:
            # It arrives, and nobody hears of it: the acknowledgement is lost.
            self._broker.silent_after = None
            self._broker.arrived.append((topic, key.decode(), envelope.sequence))
            return done
        self._broker.arrived.append((topic, key.decode(), envelope.sequence))
        done.set_result(None)
        return done

    async def topics(self) -> set[str]:
        if self._broker.away:
            raise KafkaConnectionError
        return {"mrx.tallying.v1", *self._broker.others} - self._broker.unknown


@pytest.fixture
def broker() -> Broker:
    return Broker()


@asynccontextmanager
async def relaying(database: Database, once: Once[TallyWork], broker: Broker) -> AsyncIterator[Relay]:
    relay = Relay(database.relay, broker.connect, service="tallying", wake_up=once.committed)
    task = asyncio.create_task(relay.run())
    try:
        yield relay
    finally:
        task.cancel()
        await asyncio.wait([task])


async def say(once: Once[TallyWork], *names: str, to: UUID | None = None) -> None:
    async with once.database.transaction(None) as (session, now):
        work = TallyWork(session, Moment(now=now, service="tallying", tenant=None, correlation_id="c"))
        for name in names:
            work.emit(Counted(name=name), about=name, to=to)
        await work.write_outbox()
    once.committed.set()


async def say_and_fail(database: Database) -> None:
    async with database.transaction(None) as (session, now):
        work = SqlWork(session, Moment(now=now, service="tallying", tenant=None, correlation_id="c"))
        work.emit(Counted(name="lost"), about="lost")
        await work.write_outbox()
        raise ZeroDivisionError


async def until(condition: object, seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # type: ignore[operator]  # noqa: ASYNC110  (what it waits for has no event)
            await asyncio.sleep(0.01)


async def test_committed_facts_arrive_in_the_order_of_their_versions(
    database: Database, once: Once[TallyWork], broker: Broker
) -> None:
    async with relaying(database, once, broker):
        for _ in range(3):
            await say(once, "a", "b")
        await until(lambda: len(broker.arrived) == 6)
    for key in ("a", "b"):
        assert [version for _, name, version in broker.arrived if name == key] == [1, 2, 3]


async def test_what_is_rolled_back_is_never_said(
    database: Database, once: Once[TallyWork], broker: Broker
) -> None:
    async with relaying(database, once, broker):
        with pytest.raises(ZeroDivisionError):
            await say_and_fail(database)
        await say(once, "kept")
        await until(lambda: broker.arrived)
    assert broker.arrived == [("mrx.tallying.v1", "kept", 1)]


async def test_facts_said_while_the_broker_is_away_arrive_when_it_is_back(
    database: Database, once: Once[TallyWork], broker: Broker
) -> None:
    broker.away = True
    async with relaying(database, once, broker) as relay:
        await say(once, "a")
        await say(once, "a")
        await until(lambda: relay.status.failing_since is not None)
        assert broker.arrived == []
        broker.away = False
        await until(lambda: len(broker.arrived) == 2)
    assert [version for *_, version in broker.arrived] == [1, 2]


async def test_a_key_that_may_not_be_written_is_parked_and_the_others_flow(
    database: Database, once: Once[TallyWork], broker: Broker
) -> None:
    member = UUID("11111111-1111-4111-8111-111111111111")
    broker.forbidden = broker.others = {f"mrx.out.{member}"}
    async with relaying(database, once, broker) as relay:
        await say(once, "x", to=member)
        await say(once, "x", to=member)
        await say(once, "a")
        await until(lambda: ("mrx.tallying.v1", "a", 1) in broker.arrived)
        await until(lambda: relay.status.parked == 1)
        assert not relay.status.stuck

        broker.forbidden = set()
        async with database.relay_transaction() as (session, _):
            await (await session.connection()).execute(text("UPDATE outbox SET parked_at = NULL"))
        once.committed.set()
        await until(lambda: len(broker.arrived) == 3)
    assert broker.arrived[1:] == [
        (f"mrx.out.{member}", str(member), 1),
        (f"mrx.out.{member}", str(member), 2),
    ]


async def test_a_topic_that_does_not_exist_is_told_from_a_broker_that_is_away(
    database: Database, once: Once[TallyWork], broker: Broker
) -> None:
    member = UUID("22222222-2222-4222-8222-222222222222")
    broker.unknown = {f"mrx.out.{member}"}
    async with relaying(database, once, broker) as relay:
        await say(once, "x", to=member)
        await say(once, "a")
        await until(lambda: ("mrx.tallying.v1", "a", 1) in broker.arrived)
        await until(lambda: relay.status.parked == 1)


async def test_a_lost_acknowledgement_repeats_the_fact_and_loses_none(
    database: Database, once: Once[TallyWork], broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mrx_shared.bus.relay.SEND_TIMEOUT_S", 0.3)
    broker.silent_after = 1
    async with relaying(database, once, broker):
        for _ in range(3):
            await say(once, "a")
        await until(lambda: len(broker.arrived) >= 4)
    versions = [version for *_, version in broker.arrived]
    assert set(versions) == {1, 2, 3}
    firsts = [versions.index(version) for version in (1, 2, 3)]
    assert firsts == sorted(firsts), "a key's facts arrive first in order"
    assert broker.producers >= 2, "a producer that timed out is thrown away"


async def test_of_two_relays_one_works_and_the_other_takes_over(
    database: Database, once: Once[TallyWork], broker: Broker
) -> None:
    async with relaying(database, once, broker) as first:
        await until(lambda: first.status.holds_lock)
        async with relaying(database, once, broker) as second:
            await say(once, "a")
            await until(lambda: broker.arrived)
            assert not second.status.holds_lock
    async with relaying(database, once, broker) as third:
        await say(once, "a")
        await until(lambda: ("mrx.tallying.v1", "a", 2) in broker.arrived)
        assert third.status.holds_lock


async def test_the_chain_can_be_recomputed_and_shows_what_was_altered(
    database: Database, once: Once[TallyWork], broker: Broker
) -> None:
    async with relaying(database, once, broker):
        await say(once, "a", "b", "c")
        await until(lambda: len(broker.arrived) == 3)
    async with database.relay_transaction() as (session, _):
        rows = (
            await (await session.connection()).execute(text("SELECT * FROM outbox ORDER BY position"))
        ).all()
    before = b""
    for place, row in enumerate(rows, start=1):
        assert row.position == place
        assert bytes(row.digest) == sha256(bytes(row.salt) + bytes(row.payload)).digest()
        before = link(before, position=row.position, row=row)
        assert base64.b64encode(before) == base64.b64encode(bytes(row.chain))


async def test_a_fact_above_900_kib_is_refused_when_it_is_said(
    database: Database, once: Once[TallyWork]
) -> None:
    with pytest.raises(EventTooLarge, match="at most 921600"):
        await say(once, "x" * 1_000_000)


async def test_a_service_may_say_its_own_facts_only(database: Database) -> None:
    async with database.transaction(None) as (session, now):
        work = SqlWork(session, Moment(now=now, service="another", tenant=None, correlation_id="c"))
        with pytest.raises(TypeError, match="another may not emit"):
            work.emit(Counted(name="a"), about="a")
