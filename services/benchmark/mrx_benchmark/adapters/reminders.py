"""Reminders on PostgreSQL."""

from datetime import date
from uuid import UUID

from mrx_shared.bus.repository import Repository
from sqlalchemy.dialects.postgresql import insert

from mrx_benchmark.adapters.tables import ReminderRow


class SqlReminders(Repository):
    """See `ports.Reminders`."""

    async def first(self, assessment_id: UUID, days: int, until: date) -> bool:
        row = {"assessment_id": assessment_id, "days": days, "recognised_until": until}
        return await self._do(insert(ReminderRow).values(row).on_conflict_do_nothing()) > 0
