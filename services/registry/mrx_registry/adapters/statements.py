"""The joint statement, its signatures, and adoptions of protocols on PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from mrx_shared.bus.repository import Repository
from mrx_shared.store.tables import domain, values
from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from mrx_registry.adapters.tables import AdoptionRow, SignatureRow, StatementRow
from mrx_registry.domain.statement import Adoption, Signatory, Signature, Statement


class SqlStatements(Repository):
    """See `ports.Statements`."""

    async def publish(self, statement: Statement) -> bool:
        new = insert(StatementRow).values(values(statement))
        return await self._do(new.on_conflict_do_nothing(index_elements=["version"])) > 0

    async def version(self, version: str) -> Statement | None:
        row = await self._first(select(StatementRow).where(StatementRow.version == version))
        return domain(Statement, row) if row else None

    async def current(self) -> Statement | None:
        newest = select(StatementRow).order_by(
            col(StatementRow.published_at).desc(), col(StatementRow.entry).desc()
        )
        row = await self._first(newest.limit(1))
        return domain(Statement, row) if row else None

    async def sign(self, signature: Signature) -> None:
        by = {f"signatory_{name}": value for name, value in values(signature.signatory).items()}
        await self._do(insert(SignatureRow).values(values(signature, "signatory") | by))

    async def signatures(self, member_id: UUID) -> Sequence[Signature]:
        standing = select(SignatureRow).where(
            SignatureRow.member_id == member_id, col(SignatureRow.withdrawn_at).is_(None)
        )
        ordered = standing.order_by(col(SignatureRow.signed_at), col(SignatureRow.id))
        return [_signature(row) for row in await self._all(ordered)]

    async def withdraw(self, signature: Signature, *, at: datetime) -> None:
        signed = update(SignatureRow).where(col(SignatureRow.id) == signature.id)
        await self._do(signed.values(withdrawn_at=at))

    async def adopt(self, adoption: Adoption) -> None:
        await self._do(insert(AdoptionRow).values(values(adoption)))

    async def adoptions(self, member_id: UUID) -> Sequence[Adoption]:
        adopted = select(AdoptionRow).where(AdoptionRow.member_id == member_id)
        ordered = adopted.order_by(col(AdoptionRow.adopted_at), col(AdoptionRow.id))
        return [domain(Adoption, row) for row in await self._all(ordered)]


def _signature(row: SignatureRow) -> Signature:
    by = Signatory(id=row.signatory_id, name=row.signatory_name, title=row.signatory_title)
    return domain(Signature, row, signatory=by)
