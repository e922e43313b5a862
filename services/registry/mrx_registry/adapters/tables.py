"""The registry's tables, as its migrations make them."""

from datetime import date
from typing import Final
from uuid import UUID

from mrx_shared.store.tables import (
    BigColumn,
    EntryColumn,
    NowColumn,
    NullableText,
    NullableTime,
    OneOf,
    TextColumn,
    TimeColumn,
    given,
)
from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, Text, UniqueConstraint, Uuid
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from mrx_registry.domain.members import Missing, State
from mrx_registry.domain.principals import Kind, Role
from mrx_registry.domain.sign_in import Why

SCHEMA: Final = "0003"
"""the version that the newest migration brings the database to"""


class Table(SQLModel, registry=registry()):
    """Base of the registry's tables."""


class CorporateGroupRow(Table, table=True):
    """A corporate group."""

    __tablename__ = "corporate_group"

    id: UUID = Field(primary_key=True)
    name: TextColumn
    folded: str = Field(sa_type=Text, unique=True)


class HoldingRow(Table, table=True):
    """A tie between two groups; each stands twice, once from either side."""

    __tablename__ = "holding"
    __table_args__ = (CheckConstraint("group_id <> other_id"),)

    group_id: UUID = Field(primary_key=True, foreign_key="corporate_group.id")
    other_id: UUID = Field(primary_key=True, foreign_key="corporate_group.id")


class MemberRow(Table, table=True):
    """A member, and the standing that was last told to everyone."""

    __tablename__ = "member"
    __table_args__ = (
        CheckConstraint("state IN ('provisioning', 'admitted', 'suspended')"),
        CheckConstraint("(state = 'provisioning') = (admitted_at IS NULL)"),
    )

    id: UUID = Field(primary_key=True)
    name: TextColumn
    folded: str = Field(sa_type=Text, unique=True)
    group_id: UUID = Field(foreign_key="corporate_group.id")
    state: State = Field(sa_type=OneOf(State))
    created_at: TimeColumn
    admitted_at: NullableTime
    missing: list[Missing] | None = Field(sa_type=ARRAY(OneOf(Missing)))
    tied_groups: list[UUID] | None = Field(sa_type=ARRAY(Uuid))
    since: NullableTime
    judged_on: date | None
    judge_again: bool = Field(sa_column_kwargs=given("false"))


class PrincipalRow(Table, table=True):
    """A person or a system, with its name and address: seen by its own member alone."""

    __tablename__ = "principal"
    __table_args__ = (
        CheckConstraint("kind IN ('person', 'system')"),
        CheckConstraint("(role = 'member') = (member_id IS NOT NULL)"),
    )

    id: UUID = Field(primary_key=True)
    kind: Kind = Field(sa_type=OneOf(Kind))
    name: TextColumn
    role: Role = Field(sa_type=OneOf(Role))
    member_id: UUID | None = Field(foreign_key="member.id")
    created_at: TimeColumn
    email: NullableText
    language: str = Field(sa_type=Text, sa_column_kwargs=given("'en'"))


class CredentialRow(Table, table=True):
    """What a principal signs in with. Tells nobody's name, since it is read before a tenant is known."""

    __tablename__ = "credential"
    __table_args__ = (CheckConstraint("role IN ('member', 'reviewer', 'secretariat', 'operator')"),)

    client_id: str = Field(primary_key=True, sa_type=Text)
    principal_id: UUID = Field(unique=True)
    role: Role = Field(sa_type=OneOf(Role))
    member_id: UUID | None = Field(foreign_key="member.id")
    secret_hash: TextColumn
    disabled: bool = Field(sa_column_kwargs=given("false"))
    used: bool = Field(sa_column_kwargs=given("false"))


class BootstrapRow(Table, table=True):
    """The first principal of the secretariat: one row at most."""

    __tablename__ = "bootstrap"
    __table_args__ = (CheckConstraint("once"),)

    once: bool = Field(primary_key=True, sa_column_kwargs=given("true"))
    principal_id: UUID


class StatementRow(Table, table=True):
    """A version of the joint statement."""

    __tablename__ = "statement"

    entry: EntryColumn
    version: str = Field(primary_key=True, sa_type=Text)
    text: TextColumn
    published_at: TimeColumn


class SignatureRow(Table, table=True):
    """A member's signature; the record stays when the signature is withdrawn."""

    __tablename__ = "signature"
    __table_args__ = (
        Index(
            "signature_stands",
            "member_id",
            "statement_version",
            unique=True,
            postgresql_where=sql("withdrawn_at IS NULL"),
        ),
    )

    id: UUID = Field(primary_key=True)
    member_id: UUID = Field(foreign_key="member.id")
    statement_version: str = Field(sa_type=Text, foreign_key="statement.version")
    text_sha256: TextColumn
    signatory_id: UUID
    signatory_name: TextColumn
    signatory_title: TextColumn
    signed_at: TimeColumn
    withdrawn_at: NullableTime


