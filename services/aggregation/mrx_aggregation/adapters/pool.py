"""The pool, under the role `aggregation_writer`, which reads nothing of members."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from mrx_aggregation.adapters.resolver import refuse_frozen, transaction
from mrx_aggregation.domain.pool import POOL_COLUMNS, PoolSite, ReleasedEntry

_NAMES = ", ".join(POOL_COLUMNS)
_FORGET = "DELETE FROM pool_site WHERE round_id = $1"
_KEEP = f"""
    INSERT INTO pool_site (round_id, site, {_NAMES})
    SELECT $1, * FROM unnest($2::bytea[], {", ".join(f"${place}::text[]" for place in range(3, 3 + len(POOL_COLUMNS)))})
"""  # noqa: S608
_IN_ORDER = ", ".join(f'{name} COLLATE "C"' for name in POOL_COLUMNS)
_POOL = f"SELECT {_NAMES} FROM pool_site WHERE round_id = $1 ORDER BY {_IN_ORDER}"  # noqa: S608
_HELD = "SELECT site FROM held_site WHERE round_id = $1"
_KEY = "SELECT key FROM release_key WHERE release_id = $1"
_SCHEME_KEY = "SELECT key FROM scheme_key"
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
        async with transaction(self._writer) as driver:
            await refuse_frozen(driver, round_id)
            await driver.execute(_FORGET, round_id)
            await driver.execute(
                _KEEP,
                round_id,
                [site.digest for site in sites],
                *([getattr(site, name) for site in sites] for name in POOL_COLUMNS),
            )

    async def pool(self, round_id: UUID, *, at_once: int) -> AsyncGenerator[Sequence[PoolSite]]:
        async with transaction(self._writer) as driver:
            cursor = await driver.cursor(_POOL, round_id)
            while rows := await cursor.fetch(at_once):
                yield [PoolSite(**row) for row in rows]

    async def held(self, round_id: UUID) -> frozenset[bytes]:
        async with transaction(self._writer) as driver:
            return frozenset(row["site"] for row in await driver.fetch(_HELD, round_id))

    async def keep_entry_ids(self, release_id: UUID, shown: Sequence[PoolSite]) -> Mapping[bytes, str]:
        async with transaction(self._writer) as driver:
            key = await driver.fetchval(_KEY, release_id)
            scheme_key = await driver.fetchval(_SCHEME_KEY)
            ids = {site.digest: site.entry_id(key) for site in shown}
            tokens = {site.digest: site.site_token(scheme_key) for site in shown}
            await driver.execute(
                _KEEP_IDS, release_id, list(ids), list(ids.values()), [tokens[one] for one in ids]
            )
        return ids

    async def entries(
        self, release_id: UUID, *, before: UUID | None, at_once: int
    ) -> AsyncGenerator[Sequence[ReleasedEntry]]:
        async with transaction(self._writer) as driver:
            cursor = await driver.cursor(_ENTRIES, release_id, before)
            while rows := await cursor.fetch(at_once):
                yield [ReleasedEntry(**row) for row in rows]
