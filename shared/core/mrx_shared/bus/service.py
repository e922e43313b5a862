"""A service, whole: its HTTP API, consumers, relay, waiting room and loops under one lifespan."""

import asyncio
import re
import signal
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final, Generic

import structlog
from aiokafka.errors import KafkaError
from fastapi import FastAPI, Request, Response
from faststream.kafka import KafkaBroker
from faststream.security import SASLScram512
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mrx_shared.bus.keys import key_finder
from mrx_shared.bus.once import Once
from mrx_shared.bus.operations import operations
from mrx_shared.bus.relay import KafkaProducer, Relay
from mrx_shared.bus.requests import Requests
from mrx_shared.bus.subscriptions import Subscriptions, guard, transient
from mrx_shared.bus.trouble import Trouble, failed, log_failure
from mrx_shared.bus.waiting_room import WaitingRoom
from mrx_shared.bus.work import MakeWork, W, WakeUp
from mrx_shared.kit.access import Access
from mrx_shared.kit.clock import Clock, system_clock
from mrx_shared.kit.http import problem
from mrx_shared.kit.logging import where
from mrx_shared.kit.retries import until_done
from mrx_shared.kit.settings import KafkaSettings, ServiceSettings
from mrx_shared.messages.unit_of_work import Transact
from mrx_shared.store.database import Database, SchemaDiffers, check_schema

log = structlog.get_logger(__name__)

LONGEST_PAUSE_S: Final = 10.0
WAITING_ROOM_EVERY_S: Final = 5.0
UNREAD_TRIES: Final = 3
"""so often a process asks its group anew to share out a topic that it does not read itself"""
METADATA_MAX_AGE_MS: Final = 5000


@dataclass(slots=True, kw_only=True)
class Loop:
    """Repeatable background work: `once` says whether it did something, and then is called again at once."""

    name: str
    once: Callable[[], Awaitable[bool]]
    every_s: float
    wake_up: WakeUp = field(default_factory=WakeUp)
    failing: Trouble | None = None
    """why `once` failed the last time; None after a success"""
    standing: Sequence[Trouble] = ()
    """steps inside `once` that fail and keep nothing else waiting; `once` sets them"""
    clock: Clock = field(default_factory=system_clock)

    @property
    def troubles(self) -> Sequence[Trouble]:
        """All that fails here."""
        return [*([self.failing] if self.failing else []), *self.standing]

    async def run(self) -> None:
        """Work until cancelled; an error is waited out, with growing pauses, and shown in /health/ready."""
        while True:
            busy = await until_done(self.once, failed=self._failed, longest_pause_s=LONGEST_PAUSE_S)
            self.failing = None
            if not busy:
                await self.wake_up.within(self.every_s)

    async def _failed(self, error: Exception, pause_s: float) -> None:
        self.failing = failed(self.name, error, self.failing, now=self.clock(), pause_s=pause_s)
        log_failure("loop", error, loop=self.name, attempts=self.failing.attempts)


def kafka_security(settings: ServiceSettings, kafka: KafkaSettings) -> SASLScram512:
    """How a service signs in to Kafka."""
    context = None
    if kafka.security_protocol == "SASL_SSL":
        context = ssl.create_default_context(cafile=str(kafka.ca_file) if kafka.ca_file else None)
    return SASLScram512(
        username=settings.kafka_username,
        password=settings.kafka_password.get_secret_value(),
        ssl_context=context,
        use_ssl=context is not None,
    )


@dataclass(slots=True, kw_only=True)
class Service(Generic[W]):
    """A service that does not run yet: its work, its routes, what it listens to, and its loops."""

    name: str
    api: FastAPI
    database: Database
    schema: str
    """the version of its database that it was written for"""
    once: Once[W]
    requests: Requests[W]
    access: Access
    subscriptions: Subscriptions[W]
    loops: list[Loop] = field(default_factory=list)
    on_start: Callable[[], Awaitable[None]] | None = None
    """repeatable; tried again until it succeeds, and before anything is consumed"""
    on_stop: AsyncExitStack = field(default_factory=AsyncExitStack)

    def loop(self, name: str) -> Loop:
        """One of its loops. Raises StopIteration."""
        return next(loop for loop in self.loops if loop.name == name)

    @property
    def transact(self) -> Transact[W]:
        """For what neither a message nor a request asks for."""
        return self.once.transact


