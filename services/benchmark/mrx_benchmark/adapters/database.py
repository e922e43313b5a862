"""The benchmark's work on PostgreSQL. Row-level security decides what a transaction sees; no query filters by owner."""

import hashlib
import json
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import date
from types import MappingProxyType
from typing import Any
from uuid import UUID

from mrx_criteria.domain.answers import TEXTS, Answer
from mrx_criteria.domain.commonality import Waiver
from mrx_criteria.domain.criteria import Catalogue, Relation
from mrx_criteria.domain.lineage import Lineage
from mrx_shared.bus.keys import remember_key
from mrx_shared.bus.rows import WorkRows
from mrx_shared.bus.work import Moment, SqlWork
from mrx_shared.messages.registry import SigningKeyPublished
from mrx_shared.refusals import Rejected, Unknown
from mrx_shared.store.database import set_tenant
from sqlalchemy import Row
from sqlmodel.ext.asyncio.session import AsyncSession

from mrx_benchmark.adapters.appeals import SqlAppeals
from mrx_benchmark.adapters.consultation import SqlConsultation
from mrx_benchmark.adapters.drafts import SqlDrafts
from mrx_benchmark.adapters.evidence import SqlEvidence
from mrx_benchmark.adapters.extensions import SqlExtensions
from mrx_benchmark.adapters.history import SqlHistory
from mrx_benchmark.adapters.impartiality import SqlImpartiality
from mrx_benchmark.adapters.questions import SqlQuestions
from mrx_benchmark.adapters.reminders import SqlReminders
from mrx_benchmark.adapters.waivers import SqlWaivers
from mrx_benchmark.domain.assessments import Assessment, Decided, Decision, Judgement, State
from mrx_benchmark.domain.protocols import Protocol, ProtocolVersion, normal_code
from mrx_benchmark.ports import Measured, Published, Verdict


class SqlCriteria(WorkRows):
    """See `ports.Criteria`."""

    async def published(self, version: str) -> Published | None:
        await self._hold("criteria")
        row = await self._first("SELECT * FROM criteria WHERE version = :version", version=version)
        return Published(**row._mapping) if row else None  # noqa: SLF001 - SQLAlchemy's public way to a row's names

    async def keep(self, published: Published) -> None:
        await self._each(
            """
            INSERT INTO criteria (version, digest, valid_from, valid_until)
            VALUES (:version, :digest, :valid_from, :valid_until)
            ON CONFLICT (version) DO UPDATE
                SET valid_from = excluded.valid_from, valid_until = excluded.valid_until
            """,
            [
                {
                    "version": published.version,
                    "digest": published.digest,
                    "valid_from": published.valid_from,
                    "valid_until": published.valid_until,
                }
            ],
        )


class SqlProtocols(WorkRows):
    """See `ports.Protocols`."""

    async def add(self, protocol: Protocol) -> None:
        free = await self._first(
            """
            INSERT INTO protocol_owner (protocol_id, code_digest, member_id)
            VALUES (:protocol_id, :digest, :owner) ON CONFLICT DO NOTHING RETURNING 1
            """,
            protocol_id=protocol.protocol_id,
            digest=hashlib.sha256(normal_code(protocol.code).encode()).digest(),
            owner=protocol.owner,
        )
        if free is None:
            raise Rejected(
                f"the code {protocol.code} is taken, in this or another spelling",
                field="code",
                remedy="choose another; lists name protocols by their codes, so each has one of its own",
            )
        await self._each(
            """
            INSERT INTO protocol (protocol_id, member_id, code, name, scheme_family, registered_at)
            VALUES (:protocol_id, :owner, :code, :name, :scheme_family, :now)
            """,
            [
                {
                    "protocol_id": protocol.protocol_id,
                    "owner": protocol.owner,
                    "code": protocol.code,
                    "name": protocol.name,
                    "scheme_family": protocol.scheme_family,
                    "now": self._work.now,
                }
            ],
        )

    async def public_names(self) -> list[str]:
        rows = await self._all(
            """
            SELECT code AS name FROM protocol WHERE member_id IS NULL
            UNION SELECT scheme_family FROM protocol WHERE member_id IS NULL ORDER BY name
            """
        )
        return [row.name for row in rows]

    async def get(self, protocol_id: UUID) -> Protocol:
        row = await self._first("SELECT * FROM protocol WHERE protocol_id = :id", id=protocol_id)
        if row is None:
            raise Unknown("there is no such protocol", field="protocol_id", remedy="list the protocols first")
        return _protocol(row)

    async def add_version(self, version: ProtocolVersion, *, owner: UUID | None) -> None:
        added = await self._first(
            """
            INSERT INTO protocol_version
                (protocol_id, version, member_id, effective_from, effective_until, submitted_at)
            VALUES (:protocol_id, :version, :owner, :effective_from, :effective_until, :now)
            ON CONFLICT DO NOTHING RETURNING 1
            """,
            protocol_id=version.protocol_id,
            version=version.version,
            owner=owner,
            effective_from=version.effective_from,
            effective_until=version.effective_until,
            now=self._work.now,
        )
        if added is None:
            raise Rejected(
                f"version {version.version} is there already",
                field="version",
                remedy="give a changed protocol a version of its own",
            )

    async def version(self, protocol_id: UUID, version: str) -> ProtocolVersion:
        row = await self._first(
            "SELECT * FROM protocol_version WHERE protocol_id = :id AND version = :version",
            id=protocol_id,
            version=version,
        )
        if row is None:
            raise Unknown(
                f"the protocol has no version {version[:60]!r}", field="version", remedy="submit it first"
            )
        return _version(row)

    async def visible(self) -> list[tuple[Protocol, list[ProtocolVersion]]]:
        versions: dict[UUID, list[ProtocolVersion]] = {}
        for row in await self._all("SELECT * FROM protocol_version ORDER BY effective_from, version"):
            versions.setdefault(row.protocol_id, []).append(_version(row))
        return [
            (_protocol(row), versions.get(row.protocol_id, []))
            for row in await self._all("SELECT * FROM protocol ORDER BY code")
        ]


