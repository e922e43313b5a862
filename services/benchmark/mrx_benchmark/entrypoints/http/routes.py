"""The benchmark's HTTP API."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from mrx_shared.bus.requests import Command, Requests
from mrx_shared.kit.access import Access, Principal, Role
from mrx_shared.refusals import Unknown

from mrx_benchmark import handlers
from mrx_benchmark.domain.protocols import ProtocolVersion
from mrx_benchmark.entrypoints.http.around import add_around
from mrx_benchmark.entrypoints.http.bodies import (
    AssessmentAsked,
    AssessmentShown,
    AssessmentsShown,
    AssessmentWhole,
    CriteriaListed,
    ProtocolAsked,
    ProtocolsShown,
    ProtocolTaken,
    ReviewAsked,
    ReviewsShown,
    VersionAsked,
    VersionShown,
    assessment_shown,
    assessment_whole,
    at_work_shown,
    criteria_shown,
    decisions_of,
    protocol_shown,
    version_shown,
)
from mrx_benchmark.entrypoints.http.documents import add_documents
from mrx_benchmark.entrypoints.http.drafts import add_drafts
from mrx_benchmark.entrypoints.http.evidence import add_evidence
from mrx_benchmark.ports import Shelf, Work

_EVERYONE = tuple(Role)


def build_router(requests: Requests[Work], access: Access, shelf: Shelf) -> APIRouter:
    """Every route of the benchmark but those that every service has."""
    router = APIRouter(prefix="/v1")
    _add_criteria(router, requests, access)
    _add_protocols(router, requests, access)
    _add_assessments(router, requests, access)
    _add_review(router, requests, access)
    add_around(router, requests, access)
    add_drafts(router, requests, access)
    add_documents(router, requests, access)
    add_evidence(router, requests, access, shelf)
    return router


def _add_criteria(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    everyone = Annotated[Principal, Depends(access.require(*_EVERYONE))]

    @router.get("/criteria", tags=["criteria"])
    async def list_criteria(who: everyone) -> CriteriaListed:  # noqa: ARG001
        async def listed(work: Work) -> CriteriaListed:
            return CriteriaListed(
                criteria=[
                    criteria_shown(one, await work.process.evolution(one.version), work.now.date())
                    for one in await handlers.list_criteria(work)
                ]
            )

        return await requests.read(listed)

    @router.get("/criteria/{version}", tags=["criteria"])
    async def show_criteria(version: str, who: everyone) -> dict[str, Any]:  # noqa: ARG001
        async def shown(work: Work) -> dict[str, Any]:
            if version not in work.catalogues:
                raise Unknown("there is no such version", field="version", remedy="list the criteria first")
            return (await handlers.in_force(version, work)).document()

        return await requests.read(shown)


def _add_protocols(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    owner = Annotated[Principal, Depends(access.require(Role.MEMBER, Role.SECRETARIAT))]
    reader = Annotated[Principal, Depends(access.require(Role.MEMBER, Role.SECRETARIAT, Role.REVIEWER))]
    do = Annotated[Command[Work], Depends(requests.command)]

    @router.post("/protocols", status_code=201, response_model=ProtocolTaken, tags=["protocols"])
    async def register_protocol(asked: ProtocolAsked, who: owner, command: do) -> Response:
        async def registered(work: Work) -> ProtocolTaken:
            protocol = await handlers.register_protocol(
                code=asked.code,
                name=asked.name,
                scheme_family=asked.scheme_family,
                public=asked.public,
                owner=who.member,
                work=work,
            )
            return ProtocolTaken(protocol_id=protocol.protocol_id)

        return await command(registered, by=who, status=201)

    @router.post(
        "/protocols/{protocol_id}/versions", status_code=201, response_model=VersionShown, tags=["protocols"]
    )
    async def submit_version(protocol_id: UUID, asked: VersionAsked, who: owner, command: do) -> Response:
        async def submitted(work: Work) -> VersionShown:
            version = ProtocolVersion(
                protocol_id=protocol_id,
                version=asked.version,
                effective_from=asked.effective_from,
                effective_until=asked.effective_until,
            )
            await handlers.submit_version(version, owner=who.member, work=work)
            return version_shown(version)

        return await command(submitted, by=who, status=201)

    @router.get("/protocols", tags=["protocols"])
    async def list_protocols(who: reader) -> ProtocolsShown:
        async def listed(work: Work) -> ProtocolsShown:
            found = await handlers.list_protocols(
                for_review=who.role is Role.REVIEWER, by=who.subject, work=work
            )
            return ProtocolsShown(protocols=[protocol_shown(*one) for one in found])

        return await requests.read(listed, tenant=who.member)


def _add_assessments(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    owner = Annotated[Principal, Depends(access.require(Role.MEMBER, Role.SECRETARIAT))]
    reader = Annotated[Principal, Depends(access.require(Role.MEMBER, Role.SECRETARIAT, Role.REVIEWER))]
    do = Annotated[Command[Work], Depends(requests.command)]

    @router.post("/assessments", status_code=201, response_model=AssessmentShown, tags=["assessments"])
    async def submit_answers(asked: AssessmentAsked, who: owner, command: do) -> Response:
        async def submitted(work: Work) -> AssessmentShown:
            shown = await handlers.submit_answers(
                [answer.model_dump() for answer in asked.answers],
                protocol_id=asked.protocol_id,
                version=asked.version,
                criteria_version=asked.criteria_version,
                owner=who.member,
                by=who.subject,
                work=work,
            )
            return assessment_shown(shown)

        return await command(submitted, by=who, status=201)

    @router.get("/assessments", tags=["assessments"])
    async def list_assessments(who: reader) -> AssessmentsShown:
        async def listed(work: Work) -> AssessmentsShown:
            found = await handlers.list_assessments(
                for_review=who.role is Role.REVIEWER, by=who.subject, work=work
            )
            return AssessmentsShown(assessments=[assessment_shown(one) for one in found])

        return await requests.read(listed, tenant=who.member)

    @router.get("/assessments/{assessment_id}", tags=["assessments"])
    async def show_assessment(assessment_id: UUID, who: reader) -> AssessmentWhole:
        async def shown(work: Work) -> AssessmentWhole:
            return assessment_whole(
                await handlers.show_assessment(
                    assessment_id, for_review=who.role is Role.REVIEWER, by=who.subject, work=work
                )
            )

        return await requests.read(shown, tenant=who.member)


def _add_review(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    reviewer = Annotated[Principal, Depends(access.require(Role.REVIEWER))]
    secretariat = Annotated[Principal, Depends(access.require(Role.SECRETARIAT))]
    do = Annotated[Command[Work], Depends(requests.command)]

    @router.get("/reviews", tags=["review"])
    async def list_reviews(who: secretariat) -> ReviewsShown:  # noqa: ARG001
        async def listed(work: Work) -> ReviewsShown:
            return ReviewsShown(
                reviews=[at_work_shown(one) for one in await handlers.list_reviews(work=work)]
            )

        return await requests.read(listed)

    @router.post("/assessments/{assessment_id}/reviews", response_model=AssessmentShown, tags=["review"])
    async def review(assessment_id: UUID, asked: ReviewAsked, who: reviewer, command: do) -> Response:
        async def reviewed(work: Work) -> AssessmentShown:
            decisions = decisions_of(asked.decisions)
            return assessment_shown(
                await handlers.review(
                    assessment_id, decisions, confirm_rest=asked.confirm_rest, by=who.subject, work=work
                )
            )

        return await command(reviewed, by=who)

    @router.post("/assessments/{assessment_id}/conclusion", response_model=AssessmentShown, tags=["review"])
    async def conclude(assessment_id: UUID, who: reviewer, command: do) -> Response:
        async def concluded(work: Work) -> AssessmentShown:
            return assessment_shown(await handlers.conclude(assessment_id, by=who.subject, work=work))

        return await command(concluded, by=who)
