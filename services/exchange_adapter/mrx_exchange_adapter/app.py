"""Exchange adapter, put together."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from fastapi import FastAPI
from mrx_shared.bus.service import Loop, Service, assemble, serve
from mrx_shared.kit.clock import system_clock
from mrx_shared.kit.http import build_api
from mrx_shared.kit.settings import KafkaSettings
from mrx_shared.store.objects import Objects, S3Objects, require_closed
from pydantic import SecretStr

from mrx_exchange_adapter.adapters.database import ExchangeWork
from mrx_exchange_adapter.adapters.inspector import ChildInspector
from mrx_exchange_adapter.adapters.objects import ObjectQuarantine, ObjectReader, ObjectSigner, ObjectVault
from mrx_exchange_adapter.adapters.platform import HttpPlatform, connect
from mrx_exchange_adapter.adapters.tables import SCHEMA
from mrx_exchange_adapter.entrypoints.http.platform import Connection
from mrx_exchange_adapter.entrypoints.http.routes import build_router
from mrx_exchange_adapter.entrypoints.kafka import listen
from mrx_exchange_adapter.handlers.checking import CheckPorts, settle_due, sweep
from mrx_exchange_adapter.handlers.platform import PlatformPorts, look
from mrx_exchange_adapter.ports import Inspector, Platform, Transact, Work
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


def build_app(settings: Settings, kafka: KafkaSettings) -> FastAPI:
    """The service with everything that runs in it; nothing is opened before it is started."""
    platform = platform_of(settings)
    service = build_service(settings, buckets_of(settings), platform=platform)
    service.on_start = partial(require_closed, settings.s3_endpoint, QUARANTINE, VAULT)
    if platform is not None:
        service.on_stop.push_async_callback(platform.close)
    return serve(service, settings, kafka)


def build_service(
    settings: Settings,
    buckets: Buckets,
    *,
    inspector: Inspector | None = None,
    platform: Platform | None = None,
) -> Service[Work]:
    """Everything but Kafka."""
    service: Service[Work] = assemble(
        settings,
        ExchangeWork,
        schema=SCHEMA,
        api=build_api(
            service=SERVICE,
            title="MRX exchange adapter",
            description="The channels by which a report comes, and the vault that it is read from.",
        ),
    )
    deps = check_ports(settings, service.transact, buckets, inspector)
    settle, sweeping = _loops(deps, sweep_s=settings.sweep_s)
    service.loops += [settle, sweeping]
    connection = None
    if platform is not None:
        looking = _platform_loop(deps, settings, platform)
        service.loops.append(looking)
        connection = _connection(platform, settings, looking)
    listen(service.subscriptions)
    service.api.include_router(
        build_router(
            service.requests,
            service.access,
            signer=ObjectSigner(buckets.presigner),
            reader=ObjectReader(buckets.reader),
            max_bytes=settings.max_bytes,
            look_now=settle.wake_up.set,
            connection=connection,
        )
    )
    return service


def check_ports(
    settings: Settings, transact: Transact, buckets: Buckets, inspector: Inspector | None = None
) -> CheckPorts:
    """What checks a file on its way from quarantine to the vault."""
    return CheckPorts(
        transact=transact,
        quarantine=ObjectQuarantine(buckets.scanner),
        vault=ObjectVault(buckets.vault),
        inspector=inspector or ChildInspector(),
        kept_for=timedelta(days=settings.quarantine_days),
    )


def _loops(deps: CheckPorts, *, sweep_s: float) -> tuple[Loop, ...]:
    async def sweep_quarantine() -> bool:
        if await sweep(deps):
            settle.wake_up.set()
        return False

    settle = Loop(name="settle tickets", once=partial(settle_due, deps), every_s=LOOK_EVERY_S)
    return settle, Loop(name="sweep quarantine", once=sweep_quarantine, every_s=sweep_s)


def _platform_loop(deps: CheckPorts, settings: Settings, platform: Platform) -> Loop:
    looking = PlatformPorts(
        transact=deps.transact,
        platform=platform,
        quarantine=deps.quarantine,
        max_bytes=settings.max_bytes,
    )

    async def look_at_platform() -> bool:
        await look(looking)
        return False

    return Loop(name="look at the platform", once=look_at_platform, every_s=settings.platform_poll_s)


def _connection(platform: Platform, settings: Settings, looking: Loop) -> Connection:
    assert settings.platform_webhook_secret
    return Connection(
        platform=platform,
        webhook_secret=settings.platform_webhook_secret,
        clock=system_clock(),
        look_now=looking.wake_up.set,
    )
