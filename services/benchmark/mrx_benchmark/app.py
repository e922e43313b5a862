"""The benchmark, put together."""

from functools import partial

from fastapi import FastAPI
from mrx_criteria.files import shipped_catalogue, shipped_lineages, shipped_versions
from mrx_shared.bus.keys import key_finder
from mrx_shared.bus.once import Once
from mrx_shared.bus.requests import Requests
from mrx_shared.bus.service import Loop, build_broker, build_relay, serve
from mrx_shared.kit.access import Access
from mrx_shared.kit.clock import system_clock
from mrx_shared.kit.http import build_api
from mrx_shared.kit.settings import KafkaSettings
from mrx_shared.refusals import Unavailable
from mrx_shared.store.database import Database
from mrx_shared.store.objects import S3Objects, refuses_strangers

from mrx_benchmark import handlers
from mrx_benchmark.adapters.database import BenchmarkWork
from mrx_benchmark.adapters.documents import CriteriaDocuments
from mrx_benchmark.adapters.evidence import ObjectShelf
from mrx_benchmark.entrypoints.http.evidence import LARGER
from mrx_benchmark.entrypoints.http.routes import build_router
from mrx_benchmark.entrypoints.kafka import build_subscriptions
from mrx_benchmark.handlers import reminders
from mrx_benchmark.ports import Work
from mrx_benchmark.settings import Settings

SERVICE = "benchmark"
EVIDENCE = "evidence"
WATCH_EVERY_S = 5


def build_app(settings: Settings, kafka: KafkaSettings) -> FastAPI:
    """The service with everything that runs in it; nothing is opened before it is started."""
    database = Database(
        settings.database_url, settings.relay_database_url, clock_offset=settings.clock_offset
    )
    catalogues = {version: shipped_catalogue(version) for version in shipped_versions()}
    once: Once[Work] = Once(
        database, partial(BenchmarkWork, catalogues=catalogues, lineages=shipped_lineages()), service=SERVICE
    )
    subscriptions = build_subscriptions(once, slot=settings.slot)
    access = Access(service=SERVICE, find_key=key_finder(database), clock=system_clock(settings.clock_offset))
    api = build_api(
        service=SERVICE,
        title="MRX benchmark",
        description="Criteria, protocols, assessments: whether an audit protocol is equivalent.",
        larger=LARGER,
    )
    objects = S3Objects(
        endpoint=settings.s3_endpoint,
        public_url=settings.s3_endpoint,
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key,
        bucket=EVIDENCE,
    )
    api.include_router(build_router(Requests(once), access, ObjectShelf(objects), CriteriaDocuments()))
    return serve(
        api,
        broker=build_broker(settings, kafka, subscriptions),
        relay=build_relay(settings, kafka, subscriptions, database),
        subscriptions=subscriptions,
        database=database,
        access=access,
        loops=[
            Loop(
                name="recognition",
                once=partial(reminders.watch, once.alone),
                every_s=WATCH_EVERY_S,
            )
        ],
        on_start=partial(_start, once, settings.s3_endpoint),
    )


async def _start(once: Once[Work], endpoint: str) -> None:
    await once.alone(handlers.publish_criteria)
    if not await refuses_strangers(endpoint, EVIDENCE):
        raise Unavailable(f"{EVIDENCE} answers strangers; close object storage to anonymous requests")
