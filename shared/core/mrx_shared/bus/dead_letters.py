"""Where an event goes that cannot be handled now: the dead letters, and the waiting room."""

import json
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Text, UpdateBase, and_, delete, func, literal, or_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import defer
from sqlalchemy.sql.elements import ColumnElement
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from typing_extensions import override

from mrx_shared.bus.work import Transactions
from mrx_shared.messages.envelope import Header, Unreadable, read_header
from mrx_shared.messages.topics import BRIEF, CONTACTS_DAYS, REQUESTS_IN, member_of
from mrx_shared.refusals import Rejected, TooEarly, Unknown
from mrx_shared.store.tables import DeadLetterRow, InboxRow, WaitingRow, columns

Cause = Literal["unreadable", "refused", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record as it lay on Kafka. Its payload shows in no log."""

    topic: str
    partition: int
    offset: int
    payload: bytes

    @override
    def __repr__(self) -> str:
        return f"Record({self.topic}, {self.partition}, {self.offset})"


UNSETTLED = and_(col(DeadLetterRow.replayed_at).is_(None), col(DeadLetterRow.erased_at).is_(None))
"""dead letters that an operator has still to look at"""
_HEAD = ("consumer", "topic", "kafka_partition", "kafka_offset", "source", "event_id", "type", "tenant")


def _row(consumer: str, record: Record, header: Header | None) -> dict[str, Any]:
    return {
        "consumer": consumer,
        "topic": record.topic,
        "kafka_partition": record.partition,
        "kafka_offset": record.offset,
        "source": header.source if header else None,
        "event_id": header.id if header else None,
        "type": header.type if header else None,
        "tenant": member_of(record.topic),
        "payload": record.payload,
        "content_hash": sha256(record.payload).digest(),
    }


def _header(record: Record) -> Header | None:
    try:
        return read_header(record.payload)
    except Unreadable:
        return None


async def add_dead_letter(
    database: Transactions,
    consumer: str,
    record: Record,
    *,
    cause: Cause,
    reason: str,
    tries: int,
    nameless: bool = False,
) -> None:
    """Keep a record that was refused for good, and claim its event, in one transaction.

    With `nameless`, nothing that the record says of itself is looked at: for what no table could hold.
    """
    header = None if nameless else _header(record)
    row = _row(consumer, record, header)
    kept = insert(DeadLetterRow).values(**row, cause=cause, reason=reason, tries=tries)
    again = {
        "reason": kept.excluded.reason,
        "cause": kept.excluded.cause,
        "tries": DeadLetterRow.tries + kept.excluded.tries,
        "replayed_at": None,
    }
    place = ["consumer", "topic", "kafka_partition", "kafka_offset", "content_hash"]
    event = {name: row[name] for name in ("consumer", "topic", "source", "event_id")}
    async with database.relay_transaction() as (session, _):
        await session.exec(kept.on_conflict_do_update(index_elements=place, set_=again))
        if header is not None:
            claim = insert(InboxRow).values(**event, content_hash=row["content_hash"])
            await session.exec(claim.on_conflict_do_nothing())
            await session.exec(delete(WaitingRow).filter_by(**event))


async def keep_waiting(database: Transactions, consumer: str, record: Record, early: TooEarly) -> None:
    """Keep an event until what it depends on has come. A repetition is kept once."""
    header = read_header(record.payload)
    wait = insert(WaitingRow).values(
        **_row(consumer, record, header), waiting_for=early.waiting_for, reason=early.reason
    )
    again = wait.on_conflict_do_update(
        index_elements=["consumer", "topic", "source", "event_id"],
        set_={"waiting_for": wait.excluded.waiting_for, "reason": wait.excluded.reason},
        where=col(WaitingRow.content_hash) == wait.excluded.content_hash,
    )
    async with database.relay_transaction() as (session, _):
        kept = (await session.exec(again)).rowcount
    if not kept:
        await add_dead_letter(
            database,
            consumer,
            record,
            cause="refused",
            reason="id: an event with this id waits already, with other content",
            tries=1,
        )


async def dead_letters(database: Transactions, *, every: bool, limit: int) -> list[dict[str, Any]]:
    """Dead letters, oldest first, without payloads; also what was replayed, with `every`."""
    letters = select(DeadLetterRow, func.length(DeadLetterRow.payload))
    if not every:
        letters = letters.where(UNSETTLED)
    async with database.relay_transaction() as (session, _):
        ordered = (
            letters.options(defer(*columns(DeadLetterRow, "payload")))
            .order_by(col(DeadLetterRow.died_at), col(DeadLetterRow.id))
            .limit(limit)
        )
        hidden = {"tenant", "payload", "content_hash"}
        rows = await session.exec(ordered)
        return [{**row.model_dump(exclude=hidden), "bytes": size} for row, size in rows]


async def dead_letter(database: Transactions, letter_id: UUID) -> DeadLetterRow:
    """One dead letter, whole. Raises `Unknown`."""
    async with database.relay_transaction() as (session, _):
        row = (await session.exec(select(DeadLetterRow).where(DeadLetterRow.id == letter_id))).first()
    if row is None:
        raise Unknown("there is no such dead letter", field="id", remedy="list them first")
    return row


async def erase_contacts(session: AsyncSession) -> int:
    """Erase what came with contacts and lies here for longer than they are kept; what still waited waits no more.

    Returns how many records were erased.
    """
    until = func.now() - timedelta(days=CONTACTS_DAYS)
    over = col(DeadLetterRow.payload).is_not(None), col(DeadLetterRow.died_at) < until
    erase = update(DeadLetterRow).where(*over, _of_contacts(DeadLetterRow))
    erased = await session.exec(erase.values(payload=None, erased_at=func.now()))
    return erased.rowcount + (await session.exec(_give_up(until))).rowcount


def _give_up(until: ColumnElement[Any]) -> UpdateBase:
    """What waits since before then becomes a dead letter without contents, and its event counts as handled."""
    waited = delete(WaitingRow).where(col(WaitingRow.since) < until, _of_contacts(WaitingRow))
    late = waited.returning(WaitingRow).cte("late")
    event = [late.c[name] for name in ("consumer", "topic", "source", "event_id", "content_hash")]
    claimed = insert(InboxRow).from_select([one.name for one in event], select(*event))
    letter = {
        **{name: late.c[name] for name in (*_HEAD, "content_hash", "tries")},
        "cause": literal("refused"),
        "reason": literal("it waited too long for ", Text) + late.c.waiting_for,
        "erased_at": func.now(),
    }
    given_up = insert(DeadLetterRow).from_select(list(letter), select(*letter.values()))
    return given_up.on_conflict_do_nothing().add_cte(claimed.on_conflict_do_nothing().cte("claimed"))


def _of_contacts(table: type[DeadLetterRow] | type[WaitingRow]) -> ColumnElement[bool]:
    topic = col(table.topic)
    return or_(topic.in_(BRIEF), topic.startswith(REQUESTS_IN, autoescape=True))


def record_of(row: DeadLetterRow | WaitingRow) -> Record:
    """A row as the record that it was. Raises `Rejected` where its contents are erased."""
    if isinstance(row, DeadLetterRow) and row.erased_at is not None:
        raise Rejected(
            f"its contents were erased on {row.erased_at:%Y-%m-%d} because they held contacts",
            field="id",
            remedy="have its sender send it again",
        )
    return Record(
        topic=row.topic, partition=row.kafka_partition, offset=row.kafka_offset, payload=row.payload or b""
    )


def masked(payload: bytes) -> object:
    """A payload's shape for an operator's eyes: field names stay, every value is replaced by its type."""
    try:
        return _shape(json.loads(payload))
    except ValueError:
        return f"{len(payload)} bytes that are not JSON"


ENVELOPE_FIELDS = {"specversion", "id", "source", "type", "time", "sequence", "datacontenttype"}


def _shape(value: object, *, top: bool = True) -> object:
    if isinstance(value, dict):
        return {
            name: inner if top and name in ENVELOPE_FIELDS else _shape(inner, top=False)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        first = [_shape(value[0], top=False)] if value else []
        return [*first, f"{len(value)} in all"]
    return type(value).__name__
