"""One transaction's work: its moment, and the events that it emits."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import count
from typing import Any, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Text, cast, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningInsert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from mrx_shared.kit.ids import uuid7
from mrx_shared.messages.envelope import Envelope, Message, encode
from mrx_shared.messages.topics import out
from mrx_shared.store.tables import OutboxRow, OutboxVersionRow

FACT_BYTES = 900 * 1024
FACTS_AT_ONCE = 20
"""so many are put into words before anybody else may go on"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What a transaction is about: when, in which service, for which tenant, under which correlation id."""

    now: datetime
    service: str
    tenant: UUID | None
    correlation_id: str
    traceparent: str | None = None


class EventTooLarge(Exception):
    """A fact above 900 KiB: it must travel in pages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Emitted:
    topic: str
    key: str
    fact: Message
    to: UUID | None


class SqlWork:
    """Base of every service's work over PostgreSQL; the service adds its repositories.

    `make(session, moment)` is called once a transaction, inside it.
    """

    def __init__(self, session: AsyncSession, moment: Moment) -> None:
        self.session = session
        self.moment = moment
        self._emitted: list[_Emitted] = []

    @property
    def now(self) -> datetime:
        """The transaction's moment: the database's clock and `MRX_CLOCK_OFFSET`, UTC."""
        return self.moment.now

    def new_id(self) -> UUID:
        """A new id, ordered by time."""
        return uuid7(self.now)

    def emit(self, fact: Message, *, about: str, to: UUID | None = None) -> None:
        """Emit an event with this transaction or not at all; `to` a member, or on the topic of its type."""
        size = len(fact.model_dump_json())
        if size > FACT_BYTES:
            raise EventTooLarge(f"{fact.type}: {size} bytes, at most {FACT_BYTES}")
        if fact.owner() != self.moment.service:
            raise TypeError(f"{self.moment.service} may not emit {fact.type}")
        topic = out(to) if to else fact.apart or f"mrx.{self.moment.service}.v1"
        self._emitted.append(_Emitted(topic=topic, key=str(to) if to else about, fact=fact, to=to))

    async def write_outbox(self) -> int:
        """Write what was emitted into the outbox. Returns how many events.

        The version's row stays locked until the commit, so a key's facts commit in the order of their versions;
        sorting by key keeps two transactions from waiting for each other.
        """
        emitted = sorted(self._emitted, key=lambda one: (one.topic, one.key))
        self._emitted = []
        if not emitted:
            return 0
        counts = Counter((one.topic, one.key) for one in emitted)
        # The last versions come back: a key's facts take those before it, in the order in which they were emitted.
        following = {
            (topic, key): count(last - counts[topic, key] + 1)
            for topic, key, last in await self.session.exec(_next_versions(counts))
        }
        for start in range(0, len(emitted), FACTS_AT_ONCE):
            part = emitted[start : start + FACTS_AT_ONCE]
            written = [self._row(one, next(following[one.topic, one.key])) for one in part]
            await self.session.exec(insert(OutboxRow), params=written)
        return len(emitted)

    def _row(self, one: _Emitted, sequence: int) -> dict[str, Any]:
        envelope: Envelope[Message] = Envelope(
            id=uuid7(self.now),
            source=f"/{self.moment.service}",
            type=one.fact.type,
            subject=one.key,
            time=self.now,
            data=one.fact,
            correlationid=self.moment.correlation_id,
            sequence=sequence,
            traceparent=self.moment.traceparent,
        )
        payload = encode(envelope)
        salt = secrets.token_bytes(16)
        return {
            "id": envelope.id,
            "topic": one.topic,
            "key": one.key,
            "sequence": sequence,
            "type": one.fact.type,
            "tenant": one.to,
            "payload": payload,
            "salt": salt,
            "digest": sha256(salt + payload).digest(),
            "said_at": self.now,
        }


def _next_versions(counts: Mapping[tuple[str, str], int]) -> ReturningInsert[str, str, int]:
    """Take so many versions more of each (topic, key); returns the last of each."""
    new = (
        func.unnest(
            cast([topic for topic, _ in counts], ARRAY(Text)),
            cast([key for _, key in counts], ARRAY(Text)),
            cast(list(counts.values()), ARRAY(BigInteger)),
        )
        .table_valued("topic", "key", "sequence")
        .render_derived()
    )
    taken = insert(OutboxVersionRow).from_select(
        ["topic", "key", "sequence"], select(new.c.topic, new.c.key, new.c.sequence)
    )
    return taken.on_conflict_do_update(
        index_elements=["topic", "key"],
        set_={"sequence": OutboxVersionRow.sequence + taken.excluded.sequence},
    ).returning(col(OutboxVersionRow.topic), col(OutboxVersionRow.key), col(OutboxVersionRow.sequence))


W = TypeVar("W")
"""A service's `ports.Work`; over PostgreSQL it is a `SqlWork`."""
MakeWork = Callable[[AsyncSession, Moment], W]
Verb = Callable[[W], Awaitable[None]]


class Transactions(Protocol):
    """What delivery needs of a service's database."""

    def transaction(self, tenant: UUID | None) -> AbstractAsyncContextManager[tuple[AsyncSession, datetime]]:
        """One transaction as the service's own role."""

    def relay_transaction(self) -> AbstractAsyncContextManager[tuple[AsyncSession, datetime]]:
        """One transaction as the role that sees the delivery tables alone."""


async def write_outbox(work: object) -> int:
    """Write what a work over PostgreSQL emitted. Returns how many events."""
    assert isinstance(work, SqlWork)
    return await work.write_outbox()


class WakeUp(asyncio.Event):
    """Wakes one task from another; set while nobody waits, it is not lost."""

    async def within(self, seconds: float) -> None:
        """Return once it is set, or after so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.wait()
        self.clear()
