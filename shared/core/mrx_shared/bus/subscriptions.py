"""How a service listens: one way to subscribe, and a guard that refuses every other."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from typing import Any, Final, Generic
from uuid import UUID

import structlog
from aiokafka import ConsumerRecord
from faststream import AckPolicy
from faststream.exceptions import NackMessage
from faststream.kafka import KafkaBroker, KafkaMessage, KafkaRouter
from faststream.kafka.annotations import KafkaMessage as TakenMessage
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mrx_shared.bus.dead_letters import Cause, Record, add_dead_letter, keep_waiting
from mrx_shared.bus.once import Batch, Delivery, Once
from mrx_shared.bus.work import W
from mrx_shared.kit.logging import where
from mrx_shared.kit.metrics import EVENTS
from mrx_shared.kit.retries import until_done
from mrx_shared.messages.envelope import Envelope, Header, M, Message, Unreadable, decode, read_header
from mrx_shared.messages.topics import Topic, member_of
from mrx_shared.refusals import Rejected, TooEarly, Unavailable

log = structlog.get_logger(__name__)

TRIES: Final = 5
"""an error that nobody foresaw is tried so often before it becomes a dead letter"""
PATIENCE_S: Final = 120
"""an infrastructure error is waited out so long before the event goes back to Kafka; below its poll limit of 300 s"""
LONGEST_PAUSE_S: Final = 10
STUCK_S: Final = 60
TRANSIENT_SQLSTATES: Final = ("08", "25006", "40", "53", "55P03", "57")
"""connections, a server that turned read-only, rollbacks, lack of resources, locks not to be had, shutdowns"""

FETCH_WAIT_MS: Final = 50
"""a fetch that waits for the idle ones of a consumer's many topics holds up the busy one no longer than this"""

