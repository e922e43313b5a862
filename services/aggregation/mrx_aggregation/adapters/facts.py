"""What other services said, in PostgreSQL."""

from collections.abc import Collection, Sequence
from uuid import UUID

from mrx_shared.bus.repository import Repository
from mrx_shared.store.tables import domain, upsert, values
from sqlalchemy import func
from sqlmodel import col, select

from mrx_aggregation.adapters.tables import ParticipationRow, RecognitionRow
from mrx_aggregation.domain.groups import Participation
from mrx_aggregation.domain.protocols import Recognition, Recognitions, protocol_key

COMPANY_NAMES = select(func.unnest(ParticipationRow.company_names)).distinct()


class SqlFacts(Repository):
    """See `ports.Facts`."""

    async def participation(self, member_id: UUID) -> Participation | None:
        row = await self._first(select(ParticipationRow).where(ParticipationRow.member_id == member_id))
        return participation(row) if row else None

    async def company_names(self) -> Collection[str]:
        return await self._all(COMPANY_NAMES)

    async def participants(self) -> Sequence[UUID]:
        taking_part = select(ParticipationRow.member_id).where(ParticipationRow.participates)
        return await self._all(taking_part.order_by(col(ParticipationRow.member_id)))

    async def keep_participation(self, participation: Participation, *, sequence: int) -> None:
        known = {
            **values(participation),
            "tied_groups": sorted(participation.tied_groups),
            "sequence": sequence,
        }
        newer = col(ParticipationRow.sequence) < sequence
        await self._do(upsert(ParticipationRow, known, key=["member_id"], where=newer))

    async def recognitions(self, *, seen_by: UUID) -> Recognitions:
        rows = await self._all(select(RecognitionRow))
        return Recognitions((domain(Recognition, row) for row in rows), seen_by=seen_by)

    async def keep_recognition(
        self, recognition: Recognition, *, protocol_id: UUID, criteria_version: str, sequence: int
    ) -> None:
        code, version = protocol_key(recognition.protocol_code, recognition.protocol_version)
        known = {
            **values(recognition),
            "protocol_id": protocol_id,
            "criteria_version": criteria_version,
            "code_key": code,
            "version_key": version,
            "sequence": sequence,
        }
        key = ["protocol_id", "protocol_version", "criteria_version"]
        newer = col(RecognitionRow.sequence) < sequence
        await self._do(upsert(RecognitionRow, known, key=key, where=newer))


def participation(row: ParticipationRow) -> Participation:
    """A member's participation from its row."""
    return domain(
        Participation,
        row,
        tied_groups=frozenset(row.tied_groups),
        missing=tuple(row.missing),
        company_names=tuple(row.company_names),
    )
