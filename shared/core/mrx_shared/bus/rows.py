"""Statements in words: what every repository of a service is made of."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from mrx_shared.bus.work import SqlWork


class Rows:
    """Base of a repository: statements of one transaction, with parameters named as in the SQL."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def _all(self, sql: str, **values: object) -> Sequence[Row[Any]]:
        return (await self._session.execute(text(sql), values)).all()

    async def _first(self, sql: str, **values: object) -> Row[Any] | None:
        return (await self._session.execute(text(sql), values)).first()

    async def _do(self, sql: str, **values: object) -> None:
        await self._session.execute(text(sql), values)

    async def _each(self, sql: str, rows: Iterable[dict[str, object]]) -> None:
        """Run a statement once for every row."""
        if listed := list(rows):
            await self._session.execute(text(sql), listed)

    async def _hold(self, what: str) -> None:
        """Let no other transaction hold this until the end of this one."""
        await self._do("SELECT pg_advisory_xact_lock(hashtextextended(:what, 0))", what=what)


class WorkRows(Rows):
    """Base of a repository that asks its work for more than statements: the moment, ids."""

    def __init__(self, work: SqlWork) -> None:
        super().__init__(work.session)
        self._work = work
