"""The one relay of a service: committed facts get their position and chain hash, and go to Kafka in order."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final, Protocol
from uuid import UUID

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
from sqlalchemy import Row, Select, Update, and_, bindparam, case, func, null, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.orm import aliased
from sqlmodel import col

from mrx_shared.bus.work import WakeUp
from mrx_shared.kit.logging import where
from mrx_shared.kit.metrics import FACTS_SENT, OUTBOX_PARKED, OUTBOX_UNSENT
from mrx_shared.kit.retries import until_done
from mrx_shared.messages.envelope import CONTENT_TYPE
from mrx_shared.messages.topics import BRIEF
from mrx_shared.store.tables import OutboxRow, columns

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

_OLDER = aliased(OutboxRow)
_OPEN = col(OutboxRow.sent_at).is_(None)
_PARKED = and_(_OPEN, col(OutboxRow.parked_at).is_not(None))


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
class RelayStatus:
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
        self, engine: AsyncEngine, make_producer: Callable[[], Producer], *, service: str, wake_up: WakeUp
    ) -> None:
        self._engine = engine
        self._make_producer = make_producer
        self._service = service
        self._wake_up = wake_up
        self._producer: Producer | None = None
        self._topics: Collection[str] = ()
        self.status = RelayStatus()

    async def run(self) -> None:
        """Work until cancelled. Every error is waited out; none ends it."""
        try:
            while True:
                await until_done(self._work, failed=self._failed, longest_pause_s=LONGEST_PAUSE_S)
        finally:
            self.status.holds_lock = False
            await self._throw_away()

    async def _work(self) -> None:
        async with self._engine.connect() as connection:
            try:
                await self._hold(connection)
            finally:
                # Back in the pool it would keep the lock.
                await connection.invalidate()

    async def _hold(self, connection: AsyncConnection) -> None:
        """Work on the connection that holds the lock: when it breaks, so does the right to send."""
        lock = select(func.pg_try_advisory_lock(func.hashtext(f"outbox:{self._service}")))
        held = (await connection.execute(lock)).scalar_one()
        await connection.commit()
        self.status.holds_lock = bool(held)
        if not held:
            self.status.beat_at = time.monotonic()
            await asyncio.sleep(1)
            return
        while True:
            numbered = await number(connection)
            moved = await self._send(connection)
            # Whatever could not go is parked by now; everything else flows.
            self.status.failing_since = None
            await self._look(connection)
            if not numbered and not moved:
                await self._wake_up.within(IDLE_S)

    async def _look(self, connection: AsyncConnection) -> None:
        keys = func.count(tuple_(*columns(OutboxRow, "topic", "key")).distinct()).filter(_PARKED)
        unsent, parked = (await connection.execute(select(func.count(), keys).where(_OPEN))).one()
        await connection.commit()
        self.status.unsent, self.status.parked = unsent, parked
        self.status.beat_at = time.monotonic()
        OUTBOX_UNSENT.set(unsent)
        OUTBOX_PARKED.set(parked)

    async def _send(self, connection: AsyncConnection) -> bool:
        """Send one batch in order. Returns whether there was anything to send."""
        # One parked key at a time, so that many of them do not hold up what can go.
        await connection.execute(_unpark_one())
        rows = (await connection.execute(_unsent())).all()
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
            await connection.execute(_sent([row.id for row in sent]))
            await connection.commit()
            self.status.sent += len(sent)
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
        parked = {"parked_at": func.now(), "tries": OutboxRow.tries + 1, "error": why}
        await connection.execute(update(OutboxRow).where(col(OutboxRow.id) == row.id).values(parked))
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

    async def _failed(self, error: Exception, _: float) -> None:
        self.status.holds_lock = False
        self.status.last_error = where(error)
        self.status.beat_at = time.monotonic()
        if self.status.failing_since is None:
            self.status.failing_since = time.monotonic()
        log.warning("relay.again", error=where(error))
        await self._throw_away()


async def number(connection: AsyncConnection) -> int:
    """Give the oldest committed facts their position and chain hash. Returns how many.

    A key's rows come in the order of their versions, since its version row is locked until each commit.
    """
    numbered_from = col(OutboxRow.position).is_not(None)
    new = select(*columns(OutboxRow, "id", "topic", "key", "sequence", "type", "digest")).where(
        col(OutboxRow.position).is_(None)
    )
    rows = (await connection.execute(new.order_by(col(OutboxRow.entry)).limit(BATCH))).all()
    if rows:
        end = select(*columns(OutboxRow, "position", "chain")).where(numbered_from)
        last = (await connection.execute(end.order_by(col(OutboxRow.position).desc()).limit(1))).first()
        position, chain = (last.position, bytes(last.chain)) if last else (0, b"")
        numbered = []
        for row in rows:
            position += 1
            chain = link(chain, position=position, row=row)
            numbered.append({"fact": row.id, "position": position, "chain": chain})
        fact = update(OutboxRow).where(col(OutboxRow.id) == bindparam("fact"))
        await connection.execute(
            fact.values(position=bindparam("position"), chain=bindparam("chain")), numbered
        )
    await connection.commit()
    return len(rows)


def _unsent() -> Select[Any]:
    """The oldest facts to send, without those whose key is parked."""
    parked = (
        select(col(_OLDER.id))
        .where(col(_OLDER.topic) == OutboxRow.topic, col(_OLDER.key) == OutboxRow.key)
        .where(col(_OLDER.parked_at).is_not(None), col(_OLDER.sent_at).is_(None))
    )
    facts = select(*columns(OutboxRow, "id", "topic", "key", "payload", "type"))
    ready = facts.where(col(OutboxRow.position).is_not(None), _OPEN, ~parked.exists())
    return ready.order_by(col(OutboxRow.position)).limit(BATCH)


def _sent(ids: Sequence[UUID]) -> Update:
    kept = case((col(OutboxRow.topic).in_(BRIEF), null()), else_=col(OutboxRow.payload))
    sent = {"sent_at": func.now(), "parked_at": None, "error": None, "payload": kept}
    return update(OutboxRow).where(col(OutboxRow.id).in_(ids)).values(sent)


def _unpark_one() -> Update:
    due = func.now() - timedelta(seconds=PARKED_RETRY_S)
    longest = select(col(_OLDER.id)).where(col(_OLDER.sent_at).is_(None), col(_OLDER.parked_at) < due)
    first = longest.order_by(col(_OLDER.parked_at), col(_OLDER.position)).limit(1)
    return update(OutboxRow).where(col(OutboxRow.id) == first.scalar_subquery()).values(parked_at=None)


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
