"""The pool, under the role `aggregation_writer`, which reads nothing of members."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from uuid import UUID

from mrx_shared.store.database import open_session
from mrx_shared.store.tables import columns, domain
from sqlalchemy import collate, delete
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import select

from mrx_aggregation.adapters.driver import transaction
from mrx_aggregation.adapters.resolver import refuse_frozen
from mrx_aggregation.adapters.tables import HeldSiteRow, PoolSiteRow, ReleaseKeyRow, SchemeKeyRow
from mrx_aggregation.domain.pool import POOL_COLUMNS, PoolSite, ReleasedEntry

_KEEP_IDS = """
    INSERT INTO released_site (release_id, site, entry_id, site_token)
    SELECT $1, * FROM unnest($2::bytea[], $3::text[], $4::text[]) ON CONFLICT DO NOTHING
"""
# Two rows may be one place with different audits; the site's entry before is then the one with the lowest id.
# A site's digest covers its half-year, so that rows of any round with that digest agree on it.
_ENTRIES = """
    SELECT entry_id, site_token, audit_half_year, previous_entry_id
    FROM released_site
        LEFT JOIN (SELECT DISTINCT site, audit_half_year FROM pool_site) AS pooled USING (site)
        LEFT JOIN (SELECT site_token, min(entry_id) AS previous_entry_id FROM released_site
            WHERE release_id = $2 GROUP BY site_token) AS older USING (site_token)
    WHERE release_id = $1 ORDER BY entry_id COLLATE "C"
"""


class SqlPool:
    """See `ports.Writer`."""

    def __init__(self, writer: AsyncEngine) -> None:
        self._writer = writer

    async def keep_pool(self, round_id: UUID, sites: Sequence[PoolSite]) -> None:
        async with transaction(self._writer) as (session, driver):
            await refuse_frozen(session, round_id)
            await session.exec(delete(PoolSiteRow).filter_by(round_id=round_id))
            await driver.copy_records_to_table(
                "pool_site",
                records=(
                    (round_id, site.digest, *(getattr(site, name) for name in POOL_COLUMNS)) for site in sites
                ),
                columns=("round_id", "site", *POOL_COLUMNS),
            )

    async def pool(self, round_id: UUID, *, at_once: int) -> AsyncGenerator[Sequence[PoolSite]]:
        contents = columns(PoolSiteRow, *POOL_COLUMNS)
        in_order = (
            select(*contents).filter_by(round_id=round_id).order_by(*(collate(one, "C") for one in contents))
        )
        async with open_session(self._writer) as session:
            rows = await session.stream(in_order.execution_options(yield_per=at_once))
            async for some in rows.partitions():
                yield [domain(PoolSite, row) for row in some]

    async def held(self, round_id: UUID) -> frozenset[bytes]:
        async with open_session(self._writer) as session:
            return frozenset(
                await session.exec(select(HeldSiteRow.site).where(HeldSiteRow.round_id == round_id))
            )

    async def keep_entry_ids(self, release_id: UUID, shown: Sequence[PoolSite]) -> Mapping[bytes, str]:
        async with transaction(self._writer) as (session, driver):
            of_release = select(ReleaseKeyRow.key).where(ReleaseKeyRow.release_id == release_id)
            key = (await session.exec(of_release)).one()
            scheme_key = (await session.exec(select(SchemeKeyRow.key))).one()
            ids = {site.digest: site.entry_id(key) for site in shown}
            tokens = {site.digest: site.site_token(scheme_key) for site in shown}
            await driver.execute(
                _KEEP_IDS, release_id, list(ids), list(ids.values()), [tokens[one] for one in ids]
            )
        return ids

    async def entries(
        self, release_id: UUID, *, before: UUID | None, at_once: int
    ) -> AsyncGenerator[Sequence[ReleasedEntry]]:
        async with transaction(self._writer) as (_, driver):
            # Statistics know nothing of a release that was written a moment ago: for a single entry, as PostgreSQL then
            # expects, it would go through all older entries, and do so for each of tens of thousands.
            await driver.execute("SET LOCAL enable_nestloop = off")
            cursor = await driver.cursor(_ENTRIES, release_id, before)
            while rows := await cursor.fetch(at_once):
                yield [ReleasedEntry(**row) for row in rows]
