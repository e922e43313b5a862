"""Pages of the secretariat."""

from collections.abc import Callable
from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from mrx_shared.refusals import Invalid, Rejected

from mrx_portal.domain.membership import lacks
from mrx_portal.domain.numbers import HEADINGS, total
from mrx_portal.domain.quarantine import quarantine_said
from mrx_portal.domain.rounds import ROUND_WAY, round_said
from mrx_portal.entrypoints.criteria import add_criteria
from mrx_portal.entrypoints.frontend import Filled, Frontend, Visitor, see
from mrx_portal.entrypoints.words import words
from mrx_portal.handlers import member as numbers_of
from mrx_portal.handlers import secretariat as handlers

STATUS = {"invalid": 422, "forbidden": 403, "unknown": 404, "conflict": 409}


def secretariat_pages(web: Frontend) -> APIRouter:
    """The routes under `/secretariat`."""
    routes = APIRouter(prefix="/secretariat")
    _add_overview(routes, web)
    _add_members(routes, web)
    _add_member(routes, web)
    _add_rounds(routes, web)
    add_criteria(routes, web)
    return routes


def _add_overview(routes: APIRouter, web: Frontend) -> None:
    visiting = Annotated[Visitor, Depends(web.signed_in("secretariat"))]

    @routes.get("")
    async def first(request: Request, visitor: visiting) -> Response:
        """Where the scheme stands."""
        found = await handlers.overview(visitor.api)
        return web.page(
            request,
            "secretariat/first.html",
            visitor=visitor,
            found=found,
            needed=handlers.GROUPS_NEEDED,
            round_said=round_said,
            total=total(found.totals),
            lacks=lacks,
            person_id=visitor.person.principal_id,
        )

    @routes.get("/quarantine")
    async def quarantine(request: Request, visitor: visiting, after: UUID | None = None) -> Response:
        """What stays in quarantine, and why."""
        return web.page(
            request,
            "secretariat/quarantine.html",
            visitor=visitor,
            held=await handlers.quarantine(visitor.api, after=after),
            after=after,
            why=quarantine_said,
        )

    @routes.get("/requests")
    async def requests(request: Request, visitor: visiting) -> Response:
        """Totals over all members; no member is named."""
        rounds = await numbers_of.numbers(visitor.api)
        return web.page(
            request,
            "secretariat/requests.html",
            visitor=visitor,
            rounds=rounds,
            total=total(rounds),
            headings=HEADINGS,
        )


def _add_members(routes: APIRouter, web: Frontend) -> None:
    visiting = Annotated[Visitor, Depends(web.signed_in("secretariat"))]
    signed = Annotated[Filled, Depends(web.form("session"))]

    async def page(
        request: Request,
        visitor: Visitor,
        *,
        given: dict[str, str] | None = None,
        error: Rejected | None = None,
    ) -> Response:
        return web.page(
            request,
            "secretariat/members.html",
            visitor=visitor,
            status=STATUS[error.kind] if error else 200,
            members=(found := await handlers.members(visitor.api)),
            groups=sorted({one.group for one in found}),
            lacks=lacks,
            given=given or {"name": "", "group": "", "new_group": "", "minority_holdings": ""},
            error=words(error) if error else None,
            wrong=(error.field or "") if error else "",
        )

    @routes.get("/members")
    async def members(request: Request, visitor: visiting) -> Response:
        """All members and the form to admit one."""
        return await page(request, visitor)

    @routes.post("/members")
    async def admit(request: Request, visitor: visiting, form: signed) -> Response:
        """Take a company on."""
        given = {name: form.text(name) for name in ("name", "group", "new_group", "minority_holdings")}
        holdings = [line.strip() for line in given["minority_holdings"].splitlines() if line.strip()]
        try:
            form.needed("name", "the company's name")
            made = await handlers.admit(
                given["name"],
                given["group"] or given["name"],
                holdings,
                visitor.api,
                new_group=given["new_group"] == "yes" and bool(given["group"]),
                key=form.key,
            )
        except Rejected as error:
            return await page(request, visitor, given=given, error=_in_the_forms_words(error))
        return see(f"/secretariat/members/{made.member_id}")


def _in_the_forms_words(error: Rejected) -> Rejected:
    """A group that is not there is made by a tick here."""
    if error.field != "group" or error.kind != "conflict":
        return error
    remedy = "name an existing group, or tick that this one is new"
    return Rejected(error.reason, field="group", remedy=remedy)


