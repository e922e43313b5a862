"""A member's own assessments: how they stand, answers by form or file, questions, appeals, reports."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from mrx_shared.api.benchmark import FileSubmitted
from mrx_shared.refusals import Faulty, Invalid, Rejected, Unknown

from mrx_portal.domain.answering import read_answers
from mrx_portal.domain.reviews import RELATIONS, Fault, clause_named
from mrx_portal.entrypoints.drafts import (
    CRITERIA,
    chosen_file,
    chosen_place,
    place_of,
    stated_place,
    status_of,
)
from mrx_portal.entrypoints.forms import Words
from mrx_portal.entrypoints.frontend import Filled, Frontend, Visitor, see
from mrx_portal.entrypoints.mapping import add_mapping
from mrx_portal.entrypoints.reports import KINDS, TEMPLATES, attached, handed_on, known_kind
from mrx_portal.entrypoints.words import words
from mrx_portal.handlers import assessing as handlers
from mrx_portal.handlers.reviewer import evidence_file

MOST_BYTES = 4 * 1024 * 1024
EVIDENCE_BYTES = 20 * 1024 * 1024
NOTHING: Mapping[str, Fault] = MappingProxyType({})


def add_assessing(routes: APIRouter, web: Frontend) -> None:
    """The routes under `/member/assessments`."""
    _add_list(routes, web)
    _add_drafts(routes, web)
    add_mapping(routes, web)
    _add_standing(routes, web)


def _add_list(routes: APIRouter, web: Frontend) -> None:  # noqa: C901 - one function a page
    visiting = Annotated[Visitor, Depends(web.signed_in("member"))]
    signed = Annotated[Filled, Depends(web.form("session"))]

    async def page(
        request: Request,
        visitor: Visitor,
        *,
        error: Rejected | None = None,
        failed: str = "",
        given: Mapping[str, str] | None = None,
        taken: FileSubmitted | None = None,
        discarded: bool = False,
    ) -> Response:
        return web.page(
            request,
            "member/assessments.html",
            visitor=visitor,
            found=await handlers.overview(visitor.api),
            error=words(error) if error else None,
            faults=error.faults if isinstance(error, Faulty) else (),
            more=error.more if isinstance(error, Faulty) else 0,
            failed=failed,
            given=Words(given or {}),
            taken=taken,
            discarded=discarded,
            status=status_of(error),
        )

    @routes.get("/assessments")
    async def assessments(request: Request, visitor: visiting, discarded: str = "") -> Response:
        """Own assessments and drafts, and the ways to answer."""
        return await page(request, visitor, discarded=bool(discarded))

    @routes.post("/assessments")
    async def send_file(request: Request, visitor: visiting, form: signed) -> Response:
        """Take up a filled-in template."""
        given = {name: form.text(name) for name in ("protocol", "criteria", "keep_good")}
        try:
            place = chosen_place(form)
            name, content = await chosen_file(
                form, MOST_BYTES, "keep one row per criterion, and evidence in separate documents"
            )
            taken = await handlers.send_file(
                place, name, content, visitor.api, keep_good="keep_good" in form.fields, key=form.key
            )
        except Rejected as error:
            return await page(request, visitor, error=error, failed="file", given=given)
        return await page(request, visitor, taken=taken)

    @routes.post("/assessments/drafts")
    async def begin(request: Request, visitor: visiting, form: signed) -> Response:
        """Begin a draft, empty or with the answers of an earlier assessment, or go on with one that is there."""
        given = {name: form.text(name) for name in ("protocol", "criteria", "start_from")}
        try:
            place = chosen_place(form)
            await handlers.save(place, (), visitor.api, key=form.key, start_from=given["start_from"])
        except Rejected as error:
            return await page(request, visitor, error=error, failed="draft", given=given)
        return see(f"/member/assessments/drafts?{place.query}")

    @routes.post("/assessments/protocols")
    async def register(request: Request, visitor: visiting, form: signed) -> Response:
        """Take up a protocol, or a version of one."""
        given = {
            name: form.text(name) for name in ("protocol_id", "code", "name", "version", "first", "last")
        }
        try:
            form.needed("version", "the version")
            form.needed("first", "the first day of its audits")
            protocol = UUID(given["protocol_id"]) if given["protocol_id"] else None
            if protocol is None:
                protocol = await handlers.register(
                    form.needed("code", "the code"),
                    form.needed("name", "the name"),
                    visitor.api,
                    key=f"{form.key}-protocol",
                )
                # What is corrected afterwards is a version of this protocol: it is there now.
                given |= {"protocol_id": str(protocol)}
            await handlers.add_version(
                str(protocol), given["version"], given["first"], given["last"], visitor.api, key=form.key
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
        if kind not in TEMPLATES or not CRITERIA.fullmatch(criteria):
            raise Unknown("there is no such template", remedy="choose one from the page")
        body = await handlers.template(criteria, kind, visitor.api)
        return handed_on(body, TEMPLATES[kind], f"answers-{criteria}.{kind}")

    @routes.get("/assessments/criteria/{criteria}")
    async def consultation(request: Request, criteria: str, visitor: visiting) -> Response:
        """What follows a version of the criteria, and the consultation on it."""
        return await _consultation(request, criteria, visitor, web)

    @routes.post("/assessments/criteria/{criteria}")
    async def comment(request: Request, criteria: str, visitor: visiting, form: signed) -> Response:
        """A word in the consultation."""
        try:
            await handlers.comment(criteria, form.needed("text", "the comment"), visitor.api, key=form.key)
        except Rejected as error:
            return await _consultation(request, criteria, visitor, web, error=error, given=form.typed("text"))
        return see(f"/member/assessments/criteria/{criteria}#comments")


async def _consultation(
    request: Request,
    criteria: str,
    visitor: Visitor,
    web: Frontend,
    *,
    error: Rejected | None = None,
    given: str = "",
) -> Response:
    if not CRITERIA.fullmatch(criteria):
        raise Unknown("there are no such criteria", remedy="choose one from the page")
    return web.page(
        request,
        "member/consultation.html",
        visitor=visitor,
        status=status_of(error),
        found=await handlers.evolution(criteria, visitor.api),
        error=words(error) if error else None,
        given=given,
    )


def _part_of(field: str) -> str:
    """The part of a draft's page that a refused field stands in."""
    return "file" if field.startswith("file") else "discard" if field == "sure" else ""


