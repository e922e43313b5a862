"""A member's own assessments: how they stand, drafts, files, questions, appeals, reports."""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import quote
from uuid import UUID

from mrx_portal.domain.evidence import EvidenceFile
from mrx_portal.domain.reviews import Clause, by_clause
from mrx_portal.handlers.reviewer import evidence_of, lines_of
from mrx_portal.handlers.shapes import (
    Assessment,
    Assessments,
    Criteria,
    CriteriaVersion,
    CriteriaVersions,
    Draft,
    Drafts,
    DraftWhole,
    Evolution,
    FileTaken,
    Protocol,
    Protocols,
    WholeAssessment,
    read,
)
from mrx_portal.ports import Api, Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What a member needs to answer the criteria."""

    assessments: tuple[tuple[Assessment, Protocol | None], ...]
    drafts: tuple[tuple[Draft, Protocol | None], ...]
    protocols: tuple[Protocol, ...]
    criteria: tuple[CriteriaVersion, ...]

    @property
    def changing(self) -> tuple[CriteriaVersion, ...]:
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

    draft: DraftWhole
    protocol: Protocol | None
    criteria: Criteria
    clauses: tuple[Clause, ...]
    files: tuple[EvidenceFile, ...]

    @property
    def next_open(self) -> str | None:
        """The first clause that has a criterion without an answer."""
        return next((one.name for one in self.clauses if one.answered < len(one.lines)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One assessment beside its criteria, as its owner sees it."""

    assessment: WholeAssessment
    protocol: Protocol | None
    criteria: Criteria
    clauses: tuple[Clause, ...]


async def desk(api: Api) -> Bench:
    """Own assessments and drafts with their protocols, and the versions of the criteria, the newest first."""
    found, drafts, known, criteria = await asyncio.gather(
        api.get(Service.BENCHMARK, "/v1/assessments"),
        api.get(Service.BENCHMARK, "/v1/drafts"),
        api.get(Service.BENCHMARK, "/v1/protocols"),
        api.get(Service.BENCHMARK, "/v1/criteria"),
    )
    protocols = {one.protocol_id: one for one in read(Protocols, known).protocols}
    own = [one for one in read(Assessments, found).assessments if one.member_id is not None]
    return Bench(
        assessments=tuple((one, protocols.get(one.protocol_id)) for one in own),
        drafts=tuple((one, protocols.get(one.protocol_id)) for one in read(Drafts, drafts).drafts),
        protocols=tuple(one for one in protocols.values() if not one.public),
        criteria=tuple(reversed(read(CriteriaVersions, criteria).criteria)),
    )


async def register(code: str, name: str, api: Api, *, key: str) -> UUID:
    """Take up a protocol of the member's own."""
    made = await api.post(
        Service.BENCHMARK, "/v1/protocols", {"code": code, "name": name, "public": False}, key=key
    )
    return UUID(made["protocol_id"])


async def add_version(protocol_id: str, version: str, first: str, last: str, api: Api, *, key: str) -> None:
    """Add a version with the days of its audits."""
    await api.post(
        Service.BENCHMARK,
        f"/v1/protocols/{protocol_id}/versions",
        {"version": version, "effective_from": first, "effective_until": last or None},
        key=key,
    )


async def send_file(
    place: Place, name: str, content: bytes, api: Api, *, keep_good: bool, key: str
) -> FileTaken:
    """Begin an assessment with a filled-in template."""
    answer = await api.post(
        Service.BENCHMARK,
        "/v1/assessments/files",
        {
            "protocol_id": place.protocol_id,
            "version": place.version,
            "criteria_version": place.criteria,
            "file_name": name,
            "content_base64": base64.b64encode(content).decode(),
            "keep_good": keep_good,
        },
        key=key,
    )
    return read(FileTaken, answer)


async def save(
    place: Place, rows: Sequence[Mapping[str, str]], api: Api, *, key: str, start_from: str = ""
) -> None:
    """Keep answers in a draft, which may start with those of an earlier assessment."""
    await api.post(
        Service.BENCHMARK,
        f"/v1/protocols/{place.protocol_id}/versions/{place.quoted}/drafts/{place.criteria}",
        {"answers": [dict(row) for row in rows], "start_from": start_from or None},
        key=key,
    )


async def submit(place: Place, api: Api, *, key: str) -> Assessment:
    """Begin an assessment with a draft."""
    answer = await api.post(
        Service.BENCHMARK,
        f"/v1/protocols/{place.protocol_id}/versions/{place.quoted}/drafts/{place.criteria}/submission",
        key=key,
    )
    return read(Assessment, answer)


async def discard(place: Place, api: Api, *, key: str) -> None:
    """Take a draft away."""
    await api.post(
        Service.BENCHMARK,
        f"/v1/protocols/{place.protocol_id}/versions/{place.quoted}/drafts/{place.criteria}/discard",
        key=key,
    )


async def answering(place: Place, api: Api) -> Answering:
    """A draft beside its criteria."""
    found, known, criteria, files = await asyncio.gather(
        api.get(
            Service.BENCHMARK,
            f"/v1/protocols/{place.protocol_id}/versions/{place.quoted}/drafts/{place.criteria}",
        ),
        api.get(Service.BENCHMARK, "/v1/protocols"),
        api.get(Service.BENCHMARK, f"/v1/criteria/{place.criteria}"),
        evidence_of(place.protocol_id, api),
    )
    draft, catalogue = read(DraftWhole, found), read(Criteria, criteria)
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
        file_name=name,
        # another file from the same page is another request
        key=f"{key}-{sha256(content).hexdigest()[:16]}",
    )


async def standing(assessment_id: UUID, api: Api) -> Standing:
    """One assessment beside its criteria."""
    found, known = await asyncio.gather(
        api.get(Service.BENCHMARK, f"/v1/assessments/{assessment_id}"),
        api.get(Service.BENCHMARK, "/v1/protocols"),
    )
    one = read(WholeAssessment, found)
    criteria = read(Criteria, await api.get(Service.BENCHMARK, f"/v1/criteria/{one.criteria_version}"))
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
        {"text": text},
        key=key,
    )


async def appeal(assessment_id: UUID, reason: str, api: Api, *, key: str) -> None:
    """Object to the verdict."""
    await api.post(Service.BENCHMARK, f"/v1/assessments/{assessment_id}/appeal", {"reason": reason}, key=key)


async def report(assessment_id: UUID, kind: str, api: Api) -> bytes:
    """The gap report."""
    return await api.fetch(Service.BENCHMARK, f"/v1/assessments/{assessment_id}/report.{kind}")


async def template(criteria: str, kind: str, api: Api) -> bytes:
    """An empty template."""
    return await api.fetch(Service.BENCHMARK, f"/v1/criteria/{quote(criteria, safe='')}/template.{kind}")


async def evolution(criteria: str, api: Api) -> Evolution:
    """What follows a version, and what was said in the consultation."""
    return read(Evolution, await api.get(Service.BENCHMARK, f"/v1/criteria/{criteria}/evolution"))


async def comment(criteria: str, text: str, api: Api, *, key: str) -> None:
    """A word in a consultation."""
    await api.post(Service.BENCHMARK, f"/v1/criteria/{criteria}/comments", {"text": text}, key=key)


def _named(known: object, protocol_id: UUID) -> Protocol | None:
    return next((one for one in read(Protocols, known).protocols if one.protocol_id == protocol_id), None)