class SqlAssessments(WorkRows):
    """See `ports.Assessments`."""

    async def hold_verdicts(self) -> None:
        await self._hold("verdicts")

    async def add(self, assessment: Assessment) -> None:
        one: dict[str, object] = {"assessment_id": assessment.assessment_id, "owner": assessment.owner}
        await self._each(
            "INSERT INTO assessment_owner (assessment_id, member_id) VALUES (:assessment_id, :owner)", [one]
        )
        added = await self._first(
            """
            INSERT INTO assessment (assessment_id, protocol_id, version, member_id, criteria_version, state,
                submitted_by, submitted_at)
            VALUES (:assessment_id, :protocol_id, :version, :owner, :criteria_version, :state, :by, :at)
            ON CONFLICT (protocol_id, version, criteria_version) WHERE state IN ('submitted', 'in-review')
            DO NOTHING RETURNING 1
            """,
            **one,
            protocol_id=assessment.protocol_id,
            version=assessment.version,
            criteria_version=assessment.criteria_version,
            state=assessment.state,
            by=assessment.submitted_by,
            at=assessment.submitted_at,
        )
        if added is None:
            raise Rejected("answers for this version came at the same moment", remedy="send them again")
        await self._each(
            """
            INSERT INTO answer (assessment_id, criterion_id, member_id, position, relation,
                requirement_ref, requirement_text, rationale, evidence)
            VALUES (:assessment_id, :criterion_id, :owner, :position, :relation,
                :requirement_ref, :requirement_text, :rationale, :evidence)
            """,
            (
                {
                    **one,
                    "criterion_id": answer.criterion_id,
                    "position": position,
                    "relation": answer.relation.value,
                    **{name: getattr(answer, name) for name in TEXTS},
                }
                for position, answer in enumerate(assessment.answers, 1)
            ),
        )

    async def get(self, assessment_id: UUID) -> Assessment:
        return await self._one("assessment_id = :id", id=assessment_id) or _no_assessment()

    async def get_to_change(self, assessment_id: UUID) -> Assessment:
        return await self._one("assessment_id = :id FOR UPDATE", id=assessment_id) or _no_assessment()

    async def unfinished(self, protocol_id: UUID, version: str, criteria_version: str) -> Assessment | None:
        return await self._one(
            """
            protocol_id = :protocol_id AND version = :version AND criteria_version = :criteria_version
            AND state IN ('submitted', 'in-review') FOR UPDATE
            """,
            protocol_id=protocol_id,
            version=version,
            criteria_version=criteria_version,
        )

    async def save(self, assessment: Assessment) -> None:
        await self._each(
            "UPDATE assessment SET state = :state WHERE assessment_id = :id",
            [{"id": assessment.assessment_id, "state": assessment.state.value}],
        )
        for table, named, kept in (
            ("decision", "criterion_id", assessment.decisions),
            ("review", "reviewer", assessment.reviews),
        ):
            await self._each(
                f"DELETE FROM {table} WHERE assessment_id = :id AND {named} <> ALL(:kept)",  # noqa: S608 - ours
                [{"id": assessment.assessment_id, "kept": list(kept)}],
            )
        await self._each(
            """
            INSERT INTO decision (assessment_id, criterion_id, member_id, judgement, relation, rationale,
                decided_by, decided_at)
            VALUES (:assessment_id, :criterion_id, :owner, :judgement, :relation, :rationale, :by, :at)
            ON CONFLICT (assessment_id, criterion_id) DO UPDATE
                SET judgement = excluded.judgement, relation = excluded.relation,
                    rationale = excluded.rationale, decided_by = excluded.decided_by,
                    decided_at = excluded.decided_at
            """,
            (
                {
                    "assessment_id": assessment.assessment_id,
                    "criterion_id": criterion_id,
                    "owner": assessment.owner,
                    "judgement": decided.decision.judgement.value,
                    "relation": decided.decision.relation.value if decided.decision.relation else None,
                    "rationale": decided.decision.rationale,
                    "by": decided.by,
                    "at": decided.at,
                }
                for criterion_id, decided in assessment.decisions.items()
            ),
        )

        await self._each(
            """
            INSERT INTO review (assessment_id, reviewer, criterion_id, member_id, place, judgement, relation,
                rationale, decided_at)
            VALUES (:assessment_id, :by, :criterion_id, :owner, :place, :judgement, :relation, :rationale, :at)
            ON CONFLICT (assessment_id, reviewer, criterion_id) DO UPDATE
                SET judgement = excluded.judgement, relation = excluded.relation,
                    rationale = excluded.rationale, decided_at = excluded.decided_at
            """,
            (
                {
                    "assessment_id": assessment.assessment_id,
                    "criterion_id": criterion_id,
                    "owner": assessment.owner,
                    "place": place,
                    "judgement": decided.decision.judgement.value,
                    "relation": decided.decision.relation.value if decided.decision.relation else None,
                    "rationale": decided.decision.rationale,
                    "by": reviewer,
                    "at": decided.at,
                }
                for place, (reviewer, mine) in enumerate(assessment.reviews.items())
                for criterion_id, decided in mine.items()
            ),
        )

    async def replace_verdict(self, verdict: Verdict) -> None:
        await self._each(
            """
            UPDATE verdict SET equivalent = :equivalent, commonality = :commonality, lower = :lower,
                upper = :upper, recognised_from = :recognised_from, recognised_until = :recognised_until,
                concluded_by = :concluded_by, concluded_at = :concluded_at, waived = CAST(:waived AS jsonb)
            WHERE assessment_id = :assessment_id
            """,
            [_columns(verdict)],
        )

    async def conclude(self, assessment: Assessment, verdict: Verdict) -> None:
        await self.save(assessment)
        await self._each(
            """
            INSERT INTO verdict (assessment_id, member_id, equivalent, commonality, lower, upper,
                recognised_from, recognised_until, concluded_by, concluded_at, waived)
            VALUES (:assessment_id, :owner, :equivalent, :commonality, :lower, :upper,
                :recognised_from, :recognised_until, :concluded_by, :concluded_at, CAST(:waived AS jsonb))
            """,
            [{"owner": assessment.owner, **_columns(verdict)}],
        )

    async def verdict(self, assessment_id: UUID) -> Verdict | None:
        return (await self.verdicts([assessment_id])).get(assessment_id)

    async def verdicts(self, assessments: Collection[UUID]) -> dict[UUID, Verdict]:
        rows = await self._all("SELECT * FROM verdict WHERE assessment_id = ANY(:ids)", ids=list(assessments))
        return {row.assessment_id: _verdict(row) for row in rows}

    async def last_concluded(self, criteria_version: str) -> list[tuple[Assessment, Verdict]]:
        rows = await self._all(
            """
            SELECT DISTINCT ON (a.protocol_id, a.version) v.*
            FROM verdict v JOIN assessment a USING (assessment_id) WHERE a.criteria_version = :criteria_version
            ORDER BY a.protocol_id, a.version, a.submitted_at DESC, assessment_id DESC
            """,
            criteria_version=criteria_version,
        )
        return [(await self.get(row.assessment_id), _verdict(row)) for row in rows]

    async def overtaken(self, assessment: Assessment) -> bool:
        later = await self._first(
            """
            SELECT 1 FROM assessment WHERE protocol_id = :protocol_id AND version = :version
                AND criteria_version = :criteria_version AND state = 'concluded'
                AND (submitted_at, assessment_id) > (:at, :id)
            """,
            protocol_id=assessment.protocol_id,
            version=assessment.version,
            criteria_version=assessment.criteria_version,
            at=assessment.submitted_at,
            id=assessment.assessment_id,
        )
        return later is not None

    async def portfolio(self) -> list[Measured]:
        rows = await self._all(
            """
            SELECT last.*, judged.relations FROM (
                SELECT DISTINCT ON (protocol_id, version, criteria_version) * FROM assessment
                WHERE state = 'concluded'
                ORDER BY protocol_id, version, criteria_version, submitted_at DESC, assessment_id DESC) last
            CROSS JOIN LATERAL (
                SELECT jsonb_object_agg(criterion_id, COALESCE(decided.relation, told.relation)) AS relations
                FROM (SELECT criterion_id, relation FROM answer WHERE assessment_id = last.assessment_id) told
                FULL JOIN (
                    SELECT criterion_id, relation FROM decision
                    WHERE assessment_id = last.assessment_id AND relation IS NOT NULL) decided
                USING (criterion_id)) judged
            ORDER BY last.submitted_at, last.assessment_id
            """
        )
        return [
            Measured(
                protocol_id=row.protocol_id,
                version=row.version,
                owner=row.member_id,
                criteria_version=row.criteria_version,
                relations={name: Relation(relation) for name, relation in row.relations.items()},
            )
            for row in rows
        ]

    async def ending(self, criteria_version: str, by: date) -> list[tuple[Assessment, Verdict]]:
        rows = await self._all(
            """
            WITH last AS (
                SELECT DISTINCT ON (a.protocol_id, a.version, a.criteria_version)
                    v.*, a.protocol_id, a.version, a.criteria_version
                FROM verdict v JOIN assessment a USING (assessment_id)
                ORDER BY a.protocol_id, a.version, a.criteria_version, a.submitted_at DESC, assessment_id DESC)
            SELECT last.* FROM last
            WHERE last.criteria_version = :criteria_version AND last.equivalent AND last.recognised_until <= :by
                AND NOT EXISTS (
                    SELECT 1 FROM reminder r WHERE r.assessment_id = last.assessment_id AND r.days = 0
                    AND r.recognised_until = last.recognised_until)
                AND NOT EXISTS (
                    SELECT 1 FROM last other
                    WHERE (other.protocol_id, other.version) = (last.protocol_id, last.version)
                    AND other.equivalent
                    AND COALESCE(other.recognised_until, 'infinity') > last.recognised_until)
            """,
            criteria_version=criteria_version,
            by=by,
        )
        return [(await self.get(row.assessment_id), _verdict(row)) for row in rows]

    async def change_end(self, verdict: Verdict) -> None:
        await self._each(
            "UPDATE verdict SET recognised_until = :until WHERE assessment_id = :id",
            [{"id": verdict.assessment_id, "until": verdict.recognised_until}],
        )

    async def visible(self) -> list[Assessment]:
        rows = await self._all("SELECT * FROM assessment ORDER BY assessment_id DESC")
        return [await self._whole(row) for row in rows]

    async def _one(self, condition: str, **values: object) -> Assessment | None:
        row = await self._first(f"SELECT * FROM assessment WHERE {condition}", **values)  # noqa: S608 - ours
        return await self._whole(row) if row else None

    async def _whole(self, row: Row[Any]) -> Assessment:
        answers = await self._all(
            "SELECT * FROM answer WHERE assessment_id = :id ORDER BY position", id=row.assessment_id
        )
        decisions = await self._all(
            "SELECT * FROM decision WHERE assessment_id = :id ORDER BY criterion_id", id=row.assessment_id
        )
        reviews: dict[str, dict[str, Decided]] = {}
        for one in await self._all(
            """
            SELECT *, reviewer AS decided_by FROM review WHERE assessment_id = :id
            ORDER BY place, criterion_id
            """,
            id=row.assessment_id,
        ):
            reviews.setdefault(one.reviewer, {})[one.criterion_id] = _decided(one)
        return Assessment(
            reviews=MappingProxyType({name: MappingProxyType(mine) for name, mine in reviews.items()}),
            assessment_id=row.assessment_id,
            protocol_id=row.protocol_id,
            owner=row.member_id,
            version=row.version,
            criteria_version=row.criteria_version,
            submitted_by=row.submitted_by,
            submitted_at=row.submitted_at,
            state=State(row.state),
            answers=tuple(
                Answer(
                    criterion_id=answer.criterion_id,
                    relation=Relation(answer.relation),
                    **{name: getattr(answer, name) for name in TEXTS},
                )
                for answer in answers
            ),
            decisions=MappingProxyType({one.criterion_id: _decided(one) for one in decisions}),
        )


