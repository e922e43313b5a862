"""Nothing lost, nothing twice: from a record on Kafka to a committed handler."""

import asyncio
from uuid import UUID, uuid4

import asyncpg
import pytest
from mrx_shared.bus.dead_letters import dead_letters
from mrx_shared.bus.once import Delivery, Once
from mrx_shared.bus.subscriptions import Subscription, Subscriptions
from mrx_shared.bus.waiting_room import WaitingRoom
from mrx_shared.refusals import Rejected, TooEarly
from mrx_shared.store.database import Database
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from tests.component.delivery.conftest import Counted, TallyWork, event, record
from tests.conftest import ServiceDatabase

pytestmark = pytest.mark.live


async def tally(database: Database) -> dict[str, int]:
    async with database.transaction(None) as (session, _):
        return {
            row.name: row.times
            for row in await (await session.connection()).execute(
                text("SELECT name, count AS times FROM tally")
            )
        }


async def outbox(database: Database) -> list[tuple[str, str, int]]:
    async with database.relay_transaction() as (session, _):
        rows = await (await session.connection()).execute(
            text("SELECT topic, key, sequence FROM outbox ORDER BY entry")
        )
        return [(row.topic, row.key, row.sequence) for row in rows]


class Behaviour:
    """What the handler does next; tests change it."""

    def __init__(self) -> None:
        self.errors: list[Exception] = []
        self.missing: set[str] = set()
        self.refused: set[str] = set()
        self.transactions: list[int] = []
        self.failing_at: set[int] = set()


@pytest.fixture
def behaviour() -> Behaviour:
    return Behaviour()


@pytest.fixture
def listening(
    subscriptions: Subscriptions[TallyWork], once: Once[TallyWork], behaviour: Behaviour
) -> Subscription[TallyWork]:
    taken = subscriptions.subscribe("mrx.elsewhere.v1", description="what is counted elsewhere")

    @taken(Counted)
    async def on_counted(delivery: Delivery[Counted]) -> None:
        async def count(work: TallyWork) -> None:
            times = await work.count(delivery.data.name)
            current = await (await work.session.connection()).execute(text("SELECT txid_current()"))
            behaviour.transactions.append(current.scalar_one())
            work.emit(Counted(name=delivery.data.name, count=times), about=delivery.data.name)
            if delivery.data.name in behaviour.missing:
                raise TooEarly("not known yet", waiting_for=f"name/{delivery.data.name}")
            if delivery.data.name in behaviour.refused:
                raise Rejected("not like this")
            if len(behaviour.transactions) in behaviour.failing_at:
                raise ZeroDivisionError
            if behaviour.errors:
                raise behaviour.errors.pop(0)

        await once(delivery, count)

    return taken


async def test_two_deliveries_of_one_event_count_once_and_say_one_fact(
    listening: Subscription[TallyWork], database: Database
) -> None:
    payload = event("a")
    await listening.take(record(payload))
    await listening.take(record(payload, offset=7))
    assert await tally(database) == {"a": 1}
    assert await outbox(database) == [("mrx.tallying.v1", "a", 1)]


async def test_the_same_id_with_other_content_is_put_aside(
    listening: Subscription[TallyWork], database: Database
) -> None:
    same = uuid4()
    await listening.take(record(event("a", event_id=same)))
    await listening.take(record(event("b", event_id=same), offset=1))
    assert await tally(database) == {"a": 1}
    [dead] = await dead_letters(database, every=False, limit=10)
    assert dead["cause"] == "refused"
    assert "other content" in dead["reason"]


async def test_two_sources_may_use_equal_ids(listening: Subscription[TallyWork], database: Database) -> None:
    same = uuid4()
    await listening.take(record(event("a", event_id=same, source="/one")))
    await listening.take(record(event("a", event_id=same, source="/two"), offset=1))
    assert await tally(database) == {"a": 2}


async def test_two_members_may_use_equal_ids_and_sources(
    listening: Subscription[TallyWork], database: Database
) -> None:
    payload = event("a")
    for member in (uuid4(), uuid4()):
        await listening.take(record(payload, topic=f"mrx.in.lists.{member}"))
    assert await tally(database) == {"a": 2}


async def test_an_error_undoes_everything_and_the_next_try_counts(
    listening: Subscription[TallyWork], database: Database, behaviour: Behaviour
) -> None:
    behaviour.errors = [ZeroDivisionError(), ZeroDivisionError(), ZeroDivisionError()]
    await listening.take(record(event("a")))
    assert await tally(database) == {"a": 1}
    assert await outbox(database) == [("mrx.tallying.v1", "a", 1)]


async def test_an_error_that_stays_is_put_aside_after_five_tries_without_its_text(
    listening: Subscription[TallyWork], database: Database, behaviour: Behaviour
) -> None:
    behaviour.errors = [ZeroDivisionError("a secret supplier")] * 5
    await listening.take(record(event("a")))
    assert await tally(database) == {}
    [dead] = await dead_letters(database, every=False, limit=10)
    assert (dead["cause"], dead["tries"]) == ("failed", 5)
    assert "ZeroDivisionError" in dead["reason"]
    assert "secret" not in dead["reason"]


