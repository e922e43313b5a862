"""Appeals on PostgreSQL."""

from collections.abc import Collection
from uuid import UUID

from mrx_shared.bus.repository import Repository
from mrx_shared.store.tables import among, domain, upsert, values
from sqlmodel import select

from mrx_benchmark.adapters.tables import AppealRow
from mrx_benchmark.domain.appeals import Appeal


class SqlAppeals(Repository):
    """See `ports.Appeals`."""

    async def keep(self, appeal: Appeal, *, owner: UUID | None) -> None:
        row = {
            **values(appeal, "by", "at"),
            "appealed_by": appeal.by,
            "appealed_at": appeal.at,
            "member_id": owner,
        }
        decision = ("granted", "rationale", "decided_by", "decided_at")
        await self._do(upsert(AppealRow, row, key=["assessment_id"], changed=decision))

    async def of(self, assessments: Collection[UUID]) -> dict[UUID, Appeal]:
        made = await self._all(select(AppealRow).where(among(AppealRow.assessment_id, assessments)))
        return {
            row.assessment_id: domain(Appeal, row, by=row.appealed_by, at=row.appealed_at) for row in made
        }