class SqlOwners(WorkRows):
    """See `ports.Owners`."""

    async def of_protocol(self, protocol_id: UUID) -> UUID | None:
        row = await self._first(
            "SELECT member_id FROM protocol_owner WHERE protocol_id = :id", id=protocol_id
        )
        if row is None:
            raise Unknown("there is no such protocol", field="protocol_id", remedy="list the protocols first")
        owner: UUID | None = row.member_id
        return owner

    async def of_assessment(self, assessment_id: UUID) -> UUID | None:
        row = await self._first(
            "SELECT member_id FROM assessment_owner WHERE assessment_id = :id", id=assessment_id
        )
        if row is None:
            _no_assessment()
        owner: UUID | None = row.member_id if row else None
        return owner

    async def all(self) -> list[UUID | None]:
        rows = await self._all("SELECT DISTINCT member_id FROM protocol_owner ORDER BY member_id")
        return [row.member_id for row in rows]


class BenchmarkWork(SqlWork):
    """One transaction of the benchmark on PostgreSQL."""

    def __init__(
        self,
        session: AsyncSession,
        moment: Moment,
        *,
        catalogues: Mapping[str, Catalogue],
        lineages: Mapping[tuple[str, str], Lineage] = MappingProxyType({}),
    ) -> None:
        super().__init__(session, moment)
        self.catalogues = catalogues
        self.lineages = lineages
        self.history = SqlHistory(self)
        self.questions = SqlQuestions(self)
        self.appeals = SqlAppeals(self)
        self.impartiality = SqlImpartiality(self)
        self.waivers = SqlWaivers(self)
        self.extensions = SqlExtensions(self)
        self.consultation = SqlConsultation(self)
        self.reminders = SqlReminders(self)
        self.criteria = SqlCriteria(self)
        self.protocols = SqlProtocols(self)
        self.assessments = SqlAssessments(self)
        self.drafts = SqlDrafts(self)
        self.evidence = SqlEvidence(self)
        self.owners = SqlOwners(self)

    @asynccontextmanager
    async def acting_for(self, owner: UUID | None) -> AsyncIterator[None]:
        """See `ports.Work`. After a database error nothing can be set back, and nothing of it is kept."""
        await set_tenant(self.session, owner)
        yield
        await set_tenant(self.session, self.moment.tenant)

    async def remember_key(self, key: SigningKeyPublished) -> None:
        """See `ports.Work`."""
        await remember_key(self.session, key)


