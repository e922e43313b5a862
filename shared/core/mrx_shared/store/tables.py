"""Column types for tables, and the delivery tables that every service's database has.

A table class states what its migrations made; it validates nothing, so rows become domain objects in the adapter.
"""

from collections.abc import Collection, Mapping
from dataclasses import fields
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast
from uuid import UUID

from sqlalchemy import (
    TIMESTAMP,
    BigInteger,
    CheckConstraint,
    ColumnElement,
    Identity,
    Index,
    Text,
    UniqueConstraint,
    any_,
    literal,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, Insert, insert
from sqlalchemy.orm import InstrumentedAttribute, registry
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel, col
from typing_extensions import override

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

E = TypeVar("E", bound=Enum)
D = TypeVar("D")
T = TypeVar("T")


class OneOf(TypeDecorator[E]):
    """A text column whose values are those of an enumeration."""

    impl = Text
    cache_ok = True

    def __init__(self, values: type[E]) -> None:
        super().__init__()
        self.values = values

    @override
    def process_bind_param(self, value: E | str | None, dialect: "Dialect") -> str | None:
        return None if value is None else str(self.values(value).value)

    @override
    def process_result_value(self, value: str | None, dialect: "Dialect") -> E | None:
        return None if value is None else self.values(value)


def given(default: str) -> dict[str, Any]:
    """`sa_column_kwargs` of a column that the database fills where an insert leaves it out."""
    return {"server_default": sql(default)}


TextColumn = Annotated[str, Field(sa_type=Text)]
NullableText = Annotated[str | None, Field(default=None, sa_type=Text)]
TimeColumn = Annotated[datetime, Field(sa_type=TIMESTAMP(timezone=True))]
NullableTime = Annotated[datetime | None, Field(default=None, sa_type=TIMESTAMP(timezone=True))]
NowColumn = Annotated[datetime, Field(sa_type=TIMESTAMP(timezone=True), sa_column_kwargs=given("now()"))]
BigColumn = Annotated[int, Field(sa_type=BigInteger)]
NullableBig = Annotated[int | None, Field(default=None, sa_type=BigInteger)]
JsonColumn = Annotated[Any, Field(sa_type=JSONB)]
TextsColumn = Annotated[list[str], Field(sa_type=ARRAY(Text))]
EntryColumn = Annotated[int, Field(sa_type=BigInteger, sa_column_args=[Identity(always=True)])]
"""the order in which rows were written; the database numbers them"""


def columns(table: type[SQLModel], *names: str) -> list[InstrumentedAttribute[Any]]:
    """Columns by their names, where there are more than SQLModel's `select` can type, or where one is deferred."""
    return [getattr(table, name) for name in names]


def among(column: T, few: Collection[T]) -> ColumnElement[bool]:
    """Whether a column has one of these values: one array, so that the statement is the same for any number."""
    kind = ARRAY(cast("InstrumentedAttribute[T]", column).type)
    return col(column) == any_(literal(list(few), kind))


def domain(kind: type[D], row: object, /, **more: object) -> D:
    """A dataclass whose fields are columns of `row`; `more` gives those that are not."""
    names = [field.name for field in fields(cast("Any", kind)) if field.init and field.name not in more]
    return kind(**{name: getattr(row, name) for name in names}, **more)


def values(instance: Any, *leave_out: str) -> dict[str, Any]:  # noqa: ANN401  (any dataclass)
    """A dataclass's fields by name, as values of columns."""
    return {
        field.name: getattr(instance, field.name) for field in fields(instance) if field.name not in leave_out
    }


def upsert(
    table: type[SQLModel],
    row: Mapping[str, object] | None,
    *,
    key: Collection[str],
    changed: Collection[str] | None = None,
    where: ColumnElement[bool] | None = None,
) -> Insert:
    """Insert a row, or change columns of the one that has its key: `changed`, by default all but the key.

    Without a row it is run once for each of many, and `changed` is named. With `where`, only a row that fulfils it changes.
    """
    added = insert(table) if row is None else insert(table).values(row)
    names = [name for name in row or () if name not in key] if changed is None else changed
    return added.on_conflict_do_update(
        index_elements=list(key), set_={name: added.excluded[name] for name in names}, where=where
    )


class DeliveryTable(SQLModel, registry=registry()):
    """Base of the delivery tables."""


class OutboxRow(DeliveryTable, table=True):
    """An event that a service published, or will: kept for ever, in a chain of hashes."""

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("topic", "key", "sequence"),
        Index("outbox_unnumbered", "entry", postgresql_where=sql("position IS NULL")),
        Index("outbox_unsent", "position", postgresql_where=sql("sent_at IS NULL")),
    )

    entry: int = Field(sa_type=BigInteger, sa_column_args=[Identity(always=True)], unique=True)
    id: UUID = Field(primary_key=True)
    topic: TextColumn
    key: TextColumn
    sequence: BigColumn
    type: TextColumn
    tenant: UUID | None
    payload: bytes | None
    salt: bytes
    digest: bytes
    said_at: TimeColumn
    position: int | None = Field(sa_type=BigInteger, unique=True)
    chain: bytes | None
    sent_at: NullableTime
    parked_at: NullableTime
    tries: int = Field(sa_column_kwargs=given("0"))
    error: NullableText


