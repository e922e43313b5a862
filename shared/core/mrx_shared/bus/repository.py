"""Statements in one transaction: what every repository of a service is made of."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar, TypeVarTuple, overload

from sqlalchemy import Row, TextClause, UpdateBase, func
from sqlmodel import select
from sqlmodel.sql.expression import Select, SelectOfScalar

from mrx_shared.bus.work import SqlWork

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Repository:
    """Base of a repository: what it asks of its unit of work is the session, the moment, and ids."""

    def __init__(self, work: SqlWork) -> None:
        self._work = work
        self._session = work.session

    @overload
    async def _all(self, statement: SelectOfScalar[T]) -> Sequence[T]: ...
    @overload
    async def _all(self, statement: Select[*Ts]) -> Sequence[tuple[*Ts]]: ...
    async def _all(self, statement: Any) -> Sequence[Any]:
        """Every row."""
        rows: Sequence[Any] = (await self._session.exec(statement)).all()
        return rows

    @overload
    async def _first(self, statement: SelectOfScalar[T]) -> T | None: ...
    @overload
    async def _first(self, statement: Select[*Ts]) -> tuple[*Ts] | None: ...
    async def _first(self, statement: Any) -> Any:
        """The first row, or None."""
        return (await self._session.exec(statement)).first()

    async def _do(self, statement: UpdateBase) -> int:
        """Insert, update or delete. Returns how many rows it touched."""
        return (await self._session.exec(statement)).rowcount

    async def _each(self, statement: UpdateBase, rows: Iterable[Mapping[str, object]]) -> None:
        """Run a statement once for every row."""
        if listed := list(rows):
            # Without this, rows with other empty columns than the row before begin a statement of their own.
            await self._session.exec(statement, params=listed, execution_options={"render_nulls": True})

    async def _text(self, statement: TextClause, **values: object) -> Sequence[Row[Any]]:
        """Rows of a statement in PostgreSQL's own words."""
        connection = await self._session.connection()
        return (await connection.execute(statement, values)).all()

    async def _hold(self, what: str) -> None:
        """Let no other transaction hold this until the end of this one."""
        await self._session.exec(select(func.pg_advisory_xact_lock(func.hashtextextended(what, 0))))

    async def _hold_alone(self, what: str) -> bool:
        """Hold this until the end of this transaction, unless another holds it. Returns whether it is held."""
        lock = func.pg_try_advisory_xact_lock(func.hashtextextended(what, 0))
        return bool(await self._first(select(lock)))
