"""Received lists in PostgreSQL, under the row-level security of their member."""

import io
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import polars as pl
from mrx_shared.bus.repository import Repository
from mrx_shared.refusals import Unavailable
from mrx_shared.store.tables import among, domain, upsert, values
from sqlalchemy import Delete, delete, func, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import SQLModel, col, select

from mrx_aggregation.adapters.driver import driver_of
from mrx_aggregation.adapters.tables import ContributionRow, EntryRow, PageRow, ReceivedListRow, RefusalRow
from mrx_aggregation.domain.cells import printable
from mrx_aggregation.domain.lists import Cause, ListState, Manifest, ReceivedList, ReceivedPage, Tally
from mrx_aggregation.domain.rows import RefusedRow, Verdict

MOST_NAMES = 20
"""columns that are not read are named up to this many a page"""

QUICKLY = 1
"""pages are packed before they go to the server, which would take longer for it, and for their way through its log"""
_OUTAGES = (
    asyncpg.PostgresConnectionError,
    asyncpg.exceptions.InterfaceError,
    asyncpg.exceptions.OperatorInterventionError,
    asyncpg.exceptions.TransactionRollbackError,
    asyncpg.exceptions.InsufficientResourcesError,
)
"""errors after which the same try may succeed: connection lost, shutdown, deadlock, too many connections"""
WAITS = col(EntryRow.waits_for_code).is_not(None)

# Every page of every list comes this way, so these run in the driver. All revisions of a list are held together:
# one may take another's place.
_BEGIN = """
    INSERT INTO received_list (member_id, list_id, revision, received_at, state)
    SELECT $1::uuid, $2::uuid, $3::integer, $4::timestamptz, 'incomplete'
    FROM (SELECT pg_advisory_xact_lock(hashtextextended($5::text, 0))) AS held
    ON CONFLICT DO NOTHING
"""
_HELD = "SELECT * FROM received_list WHERE list_id = $1 AND revision = $2"
_KEEP_PAGE = """
    INSERT INTO page (member_id, list_id, revision, page, rows, digest, body, unread)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING true
"""
# COPY does not work into a table with row-level security.
_TAKE_IN = """
    CREATE TEMPORARY TABLE IF NOT EXISTS taken_in ON COMMIT DELETE ROWS AS TABLE entry WITH NO DATA
"""
_ENTER = "INSERT INTO entry TABLE taken_in"
_FORGET_TAKEN = "TRUNCATE taken_in"


