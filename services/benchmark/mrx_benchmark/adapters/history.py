"""The history of assessments on PostgreSQL."""

from collections.abc import Collection
from uuid import UUID

from mrx_shared.bus.rows import WorkRows

from mrx_benchmark.domain.history import Event, Step


class SqlHistory(WorkRows):
    """See `ports.History`."""

    async def add(self, assessment_id: UUID, event: Event, *, owner: UUID | None) -> None:
        await self._each(
            """
            INSERT INTO assessment_event (event_id, assessment_id, member_id, step, by_whom, at, detail)
            VALUES (:event_id, :assessment_id, :owner, :step, :by, :at, :detail)
            """,
            [
                {
                    "event_id": self._work.new_id(),
                    "assessment_id": assessment_id,
                    "owner": owner,
                    "step": event.step.value,
                    "by": event.by,
                    "at": event.at,
                    "detail": event.detail,
                }
            ],
        )

    async def of(self, assessments: Collection[UUID]) -> dict[UUID, list[Event]]:
        found: dict[UUID, list[Event]] = {one: [] for one in assessments}
        for row in await self._all(
            "SELECT * FROM assessment_event WHERE assessment_id = ANY(:ids) ORDER BY entry", ids=list(found)
        ):
            event = Event(step=Step(row.step), by=row.by_whom, at=row.at, detail=row.detail)
            found[row.assessment_id].append(event)
        return found