class OutboxVersionRow(DeliveryTable, table=True):
    """The last version of an aggregate that an event was said about."""

    __tablename__ = "outbox_version"

    topic: str = Field(primary_key=True, sa_type=Text)
    key: str = Field(primary_key=True, sa_type=Text)
    sequence: BigColumn


class OfDelivery(DeliveryTable):
    """Columns of an event that a consumer received."""

    consumer: str = Field(primary_key=True, sa_type=Text)
    topic: str = Field(primary_key=True, sa_type=Text)
    source: str = Field(primary_key=True, sa_type=Text)
    event_id: UUID = Field(primary_key=True)
    content_hash: bytes


class InboxRow(OfDelivery, table=True):
    """An event that a consumer handled."""

    __tablename__ = "inbox"

    claimed_at: NowColumn


class DeadLetterRow(DeliveryTable, table=True):
    """A record that a consumer refused for good, or failed at."""

    __tablename__ = "dead_letter"
    __table_args__ = (
        CheckConstraint("cause IN ('unreadable', 'refused', 'failed')"),
        CheckConstraint("(erased_at IS NOT NULL) = (payload IS NULL)"),
        UniqueConstraint("consumer", "topic", "kafka_partition", "kafka_offset", "content_hash"),
        Index("dead_letter_kept", "died_at", postgresql_where=sql("payload IS NOT NULL")),
    )

    id: UUID = Field(primary_key=True, sa_column_kwargs=given("uuidv7()"))
    consumer: TextColumn
    topic: TextColumn
    kafka_partition: int
    kafka_offset: BigColumn
    source: NullableText
    event_id: UUID | None
    type: NullableText
    tenant: UUID | None
    payload: bytes | None
    content_hash: bytes
    cause: TextColumn
    reason: TextColumn
    tries: int
    died_at: NowColumn
    replayed_at: NullableTime
    erased_at: NullableTime


class WaitingRow(OfDelivery, table=True):
    """An event that waits for another."""

    __tablename__ = "waiting"
    __table_args__ = (Index("waiting_by_cause", "waiting_for", "entry"),)

    entry: int = Field(sa_type=BigInteger, sa_column_args=[Identity(always=True)], unique=True)
    kafka_partition: int
    kafka_offset: BigColumn
    type: TextColumn
    tenant: UUID | None
    payload: bytes
    waiting_for: TextColumn
    reason: TextColumn
    since: NowColumn
    tries: int = Field(sa_column_kwargs=given("0"))
    noticed_at: NullableTime


class IdempotencyRow(DeliveryTable, table=True):
    """A POST that was done, and its answer."""

    __tablename__ = "idempotency"

    principal: str = Field(primary_key=True, sa_type=Text)
    key: str = Field(primary_key=True, sa_type=Text)
    tenant: UUID | None
    request_hash: bytes
    status: int | None
    body: Any = Field(sa_type=JSONB, nullable=True)
    claimed_at: NowColumn


class TokenKeyRow(DeliveryTable, table=True):
    """A public key of the registry, by which tokens are verified."""

    __tablename__ = "token_key"

    key_id: str = Field(primary_key=True, sa_type=Text)
    public_key: TextColumn
    valid_from: TimeColumn
