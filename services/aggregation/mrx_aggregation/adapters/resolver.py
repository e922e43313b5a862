"""All members' lists and links, under the role `aggregation_resolver`."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
from mrx_matching import SiteRecord
from mrx_shared.refusals import Rejected
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mrx_aggregation.adapters.facts import participation
from mrx_aggregation.domain.disclosure import Attributed, Decisions, Entry, attribute
from mrx_aggregation.domain.groups import independent_groups
from mrx_aggregation.domain.pool import POOL_COLUMNS, Audited, PoolSite
from mrx_aggregation.domain.rounds import Numbers, RoundState, Waiting
from mrx_aggregation.ports import Linked, Owned

_UNSETTLED = text("""
    SELECT
        (SELECT count(*) FROM received_list WHERE state = 'waiting') AS lists,
        (SELECT count(*) FROM received_list AS one WHERE state = 'incomplete' AND NOT EXISTS (
            SELECT 1 FROM received_list AS newer
            WHERE (newer.member_id, newer.list_id) = (one.member_id, one.list_id)
                AND newer.revision > one.revision AND newer.state <> 'incomplete')) AS incomplete,
        (SELECT coalesce(sum(waiting), 0) FROM received_list WHERE round_id = :round_id) AS entries
""")
_SO_FAR = text("""
    SELECT count(*) AS lists, coalesce(sum(rows), 0) AS rows, coalesce(sum(accepted), 0) AS accepted,
        coalesce(sum(refused), 0) AS refused, coalesce(sum(waiting), 0) AS waiting,
        coalesce(array_agg(DISTINCT member_id) FILTER (WHERE accepted > 0), '{}') AS contributors
    FROM (SELECT coalesce(cardinality(left_rows), rows) AS rows, accepted, refused, waiting, member_id
        FROM received_list WHERE round_id = :round_id) AS counted
""")
_FROZEN = text("""
    SELECT count(*) AS lists, coalesce(sum(rows), 0) AS rows, coalesce(sum(accepted), 0) AS accepted,
        coalesce(sum(refused), 0) AS refused, coalesce(sum(waiting), 0) AS waiting,
        coalesce(array_agg(DISTINCT member_id) FILTER (WHERE accepted > 0), '{}') AS contributors
    FROM contribution WHERE round_id = :round_id
""")
_SITES = text("""
    SELECT (SELECT count(*) FROM pool_site WHERE round_id = :round_id) AS sites,
        (SELECT count(*) FROM held_site WHERE round_id = :round_id) AS held,
        (SELECT count(*) FROM (SELECT site FROM link WHERE round_id = :round_id AND NOT stays
            GROUP BY site HAVING count(DISTINCT (member_id, list_id)) > 1) AS shared) AS several
""")
_PARTICIPATIONS = text("SELECT * FROM participation")
_COMPANY_NAMES = text("SELECT DISTINCT unnest(company_names) FROM participation")
_READY = text("""
    SELECT one.member_id, one.list_id, one.revision
    FROM received_list AS one
        LEFT JOIN participation USING (member_id)
        LEFT JOIN (SELECT round_id FROM round WHERE state = 'open') AS open_round ON true
    WHERE (one.state = 'waiting' AND one.cause = 'participation' AND participation.member_id IS NOT NULL)
        OR (one.state = 'refused' AND one.cause = 'participation' AND participation.participates)
        OR (one.state = 'waiting' AND one.cause = 'round' AND open_round.round_id IS NOT NULL)
        OR (one.state = 'accepted' AND one.waiting > 0 AND one.round_id = open_round.round_id AND EXISTS (
            SELECT 1 FROM entry JOIN recognition
                ON (code_key, version_key) = (entry.waits_for_code, entry.waits_for_version)
            WHERE (entry.member_id, entry.list_id, entry.revision) = (one.member_id, one.list_id, one.revision)))
    ORDER BY 1, 2, 3
""")
_TO_JUDGE = text("""
    SELECT member_id, list_id, revision FROM received_list WHERE round_id = :round_id AND NOT EXISTS (
        SELECT 1 FROM contribution AS judged WHERE judged.round_id = :round_id
            AND (judged.member_id, judged.list_id, judged.revision)
                = (received_list.member_id, received_list.list_id, received_list.revision))
    ORDER BY 1, 2, 3
""")
_ENTRIES = """
    SELECT member_id, list_id, revision, entry.row, site_name, address, city, region, postcode, country, audit_date,
        scheme_family, os_id, lei, duns, gln, vat, zs, zc
    FROM contribution JOIN entry USING (round_id, member_id, list_id, revision)
    WHERE round_id = $1 AND waits_for_code IS NULL
