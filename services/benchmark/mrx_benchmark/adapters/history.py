"""The history of assessments on PostgreSQL."""

from collections.abc import Collection
from uuid import UUID

from mrx_shared.bus.repository import Repository
from mrx_shared.store.tables import among, domain
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from mrx_benchmark.adapters.tables import EventRow
from mrx_benchmark.domain.history import Event


class SqlHistory(Repository):
    """See `ports.History`."""

    async def add(self, assessment_id: UUID, event: Event, *, owner: UUID | None) -> None:
        row = {
            "event_id": self._work.new_id(),
            "assessment_id": assessment_id,
            "member_id": owner,
            "step": event.step,
            "by_whom": event.by,
            "at": event.at,
            "detail": event.detail,
        }
        await self._do(insert(EventRow).values(row))

    async def of(self, assessments: Collection[UUID]) -> dict[UUID, list[Event]]:
        found: dict[UUID, list[Event]] = {one: [] for one in assessments}
        steps = select(EventRow).where(among(EventRow.assessment_id, found))
        for row in await self._all(steps.order_by(col(EventRow.entry))):
            found[row.assessment_id].append(domain(Event, row, by=row.by_whom))
        return found
