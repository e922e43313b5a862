"""Evidence: what is known of it on PostgreSQL, its bytes in object storage."""

from contextlib import suppress
from hashlib import sha256
from typing import BinaryIO
from uuid import UUID

from mrx_shared.bus.repository import Repository
from mrx_shared.refusals import Unavailable
from mrx_shared.store.objects import ObjectMissing, Objects, ObjectStands
from mrx_shared.store.tables import domain, values
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from mrx_benchmark.adapters.tables import AnswerRow, AssessmentRow, EvidenceRow
from mrx_benchmark.domain.evidence import Evidence


class SqlEvidence(Repository):
    """See `ports.EvidenceFiles`."""

    async def add(self, evidence: Evidence) -> Evidence:
        row = {**values(evidence, "owner"), "member_id": evidence.owner}
        await self._do(insert(EvidenceRow).values(row).on_conflict_do_nothing())
        (kept,) = [
            one for one in await self.of_protocol(evidence.protocol_id) if one.sha256 == evidence.sha256
        ]
        return kept

    async def of_protocol(self, protocol_id: UUID) -> list[Evidence]:
        files = select(EvidenceRow).where(EvidenceRow.protocol_id == protocol_id)
        in_order = files.order_by(col(EvidenceRow.kept_at), col(EvidenceRow.sha256))
        return [domain(Evidence, row, owner=row.member_id) for row in await self._all(in_order)]

    async def submitted(self, protocol_id: UUID) -> list[str]:
        told = (
            select(AnswerRow.evidence)
            .join(AssessmentRow, col(AssessmentRow.assessment_id) == col(AnswerRow.assessment_id))
            .where(AssessmentRow.protocol_id == protocol_id, AnswerRow.evidence != "")
        )
        return list(await self._all(told.distinct()))


class ObjectEvidence:
    """See `ports.EvidenceStore`. What a key names is in the key, so the same bytes are kept once for each protocol."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def keep(self, evidence: Evidence, body: BinaryIO) -> None:
        """See `ports.EvidenceStore`."""
        with suppress(ObjectStands):
            await self._objects.put_once(
                _key(evidence),
                body,
                size=evidence.size,
                sha256=bytes.fromhex(evidence.sha256),
                content_type="application/octet-stream",
            )

    async def fetch(self, evidence: Evidence) -> bytes:
        """See `ports.EvidenceStore`."""
        try:
            body = await self._objects.get(_key(evidence))
        except ObjectMissing:
            body = b""
        if sha256(body).hexdigest() != evidence.sha256:
            raise Unavailable(f"other bytes lie under {_key(evidence)}, or none")
        return body


def _key(evidence: Evidence) -> str:
    return f"{evidence.protocol_id}/{evidence.sha256}"
