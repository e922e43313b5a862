"""The exchange adapter's tables, as its migrations make them."""

from datetime import date
from typing import Final
from uuid import UUID

from mrx_shared.store.tables import (
    BigColumn,
    NullableText,
    NullableTime,
    OneOf,
    TextColumn,
    TextsColumn,
    TimeColumn,
    given,
)
from sqlalchemy import CheckConstraint, Index, Text, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from mrx_exchange_adapter.domain.platform import ShareState
from mrx_exchange_adapter.domain.tickets import State

SCHEMA: Final = "0005"
"""the version that the newest migration brings the database to"""


class Table(SQLModel, registry=registry()):
    """Base of the exchange adapter's tables."""


class PageTokenRow(Table, table=True):
    """The hash of a token that opens a supplier's page. Tokens from before mails were noted have no mail."""

    __tablename__ = "page_token"

    token_hash: bytes = Field(primary_key=True)
    request_id: UUID
    mail_id: UUID | None
    valid_until: TimeColumn


class RevokedMailRow(Table, table=True):
    """A mail whose links open nothing any more; either it or its token may be heard of first."""

    __tablename__ = "revoked_mail"

    request_id: UUID = Field(primary_key=True)
    mail_id: UUID = Field(primary_key=True)


class RequestOwnerRow(Table, table=True):
    """Whose request it is, for those who come without a tenant."""

    __tablename__ = "request_owner"

    request_id: UUID = Field(primary_key=True)
    member_id: UUID


class TicketScheduleRow(Table, table=True):
    """When a ticket is to be looked at next, and since when its file is held back."""

    __tablename__ = "ticket_schedule"
    __table_args__ = (
        Index("ticket_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index("ticket_held", "ticket_id", postgresql_where=text("held_since IS NOT NULL")),
    )

    ticket_id: UUID = Field(primary_key=True)
    member_id: UUID
    waiting: bool
    due_at: NullableTime
    held_since: NullableTime


class RequestRow(Table, table=True):
    """A member's request as it was last heard of."""

    __tablename__ = "request"

    request_id: UUID = Field(primary_key=True, foreign_key="request_owner.request_id")
    member_id: UUID
    sequence: BigColumn
    state: TextColumn
    reference: TextColumn
    term_ends_at: TimeColumn


class TicketRow(Table, table=True):
    """A member's ticket: room for one file."""

    __tablename__ = "ticket"
    __table_args__ = (
        CheckConstraint("channel IN ('upload', 'platform')"),
        CheckConstraint("length(sha256) = 32"),
        CheckConstraint("size > 0"),
        CheckConstraint("state IN ('waiting', 'received', 'checking', 'stored', 'refused', 'lapsed')"),
        CheckConstraint("(settled_at IS NOT NULL) = (state IN ('stored', 'refused', 'lapsed'))"),
        Index("ticket_of_request", "request_id"),
    )

    ticket_id: UUID = Field(primary_key=True, foreign_key="ticket_schedule.ticket_id")
    request_id: UUID = Field(foreign_key="request.request_id")
    member_id: UUID
    channel: TextColumn
    object_key: str = Field(sa_type=Text, unique=True)
    sha256: bytes
    size: BigColumn
    state: State = Field(sa_type=OneOf(State))
    minted_at: TimeColumn
    expires_at: TimeColumn
    settled_at: NullableTime
    tries: int
    timeouts: int = Field(sa_column_kwargs=given("0"))
    reasons: TextsColumn
    audit_date: date | None
    protocol: NullableText
    protocol_version: NullableText


class ReportRow(Table, table=True):
    """A member's report, as it lies in the vault."""

    __tablename__ = "report"

    report_id: UUID = Field(primary_key=True)
    request_id: UUID = Field(unique=True, foreign_key="request.request_id")
    ticket_id: UUID = Field(unique=True, foreign_key="ticket.ticket_id")
    member_id: UUID
    channel: TextColumn
    vault_key: str = Field(sa_type=Text, unique=True)
    sha256: bytes
    size: BigColumn
    stored_at: TimeColumn
    withdrawn_at: NullableTime


class AccessRow(Table, table=True):
    """A link to a report that was given to its member."""

    __tablename__ = "access"
    __table_args__ = (Index("access_of_report", "report_id"),)

    access_id: UUID = Field(primary_key=True)
    report_id: UUID = Field(foreign_key="report.report_id")
    member_id: UUID
    read_by: TextColumn
    read_at: TimeColumn


class ShareRow(Table, table=True):
    """A member's sharing on the platform."""

    __tablename__ = "share"
    __table_args__ = (
        CheckConstraint("state IN ('waiting-for-access', 'checking', 'stored', 'refused', 'withdrawn')"),
    )

    request_id: UUID = Field(primary_key=True, foreign_key="request.request_id")
    member_id: UUID
    site_code: TextColumn
    reference: TextColumn
    verified: bool
    state: ShareState = Field(sa_type=OneOf(ShareState))
    since: TimeColumn
    attempt: int
    reason: NullableText
    grant_id: NullableText
    taken: NullableText
    ticket_id: UUID | None = Field(foreign_key="ticket.ticket_id")


class ShareWatchRow(Table, table=True):
    """Which sharings are to be looked at, for a loop that has no tenant."""

    __tablename__ = "share_watch"
    __table_args__ = (Index("share_watched", "request_id", postgresql_where=text("watched")),)

    request_id: UUID = Field(primary_key=True, foreign_key="request_owner.request_id")
    member_id: UUID
    grant_id: NullableText
    resting: bool
    watched: bool
