"""Appeals on PostgreSQL."""

from collections.abc import Collection
from uuid import UUID

from mrx_shared.bus.rows import WorkRows

from mrx_benchmark.domain.appeals import Appeal


class SqlAppeals(WorkRows):
    """See `ports.Appeals`."""

    async def keep(self, appeal: Appeal, *, owner: UUID | None) -> None:
        await self._each(
            """
            INSERT INTO appeal (assessment_id, member_id, reason, appealed_by, appealed_at, granted, rationale,
                decided_by, decided_at)
            VALUES (:assessment_id, :owner, :reason, :by, :at, :granted, :rationale, :decided_by, :decided_at)
            ON CONFLICT (assessment_id) DO UPDATE
                SET granted = excluded.granted, rationale = excluded.rationale,
                    decided_by = excluded.decided_by, decided_at = excluded.decided_at
            """,
            [{"owner": owner, **{name: getattr(appeal, name) for name in Appeal.__dataclass_fields__}}],
        )

    async def of(self, assessments: Collection[UUID]) -> dict[UUID, Appeal]:
        rows = await self._all("SELECT * FROM appeal WHERE assessment_id = ANY(:ids)", ids=list(assessments))
        return {
            row.assessment_id: Appeal(
                assessment_id=row.assessment_id,
                reason=row.reason,
                by=row.appealed_by,
                at=row.appealed_at,
                granted=row.granted,
                rationale=row.rationale,
                decided_by=row.decided_by,
                decided_at=row.decided_at,
            )
            for row in rows
        }