async def test_what_cannot_even_be_kept_goes_back_and_is_not_lost(
    listening: Subscription[TallyWork],
    database: Database,
    tally_database: ServiceDatabase,
    behaviour: Behaviour,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mrx_shared.kit.retries.FIRST_PAUSE_S", 0.001)
    behaviour.errors = [ZeroDivisionError()] * 5
    owner = await asyncpg.connect(tally_database.superuser_url)
    try:
        await owner.execute("ALTER TABLE dead_letter RENAME TO elsewhere")
        with pytest.raises(ProgrammingError):
            async with asyncio.timeout(20):
                await listening.take(record(event("a")))
    finally:
        await owner.execute("ALTER TABLE IF EXISTS elsewhere RENAME TO dead_letter")
        await owner.close()
    await listening.take(record(event("a")))
    assert await tally(database) == {"a": 1}


async def test_an_infrastructure_error_is_waited_out_and_never_put_aside(
    listening: Subscription[TallyWork],
    database: Database,
    behaviour: Behaviour,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mrx_shared.kit.retries.FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr("mrx_shared.bus.subscriptions.LONGEST_PAUSE_S", 0.002)
    behaviour.errors = [ConnectionError()] * 12
    await listening.take(record(event("a")))
    assert await tally(database) == {"a": 1}
    assert await dead_letters(database, every=True, limit=10) == []


@pytest.mark.parametrize("payload", [b"", b"\xff\xfe", b"[]", b"{}", b'{"type":"mrx.tallying.counted.v1"}'])
async def test_what_cannot_be_read_is_put_aside_at_once(
    payload: bytes, listening: Subscription[TallyWork], database: Database
) -> None:
    await listening.take(record(payload))
    [dead] = await dead_letters(database, every=False, limit=10)
    assert (dead["cause"], dead["tries"]) == ("unreadable", 1)


async def test_a_type_without_a_handler_is_passed_over(
    listening: Subscription[TallyWork], database: Database
) -> None:
    await listening.take(record(event("a").replace(b"counted.v1", b"another.v1")))
    assert await tally(database) == {}
    assert await dead_letters(database, every=True, limit=10) == []


async def test_a_type_that_nobody_knows_is_refused_on_a_members_own_topic(
    listening: Subscription[TallyWork], database: Database
) -> None:
    unknown = event("a").replace(b"counted.v1", b"another.v1")
    await listening.take(record(unknown, topic=f"mrx.in.lists.{uuid4()}"))
    [dead] = await dead_letters(database, every=False, limit=10)
    assert (dead["cause"], dead["reason"].split(":")[0]) == ("refused", "type")


async def test_a_replayed_dead_letter_really_runs_and_only_once(
    listening: Subscription[TallyWork], database: Database, behaviour: Behaviour
) -> None:
    behaviour.errors = [Rejected("not like this", field="name", remedy="rename it")]
    again = record(event("a"))
    await listening.take(again)
    assert await tally(database) == {}
    [dead] = await dead_letters(database, every=False, limit=10)
    assert dead["reason"] == "name: not like this; rename it"

    await listening.take(again)
    assert await tally(database) == {}, "a redelivery of a dead letter must not run"

    assert await listening.dispatch(again, dead_letter=dead["id"]) == "handled"
    assert await tally(database) == {"a": 1}
    assert await dead_letters(database, every=False, limit=10) == []
    with pytest.raises(Rejected, match="already been replayed"):
        await listening.dispatch(again, dead_letter=dead["id"])
    assert await tally(database) == {"a": 1}


async def test_what_came_too_early_waits_and_is_taken_up_in_order_with_all_behind_it(
    listening: Subscription[TallyWork],
    subscriptions: Subscriptions[TallyWork],
    database: Database,
    behaviour: Behaviour,
) -> None:
    behaviour.missing = {"a", "b"}
    room = WaitingRoom(subscriptions)
    for offset, name in enumerate(["a", "b", "a", "c"]):
        await listening.take(record(event(name), offset=offset))
    assert await tally(database) == {"c": 1}
    assert await room.look() == 0

    behaviour.missing = {"b"}
    assert await room.look() == 2
    assert await tally(database) == {"a": 2, "c": 1}
    behaviour.missing = set()
    assert await room.look() == 1
    assert await tally(database) == {"a": 2, "b": 1, "c": 1}
    assert await room.look() == 0


async def test_a_waiting_event_that_is_delivered_again_is_kept_and_counted_once(
    listening: Subscription[TallyWork],
    subscriptions: Subscriptions[TallyWork],
    database: Database,
    behaviour: Behaviour,
) -> None:
    behaviour.missing = {"a"}
    payload = event("a")
    await listening.take(record(payload))
    await listening.take(record(payload, offset=3))
    behaviour.missing = set()
    await listening.take(record(payload, offset=4))
    await WaitingRoom(subscriptions).look()
    assert await tally(database) == {"a": 1}


async def test_the_tenant_is_the_topics_member(
    subscriptions: Subscriptions[TallyWork], once: Once[TallyWork]
) -> None:
    seen: list[tuple[UUID | None, str]] = []
    taken = subscriptions.subscribe("mrx.in.lists.", description="lists")

    @taken(Counted)
    async def on_counted(delivery: Delivery[Counted]) -> None:
        async def look(work: TallyWork) -> None:
            setting = await (await work.session.connection()).execute(
                text("SELECT current_setting('mrx.tenant', true)")
            )
            seen.append((delivery.member, setting.scalar_one()))

        await once(delivery, look)

    member = uuid4()
    await taken.take(record(event("a"), topic=f"mrx.in.lists.{member}"))
    assert seen == [(member, str(member))]


async def test_a_name_with_a_control_character_is_unreadable_and_holds_up_nothing(
    listening: Subscription[TallyWork], database: Database
) -> None:
    await listening.take(record(event("a").replace(b'"/elsewhere"', b'"/else\\u0000where"')))
    await listening.take(record(event("b"), offset=1))
    [dead] = await dead_letters(database, every=False, limit=10)
    assert dead["cause"] == "unreadable"
    assert await tally(database) == {"b": 1}


async def test_a_dead_letter_keeps_its_place_though_a_topic_made_anew_gives_its_offset_again(
    listening: Subscription[TallyWork], database: Database
) -> None:
    await listening.take(record(b"poison of the first topic", offset=3))
    await listening.take(record(b"poison of the second topic", offset=3))
    assert len(await dead_letters(database, every=False, limit=10)) == 2


async def test_one_causes_trouble_does_not_hold_up_what_waits_for_another(
    listening: Subscription[TallyWork],
    subscriptions: Subscriptions[TallyWork],
    database: Database,
    behaviour: Behaviour,
) -> None:
    behaviour.missing = {"a", "b"}
    for offset, name in enumerate(["a", "b"]):
        await listening.take(record(event(name), offset=offset))
    behaviour.missing = set()
    behaviour.errors = [ZeroDivisionError()] * 5
    room = WaitingRoom(subscriptions)
    await room.look()
    assert await dead_letters(database, every=False, limit=10) == []
    for _ in range(5):
        await room.look()
    assert (await tally(database)).keys() <= {"a", "b"}
    letters = await dead_letters(database, every=False, limit=10)
    assert len(letters) + len(await tally(database)) == 2
    assert len(letters) <= 1


async def test_records_that_lie_in_wait_are_handled_once_each_in_one_transaction(
    listening: Subscription[TallyWork], database: Database, behaviour: Behaviour
) -> None:
    twice = event("a")
    records = [record(payload, offset=at) for at, payload in enumerate([twice, event("b"), twice])]
    await listening.take_all(records)
    await listening.take_all(records)
    assert await tally(database) == {"a": 1, "b": 1}
    assert await outbox(database) == [("mrx.tallying.v1", "a", 1), ("mrx.tallying.v1", "b", 1)]
    assert len(behaviour.transactions) == 2
    assert len(set(behaviour.transactions)) == 1


async def test_one_that_is_refused_unreadable_or_too_early_harms_none_of_its_neighbours(
    listening: Subscription[TallyWork],
    subscriptions: Subscriptions[TallyWork],
    database: Database,
    behaviour: Behaviour,
) -> None:
    behaviour.refused, behaviour.missing = {"bad"}, {"early"}
    payloads = [event("a"), event("bad"), b"{", event("early"), event("a")]
    await listening.take_all([record(payload, offset=at) for at, payload in enumerate(payloads)])
    assert await tally(database) == {"a": 2}
    letters = await dead_letters(database, every=False, limit=10)
    assert [(dead["kafka_offset"], dead["cause"], dead["tries"]) for dead in letters] == [
        (1, "refused", 1),
        (2, "unreadable", 1),
    ]
    behaviour.missing = set()
    assert await WaitingRoom(subscriptions).look() == 1
    assert await tally(database) == {"a": 2, "early": 1}


async def test_an_error_of_the_last_undoes_all_before_it_and_then_each_counts_once(
    listening: Subscription[TallyWork], database: Database, behaviour: Behaviour
) -> None:
    behaviour.failing_at = {2}
    await listening.take_all([record(event("a")), record(event("a"), offset=1)])
    assert len(set(behaviour.transactions)) == 3
    assert await tally(database) == {"a": 2}
    assert await outbox(database) == [("mrx.tallying.v1", "a", 1), ("mrx.tallying.v1", "a", 2)]
    assert await dead_letters(database, every=True, limit=10) == []
