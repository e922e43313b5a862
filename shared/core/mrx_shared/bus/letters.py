"""Where an event goes that cannot be handled now: the dead letters, and the waiting room."""

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal, cast
from uuid import UUID

from sqlalchemy import CursorResult, text
from sqlalchemy.ext.asyncio import AsyncSession
from typing_extensions import override

from mrx_shared.bus.work import Transactions
from mrx_shared.messages.envelope import Header, Unreadable, read_header
from mrx_shared.messages.topics import BRIEF, CONTACTS_DAYS, REQUESTS_IN, member_of
from mrx_shared.refusals import Rejected, TooEarly, Unknown

Cause = Literal["unreadable", "refused", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A record as it lay on Kafka. Its payload shows in no log."""

    topic: str
    partition: int
    offset: int
    payload: bytes

    @override
    def __repr__(self) -> str:
        return f"Letter({self.topic}, {self.partition}, {self.offset})"


_PUT_ASIDE = text("""
    INSERT INTO dead_letter (consumer, topic, kafka_partition, kafka_offset, source, event_id, type, tenant,
        payload, content_hash, cause, reason, tries)
    VALUES (:consumer, :topic, :partition, :offset, :source, :event_id, :type, :tenant,
        :payload, :content_hash, :cause, :reason, :tries)
    ON CONFLICT (consumer, topic, kafka_partition, kafka_offset, content_hash) DO UPDATE
        SET reason = excluded.reason, cause = excluded.cause, tries = dead_letter.tries + excluded.tries,
            replayed_at = NULL
""")
_CLAIM = text("""
    INSERT INTO inbox (consumer, topic, source, event_id, content_hash)
    VALUES (:consumer, :topic, :source, :event_id, :content_hash) ON CONFLICT DO NOTHING
""")
_FORGET_WAITING = text("""
    DELETE FROM waiting
    WHERE consumer = :consumer AND topic = :topic AND source = :source AND event_id = :event_id
""")
_WAIT = text("""
    INSERT INTO waiting (consumer, topic, source, event_id, kafka_partition, kafka_offset, type, tenant,
        payload, content_hash, waiting_for, reason)
    VALUES (:consumer, :topic, :source, :event_id, :partition, :offset, :type, :tenant,
        :payload, :content_hash, :waiting_for, :reason)
    ON CONFLICT (consumer, topic, source, event_id) DO UPDATE
        SET waiting_for = excluded.waiting_for, reason = excluded.reason
        WHERE waiting.content_hash = excluded.content_hash
    RETURNING 1
""")
_LETTERS = text("""
    SELECT id, consumer, topic, kafka_partition, kafka_offset, source, event_id, type, cause, reason, tries,
        died_at, replayed_at, erased_at, length(payload) AS bytes
    FROM dead_letter WHERE :all OR (replayed_at IS NULL AND erased_at IS NULL) ORDER BY died_at, id LIMIT :limit
""")
_LETTER = text("SELECT * FROM dead_letter WHERE id = :id")
_OF_CONTACTS = "(topic = ANY(:brief) OR starts_with(topic, :requests_in))"
_ERASE = text(f"""
    UPDATE dead_letter SET payload = NULL, erased_at = now()
    WHERE payload IS NOT NULL AND died_at < now() - make_interval(days => :days) AND {_OF_CONTACTS}
""")  # noqa: S608
_GIVE_UP = text(f"""
    WITH late AS (
        DELETE FROM waiting WHERE since < now() - make_interval(days => :days) AND {_OF_CONTACTS} RETURNING *),
    claimed AS (
        INSERT INTO inbox (consumer, topic, source, event_id, content_hash)
        SELECT consumer, topic, source, event_id, content_hash FROM late ON CONFLICT DO NOTHING)
    INSERT INTO dead_letter (consumer, topic, kafka_partition, kafka_offset, source, event_id, type, tenant,
        content_hash, cause, reason, tries, erased_at)
    SELECT consumer, topic, kafka_partition, kafka_offset, source, event_id, type, tenant,
        content_hash, 'refused', 'it waited too long for ' || waiting_for, tries, now()
    FROM late ON CONFLICT DO NOTHING
""")  # noqa: S608


def _row(consumer: str, letter: Letter, header: Header | None) -> dict[str, Any]:
    return {
        "consumer": consumer,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "source": header.source if header else None,
        "event_id": header.id if header else None,
        "type": header.type if header else None,
        "tenant": member_of(letter.topic),
        "payload": letter.payload,
        "content_hash": sha256(letter.payload).digest(),
    }


def _header(letter: Letter) -> Header | None:
    try:
        return read_header(letter.payload)
    except Unreadable:
        return None


async def put_aside(
    database: Transactions,
    consumer: str,
    letter: Letter,
    *,
    cause: Cause,
    reason: str,
    tries: int,
    nameless: bool = False,
) -> None:
    """Keep a record that was refused for good, and claim its event, in one transaction.

    With `nameless`, nothing that the record says of itself is looked at: for what no table could hold.
    """
    header = None if nameless else _header(letter)
    row = _row(consumer, letter, header)
    async with database.relay_transaction() as (session, _):
        await session.execute(_PUT_ASIDE, {**row, "cause": cause, "reason": reason, "tries": tries})
        if header is not None:
            await session.execute(_CLAIM, row)
            await session.execute(_FORGET_WAITING, row)


async def keep_waiting(database: Transactions, consumer: str, letter: Letter, early: TooEarly) -> None:
    """Keep an event until what it depends on has come. A repetition is kept once."""
    header = read_header(letter.payload)
    row = {**_row(consumer, letter, header), "waiting_for": early.waiting_for, "reason": early.reason}
    async with database.relay_transaction() as (session, _):
        kept = (await session.execute(_WAIT, row)).first()
    if kept is None:
        await put_aside(
            database,
            consumer,
            letter,
            cause="refused",
            reason="id: an event with this id waits already, with other content",
            tries=1,
        )


async def dead_letters(database: Transactions, *, every: bool, limit: int) -> list[dict[str, Any]]:
    """What was put aside, oldest first, without payloads; also what was replayed, with `every`."""
    async with database.relay_transaction() as (session, _):
        rows = (await session.execute(_LETTERS, {"all": every, "limit": limit})).mappings()
        return [dict(row) for row in rows]


async def dead_letter(database: Transactions, letter_id: UUID) -> dict[str, Any]:
    """One dead letter, whole. Raises `Unknown`."""
    async with database.relay_transaction() as (session, _):
        row = (await session.execute(_LETTER, {"id": letter_id})).mappings().first()
    if row is None:
        raise Unknown("there is no such dead letter", field="id", remedy="list them first")
    return dict(row)


async def erase_contacts(session: AsyncSession) -> int:
    """Erase what came with contacts and lies here for longer than they are kept; what still waited waits no more.

    Returns how many records were erased.
    """
    bounds = {"days": CONTACTS_DAYS, "brief": list(BRIEF), "requests_in": REQUESTS_IN}
    done = [await session.execute(statement, bounds) for statement in (_ERASE, _GIVE_UP)]
    return sum(cast("CursorResult[Any]", one).rowcount for one in done)


def letter_of(row: dict[str, Any]) -> Letter:
    """A dead letter as the record that it was. Raises `Rejected` where its contents are erased."""
    if row["payload"] is None:
        raise Rejected(
            f"its contents were erased on {row['erased_at']:%Y-%m-%d}, since they held contacts",
            field="id",
            remedy="have its sender say it anew",
        )
    return Letter(
        topic=row["topic"],
        partition=row["kafka_partition"],
        offset=row["kafka_offset"],
        payload=bytes(row["payload"]),
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
