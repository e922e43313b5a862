"""Waivers on PostgreSQL."""

from mrx_criteria.domain.commonality import Waiver
from mrx_shared.bus.rows import WorkRows


class SqlWaivers(WorkRows):
    """See `ports.Waivers`."""

    async def keep(self, criteria_version: str, waiver: Waiver, *, by: str) -> None:
        await self._each(
            """
            INSERT INTO waiver (criteria_version, clause, reason, until, waived_by, waived_at)
            VALUES (:version, :clause, :reason, :until, :by, :now)
            ON CONFLICT (criteria_version, clause) DO UPDATE SET reason = excluded.reason,
                until = excluded.until, waived_by = excluded.waived_by, waived_at = excluded.waived_at
            """,
            [
                {
                    "version": criteria_version,
                    "clause": waiver.clause,
                    "reason": waiver.reason,
                    "until": waiver.until,
                    "by": by,
                    "now": self._work.now,
                }
            ],
        )

    async def of(self, criteria_version: str) -> list[Waiver]:
        rows = await self._all(
            "SELECT * FROM waiver WHERE criteria_version = :version ORDER BY clause", version=criteria_version
        )
        return [Waiver(clause=row.clause, reason=row.reason, until=row.until) for row in rows]