def _add_member(routes: APIRouter, web: Frontend) -> None:
    visiting = Annotated[Visitor, Depends(web.signed_in("secretariat"))]
    signed = Annotated[Filled, Depends(web.form("session"))]

    async def page(
        request: Request,
        member_id: UUID,
        visitor: Visitor,
        *,
        failed: str = "",
        error: Rejected | None = None,
        given: dict[str, str] | None = None,
        invited: str = "",
    ) -> Response:
        return web.page(
            request,
            "secretariat/member.html",
            visitor=visitor,
            status=STATUS[error.kind] if error else 200,
            one=await handlers.member(member_id, visitor.api),
            lacks=lacks,
            failed=failed,
            error=words(error) if error else None,
            given=given or {"name": "", "email": ""},
            invited=invited,
        )

    @routes.get("/members/{member_id}")
    async def member(request: Request, member_id: UUID, visitor: visiting, invited: str = "") -> Response:
        """One member and what the secretariat may do."""
        return await page(request, member_id, visitor, invited=invited)

    @routes.post("/members/{member_id}/suspension")
    async def suspend(request: Request, member_id: UUID, visitor: visiting, form: signed) -> Response:
        """Suspend, when it was confirmed."""
        try:
            if form.text("sure") != "yes":
                raise Invalid("the box was not ticked", field="sure", remedy="tick it if you are sure")
            await handlers.suspend(member_id, visitor.api, key=form.key)
        except Rejected as error:
            return await page(request, member_id, visitor, failed="suspension", error=error)
        return see(f"/secretariat/members/{member_id}")

    @routes.post("/members/{member_id}/reinstatement")
    async def reinstate(request: Request, member_id: UUID, visitor: visiting, form: signed) -> Response:
        """End a suspension."""
        try:
            await handlers.reinstate(member_id, visitor.api, key=form.key)
        except Rejected as error:
            return await page(request, member_id, visitor, failed="reinstatement", error=error)
        return see(f"/secretariat/members/{member_id}")

    @routes.post("/members/{member_id}/people")
    async def let_in(request: Request, member_id: UUID, visitor: visiting, form: signed) -> Response:
        """Let a person of the member sign in."""
        given = {"name": form.text("name"), "email": form.text("email", most=320)}
        try:
            form.needed("name", "the person's name")
            form.needed("email", "the e-mail address")
            await handlers.let_in(member_id, **given, api=visitor.api, key=form.key)
        except Rejected as error:
            return await page(request, member_id, visitor, failed="people", error=error, given=given)
        return see(f"/secretariat/members/{member_id}?invited=yes")


def _add_rounds(routes: APIRouter, web: Frontend) -> None:
    visiting = Annotated[Visitor, Depends(web.signed_in("secretariat"))]
    signed = Annotated[Filled, Depends(web.form("session"))]

    async def page(
        request: Request,
        round_id: UUID,
        visitor: Visitor,
        error: Rejected | None = None,
        *,
        leave_waiting: bool = False,
    ) -> Response:
        current = await handlers.round_of(round_id, visitor.api)
        return web.page(
            request,
            "secretariat/round.html",
            visitor=visitor,
            status=STATUS[error.kind] if error else 200,
            one=current,
            round_said=round_said,
            way=ROUND_WAY,
            own=current.proposed_by == visitor.person.principal_id,
            name_of=await _names(visitor),
            needed=handlers.GROUPS_NEEDED,
            error=words(error) if error else None,
            leave_waiting=leave_waiting,
        )

    @routes.get("/rounds")
    async def rounds(request: Request, visitor: visiting) -> Response:
        """All rounds and the form to open one."""
        return web.page(
            request,
            "secretariat/rounds.html",
            visitor=visitor,
            rounds=await handlers.rounds(visitor.api),
            given="",
            error=None,
            round_said=round_said,
        )

    @routes.post("/rounds")
    async def open_round(request: Request, visitor: visiting, form: signed) -> Response:
        """Open a round."""
        given = form.text("as_of")
        try:
            made = await handlers.open_round(_day(given), visitor.api, key=form.key)
        except Rejected as error:
            return web.page(
                request,
                "secretariat/rounds.html",
                visitor=visitor,
                status=STATUS[error.kind],
                rounds=await handlers.rounds(visitor.api),
                given=given,
                error=words(error),
                round_said=round_said,
            )
        return see(f"/secretariat/rounds/{made.round_id}")

    @routes.get("/rounds/{round_id}")
    async def one_round(request: Request, round_id: UUID, visitor: visiting) -> Response:
        """One round, its numbers, and the next step."""
        return await page(request, round_id, visitor)

    @routes.post("/rounds/{round_id}/{step}")
    async def take_step(
        request: Request, round_id: UUID, step: str, visitor: visiting, form: signed
    ) -> Response:
        """Close, propose, withdraw or approve."""
        leave = form.typed("leave_waiting") == "yes"
        try:
            if step == "close":
                await handlers.close(round_id, visitor.api, leave_waiting=leave, key=form.key)
            elif step in handlers.STEPS:
                await handlers.STEPS[step](round_id, visitor.api, key=form.key)
            else:
                raise Invalid("a round has no such step", remedy="choose one from the page")
        except Rejected as error:
            return await page(request, round_id, visitor, error, leave_waiting=leave)
        return see(f"/secretariat/rounds/{round_id}")


async def _names(visitor: Visitor) -> Callable[[str], str]:
    """How the secretariat's people are named to one of them: never by an id."""
    known = await handlers.colleagues(visitor.api)
    return lambda principal: (
        "you" if principal == visitor.person.principal_id else known.get(principal, "a colleague")
    )


def _day(text: str) -> str:
    if not text:
        return ""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise Invalid("this is not a day", field="as_of", remedy="write it as 2026-06-30") from None
