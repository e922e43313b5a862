"""The hand behind the stage: load data, act as suppliers, switch faults. For the same machine, with its own secret."""

from collections import deque
from datetime import date
from hmac import compare_digest
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Depends, Header, Request
from mrx_shared.api.bodies import Answer, RequestBody
from pydantic import Base64Bytes, Field
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from mrx_platform.faults import Fault, Faults, operation_of
from mrx_platform.records import (
    Audit,
    Company,
    CompanyCode,
    Event,
    Grant,
    Link,
    NonConformity,
    Reference,
    Site,
    SiteCode,
)
from mrx_platform.settings import Settings
from mrx_platform.store import Store
from mrx_platform.webhooks import Webhooks

CALLS = 2000
LOOPBACK = {"127.0.0.1", "::1"}


class CompanyLoaded(RequestBody):
    """A company."""

    company_code: CompanyCode
    name: str
    country: str


class SiteLoaded(RequestBody):
    """A site."""

    site_code: SiteCode
    company_code: CompanyCode
    name: str
    country: str


class LinkLoaded(RequestBody):
    """A link between companies."""

    supplier_code: CompanyCode
    customer_code: CompanyCode


class Loaded(RequestBody):
    """Data to add, or to put in the place of what has the same code."""

    companies: tuple[CompanyLoaded, ...] = ()
    sites: tuple[SiteLoaded, ...] = ()
    links: tuple[LinkLoaded, ...] = ()


class GrantGiven(RequestBody):
    """A supplier grants the exchange access."""

    site_code: SiteCode
    reference: Reference


class AuditPublished(RequestBody):
    """An audit with its report. A known id changes that audit."""

    audit_id: str = Field(default_factory=lambda: str(uuid4()))
    site_code: SiteCode
    protocol: str = "SMETA"
    protocol_version: str
    audit_date: date
    audit_type: str = "Full Initial"
    non_conformities: tuple[NonConformity, ...] = ()
    report_base64: Base64Bytes | None = None


class FaultsSwitched(RequestBody):
    """The faults from now on, in place of those before."""

    faults: list[Fault]


class Stage(Answer):
    """What goes on behind the stage."""

    faults: list[Fault]
    events_unsent: int
    events_taken: int
    calls: list[dict[str, Any]]


class Calls:
    """ASGI middleware: note what the exchange asked, so that a test can see what it lets out."""

    def __init__(self, app: ASGIApp, *, noted: deque[dict[str, Any]]) -> None:
        self._app = app
        self._noted = noted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and operation_of(scope["path"]) is not None:
            headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
            headers.pop("authorization", None)
            self._noted.append(
                {
                    "method": scope["method"],
                    "path": scope["path"],
                    "query": scope["query_string"].decode(),
                    "headers": headers,
                }
            )
        await self._app(scope, receive, send)


def build_control(
    settings: Settings, store: Store, webhooks: Webhooks, faults: Faults, noted: deque[dict[str, Any]]
) -> APIRouter:
    """Every route behind the stage; none stands in the API's document."""

    async def behind_the_stage(
        request: Request, secret: Annotated[str, Header(alias="Platform-Control-Secret")] = ""
    ) -> None:
        asked_from = request.client.host if request.client else ""
        known = compare_digest(secret.encode(), settings.control_secret.get_secret_value().encode())
        if asked_from not in LOOPBACK or not known:
            raise HTTPException(404, "Not Found")

    router = APIRouter(prefix="/control", dependencies=[Depends(behind_the_stage)], include_in_schema=False)
    _add_data(router, store)
    _add_suppliers_acts(router, settings, store, webhooks)

    @router.get("")
    async def show_stage() -> Stage:
        return Stage(
            faults=faults.switched_on,
            events_unsent=len(store.kept.unsent),
            events_taken=webhooks.taken,
            calls=list(noted),
        )

    @router.put("/faults", status_code=204)
    async def switch_faults(switched: FaultsSwitched) -> None:
        faults.switched_on = list(switched.faults)

    @router.post("/reset", status_code=204)
    async def reset() -> None:
        faults.switched_on.clear()
        noted.clear()
        webhooks.taken = 0
        store.empty()

    return router


def _add_data(router: APIRouter, store: Store) -> None:
    @router.post("/data", status_code=204)
    async def load(loaded: Loaded) -> None:
        kept = store.kept
        for company in loaded.companies:
            kept.companies[company.company_code] = Company(updated_at=store.now(), **company.model_dump())
        for site in loaded.sites:
            kept.sites[site.site_code] = Site(updated_at=store.now(), **site.model_dump())
        for link in loaded.links:
            link_id = f"{link.supplier_code}-{link.customer_code}"
            kept.links[link_id] = Link(updated_at=store.now(), link_id=link_id, **link.model_dump())
        store.write()


def _add_suppliers_acts(router: APIRouter, settings: Settings, store: Store, webhooks: Webhooks) -> None:
    @router.post("/grants", status_code=201)
    async def give_access(given: GrantGiven) -> Grant:
        if given.site_code not in store.kept.sites:
            raise HTTPException(404, "there is no such site")
        now = store.now()
        grant = Grant(
            grant_id=str(uuid4()),
            site_code=given.site_code,
            grantee_code=settings.exchange_company,
            reference=given.reference,
            state="active",
            granted_at=now,
            withdrawn_at=None,
            updated_at=now,
        )
        store.kept.grants[grant.grant_id] = grant
        tell("grant.given", grant.site_code)
        return grant

    @router.post("/grants/{grant_id}/withdrawal")
    async def withdraw_access(grant_id: str) -> Grant:
        if grant_id not in store.kept.grants:
            raise HTTPException(404, "there is no such grant")
        now = store.now()
        grant = store.kept.grants[grant_id].model_copy(
            update={"state": "withdrawn", "withdrawn_at": now, "updated_at": now}
        )
        store.kept.grants[grant_id] = grant
        tell("grant.withdrawn", grant.site_code)
        return grant

    @router.post("/audits", status_code=201)
    async def publish_audit(published: AuditPublished) -> Audit:
        report = store.add_report(published.report_base64) if published.report_base64 is not None else None
        audit = Audit(
            **published.model_dump(exclude={"report_base64"}), report=report, updated_at=store.now()
        )
        store.kept.audits[audit.audit_id] = audit
        tell("audit.published", audit.site_code)
        return audit

    def tell(kind: str, site_code: str) -> None:
        webhooks.add(
            Event.model_validate(
                {
                    "event_id": str(uuid4()),
                    "type": kind,
                    "site_code": site_code,
                    "occurred_at": store.now(),
                }
            )
        )
        store.write()
