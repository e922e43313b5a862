"""The benchmark's work on PostgreSQL. Row-level security decides what a transaction sees; no query filters by owner."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from uuid import UUID

from mrx_criteria.domain.criteria import Catalogue
from mrx_criteria.domain.lineage import Lineage
from mrx_shared.bus.work import Moment, SqlWork
from mrx_shared.store.database import set_tenant
from sqlmodel.ext.asyncio.session import AsyncSession

from mrx_benchmark.adapters.appeals import SqlAppeals
from mrx_benchmark.adapters.assessments import SqlAssessments
from mrx_benchmark.adapters.consultation import SqlConsultation
from mrx_benchmark.adapters.criteria import SqlCriteria
from mrx_benchmark.adapters.drafts import SqlDrafts
from mrx_benchmark.adapters.evidence import SqlEvidence
from mrx_benchmark.adapters.extensions import SqlExtensions
from mrx_benchmark.adapters.history import SqlHistory
from mrx_benchmark.adapters.impartiality import SqlImpartiality
from mrx_benchmark.adapters.protocols import SqlOwners, SqlProtocols
from mrx_benchmark.adapters.questions import SqlQuestions
from mrx_benchmark.adapters.reminders import SqlReminders
from mrx_benchmark.adapters.waivers import SqlWaivers


class BenchmarkWork(SqlWork):
    """One transaction of the benchmark on PostgreSQL."""

    def __init__(
        self,
        session: AsyncSession,
        moment: Moment,
        *,
        catalogues: Mapping[str, Catalogue],
        lineages: Mapping[tuple[str, str], Lineage] = MappingProxyType({}),
    ) -> None:
        super().__init__(session, moment)
        self.catalogues = catalogues
        self.lineages = lineages
        self.history = SqlHistory(self)
        self.questions = SqlQuestions(self)
        self.appeals = SqlAppeals(self)
        self.impartiality = SqlImpartiality(self)
        self.waivers = SqlWaivers(self)
        self.extensions = SqlExtensions(self)
        self.consultation = SqlConsultation(self)
        self.reminders = SqlReminders(self)
        self.criteria = SqlCriteria(self)
        self.protocols = SqlProtocols(self)
        self.assessments = SqlAssessments(self)
        self.drafts = SqlDrafts(self)
        self.evidence = SqlEvidence(self)
        self.owners = SqlOwners(self)

    @asynccontextmanager
    async def acting_for(self, owner: UUID | None) -> AsyncIterator[None]:
        """See `ports.Work`. After a database error nothing can be set back, and nothing of it is kept."""
        await set_tenant(self.session, owner)
        yield
        await set_tenant(self.session, self.moment.tenant)