"""
_FORGET_LINKS = "DELETE FROM link WHERE round_id = $1"
_LINK = """
    INSERT INTO link (round_id, member_id, list_id, revision, row, record, audit_date, scheme_family, site)
    SELECT $1, * FROM unnest($2::uuid[], $3::uuid[], $4::integer[], $5::integer[], $6::bytea[], $7::date[], $8::text[],
        $9::bytea[])
"""
_LOCK_WRITES = "SELECT pg_advisory_xact_lock_shared(hashtextextended('mrx.round.writes.' || $1::text, 0))"
_STATE = "SELECT state FROM round WHERE round_id = $1"
_LATEST = "SELECT release_id FROM release WHERE released_at IS NOT NULL ORDER BY released_at DESC LIMIT 1"
_SHOWN = f"""
    SELECT member_id, record, audit_date, link.scheme_family AS own_family, {", ".join(f"pool_site.{name}" for name in POOL_COLUMNS)}
    FROM link JOIN pool_site USING (round_id, site)
    WHERE round_id = (SELECT round_id FROM release WHERE release_id = $1) AND NOT EXISTS (
        SELECT 1 FROM held_site WHERE (held_site.round_id, held_site.site) = (link.round_id, link.site))
"""  # noqa: S608
_STAY = """
    INSERT INTO link (round_id, member_id, list_id, revision, row, record, audit_date, scheme_family, site, stays)
    SELECT $1, member_id, list_id, revision, row, record, audit_date, scheme_family, site, true
    FROM link WHERE round_id = (SELECT round_id FROM release WHERE release_id = $2) AND site = ANY($3::bytea[])
    ON CONFLICT DO NOTHING
"""
_CHOICE_KEY = "SELECT key FROM choice_key"
_FORGET_HELD = "DELETE FROM held_site WHERE round_id = $1"
_HOLD = "INSERT INTO held_site (round_id, site) SELECT $1, unnest($2::bytea[])"


class SqlSurvey:
    """See `ports.Survey`."""

    def __init__(self, resolver: AsyncEngine) -> None:
        self._resolver = resolver

    async def unsettled(self, round_id: UUID) -> Waiting:
        async with self._resolver.connect() as connection:
            row = (await connection.execute(_UNSETTLED, {"round_id": round_id})).mappings().one()
        return Waiting(**row)

    async def numbers(self, round_id: UUID) -> Numbers:
        async with self._resolver.connect() as connection:
            return await _numbers(connection, round_id, frozen=False)

    async def ready(self) -> Sequence[tuple[UUID, UUID, int]]:
        async with self._resolver.connect() as connection:
            return [(row[0], row[1], row[2]) for row in await connection.execute(_READY)]

    async def to_judge(self, round_id: UUID) -> Sequence[tuple[UUID, UUID, int]]:
        async with self._resolver.connect() as connection:
            rows = await connection.execute(_TO_JUDGE, {"round_id": round_id})
            return [(row[0], row[1], row[2]) for row in rows]


class SqlResolver:
    """See `ports.Resolver`. A stated key stands in place of the stored one."""

    def __init__(self, resolver: AsyncEngine, *, stated_key: bytes | None = None) -> None:
        self._resolver = resolver
        self._stated_key = stated_key

    async def entries(self, round_id: UUID) -> Sequence[Owned]:
        async with transaction(self._resolver) as driver:
            rows = await driver.fetch(_ENTRIES, round_id)
        return await asyncio.to_thread(_owned, rows)

    async def keep_links(self, round_id: UUID, links: Sequence[Linked]) -> None:
        async with transaction(self._resolver) as driver:
            await refuse_frozen(driver, round_id)
            await driver.execute(_FORGET_LINKS, round_id)
            await driver.execute(_LINK, round_id, *await asyncio.to_thread(_columns, links))

    async def groups(self) -> Mapping[UUID, UUID]:
        async with self._resolver.connect() as connection:
            return await _groups(connection)

    async def company_names(self) -> Collection[str]:
        async with self._resolver.connect() as connection:
            return (await connection.execute(_COMPANY_NAMES)).scalars().all()

    async def choice_key(self) -> bytes:
        if self._stated_key is not None:
            return self._stated_key
        async with transaction(self._resolver) as driver:
            key: bytes = await driver.fetchval(_CHOICE_KEY)
        return key

    async def latest_release_id(self) -> UUID | None:
        async with transaction(self._resolver) as driver:
            latest: UUID | None = await driver.fetchval(_LATEST)
        return latest

    async def released_in(self, release_id: UUID) -> Sequence[Attributed]:
        async with transaction(self._resolver) as driver:
            rows = await driver.fetch(_SHOWN, release_id)
        return await asyncio.to_thread(_attributed, rows, await self.groups())

    async def keep_decisions(
        self,
        round_id: UUID,
        decisions: Decisions,
        staying: Collection[PoolSite],
        *,
        compared_with: UUID | None,
    ) -> None:
        async with transaction(self._resolver) as driver:
            await refuse_frozen(driver, round_id)
            await driver.execute(_FORGET_HELD, round_id)
            await driver.execute(_HOLD, round_id, sorted(decisions.held))
            if staying:
                await driver.execute(_STAY, round_id, compared_with, [site.digest for site in staying])

    async def numbers(self, round_id: UUID) -> Numbers:
        async with self._resolver.connect() as connection:
            return await _numbers(connection, round_id, frozen=True)


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[asyncpg.Connection]:
    """A transaction in the driver's own words, for arrays and many rows."""
    async with engine.begin() as connection:
        await connection.execute(
            text("SELECT 1")
        )  # the driver begins its transaction with the first statement
        driver = (await connection.get_raw_connection()).driver_connection
        assert isinstance(driver, asyncpg.Connection)
        yield driver


