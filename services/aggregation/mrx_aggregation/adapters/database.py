"""One transaction of aggregation over PostgreSQL."""

from collections.abc import Callable
from uuid import UUID

from mrx_shared.bus.once import Once
from mrx_shared.bus.work import Moment, SqlWork, write_outbox
from mrx_shared.kit.ids import uuid7
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from mrx_aggregation.adapters.facts import SqlFacts
from mrx_aggregation.adapters.lists import SqlLists
from mrx_aggregation.adapters.resolver import SqlSurvey
from mrx_aggregation.adapters.rounds import SqlRounds
from mrx_aggregation.ports import Verb, Work


class AggregationWork(SqlWork):
    """See `ports.Work`."""

    def __init__(
        self, session: AsyncSession, moment: Moment, *, resolver: AsyncEngine, new_key: Callable[[], bytes]
    ) -> None:
        super().__init__(session, moment)
        self.lists = SqlLists(session, member_id=moment.tenant, now=moment.now)
        self.facts = SqlFacts(session)
        self.rounds = SqlRounds(session)
        self.survey = SqlSurvey(resolver)
        self.new_key = new_key


class Transactions:
    """Runs a loop's verbs, each in a transaction of its own."""

    def __init__(self, once: Once[Work]) -> None:
        self._once = once

    async def __call__(self, verb: Verb, *, tenant: UUID | None = None) -> None:
        once = self._once
        async with once.database.transaction(tenant) as (session, now):
            moment = Moment(now=now, service=once.service, tenant=tenant, correlation_id=str(uuid7(now)))
            work = once.make_work(session, moment)
            await verb(work)
            said = await write_outbox(work)
        if said:
            once.committed.ring()
