"""Services as far as the sign-in and the supplier's pages need them: in memory, over HTTP, each under its own path."""

# ruff: noqa: ANN401, C901  (stand-ins: any JSON, one function a service)

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import uuid4

import httpx
from fastapi import Body, FastAPI, Form, Header, HTTPException, Request, Response
from mrx_portal.settings import Settings
from mrx_shared.kit.http import problem

Value = Annotated[str, Header()]
Token = Annotated[str, Header(alias="MRX-Page-Token")]
Typed = Annotated[str, Form()]
Stated = Annotated[dict[str, str | None] | None, Body()]
NOW = datetime.now(UTC)  # noqa: TID251  (pages reckon by the machine's clock)
PASSWORD = "correct horse battery staple"
REASONS = ["no-recent-audit", "not-our-site", "not-a-customer", "shared-already", "not-shared", "other"]


@dataclass
class SimulatedRequest:
    """One request with its page's state."""

    state: str = "sent"
    language: str = "en"
    asks: str = "Northwind Brands"
    site: str = "Hangzhou Blue River Textile Co., Ltd., Xiaoshan mill"
    scope: str = "SMETA 6.1, 4-pillar: full report of the latest audit"
    purpose: str = "To accept it in place of an audit of our own"
    days: float = 18.4
    reason: str | None = None
    known_to_exchange: bool = True
    uploads: list[dict[str, Any]] = field(default_factory=list)
    platform: dict[str, Any] | None = None
    report: dict[str, Any] | None = None
    accesses: list[dict[str, Any]] = field(default_factory=list)
    same_file: dict[str, list[str]] = field(default_factory=dict)

    def possible(self) -> list[str]:
        asked = {"drafted", "sent", "opened"}
        steps = {
            "opening": {"drafted", "sent"},
            "acceptance": asked,
            "refusal": asked | {"accepted", "uploading"},
        }
        return [step for step, states in steps.items() if self.state in states]

    def shown(self) -> dict[str, Any]:
        return {
            "request_id": "0192f0c1-0000-7000-8000-000000000001",
            "state": self.state,
            "asks": self.asks,
            "site": self.site,
            "scope": self.scope,
            "purpose": self.purpose,
            "asked_at": NOW.isoformat(),
            "term_ends_at": (NOW + timedelta(days=self.days)).isoformat(),
            "reference": "MRX-7Q4KD2XM",
            "language": self.language,
            "possible": self.possible(),
            "decline_reasons": REASONS,
            "reason": self.reason,
        }


