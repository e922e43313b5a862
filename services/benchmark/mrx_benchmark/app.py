"""The benchmark, put together."""

from functools import partial

from fastapi import FastAPI
from mrx_criteria.files import shipped_catalogue, shipped_lineages, shipped_versions
from mrx_shared.bus.service import Loop, Service, assemble, serve
from mrx_shared.kit.http import build_api
from mrx_shared.kit.settings import KafkaSettings
from mrx_shared.store.objects import S3Objects, require_closed

from mrx_benchmark.adapters.database import BenchmarkWork
from mrx_benchmark.adapters.documents import CriteriaDocuments
from mrx_benchmark.adapters.evidence import ObjectEvidence
from mrx_benchmark.adapters.tables import SCHEMA
from mrx_benchmark.entrypoints.http.evidence import LARGER
from mrx_benchmark.entrypoints.http.routes import build_router
from mrx_benchmark.entrypoints.kafka import listen
from mrx_benchmark.handlers import publishing, reminders
from mrx_benchmark.ports import Work
from mrx_benchmark.settings import Settings

SERVICE = "benchmark"
EVIDENCE = "evidence"
WATCH_EVERY_S = 5


def build_app(settings: Settings, kafka: KafkaSettings) -> FastAPI:
    """The service with everything that runs in it; nothing is opened before it is started."""
    return serve(build_service(settings), settings, kafka)


def build_service(settings: Settings) -> Service[Work]:
    """Everything but Kafka."""
    catalogues = {version: shipped_catalogue(version) for version in shipped_versions()}
    service: Service[Work] = assemble(
        settings,
        partial(BenchmarkWork, catalogues=catalogues, lineages=shipped_lineages()),
        schema=SCHEMA,
        api=build_api(
            service=SERVICE,
            title="MRX benchmark",
            description="Criteria, protocols, assessments: whether an audit protocol is equivalent.",
            larger=LARGER,
        ),
    )
    watch = partial(reminders.watch, service.transact)
    service.loops.append(Loop(name="recognition", once=watch, every_s=WATCH_EVERY_S))
    listen(service.subscriptions)
    objects = S3Objects(
        endpoint=settings.s3_endpoint,
        public_url=settings.s3_endpoint,
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key,
        bucket=EVIDENCE,
    )
    service.api.include_router(
        build_router(service.requests, service.access, ObjectEvidence(objects), CriteriaDocuments())
    )

    async def start() -> None:
        await service.transact(publishing.publish_criteria)
        await require_closed(settings.s3_endpoint, EVIDENCE)

    service.on_start = start
    return service
