"""The platform's public API: what its real counterpart would show to the exchange, and no more."""

import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterable
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Annotated, Generic, TypeVar

from fastapi import APIRouter, Depends, Form, Header, Query, Request
from fastapi.responses import FileResponse
from fastapi.security import HTTPBasic, HTTPBasicCredentials, HTTPBearer
from mrx_shared.api.bodies import Answer
from mrx_shared.kit.clock import Clock
from pydantic import AwareDatetime
from starlette.exceptions import HTTPException

from mrx_platform.faults import Faults
from mrx_platform.records import Audit, Company, Grant, Link, Record, Site, SiteCode
from mrx_platform.settings import Settings
from mrx_platform.store import Store

R = TypeVar("R", bound=Record)
PAGE = 100


class CursorPage(Answer, Generic[R]):
    """A part of a list. The next part is asked for with `next_cursor`; the list may change in between."""

    items: list[R]
    next_cursor: str | None


class TokenGiven(Answer):
    """An access token, as RFC 6749 shapes it."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105  (the name of a kind)
    expires_in: int


class Tokens:
    """Access tokens that were given out; a restart forgets them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ends: dict[str, datetime] = {}

    def give(self, seconds: float) -> str:
        """A new token."""
        token = secrets.token_urlsafe(24)
        self._ends[token] = self._clock() + timedelta(seconds=seconds)
        return token

    def holds(self, token: str) -> bool:
        """Whether a token was given and has not expired."""
        ends = self._ends.get(token)
        return ends is not None and self._clock() < ends

    def forget(self) -> None:
        """Make every token worthless."""
        self._ends.clear()


Since = Annotated[
    AwareDatetime | None, Query(alias="updated_since", description="only what changed then or later")
]
Cursor = Annotated[str | None, Query(max_length=100)]
Limit = Annotated[int, Query(ge=1, le=500)]


class Lists:
    """Lists in the order of their last change. A cursor counts places, so a change between two pages shifts them."""

    def __init__(self, store: Store, faults: Faults) -> None:
        self._store = store
        self._faults = faults

    def page(
        self, operation: str, records: dict[str, R], shown: Iterable[R], cursor: str | None, limit: int
    ) -> CursorPage[R]:
        """One page of what is shown of the records."""
        ordered = sorted(shown, key=lambda one: one.updated_at)
        start = _place(cursor)
        if start and self._faults.take(operation, "shifting-pages"):
            # An item that was read already changes: it moves to the end, and the next page misses one.
            moved = ordered.pop(0)
            key = next(key for key, one in records.items() if one is moved)
            records[key] = moved.model_copy(update={"updated_at": self._store.now()})
            ordered.append(records[key])
        rest = ordered[start + limit :]
        return CursorPage(
            items=ordered[start : start + limit],
            next_cursor=b64encode(str(start + limit).encode()).decode() if rest else None,
        )


def _place(cursor: str | None) -> int:
    try:
        return int(b64decode(cursor, validate=True)) if cursor else 0
    except ValueError:
        raise HTTPException(422, "cursor: this is none of ours; begin without one") from None


def _later(records: dict[str, R], since: datetime | None) -> list[R]:
    return [one for one in records.values() if since is None or one.updated_at >= since]


def build_token_router(settings: Settings, tokens: Tokens) -> APIRouter:
    """Client credentials for a short-lived token."""
    router = APIRouter(tags=["tokens"])

    @router.post("/oauth2/token")
    async def give_token(
        client: Annotated[HTTPBasicCredentials, Depends(HTTPBasic())],
        grant_type: Annotated[str, Form()],
    ) -> TokenGiven:
        secret = settings.client_secret.get_secret_value()
        known = compare_digest(client.username.encode(), settings.client_id.encode())
        if not (compare_digest(client.password.encode(), secret.encode()) and known):
            raise HTTPException(401, "invalid_client")
        if grant_type != "client_credentials":
            raise HTTPException(400, "unsupported_grant_type")
        return TokenGiven(
            access_token=tokens.give(settings.token_s), expires_in=max(1, int(settings.token_s))
        )

    return router


