"""Extensions on PostgreSQL."""

from uuid import UUID

from mrx_shared.bus.repository import Repository
from mrx_shared.store.tables import domain, values
from sqlalchemy import func, literal_column
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from mrx_benchmark.adapters.tables import WORDS, ExtensionRow
from mrx_benchmark.domain.extensions import Extension


class SqlExtensions(Repository):
    """See `ports.Extensions`."""

    async def keep(
        self, protocol_id: UUID, version: str, extension: Extension, *, owner: UUID | None
    ) -> None:
        row = {
            **values(extension),
            "extension_id": self._work.new_id(),
            "protocol_id": protocol_id,
            "version": version,
            "member_id": owner,
            "kept_at": self._work.now,
        }
        await self._do(insert(ExtensionRow).values(row))

    async def find(self, query: str) -> list[Extension]:
        found = select(ExtensionRow).order_by(col(ExtensionRow.topic), col(ExtensionRow.extension_id))
        if query:
            asked = func.websearch_to_tsquery(literal_column("'english'"), query)
            found = found.where(literal_column(WORDS).bool_op("@@")(asked))
        return [domain(Extension, row) for row in await self._all(found)]
