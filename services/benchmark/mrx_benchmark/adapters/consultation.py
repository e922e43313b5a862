"""Announcements of newer criteria, and comments on them, on PostgreSQL."""

from mrx_shared.bus.rows import WorkRows

from mrx_benchmark.domain.consultation import Comment, Evolution


class SqlConsultation(WorkRows):
    """See `ports.Consultation`."""

    async def announce(self, evolution: Evolution) -> None:
        await self._each(
            """
            INSERT INTO evolution (older, newer, announced_by, announced_at, consultation_until, effective_on,
                transition_until)
            VALUES (:older, :newer, :announced_by, :announced_at, :consultation_until, :effective_on,
                :transition_until)
            ON CONFLICT (older) DO UPDATE SET newer = excluded.newer, announced_by = excluded.announced_by,
                announced_at = excluded.announced_at, consultation_until = excluded.consultation_until,
                effective_on = excluded.effective_on, transition_until = excluded.transition_until
            """,
            [{name: getattr(evolution, name) for name in Evolution.__dataclass_fields__}],
        )

    async def successor(self, older: str) -> Evolution | None:
        row = await self._first("SELECT * FROM evolution WHERE older = :older", older=older)
        return Evolution(**row._mapping) if row else None  # noqa: SLF001 - as above

    async def predecessors(self, newer: str) -> list[Evolution]:
        rows = await self._all("SELECT * FROM evolution WHERE newer = :newer ORDER BY older", newer=newer)
        return [Evolution(**row._mapping) for row in rows]  # noqa: SLF001 - as above

    async def add_comment(self, older: str, text: str, *, by: str) -> None:
        await self._each(
            """
            INSERT INTO consultation_comment (comment_id, older, text, by_whom, at)
            VALUES (:comment_id, :older, :text, :by, :now)
            """,
            [
                {
                    "comment_id": self._work.new_id(),
                    "older": older,
                    "text": text,
                    "by": by,
                    "now": self._work.now,
                }
            ],
        )

    async def comments(self, older: str) -> list[Comment]:
        rows = await self._all(
            "SELECT * FROM consultation_comment WHERE older = :older ORDER BY at, comment_id", older=older
        )
        return [Comment(text=row.text, at=row.at) for row in rows]
