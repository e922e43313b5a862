"""Statements in words, shared by everything that the registry keeps on PostgreSQL."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession


class Rows:
    """Statements of one transaction; parameters are named as in the SQL."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def _all(self, sql: str, **values: object) -> Sequence[Row[Any]]:
        return (await self._session.execute(text(sql), values)).all()

    async def _first(self, sql: str, **values: object) -> Row[Any] | None:
        return (await self._session.execute(text(sql), values)).first()

    async def _do(self, sql: str, **values: object) -> None:
        await self._session.execute(text(sql), values)

    async def _hold(self, what: str) -> None:
        await self._do("SELECT pg_advisory_xact_lock(hashtextextended(:what, 0))", what=what)
