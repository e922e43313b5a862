"""Pages of the secretariat on the criteria: successors, waivers, ties of reviewers, what if."""

import re
from asyncio import gather
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from mrx_shared.refusals import Invalid, Rejected, Unknown

from mrx_portal.entrypoints.forms import Words
from mrx_portal.entrypoints.frontend import Filled, Frontend, Visitor, see
from mrx_portal.entrypoints.words import words
from mrx_portal.handlers import criteria as handlers

STATUS = {"invalid": 422, "forbidden": 403, "unknown": 404, "conflict": 409}
DATES = ("newer", "consultation_until", "effective_on", "transition_until")
WAIVER = ("clause", "reason", "until")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def add_criteria(routes: APIRouter, web: Frontend) -> None:  # noqa: C901 - one function a page
    """The routes under `/secretariat/criteria`."""
    visiting = Annotated[Visitor, Depends(web.signed_in("secretariat"))]
    signed = Annotated[Filled, Depends(web.form("session"))]

    async def first_page(
        request: Request,
        visitor: Visitor,
        *,
        error: Rejected | None = None,
        failed: str = "",
        given: dict[str, str] | None = None,
        kept: str = "",
    ) -> Response:
        found, at_work = await gather(handlers.overview(visitor.api), handlers.at_work(visitor.api))
        return web.page(
            request,
            "secretariat/criteria.html",
            visitor=visitor,
            status=STATUS[error.kind] if error else 200,
            found=found,
            at_work=at_work,
            error=words(error) if error else None,
            failed=failed,
            given=Words(given or {}),
            kept=kept,
        )

    async def version_page(
        request: Request,
        version: str,
        visitor: Visitor,
        *,
        error: Rejected | None = None,
        failed: str = "",
        given: dict[str, str] | None = None,
    ) -> Response:
        found = await handlers.version(version, visitor.api) if _NAME.fullmatch(version) else None
        if found is None:
            raise Unknown("there are no such criteria", remedy="choose one from the page")
        return web.page(
            request,
            "secretariat/criteria_version.html",
            visitor=visitor,
            status=STATUS[error.kind] if error else 200,
            found=found,
            error=words(error) if error else None,
            failed=failed,
            given=Words(given or {}),
        )

    @routes.get("/criteria")
    async def criteria(request: Request, visitor: visiting, kept: str = "") -> Response:
        """The versions of the criteria, who judges what, and who may not review whom."""
        return await first_page(request, visitor, kept=kept)

    @routes.post("/criteria/ties")
    async def declare_conflict(request: Request, visitor: visiting, form: signed) -> Response:
        """Keep a reviewer away from a member's group."""
        try:
            reviewer = form.needed("reviewer", "the reviewer")
            try:
                member_id = UUID(form.needed("member", "the member"))
            except ValueError:
                raise Invalid("there is no such member", field="member", remedy="choose one") from None
            await handlers.declare_conflict(reviewer, member_id, visitor.api, key=form.key)
        except Rejected as error:
            given = {name: form.typed(name) for name in ("reviewer", "member")}
            return await first_page(request, visitor, error=error, failed="tie", given=given)
        return see("/secretariat/criteria?kept=tie")

    @routes.post("/criteria/releases")
    async def unassign(request: Request, visitor: visiting, form: signed) -> Response:
        """Put out a reviewer who will not finish."""
        try:
            try:
                assessment_id = UUID(form.text("assessment"))
            except ValueError:
                raise Unknown("there is no such assessment", remedy="choose one from the page") from None
            await handlers.unassign(assessment_id, form.text("reviewer"), visitor.api, key=form.key)
        except Rejected as error:
            return await first_page(request, visitor, error=error, failed="release")
        return see("/secretariat/criteria?kept=release#reviews")

    @routes.get("/criteria/{version}")
    async def one(request: Request, version: str, visitor: visiting) -> Response:
        """One version: what follows it, its waivers, and what protocols would come to under it today."""
        return await version_page(request, version, visitor)

    @routes.post("/criteria/{version}/successor")
    async def announce(request: Request, version: str, visitor: visiting, form: signed) -> Response:
        """Announce what follows a version."""
        given = {name: form.text(name) for name in DATES}
        try:
            await handlers.announce(version, given, visitor.api, key=form.key)
        except Rejected as error:
            return await version_page(request, version, visitor, error=error, failed="successor", given=given)
        return see(f"/secretariat/criteria/{version}")

    @routes.post("/criteria/{version}/waivers")
    async def waive(request: Request, version: str, visitor: visiting, form: signed) -> Response:
        """Leave a clause out of verdicts until a day."""
        given = {name: form.text(name) for name in WAIVER}
        try:
            await handlers.waive(version, given, visitor.api, key=form.key)
        except Rejected as error:
            return await version_page(request, version, visitor, error=error, failed="waivers", given=given)
        return see(f"/secretariat/criteria/{version}#waivers")
