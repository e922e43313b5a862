"""The benchmark's work without a database; a tenant sees its own rows and public ones, as on PostgreSQL."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from uuid import UUID

from mrx_benchmark.domain.assessments import Assessment, State
from mrx_benchmark.domain.drafts import Draft
from mrx_benchmark.domain.evidence import Evidence
from mrx_benchmark.domain.process import Appeal, Event, Evolution, Question
from mrx_benchmark.domain.protocols import Protocol, ProtocolVersion, normal_code
from mrx_benchmark.ports import Comment, Extension, Measured, Published, Verdict
from mrx_criteria.domain.commonality import Waiver
from mrx_criteria.domain.criteria import Catalogue
from mrx_criteria.domain.lineage import Lineage
from mrx_shared.messages.registry import SigningKeyPublished
from mrx_shared.refusals import Rejected, Unknown
from mrx_shared.testing.work import SaidFacts


class MemoryWork(SaidFacts):
    """Keeps everything in dictionaries that a test may read."""

    def __init__(self, catalogues: Mapping[str, Catalogue], tenant: UUID | None = None) -> None:
        super().__init__()
        self.catalogues = catalogues
        self.tenant = tenant
        self.lineages: Mapping[tuple[str, str], Lineage] = {}
        self.process = MemoryProcess()
        self.criteria = MemoryCriteria()
        self.protocols = MemoryProtocols(self)
        self.assessments = MemoryAssessments(self)
        self.drafts = MemoryDrafts(self)
        self.evidence = MemoryEvidence(self)
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

    async def hold_verdicts(self) -> None:
        """One piece of work at a time is done in memory."""

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
        for of in sorted(
            (self.kept[one] for one in self.verdicts), key=lambda one: (one.submitted_at, one.assessment_id)
        ):
            verdict = self.verdicts[of.assessment_id]
            if of.criteria_version == criteria_version and self._work.sees(of.owner):
                last[of.protocol_id, of.version] = (of, verdict)
        return list(last.values())

    async def portfolio(self) -> list[Measured]:
        found = [
            of
            for version in {one.criteria_version for one in self.kept.values()}
            for of, _ in await self.last_concluded(version)
        ]
        return [
            Measured(
                protocol_id=one.protocol_id,
                version=one.version,
                owner=one.owner,
                criteria_version=one.criteria_version,
                relations={answer.criterion_id: answer.relation for answer in one.judged()},
            )
            for one in sorted(found, key=lambda one: (one.submitted_at, one.assessment_id))
        ]

    async def overtaken(self, assessment: Assessment) -> bool:
        return any(
            last.assessment_id != assessment.assessment_id
            and (last.protocol_id, last.version) == (assessment.protocol_id, assessment.version)
            for last, _ in await self.last_concluded(assessment.criteria_version)
        )

    async def ending(self, criteria_version: str, by: date) -> list[tuple[Assessment, Verdict]]:
        told = self._work.process.reminders
        return [
            (of, verdict)
            for of, verdict in await self.last_concluded(criteria_version)
            if verdict.equivalent and (until := verdict.recognised_until) is not None and until <= by
            if (of.assessment_id, 0, until) not in told and not await self._beyond(of, until)
        ]

    async def _beyond(self, of: Assessment, until: date) -> bool:
        for version in {one.criteria_version for one in self.kept.values()}:
            for other, verdict in await self.last_concluded(version):
                same = (other.protocol_id, other.version) == (of.protocol_id, of.version)
                if same and verdict.equivalent and (verdict.recognised_until or date.max) > until:
                    return True
        return False

    async def replace_verdict(self, verdict: Verdict) -> None:
        self.verdicts[verdict.assessment_id] = verdict

    async def change_end(self, verdict: Verdict) -> None:
        self.verdicts[verdict.assessment_id] = verdict

    async def visible(self) -> list[Assessment]:
        return [one for one in reversed(self.kept.values()) if self._work.sees(one.owner)]


class MemoryDrafts:
    """See `ports.Drafts`."""

    def __init__(self, work: MemoryWork) -> None:
        self._work = work
        self.kept: dict[tuple[UUID, str, str], Draft] = {}

    async def get(self, protocol_id: UUID, version: str, criteria_version: str) -> Draft | None:
        found = self.kept.get((protocol_id, version, criteria_version))
        return found if found and found.owner == self._work.tenant else None

    async def keep(self, draft: Draft) -> None:
        self.kept[draft.protocol_id, draft.version, draft.criteria_version] = draft

    async def drop(self, draft: Draft) -> None:
        del self.kept[draft.protocol_id, draft.version, draft.criteria_version]

    async def own(self) -> list[Draft]:
        return [one for one in reversed(self.kept.values()) if one.owner == self._work.tenant]


class MemoryEvidence:
    """See `ports.EvidenceFiles`."""

    def __init__(self, work: MemoryWork) -> None:
        self._work = work
        self.kept: dict[tuple[UUID, str], Evidence] = {}

    async def add(self, evidence: Evidence) -> Evidence:
        return self.kept.setdefault((evidence.protocol_id, evidence.sha256), evidence)

    async def of_protocol(self, protocol_id: UUID) -> list[Evidence]:
        return [
            one
            for one in self.kept.values()
            if one.protocol_id == protocol_id and one.owner == self._work.tenant
        ]

    async def submitted(self, protocol_id: UUID) -> list[str]:
        return [
            answer.evidence
            for one in await self._work.assessments.visible()
            if one.protocol_id == protocol_id
            for answer in one.answers
        ]


class MemoryOwners:
    """See `ports.Owners`."""

    def __init__(self, work: MemoryWork) -> None:
        self._work = work

    async def of_protocol(self, protocol_id: UUID) -> UUID | None:
        if protocol_id not in self._work.protocols.kept:
            raise Unknown("there is no such protocol", field="protocol_id")
        return self._work.protocols.kept[protocol_id].owner

    async def of_assessment(self, assessment_id: UUID) -> UUID | None:
        if assessment_id not in self._work.assessments.kept:
            raise Unknown("there is no such assessment", field="assessment_id")
        return self._work.assessments.kept[assessment_id].owner

    async def all(self) -> list[UUID | None]:
        return list({one.owner for one in self._work.protocols.kept.values()})


class MemoryProcess:
    """See `ports.Process`. Nothing is hidden from a tenant here: the component tests show that the database does."""

    def __init__(self) -> None:
        self.events: dict[UUID, list[Event]] = {}
        self.asked: dict[UUID, Question] = {}
        self.appeals: dict[UUID, Appeal] = {}
        self.groups: dict[UUID, set[UUID]] = {}
        self.ties: set[tuple[str, UUID]] = set()
        self.waived: dict[tuple[str, str], Waiver] = {}
        self.kept: list[Extension] = []
        self.evolutions: dict[str, Evolution] = {}
        self.said: list[Comment] = []
        self.reminders: set[tuple[UUID, int, date]] = set()

    async def note(self, assessment_id: UUID, event: Event, *, owner: UUID | None) -> None:
        self.events.setdefault(assessment_id, []).append(event)

    async def history(self, assessment_id: UUID) -> list[Event]:
        return self.events.get(assessment_id, [])

    async def keep_question(self, question: Question, *, owner: UUID | None) -> None:
        self.asked[question.question_id] = question

    async def questions(self, assessment_id: UUID) -> list[Question]:
        return [one for one in self.asked.values() if one.assessment_id == assessment_id]

    async def keep_appeal(self, appeal: Appeal, *, owner: UUID | None) -> None:
        self.appeals[appeal.assessment_id] = appeal

    async def appeal(self, assessment_id: UUID) -> Appeal | None:
        return self.appeals.get(assessment_id)

    async def keep_group(self, member_id: UUID, groups: Collection[UUID]) -> None:
        self.groups[member_id] = set(groups)

    async def tie(self, reviewer: str, member_id: UUID) -> None:
        self.ties.add((reviewer, member_id))

    async def tied(self, reviewer: str, member_id: UUID) -> bool:
        mine = [one for who, one in self.ties if who == reviewer]
        groups = self.groups.get(member_id, set())
        return member_id in mine or any(self.groups.get(one, set()) & groups for one in mine)

    async def keep_waiver(self, criteria_version: str, waiver: Waiver, *, by: str) -> None:
        self.waived[criteria_version, waiver.clause] = waiver

    async def waivers(self, criteria_version: str) -> list[Waiver]:
        return [one for (version, _), one in sorted(self.waived.items()) if version == criteria_version]

    async def keep_extension(
        self, protocol_id: UUID, version: str, extension: Extension, *, owner: UUID | None
    ) -> None:
        self.kept.append(extension)

    async def extensions(self, query: str) -> list[Extension]:
        return [one for one in self.kept if query.lower() in f"{one.topic} {one.requirement_text}".lower()]

    async def keep_evolution(self, evolution: Evolution) -> None:
        self.evolutions[evolution.older] = evolution

    async def evolution(self, older: str) -> Evolution | None:
        return self.evolutions.get(older)

    async def evolutions_to(self, newer: str) -> list[Evolution]:
        return [one for one in self.evolutions.values() if one.newer == newer]

    async def keep_comment(self, older: str, text: str, *, by: str) -> None:
        self.said.append(Comment(text=text, at=datetime(2026, 6, 30, tzinfo=UTC)))

    async def comments(self, older: str) -> list[Comment]:
        return self.said

    async def first_reminder(self, assessment_id: UUID, days: int, until: date) -> bool:
        first = (assessment_id, days, until) not in self.reminders
        self.reminders.add((assessment_id, days, until))
        return first