async def refuse_frozen(driver: asyncpg.Connection, round_id: UUID) -> None:
    """Raise unless the round is still closing; until the transaction ends it stays so."""
    await driver.execute(_LOCK_WRITES, str(round_id))
    if await driver.fetchval(_STATE, round_id) != RoundState.CLOSING:
        raise Rejected(
            "the round is frozen; nothing in it is changed any more",
            field="round_id",
            remedy="look at the round's state with GET /v1/rounds",
        )


async def _groups(connection: AsyncConnection) -> Mapping[UUID, UUID]:
    rows = (await connection.execute(_PARTICIPATIONS)).mappings()
    return independent_groups(participation(row) for row in rows)


async def _numbers(connection: AsyncConnection, round_id: UUID, *, frozen: bool) -> Numbers:
    this = {"round_id": round_id}
    counts = (await connection.execute(_FROZEN if frozen else _SO_FAR, this)).mappings().one()
    waiting = (await connection.execute(_UNSETTLED, this)).mappings().one()
    sites = (await connection.execute(_SITES, this)).mappings().one()
    groups = await _groups(connection)
    return Numbers(
        lists=counts["lists"],
        rows=counts["rows"],
        accepted=counts["accepted"],
        refused=counts["refused"],
        waiting=counts["waiting"],
        lists_waiting=waiting["lists"],
        lists_incomplete=waiting["incomplete"],
        sites=sites["sites"],
        sites_on_several_lists=sites["several"],
        independent_groups=len({groups[member] for member in counts["contributors"] if member in groups}),
        released=sites["sites"] - sites["held"],
        held=sites["held"],
    )


def _columns(links: Sequence[Linked]) -> list[list[Any]]:
    return [
        [link.member_id for link in links],
        [link.list_id for link in links],
        [link.revision for link in links],
        [link.row for link in links],
        [link.entry.record for link in links],
        [link.entry.audit_date for link in links],
        [link.entry.scheme_family for link in links],
        [link.site.digest for link in links],
    ]


def _attributed(rows: Sequence[Any], groups: Mapping[UUID, UUID]) -> list[Attributed]:
    links = (
        (
            PoolSite(**{name: row[name] for name in POOL_COLUMNS}),
            Entry(row["member_id"], row["record"], row["audit_date"], row["own_family"]),
        )
        for row in rows
    )
    return attribute(links, groups)


def _owned(rows: Sequence[Any]) -> list[Owned]:
    return [
        Owned(
            member_id=row["member_id"],
            list_id=row["list_id"],
            revision=row["revision"],
            row=row["row"],
            audited=Audited(
                record=SiteRecord(
                    key=place,
                    name=row["site_name"],
                    address=row["address"],
                    city=row["city"],
                    region=row["region"],
                    postcode=row["postcode"],
                    country=row["country"],
                    os_id=row["os_id"],
                    lei=row["lei"],
                    duns=row["duns"],
                    gln=row["gln"],
                    vat=row["vat"],
                    zs=row["zs"],
                    zc=row["zc"],
                ),
                audit_date=row["audit_date"],
                scheme_family=row["scheme_family"],
            ),
        )
        for place, row in enumerate(rows)
    ]
