"""Questions to owners on PostgreSQL."""

from collections.abc import Collection
from uuid import UUID

from mrx_shared.bus.repository import Repository
from mrx_shared.store.tables import among, domain, upsert, values
from sqlmodel import col, select

from mrx_benchmark.adapters.tables import QuestionRow
from mrx_benchmark.domain.questions import Question


class SqlQuestions(Repository):
    """See `ports.Questions`."""

    async def keep(self, question: Question, *, owner: UUID | None) -> None:
        row = {**values(question), "member_id": owner}
        reply = ("reply", "replied_by", "replied_at")
        await self._do(upsert(QuestionRow, row, key=["question_id"], changed=reply))

    async def of(self, assessments: Collection[UUID]) -> dict[UUID, list[Question]]:
        found: dict[UUID, list[Question]] = {one: [] for one in assessments}
        asked = select(QuestionRow).where(among(QuestionRow.assessment_id, found))
        in_order = asked.order_by(col(QuestionRow.asked_at), col(QuestionRow.question_id))
        for row in await self._all(in_order):
            found[row.assessment_id].append(domain(Question, row))
        return found
