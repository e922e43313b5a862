"""Files over HTTP: templates out and in, suggestions, reports."""

import asyncio
import base64
import binascii
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from mrx_shared.bus.requests import Command, Requests
from mrx_shared.kit.access import Access, Principal, Role
from mrx_shared.kit.http import Answer, Asked
from mrx_shared.refusals import Invalid, Unknown
from pydantic import Field

from mrx_benchmark import handlers
from mrx_benchmark.domain.answers import row_of
from mrx_benchmark.entrypoints.documents import REPORTS, Report, template_csv, template_xlsx
from mrx_benchmark.entrypoints.files import ANSWERS_BYTES, sifted_answers
from mrx_benchmark.entrypoints.http.bodies import AssessmentShown, assessment_shown
from mrx_benchmark.entrypoints.http.drafts import DraftShown, draft_shown, place
from mrx_benchmark.entrypoints.suggestions import suggest
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
    """Why a row was refused."""

    row: int | None
    field: str | None
    reason: str
    remedy: str | None


class FileTaken(Answer):
    """The assessment that a file began; or the rows that were refused, and the draft that holds the good ones."""

    assessment: AssessmentShown | None = None
    draft: DraftShown | None = None
    refused: list[FaultShown]


class RequirementAsked(Asked):
    """A requirement of a protocol."""

    requirement_ref: str = Field(default="", max_length=200)
    requirement_text: str = Field(max_length=8_000)


class SuggestionsAsked(Asked):
    """A protocol, one requirement a row."""

    criteria_version: str
    requirements: list[RequirementAsked] = Field(min_length=1, max_length=_MANY)


class SuggestionShown(Answer):
    """A criterion that a requirement may meet. It counts nothing before a person has confirmed it as an answer."""

    suggestion: bool = True
    requirement_ref: str
    criterion_id: str
    similarity: float


class SuggestionsShown(Answer):
    """Proposals, for each requirement the likeliest first."""

    suggestions: list[SuggestionShown]


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
        async def submitted(work: Work) -> FileTaken:
            if asked.criteria_version not in work.catalogues:
                raise Invalid(
                    f"no criteria {asked.criteria_version[:64]!r}",
                    field="criteria_version",
                    remedy=f"name one of {', '.join(work.catalogues)}",
                )
            try:
                raw = base64.b64decode(asked.content_base64, validate=True)
            except binascii.Error:
                raise Invalid(
                    "not in base64", field="content_base64", remedy="encode the file's bytes"
                ) from None
            sifted = sifted_answers(raw, asked.file_name, work.catalogues[asked.criteria_version])
            if sifted.faults:
                if not asked.keep_good:
                    raise sifted.faults[0]
                where = place(asked.protocol_id, asked.version, asked.criteria_version)
                kept = await drafting.keep_good(
                    sifted.answers, place=where, owner=who.member, by=who.subject, work=work
                )
                return FileTaken(
                    draft=draft_shown(kept),
                    refused=[
                        FaultShown(row=one.row, field=one.field, reason=one.reason, remedy=one.remedy)
                        for one in sifted.faults
                    ],
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
            return FileTaken(assessment=assessment_shown(begun), refused=[])

        return await command(submitted, by=who, status=201)


def _add_suggestions(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    owner = Annotated[Principal, Depends(access.require(Role.MEMBER, Role.SECRETARIAT))]
    do = Annotated[Command[Work], Depends(requests.command)]

    @router.post("/suggestions", response_model=SuggestionsShown, tags=["criteria"])
    async def propose(asked: SuggestionsAsked, who: owner, command: do) -> Response:
        async def proposed(work: Work) -> SuggestionsShown:
            if asked.criteria_version not in work.catalogues:
                raise Unknown("there is no such version", field="version", remedy="list the criteria first")
            found = await asyncio.to_thread(
                suggest,
                [(one.requirement_ref, one.requirement_text) for one in asked.requirements],
                work.catalogues[asked.criteria_version],
            )
            return SuggestionsShown(
                suggestions=[
                    SuggestionShown(
                        requirement_ref=one.requirement_ref,
                        criterion_id=one.criterion_id,
                        similarity=one.similarity,
                    )
                    for one in found
                ]
            )

        return await command(proposed, by=who)


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
