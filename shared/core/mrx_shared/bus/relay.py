"""The one relay of a service: committed facts get their position and chain hash, and go to Kafka in order."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, Protocol

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mrx_shared.bus.work import Bell
from mrx_shared.kit.logging import where
from mrx_shared.kit.metrics import FACTS_SENT, OUTBOX_PARKED, OUTBOX_UNSENT
from mrx_shared.messages.envelope import CONTENT_TYPE
from mrx_shared.messages.topics import BRIEF

log = structlog.get_logger(__name__)

BATCH: Final = 500
SEND_TIMEOUT_S: Final = 10.0
IDLE_S: Final = 0.5
PARKED_RETRY_S: Final = 60.0
LONGEST_PAUSE_S: Final = 5.0
LASTING = (
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    InvalidTopicError,
    MessageSizeTooLargeError,
)
"""errors that trying again does not mend: they park the key"""

_LOCK = text("SELECT pg_try_advisory_lock(hashtext(:name))")
_LAST = text("SELECT position, chain FROM outbox WHERE position IS NOT NULL ORDER BY position DESC LIMIT 1")
_NEW = text("""
    SELECT id, topic, key, sequence, type, digest FROM outbox WHERE position IS NULL ORDER BY entry LIMIT :batch
""")
_NUMBER = text("UPDATE outbox SET position = :position, chain = :chain WHERE id = :id")
_UNSENT = text("""
    SELECT o.id, o.topic, o.key, o.payload, o.type FROM outbox o
    WHERE o.position IS NOT NULL AND o.sent_at IS NULL AND NOT EXISTS (
        SELECT 1 FROM outbox p
        WHERE p.topic = o.topic AND p.key = o.key AND p.parked_at IS NOT NULL AND p.sent_at IS NULL)
    ORDER BY o.position LIMIT :batch
""")
_SENT = text("""
    UPDATE outbox SET sent_at = now(), parked_at = NULL, error = NULL,
        payload = CASE WHEN topic = ANY(:brief) THEN NULL ELSE payload END
    WHERE id = ANY(:ids)
""")
_PARK = text("UPDATE outbox SET parked_at = now(), tries = tries + 1, error = :error WHERE id = :id")
_UNPARK = text("""
    UPDATE outbox SET parked_at = NULL WHERE id = (
        SELECT id FROM outbox
        WHERE sent_at IS NULL AND parked_at < now() - make_interval(secs => :seconds)
        ORDER BY parked_at, position LIMIT 1)
""")
_COUNT = text("""
    SELECT count(*) FILTER (WHERE sent_at IS NULL),
           count(DISTINCT (topic, key)) FILTER (WHERE parked_at IS NOT NULL AND sent_at IS NULL)
    FROM outbox WHERE sent_at IS NULL
""")


class Producer(Protocol):
    """What the relay needs of a Kafka producer."""

    async def start(self) -> None:
        """Connect. Raises a KafkaError when no broker answers."""

    async def stop(self) -> None:
        """Let go."""

    async def send(
        self, topic: str, value: bytes, key: bytes, headers: Sequence[tuple[str, bytes]]
    ) -> Awaitable[object]:
        """Queue a record; the result is done when all replicas have it."""

    async def topics(self) -> Collection[str]:
        """The topics that this producer may see. Raises when no broker answers."""


class KafkaProducer:
    """aiokafka's idempotent producer, acks from all."""

    def __init__(self, **connection: Any) -> None:  # noqa: ANN401
        self._producer = AIOKafkaProducer(
            **connection,
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            max_request_size=1_048_576,
            request_timeout_ms=int(SEND_TIMEOUT_S * 1000),
            retry_backoff_ms=500,
        )

    async def start(self) -> None:
        """See `Producer`."""
        await self._producer.start()

    async def stop(self) -> None:
        """See `Producer`. Bounded: a pending send would hang it, so after a while its parts are closed by force."""
        try:
            async with asyncio.timeout(2):
                await self._producer.stop()
        except (TimeoutError, KafkaError, OSError):
            for part in (self._producer._sender, self._producer.client):  # noqa: SLF001
                with suppress(TimeoutError, KafkaError, OSError):
                    async with asyncio.timeout(2):
                        await part.close()  # type: ignore[no-untyped-call]

    async def send(
        self, topic: str, value: bytes, key: bytes, headers: Sequence[tuple[str, bytes]]
    ) -> Awaitable[object]:
        """See `Producer`."""
        sending: Awaitable[object] = await self._producer.send(topic, value, key=key, headers=list(headers))
        return sending

    async def topics(self) -> Collection[str]:
        """See `Producer`."""
        async with asyncio.timeout(5):
            cluster = await self._producer.client.fetch_all_metadata()
        found: Collection[str] = cluster.topics()
        return found


