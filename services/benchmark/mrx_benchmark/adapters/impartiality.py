"""Reviewers' conflicts of interest on PostgreSQL."""

from collections.abc import Collection
from uuid import UUID

from mrx_shared.bus.repository import Repository
from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from mrx_benchmark.adapters.tables import ConflictRow, MemberGroupRow
from mrx_benchmark.domain.impartiality import Conflicts


class SqlImpartiality(Repository):
    """See `ports.Impartiality`."""

    async def keep_group(self, member_id: UUID, groups: Collection[UUID]) -> None:
        await self._do(delete(MemberGroupRow).where(col(MemberGroupRow.member_id) == member_id))
        rows = [{"member_id": member_id, "group_id": group} for group in groups]
        await self._each(insert(MemberGroupRow), rows)

    async def declare(self, reviewer: str, member_id: UUID) -> None:
        row = {"reviewer": reviewer, "member_id": member_id}
        await self._do(insert(ConflictRow).values(row).on_conflict_do_nothing())

    async def conflicts(self) -> Conflicts:
        declared = await self._all(select(ConflictRow.reviewer, ConflictRow.member_id))
        other = aliased(MemberGroupRow)
        of_groups = (
            select(ConflictRow.reviewer, other.member_id)
            .join(MemberGroupRow, col(MemberGroupRow.member_id) == col(ConflictRow.member_id))
            .join(other, col(other.group_id) == col(MemberGroupRow.group_id))
        )
        pairs = [*declared, *await self._all(of_groups)]
        return Conflicts(pairs=frozenset((reviewer, member_id) for reviewer, member_id in pairs))
