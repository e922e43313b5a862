"""A member's own assessments: how they stand, answers by form or file, questions, appeals, reports."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from mrx_shared.refusals import Invalid, Rejected, Unknown
from starlette.datastructures import UploadFile

from mrx_portal.domain.answering import read_answers
from mrx_portal.domain.reviews import RELATIONS, Fault, clause_named
from mrx_portal.entrypoints.desk import Desk, Filled, Visitor, see
from mrx_portal.entrypoints.forms import Words, words
from mrx_portal.entrypoints.reports import KINDS, TEMPLATES, handed_on, known_kind
from mrx_portal.handlers import assessing as handlers
from mrx_portal.handlers.shapes import FileTaken

MOST_BYTES = 4 * 1024 * 1024
NOTHING: Mapping[str, Fault] = MappingProxyType({})
_CRITERIA = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def add_assessing(routes: APIRouter, desk: Desk) -> None:
    """The routes under `/member/assessments`."""
    _add_list(routes, desk)
    _add_drafts(routes, desk)
    _add_standing(routes, desk)


def _add_list(routes: APIRouter, desk: Desk) -> None:  # noqa: C901 - one function a page
    visiting = Annotated[Visitor, Depends(desk.signed_in("member"))]
    signed = Annotated[Filled, Depends(desk.form("session"))]

    async def page(
        request: Request,
        visitor: Visitor,
        *,
        error: Rejected | None = None,
        failed: str = "",
        given: Mapping[str, str] | None = None,
        taken: FileTaken | None = None,
    ) -> Response:
        return desk.page(
            request,
            "member/assessments.html",
            visitor=visitor,
            found=await handlers.desk(visitor.api),
            error=words(error) if error else None,
            failed=failed,
            given=Words(given or {}),
            taken=taken,
            status=_status(error),
        )

    @routes.get("/assessments")
    async def assessments(request: Request, visitor: visiting) -> Response:
        """Own assessments and drafts, and the ways to answer."""
        return await page(request, visitor)

    @routes.post("/assessments")
    async def send_file(request: Request, visitor: visiting, form: signed) -> Response:
        """Take up a filled-in template."""
        try:
            place = _chosen(form)
            file = form.fields.get("file")
            if not isinstance(file, UploadFile) or not file.filename:
                raise Invalid("the file is missing", field="file", remedy="choose the filled-in template")
            content = await file.read(MOST_BYTES + 1)
            await file.close()
            if len(content) > MOST_BYTES:
                raise Invalid(
                    "the file is larger than 4 MiB",
                    field="file",
                    remedy="keep one row per criterion, and evidence in documents of its own",
                )
            taken = await handlers.send_file(
                place,
                file.filename,
                content,
                visitor.api,
                keep_good="keep_good" in form.fields,
                key=form.key,
            )
        except Rejected as error:
            return await page(request, visitor, error=error, failed="file")
        return await page(request, visitor, taken=taken)

    @routes.post("/assessments/protocols")
    async def register(request: Request, visitor: visiting, form: signed) -> Response:
        """Take up a protocol, or a version of one."""
        given = {
            name: form.text(name) for name in ("protocol_id", "code", "name", "version", "first", "last")
        }
        try:
            form.needed("version", "the version")
            form.needed("first", "the first day of its audits")
            known = given["protocol_id"]
            protocol = (
                str(UUID(known))
                if known
                else str(
                    await handlers.register(
                        form.needed("code", "the code"),
                        form.needed("name", "the name"),
                        visitor.api,
                        key=f"{form.key}-protocol",
                    )
                )
            )
            await handlers.add_version(
                protocol, given["version"], given["first"], given["last"], visitor.api, key=form.key
            )
        except ValueError:
            return await page(
                request, visitor, error=Invalid("there is no such protocol"), failed="protocol", given=given
            )
        except Rejected as error:
            return await page(request, visitor, error=error, failed="protocol", given=given)
        return see("/member/assessments#answer")

    @routes.get("/assessments/templates/{criteria}.{kind}")
    async def template(criteria: str, kind: str, visitor: visiting) -> Response:
        """An empty template."""
        if kind not in TEMPLATES or not _CRITERIA.fullmatch(criteria):
            raise Unknown("there is no such template", remedy="choose one of the page's")
        body = await handlers.template(criteria, kind, visitor.api)
        return handed_on(body, TEMPLATES[kind], f"answers-{criteria}.{kind}")

    @routes.get("/assessments/criteria/{criteria}")
    async def consultation(request: Request, criteria: str, visitor: visiting) -> Response:
        """What follows a version of the criteria, and the consultation on it."""
        return await _consultation(request, criteria, visitor, desk)

    @routes.post("/assessments/criteria/{criteria}")
    async def comment(request: Request, criteria: str, visitor: visiting, form: signed) -> Response:
        """A word in the consultation."""
        try:
            await handlers.comment(criteria, form.needed("text", "the comment"), visitor.api, key=form.key)
        except Rejected as error:
            return await _consultation(request, criteria, visitor, desk, error=error)
        return see(f"/member/assessments/criteria/{criteria}#comments")


async def _consultation(
    request: Request, criteria: str, visitor: Visitor, desk: Desk, *, error: Rejected | None = None
) -> Response:
    if not _CRITERIA.fullmatch(criteria):
        raise Unknown("there are no such criteria", remedy="choose one of the page's")
    return desk.page(
        request,
        "member/consultation.html",
        visitor=visitor,
        status=_status(error),
        found=await handlers.evolution(criteria, visitor.api),
        error=words(error) if error else None,
    )


def _add_drafts(routes: APIRouter, desk: Desk) -> None:
    visiting = Annotated[Visitor, Depends(desk.signed_in("member"))]
    signed = Annotated[Filled, Depends(desk.form("session"))]

    async def page(
        request: Request,
        place: handlers.Place,
        visitor: Visitor,
        *,
        clause: str = "",
        error: Rejected | None = None,
        faults: Mapping[str, Fault] = NOTHING,
        given: Mapping[str, str] | None = None,
        saved: int | None = None,
    ) -> Response:
        found = await handlers.answering(place, visitor.api)
        return desk.page(
            request,
            "member/draft.html",
            visitor=visitor,
            status=422 if faults else _status(error),
            found=found,
            place=place,
            opened=clause or found.next_open or "",
            relations=RELATIONS,
            error=words(error) if error else None,
            faults=faults,
            given=Words(given or {}),
            saved=saved,
        )

    @routes.post("/assessments/drafts")
    async def begin(visitor: visiting, form: signed) -> Response:
        """Begin a draft, empty or with the answers of an earlier assessment, or go on with one that is there."""
        place = _chosen(form)
        start_from = form.text("start_from")
        await handlers.save(place, (), visitor.api, key=form.key, start_from=start_from)
        return see(f"/member/assessments/drafts?{place.query}")

    @routes.get("/assessments/drafts")
    async def draft(
        request: Request,
        visitor: visiting,
        protocol: UUID,
        version: str,
        criteria: str,
        clause: str = "",
        saved: int | None = None,
    ) -> Response:
        """A draft, clause by clause; `clause=all` opens every clause, as for printing."""
        place = _place(str(protocol), version, criteria)
        return await page(request, place, visitor, clause=clause, saved=saved)

    @routes.post("/assessments/drafts/clauses/{clause}")
    async def save(request: Request, clause: str, visitor: visiting, form: signed) -> Response:
        """Keep what is new in one clause's form; nothing is kept while something in it is wrong."""
        place = _stated(form)
        given = {name: value for name, value in form.fields.items() if isinstance(value, str)}
        try:
            found = await handlers.answering(place, visitor.api)
            answered = read_answers(clause_named(found.clauses, clause), given)
            if answered.faults:
                return await page(request, place, visitor, clause=clause, faults=answered.faults, given=given)
            if answered.rows:
                await handlers.save(place, answered.rows, visitor.api, key=form.key)
        except Rejected as error:
            return await page(request, place, visitor, clause=clause, error=error, given=given)
        return see(
            f"/member/assessments/drafts?{place.query}&clause={clause}&saved={len(answered.rows)}#clause-{clause}"
        )

    @routes.post("/assessments/drafts/submission")
    async def submit(request: Request, visitor: visiting, form: signed) -> Response:
        """Submit the draft to the reviewers."""
        place = _stated(form)
        try:
            begun = await handlers.submit(place, visitor.api, key=form.key)
        except Rejected as error:
            return await page(request, place, visitor, error=error)
        return see(f"/member/assessments/{begun.assessment_id}")


