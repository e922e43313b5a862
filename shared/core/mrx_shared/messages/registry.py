"""Facts that the registry says: who takes part. Ids, and once names of firms; people stay in its database."""

from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from mrx_shared.messages.envelope import Message, Word
from mrx_shared.messages.topics import REGISTRY_MAILS

Missing = Literal["not-admitted", "no-equivalent-protocol", "statement-not-signed", "suspended"]


class SigningKeyPublished(Message):
    """Tokens signed by this key are the registry's, from now on."""

    type: ClassVar[str] = "mrx.registry.signing-key-published.v1"
    subject_is: ClassVar[str] = "key id"

    key_id: str
    public_key: str = Field(description="Ed25519 public key, 32 bytes, base64url without padding")
    valid_from: AwareDatetime


class MemberAdmitted(Message):
    """The secretariat admitted a member, and its topics, Kafka user and rights stand ready."""

    type: ClassVar[str] = "mrx.registry.member-admitted.v1"
    subject_is: ClassVar[str] = "member id"

    member_id: UUID
    group_id: UUID
    tied_groups: list[UUID] = Field(description="groups tied to this one by a minority holding")
    admitted_at: AwareDatetime


class MemberSuspended(Message):
    """The secretariat suspended a member: its credentials and rights are withdrawn."""

    type: ClassVar[str] = "mrx.registry.member-suspended.v1"
    subject_is: ClassVar[str] = "member id"

    member_id: UUID
    suspended_at: AwareDatetime


class MemberReinstated(Message):
    """The secretariat ended a suspension."""

    type: ClassVar[str] = "mrx.registry.member-reinstated.v1"
    subject_is: ClassVar[str] = "member id"

    member_id: UUID
    reinstated_at: AwareDatetime


class StatementPublished(Message):
    """A version of the joint statement stands, to be signed."""

    type: ClassVar[str] = "mrx.registry.statement-published.v1"
    subject_is: ClassVar[str] = "statement version"

    statement_version: str
    text_sha256: str
    published_at: AwareDatetime


class StatementSigned(Message):
    """A named signatory signed the joint statement for a member."""

    type: ClassVar[str] = "mrx.registry.statement-signed.v1"
    subject_is: ClassVar[str] = "member id"

    member_id: UUID
    statement_version: str
    text_sha256: str
    signatory_id: UUID
    signed_at: AwareDatetime


class StatementWithdrawn(Message):
    """A member withdrew its signature."""

    type: ClassVar[str] = "mrx.registry.statement-withdrawn.v1"
    subject_is: ClassVar[str] = "member id"

    member_id: UUID
    statement_version: str
    withdrawn_at: AwareDatetime


class ProtocolAdopted(Message):
    """A member adopted an equivalent public protocol."""

    type: ClassVar[str] = "mrx.registry.protocol-adopted.v1"
    subject_is: ClassVar[str] = "member id"

    member_id: UUID
    protocol_id: UUID
    protocol_version: str
    adopted_at: AwareDatetime


class ParticipationChanged(Message):
    """Whether a member takes part now: equivalent protocol, signed statement, not suspended."""

    type: ClassVar[str] = "mrx.registry.participation-changed.v1"
    subject_is: ClassVar[str] = "member id"

    member_id: UUID
    group_id: UUID
    tied_groups: list[UUID]
    participates: bool
    missing: list[Missing]
    since: AwareDatetime
    company_names: list[str] = Field(
        default=[], description="names of the member and its group, firms not people; never published"
    )


class PasswordMailAsked(Message):
    """A person shall be sent a one-time link to set a password. It carries an address: kept seven days."""

    type: ClassVar[str] = "mrx.registry.mail-asked.v1"
    subject_is: ClassVar[str] = "principal id"
    apart: ClassVar[str | None] = REGISTRY_MAILS

    mail_id: UUID
    kind: Literal["welcome", "password-reset"]
    principal_id: UUID
    to: Word = Field(repr=False)
    to_name: Word | None = Field(repr=False)
    language: Word
    valid_minutes: int


class QuestionMailAsked(Message):
    """The owner of an assessment shall be told of a reviewer's question, or its asker that the replies are there.

    It carries an address, and no word of question or reply: kept seven days.
    """

    type: ClassVar[str] = "mrx.registry.question-mail-asked.v1"
    subject_is: ClassVar[str] = "principal id"
    apart: ClassVar[str | None] = REGISTRY_MAILS

    mail_id: UUID
    kind: Literal["question-asked", "question-replied"]
    principal_id: UUID
    to: Word = Field(repr=False)
    to_name: Word | None = Field(repr=False)
    language: Word
    criteria_version: Word
    protocol_version: Word
    criterion_id: Word


class NoticeMailAsked(Message):
    """A member's person shall be told of a date that concerns its protocols. It carries an address: kept seven days."""

    type: ClassVar[str] = "mrx.registry.notice-mail-asked.v1"
    subject_is: ClassVar[str] = "principal id"
    apart: ClassVar[str | None] = REGISTRY_MAILS

    mail_id: UUID
    kind: Literal["recognition-ending", "recognition-lapsed", "criteria-evolving"]
    principal_id: UUID
    to: Word = Field(repr=False)
    to_name: Word | None = Field(repr=False)
    language: Word
    criteria_version: Word
    protocol_version: Word | None = Field(description="whose recognition it is about")
    successor: Word | None = Field(description="the criteria that follow")
    consultation_until: date | None
    effective_on: date | None
    recognised_until: date = Field(description="last day of recognition")
