"""What is published of a member's site cannot be rewritten by another member, from list to released document."""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.component.aggregation.conftest import Aggregation, SentList, site
from tests.component.aggregation.rounds import five_lists, released_rows
from tests.conftest import ServiceDatabase

pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]

OS_ID = "BD2019067X1K87Z"
SHARED = range(4)
OWN = site(30, os_id=OS_ID)
LONGER = {
    "site_name": "Gladewater Packaging International Holding Ltd",
    "address": "Export Processing Zone, Plot 99, 4711 Lakeview Road Extension",
    "audit_date": "2025-11-11",
}
"""what an intruder says of the same OS ID"""


async def release(
    aggregation: Aggregation,
    lists: Mapping[UUID, Sequence[dict[str, str]]],
    as_of: date = date(2026, 6, 30),
) -> list[dict[str, str]]:
    """A round of these lists, from opening to the released rows."""
    round_id = await aggregation.open_round(as_of)
    for member, rows in lists.items():
        await aggregation.send(member, SentList(rows=list(rows)))
    await aggregation.close_round(round_id)
    return await released_rows(aggregation, await aggregation.release_round(round_id))


def about(rows: Sequence[dict[str, str]], street: str) -> list[dict[str, str]]:
    """The released rows in a street, without their ids."""
    return [
        {name: value for name, value in row.items() if name != "entry_id"}
        for row in rows
        if street in row["address"]
    ]


async def everybody(aggregation: Aggregation, count: int = 6) -> list[UUID]:
    members = [uuid4() for _ in range(count)]
    for member in members:
        await aggregation.participate(member)
    return members


def shared(**changed: str) -> list[dict[str, str]]:
    return [site(number, **changed) for number in SHARED]


async def test_one_row_with_the_same_os_id_a_longer_name_and_a_later_audit_rewrites_no_released_site(
    aggregation: Aggregation,
) -> None:
    owner, intruder, *others = await everybody(aggregation)
    lists = {member: shared() for member in (owner, intruder, *others)}
    lists[owner] = [*shared(), OWN]
    [before] = about(await release(aggregation, lists), "513 Lakeview")
    # Every member reports something new, so that changes are shown and nothing is held.
    lists = {
        member: [*shared(audit_date="2025-09-01"), site(40 + place, audit_date="2025-09-01")]
        for place, member in enumerate(lists)
    }
    lists[owner].append(OWN)
    lists[intruder].append({**OWN, **LONGER})
    rows = await release(aggregation, lists)
    assert about(rows, "513 Lakeview") == [before]
    assert not about(rows, "Plot 99")
    assert {row["audit_half_year"] for row in rows if row["site_name"].startswith("Aurora")} == {"2025-H2"}


@pytest.mark.parametrize(
    "stated",
    [
        {"site_name": LONGER["site_name"]},
        {"address": LONGER["address"]},
        {"audit_date": LONGER["audit_date"]},
        {"city": "Dhaka North", "region": "Dhaka Division"},
        {"lei": "5493001KJTIIGC8Y1R12"},
    ],
)
async def test_no_single_column_is_rewritten_even_where_five_groups_change_rows(
    aggregation: Aggregation, stated: dict[str, str]
) -> None:
    members = await everybody(aggregation, 11)
    own = [site(30 + place, zs=f"ZS40000000{place}") for place in range(5)]
    lists = {member: [row] for member, row in zip(members[:5], own, strict=True)}
    lists |= {member: shared() for member in members[5:]}
    first = await release(aggregation, lists)
    # Five intruders, each on another member's site: together enough for changes to be shown.
    for member, row in zip(members[5:10], own, strict=True):
        lists[member] = [*shared(), {**row, **stated}]
    second = await release(aggregation, lists)
    assert [about(second, f"{17 * number + 3} ") for number in range(30, 35)] == [
        about(first, f"{17 * number + 3} ") for number in range(30, 35)
    ]


async def test_two_independent_groups_that_agree_change_what_is_published(aggregation: Aggregation) -> None:
    members = await everybody(aggregation)
    known = [{**row, "zs": f"ZS40000000{number}"} for number, row in enumerate(shared(), start=1)]
    first = await release(aggregation, dict.fromkeys(members, known))
    moved = [{**row, "address": "9 Foundry Lane", "audit_date": "2025-09-01"} for row in known]
    second = await release(
        aggregation, {member: moved if place < 5 else known for place, member in enumerate(members)}
    )
    assert len(about(first, "Foundry Lane")) == 0
    assert len(about(second, "Foundry Lane")) == len(SHARED)
    assert {row["audit_half_year"] for row in second} == {"2025-H2"}


async def test_the_only_source_changes_its_own_row(aggregation: Aggregation) -> None:
    members = await everybody(aggregation, 5)
    lists = {member: [*shared(), site(30 + place)] for place, member in enumerate(members)}
    await release(aggregation, lists)
    again = {
        member: [
            *shared(),
            site(30 + place, site_name=f"Renamed {rows[-1]['site_name']}", audit_date="2025-09-01"),
        ]
        for place, (member, rows) in enumerate(lists.items())
    }
    renamed = [row for row in await release(aggregation, again) if row["site_name"].startswith("Renamed")]
    assert {row["audit_half_year"] for row in renamed} == {"2025-H2"}
    assert len(renamed) == 5


async def test_a_source_that_leaves_changes_no_text_and_no_half_year(aggregation: Aggregation) -> None:
    owner, second, *others = await everybody(aggregation, 7)
    lists = {member: shared() for member in (owner, second, *others)}
    lists[owner] = [*shared(), OWN]
    lists[second] = shared()
    [before] = about(await release(aggregation, lists), "513 Lakeview")
    lists[second] = [
        *shared(),
        {**OWN, "site_name": "Gladewater Packaging Works", "audit_date": "2024-12-01"},
    ]
    assert about(await release(aggregation, lists), "513 Lakeview") == [before]
    lists[owner] = shared()
    for _ in range(2):
        assert about(await release(aggregation, lists), "513 Lakeview") == [before]


async def test_an_os_id_alone_takes_no_site_over(aggregation: Aggregation) -> None:
    owner, intruder, *others = await everybody(aggregation)
    lists = {member: shared() for member in (owner, intruder, *others)}
    lists[owner] = [*shared(), OWN]
    lists[intruder] = [
        *shared(),
        site(61, os_id=OS_ID, site_name="Quartzite Holding Corp", city="Khulna", address="7 Foundry Lane"),
    ]
    rows = await release(aggregation, lists)
    names = {row["site_name"] for row in rows if row["os_id"] == OS_ID}
    assert names == {"Gladewater Packaging Ltd", "Quartzite Holding Corp"}


async def test_the_choice_key_is_read_by_the_resolver_alone_and_changed_by_nobody(
    aggregation: Aggregation, aggregation_database: ServiceDatabase
) -> None:
    await five_lists(aggregation)
    for role in ("app", "relay", "writer"):
        connection = await asyncpg.connect(aggregation_database.urls[role])
        try:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch("SELECT key FROM choice_key")
        finally:
            await connection.close()
    resolver = await asyncpg.connect(aggregation_database.urls["resolver"])
    try:
        assert len(await resolver.fetchval("SELECT key FROM choice_key")) == 32
        for statement in ("UPDATE choice_key SET key = key", "DELETE FROM choice_key"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await resolver.execute(statement)
    finally:
        await resolver.close()
