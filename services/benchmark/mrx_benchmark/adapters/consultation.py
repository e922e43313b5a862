"""Announcements of newer criteria, and comments on them, on PostgreSQL."""

from mrx_shared.bus.repository import Repository
from mrx_shared.store.tables import domain, upsert, values
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from mrx_benchmark.adapters.tables import CommentRow, EvolutionRow
from mrx_benchmark.domain.consultation import Comment, Evolution


class SqlConsultation(Repository):
    """See `ports.Consultation`."""

    async def announce(self, evolution: Evolution) -> None:
        row = values(evolution)
        await self._do(upsert(EvolutionRow, row, key=["older"], changed=row.keys() - {"older"}))

    async def successor(self, older: str) -> Evolution | None:
        row = await self._first(select(EvolutionRow).where(EvolutionRow.older == older))
        return domain(Evolution, row) if row else None

    async def predecessors(self, newer: str) -> list[Evolution]:
        to_it = select(EvolutionRow).where(EvolutionRow.newer == newer)
        return [domain(Evolution, row) for row in await self._all(to_it.order_by(col(EvolutionRow.older)))]

    async def add_comment(self, older: str, text: str, *, by: str) -> None:
        row = {
            "comment_id": self._work.new_id(),
            "older": older,
            "text": text,
            "by_whom": by,
            "at": self._work.now,
        }
        await self._do(insert(CommentRow).values(row))

    async def comments(self, older: str) -> list[Comment]:
        of_it = select(CommentRow).where(CommentRow.older == older)
        in_order = of_it.order_by(col(CommentRow.at), col(CommentRow.comment_id))
        return [domain(Comment, row) for row in await self._all(in_order)]
