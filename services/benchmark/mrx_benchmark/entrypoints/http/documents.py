"""Files over HTTP: templates out and in, suggestions, reports."""

import asyncio
import base64
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from mrx_criteria.documents import REPORTS, Report, template_csv, template_xlsx
from mrx_criteria.domain.answers import Sifted, row_of
from mrx_criteria.domain.criteria import Catalogue
from mrx_criteria.files import ANSWERS_BYTES, read_requirements, requirements_of, sifted_answers
from mrx_criteria.similarity import suggest
from mrx_shared.api.bodies import Answer
from mrx_shared.api.bodies import RequestBody as Asked
from mrx_shared.bus.requests import Command, Requests
from mrx_shared.kit.access import Access, Principal, Role
from mrx_shared.refusals import Invalid, Unknown
from pydantic import Field

from mrx_benchmark import handlers
from mrx_benchmark.entrypoints.http.bodies import AssessmentShown, assessment_shown
from mrx_benchmark.entrypoints.http.drafts import DraftShown, draft_shown, place
from mrx_benchmark.handlers import drafting
from mrx_benchmark.ports import Work

_XLSX = REPORTS["xlsx"][0]
_MANY = 500


class FileAsked(Asked):
    """A filled-in template."""

    protocol_id: UUID
    version: str
    criteria_version: str
    file_name: str = Field(description="ends with .csv or .xlsx", max_length=200)
    content_base64: str = Field(max_length=ANSWERS_BYTES * 4 // 3 + 4)
    keep_good: bool = Field(
        default=False,
        description="where rows are refused: keep the good ones as a draft, to be completed and submitted",
    )


class FaultShown(Answer):
    """What is wrong with a row; one row may have several faults."""

    row: int | None
    field: str | None
    reason: str
    remedy: str | None


class FileTaken(Answer):
    """The assessment that a file began; or the rows that were refused, and the draft that holds the good ones."""

    assessment: AssessmentShown | None = None
    draft: DraftShown | None = None
    refused: list[FaultShown]
    more: int = Field(default=0, description="how many faults are not told")


class RequirementAsked(Asked):
    """A requirement of a protocol."""

    requirement_ref: str = Field(default="", max_length=200)
    requirement_text: str = Field(max_length=8_000)


class SuggestionsAsked(Asked):
    """A protocol, one requirement a row."""

    criteria_version: str
    requirements: list[RequirementAsked] = Field(min_length=1, max_length=_MANY)


class RequirementsFile(Asked):
    """A protocol as a file: CSV or XLSX with the columns requirement_ref and requirement_text."""

    criteria_version: str
    file_name: str = Field(description="ends with .csv or .xlsx", max_length=200)
    content_base64: str = Field(max_length=ANSWERS_BYTES * 4 // 3 + 4)


class SuggestionShown(Answer):
    """A criterion that a requirement may meet. It counts nothing before a person has confirmed it as an answer."""

    suggestion: bool = True
    requirement_ref: str
    requirement_text: str
    criterion_id: str
    similarity: float


class RequirementShown(Answer):
    """A requirement of a protocol."""

    requirement_ref: str
    requirement_text: str


class SuggestionsShown(Answer):
    """Proposals, for each requirement the likeliest first; and the requirements that none was found for."""

    suggestions: list[SuggestionShown]
    without: list[RequirementShown]


def add_documents(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    """Add the routes to the benchmark's."""
    _add_templates(router, requests, access)
    _add_uploads(router, requests, access)
    _add_suggestions(router, requests, access)
    _add_reports(router, requests, access)


def _add_templates(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    everyone = Annotated[Principal, Depends(access.require(*Role))]

    @router.get("/criteria/{version}/template.{kind}", tags=["criteria"], response_class=Response)
    async def template(version: str, kind: str, who: everyone) -> Response:  # noqa: ARG001
        async def written(work: Work) -> Response:
            if version not in work.catalogues or kind not in {"csv", "xlsx"}:
                raise Unknown("there is no such template", field="version", remedy="list the criteria first")
            catalogue = work.catalogues[version]
            if kind == "csv":
                return _file(template_csv(catalogue).encode(), "text/csv; charset=utf-8", f"{version}.csv")
            return _file(template_xlsx(catalogue), _XLSX, f"{version}.xlsx")

        return await requests.read(written)


def _add_uploads(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    owner = Annotated[Principal, Depends(access.require(Role.MEMBER, Role.SECRETARIAT))]
    do = Annotated[Command[Work], Depends(requests.command)]

    @router.post("/assessments/files", status_code=201, response_model=FileTaken, tags=["assessments"])
    async def submit_file(asked: FileAsked, who: owner, command: do) -> Response:
        async def measured_by(work: Work) -> Catalogue:
            return handlers.catalogue_named(asked.criteria_version, work)

        # Before the transaction and beside the event loop: a large file takes seconds to read.
        sifted = await asyncio.to_thread(_sifted, asked, await requests.read(measured_by))

        async def submitted(work: Work) -> FileTaken:
            where = place(asked.protocol_id, asked.version, asked.criteria_version)
            checked = sifted if sifted.answers else sifted.unanswered()
            if checked.faults:
                if not asked.keep_good or not (sifted.answers or sifted.notes):
                    checked.whole()
                kept = await drafting.keep_good(
                    sifted, place=where, owner=who.member, by=who.subject, work=work
                )
                return FileTaken(
                    draft=draft_shown(kept),
                    refused=[
                        FaultShown(row=one.row, field=one.field, reason=one.reason, remedy=one.remedy)
                        for one in checked.faults
                    ],
                    more=checked.more,
                )
            begun = await handlers.submit_answers(
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
            return FileTaken(assessment=assessment_shown(begun), refused=[])

        return await command(submitted, by=who, status=201)


def _sifted(asked: FileAsked, catalogue: Catalogue) -> Sifted:
    return sifted_answers(_bytes(asked.content_base64), asked.file_name, catalogue)


def _add_suggestions(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    owner = Annotated[Principal, Depends(access.require(Role.MEMBER, Role.SECRETARIAT))]
    do = Annotated[Command[Work], Depends(requests.command)]

    @router.post("/suggestions", response_model=SuggestionsShown, tags=["criteria"])
    async def propose(asked: SuggestionsAsked, who: owner, command: do) -> Response:
        stated = read_requirements(enumerate((one.model_dump() for one in asked.requirements), 1))

        async def proposed(work: Work) -> SuggestionsShown:
            return await _suggested(stated, asked.criteria_version, work)

        return await command(proposed, by=who)

    @router.post("/suggestions/files", response_model=SuggestionsShown, tags=["criteria"])
    async def propose_for_file(asked: RequirementsFile, who: owner, command: do) -> Response:
        stated = await asyncio.to_thread(_requirements, asked)

        async def proposed(work: Work) -> SuggestionsShown:
            return await _suggested(stated, asked.criteria_version, work)

        return await command(proposed, by=who)


def _requirements(asked: RequirementsFile) -> tuple[tuple[str, str], ...]:
    stated = requirements_of(_bytes(asked.content_base64), asked.file_name)
    if not 0 < len(stated) <= _MANY:
        raise Invalid(
            f"{len(stated)} requirements",
            field="file",
            remedy=f"write 1 to {_MANY} of them, one a row",
        )
    return stated


async def _suggested(
    stated: Sequence[tuple[str, str]], criteria_version: str, work: Work
) -> SuggestionsShown:
    if criteria_version not in work.catalogues:
        raise Unknown("there is no such version", field="version", remedy="list the criteria first")
    found = await asyncio.to_thread(suggest, stated, work.catalogues[criteria_version])
    met = {(one.requirement_ref, one.requirement_text) for one in found}
    return SuggestionsShown(
        suggestions=[
            SuggestionShown(
                requirement_ref=one.requirement_ref,
                requirement_text=one.requirement_text,
                criterion_id=one.criterion_id,
                similarity=one.similarity,
            )
            for one in found
        ],
        without=[
            RequirementShown(requirement_ref=ref, requirement_text=text)
            for ref, text in stated
            if (ref, text) not in met
        ],
    )


def _bytes(content_base64: str) -> bytes:
    try:
        return base64.b64decode(content_base64, validate=True)
    except ValueError:
        raise Invalid("not in base64", field="content_base64", remedy="encode the file's bytes") from None


def _add_reports(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    reader = Annotated[Principal, Depends(access.require(Role.MEMBER, Role.SECRETARIAT, Role.REVIEWER))]

    @router.get("/assessments/{assessment_id}/report.{kind}", tags=["assessments"], response_class=Response)
    async def report(assessment_id: UUID, kind: str, who: reader) -> Response:
        if kind not in REPORTS:
            raise Unknown(
                "there is no such kind of report", field="kind", remedy=f"name one of {', '.join(REPORTS)}"
            )

        async def found(work: Work) -> Report:
            one = await handlers.show_assessment(
                assessment_id, for_review=who.role is Role.REVIEWER, by=who.subject, work=work
            )
            return Report(
                protocol=await handlers.protocol_named(
                    one.assessment, for_review=who.role is Role.REVIEWER, work=work
                ),
                catalogue=work.catalogues[one.assessment.criteria_version],
                answers=one.assessment.judged(),
                score=one.score,
                made_at=work.now,
            )

        media, write = REPORTS[kind]
        body = await asyncio.to_thread(write, await requests.read(found, tenant=who.member))
        return _file(body, media, f"gap-report.{kind}")


def _file(body: bytes, media: str, name: str) -> Response:
    return Response(body, media_type=media, headers={"Content-Disposition": f'attachment; filename="{name}"'})