def _no_assessment() -> Assessment:
    raise Unknown("there is no such assessment", field="assessment_id", remedy="list the assessments first")


def _protocol(row: Row[Any]) -> Protocol:
    return Protocol(
        protocol_id=row.protocol_id,
        owner=row.member_id,
        code=row.code,
        name=row.name,
        scheme_family=row.scheme_family,
    )


def _version(row: Row[Any]) -> ProtocolVersion:
    return ProtocolVersion(
        protocol_id=row.protocol_id,
        version=row.version,
        effective_from=row.effective_from,
        effective_until=row.effective_until,
    )


def _columns(verdict: Verdict) -> dict[str, object]:
    waived = [
        {"clause": one.clause, "reason": one.reason, "until": one.until.isoformat()} for one in verdict.waived
    ]
    plain = {name: getattr(verdict, name) for name in Verdict.__dataclass_fields__}
    return {**plain, "waived": json.dumps(waived)}


def _verdict(row: Row[Any]) -> Verdict:
    plain = {name: getattr(row, name) for name in Verdict.__dataclass_fields__}
    waived = [Waiver(**{**one, "until": date.fromisoformat(one["until"])}) for one in row.waived]
    return Verdict(**{**plain, "waived": tuple(waived)})


def _decided(row: Row[Any]) -> Decided:
    decision = Decision(
        criterion_id=row.criterion_id,
        judgement=Judgement(row.judgement),
        relation=Relation(row.relation) if row.relation else None,
        rationale=row.rationale,
    )
    return Decided(decision=decision, by=row.decided_by, at=row.decided_at)
