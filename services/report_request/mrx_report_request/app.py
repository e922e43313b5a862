"""report_request, put together."""

from functools import partial

from fastapi import FastAPI
from mrx_shared.bus.keys import key_finder
from mrx_shared.bus.once import Once
from mrx_shared.bus.requests import Requests
from mrx_shared.bus.service import Loop, build_broker, build_relay, serve
from mrx_shared.kit.access import Access
from mrx_shared.kit.clock import system_clock
from mrx_shared.kit.http import build_api
from mrx_shared.kit.settings import KafkaSettings
from mrx_shared.store.database import Database

from mrx_report_request.adapters.database import ReportRequestWork
from mrx_report_request.entrypoints.http.routes import build_router
from mrx_report_request.entrypoints.kafka import build_subscriptions
from mrx_report_request.handlers.clock import keep_time
from mrx_report_request.ports import Work
from mrx_report_request.settings import Settings

SERVICE = "report_request"


def build_app(settings: Settings, kafka: KafkaSettings) -> FastAPI:
    """The service with everything that runs in it; nothing is opened before it is started."""
    database = Database(
        settings.database_url, settings.relay_database_url, clock_offset=settings.clock_offset
    )
    once: Once[Work] = Once(database, partial(ReportRequestWork, slots=settings.slots), service=SERVICE)
    subscriptions = build_subscriptions(once, slot=settings.slot)
    access = Access(service=SERVICE, find_key=key_finder(database), clock=system_clock(settings.clock_offset))
    return serve(
        build_http(once, access),
        broker=build_broker(settings, kafka, subscriptions),
        relay=build_relay(settings, kafka, subscriptions, database),
        subscriptions=subscriptions,
        database=database,
        access=access,
        loops=(Loop(name="keep time", once=partial(keep_time, once.alone), every_s=1),),
    )


def build_http(once: Once[Work], access: Access) -> FastAPI:
    """The HTTP API alone."""
    api = build_api(
        service=SERVICE,
        title="MRX report_request",
        description="Requests for reports, their state and clocks, recognition decisions, audits avoided.",
    )
    api.include_router(build_router(Requests(once), access))
    return api