@dataclass(slots=True)
class Pulse:
    """How the relay is, for /health/ready and the operator."""

    holds_lock: bool = False
    failing_since: float | None = None
    unsent: int = 0
    parked: int = 0
    sent: int = 0
    last_error: str | None = None
    beat_at: float = field(default_factory=time.monotonic)

    @property
    def stuck(self) -> bool:
        """Whether nothing could be sent for a minute, or the relay's task does not run."""
        failing = self.failing_since is not None and time.monotonic() - self.failing_since > PARKED_RETRY_S
        return failing or time.monotonic() - self.beat_at > 2 * PARKED_RETRY_S


class Relay:
    """Sends a service's outbox. Any number may run; the one with the advisory lock works, the others stand by.

    A key's facts arrive in the order of their versions. After a crash or a timeout facts may arrive again:
    consumers know duplicates by id.
    """

    def __init__(
        self, engine: AsyncEngine, make_producer: Callable[[], Producer], *, service: str, bell: Bell
    ) -> None:
        self._engine = engine
        self._make_producer = make_producer
        self._service = service
        self._bell = bell
        self._producer: Producer | None = None
        self._topics: Collection[str] = ()
        self.pulse = Pulse()

    async def run(self) -> None:
        """Work until cancelled. Every error is waited out; none ends it."""
        pause = 0.2
        try:
            while True:
                try:
                    async with self._engine.connect() as connection:
                        try:
                            await self._hold(connection)
                        finally:
                            # Back in the pool it would keep the lock.
                            await connection.invalidate()
                except Exception as error:  # noqa: BLE001  (the relay outlives every error)
                    self._failing(error)
                    log.warning("relay.again", error=where(error))
                    await self._throw_away()
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, LONGEST_PAUSE_S)
                else:
                    pause = 0.2
        finally:
            self.pulse.holds_lock = False
            await self._throw_away()

    async def _hold(self, connection: AsyncConnection) -> None:
        """Work on the connection that holds the lock: when it breaks, so does the right to send."""
        held = (await connection.execute(_LOCK, {"name": f"outbox:{self._service}"})).scalar_one()
        await connection.commit()
        self.pulse.holds_lock = bool(held)
        if not held:
            self.pulse.beat_at = time.monotonic()
            await asyncio.sleep(1)
            return
        while True:
            numbered = await number(connection)
            moved = await self._send(connection)
            # Whatever could not go is parked by now; everything else flows.
            self.pulse.failing_since = None
            await self._look(connection)
            if not numbered and not moved:
                await self._bell.heard(IDLE_S)

    async def _look(self, connection: AsyncConnection) -> None:
        unsent, parked = (await connection.execute(_COUNT)).one()
        await connection.commit()
        self.pulse.unsent, self.pulse.parked = unsent, parked
        self.pulse.beat_at = time.monotonic()
        OUTBOX_UNSENT.set(unsent)
        OUTBOX_PARKED.set(parked)

    async def _send(self, connection: AsyncConnection) -> bool:
        """Send one batch in order. Returns whether there was anything to send."""
        # One parked key at a time, so that many of them do not hold up what can go.
        await connection.execute(_UNPARK, {"seconds": PARKED_RETRY_S})
        rows = (await connection.execute(_UNSENT, {"batch": BATCH})).all()
        await connection.commit()
        if not rows:
            return False
        producer = await self._connected()
        there = await self._topics_there(producer, {row.topic for row in rows})
        # Sending would wait for the topic, and let everything else wait with it. A key's first row holds its others.
        lost = {(row.topic, row.key): row for row in reversed(rows) if row.topic not in there}
        for row in lost.values():
            await self._park(connection, row, "no such topic, or no right to see it")
        sent, first_fault = await _publish(producer, [row for row in rows if row.topic in there])
        if sent:
            await connection.execute(_SENT, {"ids": [row.id for row in sent], "brief": list(BRIEF)})
            await connection.commit()
            self.pulse.sent += len(sent)
            for row in sent:
                FACTS_SENT.labels("out" if row.topic.startswith("mrx.out.") else row.topic).inc()
        if first_fault is not None:
            await self._settle(connection, *first_fault)
        return True

    async def _topics_there(self, producer: Producer, wanted: set[str]) -> Collection[str]:
        if not wanted <= set(self._topics):
            self._topics = await producer.topics()
        return self._topics

    async def _settle(self, connection: AsyncConnection, row: Row[Any], error: Exception) -> None:
        """Park what will not go for a reason that stays; for anything else, begin anew with another producer."""
        await self._throw_away()
        if not isinstance(error, LASTING):
            raise error
        await self._park(connection, row, type(error).__name__)

    async def _park(self, connection: AsyncConnection, row: Row[Any], why: str) -> None:
        await connection.execute(_PARK, {"id": row.id, "error": why})
        await connection.commit()
        log.error("relay.parked", topic=row.topic, type=row.type, error=why)

    async def _connected(self) -> Producer:
        if self._producer is None:
            producer = self._make_producer()
            try:
                async with asyncio.timeout(SEND_TIMEOUT_S):
                    await producer.start()
            except BaseException:
                await producer.stop()
                raise
            self._producer = producer
        return self._producer

    async def _throw_away(self) -> None:
        producer, self._producer = self._producer, None
        self._topics = ()
        if producer is not None:
            await producer.stop()

    def _failing(self, error: Exception) -> None:
        self.pulse.holds_lock = False
        self.pulse.last_error = where(error)
        self.pulse.beat_at = time.monotonic()
        if self.pulse.failing_since is None:
            self.pulse.failing_since = time.monotonic()


