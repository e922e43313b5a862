"""The benchmark's work without a database; a tenant sees its own rows and public ones, as on PostgreSQL."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from uuid import UUID

from mrx_benchmark.domain.appeals import Appeal
from mrx_benchmark.domain.assessments import Assessment, State
from mrx_benchmark.domain.consultation import Comment, Evolution
from mrx_benchmark.domain.drafts import Draft
from mrx_benchmark.domain.evidence import Evidence
from mrx_benchmark.domain.extensions import Extension
from mrx_benchmark.domain.history import Event
from mrx_benchmark.domain.impartiality import Conflicts
from mrx_benchmark.domain.protocols import Protocol, ProtocolVersion, normal_code
from mrx_benchmark.domain.questions import Question
from mrx_benchmark.ports import Measured, Published, Verdict
from mrx_criteria.domain.commonality import Waiver
from mrx_criteria.domain.criteria import Catalogue
from mrx_criteria.domain.lineage import Lineage
from mrx_shared.messages.registry import SigningKeyPublished
from mrx_shared.refusals import Rejected, Unknown
from mrx_shared.testing.work import MemoryUnitOfWork


class MemoryWork(MemoryUnitOfWork):
    """Keeps everything in dictionaries that a test may read."""

    def __init__(self, catalogues: Mapping[str, Catalogue], tenant: UUID | None = None) -> None:
        super().__init__()
        self.catalogues = catalogues
        self.tenant = tenant
        self.lineages: Mapping[tuple[str, str], Lineage] = {}
        self.history = MemoryHistory()
        self.questions = MemoryQuestions()
        self.appeals = MemoryAppeals()
        self.impartiality = MemoryImpartiality()
        self.waivers = MemoryWaivers()
        self.extensions = MemoryExtensions()
        self.consultation = MemoryConsultation()
        self.reminders = MemoryReminders()
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
        self.reached: dict[UUID, Verdict] = {}

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
        self.reached[assessment.assessment_id] = verdict

    async def verdict(self, assessment_id: UUID) -> Verdict | None:
        return self.reached.get(assessment_id)

    async def verdicts(self, assessments: Collection[UUID]) -> Mapping[UUID, Verdict]:
        return {one: self.reached[one] for one in assessments if one in self.reached}

    async def last_concluded(self, criteria_version: str) -> list[tuple[Assessment, Verdict]]:
        last: dict[tuple[UUID, str], tuple[Assessment, Verdict]] = {}
        for of in sorted(
            (self.kept[one] for one in self.reached), key=lambda one: (one.submitted_at, one.assessment_id)
        ):
            verdict = self.reached[of.assessment_id]
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
        told = self._work.reminders.sent
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
        self.reached[verdict.assessment_id] = verdict

    async def change_end(self, verdict: Verdict) -> None:
        self.reached[verdict.assessment_id] = verdict

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


class MemoryHistory:
    """See `ports.History`. Nothing is hidden from a tenant here: the component tests show that the database does."""

    def __init__(self) -> None:
        self.kept: dict[UUID, list[Event]] = {}

    async def add(self, assessment_id: UUID, event: Event, *, owner: UUID | None) -> None:
        self.kept.setdefault(assessment_id, []).append(event)

    async def of(self, assessments: Collection[UUID]) -> Mapping[UUID, list[Event]]:
        return {one: self.kept.get(one, []) for one in assessments}


class MemoryQuestions:
    """See `ports.Questions`."""

    def __init__(self) -> None:
        self.kept: dict[UUID, Question] = {}

    async def keep(self, question: Question, *, owner: UUID | None) -> None:
        self.kept[question.question_id] = question

    async def of(self, assessments: Collection[UUID]) -> Mapping[UUID, list[Question]]:
        return {one: [q for q in self.kept.values() if q.assessment_id == one] for one in assessments}


class MemoryAppeals:
    """See `ports.Appeals`."""

    def __init__(self) -> None:
        self.kept: dict[UUID, Appeal] = {}

    async def keep(self, appeal: Appeal, *, owner: UUID | None) -> None:
        self.kept[appeal.assessment_id] = appeal

    async def of(self, assessments: Collection[UUID]) -> Mapping[UUID, Appeal]:
        return {one: self.kept[one] for one in assessments if one in self.kept}


class MemoryImpartiality:
    """See `ports.Impartiality`."""

    def __init__(self) -> None:
        self.groups: dict[UUID, set[UUID]] = {}
        self.declared: set[tuple[str, UUID]] = set()

    async def keep_group(self, member_id: UUID, groups: Collection[UUID]) -> None:
        self.groups[member_id] = set(groups)

    async def declare(self, reviewer: str, member_id: UUID) -> None:
        self.declared.add((reviewer, member_id))

    async def conflicts(self) -> Conflicts:
        beside = {
            (reviewer, other)
            for reviewer, member in self.declared
            for other, groups in self.groups.items()
            if groups & self.groups.get(member, set())
        }
        return Conflicts(pairs=self.declared | beside)


class MemoryWaivers:
    """See `ports.Waivers`."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Waiver] = {}

    async def keep(self, criteria_version: str, waiver: Waiver, *, by: str) -> None:
        self.kept[criteria_version, waiver.clause] = waiver

    async def of(self, criteria_version: str) -> list[Waiver]:
        return [one for (version, _), one in sorted(self.kept.items()) if version == criteria_version]


class MemoryExtensions:
    """See `ports.Extensions`."""

    def __init__(self) -> None:
        self.kept: list[Extension] = []

    async def keep(
        self, protocol_id: UUID, version: str, extension: Extension, *, owner: UUID | None
    ) -> None:
        self.kept.append(extension)

    async def find(self, query: str) -> list[Extension]:
        return [one for one in self.kept if query.lower() in f"{one.topic} {one.requirement_text}".lower()]


class MemoryConsultation:
    """See `ports.Consultation`."""

    def __init__(self) -> None:
        self.announced: dict[str, Evolution] = {}
        self.said: list[Comment] = []

    async def announce(self, evolution: Evolution) -> None:
        self.announced[evolution.older] = evolution

    async def successor(self, older: str) -> Evolution | None:
        return self.announced.get(older)

    async def predecessors(self, newer: str) -> list[Evolution]:
        return [one for one in self.announced.values() if one.newer == newer]

    async def add_comment(self, older: str, text: str, *, by: str) -> None:
        self.said.append(Comment(text=text, at=datetime(2026, 6, 30, tzinfo=UTC)))

    async def comments(self, older: str) -> list[Comment]:
        return self.said


class MemoryReminders:
    """See `ports.Reminders`."""

    def __init__(self) -> None:
        self.sent: set[tuple[UUID, int, date]] = set()

    async def first(self, assessment_id: UUID, days: int, until: date) -> bool:
        first = (assessment_id, days, until) not in self.sent
        self.sent.add((assessment_id, days, until))
        return first
