"""A reviewer's pages: assessments in work, and one with its answers beside the criteria."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any
from uuid import UUID

from mrx_shared.api import benchmark
from mrx_shared.api.bodies import fill
from mrx_shared.refusals import Forbidden, Unknown

from mrx_portal.domain.evidence import EvidenceFile, apart, named_in
from mrx_portal.domain.reviews import Clause, Decision, Line, by_clause
from mrx_portal.ports import Api, Service

IN_WORK = frozenset({"submitted", "in-review"})
Answer = benchmark.AnswerRow | benchmark.JudgedAnswer
_ANSWERED = {one.name for one in fields(Line)} - {"criterion_id"}


def waits_for_reply(one: benchmark.Assessment) -> bool:
    """Whether a reviewer asked its owner something, and judges nothing before the reply."""
    return one.questions_open > 0 and one.member_id is not None and one.state in IN_WORK


def waits(one: benchmark.Assessment) -> bool:
    """Whether it waits for a reviewer: its answers, or an appeal."""
    return one.state in IN_WORK or one.appealed == "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An assessment with the protocol that it is about."""

    assessment: benchmark.Assessment
    protocol: benchmark.Protocol | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentUnderReview:
    """One assessment with everything that a reviewer needs beside it."""

    assessment: benchmark.AssessmentWhole
    protocol: benchmark.Protocol | None
    criteria: benchmark.Criteria
    clauses: tuple[Clause, ...]

    @property
    def answered(self) -> int:
        """Criteria with an answer."""
        return sum(clause.answered for clause in self.clauses)

    @property
    def decided(self) -> int:
        """Criteria with a decision."""
        return sum(clause.decided for clause in self.clauses)

    @property
    def at_work(self) -> bool:
        """Whether a reviewer may still decide."""
        return self.assessment.state in IN_WORK

    @property
    def gate(self) -> str:
        """What must be reached, in percent; the catalogue may ask for every essential criterion instead."""
        return self.criteria.gate

    @property
    def appealable(self) -> tuple[Line, ...]:
        """Criteria that are not met in full as the decisions stand: what an appeal may be about."""
        met = {"equal", "superset"}
        return tuple(
            line
            for clause in self.clauses
            for line in clause.lines
            if (line.corrected_to or line.relation) not in met
        )

    @property
    def next_open(self) -> str | None:
        """The first clause with an answer that has no decision, or with what two reviewers differ on still."""
        return next(
            (
                clause.name
                for clause in self.clauses
                if clause.undecided or any(line.criterion_id in self.disputed for line in clause.lines)
            ),
            None,
        )

    @property
    def disputed(self) -> frozenset[str]:
        """The criteria that two reviewers differ on still."""
        agreement = self.assessment.agreement
        differences = agreement.differences if agreement else ()
        return frozenset(one.criterion_id for one in differences if not one.resolved)


async def assessments(api: Api) -> tuple[Listed, ...]:
    """All assessments with their protocols; those in work first, the newest first."""
    found, known = await asyncio.gather(
        api.get(Service.BENCHMARK, "/v1/assessments", benchmark.Assessments),
        api.get(Service.BENCHMARK, "/v1/protocols", benchmark.Protocols),
    )
    protocols = {one.protocol_id: one for one in known.protocols}
    listed = [Listed(assessment=one, protocol=protocols.get(one.protocol_id)) for one in found.assessments]
    return tuple(sorted(listed, key=lambda one: not waits(one.assessment)))


async def under_review(assessment_id: UUID, api: Api) -> AssessmentUnderReview:
    """One assessment beside its criteria."""
    assessment, known = await asyncio.gather(
        api.get(Service.BENCHMARK, f"/v1/assessments/{assessment_id}", benchmark.AssessmentWhole),
        api.get(Service.BENCHMARK, "/v1/protocols", benchmark.Protocols),
    )
    criteria = await api.get(
        Service.BENCHMARK, f"/v1/criteria/{assessment.criteria_version}", benchmark.Criteria
    )
    files = await evidence_of(assessment.protocol_id, api)
    return AssessmentUnderReview(
        assessment=assessment,
        protocol=next((one for one in known.protocols if one.protocol_id == assessment.protocol_id), None),
        criteria=criteria,
        clauses=by_clause(lines_of(criteria, assessment.answers, files)),
    )