def _add_drafts(routes: APIRouter, web: Frontend) -> None:  # noqa: C901 - one function a page
    visiting = Annotated[Visitor, Depends(web.signed_in("member"))]
    signed = Annotated[Filled, Depends(web.form("session"))]

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
        return web.page(
            request,
            "member/draft.html",
            visitor=visitor,
            status=422 if faults else status_of(error),
            found=found,
            place=place,
            opened=clause or found.next_open or "",
            relations=RELATIONS,
            error=words(error) if error else None,
            faults=faults,
            given=Words(given or {}),
            saved=saved,
            failed=_part_of((error.field if error else None) or ""),
        )

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
        place = place_of(str(protocol), version, criteria)
        return await page(request, place, visitor, clause=clause, saved=saved)

    @routes.post("/assessments/drafts/clauses/{clause}")
    async def save(request: Request, clause: str, visitor: visiting, form: signed) -> Response:
        """Keep what is new in one clause's form; nothing is kept while something in it is wrong."""
        place = stated_place(form)
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

    @routes.post("/assessments/evidence")
    async def keep_file(request: Request, visitor: visiting, form: signed) -> Response:
        """Keep a file that answers may then refer to."""
        place = stated_place(form)
        try:
            name, content = await chosen_file(form, EVIDENCE_BYTES, "send the pages that show it")
            await handlers.keep_file(place, name, content, visitor.api, key=form.key)
        except Rejected as error:
            return await page(request, place, visitor, error=error)
        return see(f"/member/assessments/drafts?{place.query}#evidence")

    @routes.get("/assessments/evidence/{protocol_id}/{digest}")
    async def fetch_file(protocol_id: UUID, digest: str, visitor: visiting) -> Response:
        """One of these files."""
        name, body = await evidence_file(protocol_id, digest, visitor.api)
        return attached(body, name)

    @routes.post("/assessments/drafts/submission")
    async def submit(request: Request, visitor: visiting, form: signed) -> Response:
        """Submit the draft to the reviewers."""
        place = stated_place(form)
        try:
            begun = await handlers.submit(place, visitor.api, key=form.key)
        except Rejected as error:
            return await page(request, place, visitor, error=error)
        return see(f"/member/assessments/{begun.assessment_id}")

    @routes.post("/assessments/drafts/discard")
    async def discard(request: Request, visitor: visiting, form: signed) -> Response:
        """Take the draft away; one that holds something only when that was confirmed."""
        place = stated_place(form)
        try:
            found = await handlers.answering(place, visitor.api)
            if found.draft.answers and form.text("sure") != "yes":
                raise Invalid("the box was not ticked", field="sure", remedy="tick it if you are sure")
            await handlers.discard(place, visitor.api, key=form.key)
        except Rejected as error:
            return await page(request, place, visitor, error=error)
        return see("/member/assessments?discarded=yes")


def _add_standing(routes: APIRouter, web: Frontend) -> None:
    visiting = Annotated[Visitor, Depends(web.signed_in("member"))]
    signed = Annotated[Filled, Depends(web.form("session"))]

    async def page(
        request: Request,
        assessment_id: UUID,
        visitor: Visitor,
        *,
        error: Rejected | None = None,
        failed: str = "",
        given: str = "",
    ) -> Response:
        return web.page(
            request,
            "member/assessment.html",
            visitor=visitor,
            status=status_of(error),
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
            return await page(
                request,
                assessment_id,
                visitor,
                error=error,
                failed=str(question_id),
                given=form.typed("reply"),
            )
        return see(f"/member/assessments/{assessment_id}#questions")

    @routes.post("/assessments/{assessment_id}/appeal")
    async def appeal(request: Request, assessment_id: UUID, visitor: visiting, form: signed) -> Response:
        """Object to the verdict."""
        try:
            reason = form.needed("reason", "the reason")
            await handlers.appeal(assessment_id, reason, visitor.api, key=form.key)
        except Rejected as error:
            return await page(
                request, assessment_id, visitor, error=error, failed="appeal", given=form.typed("reason")
            )
        return see(f"/member/assessments/{assessment_id}#appeal")
