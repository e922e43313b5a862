"""The registry's work on PostgreSQL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from mrx_shared.bus.work import Moment, SqlWork
from mrx_shared.refusals import Forbidden
from mrx_shared.store.database import set_tenant
from sqlmodel.ext.asyncio.session import AsyncSession

from mrx_registry.adapters.channels import SqlChannels
from mrx_registry.adapters.members import SqlMembers, SqlRecognitions
from mrx_registry.adapters.principals import SqlPrincipals, SqlSigningKeys
from mrx_registry.adapters.sign_in import SqlPasswordLinks, SqlSessions, SqlSignIns
from mrx_registry.adapters.statements import SqlStatements


class RegistryWork(SqlWork):
    """One transaction of the registry on PostgreSQL."""

    def __init__(self, session: AsyncSession, moment: Moment) -> None:
        super().__init__(session, moment)
        self.members = SqlMembers(self)
        self.principals = SqlPrincipals(self)
        self.statements = SqlStatements(self)
        self.recognitions = SqlRecognitions(self)
        self.channels = SqlChannels(self)
        self.keys = SqlSigningKeys(self)
        self.sign_ins = SqlSignIns(self)
        self.sessions = SqlSessions(self)
        self.password_links = SqlPasswordLinks(self)

    @asynccontextmanager
    async def concerning(self, member: UUID | None) -> AsyncIterator[None]:
        """See `ports.Work`."""
        begun_for = self.moment.tenant
        if begun_for is not None and member != begun_for:
            raise Forbidden("this is another member's")
        await set_tenant(self.session, member)
        yield
        await set_tenant(self.session, begun_for)
