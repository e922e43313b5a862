"""Reviewers' conflicts of interest on PostgreSQL."""

from collections.abc import Collection
from uuid import UUID

from mrx_shared.bus.rows import WorkRows

from mrx_benchmark.domain.impartiality import Conflicts


class SqlImpartiality(WorkRows):
    """See `ports.Impartiality`."""

    async def keep_group(self, member_id: UUID, groups: Collection[UUID]) -> None:
        await self._each("DELETE FROM member_group WHERE member_id = :id", [{"id": member_id}])
        await self._each(
            "INSERT INTO member_group (member_id, group_id) VALUES (:id, :group)",
            [{"id": member_id, "group": group} for group in groups],
        )

    async def declare(self, reviewer: str, member_id: UUID) -> None:
        await self._each(
            "INSERT INTO reviewer_tie (reviewer, member_id) VALUES (:reviewer, :id) ON CONFLICT DO NOTHING",
            [{"reviewer": reviewer, "id": member_id}],
        )

    async def conflicts(self) -> Conflicts:
        rows = await self._all(
            """
            SELECT reviewer, member_id FROM reviewer_tie
            UNION SELECT t.reviewer, b.member_id FROM reviewer_tie t
                JOIN member_group a USING (member_id) JOIN member_group b USING (group_id)
            """
        )
        return Conflicts(pairs=frozenset((row.reviewer, row.member_id) for row in rows))
