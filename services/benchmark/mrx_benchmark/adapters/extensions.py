"""Extensions on PostgreSQL."""

from uuid import UUID

from mrx_shared.bus.rows import WorkRows

from mrx_benchmark.domain.extensions import Extension


class SqlExtensions(WorkRows):
    """See `ports.Extensions`."""

    async def keep(
        self, protocol_id: UUID, version: str, extension: Extension, *, owner: UUID | None
    ) -> None:
        await self._each(
            """
            INSERT INTO extension (extension_id, protocol_id, version, member_id, topic, requirement_ref,
                requirement_text, kept_at)
            VALUES (:extension_id, :protocol_id, :version, :owner, :topic, :requirement_ref,
                :requirement_text, :now)
            """,
            [
                {
                    "extension_id": self._work.new_id(),
                    "protocol_id": protocol_id,
                    "version": version,
                    "owner": owner,
                    "now": self._work.now,
                    **{name: getattr(extension, name) for name in Extension.__dataclass_fields__},
                }
            ],
        )

    async def find(self, query: str) -> list[Extension]:
        rows = await self._all(
            """
            SELECT topic, requirement_ref, requirement_text FROM extension
            WHERE :query = '' OR to_tsvector('english', topic || ' ' || requirement_text)
                @@ websearch_to_tsquery('english', :query)
            ORDER BY topic, extension_id
            """,
            query=query,
        )
        return [Extension(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public way to a row's names
