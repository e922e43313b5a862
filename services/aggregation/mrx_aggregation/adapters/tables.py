"""Aggregation's tables, as its migrations make them. No role reads all of them."""

from datetime import date
from typing import Any, Final
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
from sqlalchemy import ARRAY, CheckConstraint, Identity, Index, Integer, Text, UniqueConstraint, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from mrx_aggregation.domain.lists import Cause, ListState
from mrx_aggregation.domain.rounds import RoundState

SCHEMA: Final = "0004"
"""the version that the newest migration brings the database to"""


class Table(SQLModel, registry=registry()):
    """Base of aggregation's tables."""


class ParticipationRow(Table, table=True):
    """Whether a member takes part, and the groups that it belongs to and is tied to."""

    __tablename__ = "participation"

    member_id: UUID = Field(primary_key=True)
    group_id: UUID
    tied_groups: list[UUID] = Field(sa_type=ARRAY(Uuid))
    participates: bool
    missing: TextsColumn
    company_names: TextsColumn
    sequence: BigColumn


class RecognitionRow(Table, table=True):
    """What the benchmark concluded about a protocol version under one version of the criteria."""

    __tablename__ = "recognition"
    __table_args__ = (Index("recognition_by_key", "code_key", "version_key"),)

    protocol_id: UUID = Field(primary_key=True)
    protocol_version: str = Field(primary_key=True, sa_type=Text)
    criteria_version: str = Field(primary_key=True, sa_type=Text)
    protocol_code: TextColumn
    code_key: TextColumn
    version_key: TextColumn
    scheme_family: TextColumn
    public: bool
    equivalent: bool
    recognised_from: date | None
    recognised_until: date | None
    member_id: UUID | None
    sequence: BigColumn


class RoundRow(Table, table=True):
    """A round of lists. At most one is open."""

    __tablename__ = "round"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'closing', 'closed', 'proposed', 'releasing', 'released')"),
        CheckConstraint("approved_by <> proposed_by"),
        Index("round_one_open", text("(true)"), unique=True, postgresql_where=text("state = 'open'")),
    )

    round_id: UUID = Field(primary_key=True)
    number: int = Field(sa_column_args=[Identity(always=True)], unique=True)
    as_of: date
    state: RoundState = Field(sa_type=OneOf(RoundState))
    leave_waiting: bool = Field(sa_column_kwargs=given("false"))
    opened_at: TimeColumn
    closed_at: NullableTime
    proposed_by: NullableText
    approved_by: NullableText
    release_id: UUID | None = Field(unique=True)
    compared_with: UUID | None
    numbers: dict[str, int] = Field(sa_type=JSONB, sa_column_kwargs=given("'{}'"))
    trouble: dict[str, Any] | None = Field(sa_type=JSONB(none_as_null=True))


class OfRevision(Table):
    """Columns of what belongs to a revision of a member's list."""

    member_id: UUID = Field(primary_key=True)
    list_id: UUID = Field(primary_key=True)
    revision: int = Field(primary_key=True)


class ReceivedListRow(OfRevision, table=True):
    """A revision of a member's list."""

    __tablename__ = "received_list"
    __table_args__ = (
        CheckConstraint("state IN ('incomplete', 'waiting', 'accepted', 'refused', 'replaced')"),
        CheckConstraint("cause IN ('participation', 'round')"),
        Index("received_list_of_round", "round_id"),
        Index(
            "received_list_unsettled",
            "state",
            postgresql_where=text("state IN ('incomplete', 'waiting') OR cause IS NOT NULL"),
        ),
    )

    received_at: TimeColumn
    state: ListState = Field(sa_type=OneOf(ListState))
    pages: int | None
    rows: int | None
    sha256: NullableText
    cause: Cause | None = Field(sa_type=OneOf(Cause))
    reason: NullableText
    remedy: NullableText
    round_id: UUID | None = Field(foreign_key="round.round_id")
    accepted: int = Field(sa_column_kwargs=given("0"))
    refused: int = Field(sa_column_kwargs=given("0"))
    waiting: int = Field(sa_column_kwargs=given("0"))
    left_rows: list[int] | None = Field(sa_type=ARRAY(Integer))


class PageRow(OfRevision, table=True):
    """A page of a member's list: packed lines of canonical JSON."""

    __tablename__ = "page"

    page: int = Field(primary_key=True)
    rows: int
    digest: bytes
    body: bytes
    unread: TextsColumn