def _add_standing(routes: APIRouter, desk: Desk) -> None:
    visiting = Annotated[Visitor, Depends(desk.signed_in("member"))]
    signed = Annotated[Filled, Depends(desk.form("session"))]

    async def page(
        request: Request,
        assessment_id: UUID,
        visitor: Visitor,
        *,
        error: Rejected | None = None,
        failed: str = "",
        given: str = "",
    ) -> Response:
        return desk.page(
            request,
            "member/assessment.html",
            visitor=visitor,
            status=_status(error),
            found=await handlers.standing(assessment_id, visitor.api),
            kinds=KINDS,
            error=words(error) if error else None,
            failed=failed,
            given=given,
        )

    @routes.get("/assessments/{assessment_id}")
    async def assessment(request: Request, assessment_id: UUID, visitor: visiting) -> Response:
        """One assessment: verdict, gaps, questions, appeal."""
        return await page(request, assessment_id, visitor)

    @routes.get("/assessments/{assessment_id}/report.{kind}")
    async def report(assessment_id: UUID, kind: str, visitor: visiting) -> Response:
        """The gap report."""
        body = await handlers.report(assessment_id, known_kind(kind), visitor.api)
        return handed_on(body, KINDS[kind][1], f"gap-report.{kind}")

    @routes.post("/assessments/{assessment_id}/questions/{question_id}")
    async def reply(
        request: Request, assessment_id: UUID, question_id: UUID, visitor: visiting, form: signed
    ) -> Response:
        """Answer a reviewer's question."""
        try:
            text = form.needed("reply", "the reply")
            await handlers.reply(assessment_id, question_id, text, visitor.api, key=form.key)
        except Rejected as error:
            return await page(request, assessment_id, visitor, error=error, failed=str(question_id))
        return see(f"/member/assessments/{assessment_id}#questions")

    @routes.post("/assessments/{assessment_id}/appeal")
    async def appeal(request: Request, assessment_id: UUID, visitor: visiting, form: signed) -> Response:
        """Object to the verdict."""
        reason = ""
        try:
            reason = form.needed("reason", "the reason")
            await handlers.appeal(assessment_id, reason, visitor.api, key=form.key)
        except Rejected as error:
            return await page(request, assessment_id, visitor, error=error, failed="appeal", given=reason)
        return see(f"/member/assessments/{assessment_id}#appeal")


def _chosen(form: Filled) -> handlers.Place:
    protocol_id, _, version = form.needed("protocol", "the protocol").partition(" ")
    return _place(protocol_id, version, form.needed("criteria", "the version of the criteria"))


def _stated(form: Filled) -> handlers.Place:
    return _place(form.text("protocol"), form.text("version"), form.text("criteria"))


def _place(protocol_id: str, version: str, criteria: str) -> handlers.Place:
    try:
        known = str(UUID(protocol_id))
    except ValueError:
        known = ""
    if not known or not version or not _CRITERIA.fullmatch(criteria):
        raise Unknown("there is no such draft", remedy="go back to the assessments and choose one")
    return handlers.Place(protocol_id=known, version=version, criteria=criteria)


def _status(error: Rejected | None) -> int:
    return {"invalid": 422, "forbidden": 403, "unknown": 404}.get(error.kind, 409) if error else 200
