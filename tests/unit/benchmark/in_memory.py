"""The benchmark's work without a database; a tenant sees its own rows and public ones, as on PostgreSQL."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from uuid import UUID

from mrx_benchmark.domain.assessments import Assessment, State
from mrx_benchmark.domain.criteria import Catalogue
from mrx_benchmark.domain.protocols import Protocol, ProtocolVersion, normal_code
from mrx_benchmark.ports import Published, Verdict
from mrx_shared.messages.registry import SigningKeyPublished
from mrx_shared.refusals import Rejected, Unknown
from mrx_shared.testing.work import SaidFacts


class MemoryWork(SaidFacts):
    """Keeps everything in dictionaries that a test may read."""

    def __init__(self, catalogues: Mapping[str, Catalogue], tenant: UUID | None = None) -> None:
        super().__init__()
        self.catalogues = catalogues
        self.tenant = tenant
        self.criteria = MemoryCriteria()
        self.protocols = MemoryProtocols(self)
        self.assessments = MemoryAssessments(self)
        self.owners = MemoryOwners(self)
        self.keys: list[SigningKeyPublished] = []

    @asynccontextmanager
    async def acting_for(self, owner: UUID | None) -> AsyncIterator[None]:
        before, self.tenant = self.tenant, owner
        yield
        self.tenant = before

    async def remember_key(self, key: SigningKeyPublished) -> None:
        self.keys.append(key)

    def sees(self, owner: UUID | None) -> bool:
        return owner is None or owner == self.tenant


class MemoryCriteria:
    """See `ports.Criteria`."""

    def __init__(self) -> None:
        self.kept: dict[str, Published] = {}

    async def published(self, version: str) -> Published | None:
        return self.kept.get(version)

    async def keep(self, published: Published) -> None:
        self.kept[published.version] = published


class MemoryProtocols:
    """See `ports.Protocols`."""

    def __init__(self, work: MemoryWork) -> None:
        self._work = work
        self.kept: dict[UUID, Protocol] = {}
        self.versions: dict[tuple[UUID, str], ProtocolVersion] = {}

    async def add(self, protocol: Protocol) -> None:
        rivals = [one for one in self.kept.values() if one.public is protocol.public]
        if normal_code(protocol.code) in {normal_code(one.code) for one in rivals}:
            raise Rejected("the code is taken", field="code")
        self.kept[protocol.protocol_id] = protocol

    async def public_names(self) -> list[str]:
        public = [one for one in self.kept.values() if one.public]
        return sorted({one.code for one in public} | {one.scheme_family for one in public})

    async def get(self, protocol_id: UUID) -> Protocol:
        found = self.kept.get(protocol_id)
        if found is None or not self._work.sees(found.owner):
            raise Unknown("there is no such protocol", field="protocol_id")
        return found

    async def add_version(self, version: ProtocolVersion, *, owner: UUID | None) -> None:
        if (version.protocol_id, version.version) in self.versions:
            raise Rejected("the version is there already", field="version")
        self.versions[version.protocol_id, version.version] = version

    async def version(self, protocol_id: UUID, version: str) -> ProtocolVersion:
        await self.get(protocol_id)
        if (protocol_id, version) not in self.versions:
            raise Unknown("the protocol has no such version", field="version")
        return self.versions[protocol_id, version]

    async def visible(self) -> list[tuple[Protocol, list[ProtocolVersion]]]:
        return [
            (one, [version for key, version in self.versions.items() if key[0] == one.protocol_id])
            for one in sorted(self.kept.values(), key=lambda one: one.code)
            if self._work.sees(one.owner)
        ]


class MemoryAssessments:
    """See `ports.Assessments`."""

    def __init__(self, work: MemoryWork) -> None:
        self._work = work
        self.kept: dict[UUID, Assessment] = {}
        self.verdicts: dict[UUID, Verdict] = {}

    async def add(self, assessment: Assessment) -> None:
        self.kept[assessment.assessment_id] = assessment

    async def get(self, assessment_id: UUID) -> Assessment:
        found = self.kept.get(assessment_id)
        if found is None or not self._work.sees(found.owner):
            raise Unknown("there is no such assessment", field="assessment_id")
        return found

    async def get_to_change(self, assessment_id: UUID) -> Assessment:
        return await self.get(assessment_id)

    async def unfinished(self, protocol_id: UUID, version: str, criteria_version: str) -> Assessment | None:
        for one in await self.visible():
            if (one.protocol_id, one.version, one.criteria_version) == (
                protocol_id,
                version,
                criteria_version,
            ) and one.state in {State.SUBMITTED, State.IN_REVIEW}:
                return one
        return None

    async def save(self, assessment: Assessment) -> None:
        self.kept[assessment.assessment_id] = assessment

    async def conclude(self, assessment: Assessment, verdict: Verdict) -> None:
        self.kept[assessment.assessment_id] = assessment
        self.verdicts[assessment.assessment_id] = verdict

    async def verdict(self, assessment_id: UUID) -> Verdict | None:
        return self.verdicts.get(assessment_id)

    async def last_concluded(self, criteria_version: str) -> list[tuple[Assessment, Verdict]]:
        last: dict[tuple[UUID, str], tuple[Assessment, Verdict]] = {}
        for verdict in sorted(self.verdicts.values(), key=lambda one: (one.concluded_at, one.assessment_id)):
            of = self.kept[verdict.assessment_id]
            if of.criteria_version == criteria_version and self._work.sees(of.owner):
                last[of.protocol_id, of.version] = (of, verdict)
        return list(last.values())

    async def change_end(self, verdict: Verdict) -> None:
        self.verdicts[verdict.assessment_id] = verdict

    async def visible(self) -> list[Assessment]:
        return [one for one in reversed(self.kept.values()) if self._work.sees(one.owner)]


class MemoryOwners:
    """See `ports.Owners`."""

    def __init__(self, work: MemoryWork) -> None:
        self._work = work

    async def of_assessment(self, assessment_id: UUID) -> UUID | None:
        if assessment_id not in self._work.assessments.kept:
            raise Unknown("there is no such assessment", field="assessment_id")
        return self._work.assessments.kept[assessment_id].owner

    async def all(self) -> list[UUID | None]:
        return list({one.owner for one in self._work.protocols.kept.values()})
