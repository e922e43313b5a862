"""Sharings on the platform, on PostgreSQL."""

from uuid import UUID

from mrx_shared.bus.repository import Repository
from mrx_shared.store.tables import domain, upsert, values
from sqlmodel import col, select

from mrx_exchange_adapter.adapters.tables import ShareRow, ShareWatchRow
from mrx_exchange_adapter.domain.platform import Share, ShareState
from mrx_exchange_adapter.ports import Watched


class SqlShares(Repository):
    """See `ports.Shares`."""

    async def find(self, request_id: UUID) -> Share | None:
        row = await self._first(select(ShareRow).where(ShareRow.request_id == request_id))
        return domain(Share, row) if row else None

    async def save(self, share: Share, *, watched: bool) -> None:
        changed = values(share, "request_id", "member_id", "reference")
        await self._do(upsert(ShareRow, values(share), key=["request_id"], changed=changed))
        watch = {
            "grant_id": share.grant_id,
            "resting": share.state is ShareState.STORED,
            "watched": watched,
        }
        whose = {"request_id": share.request_id, "member_id": share.member_id}
        await self._do(upsert(ShareWatchRow, {**whose, **watch}, key=["request_id"], changed=watch))

    async def watched(self) -> list[Watched]:
        to_look_at = select(ShareWatchRow).where(ShareWatchRow.watched)
        rows = await self._all(to_look_at.order_by(col(ShareWatchRow.request_id)))
        return [domain(Watched, row) for row in rows]