async def review(assessment_id: UUID, decisions: Sequence[Decision], api: Api, *, key: str) -> None:
    """Keep a reviewer's decisions."""
    body = fill(benchmark.NewReview, decisions=[asdict(one) for one in decisions])
    await api.post(Service.BENCHMARK, f"/v1/assessments/{assessment_id}/reviews", body, key=key)


async def ask(assessment_id: UUID, criterion_id: str, text: str, api: Api, *, key: str) -> None:
    """Ask the owner about a criterion."""
    question = fill(benchmark.NewQuestion, criterion_id=criterion_id, text=text)
    await api.post(Service.BENCHMARK, f"/v1/assessments/{assessment_id}/questions", question, key=key)


async def leave(assessment_id: UUID, principal_id: str, api: Api, *, key: str) -> None:
    """Put oneself out; what was decided falls away."""
    body = fill(benchmark.NewRelease, reviewer=principal_id)
    await api.post(Service.BENCHMARK, f"/v1/assessments/{assessment_id}/releases", body, key=key)


async def conclude(assessment_id: UUID, api: Api, *, key: str) -> None:
    """Reach the verdict."""
    await api.post(Service.BENCHMARK, f"/v1/assessments/{assessment_id}/conclusion", key=key)


async def decide_appeal(
    assessment_id: UUID,
    decisions: Sequence[Decision],
    api: Api,
    *,
    granted: bool,
    rationale: str,
    key: str,
) -> None:
    """Decide an appeal; granted, with decisions in place of those that stand."""
    body = fill(
        benchmark.NewAppealDecision,
        granted=granted,
        rationale=rationale,
        decisions=[asdict(one) for one in decisions],
    )
    await api.post(Service.BENCHMARK, f"/v1/assessments/{assessment_id}/appeal/decision", body, key=key)


async def report(assessment_id: UUID, kind: str, api: Api) -> bytes:
    """The gap report."""
    return await api.fetch(Service.BENCHMARK, f"/v1/assessments/{assessment_id}/report.{kind}")


async def evidence_of(protocol_id: UUID | str, api: Api) -> tuple[EvidenceFile, ...]:
    """The files behind a protocol's answers, as far as the asker reads them."""
    try:
        found = await api.get(
            Service.BENCHMARK, f"/v1/protocols/{protocol_id}/evidence", benchmark.EvidenceFiles
        )
    except (Forbidden, Unknown):
        return ()
    return tuple(EvidenceFile(sha256=one.sha256, name=one.name, size=one.size) for one in found.files)


async def evidence_file(protocol_id: UUID, digest: str, api: Api) -> tuple[str, bytes]:
    """The name of one of these files, and its bytes."""
    for one in await evidence_of(protocol_id, api):
        if one.sha256 == digest:
            return one.name, await api.fetch(
                Service.BENCHMARK, f"/v1/protocols/{protocol_id}/evidence/{digest}"
            )
    raise Unknown("there is no such file", remedy="choose one from the page")


def lines_of(
    criteria: benchmark.Criteria, answered: Sequence[Answer], files: Sequence[EvidenceFile]
) -> list[Line]:
    """Each criterion with what was answered and decided, and the files that stand behind it."""
    answers = {one.criterion_id: one for one in answered}
    return [
        Line(
            criterion_id=one.id,
            clause=one.clause,
            pillar=one.pillar,
            kind=one.kind,
            statement=one.statement,
            essential=one.essential,
            weight=one.weight,
            **(_answered(answers[one.id], files) if one.id in answers else {}),
        )
        for one in criteria.criteria
    ]


def _answered(answer: Answer, files: Sequence[EvidenceFile]) -> dict[str, Any]:
    words, digest = apart(answer.evidence, files)
    return {
        **answer.model_dump(include=_ANSWERED),
        "relation": answer.relation or None,
        "evidence_words": words,
        "evidence_file": digest,
        "files": named_in(answer.evidence, files),
    }
