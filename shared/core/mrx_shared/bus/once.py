"""One delivery, one transaction: the inbox decides whether it is the first."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from sqlalchemy import delete, func, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from mrx_shared.bus.work import MakeWork, Moment, Transactions, Verb, W, WakeUp, write_outbox
from mrx_shared.kit.ids import uuid7
from mrx_shared.messages.envelope import Envelope, M, Unreadable
from mrx_shared.messages.topics import member_of
from mrx_shared.refusals import Rejected
from mrx_shared.store.tables import DeadLetterRow, InboxRow, WaitingRow

T = TypeVar("T")


@dataclass(slots=True)
class Batch:
    """One transaction of several deliveries, one after the other: all of them are kept, or none."""

    session: AsyncSession
    now: datetime
    handled: bool = False
    emitted: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery(Generic[M]):
    """One event as a consumer received it."""

    envelope: Envelope[M]
    consumer: str
    topic: str
    content_hash: bytes
    waited: bool = False
    """taken up from the waiting room"""
    dead_letter: UUID | None = None
    """replayed from this dead letter"""
    batch: Batch | None = None
    """the transaction that it shares with its neighbours on the topic"""

    @property
    def data(self) -> M:
        """The fact."""
        return self.envelope.data

    @property
    def member(self) -> UUID | None:
        """Whose topic it came on; the only identity of a member that counts."""
        return member_of(self.topic)

    @property
    def sender(self) -> UUID:
        """The same, where it must have come on a member's own topic. Raises `Unreadable`."""
        if self.member is None:
            raise Unreadable("the topic is no member's")
        return self.member


class ContentDiffers(Rejected):
    """An id that was handled comes again with other content."""


class Once(Generic[W]):
    """Runs a handler once per event, in one transaction with its inbox row and what it emits."""

    def __init__(self, database: Transactions, make_work: MakeWork[W], *, service: str) -> None:
        self.database = database
        self.service = service
        self.make_work = make_work
        self.committed = WakeUp()
        """set after a commit that emitted something"""
        self.handled = WakeUp()
        """set after every handled event: what waited may be ready"""

    async def __call__(self, delivery: Delivery[M], verb: Verb[W]) -> None:
        """Handle a delivery if it is the first of its event; a repetition does nothing.

        Raises whatever `verb` raises, with nothing kept; `ContentDiffers` for a known id with other content.
        """
        if delivery.batch is not None:
            await self._handle(delivery, verb, delivery.batch)
            return
        async with self.batch(delivery.member) as batch:
            await self._handle(delivery, verb, batch)

    @asynccontextmanager
    async def batch(self, tenant: UUID | None) -> AsyncIterator[Batch]:
        """One transaction for all deliveries that carry what this yields. Commits at the end."""
        async with self.database.transaction(tenant) as (session, now):
            batch = Batch(session, now)
            yield batch
        if batch.handled:
            self.handled.set()
        if batch.emitted:
            self.committed.set()

    async def _handle(self, delivery: Delivery[M], verb: Verb[W], batch: Batch) -> None:
        if not await _claimed(batch.session, delivery):
            return
        work = self.make_work(batch.session, _moment(delivery, batch.now, self.service))
        await verb(work)
        batch.emitted += await write_outbox(work)
        batch.handled = True

    async def transact(
        self,
        verb: Callable[[W], Awaitable[T]],
        *,
        tenant: UUID | None = None,
        correlation_id: str | None = None,
    ) -> T:
        """See `Transact`."""
        async with self.database.transaction(tenant) as (session, now):
            moment = Moment(
                now=now, service=self.service, tenant=tenant, correlation_id=correlation_id or str(uuid7(now))
            )
            work = self.make_work(session, moment)
            answer = await verb(work)
            emitted = await write_outbox(work)
        if emitted:
            self.committed.set()
        return answer


def _moment(delivery: Delivery[M], now: datetime, service: str) -> Moment:
    return Moment(
        now=now,
        service=service,
        tenant=delivery.member,
        correlation_id=delivery.envelope.correlationid,
        traceparent=delivery.envelope.traceparent,
    )


async def _claimed(session: AsyncSession, delivery: Delivery[M]) -> bool:
    event = {
        "consumer": delivery.consumer,
        "topic": delivery.topic,
        "source": delivery.envelope.source,
        "event_id": delivery.envelope.id,
    }
    if delivery.dead_letter is not None:
        letter = col(DeadLetterRow.id) == delivery.dead_letter, col(DeadLetterRow.replayed_at).is_(None)
        replayed = await session.exec(update(DeadLetterRow).where(*letter).values(replayed_at=func.now()))
        if not replayed.rowcount:
            raise Rejected("this dead letter has already been replayed")
        await session.exec(delete(InboxRow).filter_by(**event))
    if delivery.waited:
        await session.exec(delete(WaitingRow).filter_by(**event))
    claim = insert(InboxRow).values(**event, content_hash=delivery.content_hash).on_conflict_do_nothing()
    if (await session.exec(claim)).rowcount:
        return True
    known = (await session.exec(select(InboxRow.content_hash).filter_by(**event))).one()
    if bytes(known) != delivery.content_hash:
        raise ContentDiffers(
            "this event id was handled before with other content",
            field="id",
            remedy="give every event its own id",
        )
    return False
