"""The portal, put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from mrx_shared.kit.client import PATIENCE_S
from mrx_shared.kit.client import Services as Connections
from mrx_shared.kit.clock import system_clock

from mrx_portal.adapters.documents import HttpDocuments
from mrx_portal.adapters.plots import avoided_by_round
from mrx_portal.adapters.services import TIMEOUT_S, HttpServices
from mrx_portal.entrypoints.frontend import STATIC, Frontend
from mrx_portal.entrypoints.health import health
from mrx_portal.entrypoints.member import member_pages
from mrx_portal.entrypoints.problems import show_problems
from mrx_portal.entrypoints.reviewer import reviewer_pages
from mrx_portal.entrypoints.secretariat import secretariat_pages
from mrx_portal.entrypoints.security_headers import SecurityHeaders
from mrx_portal.entrypoints.sign_in import sign_in_pages
from mrx_portal.entrypoints.supplier import supplier_pages
from mrx_portal.handlers.released import ReleasedListCache
from mrx_portal.ports import Service
from mrx_portal.settings import Settings

SERVICE = "portal"


def build_app(
    settings: Settings,
    *,
    transport: httpx.AsyncBaseTransport | None = None,
    patience_s: float = PATIENCE_S,
) -> FastAPI:
    """The portal; nothing is opened before it is started. `transport` is where its calls go, if not out."""
    connections = Connections(
        {
            Service.REGISTRY: settings.registry_url,
            Service.BENCHMARK: settings.benchmark_url,
            Service.AGGREGATION: settings.aggregation_url,
            Service.REPORT_REQUEST: settings.report_request_url,
            Service.EXCHANGE_ADAPTER: settings.exchange_adapter_url,
        },
        transport=transport,
        timeout_s=TIMEOUT_S,
        patience_s=patience_s,
    )
    services = HttpServices(connections)
    # Large documents neither take the services' connections nor end with their time-out.
    storage = Connections({}, transport=transport)
    web = Frontend(
        services=services,
        accounts=services,
        sealing_key=settings.sealing_key,
        public_url=settings.public_url,
        storage_url=settings.storage_url,
        clock=system_clock(settings.clock_offset),
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await services.close()
        await storage.close()

    app = FastAPI(title="MRX portal", openapi_url=None, docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.service = SERVICE
    app.state.web = web
    for pages in (sign_in_pages, supplier_pages, secretariat_pages, reviewer_pages):
        app.include_router(pages(web))
    app.include_router(
        member_pages(web, ReleasedListCache(HttpDocuments(settings.storage_url, storage)), avoided_by_round)
    )
    app.include_router(health(services))
    app.mount("/static", StaticFiles(directory=STATIC))
    show_problems(app, web)
    app.add_middleware(SecurityHeaders, secure=web.secure)
    return app