def assemble(
    settings: ServiceSettings,
    make_work: MakeWork[W],
    *,
    api: FastAPI,
    schema: str,
    database: Database | None = None,
    secret: bytes | None = None,
) -> Service[W]:
    """What every service has, joined and not yet running: the service adds routes, subscriptions and loops.

    `secret` keys what requests are known again by. Opens nothing yet.
    """
    name = str(api.state.service)
    database = database or Database.of(settings)
    once = Once(database, make_work, service=name)
    service = Service(
        name=name,
        api=api,
        database=database,
        schema=schema,
        once=once,
        requests=Requests(once, secret=secret),
        access=Access(service=name, find_key=key_finder(database), clock=system_clock(settings.clock_offset)),
        subscriptions=Subscriptions(once, slot=settings.slot),
    )
    service.on_stop.push_async_callback(database.close)
    return service


def serve(service: Service[W], settings: ServiceSettings, kafka: KafkaSettings) -> FastAPI:
    """The service's API, with consumers, relay and loops under its lifespan, and the routes that every service has."""
    broker, relay = _broker(service, settings, kafka), _relay(service, settings, kafka)
    parts = Parts(
        broker=broker,
        relay=relay,
        subscriptions=service.subscriptions,
        database=service.database,
        loops=[_waiting_room(service.subscriptions), *service.loops],
    )
    for fault in (DBAPIError, PoolTimeout):
        service.api.add_exception_handler(fault, _database_fault)
    service.api.include_router(operations(parts, service.access))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with service.on_stop:
            await _refuse_another_schema(service, parts.checked)
            async with asyncio.TaskGroup() as tasks:
                consuming = [
                    tasks.create_task(_listen(parts, service), name="consumers"),
                    tasks.create_task(_keep_patterns(parts), name="patterns"),
                ]
                working = [
                    tasks.create_task(_after(parts.checked, relay.run), name="relay"),
                    *(
                        tasks.create_task(_after(parts.checked, loop.run), name=loop.name)
                        for loop in parts.loops
                    ),
                ]
                yield
                # A consumer that is started or asked while it stops would connect anew. The event in hand finishes,
                # then the rest may go.
                for task in consuming:
                    task.cancel()
                await asyncio.wait(consuming)
                await _stop(broker)
                for task in working:
                    task.cancel()

    service.api.router.lifespan_context = lifespan
    service.api.state.subscriptions = service.subscriptions
    return service.api


async def _refuse_another_schema(service: Service[W], checked: asyncio.Event) -> None:
    """End the start where the database is not the program's; one that is away is looked at when it is back."""
    try:
        await check_schema(service.database, service.schema, service=service.name)
        checked.set()
    except SchemaDiffers as error:
        log.critical("service.refused", error=str(error))
        raise
    except Exception as error:  # noqa: BLE001  (a database that is away shows in many ways)
        log.warning("database.away", error=where(error))


def _broker(service: Service[W], settings: ServiceSettings, kafka: KafkaSettings) -> KafkaBroker:
    """The consumers of a service. Nothing is published through it: that is the relay's."""
    broker = KafkaBroker(
        kafka.bootstrap_servers.split(","),
        security=kafka_security(settings, kafka),
        client_id=service.name,
        metadata_max_age_ms=METADATA_MAX_AGE_MS,
        retry_backoff_ms=500,
        consumer_only=True,
        apply_types=True,
        logger=None,
        specification_url="kafka.mrx.example:9092",
    )
    broker.include_router(service.subscriptions.router)
    guard(broker)
    return broker


