"""Signing in and out, and setting or changing a password."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from mrx_shared.refusals import Forbidden, Invalid, RateLimited, Rejected

from mrx_portal.domain.people import own_path
from mrx_portal.entrypoints.frontend import ROLES, Filled, Frontend, Visitor, see
from mrx_portal.ports import SignedOut


def sign_in_pages(web: Frontend) -> APIRouter:
    """The routes of people who are not signed in yet, and of their passwords."""
    routes = APIRouter()
    _add_session(routes, web)
    _add_forgotten(routes, web)
    _add_password(routes, web)
    return routes


def _add_session(routes: APIRouter, web: Frontend) -> None:
    filled = Annotated[Filled, Depends(web.form("visit"))]
    signed = Annotated[Filled, Depends(web.form("session"))]
    visiting = Annotated[Visitor, Depends(web.signed_in(*ROLES))]

    @routes.get("/")
    async def first(request: Request) -> Response:
        """Go to the person's own first page."""
        session = web.secret(request, "session")
        if session is None:
            return see("/sign-in")
        try:
            return see((await web.accounts.person(session)).home)
        except SignedOut:
            return see("/sign-in")

    @routes.get("/no-pages")
    async def no_pages(request: Request, visitor: visiting) -> Response:
        """Tell an operator where its tools are."""
        return web.page(request, "sign_in/no_pages.html", visitor=visitor)

    @routes.get("/sign-in")
    async def show(request: Request, next: str = "", ended: str = "", done: str = "") -> Response:  # noqa: A002
        """The form."""
        return web.page(
            request, "sign_in/sign_in.html", next=next, ended=bool(ended), done=done, email="", error=None
        )

    @routes.post("/sign-in")
    async def sign_in(request: Request, form: filled) -> Response:
        """Open a session; the browser gets it in a cookie of its own."""
        email, onward = form.text("email", most=320), form.text("next")
        try:
            opened = await web.accounts.sign_in(
                email, str(form.fields.get("password", "")), browser=web.secret(request, "browser")
            )
        except (Forbidden, Invalid, RateLimited) as error:
            waiting = isinstance(error, RateLimited)
            return web.page(
                request,
                "sign_in/sign_in.html",
                status=429 if waiting else 403,
                headers={"Retry-After": str(error.seconds)} if isinstance(error, RateLimited) else None,
                next=onward,
                ended=False,
                done="",
                email=email,
                error="wait" if waiting else "wrong",
            )
        response = see(own_path(onward, otherwise=opened.person.home))
        web.keep(response, "session", opened.session)
        if opened.browser:
            web.keep(response, "browser", opened.browser)
        web.drop(response, "visit")
        return response

    @routes.post("/sign-out")
    async def sign_out(request: Request, _: signed) -> Response:
        """End the session at the registry too."""
        session = web.secret(request, "session")
        assert session is not None
        await web.accounts.sign_out(session)
        response = see("/sign-in?done=signed-out")
        web.drop(response, "session")
        return response


def _add_forgotten(routes: APIRouter, web: Frontend) -> None:
    filled = Annotated[Filled, Depends(web.form("visit"))]

    @routes.get("/forgotten")
    async def forgotten(request: Request) -> Response:
        """Ask for the address."""
        return web.page(request, "sign_in/forgotten.html", sent=False)

    @routes.post("/forgotten")
    async def send(request: Request, form: filled) -> Response:
        """Answer alike, whoever asked."""
        email = form.needed("email", "the e-mail address")
        try:
            await web.accounts.forgotten(email)
        except Rejected:
            # A refusal would tell something of the address.
            return web.page(request, "sign_in/forgotten.html", sent=True)
        return web.page(request, "sign_in/forgotten.html", sent=True)

    @routes.get("/reset/{token}")
    async def reset(request: Request, token: str) -> Response:
        """Show the form. A mail scanner that follows the link uses nothing up."""
        return web.page(request, "sign_in/reset.html", token=token, error=None)

    @routes.post("/reset")
    async def set_password(request: Request, form: filled) -> Response:
        """Set the password; open sessions of the person end with it."""
        token = form.text("token")
        password = str(form.fields.get("password", ""))
        try:
            _typed_twice(form)
            mark = await web.accounts.set_password(token, password)
        except Rejected as error:
            return web.page(request, "sign_in/reset.html", status=422, token=token, error=error)
        response = see("/sign-in?done=password-set")
        if mark:
            web.keep(response, "browser", mark)
        return response


def _add_password(routes: APIRouter, web: Frontend) -> None:
    visiting = Annotated[Visitor, Depends(web.signed_in(*ROLES))]
    signed = Annotated[Filled, Depends(web.form("session"))]

    @routes.get("/password")
    async def show(request: Request, visitor: visiting, done: str = "") -> Response:
        """The form of whoever is signed in."""
        return web.page(request, "sign_in/password.html", visitor=visitor, done=bool(done), error=None)

    @routes.post("/password")
    async def change(request: Request, visitor: visiting, form: signed) -> Response:
        """Replace the password by a new one; the person's other sessions end with it."""
        session = web.secret(request, "session")
        assert session is not None
        current, password = (str(form.fields.get(name, "")) for name in ("current_password", "password"))
        try:
            _typed_twice(form)
            await web.accounts.change_password(session, current, password)
        except Rejected as error:
            waiting = isinstance(error, RateLimited)
            return web.page(
                request,
                "sign_in/password.html",
                visitor=visitor,
                status=429 if waiting else 422,
                headers={"Retry-After": str(error.seconds)} if isinstance(error, RateLimited) else None,
                done=False,
                error=error,
            )
        return see("/password?done=changed")


def _typed_twice(form: Filled) -> None:
    if form.fields.get("password") != form.fields.get("again"):
        raise Invalid("the two passwords differ", field="again", remedy="type the same one twice")
