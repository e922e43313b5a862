"""report_request's tables, as its migrations make them."""

from datetime import date, datetime
from typing import Final
from uuid import UUID

from mrx_shared.store.tables import (
    BigColumn,
    JsonColumn,
    NullableBig,
    NullableText,
    NullableTime,
    OneOf,
    TextColumn,
    TimeColumn,
    given,
)
from sqlalchemy import TIMESTAMP, CheckConstraint, Index, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from mrx_report_request.domain.decisions import Outcome
from mrx_report_request.domain.requests import Channel, MailState, SlotMail
from mrx_report_request.domain.transitions import State

REQUEST_IS_OPEN = text("state NOT IN ('declined', 'decided', 'expired', 'withdrawn')")
"""with its values, not parameters: by them PostgreSQL finds the index that an ON CONFLICT means"""

SCHEMA: Final = "0004"
"""the version that the newest migration brings the database to"""


class Table(SQLModel, registry=registry()):
    """Base of report_request's tables."""


class ParticipationRow(Table, table=True):
    """Whether a member takes part, as the registry said."""

    __tablename__ = "participation"

    member_id: UUID = Field(primary_key=True)
    participates: bool
    missing: tuple[str, ...] = Field(sa_type=ARRAY(Text, as_tuple=True))
    name: TextColumn
    sequence: BigColumn


class ReleaseRow(Table, table=True):
    """A released list. It counts when all its pages are here."""

    __tablename__ = "release"

    release_id: UUID = Field(primary_key=True)
    round_id: UUID
    as_of: date
    pages: int
    whole: bool = Field(sa_column_kwargs=given("false"))


class ReleasePageRow(Table, table=True):
    """A page of a release that is here."""

    __tablename__ = "release_page"

    release_id: UUID = Field(primary_key=True, foreign_key="release.release_id")
    page: int = Field(primary_key=True)


class ReleasedEntryRow(Table, table=True):
    """An entry of a released list, and its site."""

    __tablename__ = "released_entry"
    __table_args__ = (
        Index("released_entry_by_id", "entry_id"),
        Index("released_entry_by_site", "release_id", "site_token"),
    )

    release_id: UUID = Field(primary_key=True, foreign_key="release.release_id")
    entry_id: str = Field(primary_key=True, sa_type=Text)
    site_token: TextColumn
    half_year: NullableText


class RequestOwnerRow(Table, table=True):
    """Whose request it is, and when the clock should look at it: all that is known of it without its member."""

    __tablename__ = "request_owner"
    __table_args__ = (Index("request_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),)

    request_id: UUID = Field(primary_key=True)
    member_id: UUID
    due_at: NullableTime
    put_off_until: NullableTime


class PageTokenRow(Table, table=True):
    """The hash of a token that opens a supplier's page."""

    __tablename__ = "page_token"
    __table_args__ = (
        CheckConstraint("token_hash ~ '^[0-9a-f]{64}$'"),
        Index("page_token_of_request", "request_id"),
    )

    token_hash: str = Field(primary_key=True, sa_type=Text)
    request_id: UUID = Field(foreign_key="request_owner.request_id")
    member_id: UUID
    mail_id: UUID
    valid_until: TimeColumn


class RequestRow(Table, table=True):
    """A request, with its supplier, its report and the decision on it."""

    __tablename__ = "request"
    __table_args__ = (
        CheckConstraint("term_ends_at > asked_at"),
        CheckConstraint(
            "state IN ('drafted', 'sent', 'opened', 'accepted', 'declined', 'uploading', 'checking', "
            "'available', 'decided', 'expired', 'withdrawn')"
        ),
        CheckConstraint("mail IN ('unsent', 'sent', 'refused', 'bounced')"),
        CheckConstraint("due_mail IN ('invitation', 'reminder', 'closed')"),
        CheckConstraint("(due_mail IS NULL) = (due_mail_at IS NULL)"),
        CheckConstraint("upload_begun_at <= term_ends_at"),
        CheckConstraint("channel IN ('upload', 'platform')"),
        CheckConstraint("outcome IN ('accepted', 'accepted-with-top-up', 'refused')"),
        CheckConstraint("NOT avoided OR outcome = 'accepted'"),
        CheckConstraint("(state IN ('available', 'decided')) = (report_id IS NOT NULL)"),
        CheckConstraint("(state = 'decided') = (outcome IS NOT NULL)"),
        CheckConstraint("(valid_until IS NOT NULL) = (outcome IS NOT NULL AND outcome <> 'refused')"),
        Index("request_open", "member_id", "site_token", unique=True, postgresql_where=REQUEST_IS_OPEN),
        Index("request_of_member", "member_id", "asked_at", "request_id"),
        Index(
            "request_by_file",
            "member_id",
            "report_sha256",
            postgresql_where=text("report_sha256 IS NOT NULL"),
        ),
        Index("request_closing", "site_token", postgresql_where=text("due_mail = 'closed'")),
    )

    request_id: UUID = Field(primary_key=True, foreign_key="request_owner.request_id")
    member_id: UUID
    reference: str = Field(sa_type=Text, unique=True)
    round_id: UUID
    entry_id: TextColumn
    site_token: TextColumn
    site_number: TextColumn
    supplier_name: TextColumn
    language: TextColumn
    contact_email: NullableText
    contact_name: NullableText
    scope: TextColumn
    purpose: TextColumn
    requester_email: NullableText
    requester_language: TextColumn
    asked_at: TimeColumn
    term_begins_at: TimeColumn
    term_ends_at: TimeColumn
    state: State = Field(sa_type=OneOf(State))
    history: JsonColumn
    mail: MailState = Field(sa_type=OneOf(MailState))
    mail_id: UUID | None
    revoked_mails: tuple[UUID, ...] = Field(sa_type=ARRAY(Uuid, as_tuple=True))
    due_mail: SlotMail | None = Field(sa_type=OneOf(SlotMail))
    due_mail_at: NullableTime
    reminders: int
    sent_at: NullableTime
    upload_begun_at: NullableTime
    earlier_uploads: tuple[datetime, ...] = Field(
        sa_type=ARRAY(TIMESTAMP(timezone=True), as_tuple=True), sa_column_kwargs=given("'{}'")
    )
    report_id: UUID | None
    report_sha256: NullableText
    report_size: NullableBig
    channel: Channel | None = Field(sa_type=OneOf(Channel))
    stored_at: NullableTime
    read_at: NullableTime
    access_withdrawn_at: NullableTime
    audit_date: date | None
    outcome: Outcome | None = Field(sa_type=OneOf(Outcome))
    decision_reason: NullableText
    valid_until: date | None
    decided_at: NullableTime
    avoided: bool
    half_year: NullableText


class MailRow(Table, table=True):
    """A mail to the supplier about a request."""

    __tablename__ = "mail"
    __table_args__ = (Index("mail_of_request", "request_id"),)

    mail_id: UUID = Field(primary_key=True)
    request_id: UUID = Field(foreign_key="request_owner.request_id")
    member_id: UUID


class SiteContactRow(Table, table=True):
    """The hash of a mailbox that a member named for a site."""

    __tablename__ = "site_contact"

    member_id: UUID = Field(primary_key=True)
    site_token: str = Field(primary_key=True, sa_type=Text)
    hash: str = Field(primary_key=True, sa_type=Text)
    named_at: TimeColumn