async def number(connection: AsyncConnection) -> int:
    """Give the oldest committed facts their position and chain hash. Returns how many.

    A key's rows come in the order of their versions, since its version row is locked until each commit.
    """
    rows = (await connection.execute(_NEW, {"batch": BATCH})).all()
    if rows:
        last = (await connection.execute(_LAST)).first()
        position, chain = (last.position, bytes(last.chain)) if last else (0, b"")
        numbered = []
        for row in rows:
            position += 1
            chain = link(chain, position=position, row=row)
            numbered.append({"id": row.id, "position": position, "chain": chain})
        await connection.execute(_NUMBER, numbered)
    await connection.commit()
    return len(rows)


def link(before: bytes, *, position: int, row: Any) -> bytes:  # noqa: ANN401
    """SHA-256 over the link before and what identifies this row; its payload counts by its salted digest alone."""
    fields = (
        str(position),
        str(row.id),
        row.topic,
        row.key,
        str(row.sequence),
        row.type,
        bytes(row.digest).hex(),
    )
    return sha256(before + "\n".join(fields).encode()).digest()


async def _publish(
    producer: Producer, rows: Sequence[Row[Any]]
) -> tuple[list[Row[Any]], tuple[Row[Any], Exception] | None]:
    """Send rows in order under one timeout. Returns those acknowledged, and the first fault if any.

    Behind a fault nothing of the same batch is begun, so that a key's order holds.
    """
    waiting: list[tuple[Row[Any], Awaitable[object]]] = []
    fault: tuple[Row[Any], Exception] | None = None
    deadline = time.monotonic() + SEND_TIMEOUT_S
    for row in rows:
        try:
            async with asyncio.timeout(max(0.1, deadline - time.monotonic())):
                sending = await producer.send(
                    row.topic, row.payload, row.key.encode(), [("content-type", CONTENT_TYPE.encode())]
                )
        except (KafkaError, TimeoutError, OSError) as error:
            fault = (row, error)
            break
        waiting.append((row, sending))
    sent = []
    for row, sending in waiting:
        try:
            async with asyncio.timeout(max(0.1, deadline - time.monotonic())):
                await sending
        except (KafkaError, TimeoutError, OSError) as error:
            if fault is None or not isinstance(fault[1], LASTING):
                fault = (row, error)
        else:
            sent.append(row)
    return sent, fault
