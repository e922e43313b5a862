"""What is said of a release's entries: pages that let an entry from an older release find its site again."""

from collections.abc import Sequence
from uuid import UUID, uuid4

import asyncpg
import pytest
from mrx_aggregation.adapters.pool import SqlPool
from mrx_shared.messages.aggregation import ENTRIES_PER_PAGE, ReleasePage
from mrx_shared.messages.envelope import decode
from mrx_shared.store.database import engine

from tests.component.aggregation.conftest import Aggregation, SentList, site
from tests.component.aggregation.rounds import five_lists, released_rows, survive_kills
from tests.conftest import ServiceDatabase

pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]

TOPIC = "mrx.aggregation.entries.v1"
RELEASED = """
    INSERT INTO released_site (release_id, site, entry_id, site_token)
    SELECT $1, int4send(number), $1::uuid || ' ' || number, number FROM generate_series(0, $2::int - 1) AS number
"""


async def pages(aggregation: Aggregation, release_id: object) -> list[ReleasePage]:
    rows = await aggregation.sql.fetch(
        "SELECT payload FROM outbox WHERE topic = $1 AND key = $2 ORDER BY entry", TOPIC, str(release_id)
    )
    return [decode(row["payload"], ReleasePage).data for row in rows]


async def next_release(
    aggregation: Aggregation, members: Sequence[UUID], numbers: Sequence[int], **changed: str
) -> dict[str, object]:
    """The same members send lists again, and the round is released."""
    round_id = await aggregation.open_round()
    for member in members:
        await aggregation.send(member, SentList(rows=[site(number, **changed) for number in numbers]))
    await aggregation.close_round(round_id)
    return await aggregation.release_round(round_id)


async def test_a_large_release_is_compared_in_one_pass_where_statistics_do_not_know_it_yet(
    aggregation: Aggregation, aggregation_database: ServiceDatabase
) -> None:
    sites, before, after = 40_000, uuid4(), uuid4()
    for known in (uuid4(), uuid4()):
        await aggregation.sql.execute(RELEASED, known, sites)
    await aggregation.sql.execute("ANALYZE released_site")
    for unknown in (before, after):
        await aggregation.sql.execute(RELEASED, unknown, sites)
    await aggregation.sql.execute("ALTER ROLE aggregation_writer SET statement_timeout = '15s'")
    writer = engine(aggregation_database.urls["writer"], pool_size=1)
    try:
        pages = SqlPool(writer).entries(after, before=before, at_once=10_000)
        found = [one async for some in pages for one in some]
    finally:
        await writer.dispose()
        await aggregation.sql.execute("ALTER ROLE aggregation_writer RESET statement_timeout")
    assert len(found) == sites
    assert {one.previous_entry_id for one in found} == {f"{before} {number}" for number in range(sites)}


async def test_an_entry_finds_its_site_in_the_release_before_although_it_was_audited_again(
    aggregation: Aggregation,
) -> None:
    members = [uuid4() for _ in range(5)]
    for member in members:
        await aggregation.participate(member)
    first = await next_release(aggregation, members, range(4))
    second = await next_release(aggregation, members, range(5), audit_date="2025-09-01")

    [before], [after] = [await pages(aggregation, one["release_id"]) for one in (first, second)]
    assert {one.previous_entry_id for one in before.entries} == {None}
    assert {one.entry_id for one in before.entries} == {
        row["entry_id"] for row in await released_rows(aggregation, first)
    }
    known = {one.site_token: one.entry_id for one in before.entries}
    new = {one.site_token: one for one in after.entries}
    assert len(new) == 5
    assert set(known) < set(new)
    for token, one in new.items():
        assert one.previous_entry_id == known.get(token)
        assert one.entry_id != one.previous_entry_id


async def test_pages_hold_at_most_five_hundred_entries_in_an_order_that_tells_nothing(
    aggregation: Aggregation,
) -> None:
    members = [uuid4() for _ in range(5)]
    for member in members:
        await aggregation.participate(member)
    numbers = range(ENTRIES_PER_PAGE + 1)
    many = [{**site(number), "site_name": f"Plant {number:04} Works"} for number in numbers]
    round_id = await aggregation.open_round()
    for member in members:
        await aggregation.send(member, SentList(rows=many))
    await aggregation.close_round(round_id)
    released = await aggregation.release_round(round_id)
    said = await pages(aggregation, released["release_id"])
    ids = [one.entry_id for page in said for one in page.entries]
    assert ids == sorted(ids)
    assert len(ids) == released["numbers"]["released"]
    assert [(page.page, page.pages) for page in said] == [(1, 2), (2, 2)]
    assert len(said[0].entries) == ENTRIES_PER_PAGE


async def test_a_kill_anywhere_in_a_release_says_its_pages_once(
    aggregation: Aggregation, monkeypatch: pytest.MonkeyPatch
) -> None:
    round_id = await aggregation.open_round()
    await five_lists(aggregation)
    await aggregation.close_round(round_id)
    await aggregation.caller("secretariat", subject="first").post(f"/v1/rounds/{round_id}/release")
    await aggregation.caller("secretariat", subject="second").post(f"/v1/rounds/{round_id}/approve")
    await survive_kills(aggregation, monkeypatch)
    await aggregation.carry_on()
    shown = await aggregation.round(round_id)
    [page] = await pages(aggregation, shown["release_id"])
    assert {one.entry_id for one in page.entries} == {
        row["entry_id"] for row in await released_rows(aggregation, shown)
    }


async def test_the_schemes_key_is_read_by_the_writer_alone_and_changed_by_nobody(
    aggregation: Aggregation, aggregation_database: ServiceDatabase
) -> None:
    for role in ("app", "relay", "resolver"):
        connection = await asyncpg.connect(aggregation_database.urls[role])
        try:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch("SELECT key FROM scheme_key")
        finally:
            await connection.close()
    writer = await asyncpg.connect(aggregation_database.urls["writer"])
    try:
        assert len(await writer.fetchval("SELECT key FROM scheme_key")) == 32
        for statement in ("UPDATE scheme_key SET key = key", "DELETE FROM scheme_key"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await writer.execute(statement)
    finally:
        await writer.close()


async def test_no_page_names_a_member(aggregation: Aggregation) -> None:
    round_id = await aggregation.open_round()
    members = await five_lists(aggregation)
    await aggregation.close_round(round_id)
    released = await aggregation.release_round(round_id)
    [page] = await pages(aggregation, released["release_id"])
    said = page.model_dump_json()
    assert not any(str(member) in said for member in members)
    assert {len(one.site_token) for one in page.entries} == {64}
