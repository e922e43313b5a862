"""Pages of reviewers."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from mrx_shared.refusals import Invalid, Rejected

from mrx_portal.domain.reviews import RELATIONS, Fault, clause_named, read_appeal, read_review
from mrx_portal.entrypoints.frontend import Filled, Frontend, Visitor, see
from mrx_portal.entrypoints.reports import KINDS, attached, handed_on, known_kind
from mrx_portal.entrypoints.words import words
from mrx_portal.handlers import reviewer as handlers

NOTHING: Mapping[str, Fault] = MappingProxyType({})


def reviewer_pages(web: Frontend) -> APIRouter:  # noqa: C901 - one function a page
    """The routes under `/reviewer`."""
    routes = APIRouter(prefix="/reviewer")
    visiting = Annotated[Visitor, Depends(web.signed_in("reviewer"))]
    signed = Annotated[Filled, Depends(web.form("session"))]

    async def page(
        request: Request,
        assessment_id: UUID,
        visitor: Visitor,
        *,
        clause: str,
        error: Rejected | None = None,
        faults: Mapping[str, Fault] = NOTHING,
        given: Mapping[str, str] | None = None,
        saved: int | None = None,
    ) -> Response:
        found = await handlers.under_review(assessment_id, visitor.api)
        status = {"invalid": 422, "forbidden": 403, "unknown": 404}.get(error.kind, 409) if error else 200
        return web.page(
            request,
            "reviewer/assessment.html",
            visitor=visitor,
            status=422 if faults else status,
            found=found,
            opened=clause or (found.next_open or ""),
            relations=RELATIONS,
            kinds=KINDS,
            error=words(error) if error else None,
            faults=faults,
            given=given or {},
            saved=saved,
        )

    @routes.get("/assessments/{assessment_id}")
    async def assessment(
        request: Request,
        assessment_id: UUID,
        visitor: visiting,
        clause: str = "",
        saved: int | None = None,
    ) -> Response:
        """One assessment; `clause=all` opens every clause, as for printing."""
        return await page(request, assessment_id, visitor, clause=clause, saved=saved)

    @routes.post("/assessments/{assessment_id}/clauses/{clause}")
    async def review(
        request: Request, assessment_id: UUID, clause: str, visitor: visiting, form: signed
    ) -> Response:
        """Keep what is new in one clause's form; nothing is kept while something in it is wrong."""
        given = {name: value for name, value in form.fields.items() if isinstance(value, str)}
        try:
            found = await handlers.under_review(assessment_id, visitor.api)
            reviewed = read_review(
                clause_named(found.clauses, clause), given, confirm_rest="confirm_rest" in given
            )
            if reviewed.faults:
                return await page(
                    request, assessment_id, visitor, clause=clause, faults=reviewed.faults, given=given
                )
            if reviewed.decisions:
                await handlers.review(assessment_id, reviewed.decisions, visitor.api, key=form.key)
        except Rejected as error:
            return await page(request, assessment_id, visitor, clause=clause, error=error, given=given)
        return see(
            f"/reviewer/assessments/{assessment_id}?clause={clause}&saved={len(reviewed.decisions)}#clause-{clause}"
        )

    @routes.post("/assessments/{assessment_id}/questions")
    async def ask(request: Request, assessment_id: UUID, visitor: visiting, form: signed) -> Response:
        """Ask the owner about a criterion."""
        given = {name: value for name, value in form.fields.items() if isinstance(value, str)}
        try:
            await handlers.ask(
                assessment_id,
                given.get("criterion", ""),
                given.get("question", ""),
                visitor.api,
                key=form.key,
            )
        except Rejected as error:
            return await page(request, assessment_id, visitor, clause="", error=error, given=given)
        return see(f"/reviewer/assessments/{assessment_id}#questions")

    @routes.post("/assessments/{assessment_id}/release")
    async def leave(request: Request, assessment_id: UUID, visitor: visiting, form: signed) -> Response:
        """Leave a review that one will not finish."""
        try:
            await handlers.leave(assessment_id, visitor.person.principal_id, visitor.api, key=form.key)
        except Rejected as error:
            return await page(request, assessment_id, visitor, clause="", error=error)
        return see("/reviewer?left=yes")

    @routes.post("/assessments/{assessment_id}/conclusion")
    async def conclude(request: Request, assessment_id: UUID, visitor: visiting, form: signed) -> Response:
        """Reach the verdict."""
        try:
            await handlers.conclude(assessment_id, visitor.api, key=form.key)
        except Rejected as error:
            return await page(request, assessment_id, visitor, clause="", error=error)
        return see(f"/reviewer/assessments/{assessment_id}")

    @routes.post("/assessments/{assessment_id}/appeal")
    async def decide_appeal(
        request: Request, assessment_id: UUID, visitor: visiting, form: signed
    ) -> Response:
        """Grant an appeal, with what it changes, or dismiss it."""
        given = {name: value for name, value in form.fields.items() if isinstance(value, str)}
        try:
            found = await handlers.under_review(assessment_id, visitor.api)
            granted = form.needed("granted", "the decision") == "yes"
            decisions = read_appeal(found.appealable, given) if granted else ()
            if granted and not decisions:
                raise Invalid(
                    "granting it changes no decision",
                    field="granted",
                    remedy="choose a new decision for at least one answer",
                )
            await handlers.decide_appeal(
                assessment_id,
                decisions,
                visitor.api,
                granted=granted,
                rationale=form.needed("rationale", "the rationale"),
                key=form.key,
            )
        except Rejected as error:
            return await page(request, assessment_id, visitor, clause="", error=error, given=given)
        return see(f"/reviewer/assessments/{assessment_id}#appeal")

    _add_reading(routes, web)
    return routes


def _add_reading(routes: APIRouter, web: Frontend) -> None:
    visiting = Annotated[Visitor, Depends(web.signed_in("reviewer"))]

    @routes.get("")
    async def first(request: Request, visitor: visiting, left: str = "") -> Response:
        """The assessments, those in work first."""
        listed = await handlers.assessments(visitor.api)
        return web.page(
            request,
            "reviewer/first.html",
            visitor=visitor,
            at_work=[one for one in listed if handlers.waits(one.assessment)],
            over=[one for one in listed if not handlers.waits(one.assessment)],
            left=left,
        )

    @routes.get("/evidence/{protocol_id}/{digest}")
    async def fetch_file(protocol_id: UUID, digest: str, visitor: visiting) -> Response:
        """A file behind an answer."""
        name, body = await handlers.evidence_file(protocol_id, digest, visitor.api)
        return attached(body, name)

    @routes.get("/assessments/{assessment_id}/report.{kind}")
    async def report(assessment_id: UUID, kind: str, visitor: visiting) -> Response:
        """The gap report."""
        body = await handlers.report(assessment_id, known_kind(kind), visitor.api)
        return handed_on(body, KINDS[kind][1], f"gap-report.{kind}")
