"""What other services said, in PostgreSQL."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from mrx_aggregation.domain.groups import Participation
from mrx_aggregation.domain.protocols import Recognition, Recognitions, protocol_key

_PARTICIPATION = text("SELECT * FROM participation WHERE member_id = :member_id")
_PARTICIPANTS = text("SELECT member_id FROM participation WHERE participates ORDER BY member_id")
_COMPANY_NAMES = text("SELECT DISTINCT unnest(company_names) FROM participation")
_KEEP_PARTICIPATION = text("""
    INSERT INTO participation AS known (member_id, group_id, tied_groups, participates, missing,
        company_names, sequence)
    VALUES (:member_id, :group_id, :tied_groups, :participates, :missing, :company_names, :sequence)
    ON CONFLICT (member_id) DO UPDATE SET
        group_id = excluded.group_id, tied_groups = excluded.tied_groups,
        participates = excluded.participates, missing = excluded.missing,
        company_names = excluded.company_names, sequence = excluded.sequence
    WHERE known.sequence < excluded.sequence
""")
_RECOGNITIONS = text("""
    SELECT protocol_code, protocol_version, scheme_family, public, equivalent, recognised_from, recognised_until,
        member_id
    FROM recognition
""")
_KEEP_RECOGNITION = text("""
    INSERT INTO recognition AS known (protocol_id, protocol_version, criteria_version, protocol_code, code_key,
        version_key, scheme_family, public, equivalent, recognised_from, recognised_until, member_id, sequence)
    VALUES (:protocol_id, :protocol_version, :criteria_version, :protocol_code, :code_key, :version_key,
        :scheme_family, :public, :equivalent, :recognised_from, :recognised_until, :member_id, :sequence)
    ON CONFLICT (protocol_id, protocol_version, criteria_version) DO UPDATE SET
        protocol_code = excluded.protocol_code, code_key = excluded.code_key, version_key = excluded.version_key,
        scheme_family = excluded.scheme_family, public = excluded.public, equivalent = excluded.equivalent,
        recognised_from = excluded.recognised_from, recognised_until = excluded.recognised_until,
        member_id = excluded.member_id, sequence = excluded.sequence
    WHERE known.sequence < excluded.sequence
""")


class SqlFacts:
    """See `ports.Facts`."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def participation(self, member_id: UUID) -> Participation | None:
        row = (await self._session.execute(_PARTICIPATION, {"member_id": member_id})).mappings().first()
        return participation(row) if row else None

    async def company_names(self) -> Collection[str]:
        return (await self._session.execute(_COMPANY_NAMES)).scalars().all()

    async def participants(self) -> Sequence[UUID]:
        return (await self._session.execute(_PARTICIPANTS)).scalars().all()

    async def keep_participation(self, participation: Participation, *, sequence: int) -> None:
        await self._session.execute(
            _KEEP_PARTICIPATION,
            {
                "member_id": participation.member_id,
                "group_id": participation.group_id,
                "tied_groups": sorted(participation.tied_groups),
                "participates": participation.participates,
                "missing": list(participation.missing),
                "company_names": list(participation.company_names),
                "sequence": sequence,
            },
        )

    async def recognitions(self, *, seen_by: UUID) -> Recognitions:
        rows = (await self._session.execute(_RECOGNITIONS)).mappings()
        return Recognitions((Recognition(**row) for row in rows), seen_by=seen_by)

    async def keep_recognition(
        self, recognition: Recognition, *, protocol_id: UUID, criteria_version: str, sequence: int
    ) -> None:
        code, version = protocol_key(recognition.protocol_code, recognition.protocol_version)
        await self._session.execute(
            _KEEP_RECOGNITION,
            {
                "protocol_id": protocol_id,
                "protocol_version": recognition.protocol_version,
                "criteria_version": criteria_version,
                "protocol_code": recognition.protocol_code,
                "code_key": code,
                "version_key": version,
                "scheme_family": recognition.scheme_family,
                "public": recognition.public,
                "equivalent": recognition.equivalent,
                "recognised_from": recognition.recognised_from,
                "recognised_until": recognition.recognised_until,
                "member_id": recognition.member_id,
                "sequence": sequence,
            },
        )


def participation(row: Any) -> Participation:  # noqa: ANN401 - a row as the driver gives it
    """A member's participation from its row."""
    return Participation(
        member_id=row["member_id"],
        group_id=row["group_id"],
        tied_groups=frozenset(row["tied_groups"]),
        participates=row["participates"],
        missing=tuple(row["missing"]),
        company_names=tuple(row["company_names"]),
    )