Handler = Callable[[Delivery[Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Registered:
    message: type[Message]
    handler: Handler


async def _raw(message: KafkaMessage) -> bytes:
    return message.body


def transient(error: BaseException) -> bool:
    """Whether an error is the infrastructure's, so that the same try may succeed later."""
    if isinstance(error, DBAPIError):
        state = str(getattr(error.orig, "sqlstate", ""))
        return (
            error.connection_invalidated
            or isinstance(error, (OperationalError, InterfaceError))
            or state.startswith(TRANSIENT_SQLSTATES)
        )
    return isinstance(error, (Unavailable, OSError, TimeoutError, PoolTimeout))


class Subscription(Generic[W]):
    """One consumer of one topic (or of all topics with a prefix). Call it with a message type to add its handler.

    On a topic of facts, types without a handler are passed over; on a member's own topic they are refused.
    """

    def __init__(self, *, consumer: str, topic: str, once: Once[W]) -> None:
        self.consumer = consumer
        self.topic = topic
        self.once = once
        self._handlers: dict[str, _Registered] = {}
        self._busy_since: float | None = None

    @property
    def messages(self) -> list[type[Message]]:
        """The types that it takes."""
        return [known.message for known in self._handlers.values()]

    @property
    def stuck(self) -> bool:
        """Whether the event in hand has been tried for longer than a minute."""
        return self._busy_since is not None and time.monotonic() - self._busy_since > STUCK_S

    def __call__(
        self, message: type[M]
    ) -> Callable[[Callable[[Delivery[M]], Awaitable[None]]], Callable[[Delivery[M]], Awaitable[None]]]:
        """Decorate the one handler of a message type."""
        if message.type in self._handlers:
            raise TypeError(f"{self.consumer} has a handler for {message.type} already")

        def register(
            handler: Callable[[Delivery[M]], Awaitable[None]],
        ) -> Callable[[Delivery[M]], Awaitable[None]]:
            self._handlers[message.type] = _Registered(message=message, handler=handler)
            return handler

        return register

    def handle(
        self,
        message: type[M],
        verb: Callable[[M, W], Awaitable[None]],
        *,
        then: Callable[[], None] | None = None,
    ) -> None:
        """Run `verb` once for each event of a message type, with its data; `then` is called after the commit."""
        self.handle_event(message, lambda event, work: verb(event.data, work), then=then)

    def handle_event(
        self,
        message: type[M],
        verb: Callable[[Envelope[M], W], Awaitable[None]],
        *,
        then: Callable[[], None] | None = None,
    ) -> None:
        """The same for a verb that needs the event's id, version or correlation id, too."""

        async def handle(delivery: Delivery[M]) -> None:
            await self.once(delivery, lambda work: verb(delivery.envelope, work))
            if then is not None:
                then()

        self(message)(handle)

    async def take(self, record: Record) -> None:
        """Handle one record, or keep it where it is not lost. Returns when it may be acknowledged.

        Raises `NackMessage` when the infrastructure stayed away for two minutes.
        """
        self._busy_since = time.monotonic()
        try:
            await self._take(record)
        finally:
            self._busy_since = None

    async def take_all(self, records: Sequence[Record]) -> None:
        """Handle the records of one topic in one transaction; where that fails, each in its own, as `take` does."""
        if len(records) > 1 and await self._taken_in_batch(records):
            return
        for record in records:
            await self.take(record)

    async def _taken_in_batch(self, records: Sequence[Record]) -> bool:
        self._busy_since = time.monotonic()
        try:
            async with self.once.batch(member_of(records[0].topic)) as batch:
                types = [await self._handle(record, batch=batch) for record in records]
        except Exception as error:  # noqa: BLE001  (whatever it is, it shows again in the record that it belongs to)
            log.info("events.one-by-one", consumer=self.consumer, error=where(error), events=len(records))
            return False
        finally:
            self._busy_since = None
        for known in types:
            self._count(known)
        return True

    async def _take(self, record: Record) -> None:
        began, tries = time.monotonic(), 0

        async def attempt() -> None:
            nonlocal tries
            try:
                await self._settle(record, tries + 1)
            except Exception as error:
                tries += not transient(error)
                if tries < TRIES:
                    raise
                await self._dead_letter_failed(record, error, tries)

        async def failed(error: Exception, _: float) -> None:
            if tries >= TRIES:
                raise error  # not even kept: the record goes back
            if transient(error) and time.monotonic() - began > PATIENCE_S:
                raise NackMessage from error
            log.warning("event.again", consumer=self.consumer, error=where(error), tries=tries)

        await until_done(attempt, failed=failed, longest_pause_s=LONGEST_PAUSE_S)

    async def _dead_letter_failed(self, record: Record, error: Exception, tries: int) -> None:
        """Dead-letter what failed; where even its name cannot be kept, without it: nothing may hold up a topic."""
        nameless = False
        while True:
            try:
                await self._dead_letter(record, "failed", where(error), tries, nameless=nameless)
            except Exception as fault:
                if not transient(fault):
                    if nameless:
                        raise
                    nameless = True
                    continue
                await asyncio.sleep(LONGEST_PAUSE_S)
            else:
                return

    async def _settle(self, record: Record, tries: int) -> None:
        """Handle, or dead-letter what is refused for good, or let wait what came too early."""
        try:
            await self.dispatch(record)
        except Unreadable as error:
            await self._dead_letter(record, "unreadable", str(error), tries)
        except Rejected as error:
            await self._dead_letter(record, "refused", said(error), tries)
        except TooEarly as error:
            await self.keep_waiting(record, error)
            EVENTS.labels(self.consumer, self._type(record), "waiting").inc()

    async def keep_waiting(self, record: Record, early: TooEarly) -> None:
        """Put a record into the waiting room."""
        await keep_waiting(self.once.database, self.consumer, record, early)
        log.info("event.waits", consumer=self.consumer, waiting_for=early.waiting_for)

    async def dispatch(self, record: Record, *, waited: bool = False, dead_letter: UUID | None = None) -> str:
        """Read a record and run its handler. Returns `handled` or `passed`; raises what the handler raises."""
        return self._count(await self._handle(record, waited=waited, dead_letter=dead_letter))

    async def _handle(
        self,
        record: Record,
        *,
        waited: bool = False,
        dead_letter: UUID | None = None,
        batch: Batch | None = None,
    ) -> str | None:
        """Read a record and run its handler. Returns its type, or None for one that is passed over."""
        header = read_header(record.payload)
        known = self._handlers.get(header.type)
        if known is None and member_of(record.topic):
            # A topic of facts may carry more than a service needs; what a member sends is meant for this one.
            raise Rejected("this type is not accepted here", field="type", remedy="see contracts/README.md")
        if known is None:
            return None
        envelope = decode(record.payload, known.message)
        delivery: Delivery[Any] = Delivery(
            envelope=envelope,
            consumer=self.consumer,
            topic=record.topic,
            content_hash=sha256(record.payload).digest(),
            waited=waited,
            dead_letter=dead_letter,
            batch=batch,
        )
        await known.handler(delivery)
        return header.type

    def _count(self, known: str | None) -> str:
        outcome = "handled" if known else "passed"
        EVENTS.labels(self.consumer, known or "other", outcome).inc()
        return outcome

    async def _dead_letter(
        self, record: Record, cause: Cause, reason: str, tries: int, *, nameless: bool = False
    ) -> None:
        await add_dead_letter(
            self.once.database,
            self.consumer,
            record,
            cause=cause,
            reason=reason,
            tries=tries,
            nameless=nameless,
        )
        log.error(
            "event.dead-lettered", consumer=self.consumer, cause=cause, offset=record.offset, tries=tries
        )
        EVENTS.labels(self.consumer, self._type(record), "put-aside").inc()

    def _type(self, record: Record) -> str:
        header = header_of(record.payload)
        return header.type if header and header.type in self._handlers else "other"


def header_of(payload: bytes) -> Header | None:
    """An event's header, or None where it cannot be read."""
    try:
        return read_header(payload)
    except Unreadable:
        return None


def said(error: Rejected) -> str:
    """A refusal as one line: field, reason, remedy."""
    place = f"{error.field}: " if error.field else ""
    return f"{place}{error.reason}{'; ' + error.remedy if error.remedy else ''}"


class Subscriptions(Generic[W]):
    """All that a service listens to."""

    def __init__(self, once: Once[W], *, slot: str = "0") -> None:
        self.once = once
        self.router = KafkaRouter()
        self._slot = slot
        self._all: dict[str, Subscription[W]] = {}

    def __iter__(self) -> Any:  # noqa: ANN401
        return iter(self._all.values())

    def of(self, consumer: str) -> Subscription[W]:
        """The subscription of a consumer's name. Raises KeyError."""
        return self._all[consumer]

    def subscribe(self, topic: Topic | str, *, description: str, batch_size: int = 1) -> Subscription[W]:
        """Listen to a topic, or to every topic whose name starts with `topic` where that ends in a dot.

        Up to `batch_size` records that lie in wait share a transaction: for many small events of one sender.
        """
        service = self.once.service
        consumer = f"{service}:{topic.rstrip('.')}"
        subscription: Subscription[W] = Subscription(consumer=consumer, topic=str(topic), once=self.once)
        if consumer in self._all:
            raise TypeError(f"{service} listens to {topic} already")
        self._all[consumer] = subscription
        by_prefix = topic.endswith(".")

        async def taken(message: TakenMessage) -> None:
            raw = message.raw_message
            for _, records in groupby(raw if isinstance(raw, tuple) else (raw,), lambda record: record.topic):
                await subscription.take_all([_record(record) for record in records])

        self.router.subscriber(
            *(() if by_prefix else (str(topic),)),
            pattern=f"^{re.escape(topic)}.+$" if by_prefix else None,
            group_id=f"{service}.{topic.rstrip('.')}",
            group_instance_id=f"{service}.{topic.rstrip('.')}.{self._slot}",
            ack_policy=AckPolicy.NACK_ON_ERROR,
            auto_offset_reset="earliest",
            max_workers=1,
            batch=batch_size > 1,
            max_records=batch_size,
            batch_timeout_ms=FETCH_WAIT_MS,
            fetch_max_wait_ms=FETCH_WAIT_MS if by_prefix else 500,
            max_partition_fetch_bytes=2 * 1024 * 1024,
            decoder=_raw,
            no_reply=True,
            title=consumer,
            description=description,
        )(taken)
        return subscription


def _record(record: "ConsumerRecord[Any, Any]") -> Record:
    return Record(
        topic=record.topic, partition=record.partition, offset=record.offset, payload=record.value or b""
    )


def guard(broker: KafkaBroker) -> None:
    """Refuse to start with a subscriber that could lose an event."""
    for subscriber in broker.subscribers:
        faults = []
        if not getattr(subscriber, "group_id", None):
            faults.append("no group_id")
        if getattr(subscriber, "ack_policy", None) is not AckPolicy.NACK_ON_ERROR:
            faults.append("ack_policy is not NACK_ON_ERROR")
        if getattr(subscriber, "_connection_args", {}).get("auto_offset_reset") != "earliest":
            faults.append("auto_offset_reset is not earliest")
        if getattr(subscriber, "max_workers", 1) != 1:
            faults.append("max_workers is not 1")
        if faults:
            raise RuntimeError(
                f"a subscriber would lose events: {', '.join(faults)}; use Subscriptions.subscribe"
            )
