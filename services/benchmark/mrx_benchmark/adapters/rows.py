"""Statements of one transaction."""

from collections.abc import Iterable, Sequence
from typing import Any

from mrx_shared.bus.work import SqlWork
from sqlalchemy import Row, text


class Rows:
    """Statements of one transaction; parameters are named as in the SQL."""

    def __init__(self, work: SqlWork) -> None:
        self._work = work

    async def _all(self, sql: str, **values: object) -> Sequence[Row[Any]]:
        return (await self._work.session.execute(text(sql), values)).all()

    async def _first(self, sql: str, **values: object) -> Row[Any] | None:
        return (await self._work.session.execute(text(sql), values)).first()

    async def _each(self, sql: str, rows: Iterable[dict[str, object]]) -> None:
        if listed := list(rows):
            await self._work.session.execute(text(sql), listed)
