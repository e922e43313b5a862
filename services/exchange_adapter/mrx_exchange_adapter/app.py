"""Exchange adapter, put together."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
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
from mrx_shared.refusals import Unavailable
from mrx_shared.store.database import Database
from mrx_shared.store.objects import Objects, S3Objects, refuses_strangers
from pydantic import SecretStr

from mrx_exchange_adapter.adapters.database import ExchangeWork
from mrx_exchange_adapter.adapters.inspector import ChildInspector
from mrx_exchange_adapter.adapters.objects import ObjectQuarantine, ObjectReader, ObjectSigner, ObjectVault
from mrx_exchange_adapter.adapters.platform import HttpPlatform, connect
from mrx_exchange_adapter.entrypoints.http.platform import Connection
from mrx_exchange_adapter.entrypoints.http.routes import build_router
from mrx_exchange_adapter.entrypoints.kafka import build_subscriptions
from mrx_exchange_adapter.handlers.checking import Bench, settle_due, sweep
from mrx_exchange_adapter.handlers.platform import Desk, look
from mrx_exchange_adapter.ports import Inspector, Platform, Work
from mrx_exchange_adapter.settings import Settings

SERVICE = "exchange_adapter"
QUARANTINE = "quarantine"
VAULT = "vault"
LOOK_EVERY_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Buckets:
    """Quarantine and vault, each as an identity that may do what is needed there and no more."""

    presigner: Objects
    scanner: Objects
    vault: Objects
    reader: Objects


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What the edges are wired to; component tests take it without Kafka."""

    database: Database
    once: Once[Work]
    buckets: Buckets
    bench: Bench
    loops: tuple[Loop, ...]
    platform: Platform | None = None


def buckets_of(settings: Settings) -> Buckets:
    """Object storage as the settings name it."""

    def bucket(name: str, access_key: str, secret_key: SecretStr) -> S3Objects:
        return S3Objects(
            endpoint=settings.s3_endpoint,
            public_url=settings.s3_public_url,
            access_key=access_key,
            secret_key=secret_key,
            bucket=name,
        )

    return Buckets(
        presigner=bucket(QUARANTINE, settings.presigner_access_key, settings.presigner_secret_key),
        scanner=bucket(QUARANTINE, settings.scanner_access_key, settings.scanner_secret_key),
        vault=bucket(VAULT, settings.scanner_access_key, settings.scanner_secret_key),
        reader=bucket(VAULT, settings.reader_access_key, settings.reader_secret_key),
    )


def platform_of(settings: Settings) -> HttpPlatform | None:
    """The connector to the platform that the settings name, if they do."""
    if settings.platform_url is None:
        return None
    assert settings.platform_client_id
    assert settings.platform_client_secret
    return connect(
        settings.platform_url,
        client_id=settings.platform_client_id,
        client_secret=settings.platform_client_secret,
    )


def wire(
    settings: Settings,
    buckets: Buckets,
    inspector: Inspector | None = None,
    platform: Platform | None = None,
) -> Wiring:
    """Database, work, and the loops that carry on."""
    database = Database(
        settings.database_url, settings.relay_database_url, clock_offset=settings.clock_offset
    )
    once: Once[Work] = Once(database, ExchangeWork, service=SERVICE)
    bench = Bench(
        transact=once.alone,
        quarantine=ObjectQuarantine(buckets.scanner),
        vault=ObjectVault(buckets.vault),
        inspector=inspector or ChildInspector(),
        kept_for=timedelta(days=settings.quarantine_days),
    )
    return Wiring(
        database=database,
        once=once,
        buckets=buckets,
        bench=bench,
        loops=(*_loops(bench, sweep_s=settings.sweep_s), *_platform_loops(bench, settings, platform)),
        platform=platform,
    )


def build_app(settings: Settings, kafka: KafkaSettings) -> FastAPI:
    """The service with everything that runs in it; nothing is opened before it is started."""
    platform = platform_of(settings)
    wiring = wire(settings, buckets_of(settings), platform=platform)
    subscriptions = build_subscriptions(wiring.once, slot=settings.slot)
    access = Access(
        service=SERVICE,
        find_key=key_finder(wiring.database),
        clock=system_clock(settings.clock_offset),
    )
    api = serve(
        build_http(wiring, access, settings),
        broker=build_broker(settings, kafka, subscriptions),
        relay=build_relay(settings, kafka, subscriptions, wiring.database),
        subscriptions=subscriptions,
        database=wiring.database,
        access=access,
        loops=wiring.loops,
        on_start=partial(_refuse_an_open_store, settings.s3_endpoint),
    )
    return _closing(api, platform) if platform else api


def build_http(wiring: Wiring, access: Access, settings: Settings) -> FastAPI:
    """The HTTP API alone."""
    api = build_api(
        service=SERVICE,
        title="MRX exchange adapter",
        description="The channels by which a report comes, and the vault that it is read from.",
    )
    api.include_router(
        build_router(
            Requests(wiring.once),
            access,
            signer=ObjectSigner(wiring.buckets.presigner),
            reader=ObjectReader(wiring.buckets.reader),
            max_bytes=settings.max_bytes,
            look_now=_waker(wiring.loops[0]),
            connection=_connection(wiring, settings),
        )
    )
    return api


def _loops(bench: Bench, *, sweep_s: float) -> tuple[Loop, ...]:
    async def sweep_quarantine() -> bool:
        if await sweep(bench):
            settle.bell.set()
        return False

    settle = Loop(name="settle tickets", once=partial(settle_due, bench), every_s=LOOK_EVERY_S)
    return settle, Loop(name="sweep quarantine", once=sweep_quarantine, every_s=sweep_s)


def _platform_loops(bench: Bench, settings: Settings, platform: Platform | None) -> tuple[Loop, ...]:
    if platform is None:
        return ()
    desk = Desk(
        transact=bench.transact,
        platform=platform,
        quarantine=bench.quarantine,
        max_bytes=settings.max_bytes,
    )

    async def look_at_platform() -> bool:
        await look(desk)
        return False

    return (Loop(name="look at the platform", once=look_at_platform, every_s=settings.platform_poll_s),)


def _connection(wiring: Wiring, settings: Settings) -> Connection | None:
    if wiring.platform is None:
        return None
    assert settings.platform_webhook_secret
    return Connection(
        platform=wiring.platform,
        webhook_secret=settings.platform_webhook_secret,
        clock=system_clock(),
        look_now=_waker(wiring.loops[-1]),
    )


def _closing(api: FastAPI, platform: HttpPlatform) -> FastAPI:
    inner = api.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with inner(app):
            yield
        await platform.close()

    api.router.lifespan_context = lifespan
    return api


def _waker(loop: Loop) -> Callable[[], None]:
    return loop.bell.set


async def _refuse_an_open_store(endpoint: str) -> None:
    for bucket in (QUARANTINE, VAULT):
        if not await refuses_strangers(endpoint, bucket):
            raise Unavailable(f"{bucket} answers strangers; close object storage to anonymous requests")