class Record(asyncpg.Record):
    """The driver's row, read as a table's row is."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  (of any column)
        return self[name]


class SqlLists(Repository):
    """See `ports.Lists`. The tenant is set in the transaction, so that only one member's rows are there."""

    async def hold(self, list_id: UUID, revision: int) -> ReceivedList:
        member_id, now = self._work.moment.tenant, self._work.now
        async with self._driven() as driver:
            await driver.execute(_BEGIN, member_id, list_id, revision, now, f"{member_id}/{list_id}")
            return _received(await driver.fetchrow(_HELD, list_id, revision, record_class=Record))

    async def find(self, list_id: UUID, revision: int) -> ReceivedList | None:
        row = await self._first(select(ReceivedListRow).filter_by(list_id=list_id, revision=revision))
        return _received(row) if row else None

    async def revisions(self, list_id: UUID) -> Sequence[ReceivedList]:
        of_it = select(ReceivedListRow).where(ReceivedListRow.list_id == list_id)
        rows = await self._all(of_it.order_by(col(ReceivedListRow.revision)))
        return [_received(row) for row in rows]

    async def newest_first(self, *, limit: int) -> Sequence[ReceivedList]:
        newest = select(ReceivedListRow).order_by(
            col(ReceivedListRow.received_at).desc(),
            col(ReceivedListRow.list_id),
            col(ReceivedListRow.revision).desc(),
        )
        return [_received(row) for row in await self._all(newest.limit(limit))]

    async def keep(self, received: ReceivedList) -> None:
        manifest = received.manifest
        stands = {
            **{name: getattr(manifest, name, None) for name in ("pages", "rows", "sha256")},
            **{name: getattr(received, name) for name in ("state", "cause", "reason", "remedy", "round_id")},
            **values(received.tally),
            "left_rows": received.left_rows,
        }
        await self._do(update(ReceivedListRow).filter_by(**_this(received)).values(stands))

    async def page_digest(self, received: ReceivedList, number: int) -> bytes | None:
        return await self._first(select(PageRow.digest).filter_by(**_this(received), page=number))

    async def keep_page(self, received: ReceivedList, page: ReceivedPage) -> bool:
        async with self._driven() as driver:
            kept = await driver.fetchval(
                _KEEP_PAGE,
                received.member_id,
                received.list_id,
                received.revision,
                page.number,
                page.rows,
                page.digest,
                zlib.compress(page.body, QUICKLY),
                [printable(name) for name in page.columns.unread[:MOST_NAMES]],
            )
        return kept is not None

    async def drop_pages(self, received: ReceivedList) -> None:
        await self._do(_without(PageRow, received))

    async def pages_here(self, received: ReceivedList) -> tuple[int, int, int]:
        pages = select(
            func.count(),
            func.coalesce(func.max(PageRow.page), 0),
            func.coalesce(func.sum(PageRow.rows), 0),
        )
        found = await self._first(pages.filter_by(**_this(received)))
        assert found is not None
        return found

    async def bodies(self, received: ReceivedList, *, at_once: int) -> AsyncIterator[bytes]:
        pages = select(PageRow.page, PageRow.body).filter_by(**_this(received))
        in_order = pages.order_by(col(PageRow.page)).limit(at_once)
        after = 0
        while some := await self._all(in_order.where(PageRow.page > after)):
            after, _ = some[-1]
            yield b"".join(zlib.decompress(body) for _, body in some)

    async def unread_columns(self, received: ReceivedList) -> Sequence[str]:
        unread = select(func.unnest(PageRow.unread))
        return await self._all(unread.filter_by(**_this(received)).distinct())

    async def forget_verdict(self, received: ReceivedList) -> None:
        await self._do(_without(EntryRow, received).filter_by(round_id=received.round_id))
        refused = _without(RefusalRow, received)
        if received.left_rows is not None:
            refused = refused.where(among(RefusalRow.row, received.left_rows))
        await self._do(refused)

    async def keep_verdict(self, received: ReceivedList, verdict: Verdict, *, round_id: UUID) -> None:
        whose = {"member_id": received.member_id, **_this(received)}
        await self._each(insert(RefusalRow), (whose | values(one) for one in verdict.refused))
        if verdict.entries.is_empty():
            return
        place = {**whose, "round_id": round_id}
        rows = verdict.entries.with_columns(pl.lit(str(value)).alias(name) for name, value in place.items())
        async with self._driven() as driver:
            await driver.execute(_TAKE_IN)
            await driver.copy_to_table(
                "taken_in",
                source=io.BytesIO(rows.write_csv(include_header=False).encode()),
                columns=rows.columns,
                format="csv",
            )
            await driver.execute(_ENTER)
            await driver.execute(_FORGET_TAKEN)

    async def refused_rows(
        self, received: ReceivedList, *, after_row: int, limit: int
    ) -> Sequence[RefusedRow]:
        further = select(RefusalRow).filter_by(**_this(received)).where(RefusalRow.row > after_row)
        rows = await self._all(further.order_by(col(RefusalRow.row)).limit(limit))
        return [domain(RefusedRow, row) for row in rows]

    async def note_contribution(self, received: ReceivedList, round_id: UUID) -> None:
        if received.round_id != round_id:
            # What a kill left half-closed and was left to the next round stays noted.
            if received.left_rows is None:
                await self._do(_without(ContributionRow, received).filter_by(round_id=round_id))
            return
        whose = {"round_id": round_id, "member_id": received.member_id, **_this(received)}
        brings = {"rows": received.rows, **values(received.tally)}
        await self._do(upsert(ContributionRow, whose | brings, key=whose))

    async def waiting_rows(self, received: ReceivedList) -> tuple[int, ...]:
        waiting = select(EntryRow.row).filter_by(**_this(received)).where(WAITS)
        return tuple(await self._all(waiting.order_by(col(EntryRow.row))))

    async def forget_waiting_rows(self, received: ReceivedList) -> None:
        await self._do(_without(EntryRow, received).where(WAITS))

    @asynccontextmanager
    async def _driven(self) -> AsyncIterator[asyncpg.Connection]:
        """The driver, with its outages told as everybody's are."""
        try:
            yield await driver_of(self._session)
        except _OUTAGES as error:
            raise Unavailable(f"the database broke off: {type(error).__name__}") from error


def _this(received: ReceivedList) -> dict[str, Any]:
    return {"list_id": received.list_id, "revision": received.revision}


def _without(table: type[SQLModel], received: ReceivedList) -> Delete:
    return delete(table).filter_by(**_this(received))


def _received(row: ReceivedListRow | Record | None) -> ReceivedList:
    assert row is not None
    return domain(
        ReceivedList,
        row,
        state=ListState(row.state),
        manifest=None if row.pages is None else domain(Manifest, row),
        cause=Cause(row.cause) if row.cause else None,
        tally=domain(Tally, row),
        left_rows=None if row.left_rows is None else tuple(row.left_rows),
    )
