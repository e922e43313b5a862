"""Pages of members."""

import asyncio
from collections.abc import Sequence
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from babel import Locale
from fastapi import APIRouter, Depends, Request, Response
from mrx_shared.api import report_request
from mrx_shared.refusals import Invalid, Rejected

from mrx_portal.domain.membership import lacks
from mrx_portal.domain.numbers import EUR_PER_AUDIT, HEADINGS, Figures, RoundNumbers, total
from mrx_portal.domain.released import ROWS_ON_ONE_PAGE, ROWS_PER_PAGE, Search, find, for_paper, page_of
from mrx_portal.domain.requests import OPEN, OUTCOMES, STATES, in_order, leaving, mail_said, said, standing
from mrx_portal.entrypoints.asking import add_asking, new_key
from mrx_portal.entrypoints.assessing import add_assessing
from mrx_portal.entrypoints.forms import Words, beside
from mrx_portal.entrypoints.frontend import Filled, Frontend, Visitor, see
from mrx_portal.entrypoints.security_headers import content_policy
from mrx_portal.entrypoints.words import words
from mrx_portal.handlers import member as handlers
from mrx_portal.handlers.released import ReleasedListCache, latest_release, link_to
from mrx_portal.ports import Draw

DOWNLOADS = {
    "list.xlsx": "Workbook",
    "list.csv": "CSV",
    "list.json": "JSON",
    "certificate.json": "Certificate",
}

_COUNTRIES = Locale("en").territories


def member_pages(web: Frontend, released_lists: ReleasedListCache, draw: Draw) -> APIRouter:
    """The routes under `/member`."""
    routes = APIRouter(prefix="/member")
    _add_overview(routes, web, draw)
    add_assessing(routes, web)
    _add_list(routes, web, released_lists)
    add_asking(routes, web, released_lists)
    _add_requests(routes, web, released_lists)
    _add_request_steps(routes, web, released_lists)
    _add_report_steps(routes, web, released_lists)
    return routes


def _add_overview(routes: APIRouter, web: Frontend, draw: Draw) -> None:
    visiting = Annotated[Visitor, Depends(web.signed_in("member"))]

    @routes.get("")
    async def first(request: Request, visitor: visiting) -> Response:
        """Where the member stands."""
        found = await handlers.overview(visitor.api, now=web.clock())
        year = web.clock().year
        return web.page(
            request,
            "member/first.html",
            visitor=visitor,
            found=found,
            states=list(in_order(found.counts or {})),
            year=year,
            this_year=_of_year(found.rounds or (), year),
            open_requests=sum((found.counts or {}).get(state, 0) for state in OPEN),
            lacks=lacks(found.participation.missing) if found.participation else (),
        )

    @routes.get("/numbers")
    async def numbers(request: Request, visitor: visiting) -> Response:
        """What requests came to, round by round."""
        rounds = await handlers.numbers(visitor.api)
        return web.page(
            request,
            "member/numbers.html",
            visitor=visitor,
            rounds=rounds,
            total=total(rounds),
            eur_per_audit=EUR_PER_AUDIT,
            headings=HEADINGS,
        )

    @routes.get("/avoided.svg")
    async def plot(visitor: visiting) -> Response:
        """Audits avoided, as a picture of its own: a page holds no style inside."""
        return Response(await draw(await handlers.numbers(visitor.api)), media_type="image/svg+xml")


def _add_list(routes: APIRouter, web: Frontend, released_lists: ReleasedListCache) -> None:
    visiting = Annotated[Visitor, Depends(web.signed_in("member"))]
    signed = Annotated[Filled, Depends(web.form("session"))]

    @routes.get("/list")
    async def released(
        request: Request,
        visitor: visiting,
        words: str = "",
        country: str = "",
        half_year: str = "",
        family: str = "",
        page: int = 1,
        every: bool = False,
    ) -> Response:
        """The released list, searched and filtered; `every` puts all that was found on one page, as for printing."""
        latest = await released_lists.latest(visitor.api, new_key=new_key)
        search = Search(words=words[:200], country=country, half_year=half_year, family=family)
        found = await asyncio.to_thread(find, latest.listed, search) if latest else ()
        shown = page_of(found, page, rows=ROWS_ON_ONE_PAGE if every else ROWS_PER_PAGE)
        return web.page(
            request,
            "member/list.html",
            visitor=visitor,
            headers=_downloading(web),
            latest=latest,
            search=search,
            shown=shown,
            rows=for_paper(found, shown),
            every="/member/list?" + urlencode({**search.fields, "every": "yes"}),
            downloads=DOWNLOADS,
            country_name=_country_name,
            to_page=lambda number: "/member/list?" + urlencode({**search.fields, "page": str(number)}),
        )

    @routes.post("/list/documents/{document}")
    async def fetch(document: str, visitor: visiting, _: signed) -> Response:
        """Go on to a link that is good for a minute; the page stays, so that each press makes a new one."""
        release = await latest_release(visitor.api)
        if release is None or document not in DOWNLOADS:
            raise Invalid("there is no such document", remedy="choose one from the list's page")
        return see(await link_to(visitor.api, str(release.release_id), document, key=new_key()))