def _relay(service: Service[W], settings: ServiceSettings, kafka: KafkaSettings) -> Relay:
    def make_producer() -> KafkaProducer:
        return KafkaProducer(
            bootstrap_servers=kafka.bootstrap_servers.split(","),
            security_protocol=kafka.security_protocol,
            sasl_mechanism="SCRAM-SHA-512",
            sasl_plain_username=settings.kafka_username,
            sasl_plain_password=settings.kafka_password.get_secret_value(),
            ssl_context=kafka_security(settings, kafka).ssl_context,
            client_id=f"{service.name}-relay",
        )

    return Relay(service.database.relay, make_producer, service=service.name, wake_up=service.once.committed)


async def _database_fault(_: Request, error: Exception) -> Response:
    log.error("http.database", error=where(error))
    if transient(error):
        return problem(503, "the database is away", retryable=True, headers={"Retry-After": "2"})
    return problem(500, "this failed here, not with you; the operator's log has it")


@dataclass(slots=True, kw_only=True)
class Parts:
    """What runs in a service, for its health and its operator."""

    broker: KafkaBroker
    relay: Relay
    subscriptions: Subscriptions[Any]
    database: Database
    loops: list[Loop]
    checked: asyncio.Event = field(default_factory=asyncio.Event)
    """set once the database's schema is known to be the program's"""
    listening: bool = False
    started: bool = False


async def _listen(parts: Parts, service: Service[W]) -> None:
    """Bring the consumers up, however long the broker or the database is away."""

    async def start() -> None:
        if not parts.started:
            await check_schema(service.database, service.schema, service=service.name)
            parts.checked.set()
            if service.on_start is not None:
                await service.on_start()
        parts.started = True
        await parts.broker.start()

    async def failed(error: Exception, _: float) -> None:
        if isinstance(error, SchemaDiffers):
            raise error
        # Whatever it is: a database that is away shows in many ways.
        log.warning("consumers.again", error=where(error))
        await _stop(parts.broker)

    try:
        await until_done(start, failed=failed, longest_pause_s=LONGEST_PAUSE_S)
    except SchemaDiffers as error:
        log.critical("service.refused", error=str(error))
        signal.raise_signal(signal.SIGTERM)
        return
    parts.listening = True
    log.info("consumers.started", consumers=[one.consumer for one in parts.subscriptions])


async def _after(checked: asyncio.Event, run: Callable[[], Awaitable[None]]) -> None:
    """Run once the schema is checked: nothing here writes to a database of another version."""
    await checked.wait()
    await run()


async def _stop(broker: KafkaBroker) -> None:
    with suppress(TimeoutError, KafkaError, OSError):
        async with asyncio.timeout(8):
            await broker.stop()


def _waiting_room(subscriptions: Subscriptions[W]) -> Loop:
    room = WaitingRoom(subscriptions)

    async def look() -> bool:
        await room.look()
        return False

    return Loop(
        name="waiting room",
        once=look,
        every_s=WAITING_ROOM_EVERY_S,
        wake_up=subscriptions.once.handled,
    )


async def _keep_patterns(parts: Parts) -> None:
    """See to it that every topic of a pattern is read.

    A static member that comes back is given the assignment that it had, without the topics that were made meanwhile,
    and nothing tells its group. Asking to join anew makes the group share out all that match.
    """
    asked: Counter[tuple[str, str]] = Counter()
    while True:
        await asyncio.sleep(METADATA_MAX_AGE_MS / 1000)
        for subscriber in parts.broker.subscribers if parts.listening else ():
            pattern, consumer = getattr(subscriber, "pattern", None), getattr(subscriber, "consumer", None)
            group = str(getattr(subscriber, "group_id", ""))
            if pattern is None or consumer is None:
                continue
            try:
                async with asyncio.timeout(LONGEST_PAUSE_S):
                    topics = await consumer.topics()
            except (KafkaError, OSError, TimeoutError):
                continue
            read = {place.topic for place in consumer.assignment()}
            matching = re.compile(pattern.broker_address)
            unread = {
                topic
                for topic in topics
                if matching.match(topic) and topic not in read and asked[group, topic] < UNREAD_TRIES
            }
            if unread:
                asked.update((group, topic) for topic in unread)
                log.info("pattern.rejoin", group=group, topics=len(unread))
                consumer._coordinator.request_rejoin()  # noqa: SLF001  (it has no public name)
