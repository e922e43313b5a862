"""Every refusal as a page: what happened, why, what to do. Scripts get it as a problem."""

import re
from collections.abc import Sequence
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from mrx_shared.kit.http import STATUS, problem
from mrx_shared.kit.logging import where
from mrx_shared.messages.faults import plainly
from mrx_shared.refusals import RateLimited, Rejected, Unavailable
from starlette.exceptions import HTTPException

from mrx_portal.entrypoints.frontend import (
    Frontend,
    SignInNeeded,
    from_script,
    see,
    sign_in_path,
    to_send_again,
)
from mrx_portal.entrypoints.security_headers import HEADERS
from mrx_portal.entrypoints.words import field_said, said, sentence
from mrx_portal.ports import SignedOut

log = structlog.get_logger(__name__)

OF_SUPPLIERS: Final = re.compile(r"/(r|supplier)(/|\Z)")

TITLES: Final = {
    403: "You do not have access to this",
    404: "Page not found",
    405: "Page not found",
    409: "This cannot be done now",
    413: "This is too large",
    422: "Something needs correcting",
    429: "Too many attempts",
    500: "Something went wrong on our side",
    503: "Please try again in a moment",
}


def show_problems(app: FastAPI, web: Frontend) -> None:  # noqa: C901 - one function a refusal
    """Let every refusal of the app end as a page."""

    def shown(
        request: Request,
        status: int,
        detail: str,
        *,
        again: Sequence[tuple[str, str]] = (),
        **said: Any,  # noqa: ANN401
    ) -> Response:
        if from_script(request):
            return problem(status, detail, retryable=status == 503, **said)  # noqa: PLR2004
        if OF_SUPPLIERS.match(request.url.path):
            return _to_supplier(request, status, web)
        # Whoever is signed in with a role that opens nothing here must be able to get out.
        leaving = status == 403 and web.secret(request, "session") is not None  # noqa: PLR2004
        return web.page(
            request,
            "problem.html",
            jar="session" if leaving else None,
            leaving=leaving,
            status=status,
            title=TITLES.get(status, "This was refused"),
            detail=detail,
            field=said.get("field"),
            remedy=said.get("remedy"),
            again=again,
        )

    async def rejected(request: Request, error: Exception) -> Response:
        assert isinstance(error, Rejected)
        status = 429 if isinstance(error, RateLimited) else STATUS[error.kind]
        told = (error.reason, error.remedy) if from_script(request) else said(error)
        return shown(request, status, told[0], field=error.field, remedy=told[1])

    async def unavailable(request: Request, error: Exception) -> Response:
        assert isinstance(error, Unavailable)
        log.warning("portal.unavailable", route=_route(request), error=str(error).partition(":")[0])
        again = to_send_again(request)
        detail, remedy = _while_away(request.method, waits=bool(again))
        return shown(request, 503, detail, remedy=remedy, again=again)

    async def signed_out(request: Request, _: Exception) -> Response:
        if from_script(request):
            return problem(401, "the session ended", remedy="sign in again")
        response = see(sign_in_path(request))
        web.drop(response, "session")
        return response

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        detail = str(error.detail) if error.status_code == 413 else "Nothing was changed."  # noqa: PLR2004
        return shown(request, error.status_code, detail)

    async def unreadable(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        if first["loc"][0] == "path":
            return shown(request, 404, "Nothing was changed.")
        field, (wrong, remedy) = str(first["loc"][-1]), plainly(first)
        if request.method == "GET":
            remedy = "go back to the page that led here and follow its link again"
        return shown(request, 422, sentence(f"{field_said(field)} {wrong}"), field=field, remedy=remedy)

    async def failed(request: Request, error: Exception) -> Response:
        log.error("portal.failed", route=_route(request), error=where(error))
        response = shown(
            request, 500, "The operator's log has the details. What you entered may not have been saved."
        )
        response.headers.update(HEADERS)  # the last resort stands outside of all middleware
        return response

    app.add_exception_handler(Rejected, rejected)
    app.add_exception_handler(Unavailable, unavailable)
    app.add_exception_handler(SignInNeeded, signed_out)
    app.add_exception_handler(SignedOut, signed_out)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, unreadable)
    app.add_exception_handler(Exception, failed)


def _to_supplier(request: Request, status: int, web: Frontend) -> Response:
    """What a service says is English; a supplier's page has words of its own in every language."""
    return web.page(
        request,
        "supplier/problem.html",
        language=web.language(request),
        status=status,
        headers={"Retry-After": "10"} if status == 503 else None,  # noqa: PLR2004
    )


def _while_away(method: str, *, waits: bool) -> tuple[str, str]:
    """What is said while a service does not answer, and what to do."""
    away, told = "Part of the system is not responding right now.", "if this continues, tell the secretariat"
    if method == "GET":
        return f"{away} Nothing was lost.", f"reload the page; {told}"
    sent = "What you entered is still on this page." if waits else "What you sent may not have been saved."
    return f"{away} {sent}", f"send it again in a moment; {told}"


def _route(request: Request) -> str:
    return str(getattr(request.scope.get("route"), "path", "?"))
