"""Notification's tables, as its migrations make them."""

from typing import Final
from uuid import UUID

from mrx_shared.store.tables import NullableText, NullableTime, OneOf, TextColumn, TimeColumn
from sqlalchemy import CheckConstraint, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from mrx_notification.domain.mails import Cause, Kind, State

SCHEMA: Final = "0002"
"""the version that the newest migration brings the database to"""


class Table(SQLModel, registry=registry()):
    """Base of notification's tables."""


class MailRow(Table, table=True):
    """A mail. Its words go when it was sent or failed, its address a week later."""

    __tablename__ = "mail"
    __table_args__ = (
        CheckConstraint("asked_by IN ('report_request', 'registry')"),
        CheckConstraint("state IN ('waiting', 'sent', 'failed')"),
        CheckConstraint("cause IN ('refused', 'bounced', 'given-up', 'unsafe')"),
        CheckConstraint("(state = 'failed') = (cause IS NOT NULL)"),
        CheckConstraint("(state = 'waiting') = (ended_at IS NULL)"),
        CheckConstraint("(state = 'waiting') = (words IS NOT NULL)"),
        CheckConstraint("state <> 'waiting' OR address IS NOT NULL"),
        Index("mail_due", "due_at", "address", "mail_id", postgresql_where=text("state = 'waiting'")),
        Index("mail_in_slot", "slot_at", "address", postgresql_where=text("state = 'waiting'")),
        Index("mail_of_letter", "letter_id"),
        Index("mail_to_forget", "ended_at", postgresql_where=text("address IS NOT NULL")),
    )

    mail_id: UUID = Field(primary_key=True)
    event_id: UUID = Field(unique=True)
    letter_id: UUID
    correlation_id: str = Field(sa_type=Text, sa_column_kwargs={"name": "story", "key": "correlation_id"})
    kind: Kind = Field(sa_type=OneOf(Kind))
    asked_by: TextColumn
    about: UUID
    language: TextColumn
    with_link: bool
    address: NullableText
    words: dict[str, str | None] | None = Field(sa_type=JSONB(none_as_null=True))
    asked_at: TimeColumn
    state: State = Field(sa_type=OneOf(State))
    tries: int
    due_at: TimeColumn
    slot_at: NullableTime
    status: NullableText
    cause: Cause | None = Field(sa_type=OneOf(Cause))
    sent_at: NullableTime
    ended_at: NullableTime


class LinkTokenRow(Table, table=True):
    """The hash of a token, kept before the mail with its link is handed to the mail server."""

    __tablename__ = "link_token"
    __table_args__ = (Index("link_token_of", "mail_id"),)

    hash: str = Field(primary_key=True, sa_type=Text)
    mail_id: UUID = Field(foreign_key="mail.mail_id")
    made_at: TimeColumn