@dataclass
class Simulated:
    """The services; tests look at what was said to them."""

    origin: str = "http://services"
    requests: dict[str, SimulatedRequest] = field(default_factory=dict)
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)
    forgotten: list[str] = field(default_factory=list)
    browsers: list[str | None] = field(default_factory=list)
    marks: bool = True
    """the marks that came with sign-ins"""
    chosen: list[str] = field(default_factory=list)
    """passwords that were changed to"""
    tokens: dict[str, str] = field(default_factory=dict)
    """how many tokens were given, by token: the audience"""
    said: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    stored: dict[str, bytes] = field(default_factory=dict)
    away: set[str] = field(default_factory=set)
    refuse_files: list[str] = field(default_factory=list)
    """reasons that the next file is refused for"""
    refusals: dict[str, Callable[[], Response]] = field(default_factory=dict)
    """what a POST to a path is answered with, if not as usual"""
    lose_puts: int = 0
    """so many PUTs fail before one is taken"""
    check_takes: int = 1
    """the page is asked so often before a file's check ends"""

    def add_person(self, role: str, email: str, name: str, member: str | None = None) -> None:
        self.people[email] = {
            "principal_id": str(uuid4()),
            "name": name,
            "role": role,
            "member_id": str(uuid4()) if member else None,
            "member_name": member,
            "expires_at": (NOW + timedelta(hours=12)).isoformat(),
        }

    def request(self, token: str | None) -> SimulatedRequest:
        found = self.requests.get(token or "")
        if found is None:
            raise HTTPException(404, "this link is not known; ask for a new one")
        return found

    def transport(self) -> httpx.AsyncBaseTransport:
        return httpx.ASGITransport(self.app())

    def settings(self, **more: Any) -> Settings:
        urls = {
            f"{name}_url": f"{self.origin}/{name}"
            for name in ("registry", "benchmark", "aggregation", "report_request", "exchange_adapter")
        }
        return Settings(
            **{
                "http_port": 1,
                "public_url": "http://portal",
                "storage_url": self.origin,
                "secret_key": base64.b64encode(b"k" * 32).decode(),
                **urls,
                **more,
            }
        )

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.middleware("http")
        async def absent(request: Request, go_on: Any) -> Response:
            service = request.url.path.split("/")[1]
            if service in self.away:
                return problem(503, "the database is away", retryable=True)
            if request.method == "POST":
                self.said.append(request.url.path)
                self.keys.append(request.headers.get("idempotency-key", ""))
                if request.url.path in self.refusals:
                    return self.refusals[request.url.path]()
            answer: Response = await go_on(request)
            return answer

        self._registry(app)
        self._report_request(app)
        self._exchange(app)
        self._storage(app)
        return app

    def _registry(self, app: FastAPI) -> None:
        @app.get("/registry/health/live")
        async def live() -> dict[str, str]:
            return {"status": "live"}

        @app.post("/registry/v1/sign-ins", status_code=201)
        async def sign_in(body: dict[str, str | None]) -> Any:
            self.browsers.append(body.get("browser"))
            if body["email"] == "often@example.com":
                return problem(429, "too many tries", headers={"Retry-After": "900"})
            if body["email"] not in self.people or body["password"] != PASSWORD:
                return problem(403, "e-mail address and password do not go together")
            session = f"session-{len(self.sessions)}"
            self.sessions[session] = body["email"]
            return {
                "session": session,
                **({"browser": f"mark-of-{session}"} if self.marks else {}),
                **self.people[body["email"]],
            }

        @app.get("/registry/v1/sign-ins/current")
        async def current(mrx_session: Value) -> Any:
            if mrx_session not in self.sessions:
                return problem(401, "no such session")
            return self.people[self.sessions[mrx_session]]

        @app.post("/registry/v1/sign-ins/current/end")
        async def end(mrx_session: Value) -> dict[str, str]:
            self.sessions.pop(mrx_session, None)
            return {}

        @app.post("/registry/v1/password-resets", status_code=202)
        async def forgotten(body: dict[str, str]) -> dict[str, str]:
            self.forgotten.append(body["email"])
            return {}

        @app.post("/registry/v1/password-resets/redemption")
        async def redeem(body: dict[str, str]) -> Any:
            if body["token"] != "reset-token-0123456789":
                return problem(404, "this link is not valid any more", remedy="ask for a new link")
            return {"browser": "mark-of-the-link"} if self.marks else {"done": True}

        @app.post("/registry/v1/sign-ins/current/password")
        async def change(body: dict[str, str], mrx_session: Value) -> Any:
            if mrx_session not in self.sessions:
                return problem(401, "no such session")
            if body["current_password"] == "tried too often":
                return problem(429, "too many attempts failed", headers={"Retry-After": "900"})
            if body["current_password"] != PASSWORD:
                return problem(
                    422, "this is not your password", field="current_password", remedy="type the right one"
                )
            self.chosen.append(body["password"])
            return {}

        @app.post("/registry/v1/token")
        async def token(session: Typed, audience: Typed) -> Any:
            if session not in self.sessions:
                return Response('{"error": "invalid_grant", "error_description": "no such session"}', 400)
            made = f"token-{len(self.tokens)}"
            self.tokens[made] = audience
            return {"access_token": made, "token_type": "Bearer", "expires_in": 300}

        @app.get("/registry/v1/members")
        async def members(authorization: Value) -> Any:
            if self.tokens.get(authorization.removeprefix("Bearer ")) != "mrx.registry":
                return problem(401, "this token does not hold here")
            return {"members": []}

    def _report_request(self, app: FastAPI) -> None:
        prefix = "/report_request/v1/pages"

        @app.get(prefix)
        async def page(mrx_page_token: Token) -> dict[str, Any]:
            return self.request(mrx_page_token).shown()

        @app.get(prefix + "/same-file")
        async def same_file(sha256: str, mrx_page_token: Token) -> dict[str, Any]:
            return {"sites": self.request(mrx_page_token).same_file.get(sha256, [])}

        @app.post(prefix + "/{step}")
        async def step(step: str, mrx_page_token: Token, body: Stated = None) -> Any:
            request = self.request(mrx_page_token)
            if step not in request.possible():
                return problem(409, f"the request is {request.state}: no {step} now", field="state")
            reason = (body or {}).get("reason")
            if step == "refusal" and reason not in REASONS:
                return problem(422, "this is no reason", field="reason")
            request.state = {"opening": "opened", "acceptance": "accepted", "refusal": "declined"}[step]
            request.reason = reason
            return request.shown()

    def _exchange(self, app: FastAPI) -> None:
        prefix = "/exchange_adapter/v1/pages"

        def known(token: str | None) -> SimulatedRequest:
            request = self.request(token)
            if not request.known_to_exchange:
                raise HTTPException(404, "this link is not known")
            return request

        @app.get(prefix)
        async def page(mrx_page_token: Token) -> dict[str, Any]:
            request = known(mrx_page_token)
            self._check(request)
            return {
                "request_id": "0192f0c1-0000-7000-8000-000000000001",
                "max_bytes": 256 * 1024 * 1024,
                "uploads": [
                    {name: one[name] for name in ("ticket_id", "state", "reasons", "remedy")}
                    | {"channel": "upload", "size": one.get("size", 1), "minted_at": NOW.isoformat()}
                    for one in request.uploads
                ],
                "platform": request.platform,
                "report": request.report and {"channel": "upload", "withdrawn_at": None} | request.report,
                "accesses": request.accesses,
            }

        @app.post(prefix + "/tickets", status_code=201)
        async def ticket(body: dict[str, Any], mrx_page_token: Token) -> Any:
            request = known(mrx_page_token)
            if request.state not in {"accepted", "uploading"}:
                return problem(409, f"the request is {request.state}: no upload now", field="state")
            request.state = "uploading"
            made = {**body, "ticket_id": str(uuid4()), "state": "waiting", "reasons": [], "remedy": None}
            request.uploads.append(made)
            digest = base64.b64encode(bytes.fromhex(body["sha256"])).decode()
            return {
                "ticket_id": made["ticket_id"],
                "url": f"{self.origin}/quarantine/{made['ticket_id']}?X-Amz-Signature=abc",
                "method": "PUT",
                "headers": {
                    "Content-Type": body["media_type"],
                    "x-amz-checksum-sha256": digest,
                    "If-None-Match": "*",
                },
                "expires_at": (NOW + timedelta(minutes=10)).isoformat(),
            }

        @app.post(prefix + "/tickets/{ticket_id}/arrival", status_code=202)
        async def arrival(ticket_id: str, mrx_page_token: Token) -> Any:
            request = known(mrx_page_token)
            for one in request.uploads:
                if one["ticket_id"] == ticket_id and ticket_id in self.stored and one["state"] == "waiting":
                    one["state"], one["left"] = "checking", self.check_takes
                    request.state = "checking"
            return {}

        @app.post(prefix + "/platform", status_code=202)
        async def platform(body: dict[str, str], mrx_page_token: Token) -> Any:
            request = known(mrx_page_token)
            request.state = "uploading"
            request.platform = {
                "site_code": body["site_code"],
                "state": "waiting-for-access",
                "since": NOW.isoformat(),
                "reason": None,
            }
            return {}

    def _check(self, request: SimulatedRequest) -> None:
        for one in request.uploads:
            if one["state"] != "checking":
                continue
            one["left"] -= 1
            if one["left"] >= 0:
                continue
            if self.refuse_files:
                one["state"], one["reasons"], self.refuse_files = "refused", self.refuse_files, []
                one["remedy"] = "send the report as a PDF"
                request.state = "accepted"
            else:
                one["state"], request.state = "stored", "available"
                request.report = {
                    "report_id": str(uuid4()),
                    "sha256": one["sha256"],
                    "size": one["size"],
                    "stored_at": NOW.isoformat(),
                }

    def _storage(self, app: FastAPI) -> None:
        @app.options("/quarantine/{key}")
        async def preflight(key: str, request: Request) -> Response:
            return Response(headers={**_cors(request), "Access-Control-Max-Age": "600"})

        @app.put("/quarantine/{key}")
        async def put(key: str, request: Request) -> Response:
            body = await request.body()
            if self.lose_puts > 0:
                self.lose_puts -= 1
                return Response(status_code=503, headers=_cors(request))
            promised = base64.b64decode(request.headers["x-amz-checksum-sha256"])
            if hashlib.sha256(body).digest() != promised or request.headers["if-none-match"] != "*":
                return Response(status_code=400, headers=_cors(request))
            self.stored[key] = body
            return Response(headers=_cors(request))


def _cors(request: Request) -> dict[str, str]:
    return {
        "Access-Control-Allow-Origin": request.headers.get("origin", ""),
        "Access-Control-Allow-Methods": "PUT",
        "Access-Control-Allow-Headers": "content-type, x-amz-checksum-sha256, if-none-match",
    }
