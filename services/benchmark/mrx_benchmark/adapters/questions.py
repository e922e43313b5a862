"""Questions to owners on PostgreSQL."""

from collections.abc import Collection
from uuid import UUID

from mrx_shared.bus.rows import WorkRows

from mrx_benchmark.domain.questions import Question


class SqlQuestions(WorkRows):
    """See `ports.Questions`."""

    async def keep(self, question: Question, *, owner: UUID | None) -> None:
        await self._each(
            """
            INSERT INTO question (question_id, assessment_id, member_id, criterion_id, text, asked_by, asked_at,
                reply, replied_by, replied_at)
            VALUES (:question_id, :assessment_id, :owner, :criterion_id, :text, :asked_by, :asked_at,
                :reply, :replied_by, :replied_at)
            ON CONFLICT (question_id) DO UPDATE
                SET reply = excluded.reply, replied_by = excluded.replied_by, replied_at = excluded.replied_at
            """,
            [{"owner": owner, **{name: getattr(question, name) for name in Question.__dataclass_fields__}}],
        )

    async def of(self, assessments: Collection[UUID]) -> dict[UUID, list[Question]]:
        found: dict[UUID, list[Question]] = {one: [] for one in assessments}
        for row in await self._all(
            "SELECT * FROM question WHERE assessment_id = ANY(:ids) ORDER BY asked_at, question_id",
            ids=list(found),
        ):
            fields = {name: getattr(row, name) for name in Question.__dataclass_fields__}
            found[row.assessment_id].append(Question(**fields))
        return found
