"""Statements of one transaction that also know its moment."""

from mrx_shared.bus.work import SqlWork
from mrx_shared.store.rows import Rows


class WorkRows(Rows):
    """Base of a repository that asks its work for the time and for new ids."""

    def __init__(self, work: SqlWork) -> None:
        super().__init__(work.session)
        self._work = work
