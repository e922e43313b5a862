"""A member's own assessments: how they stand, drafts, files, questions, appeals, reports."""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import quote
from uuid import UUID

from mrx_shared.api import benchmark
from mrx_shared.api.bodies import fill

from mrx_portal.domain.evidence import EvidenceFile
from mrx_portal.domain.reviews import Clause, by_clause
from mrx_portal.handlers.reviewer import evidence_of, lines_of
from mrx_portal.ports import Api, Service


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentsOverview:
    """What a member needs to answer the criteria."""

    assessments: tuple[tuple[benchmark.Assessment, benchmark.Protocol | None], ...]
    drafts: tuple[tuple[benchmark.Draft, benchmark.Protocol | None], ...]
    protocols: tuple[benchmark.Protocol, ...]
    criteria: tuple[benchmark.CriteriaVersion, ...]

    @property
    def changing(self) -> tuple[benchmark.CriteriaVersion, ...]:
        """Versions that give way to a newer one and concern this member: under consultation, or used by it."""
        used = {one.criteria_version for one, _ in self.assessments if one.state != "replaced"}
        return tuple(
            one
            for one in self.criteria
            if one.successor and (one.successor.phase == "consultation" or one.version in used)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a draft is of."""

    protocol_id: str
    version: str
    criteria: str

    @property
    def quoted(self) -> str:
        """The version as a path holds it."""
        return quote(self.version, safe="")

    @property
    def query(self) -> str:
        """The place as the query of a page."""
        return f"protocol={quote(self.protocol_id)}&version={self.quoted}&criteria={quote(self.criteria)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering:
    """A draft beside its criteria."""

    draft: benchmark.DraftWhole
    protocol: benchmark.Protocol | None
    criteria: benchmark.Criteria
    clauses: tuple[Clause, ...]
    files: tuple[EvidenceFile, ...]

    @property
    def next_open(self) -> str | None:
        """The first clause that has a criterion without an answer."""
        return next((one.name for one in self.clauses if one.answered < len(one.lines)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One assessment beside its criteria, as its owner sees it."""

    assessment: benchmark.AssessmentWhole
    protocol: benchmark.Protocol | None
    criteria: benchmark.Criteria
    clauses: tuple[Clause, ...]


async def overview(api: Api) -> AssessmentsOverview:
    """Own assessments and drafts with their protocols, and the versions of the criteria, the newest first."""
    found, drafts, known, criteria = await asyncio.gather(
        api.get(Service.BENCHMARK, "/v1/assessments", benchmark.Assessments),
        api.get(Service.BENCHMARK, "/v1/drafts", benchmark.Drafts),
        api.get(Service.BENCHMARK, "/v1/protocols", benchmark.Protocols),
        api.get(Service.BENCHMARK, "/v1/criteria", benchmark.CriteriaVersions),
    )
    protocols = {one.protocol_id: one for one in known.protocols}
    own = [one for one in found.assessments if one.member_id is not None]
    return AssessmentsOverview(
        assessments=tuple((one, protocols.get(one.protocol_id)) for one in own),
        drafts=tuple((one, protocols.get(one.protocol_id)) for one in drafts.drafts),
        protocols=tuple(one for one in protocols.values() if not one.public),
        criteria=tuple(reversed(criteria.criteria)),
    )


async def register(code: str, name: str, api: Api, *, key: str) -> UUID:
    """Take up a protocol of the member's own."""
    protocol = fill(benchmark.NewProtocol, code=code, name=name, public=False)
    answer = benchmark.ProtocolRegistered
    return (await api.post(Service.BENCHMARK, "/v1/protocols", protocol, answer, key=key)).protocol_id


async def add_version(protocol_id: str, version: str, first: str, last: str, api: Api, *, key: str) -> None:
    """Add a version with the days of its audits."""
    body = fill(
        benchmark.NewProtocolVersion, version=version, effective_from=first, effective_until=last or None
    )
    await api.post(Service.BENCHMARK, f"/v1/protocols/{protocol_id}/versions", body, key=key)


async def send_file(
    place: Place, name: str, content: bytes, api: Api, *, keep_good: bool, key: str
) -> benchmark.FileSubmitted:
    """Begin an assessment with a filled-in template."""
    file = fill(
        benchmark.NewAnswersFile,
        protocol_id=place.protocol_id,
        version=place.version,
        criteria_version=place.criteria,
        file_name=name,
        content_base64=base64.b64encode(content).decode(),
        keep_good=keep_good,
    )
    return await api.post(Service.BENCHMARK, "/v1/assessments/files", file, benchmark.FileSubmitted, key=key)


async def save(
    place: Place, rows: Sequence[Mapping[str, str]], api: Api, *, key: str, start_from: str = ""
) -> None:
    """Keep answers in a draft, which may start with those of an earlier assessment."""
    answers = fill(benchmark.NewDraft, answers=[dict(row) for row in rows], start_from=start_from or None)
    await api.post(
        Service.BENCHMARK,
        f"/v1/protocols/{place.protocol_id}/versions/{place.quoted}/drafts/{place.criteria}",
        answers,
        key=key,
    )


async def submit(place: Place, api: Api, *, key: str) -> benchmark.Assessment:
    """Begin an assessment with a draft."""
    return await api.post(
        Service.BENCHMARK,
        f"/v1/protocols/{place.protocol_id}/versions/{place.quoted}/drafts/{place.criteria}/submission",
        None,
        benchmark.Assessment,
        key=key,
    )


async def discard(place: Place, api: Api, *, key: str) -> None:
    """Take a draft away."""
    await api.post(
        Service.BENCHMARK,
        f"/v1/protocols/{place.protocol_id}/versions/{place.quoted}/drafts/{place.criteria}/discard",
        key=key,
    )


async def answering(place: Place, api: Api) -> Answering:
    """A draft beside its criteria."""
    draft, known, catalogue, files = await asyncio.gather(
        api.get(
            Service.BENCHMARK,
            f"/v1/protocols/{place.protocol_id}/versions/{place.quoted}/drafts/{place.criteria}",
            benchmark.DraftWhole,
        ),
        api.get(Service.BENCHMARK, "/v1/protocols", benchmark.Protocols),
        api.get(Service.BENCHMARK, f"/v1/criteria/{place.criteria}", benchmark.Criteria),
        evidence_of(place.protocol_id, api),
    )
    return Answering(
        draft=draft,
        protocol=_named(known, draft.protocol_id),
        criteria=catalogue,
        clauses=by_clause(lines_of(catalogue, draft.answers, files)),
        files=files,
    )


async def keep_file(place: Place, name: str, content: bytes, api: Api, *, key: str) -> None:
    """Keep a file as evidence for the protocol's answers."""
    await api.send(
        Service.BENCHMARK,
        f"/v1/protocols/{place.protocol_id}/evidence",
        content,
        benchmark.EvidenceFile,
        file_name=name,
        # another file from the same page is another request
        key=f"{key}-{sha256(content).hexdigest()[:16]}",
    )


async def standing(assessment_id: UUID, api: Api) -> Standing:
    """One assessment beside its criteria."""
    one, known = await asyncio.gather(
        api.get(Service.BENCHMARK, f"/v1/assessments/{assessment_id}", benchmark.AssessmentWhole),
        api.get(Service.BENCHMARK, "/v1/protocols", benchmark.Protocols),
    )
    criteria = await api.get(Service.BENCHMARK, f"/v1/criteria/{one.criteria_version}", benchmark.Criteria)
    return Standing(
        assessment=one,
        protocol=_named(known, one.protocol_id),
        criteria=criteria,
        clauses=by_clause(lines_of(criteria, one.answers, await evidence_of(one.protocol_id, api))),
    )


async def reply(assessment_id: UUID, question_id: UUID, text: str, api: Api, *, key: str) -> None:
    """Answer a reviewer's question."""
    await api.post(
        Service.BENCHMARK,
        f"/v1/assessments/{assessment_id}/questions/{question_id}/reply",
        fill(benchmark.NewText, text=text),
        key=key,
    )


async def appeal(assessment_id: UUID, reason: str, api: Api, *, key: str) -> None:
    """Object to the verdict."""
    objection = fill(benchmark.NewAppeal, reason=reason)
    await api.post(Service.BENCHMARK, f"/v1/assessments/{assessment_id}/appeal", objection, key=key)


async def report(assessment_id: UUID, kind: str, api: Api) -> bytes:
    """The gap report."""
    return await api.fetch(Service.BENCHMARK, f"/v1/assessments/{assessment_id}/report.{kind}")


async def template(criteria: str, kind: str, api: Api) -> bytes:
    """An empty template."""
    return await api.fetch(Service.BENCHMARK, f"/v1/criteria/{quote(criteria, safe='')}/template.{kind}")


async def evolution(criteria: str, api: Api) -> benchmark.Evolution:
    """What follows a version, and what was said in the consultation."""
    return await api.get(Service.BENCHMARK, f"/v1/criteria/{criteria}/evolution", benchmark.Evolution)


async def comment(criteria: str, text: str, api: Api, *, key: str) -> None:
    """A word in a consultation."""
    await api.post(
        Service.BENCHMARK, f"/v1/criteria/{criteria}/comments", fill(benchmark.NewText, text=text), key=key
    )


def _named(known: benchmark.Protocols, protocol_id: UUID) -> benchmark.Protocol | None:
    return next((one for one in known.protocols if one.protocol_id == protocol_id), None)
