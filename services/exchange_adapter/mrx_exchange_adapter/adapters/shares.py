"""Sharings on the platform, on PostgreSQL."""

from dataclasses import fields
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from mrx_exchange_adapter.domain.platform import Share, ShareState
from mrx_exchange_adapter.ports import Watched

_FIND = text("SELECT * FROM share WHERE request_id = :request_id")
_WATCHED = text(
    "SELECT request_id, member_id, grant_id, resting FROM share_watch WHERE watched ORDER BY request_id"
)
_WATCH = text("""
    INSERT INTO share_watch (request_id, member_id, grant_id, resting, watched)
    VALUES (:request_id, :member_id, :grant_id, :resting, :watched)
    ON CONFLICT (request_id) DO UPDATE
        SET grant_id = excluded.grant_id, resting = excluded.resting, watched = excluded.watched
""")
_SAVE = text("""
    INSERT INTO share (request_id, member_id, site_code, reference, verified, state, since, attempt, reason,
        grant_id, taken, ticket_id)
    VALUES (:request_id, :member_id, :site_code, :reference, :verified, :state, :since, :attempt, :reason,
        :grant_id, :taken, :ticket_id)
    ON CONFLICT (request_id) DO UPDATE
        SET site_code = excluded.site_code, verified = excluded.verified, state = excluded.state,
            since = excluded.since, attempt = excluded.attempt, reason = excluded.reason,
            grant_id = excluded.grant_id, taken = excluded.taken, ticket_id = excluded.ticket_id
""")


class SqlShares:
    """See `ports.Shares`."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find(self, request_id: UUID) -> Share | None:
        row = (await self._session.execute(_FIND, {"request_id": request_id})).first()
        if row is None:
            return None
        values = {one.name: getattr(row, one.name) for one in fields(Share)}
        return Share(**values | {"state": ShareState(row.state)})

    async def save(self, share: Share, *, watched: bool) -> None:
        values = {one.name: getattr(share, one.name) for one in fields(share)}
        await self._session.execute(_SAVE, values | {"state": share.state.value})
        await self._session.execute(
            _WATCH,
            {
                "request_id": share.request_id,
                "member_id": share.member_id,
                "grant_id": share.grant_id,
                "resting": share.state is ShareState.STORED,
                "watched": watched,
            },
        )

    async def watched(self) -> list[Watched]:
        rows = (await self._session.execute(_WATCHED)).all()
        return [Watched(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public way to a row's names
