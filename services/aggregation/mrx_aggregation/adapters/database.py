"""One transaction of aggregation over PostgreSQL."""

from collections.abc import Callable

from mrx_shared.bus.work import Moment, SqlWork
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel.ext.asyncio.session import AsyncSession

from mrx_aggregation.adapters.facts import SqlFacts
from mrx_aggregation.adapters.lists import SqlLists
from mrx_aggregation.adapters.resolver import SqlSurvey
from mrx_aggregation.adapters.rounds import SqlRounds


class AggregationWork(SqlWork):
    """See `ports.Work`."""

    def __init__(
        self, session: AsyncSession, moment: Moment, *, resolver: AsyncEngine, new_key: Callable[[], bytes]
    ) -> None:
        super().__init__(session, moment)
        self.lists = SqlLists(self)
        self.facts = SqlFacts(self)
        self.rounds = SqlRounds(self)
        self.survey = SqlSurvey(resolver)
        self.new_key = new_key