def build_router(settings: Settings, store: Store, tokens: Tokens, faults: Faults) -> APIRouter:
    """Companies, sites, links, grants, audits, reports."""

    async def signed_in(
        request: Request,
        bearer: Annotated[object, Depends(HTTPBearer(auto_error=False))],  # noqa: ARG001  (for the document)
        authorization: Annotated[str, Header(include_in_schema=False)] = "",
    ) -> None:
        del request
        if not tokens.holds(authorization.removeprefix("Bearer ")):
            raise HTTPException(401, "invalid_token", {"WWW-Authenticate": 'Bearer error="invalid_token"'})

    router = APIRouter(prefix="/v1", dependencies=[Depends(signed_in)])
    lists = Lists(store, faults)
    _add_directory(router, store, lists)
    _add_grants(router, settings, store, lists)
    _add_audits(router, store, lists)
    return router


def _add_directory(router: APIRouter, store: Store, lists: Lists) -> None:
    @router.get("/companies", tags=["directory"])
    async def list_companies(
        since: Since = None, cursor: Cursor = None, limit: Limit = PAGE
    ) -> CursorPage[Company]:
        records = store.kept.companies
        return lists.page("companies", records, _later(records, since), cursor, limit)

    @router.get("/sites", tags=["directory"])
    async def list_sites(
        company_code: str | None = None, since: Since = None, cursor: Cursor = None, limit: Limit = PAGE
    ) -> CursorPage[Site]:
        records = store.kept.sites
        shown = [one for one in _later(records, since) if company_code in {None, one.company_code}]
        return lists.page("sites", records, shown, cursor, limit)

    @router.get("/sites/{site_code}", tags=["directory"])
    async def show_site(site_code: SiteCode) -> Site:
        if site_code not in store.kept.sites:
            raise HTTPException(404, "there is no such site")
        return store.kept.sites[site_code]

    @router.get("/links", tags=["directory"])
    async def list_links(since: Since = None, cursor: Cursor = None, limit: Limit = PAGE) -> CursorPage[Link]:
        records = store.kept.links
        return lists.page("links", records, _later(records, since), cursor, limit)


def _add_grants(router: APIRouter, settings: Settings, store: Store, lists: Lists) -> None:
    @router.get("/grants", tags=["visibility"])
    async def list_grants(
        site_code: SiteCode | None = None,
        since: Since = None,
        cursor: Cursor = None,
        limit: Limit = PAGE,
    ) -> CursorPage[Grant]:
        records = store.kept.grants
        shown = [
            one
            for one in _later(records, since)
            if one.grantee_code == settings.exchange_company and site_code in {None, one.site_code}
        ]
        return lists.page("grants", records, shown, cursor, limit)


def _add_audits(router: APIRouter, store: Store, lists: Lists) -> None:
    def active(grant_id: str) -> Grant:
        grant = store.kept.grants.get(grant_id)
        if grant is None:
            raise HTTPException(404, "there is no such grant")
        if grant.state != "active":
            raise HTTPException(403, "access was withdrawn")
        return grant

    @router.get("/grants/{grant_id}/audits", tags=["audits"])
    async def list_audits(grant_id: str, cursor: Cursor = None, limit: Limit = PAGE) -> CursorPage[Audit]:
        grant = active(grant_id)
        records = store.kept.audits
        shown = [one for one in records.values() if one.site_code == grant.site_code]
        return lists.page("audits", records, shown, cursor, limit)

    @router.get(
        "/grants/{grant_id}/audits/{audit_id}/report",
        tags=["audits"],
        response_class=FileResponse,
        responses={
            "200": {
                "content": {"application/pdf": {}},
                "headers": {
                    "Repr-Digest": {
                        "schema": {"type": "string"},
                        "description": "sha-256, as RFC 9530 has it",
                    }
                },
            }
        },
    )
    async def fetch_report(grant_id: str, audit_id: str) -> FileResponse:
        grant = active(grant_id)
        audit = store.kept.audits.get(audit_id)
        if audit is None or audit.site_code != grant.site_code or audit.report is None:
            raise HTTPException(404, "there is no such report")
        digest = b64encode(bytes.fromhex(audit.report.sha256)).decode()
        return FileResponse(
            store.report(audit.report.sha256),
            media_type=audit.report.media_type,
            headers={"Repr-Digest": f"sha-256=:{digest}:"},
        )
