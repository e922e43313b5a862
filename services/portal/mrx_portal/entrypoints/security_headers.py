"""What holds for every answer: headers that keep a page to itself, bodies that stay small, a count by route."""

from typing import Final

from prometheus_client import Counter
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_BYTES: Final = 1024 * 1024
LARGER: Final = {
    "/member/list/check": 16 * 1024 * 1024,
    "/member/assessments": 5 * 1024 * 1024,
    "/member/assessments/suggestions": 5 * 1024 * 1024,
    "/member/assessments/suggestions/answers": 5 * 1024 * 1024,
    "/member/assessments/evidence": 21 * 1024 * 1024,
}
"""pages that take a file of the member's own"""
ANSWERS: Final = Counter("mrx_portal_answers_total", "Answers, by route and status", ["route", "status"])


def content_policy(*, connect: str = "'self'", forms: str = "'self'") -> str:
    """What a page may load and reach: its own origin, nothing inline, and in no frame.

    `forms` also holds for where a form is sent on to.
    """
    return (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
        f"connect-src {connect}; form-action {forms}; frame-ancestors 'none'; base-uri 'none'"
    )


HEADERS: Final = {
    "Content-Security-Policy": content_policy(),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cache-Control": "no-store",
}
FOR_EVER: Final = "public, max-age=31536000, immutable"
"""for files that pages name together with their hash"""


class SecurityHeaders:
    """Middleware around everything. A route may state a header of its own; the rest are given."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self._app = app
        self._headers = dict(HEADERS)
        if secure:
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > LARGER.get(scope["path"], BODY_BYTES):
                raise HTTPException(413, "What you sent is too large for this page.")
            return message

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if scope["path"].startswith("/static/"):
                    headers["Cache-Control"] = FOR_EVER
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                route = str(getattr(scope.get("route"), "path", "-"))
                ANSWERS.labels(route, str(message["status"])).inc()
            await send(message)

        await self._app(scope, counted, with_headers)
