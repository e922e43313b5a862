"""Reminders on PostgreSQL."""

from datetime import date
from uuid import UUID

from mrx_shared.bus.rows import WorkRows


class SqlReminders(WorkRows):
    """See `ports.Reminders`."""

    async def first(self, assessment_id: UUID, days: int, until: date) -> bool:
        added = await self._first(
            """
            INSERT INTO reminder (assessment_id, days, recognised_until) VALUES (:id, :days, :until)
            ON CONFLICT DO NOTHING RETURNING 1
            """,
            id=assessment_id,
            days=days,
            until=until,
        )
        return added is not None
