"""One shape for every HTTP API: problems as application/problem+json (RFC 9457) with field, row and remedy."""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mrx_shared.api.problems import Fault, Problem
from mrx_shared.kit.logging import where
from mrx_shared.messages.faults import invalid
from mrx_shared.refusals import Faulty, Kind, Rejected, TooEarly, Unavailable, spelled

log = structlog.get_logger(__name__)

BODY_BYTES = 8 * 1024 * 1024
NUL = "\0"
NO_LARGER: Mapping[str, int] = MappingProxyType({})
STATUS: dict[Kind, int] = {"invalid": 422, "forbidden": 403, "unknown": 404, "conflict": 409}


def problem(
    status: int,
    detail: str,
    *,
    field: str | None = None,
    row: int | None = None,
    remedy: str | None = None,
    retryable: bool = False,
    headers: dict[str, str] | None = None,
    among: Faulty | None = None,
) -> Response:
    """A problem as a response; `among` holds those that it is the first of."""
    body = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        field=field,
        row=row,
        remedy=remedy,
        retryable=retryable,
        faults=[
            Fault(detail=one.reason, field=one.field, row=one.row, remedy=one.remedy) for one in among.faults
        ]
        if among
        else None,
        more=among.more or None if among else None,
    )
    return JSONResponse(
        body.model_dump(exclude_none=True), status, headers, media_type="application/problem+json"
    )


def build_api(
    *, service: str, title: str, description: str, larger: Mapping[str, int] = NO_LARGER
) -> FastAPI:
    """An empty API whose every refusal is a problem. `larger`: what a body may come to, by the path's last word."""
    api = FastAPI(
        title=title,
        description=description,
        version="1",
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        responses={
            "4XX": {"model": Problem, "description": "refused; the problem names field, row and remedy"},
            "503": {"model": Problem, "description": "a server that this needs is away; try again"},
        },
    )
    _document_problems(api)
    api.state.service = service
    api.add_middleware(_BodyLimit, larger=larger)
    api.add_middleware(_NoNul)
    api.add_exception_handler(Rejected, _rejected)
    api.add_exception_handler(TooEarly, _too_early)
    api.add_exception_handler(Unavailable, _unavailable)
    api.add_exception_handler(OSError, _unavailable)
    api.add_exception_handler(RequestValidationError, _unreadable)
    api.add_exception_handler(HTTPException, _http)
    api.add_exception_handler(Exception, _failed)
    return api


def _document_problems(api: FastAPI) -> None:
    """Say in the document what is sent: problems, as application/problem+json, also for what FastAPI refuses itself."""
    drawn = api.openapi

    def openapi() -> dict[str, Any]:
        if api.openapi_schema is None:
            document = drawn()
            for operation in (one for path in document["paths"].values() for one in path.values()):
                operation["responses"].pop("422", None)
                for status in ("4XX", "503"):
                    # FastAPI names the operation's own kind of answer.
                    (refused,) = operation["responses"][status]["content"].values()
                    operation["responses"][status]["content"] = {"application/problem+json": refused}
            for name in ("HTTPValidationError", "ValidationError"):
                document["components"]["schemas"].pop(name, None)
        assert api.openapi_schema is not None
        return api.openapi_schema

    api.openapi = openapi  # type: ignore[method-assign]


async def _rejected(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Rejected)
    return problem(
        STATUS[error.kind],
        error.reason,
        field=error.field,
        row=error.row,
        remedy=error.remedy,
        among=error if isinstance(error, Faulty) else None,
    )


async def _too_early(_request: Request, error: Exception) -> Response:
    assert isinstance(error, TooEarly)
    return problem(409, error.reason, retryable=True, headers={"Retry-After": "1"})


async def _unavailable(request: Request, error: Exception) -> Response:
    log.warning("http.unavailable", path=_route(request), error=where(error))
    return problem(503, "a server that this needs is away", retryable=True, headers={"Retry-After": "2"})


async def _unreadable(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    refusal = invalid(error.errors())
    return problem(422, refusal.reason, field=refusal.field, row=refusal.row, remedy=refusal.remedy)


async def _http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return problem(
        error.status_code,
        error.detail,
        retryable=error.status_code == HTTPStatus.SERVICE_UNAVAILABLE,
        headers=dict(error.headers or {}),
    )


async def _failed(request: Request, error: Exception) -> Response:
    log.error("http.failed", path=_route(request), error=where(error))
    return problem(500, "this failed here, not with you; the operator's log has it")


def _route(request: Request) -> str:
    return str(getattr(request.scope.get("route"), "path", "?"))


class _NoNul:
    """Refuse an address with U+0000, which nothing that is kept is named by."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer: ASGIApp = self._app
        if scope["type"] == "http":
            asked = Request(scope)
            held = [name for name, value in asked.query_params.multi_items() if NUL in name + value]
            if NUL in scope["path"] or held:
                answer = problem(
                    422,
                    "contains the control character U+0000",
                    field="path" if NUL in scope["path"] else spelled(held[:1]),
                    remedy="remove it from the address",
                )
        await answer(scope, receive, send)


class _BodyLimit:
    """Refuse a body above the limit before it fills memory."""

    def __init__(self, app: ASGIApp, *, larger: Mapping[str, int]) -> None:
        self._app = app
        self._larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        taken = 0
        most = self._larger.get(scope["path"].rpartition("/")[2], BODY_BYTES)

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > most:
                raise HTTPException(413, f"a body is at most {most // 1024 // 1024} MiB")
            return message

        await self._app(scope, counted, send)
