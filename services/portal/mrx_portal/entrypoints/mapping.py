"""Pages that help a member to answer: proposals for its requirements; what it asks for beyond the criteria."""

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from mrx_shared.refusals import Faulty, Rejected

from mrx_portal.domain.mapping import read_choices
from mrx_portal.domain.reviews import RELATIONS
from mrx_portal.entrypoints.drafts import chosen_file, chosen_place, place_of, stated_place, status_of
from mrx_portal.entrypoints.forms import Words
from mrx_portal.entrypoints.frontend import Filled, Frontend, Visitor, see
from mrx_portal.entrypoints.words import words
from mrx_portal.handlers import assessing
from mrx_portal.handlers import mapping as handlers

MOST_BYTES = 4 * 1024 * 1024
MOST_REQUIREMENTS = 250
"""of one form: a browser sends every field of every requirement"""
EXTENSION = ("topic", "requirement_ref", "requirement_text")


def add_mapping(routes: APIRouter, web: Frontend) -> None:
    """The routes under `/member/assessments/suggestions` and `/member/assessments/extensions`."""
    _add_suggestions(routes, web)
    _add_extensions(routes, web)


def _add_suggestions(routes: APIRouter, web: Frontend) -> None:
    visiting = Annotated[Visitor, Depends(web.signed_in("member"))]
    signed = Annotated[Filled, Depends(web.form("session"))]

    def page(
        request: Request,
        place: assessing.Place,
        visitor: Visitor,
        *,
        found: handlers.Proposals | None = None,
        error: Rejected | None = None,
        given: Mapping[str, str] | None = None,
    ) -> Response:
        return web.page(
            request,
            "member/suggestions.html",
            visitor=visitor,
            status=status_of(error),
            place=place,
            found=found,
            most=MOST_REQUIREMENTS,
            relations=RELATIONS,
            error=words(error) if error else None,
            faults=error.faults if isinstance(error, Faulty) else (),
            more=error.more if isinstance(error, Faulty) else 0,
            given=Words(given or {}),
        )

    @routes.get("/assessments/suggestions")
    async def suggestions(
        request: Request, visitor: visiting, protocol: UUID, version: str, criteria: str
    ) -> Response:
        """Ask for the protocol's requirements."""
        return page(request, place_of(str(protocol), version, criteria), visitor)

    @routes.post("/assessments/suggestions")
    async def propose(request: Request, visitor: visiting, form: signed) -> Response:
        """Show what the requirements of a file may meet. Nothing of it counts."""
        place = stated_place(form)
        try:
            name, content = await chosen_file(form, MOST_BYTES, "send a part of the protocol")
            found = await handlers.propose_for_file(place, name, content, visitor.api, key=form.key)
        except Rejected as error:
            return page(request, place, visitor, error=error)
        return page(request, place, visitor, found=found)

    @routes.post("/assessments/suggestions/answers")
    async def take(request: Request, visitor: visiting, form: signed) -> Response:
        """Take what was confirmed into the draft."""
        place = stated_place(form)
        given = {name: value for name, value in form.fields.items() if isinstance(value, str)}
        requirements, chosen = read_choices(given)
        try:
            taken = await handlers.take(place, chosen, visitor.api, key=form.key)
        except Rejected as error:
            found = await handlers.propose(place, requirements, visitor.api, key=f"{form.key}-again")
            return page(request, place, visitor, found=found, error=error, given=given)
        return see(f"/member/assessments/drafts?{place.query}&saved={taken}")


def _add_extensions(routes: APIRouter, web: Frontend) -> None:
    visiting = Annotated[Visitor, Depends(web.signed_in("member"))]
    signed = Annotated[Filled, Depends(web.form("session"))]

    async def page(
        request: Request,
        visitor: Visitor,
        *,
        query: str = "",
        error: Rejected | None = None,
        given: Mapping[str, str] | None = None,
    ) -> Response:
        return web.page(
            request,
            "member/extensions.html",
            visitor=visitor,
            status=status_of(error),
            found=await handlers.find_extensions(query, visitor.api),
            protocols=(await assessing.overview(visitor.api)).protocols,
            query=query,
            error=words(error) if error else None,
            given=Words(given or {}),
        )

    @routes.get("/assessments/extensions")
    async def extensions(
        request: Request, visitor: visiting, q: Annotated[str, Query(max_length=200)] = ""
    ) -> Response:
        """What protocols ask for beyond the criteria."""
        return await page(request, visitor, query=q)

    @routes.post("/assessments/extensions")
    async def keep(request: Request, visitor: visiting, form: signed) -> Response:
        """Keep one more."""
        given = {name: form.text(name) for name in ("protocol", *EXTENSION)}
        try:
            place = chosen_place(form, criteria="any")
            extension = {name: given[name] for name in EXTENSION}
            await handlers.keep_extension(
                place.protocol_id, place.quoted, extension, visitor.api, key=form.key
            )
        except Rejected as error:
            return await page(request, visitor, error=error, given=given)
        return see(f"/member/assessments/extensions?q={quote(extension['topic'])}")
