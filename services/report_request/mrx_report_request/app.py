"""report_request, put together."""

from functools import partial

from fastapi import FastAPI
from mrx_shared.bus.service import Loop, Service, assemble, serve
from mrx_shared.kit.http import build_api
from mrx_shared.kit.settings import KafkaSettings

from mrx_report_request.adapters.database import ReportRequestWork
from mrx_report_request.adapters.tables import SCHEMA
from mrx_report_request.entrypoints.http.routes import build_router
from mrx_report_request.entrypoints.kafka import listen
from mrx_report_request.handlers.clock import keep_time
from mrx_report_request.ports import Work
from mrx_report_request.settings import Settings

SERVICE = "report_request"


def build_app(settings: Settings, kafka: KafkaSettings) -> FastAPI:
    """The service with everything that runs in it; nothing is opened before it is started."""
    return serve(build_service(settings), settings, kafka)


def build_service(settings: Settings) -> Service[Work]:
    """Everything but Kafka."""
    service: Service[Work] = assemble(
        settings,
        partial(ReportRequestWork, slots=settings.slots),
        schema=SCHEMA,
        api=build_api(
            service=SERVICE,
            title="MRX report_request",
            description="Requests for reports, their state and clocks, recognition decisions, audits avoided.",
        ),
    )
    service.loops.append(Loop(name="keep time", once=partial(keep_time, service.transact), every_s=1))
    listen(service.subscriptions)
    service.api.include_router(build_router(service.requests, service.access))
    return service