class AdoptionRow(Table, table=True):
    """A public protocol that a member adopted."""

    __tablename__ = "adoption"
    __table_args__ = (UniqueConstraint("member_id", "protocol_id", "protocol_version"),)

    id: UUID = Field(primary_key=True)
    member_id: UUID = Field(foreign_key="member.id")
    protocol_id: UUID
    protocol_version: TextColumn
    adopted_at: TimeColumn


class RecognitionRow(Table, table=True):
    """The benchmark's verdict on a protocol version: a public one's, or seen by its owner alone."""

    __tablename__ = "recognition"
    __table_args__ = (Index("recognition_of", "owner"),)

    protocol_id: UUID = Field(primary_key=True)
    protocol_version: str = Field(primary_key=True, sa_type=Text)
    criteria_version: str = Field(primary_key=True, sa_type=Text)
    owner: UUID | None = Field(foreign_key="member.id")
    equivalent: bool
    recognised_from: date | None
    recognised_until: date | None
    sequence: BigColumn


class ChannelRow(Table, table=True):
    """A member's access to its topics."""

    __tablename__ = "channel"
    __table_args__ = (
        Index("channel_due", "since", postgresql_where=sql("done < revision OR password_waits")),
    )

    member_id: UUID = Field(primary_key=True, foreign_key="member.id")
    open: bool
    revision: int
    done: int
    password_waits: bool
    since: NowColumn


class KafkaPasswordRow(Table, table=True):
    """A password that waits to be set on Kafka, sealed."""

    __tablename__ = "kafka_password"

    member_id: UUID = Field(primary_key=True, foreign_key="member.id")
    sealed: bytes


class SigningKeyRow(Table, table=True):
    """A key that tokens are signed with, its private half sealed."""

    __tablename__ = "signing_key"

    entry: EntryColumn
    key_id: str = Field(primary_key=True, sa_type=Text)
    public_key: TextColumn
    sealed: bytes
    valid_from: TimeColumn


class SignInRow(Table, table=True):
    """How a person signs in. Like the tables below, it tells nobody's name or address."""

    __tablename__ = "sign_in"

    principal_id: UUID = Field(primary_key=True)
    member_id: UUID | None = Field(foreign_key="member.id")
    email_digest: bytes = Field(unique=True)
    password_hash: NullableText


class SessionRow(Table, table=True):
    """A person who is signed in."""

    __tablename__ = "session"
    __table_args__ = (
        Index("session_of_principal", "principal_id"),
        Index("session_of_member", "member_id"),
        Index("session_seen", "seen_at"),
    )

    token_hash: str = Field(primary_key=True, sa_type=Text)
    principal_id: UUID = Field(foreign_key="sign_in.principal_id")
    member_id: UUID | None
    began_at: TimeColumn
    seen_at: TimeColumn


class PasswordLinkRow(Table, table=True):
    """A mail with a link that sets a password."""

    __tablename__ = "password_link"
    __table_args__ = (
        CheckConstraint("why IN ('welcome', 'password-reset')"),
        Index("password_link_of", "principal_id", "asked_at"),
        Index("password_link_to", "email_digest", "asked_at"),
    )

    mail_id: UUID = Field(primary_key=True)
    principal_id: UUID = Field(foreign_key="sign_in.principal_id")
    email_digest: bytes
    why: Why = Field(sa_type=OneOf(Why))
    asked_at: TimeColumn
    used_at: NullableTime


class PasswordTokenRow(Table, table=True):
    """The hash of a link's token."""

    __tablename__ = "password_token"

    hash: str = Field(primary_key=True, sa_type=Text)
    mail_id: UUID = Field(foreign_key="password_link.mail_id")
    ends_at: TimeColumn


class ResetRequestRow(Table, table=True):
    """A request for a new password, taken down before anybody looks whether the address is known."""

    __tablename__ = "reset_wish"

    email_digest: bytes = Field(primary_key=True)
    wished_at: TimeColumn


class GuessRow(Table, table=True):
    """A try at a password."""

    __tablename__ = "guess"
    __table_args__ = (Index("guess_at", "guessed_at"), Index("guess_of", "email_digest", "guessed_at"))

    entry: int = Field(primary_key=True, sa_type=BigInteger, sa_column_args=[Identity(always=True)])
    email_digest: bytes
    guessed_at: TimeColumn
