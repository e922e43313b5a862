"""Files over HTTP: templates out and in, suggestions, reports."""

import base64
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from mrx_criteria.domain.answers import row_of
from mrx_criteria.domain.commonality import GapReport
from mrx_criteria.domain.criteria import Catalogue
from mrx_criteria.domain.suggestions import read_requirements
from mrx_shared.api import benchmark as api
from mrx_shared.bus.requests import Command, Requests
from mrx_shared.kit.access import Access, Principal, Role
from mrx_shared.refusals import Invalid, Unknown

from mrx_benchmark.entrypoints.http.bodies import assessment_body, draft_body
from mrx_benchmark.entrypoints.http.drafts import place
from mrx_benchmark.handlers import assessing, criteria, drafting, protocols
from mrx_benchmark.ports import Document, Documents, Work


def add_documents(router: APIRouter, requests: Requests[Work], access: Access, documents: Documents) -> None:
    """Add the routes to the benchmark's."""
    _add_templates(router, requests, access, documents)
    _add_uploads(router, requests, access, documents)
    _add_suggestions(router, requests, access, documents)
    _add_reports(router, requests, access, documents)


def _add_templates(router: APIRouter, requests: Requests[Work], access: Access, documents: Documents) -> None:
    everyone = Annotated[Principal, Depends(access.require(*Role))]

    @router.get("/criteria/{version}/template.{kind}", tags=["criteria"], response_class=Response)
    async def template(version: str, kind: str, who: everyone) -> Response:  # noqa: ARG001
        async def measured_by(work: Work) -> Catalogue:
            if version not in work.catalogues or kind not in {"csv", "xlsx"}:
                raise Unknown("there is no such template", field="version", remedy="list the criteria first")
            return work.catalogues[version]

        return _file(await documents.template(await requests.read(measured_by), kind))


def _add_uploads(router: APIRouter, requests: Requests[Work], access: Access, documents: Documents) -> None:
    owner = Annotated[Principal, Depends(access.require(Role.MEMBER, Role.SECRETARIAT))]
    do = Annotated[Command[Work], Depends(requests.command)]

    @router.post(
        "/assessments/files", status_code=201, response_model=api.FileSubmitted, tags=["assessments"]
    )
    async def submit_file(asked: api.NewAnswersFile, who: owner, command: do) -> Response:
        async def measured_by(work: Work) -> Catalogue:
            return criteria.catalogue_named(asked.criteria_version, work)

        # Before the transaction and beside the event loop: a large file takes seconds to read.
        catalogue = await requests.read(measured_by)
        sifted = await documents.answers(_bytes(asked.content_base64), asked.file_name, catalogue)

        async def submitted(work: Work) -> api.FileSubmitted:
            where = place(asked.protocol_id, asked.version, asked.criteria_version)
            checked = sifted if sifted.answers else sifted.unanswered()
            if checked.faults:
                if not asked.keep_good or not (sifted.answers or sifted.notes):
                    checked.whole()
                kept = await drafting.keep_good(
                    sifted, place=where, owner=who.member, by=who.subject, work=work
                )
                return api.FileSubmitted(
                    draft=draft_body(kept),
                    refused=[api.RefusedRow.of(one) for one in checked.faults],
                    more=checked.more,
                )
            begun = await assessing.submit_answers(
                [row_of(one) for one in sifted.answers],
                protocol_id=asked.protocol_id,
                version=asked.version,
                criteria_version=asked.criteria_version,
                owner=who.member,
                by=who.subject,
                work=work,
            )
            if sifted.notes:
                notes = replace(sifted, answers=())
                await drafting.keep_good(notes, place=where, owner=who.member, by=who.subject, work=work)
            return api.FileSubmitted(assessment=assessment_body(begun), refused=[])

        return await command(submitted, by=who, status=201)


def _add_suggestions(
    router: APIRouter, requests: Requests[Work], access: Access, documents: Documents
) -> None:
    owner = Annotated[Principal, Depends(access.require(Role.MEMBER, Role.SECRETARIAT))]
    do = Annotated[Command[Work], Depends(requests.command)]

    @router.post("/suggestions", response_model=api.Suggestions, tags=["criteria"])
    async def propose(asked: api.NewRequirements, who: owner, command: do) -> Response:
        stated = read_requirements(enumerate((one.model_dump() for one in asked.requirements), 1))

        async def proposed(work: Work) -> api.Suggestions:
            return await _suggested(stated, asked.criteria_version, documents, work)

        return await command(proposed, by=who)

    @router.post("/suggestions/files", response_model=api.Suggestions, tags=["criteria"])
    async def propose_for_file(asked: api.NewRequirementsFile, who: owner, command: do) -> Response:
        stated = await documents.requirements(_bytes(asked.content_base64), asked.file_name)
        if not 0 < len(stated) <= api.REQUIREMENTS:
            raise Invalid(
                f"{len(stated)} requirements",
                field="file",
                remedy=f"write 1 to {api.REQUIREMENTS} of them, one per row",
            )

        async def proposed(work: Work) -> api.Suggestions:
            return await _suggested(stated, asked.criteria_version, documents, work)

        return await command(proposed, by=who)


async def _suggested(
    stated: Sequence[tuple[str, str]], criteria_version: str, documents: Documents, work: Work
) -> api.Suggestions:
    if criteria_version not in work.catalogues:
        raise Unknown("there is no such version", field="version", remedy="list the criteria first")
    found = await documents.suggestions(stated, work.catalogues[criteria_version])
    met = {(one.requirement_ref, one.requirement_text) for one in found}
    return api.Suggestions(
        suggestions=[api.Suggestion.of(one, suggestion=True) for one in found],
        without=[
            api.Requirement(requirement_ref=ref, requirement_text=text)
            for ref, text in stated
            if (ref, text) not in met
        ],
    )


def _bytes(content_base64: str) -> bytes:
    try:
        return base64.b64decode(content_base64, validate=True)
    except ValueError:
        raise Invalid(
            "not in base64", field="content_base64", remedy="encode the file's bytes in base64"
        ) from None


def _add_reports(router: APIRouter, requests: Requests[Work], access: Access, documents: Documents) -> None:
    reader = Annotated[Principal, Depends(access.require(Role.MEMBER, Role.SECRETARIAT, Role.REVIEWER))]

    @router.get("/assessments/{assessment_id}/report.{kind}", tags=["assessments"], response_class=Response)
    async def report(assessment_id: UUID, kind: str, who: reader) -> Response:
        if kind not in documents.reports:
            raise Unknown(
                "there is no such kind of report",
                field="kind",
                remedy=f"name one of {', '.join(documents.reports)}",
            )

        async def found(work: Work) -> GapReport:
            one = await assessing.show_assessment(
                assessment_id, for_review=who.role is Role.REVIEWER, by=who.subject, work=work
            )
            return GapReport(
                protocol=await protocols.protocol_named(
                    one.assessment, for_review=who.role is Role.REVIEWER, work=work
                ),
                catalogue=work.catalogues[one.assessment.criteria_version],
                answers=one.assessment.judged(),
                score=one.score,
                made_at=work.now,
            )

        return _file(await documents.report(await requests.read(found, tenant=who.member), kind))


def _file(document: Document) -> Response:
    return Response(
        document.body,
        media_type=document.media_type,
        headers={"Content-Disposition": f'attachment; filename="{document.name}"'},
    )