def _add_requests(routes: APIRouter, web: Frontend, released_lists: ReleasedListCache) -> None:
    visiting = Annotated[Visitor, Depends(web.signed_in("member"))]

    @routes.get("/requests")
    async def requests(request: Request, visitor: visiting, state: str = "", page: int = 1) -> Response:
        """The member's requests."""
        chosen = state if state in STATES else ""
        found = await handlers.every_request(visitor.api)
        counts = {name: sum(one.state == name for one in found) for name in STATES}
        shown = page_of([one for one in found if not chosen or one.state == chosen], page)
        return web.page(
            request,
            "member/requests.html",
            visitor=visitor,
            states=list(in_order(counts)),
            total=len(found),
            chosen=chosen,
            shown=shown,
            said=said,
            mail_said=mail_said,
            to_page=lambda number: (
                "/member/requests?"
                + urlencode({**({"state": chosen} if chosen else {}), "page": str(number)})
            ),
        )

    @routes.get("/requests/{request_id}")
    async def one(request: Request, request_id: UUID, visitor: visiting) -> Response:
        """One request, its life and what can be done."""
        return await _request_page(request, request_id, visitor, web, released_lists)


def _add_request_steps(routes: APIRouter, web: Frontend, released_lists: ReleasedListCache) -> None:
    visiting = Annotated[Visitor, Depends(web.signed_in("member"))]
    signed = Annotated[Filled, Depends(web.form("session"))]

    @routes.post("/requests/{request_id}/withdrawal")
    async def withdraw(request: Request, request_id: UUID, visitor: visiting, form: signed) -> Response:
        """Ask no longer."""
        try:
            await handlers.withdraw(request_id, form.text("reason"), visitor.api, key=form.key)
        except Rejected as error:
            return await _request_page(
                request,
                request_id,
                visitor,
                web,
                released_lists,
                refused=("withdrawal", error),
                given={"reason": form.typed("reason")},
            )
        return see(f"/member/requests/{request_id}", back=form.back)

    @routes.post("/requests/{request_id}/contact")
    async def contact(request: Request, request_id: UUID, visitor: visiting, form: signed) -> Response:
        """Give another address."""
        given = {name: form.text(name) for name in ("contact_email", "contact_name", "language")}
        try:
            await handlers.correct_contact(request_id, given, visitor.api, key=form.key)
        except Rejected as error:
            return await _request_page(
                request, request_id, visitor, web, released_lists, refused=("contact", error), given=given
            )
        return see(f"/member/requests/{request_id}", back=form.back)


def _add_report_steps(routes: APIRouter, web: Frontend, released_lists: ReleasedListCache) -> None:
    visiting = Annotated[Visitor, Depends(web.signed_in("member"))]
    signed = Annotated[Filled, Depends(web.form("session"))]

    @routes.post("/requests/{request_id}/decision")
    async def decide(request: Request, request_id: UUID, visitor: visiting, form: signed) -> Response:
        """Record a decision."""
        given = {
            name: form.text(name) for name in ("outcome", "reason", "valid_until", "same_file_confirmed")
        }
        try:
            if given["outcome"] not in OUTCOMES:
                raise Invalid("no decision was chosen", field="outcome", remedy="choose one of the three")
            if given["outcome"] == "refused" and not given["reason"]:
                raise Invalid("a refusal needs a reason", field="reason", remedy="say why you refuse")
            await handlers.decide(
                request_id,
                outcome=given["outcome"],
                reason=given["reason"],
                valid_until="" if given["outcome"] == "refused" else given["valid_until"],
                same_file_confirmed=given["same_file_confirmed"] == "yes",
                api=visitor.api,
                key=form.key,
            )
        except Rejected as error:
            return await _request_page(
                request, request_id, visitor, web, released_lists, refused=("decision", error), given=given
            )
        return see(f"/member/requests/{request_id}", back=form.back)

    @routes.post("/requests/{request_id}/download")
    async def download(request: Request, request_id: UUID, visitor: visiting, _: signed) -> Response:
        """Go on to the report by a link that is good for a minute; each press makes a new one."""
        try:
            return see(await handlers.download(request_id, visitor.api, key=new_key()))
        except Rejected as error:
            return await _request_page(
                request, request_id, visitor, web, released_lists, refused=("download", error)
            )


async def _request_page(
    request: Request,
    request_id: UUID,
    visitor: Visitor,
    web: Frontend,
    released_lists: ReleasedListCache,
    *,
    refused: tuple[str, Rejected] | None = None,
    given: dict[str, str] | None = None,
) -> Response:
    life = await handlers.life(request_id, visitor.api)
    latest = await released_lists.latest(visitor.api, new_key=new_key)
    faults = beside(refused[1], tuple(given or ())) if refused else Words()
    return web.page(
        request,
        "member/request.html",
        visitor=visitor,
        status=_status(refused[1]) if refused else 200,
        headers=_downloading(web),
        one=life.request,
        steps=life.steps,
        entry=latest.listed.by_id.get(life.request.entry_id) if latest else None,
        may=_may(life.request),
        saying=standing(life.request.state, life.request.mail),
        mail=mail_said(life.request.mail),
        leaving=leaving(life.request.state, life.request.mail, life.request.mail_leaves_at),
        outcomes=OUTCOMES,
        failed=refused[0] if refused else None,
        error=words(refused[1]) if refused and not faults else None,
        faults=faults,
        given=Words(given or {}),
    )


def _may(one: report_request.Request) -> set[str]:
    """What the member may do, by the name of its form."""
    there = one.report is not None and one.report.access_withdrawn_at is None
    return {*one.possible, *(["download"] if there else [])}


def _status(error: Rejected) -> int:
    return {"invalid": 422, "forbidden": 403, "unknown": 404}.get(error.kind, 409)


def _of_year(rounds: Sequence[RoundNumbers], year: int) -> Figures:
    return total(one for one in rounds if one.as_of is None or one.as_of.year == year)


def _country_name(code: str) -> str:
    return str(_COUNTRIES.get(code, code))


def _downloading(web: Frontend) -> dict[str, str]:
    """A form of this page goes on to object storage: browsers hold redirects to the policy of the form's page."""
    return {"Content-Security-Policy": content_policy(forms=f"'self' {web.storage_url}")}
