"""The supplier's pages. The token of the link stands in one address only, which changes nothing when it is read."""

import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from mrx_shared.api.bodies import RequestBody
from mrx_shared.api.report_request import SupplierPage
from mrx_shared.refusals import Forbidden, Invalid, Kind, Rejected, Unavailable, Unknown
from pydantic import Field
from typing_extensions import override

from mrx_portal.domain.supplying import Stage, days_left, site_code, stage
from mrx_portal.entrypoints.forms import Words
from mrx_portal.entrypoints.frontend import Filled, Frontend, from_script, see
from mrx_portal.entrypoints.security_headers import content_policy
from mrx_portal.handlers import supplier
from mrx_portal.handlers.supplier import RequestPage
from mrx_portal.ports import Api, SignedOut

TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{16,200}")
Trouble = Literal[
    "", "changed", "site-code", "unknown-site", "no-platform", "reason", "comment", "stale", "refused"
]
"""what went wrong, by a code that pages have words for in every language; a service's own words are English"""
TROUBLES: Final[Mapping[tuple[Kind, str], Trouble]] = MappingProxyType(
    {
        ("conflict", "state"): "changed",
        ("invalid", "typed_code"): "site-code",
        ("invalid", "site_code"): "unknown-site",
        ("conflict", "site_code"): "no-platform",
        ("invalid", "reason"): "reason",
        ("invalid", "comment"): "comment",
    }
)
"""by kind of a refusal and the field that it names"""
TYPED: Final = ("reason", "comment", "site_code")
TYPED_CHARACTERS: Final = 500
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class TicketWanted(RequestBody):
    """What the page's script knows of a file before it is sent."""

    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    size: int = Field(gt=0)
    meant: bool = False
    """whether it is to be sent although the same file was given for another site"""


class FileSent(RequestBody):
    """The script has sent a file with a ticket."""

    ticket_id: UUID


def supplier_pages(web: Frontend) -> APIRouter:
    """The routes of whoever holds the link of a request."""
    pages = SupplierPages(web)
    routes = APIRouter(route_class=pages.route_class())
    _add_link(routes, pages)
    _add_answers(routes, pages)
    _add_upload(routes, pages)
    return routes


class SupplierPages:
    """Draws the supplier's pages in its language."""

    def __init__(self, web: Frontend) -> None:
        self.web = web

    def api(self, request: Request) -> Api:
        """The services, as whoever holds the token in the browser's cookie."""
        token = self.web.secret(request, "page")
        if token is None:
            raise Unknown("no link was opened in this browser")
        return _as_holder(self.web, token)

    def draw(self, request: Request, template: str, *, preferred: str | None = None, **how: Any) -> Response:  # noqa: ANN401
        """A page in the supplier's language."""
        language = self.web.language(request, preferred=preferred)
        response = self.web.page(request, template, language=language, **how)
        return self.web.remember_language(request, response)

    def route_class(self) -> type[APIRoute]:
        """Routes on which a link that opens nothing, and a server that is away, end as pages in the right language."""
        pages = self

        class SupplierRoute(APIRoute):
            @override
            def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
                handle = super().get_route_handler()

                async def handled(request: Request) -> Response:
                    if from_script(request):
                        return await handle(request)
                    try:
                        return await handle(request)
                    except (Unknown, SignedOut):
                        # One page for every link that opens nothing, whatever the cause.
                        return pages.draw(request, "supplier/gone.html", status=404)
                    except Unavailable:
                        return pages.draw(
                            request, "supplier/away.html", status=503, headers={"Retry-After": "10"}
                        )

                return handled

        return SupplierRoute

    def whole(
        self,
        request: Request,
        page: RequestPage,
        *,
        trouble: Trouble = "",
        typed: Mapping[str, str] = NOTHING,
    ) -> Response:
        """The request as it stands, and what went wrong with what was just sent."""
        asked = page.asked
        return self.draw(
            request,
            "supplier/request.html",
            preferred=asked.language,
            jar="page",
            status={"": 200, "changed": 409, "stale": 403}.get(trouble, 422),
            headers={"Content-Security-Policy": content_policy(connect=f"'self' {self.web.storage_url}")},
            asked=asked,
            page=page,
            handover=page.handover,
            stage=stage(asked.state),
            days=days_left(asked.term_ends_at, self.web.clock()),
            watching=stage(asked.state) is Stage.CHECKING or page.in_check,
            trouble=trouble,
            typed=Words(typed),
        )

    async def done(self, request: Request, do: Callable[[Api, Filled], Awaitable[None]]) -> Response:
        """Do what a form asks; on a refusal show the request as it stands, and why it was not done."""
        api = self.api(request)
        try:
            form = await self.web.form("page")(request)
        except Forbidden:
            return self.whole(request, await supplier.look(api), trouble="stale")
        try:
            await do(api, form)
        except Unknown:
            raise
        except Rejected as error:
            return self.whole(
                request,
                await supplier.look(api),
                trouble=_trouble(error),
                typed={name: form.typed(name)[:TYPED_CHARACTERS] for name in TYPED},
            )
        return see("/supplier")