class EntryRow(OfRevision, table=True):
    """A row of a member's list that counts, or waits for its protocol version."""

    __tablename__ = "entry"
    __table_args__ = (
        CheckConstraint("(waits_for_code IS NULL) = (scheme_family IS NOT NULL)"),
        Index(
            "entry_waiting",
            "waits_for_code",
            "waits_for_version",
            postgresql_where=text("waits_for_code IS NOT NULL"),
        ),
    )

    round_id: UUID
    row: int = Field(primary_key=True)
    row_ref: TextColumn
    waits_for_code: NullableText
    waits_for_version: NullableText
    site_name: TextColumn
    address: TextColumn
    city: TextColumn
    region: TextColumn
    postcode: TextColumn
    country: TextColumn
    audit_date: date
    scheme_family: NullableText
    os_id: TextColumn
    lei: TextColumn
    duns: TextColumn
    gln: TextColumn
    vat: TextColumn
    zs: TextColumn
    zc: TextColumn


class RefusalRow(OfRevision, table=True):
    """A row of a member's list that was refused."""

    __tablename__ = "refused_row"

    row: int = Field(primary_key=True)
    row_ref: TextColumn
    field: TextColumn
    reason: TextColumn
    remedy: TextColumn


class ContributionRow(Table, table=True):
    """What a revision of a member's list brings to a round that closes."""

    __tablename__ = "contribution"

    round_id: UUID = Field(primary_key=True, foreign_key="round.round_id")
    member_id: UUID = Field(primary_key=True)
    list_id: UUID = Field(primary_key=True)
    revision: int = Field(primary_key=True)
    rows: int
    accepted: int
    refused: int
    waiting: int


class LinkRow(Table, table=True):
    """Which member's row is which site: the resolver's alone."""

    __tablename__ = "link"
    __table_args__ = (Index("link_of_site", "round_id", "site"),)

    round_id: UUID = Field(primary_key=True, foreign_key="round.round_id")
    member_id: UUID = Field(primary_key=True)
    list_id: UUID = Field(primary_key=True)
    revision: int = Field(primary_key=True)
    row: int = Field(primary_key=True)
    record: bytes
    audit_date: date
    scheme_family: TextColumn
    site: bytes
    stays: bool = Field(sa_column_kwargs=given("false"))


class PoolSiteRow(Table, table=True):
    """A site without members. The app does not see it."""

    __tablename__ = "pool_site"

    round_id: UUID = Field(primary_key=True, foreign_key="round.round_id")
    site: bytes = Field(primary_key=True)
    site_name: TextColumn
    address: TextColumn
    city: TextColumn
    region: TextColumn
    country: TextColumn
    os_id: TextColumn
    lei: TextColumn
    scheme_family: TextColumn
    audit_half_year: TextColumn


class HeldSiteRow(Table, table=True):
    """A site that waits for a later release."""

    __tablename__ = "held_site"

    round_id: UUID = Field(primary_key=True, foreign_key="round.round_id")
    site: bytes = Field(primary_key=True)


class ReleaseRow(Table, table=True):
    """A released list, or one in the making."""

    __tablename__ = "release"

    release_id: UUID = Field(primary_key=True)
    round_id: UUID = Field(unique=True, foreign_key="round.round_id")
    as_of: date
    rows: int | None
    held: int | None
    documents: dict[str, str] | None = Field(sa_type=JSONB(none_as_null=True))
    released_at: NullableTime


class ReleaseKeyRow(Table, table=True):
    """The key of a release's entry ids: the app writes it, the writer alone reads it."""

    __tablename__ = "release_key"
    __table_args__ = (CheckConstraint("length(key) >= 32"),)

    release_id: UUID = Field(primary_key=True, foreign_key="release.release_id")
    key: bytes


class ReleasedSiteRow(Table, table=True):
    """An entry of a release, with what tells its site in every release."""

    __tablename__ = "released_site"
    __table_args__ = (
        UniqueConstraint("release_id", "entry_id"),
        Index("released_site_by_token", "release_id", "site_token"),
    )

    release_id: UUID = Field(primary_key=True)
    site: bytes = Field(primary_key=True)
    entry_id: TextColumn
    site_token: NullableText


class SoleKey(Table):
    """Columns of a table with one key."""

    sole: bool = Field(primary_key=True, sa_column_kwargs=given("true"))
    key: bytes


class SchemeKeyRow(SoleKey, table=True):
    """The key that tells sites in every release. It never leaves the writer's transactions."""

    __tablename__ = "scheme_key"
    __table_args__ = (CheckConstraint("sole"), CheckConstraint("length(key) >= 32"))


class ChoiceKeyRow(SoleKey, table=True):
    """The key that decides between texts that equally many independent groups give of a site."""

    __tablename__ = "choice_key"
    __table_args__ = (CheckConstraint("sole"), CheckConstraint("length(key) >= 32"))
