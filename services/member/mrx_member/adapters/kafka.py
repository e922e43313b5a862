"""The member's own topics on Kafka, as its own Kafka user."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Literal, TypeVar
from uuid import UUID

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
)
from mrx_shared.kit.retries import Unreachable, retrying
from mrx_shared.messages.envelope import CONTENT_TYPE
from mrx_shared.messages.topics import lists_in, out, requests_in
from mrx_shared.refusals import Forbidden

from mrx_member.ports import Event, EventReader, Progress, ReceivedEvent

T = TypeVar("T")

ATTEMPT_MS = 10_000
STOPPING = 2.0
DOUBT_S = 5.0
"""for so long, rights that were just given may be on their way"""
_NO_RIGHT = (AuthenticationFailedError, SaslAuthenticationFailed, TopicAuthorizationFailedError)
_OUTAGES = (KafkaError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaAccess:
    """Where Kafka is, and who comes."""

    bootstrap_servers: str
    security_protocol: str
    username: str
    password: str = field(repr=False)
    ca_file: Path | None = None

    def arguments(self) -> dict[str, Any]:
        """Return what every client of aiokafka takes."""
        secure = self.security_protocol == "SASL_SSL"
        return {
            "security_protocol": self.security_protocol,
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password,
            "ssl_context": ssl.create_default_context(cafile=self.ca_file) if secure else None,
        }


class KafkaTopics:
    """The port `Topics`. Connections are opened when they are needed and closed after it.

    The out-topic is read by offset and without a consumer group: several commands may listen at once, and none
    waits for another one's membership to lapse.
    """

    def __init__(self, access: KafkaAccess, member_id: UUID, *, notice: Callable[[str], None]) -> None:
        self._access = access
        self._lists = lists_in(member_id)
        self._requests = requests_in(member_id)
        self._out = TopicPartition(out(member_id), 0)
        self._notice = notice

    async def position(self) -> int:
        """Where in the out-topic the next event will stand."""

        async def ask() -> int:
            async with self._consumer() as consumer:
                ends: dict[TopicPartition, int] = await consumer.end_offsets([self._out])
                return ends[self._out]

        return await self._retrying(ask, self._out.topic)

    async def send(
        self, events: Sequence[Event], progress: Progress, *, to: Literal["lists", "requests"] = "lists"
    ) -> None:
        """Send events in order; after an outage on from the first that is not acknowledged."""
        topic = self._lists if to == "lists" else self._requests
        done = 0

        async def send_rest() -> None:
            nonlocal done
            async with self._producer() as producer:
                for event in events[done:]:
                    await producer.send_and_wait(
                        topic,
                        event.body,
                        key=event.key.encode(),
                        headers=[("content-type", CONTENT_TYPE.encode())],
                    )
                    done += 1
                    progress(done, len(events))

        await self._retrying(send_rest, topic)

    async def listen(self, position: int, read_event: EventReader[T]) -> T:
        """Read the out-topic from a position on until the ear answers with something."""
        at = position

        async def listen_on() -> T:
            nonlocal at
            async with self._consumer() as consumer:
                at = await self._seek(consumer, at)
                while True:
                    for record in (await consumer.getmany(self._out, timeout_ms=1_000)).get(self._out, ()):
                        at = record.offset + 1
                        answer = read_event(record.value or b"", at < (consumer.highwater(self._out) or 0))
                        if answer is not None:
                            return answer

        return await self._retrying(listen_on, self._out.topic)

    async def follow(self, position: int) -> AsyncIterator[ReceivedEvent]:
        """Read the out-topic from a position on without end; connects anew for each burst of events."""
        at = position

        async def burst() -> list[ReceivedEvent]:
            async with self._consumer() as consumer:
                await self._seek(consumer, at)
                while True:
                    records = (await consumer.getmany(self._out, timeout_ms=1_000)).get(self._out, ())
                    if records:
                        return [ReceivedEvent(record.offset + 1, record.value or b"") for record in records]

        while True:
            for heard in await self._retrying(burst, self._out.topic):
                at = heard.after
                yield heard

    async def _seek(self, consumer: AIOKafkaConsumer, position: int) -> int:
        """Go to a position, or where there is none such any more to the beginning."""
        begin = (await consumer.beginning_offsets([self._out]))[self._out]
        end = (await consumer.end_offsets([self._out]))[self._out]
        # Events are kept for a while only, and a topic that was made anew begins at nought.
        found: int = position if begin <= position <= end else begin
        consumer.seek(self._out, found)
        return found

    async def _retrying(self, attempt: Callable[[], Awaitable[T]], topic: str) -> T:
        began = monotonic()
        outages: list[str] = []

        async def once() -> T:
            try:
                return await attempt()
            except _NO_RIGHT as error:
                refusal = f"Kafka refuses {self._access.username} at {topic}: {type(error).__name__}"
                if monotonic() > began + DOUBT_S:
                    raise Forbidden(
                        refusal,
                        remedy="ask the secretariat whether the membership is suspended or the password was replaced",
                    ) from None
                raise Unreachable(refusal) from error
            except _OUTAGES as error:
                away = f"Kafka at {self._access.bootstrap_servers} does not answer"
                # Rights that were just given are on their way, which is nothing to tell of.
                if not outages:
                    self._notice(away)
                outages.append(away)
                raise Unreachable(away) from error

        return await retrying(once, patience_s=None)

    @asynccontextmanager
    async def _producer(self) -> AsyncIterator[AIOKafkaProducer]:
        producer = AIOKafkaProducer(
            **self._servers(), acks="all", enable_idempotence=True, request_timeout_ms=ATTEMPT_MS
        )
        async with self._running(producer):
            yield producer

    @asynccontextmanager
    async def _consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(
            **self._servers(),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            request_timeout_ms=ATTEMPT_MS,
        )
        consumer.assign([self._out])
        async with self._running(consumer):
            yield consumer

    def _servers(self) -> dict[str, Any]:
        return {"bootstrap_servers": self._access.bootstrap_servers, **self._access.arguments()}

    @asynccontextmanager
    async def _running(self, client: AIOKafkaProducer | AIOKafkaConsumer) -> AsyncIterator[None]:
        try:
            try:
                await client.start()  # type: ignore[no-untyped-call]
            except KafkaConnectionError:
                await self._probe()
                raise
            yield
        finally:
            # A client whose broker is away may wait for it for ever.
            with suppress(TimeoutError, KafkaError):
                async with asyncio.timeout(STOPPING):
                    await client.stop()  # type: ignore[no-untyped-call]

    async def _probe(self) -> None:
        """Connect once by hand: the clients tell a refused password from an absent broker only in their log."""
        host, _, port = self._access.bootstrap_servers.partition(",")[0].rpartition(":")
        (
            await create_conn(host, int(port), request_timeout_ms=ATTEMPT_MS, **self._access.arguments())
        ).close()
