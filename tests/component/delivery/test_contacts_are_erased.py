"""What came with contacts and could not be handled is kept for a week, then its contents are erased."""

from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import asyncpg
import httpx
import pytest
from mrx_shared.bus.dead_letters import dead_letters
from mrx_shared.bus.once import Delivery, Once
from mrx_shared.bus.operations import operations
from mrx_shared.bus.subscriptions import Subscriptions
from mrx_shared.bus.waiting_room import WaitingRoom
from mrx_shared.kit.http import build_api
from mrx_shared.messages.topics import BRIEF
from mrx_shared.refusals import Rejected, TooEarly
from mrx_shared.store.database import Database

from tests.component.delivery.conftest import Counted, TallyWork, event, record
from tests.conftest import ServiceDatabase

pytestmark = pytest.mark.live

OF_CONTACTS = [*sorted(BRIEF), f"mrx.in.requests.{uuid4()}"]
OTHERS = ["mrx.elsewhere.v1", f"mrx.in.lists.{uuid4()}"]


async def take(topic: str, name: str, subscriptions: Subscriptions[TallyWork], once: Once[TallyWork]) -> None:
    """An event comes that is refused, or waits."""
    listening = subscriptions.subscribe(topic, description="what is counted elsewhere")

    @listening(Counted)
    async def on_counted(delivery: Delivery[Counted]) -> None:
        async def count(work: TallyWork) -> None:
            if delivery.data.name == "early":
                raise TooEarly("not known yet", waiting_for="what never comes")
            if delivery.data.name == "wrong":
                raise Rejected("not like this")
            await work.count(delivery.data.name)

        await once(delivery, count)

    await listening.take(record(event(name), topic=topic))


async def age(database: ServiceDatabase, days: float) -> None:
    """So long ago all of this happened."""
    sql = await asyncpg.connect(database.superuser_url)
    for table, moment in (("dead_letter", "died_at"), ("waiting", "since")):
        await sql.execute(f"UPDATE {table} SET {moment} = {moment} - make_interval(secs => $1)", days * 86400)
    await sql.close()


async def payloads(database: ServiceDatabase) -> list[bytes | None]:
    sql = await asyncpg.connect(database.superuser_url)
    rows = await sql.fetch("SELECT payload FROM dead_letter UNION ALL SELECT payload FROM waiting")
    await sql.close()
    return [row["payload"] for row in rows]


@pytest.mark.parametrize("topic", OF_CONTACTS)
async def test_a_dead_letter_with_contacts_is_erased_after_seven_days_and_no_sooner(
    topic: str,
    subscriptions: Subscriptions[TallyWork],
    once: Once[TallyWork],
    database: Database,
    tally_database: ServiceDatabase,
) -> None:
    await take(topic, "wrong", subscriptions, once)
    await age(tally_database, 6.99)
    await WaitingRoom(subscriptions).look()
    assert None not in await payloads(tally_database)
    await age(tally_database, 0.02)
    await WaitingRoom(subscriptions).look()
    assert await payloads(tally_database) == [None]
    assert await dead_letters(database, every=False, limit=10) == []
    [dead] = await dead_letters(database, every=True, limit=10)
    assert (dead["reason"], dead["erased_at"] is None) == ("not like this", False)


@pytest.mark.parametrize("topic", OF_CONTACTS)
async def test_what_waited_for_seven_days_with_contacts_waits_no_more(
    topic: str,
    subscriptions: Subscriptions[TallyWork],
    once: Once[TallyWork],
    database: Database,
    tally_database: ServiceDatabase,
) -> None:
    await take(topic, "early", subscriptions, once)
    await age(tally_database, 7.01)
    await WaitingRoom(subscriptions).look()
    assert await payloads(tally_database) == [None]
    [dead] = await dead_letters(database, every=True, limit=10)
    assert dead["reason"] == "it waited too long for what never comes"


@pytest.mark.parametrize("topic", OTHERS)
@pytest.mark.parametrize("name", ["wrong", "early"])
async def test_what_has_no_contacts_is_kept(
    topic: str,
    name: str,
    subscriptions: Subscriptions[TallyWork],
    once: Once[TallyWork],
    database: Database,
    tally_database: ServiceDatabase,
) -> None:
    del database
    await take(topic, name, subscriptions, once)
    await age(tally_database, 400)
    await WaitingRoom(subscriptions).look()
    [kept] = await payloads(tally_database)
    assert kept


async def test_an_operator_is_told_that_an_erased_letter_cannot_be_replayed(
    subscriptions: Subscriptions[TallyWork],
    once: Once[TallyWork],
    database: Database,
    tally_database: ServiceDatabase,
) -> None:
    await take(OF_CONTACTS[-1], "wrong", subscriptions, once)
    await age(tally_database, 8)
    await WaitingRoom(subscriptions).look()
    [dead] = await dead_letters(database, every=True, limit=10)

    api = build_api(service="tallying", title="Tallying", description="Counts.")
    parts = SimpleNamespace(database=database, subscriptions=subscriptions)
    access = SimpleNamespace(require=lambda *_: lambda: None)
    api.include_router(operations(cast("Any", parts), cast("Any", access)))
    transport = httpx.ASGITransport(app=api)
    async with httpx.AsyncClient(transport=transport, base_url="http://tallying.test") as http:
        path = f"/v1/operations/dead-letters/{dead['id']}"
        shown = (await http.get(path)).json()
        assert (shown["payload"], bool(shown["erased_at"])) == (None, True)
        refused = await http.post(f"{path}/replay")
    assert (refused.status_code, refused.json()["remedy"]) == (409, "have its sender send it again")
    assert "were erased on" in refused.json()["detail"]
