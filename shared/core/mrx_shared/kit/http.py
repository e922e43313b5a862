"""One shape for every HTTP API: problems as application/problem+json (RFC 9457) with field, row and remedy."""

from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mrx_shared.kit.logging import where
from mrx_shared.refusals import Kind, Rejected, TooEarly, Unavailable, spelled

log = structlog.get_logger(__name__)

BODY_BYTES = 8 * 1024 * 1024
STATUS: dict[Kind, int] = {"invalid": 422, "forbidden": 403, "unknown": 404, "conflict": 409}


class Asked(BaseModel):
    """A request's body: what is not known is refused, so that a misspelt field is not lost in silence."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, str_strip_whitespace=True, hide_input_in_errors=True
    )


class Answer(BaseModel):
    """A response's body."""

    model_config = ConfigDict(frozen=True)


class Problem(BaseModel):
    """Why a request was not done, and what to do about it."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    field: str | None = None
    row: int | None = None
    remedy: str | None = None
    retryable: bool = False


def problem(
    status: int,
    detail: str,
    *,
    field: str | None = None,
    row: int | None = None,
    remedy: str | None = None,
    retryable: bool = False,
    headers: dict[str, str] | None = None,
) -> Response:
    """A problem as a response."""
    body = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        field=field,
        row=row,
        remedy=remedy,
        retryable=retryable,
    )
    return JSONResponse(
        body.model_dump(exclude_none=True), status, headers, media_type="application/problem+json"
    )


def build_api(*, service: str, title: str, description: str) -> FastAPI:
    """An empty API whose every refusal is a problem."""
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
    api.add_middleware(_BodyLimit)
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
    return problem(STATUS[error.kind], error.reason, field=error.field, row=error.row, remedy=error.remedy)


async def _too_early(_request: Request, error: Exception) -> Response:
    assert isinstance(error, TooEarly)
    return problem(409, error.reason, retryable=True, headers={"Retry-After": "1"})


async def _unavailable(request: Request, error: Exception) -> Response:
    log.warning("http.unavailable", path=_route(request), error=where(error))
    return problem(503, "a server that this needs is away", retryable=True, headers={"Retry-After": "2"})


async def _unreadable(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first: dict[str, Any] = dict(error.errors()[0])
    place = [step for step in first["loc"] if step != "body"]
    malformed = first["type"] == "json_invalid"
    row = None if malformed else next((step + 1 for step in place if isinstance(step, int)), None)
    return problem(
        422,
        "; ".join(
            f"{spelled(step for step in fault['loc'] if step != 'body') or 'body'}: {fault['msg']}"
            for fault in error.errors()[:10]
        ),
        field="body" if malformed else spelled(place) or "body",
        row=row,
        remedy="see this API's /openapi.json for what the field takes",
    )


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


class _BodyLimit:
    """Refuse a body above the limit before it fills memory."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > BODY_BYTES:
                raise HTTPException(413, f"a body is at most {BODY_BYTES // 1024 // 1024} MiB")
            return message

        await self._app(scope, counted, send)
