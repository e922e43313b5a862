"""Waivers on PostgreSQL."""

from mrx_criteria.domain.commonality import Waiver
from mrx_shared.bus.repository import Repository
from mrx_shared.store.tables import domain, upsert, values
from sqlmodel import col, select

from mrx_benchmark.adapters.tables import WaiverRow


class SqlWaivers(Repository):
    """See `ports.Waivers`."""

    async def keep(self, criteria_version: str, waiver: Waiver, *, by: str) -> None:
        row = {
            **values(waiver),
            "criteria_version": criteria_version,
            "waived_by": by,
            "waived_at": self._work.now,
        }
        changed = ("reason", "until", "waived_by", "waived_at")
        await self._do(upsert(WaiverRow, row, key=["criteria_version", "clause"], changed=changed))

    async def of(self, criteria_version: str) -> list[Waiver]:
        of_version = select(WaiverRow).where(WaiverRow.criteria_version == criteria_version)
        return [domain(Waiver, row) for row in await self._all(of_version.order_by(col(WaiverRow.clause)))]
