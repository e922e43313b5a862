"""Aggregation, put together."""

import secrets
from collections.abc import Callable
from functools import partial

from fastapi import FastAPI
from mrx_shared.bus.service import Loop, Service, assemble, serve
from mrx_shared.bus.trouble import Trouble, log_failure, permanent
from mrx_shared.kit.http import build_api
from mrx_shared.kit.logging import cause
from mrx_shared.kit.settings import KafkaSettings
from mrx_shared.refusals import Rejected
from mrx_shared.store.database import Database, engine
from mrx_shared.store.objects import Objects, S3Objects, require_closed
from typing_extensions import override

from mrx_aggregation.adapters.database import AggregationWork
from mrx_aggregation.adapters.documents import ObjectDocuments
from mrx_aggregation.adapters.pool import SqlPool
from mrx_aggregation.adapters.resolver import SqlResolver
from mrx_aggregation.adapters.tables import SCHEMA
from mrx_aggregation.domain.rounds import Round
from mrx_aggregation.domain.rounds import Trouble as RoundTrouble
from mrx_aggregation.entrypoints.http import build_router
from mrx_aggregation.entrypoints.kafka import listen
from mrx_aggregation.handlers.advancing import advance_rounds, take_up_ready_lists
from mrx_aggregation.ports import Diagnosis, Transact, Work
from mrx_aggregation.settings import KEY_BYTES, Settings

SERVICE = "aggregation"
BUCKET = "releases"


class AggregationDatabase(Database):
    """One database under four roles: app and relay as everywhere, and two that see either links or pool."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            settings.database_url, settings.relay_database_url, clock_offset=settings.clock_offset
        )
        self.resolver = engine(settings.resolver_database_url, pool_size=3)
        self.writer = engine(settings.writer_database_url, pool_size=2)

    @override
    async def close(self) -> None:
        """Close every connection."""
        await super().close()
        await self.resolver.dispose()
        await self.writer.dispose()


def build_app(settings: Settings, kafka: KafkaSettings) -> FastAPI:
    """The service with everything that runs in it; nothing is opened before it is started."""
    objects = S3Objects(
        endpoint=settings.s3_endpoint,
        public_url=settings.s3_public_url,
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key,
        bucket=BUCKET,
    )
    service = build_service(settings, objects)
    service.on_start = partial(require_closed, settings.s3_endpoint, BUCKET)
    return serve(service, settings, kafka)


def build_service(settings: Settings, objects: Objects) -> Service[Work]:
    """Everything but Kafka."""
    database = AggregationDatabase(settings)
    service: Service[Work] = assemble(
        settings,
        partial(AggregationWork, resolver=database.resolver, new_key=_key_maker(settings)),
        schema=SCHEMA,
        api=build_api(
            service=SERVICE,
            title="MRX aggregation",
            description="Lists, rounds and releases: the only place where two members' lists meet.",
        ),
        database=database,
    )
    store = ObjectDocuments(objects)
    resolver = SqlResolver(database.resolver, stated_key=_stated_key(settings))
    service.loops += _loops(service.transact, resolver, SqlPool(database.writer), store)
    listen(service.subscriptions)
    service.api.include_router(build_router(service.requests, service.access, store))
    return service


def _loops(
    transact: Transact, resolver: SqlResolver, writer: SqlPool, store: ObjectDocuments
) -> tuple[Loop, Loop]:
    async def take_up() -> bool:
        await take_up_ready_lists(transact)
        return False

    async def carry_on() -> bool:
        failing = await advance_rounds(
            transact, resolver=resolver, writer=writer, store=store, diagnose=_diagnosed
        )
        rounds.standing = [_trouble(one, one.trouble) for one in failing if one.trouble]
        return False

    rounds = Loop(name="carry on rounds", once=carry_on, every_s=0.5)
    return Loop(name="take up what waited", once=take_up, every_s=0.5), rounds


def _diagnosed(failing: Round, error: Exception) -> Diagnosis:
    log_failure("round", error, round_id=str(failing.round_id), step=str(failing.state))
    # What a rule of rounds says no to holds no payload.
    why = error.reason if isinstance(error, Rejected) else cause(error)
    return Diagnosis(cause=why, permanent=permanent(error))


def _trouble(failing: Round, why: RoundTrouble) -> Trouble:
    return Trouble(
        step=f"{why.step} the round as of {failing.as_of}",
        cause=why.cause,
        permanent=why.permanent,
        since=why.since,
        attempts=why.attempts,
        next_try_at=why.next_try_at,
    )


def _key_maker(settings: Settings) -> Callable[[], bytes]:
    stated = _stated_key(settings)
    return partial(secrets.token_bytes, KEY_BYTES) if stated is None else lambda: stated


def _stated_key(settings: Settings) -> bytes | None:
    stated = settings.release_key
    return None if stated is None else bytes.fromhex(stated.get_secret_value())
