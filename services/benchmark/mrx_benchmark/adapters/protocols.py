"""Protocols, their versions and their owners on PostgreSQL."""

import hashlib
from uuid import UUID

from mrx_shared.bus.repository import Repository
from mrx_shared.refusals import Rejected, Unknown
from mrx_shared.store.tables import domain, values
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from mrx_benchmark.adapters.tables import (
    AssessmentOwnerRow,
    ProtocolOwnerRow,
    ProtocolRow,
    ProtocolVersionRow,
)
from mrx_benchmark.domain.protocols import Protocol, ProtocolVersion, normal_code


class SqlProtocols(Repository):
    """See `ports.Protocols`."""

    async def add(self, protocol: Protocol) -> None:
        owner = {
            "protocol_id": protocol.protocol_id,
            "code_digest": hashlib.sha256(normal_code(protocol.code).encode()).digest(),
            "member_id": protocol.owner,
        }
        if not await self._do(insert(ProtocolOwnerRow).values(owner).on_conflict_do_nothing()):
            raise Rejected(
                f"the code {protocol.code} is taken, in this spelling or another",
                field="code",
                remedy="choose another; lists refer to protocols by code, so each needs its own",
            )
        row = {
            **values(protocol, "owner"),
            "member_id": protocol.owner,
            "registered_at": self._work.now,
        }
        await self._do(insert(ProtocolRow).values(row))

    async def public_names(self) -> list[str]:
        public = select(ProtocolRow.code, ProtocolRow.scheme_family).where(
            col(ProtocolRow.member_id).is_(None)
        )
        return sorted({name for names in await self._all(public) for name in names})

    async def get(self, protocol_id: UUID) -> Protocol:
        row = await self._first(select(ProtocolRow).where(ProtocolRow.protocol_id == protocol_id))
        if row is None:
            raise _no_protocol()
        return domain(Protocol, row, owner=row.member_id)

    async def add_version(self, version: ProtocolVersion, *, owner: UUID | None) -> None:
        row = {**values(version), "member_id": owner, "submitted_at": self._work.now}
        if not await self._do(insert(ProtocolVersionRow).values(row).on_conflict_do_nothing()):
            raise Rejected(
                f"version {version.version} already exists",
                field="version",
                remedy="give a changed protocol a new version",
            )

    async def version(self, protocol_id: UUID, version: str) -> ProtocolVersion:
        row = await self._first(
            select(ProtocolVersionRow).where(
                ProtocolVersionRow.protocol_id == protocol_id, ProtocolVersionRow.version == version
            )
        )
        if row is None:
            raise Unknown(
                f"the protocol has no version {version[:60]!r}", field="version", remedy="submit it first"
            )
        return domain(ProtocolVersion, row)

    async def visible(self) -> list[tuple[Protocol, list[ProtocolVersion]]]:
        versions: dict[UUID, list[ProtocolVersion]] = {}
        in_order = select(ProtocolVersionRow).order_by(
            col(ProtocolVersionRow.effective_from), col(ProtocolVersionRow.version)
        )
        for row in await self._all(in_order):
            versions.setdefault(row.protocol_id, []).append(domain(ProtocolVersion, row))
        return [
            (domain(Protocol, row, owner=row.member_id), versions.get(row.protocol_id, []))
            for row in await self._all(select(ProtocolRow).order_by(col(ProtocolRow.code)))
        ]


class SqlOwners(Repository):
    """See `ports.Owners`."""

    async def of_protocol(self, protocol_id: UUID) -> UUID | None:
        row = await self._first(select(ProtocolOwnerRow).where(ProtocolOwnerRow.protocol_id == protocol_id))
        if row is None:
            raise _no_protocol()
        return row.member_id

    async def of_assessment(self, assessment_id: UUID) -> UUID | None:
        row = await self._first(
            select(AssessmentOwnerRow).where(AssessmentOwnerRow.assessment_id == assessment_id)
        )
        if row is None:
            raise no_assessment()
        return row.member_id

    async def all(self) -> list[UUID | None]:
        members = select(ProtocolOwnerRow.member_id).distinct().order_by(col(ProtocolOwnerRow.member_id))
        return list(await self._all(members))


def _no_protocol() -> Unknown:
    return Unknown("there is no such protocol", field="protocol_id", remedy="list the protocols first")


def no_assessment() -> Unknown:
    """Nobody who asks may see such an assessment."""
    return Unknown("there is no such assessment", field="assessment_id", remedy="list the assessments first")
