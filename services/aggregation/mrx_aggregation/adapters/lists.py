"""Received lists in PostgreSQL, under the row-level security of their member."""

import io
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from mrx_shared.refusals import Unavailable
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from mrx_aggregation.domain.cells import printable
from mrx_aggregation.domain.lists import Cause, ListState, Manifest, Page, ReceivedList, Tally
from mrx_aggregation.domain.rows import ENTRY_SCHEMA, RefusedRow, Verdict

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
_THIS = "list_id = :list_id AND revision = :revision"
_COLUMNS = ", ".join(ENTRY_SCHEMA.names())

# All revisions of a list are held together: one may take another's place. In the driver's own words, as every
# page of every list comes this way.
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
_FIND = text(f"SELECT * FROM received_list WHERE {_THIS}")  # noqa: S608
_REVISIONS = text("SELECT * FROM received_list WHERE list_id = :list_id ORDER BY revision")
_NEWEST = text("SELECT * FROM received_list ORDER BY received_at DESC, list_id, revision DESC LIMIT :limit")
_KEEP = text(f"""
    UPDATE received_list SET state = :state, pages = :pages, rows = :rows, sha256 = :sha256, cause = :cause,
        reason = :reason, remedy = :remedy, round_id = :round_id, accepted = :accepted, refused = :refused,
        waiting = :waiting, left_rows = CAST(:left_rows AS integer[])
    WHERE {_THIS}
""")  # noqa: S608
_PAGE_DIGEST = text(f"SELECT digest FROM page WHERE {_THIS} AND page = :page")  # noqa: S608
_DROP_PAGES = text(f"DELETE FROM page WHERE {_THIS}")  # noqa: S608
_PAGES_HERE = text(
    f"SELECT count(*), coalesce(max(page), 0), coalesce(sum(rows), 0) FROM page WHERE {_THIS}"  # noqa: S608
)
_BODIES = text(f"SELECT page, body FROM page WHERE {_THIS} AND page > :after ORDER BY page LIMIT :limit")  # noqa: S608
_UNREAD = text(f"SELECT DISTINCT unnest(unread) FROM page WHERE {_THIS}")  # noqa: S608
_FORGET_ENTRIES = text(f"DELETE FROM entry WHERE {_THIS} AND round_id = :round_id")  # noqa: S608
_FORGET_REFUSED = text(f"""
    DELETE FROM refused_row
    WHERE {_THIS} AND (CAST(:left_rows AS integer[]) IS NULL OR row = ANY(CAST(:left_rows AS integer[])))
""")  # noqa: S608
_TAKE_IN = f"""
    CREATE TEMPORARY TABLE IF NOT EXISTS taken_in ON COMMIT DELETE ROWS
    AS SELECT {_COLUMNS} FROM entry WITH NO DATA
"""  # noqa: S608
_ENTER = f"""
    INSERT INTO entry (member_id, list_id, revision, round_id, {_COLUMNS})
    SELECT $1, $2, $3, $4, {_COLUMNS} FROM taken_in
"""  # noqa: S608
_REFUSE = text("""
    INSERT INTO refused_row (member_id, list_id, revision, row, row_ref, field, reason, remedy)
    VALUES (:member_id, :list_id, :revision, :row, :row_ref, :field, :reason, :remedy)
""")
_REFUSED = text(f"""
    SELECT row, row_ref, field, reason, remedy FROM refused_row
    WHERE {_THIS} AND row > :after_row ORDER BY row LIMIT :limit
""")  # noqa: S608
_WAITING = text(f"SELECT row FROM entry WHERE {_THIS} AND waits_for_code IS NOT NULL ORDER BY row")  # noqa: S608
_FORGET_WAITING = text(f"DELETE FROM entry WHERE {_THIS} AND waits_for_code IS NOT NULL")  # noqa: S608
_CONTRIBUTE = text("""
    INSERT INTO contribution (round_id, member_id, list_id, revision, rows, accepted, refused, waiting)
    VALUES (:round_id, :member_id, :list_id, :revision, :rows, :accepted, :refused, :waiting)
    ON CONFLICT (round_id, member_id, list_id, revision) DO UPDATE SET
        rows = excluded.rows, accepted = excluded.accepted, refused = excluded.refused, waiting = excluded.waiting
""")
_CONTRIBUTE_NOTHING = text(f"DELETE FROM contribution WHERE {_THIS} AND round_id = :round_id")  # noqa: S608