def _add_link(routes: APIRouter, pages: SupplierPages) -> None:
    web = pages.web

    def link_page(request: Request, token: str, asked: SupplierPage, *, cookies: bool = True) -> Response:
        return pages.draw(
            request,
            "supplier/link.html",
            preferred=asked.language,
            status=200 if cookies else 403,
            asked=asked,
            stage=stage(asked.state),
            token=token,
            cookies=cookies,
        )

    @routes.get("/r/{token}")
    async def link(request: Request, token: str) -> Response:
        """Show what the link is for. Mail scanners follow every link, so this changes nothing."""
        return link_page(request, token, await supplier.request_of(_as_holder(web, token)))

    @routes.post("/r")
    async def open_link(request: Request) -> Response:
        """Take the token out of the address into a cookie, and note that the request was opened."""
        token = str((await request.form(max_files=0, max_fields=5)).get("token", ""))
        api = _as_holder(web, token)
        try:
            form = await web.form("visit")(request)
        except Forbidden:
            return link_page(request, token, await supplier.request_of(api), cookies=False)
        await supplier.open_request(api, key=form.key)
        response = see("/supplier")
        web.keep(response, "page", token)
        return response

    @routes.get("/supplier")
    async def show(request: Request) -> Response:
        """The request: who asks, for what, until when; and all that may be done."""
        return pages.whole(request, await supplier.look(pages.api(request)))

    @routes.post("/supplier/leave")
    async def leave(request: Request) -> Response:
        """Close the request in this browser; the link in the mail opens it again."""
        web.check_origin(request)
        spoken = str((await request.form(max_files=0, max_fields=5)).get("language", ""))
        response = pages.draw(request, "supplier/left.html", preferred=spoken)
        web.drop(response, "page")
        return response


def _as_holder(web: Frontend, token: str) -> Api:
    if not TOKEN.fullmatch(token):
        raise Unknown("this is not a link token")
    return web.services.as_supplier(token)


def _add_answers(routes: APIRouter, pages: SupplierPages) -> None:

    @routes.post("/supplier/acceptance")
    async def accept(request: Request) -> Response:
        """Accept."""
        return await pages.done(request, lambda api, form: supplier.accept(api, key=form.key))

    @routes.post("/supplier/refusal")
    async def decline(request: Request) -> Response:
        """Decline with a reason."""

        async def do(api: Api, form: Filled) -> None:
            reason = form.needed("reason", "the reason")
            await supplier.decline(api, reason, form.text("comment"), key=form.key)

        return await pages.done(request, do)

    @routes.post("/supplier/platform")
    async def platform(request: Request) -> Response:
        """Share on a data-sharing platform."""

        async def do(api: Api, form: Filled) -> None:
            code = site_code(form.text("site_code"))
            if code is None:
                raise Invalid("this is not a site code", field="typed_code")
            await supplier.share_on_platform(api, code, key=form.key)

        return await pages.done(request, do)


def _trouble(error: Rejected) -> Trouble:
    return TROUBLES.get((error.kind, error.field or ""), "refused")


def _add_upload(routes: APIRouter, pages: SupplierPages) -> None:

    def checked(request: Request) -> Api:
        """Whoever calls from our own script; raises for everybody else."""
        pages.web.check_origin(request)
        api = pages.api(request)
        pages.web.check_csrf(request, "page", request.headers.get("mrx-seal", ""))
        return api

    @routes.post("/supplier/tickets")
    async def make_ticket(request: Request, wanted: TicketWanted) -> dict[str, Any]:
        """A signed address for one file; its bytes go straight to object storage.

        Where the supplier gave the same file for another site, those sites, until it says that it means it.
        """
        api = checked(request)
        if not wanted.meant:
            sites = await supplier.sites_of_file(api, sha256=wanted.sha256)
            if sites:
                return {"same_file": sites}
        ticket = await supplier.ticket(api, sha256=wanted.sha256, size=wanted.size, key=str(uuid4()))
        return ticket.model_dump(mode="json", include={"ticket_id", "url", "method", "headers"})

    @routes.post("/supplier/arrivals", status_code=202)
    async def arrival(request: Request, sent: FileSent) -> dict[str, str]:
        """Have the file looked for."""
        await supplier.arrived(checked(request), sent.ticket_id, key=str(uuid4()))
        return {"state": "received"}

    @routes.get("/supplier/state")
    async def state(request: Request) -> dict[str, Any]:
        """How it stands, for the script that waits."""
        page = await supplier.look(pages.api(request))
        tickets = page.handover.uploads if page.handover else ()
        return {"state": page.asked.state, "tickets": {str(one.ticket_id): one.state for one in tickets}}
