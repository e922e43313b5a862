"""Evidence: what is known of it on PostgreSQL, its bytes in object storage."""

from contextlib import suppress
from hashlib import sha256
from typing import Any, BinaryIO
from uuid import UUID

from mrx_shared.bus.rows import WorkRows
from mrx_shared.refusals import Unavailable
from mrx_shared.store.objects import ObjectMissing, Objects, ObjectStands
from sqlalchemy import Row

from mrx_benchmark.domain.evidence import Evidence, Kind


class SqlEvidence(WorkRows):
    """See `ports.EvidenceFiles`."""

    async def add(self, evidence: Evidence) -> Evidence:
        await self._each(
            """
            INSERT INTO evidence (protocol_id, sha256, member_id, name, kind, size, kept_by, kept_at)
            VALUES (:protocol_id, :sha256, :owner, :name, :kind, :size, :kept_by, :kept_at)
            ON CONFLICT DO NOTHING
            """,
            [{name: getattr(evidence, name) for name in Evidence.__dataclass_fields__}],
        )
        (kept,) = [
            one for one in await self.of_protocol(evidence.protocol_id) if one.sha256 == evidence.sha256
        ]
        return kept

    async def of_protocol(self, protocol_id: UUID) -> list[Evidence]:
        rows = await self._all(
            "SELECT * FROM evidence WHERE protocol_id = :id ORDER BY kept_at, sha256", id=protocol_id
        )
        return [_evidence(row) for row in rows]

    async def submitted(self, protocol_id: UUID) -> list[str]:
        rows = await self._all(
            """
            SELECT DISTINCT answer.evidence FROM answer JOIN assessment USING (assessment_id)
            WHERE assessment.protocol_id = :id AND answer.evidence <> ''
            """,
            id=protocol_id,
        )
        return [row.evidence for row in rows]


class ObjectShelf:
    """See `ports.Shelf`. What a key names is in the key, so the same bytes are kept once for each protocol."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def keep(self, evidence: Evidence, body: BinaryIO) -> None:
        """See `ports.Shelf`."""
        with suppress(ObjectStands):
            await self._objects.put_once(
                _key(evidence),
                body,
                size=evidence.size,
                sha256=bytes.fromhex(evidence.sha256),
                content_type="application/octet-stream",
            )

    async def fetch(self, evidence: Evidence) -> bytes:
        """See `ports.Shelf`."""
        try:
            body = await self._objects.get(_key(evidence))
        except ObjectMissing:
            body = b""
        if sha256(body).hexdigest() != evidence.sha256:
            raise Unavailable(f"other bytes lie under {_key(evidence)}, or none")
        return body


def _key(evidence: Evidence) -> str:
    return f"{evidence.protocol_id}/{evidence.sha256}"


def _evidence(row: Row[Any]) -> Evidence:
    return Evidence(
        protocol_id=row.protocol_id,
        owner=row.member_id,
        sha256=row.sha256,
        name=row.name,
        kind=Kind(row.kind),
        size=row.size,
        kept_by=row.kept_by,
        kept_at=row.kept_at,
    )
