"""Published criteria on PostgreSQL."""

from mrx_shared.bus.repository import Repository
from mrx_shared.store.tables import domain, upsert, values
from sqlmodel import select

from mrx_benchmark.adapters.tables import CriteriaRow
from mrx_benchmark.ports import Published


class SqlCriteria(Repository):
    """See `ports.Criteria`."""

    async def published(self, version: str) -> Published | None:
        await self._hold("criteria")
        row = await self._first(select(CriteriaRow).where(CriteriaRow.version == version))
        return domain(Published, row) if row else None

    async def keep(self, published: Published) -> None:
        days = ("valid_from", "valid_until")
        await self._do(upsert(CriteriaRow, values(published), key=["version"], changed=days))