class SqlLists:
    """See `ports.Lists`. The tenant is set in the transaction, so that only one member's rows are there."""

    def __init__(self, session: AsyncSession, *, member_id: UUID | None, now: datetime) -> None:
        self._session = session
        self._member_id = member_id
        self._now = now

    async def hold(self, list_id: UUID, revision: int) -> ReceivedList:
        member_id = self._member_id
        async with self._driven() as driver:
            await driver.execute(_BEGIN, member_id, list_id, revision, self._now, f"{member_id}/{list_id}")
            return _received(await driver.fetchrow(_HELD, list_id, revision))

    async def find(self, list_id: UUID, revision: int) -> ReceivedList | None:
        row = (
            (await self._session.execute(_FIND, {"list_id": list_id, "revision": revision}))
            .mappings()
            .first()
        )
        return _received(row) if row else None

    async def revisions(self, list_id: UUID) -> Sequence[ReceivedList]:
        rows = (await self._session.execute(_REVISIONS, {"list_id": list_id})).mappings()
        return [_received(row) for row in rows]

    async def newest_first(self, *, limit: int) -> Sequence[ReceivedList]:
        rows = (await self._session.execute(_NEWEST, {"limit": limit})).mappings()
        return [_received(row) for row in rows]

    async def keep(self, received: ReceivedList) -> None:
        manifest = received.manifest
        await self._session.execute(
            _KEEP,
            {
                **_this(received),
                "state": received.state,
                "pages": manifest.pages if manifest else None,
                "rows": manifest.rows if manifest else None,
                "sha256": manifest.sha256 if manifest else None,
                "cause": received.cause,
                "reason": received.reason,
                "remedy": received.remedy,
                "round_id": received.round_id,
                "accepted": received.tally.accepted,
                "refused": received.tally.refused,
                "waiting": received.tally.waiting,
                "left_rows": _array(received.left_rows),
            },
        )

    async def page_digest(self, received: ReceivedList, number: int) -> bytes | None:
        found = await self._session.execute(_PAGE_DIGEST, {**_this(received), "page": number})
        digest = found.scalar_one_or_none()
        return None if digest is None else bytes(digest)

    async def keep_page(self, received: ReceivedList, page: Page) -> bool:
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
        await self._session.execute(_DROP_PAGES, _this(received))

    async def pages_here(self, received: ReceivedList) -> tuple[int, int, int]:
        pages, highest, rows = (await self._session.execute(_PAGES_HERE, _this(received))).one()
        return pages, highest, rows

    async def bodies(self, received: ReceivedList, *, at_once: int) -> AsyncIterator[bytes]:
        after = 0
        while True:
            batch = {**_this(received), "after": after, "limit": at_once}
            pages = (await self._session.execute(_BODIES, batch)).all()
            if not pages:
                return
            after = pages[-1].page
            yield b"".join(zlib.decompress(page.body) for page in pages)

    async def unread_columns(self, received: ReceivedList) -> Sequence[str]:
        return (await self._session.execute(_UNREAD, _this(received))).scalars().all()

    async def forget_verdict(self, received: ReceivedList) -> None:
        this = _this(received)
        await self._session.execute(_FORGET_ENTRIES, {**this, "round_id": received.round_id})
        await self._session.execute(_FORGET_REFUSED, {**this, "left_rows": _array(received.left_rows)})

    async def keep_verdict(self, received: ReceivedList, verdict: Verdict, *, round_id: UUID) -> None:
        if verdict.refused:
            place = {**_this(received), "member_id": received.member_id}
            await self._session.execute(
                _REFUSE,
                [
                    {
                        **place,
                        "row": one.row,
                        "row_ref": one.row_ref,
                        "field": one.field,
                        "reason": one.reason,
                        "remedy": one.remedy,
                    }
                    for one in verdict.refused
                ],
            )
        if verdict.entries.is_empty():
            return
        async with self._driven() as driver:
            await driver.execute(_TAKE_IN)
            await driver.copy_to_table(
                "taken_in",
                source=io.BytesIO(verdict.entries.write_csv(include_header=False).encode()),
                columns=ENTRY_SCHEMA.names(),
                format="csv",
            )
            await driver.execute(_ENTER, received.member_id, received.list_id, received.revision, round_id)
            await driver.execute("TRUNCATE taken_in")

    async def refused_rows(
        self, received: ReceivedList, *, after_row: int, limit: int
    ) -> Sequence[RefusedRow]:
        page = {**_this(received), "after_row": after_row, "limit": limit}
        return [RefusedRow(**row) for row in (await self._session.execute(_REFUSED, page)).mappings()]

    async def note_contribution(self, received: ReceivedList, round_id: UUID) -> None:
        if received.round_id != round_id:
            # What a kill left half-closed and was left to the next round stays noted.
            if received.left_rows is None:
                await self._session.execute(_CONTRIBUTE_NOTHING, {**_this(received), "round_id": round_id})
            return
        tally = received.tally
        await self._session.execute(
            _CONTRIBUTE,
            {
                **_this(received),
                "member_id": received.member_id,
                "round_id": round_id,
                "rows": received.rows,
                "accepted": tally.accepted,
                "refused": tally.refused,
                "waiting": tally.waiting,
            },
        )

    async def waiting_rows(self, received: ReceivedList) -> tuple[int, ...]:
        return tuple((await self._session.execute(_WAITING, _this(received))).scalars())

    async def forget_waiting_rows(self, received: ReceivedList) -> None:
        await self._session.execute(_FORGET_WAITING, _this(received))

    @asynccontextmanager
    async def _driven(self) -> AsyncIterator[asyncpg.Connection]:
        """The driver, with its outages told as everybody's are."""
        try:
            yield await self._driver()
        except _OUTAGES as error:
            raise Unavailable(f"the database broke off: {type(error).__name__}") from error

    async def _driver(self) -> asyncpg.Connection:
        """The driver's own connection, in the session's transaction, which has begun with its tenant."""
        connection = await self._session.connection()
        raw = await connection.get_raw_connection()
        driver = raw.driver_connection
        assert isinstance(driver, asyncpg.Connection)
        return driver


def _this(received: ReceivedList) -> dict[str, Any]:
    return {"list_id": received.list_id, "revision": received.revision}


def _array(rows: tuple[int, ...] | None) -> list[int] | None:
    return None if rows is None else list(rows)


def _received(row: Any) -> ReceivedList:  # noqa: ANN401 - a row as the driver gives it
    manifest = None
    if row["pages"] is not None:
        manifest = Manifest(pages=row["pages"], rows=row["rows"], sha256=row["sha256"])
    return ReceivedList(
        member_id=row["member_id"],
        list_id=row["list_id"],
        revision=row["revision"],
        received_at=row["received_at"],
        state=ListState(row["state"]),
        manifest=manifest,
        cause=Cause(row["cause"]) if row["cause"] else None,
        reason=row["reason"],
        remedy=row["remedy"],
        round_id=row["round_id"],
        tally=Tally(accepted=row["accepted"], refused=row["refused"], waiting=row["waiting"]),
        left_rows=None if row["left_rows"] is None else tuple(row["left_rows"]),
    )
