"""The benchmark's tables, as its migrations make them."""

from datetime import date
from decimal import Decimal
from typing import Final
from uuid import UUID

from mrx_criteria.domain.criteria import Relation
from mrx_shared.store.tables import (
    EntryColumn,
    JsonColumn,
    NullableText,
    NullableTime,
    OneOf,
    TextColumn,
    TimeColumn,
    given,
)
from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    Numeric,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from mrx_benchmark.domain.assessments import Judgement, State
from mrx_benchmark.domain.evidence import Kind
from mrx_benchmark.domain.history import EventKind

WORDS = "to_tsvector('english'::regconfig, (topic || ' '::text) || requirement_text)"
"""The words of an extension, as PostgreSQL shows their index."""
_JUDGEMENTS = "judgement IN ('confirmed', 'corrected', 'left-open')"
_CORRECTION = "(relation IS NOT NULL) = (judgement = 'corrected')"

SCHEMA: Final = "0005"
"""the version that the newest migration brings the database to"""


UNFINISHED = text("state IN ('submitted', 'in-review')")
"""of an assessment; written out, since PostgreSQL finds a partial index by its own words"""


class Table(SQLModel, registry=registry()):
    """Base of the benchmark's tables."""


class CriteriaRow(Table, table=True):
    """A version of the criteria that was published."""

    __tablename__ = "criteria"

    version: str = Field(primary_key=True, sa_type=Text)
    digest: TextColumn
    valid_from: date
    valid_until: date | None


class ProtocolOwnerRow(Table, table=True):
    """Whose a protocol is, and a digest of its code; everyone may read it."""

    __tablename__ = "protocol_owner"
    __table_args__ = (Index("protocol_code", "code_digest", text("(member_id IS NULL)"), unique=True),)

    protocol_id: UUID = Field(primary_key=True)
    code_digest: bytes
    member_id: UUID | None


class AssessmentOwnerRow(Table, table=True):
    """Whose an assessment is; everyone may read it."""

    __tablename__ = "assessment_owner"

    assessment_id: UUID = Field(primary_key=True)
    member_id: UUID | None


class ProtocolRow(Table, table=True):
    """A protocol, without a member where it is public."""

    __tablename__ = "protocol"

    protocol_id: UUID = Field(primary_key=True, foreign_key="protocol_owner.protocol_id")
    member_id: UUID | None
    code: TextColumn
    name: TextColumn
    scheme_family: TextColumn
    registered_at: TimeColumn


class ProtocolVersionRow(Table, table=True):
    """A version of a protocol."""

    __tablename__ = "protocol_version"
    __table_args__ = (CheckConstraint("effective_until >= effective_from"),)

    protocol_id: UUID = Field(primary_key=True, foreign_key="protocol.protocol_id")
    version: str = Field(primary_key=True, sa_type=Text)
    member_id: UUID | None
    effective_from: date
    effective_until: date | None
    submitted_at: TimeColumn


def _of_version() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["protocol_id", "version"], ["protocol_version.protocol_id", "protocol_version.version"]
    )


class AssessmentRow(Table, table=True):
    """An assessment."""

    __tablename__ = "assessment"
    __table_args__ = (
        _of_version(),
        CheckConstraint("state IN ('submitted', 'in-review', 'concluded', 'replaced')"),
        Index(
            "assessment_unfinished",
            "protocol_id",
            "version",
            "criteria_version",
            unique=True,
            postgresql_where=UNFINISHED,
        ),
        Index("assessment_of_member", "member_id"),
    )

    assessment_id: UUID = Field(primary_key=True, foreign_key="assessment_owner.assessment_id")
    protocol_id: UUID
    version: TextColumn
    member_id: UUID | None
    criteria_version: TextColumn
    state: State = Field(sa_type=OneOf(State))
    submitted_by: TextColumn
    submitted_at: TimeColumn


class AnswerRow(Table, table=True):
    """An owner's answer to a criterion."""

    __tablename__ = "answer"

    assessment_id: UUID = Field(primary_key=True, foreign_key="assessment.assessment_id")
    criterion_id: str = Field(primary_key=True, sa_type=Text)
    member_id: UUID | None
    position: int
    relation: Relation = Field(sa_type=OneOf(Relation))
    requirement_ref: TextColumn
    requirement_text: TextColumn
    rationale: TextColumn
    evidence: TextColumn


class Judged(Table):
    """Columns of a decision on an answer."""

    member_id: UUID | None
    judgement: Judgement = Field(sa_type=OneOf(Judgement))
    relation: Relation | None = Field(sa_type=OneOf(Relation))
    rationale: TextColumn
    decided_at: TimeColumn


class DecisionRow(Judged, table=True):
    """A decision on an answer that counts."""

    __tablename__ = "decision"
    __table_args__ = (CheckConstraint(_JUDGEMENTS), CheckConstraint(_CORRECTION))

    assessment_id: UUID = Field(primary_key=True, foreign_key="assessment.assessment_id")
    criterion_id: str = Field(primary_key=True, sa_type=Text)
    decided_by: TextColumn


class ReviewRow(Judged, table=True):
    """One reviewer's own decision on an answer."""

    __tablename__ = "review"
    __table_args__ = (CheckConstraint(_JUDGEMENTS), CheckConstraint(_CORRECTION))

    assessment_id: UUID = Field(primary_key=True, foreign_key="assessment.assessment_id")
    reviewer: str = Field(primary_key=True, sa_type=Text)
    criterion_id: str = Field(primary_key=True, sa_type=Text)
    place: int


class VerdictRow(Table, table=True):
    """A verdict, with the waivers that it was reached with."""

    __tablename__ = "verdict"
    __table_args__ = (CheckConstraint("(recognised_from IS NOT NULL) = equivalent"),)

    assessment_id: UUID = Field(primary_key=True, foreign_key="assessment.assessment_id")
    member_id: UUID | None
    equivalent: bool
    commonality: Decimal = Field(sa_type=Numeric(5, 2))
    lower: Decimal = Field(sa_type=Numeric(5, 2))
    upper: Decimal = Field(sa_type=Numeric(5, 2))
    recognised_from: date | None
    recognised_until: date | None
    concluded_by: TextColumn
    concluded_at: TimeColumn
    waived: list[dict[str, str]] = Field(sa_type=JSONB, sa_column_kwargs=given("'[]'"))


class EventRow(Table, table=True):
    """A step of an assessment."""

    __tablename__ = "assessment_event"
    __table_args__ = (Index("event_of_assessment", "assessment_id", "entry"),)

    event_id: UUID = Field(primary_key=True)
    entry: EntryColumn
    assessment_id: UUID = Field(foreign_key="assessment.assessment_id")
    member_id: UUID | None
    step: EventKind = Field(sa_type=OneOf(EventKind))
    by_whom: TextColumn
    at: TimeColumn
    detail: TextColumn


class QuestionRow(Table, table=True):
    """A reviewer's question, and the reply."""

    __tablename__ = "question"

    question_id: UUID = Field(primary_key=True)
    assessment_id: UUID = Field(foreign_key="assessment.assessment_id")
    member_id: UUID | None
    criterion_id: TextColumn
    text: TextColumn
    asked_by: TextColumn
    asked_at: TimeColumn
    reply: TextColumn
    replied_by: NullableText
    replied_at: NullableTime


class AppealRow(Table, table=True):
    """An appeal against a verdict, and the decision on it."""

    __tablename__ = "appeal"

    assessment_id: UUID = Field(primary_key=True, foreign_key="assessment.assessment_id")
    member_id: UUID | None
    reason: TextColumn
    appealed_by: TextColumn
    appealed_at: TimeColumn
    granted: bool | None
    rationale: TextColumn
    decided_by: NullableText
    decided_at: NullableTime


class ExtensionRow(Table, table=True):
    """A requirement of a protocol that no criterion asks for."""

    __tablename__ = "extension"
    __table_args__ = (_of_version(), Index("extension_words", text(WORDS), postgresql_using="gin"))

    extension_id: UUID = Field(primary_key=True)
    protocol_id: UUID
    version: TextColumn
    member_id: UUID | None
    topic: TextColumn
    requirement_ref: TextColumn
    requirement_text: TextColumn
    kept_at: TimeColumn


class MemberGroupRow(Table, table=True):
    """A group that a member belongs to, or that is tied to its own."""

    __tablename__ = "member_group"

    member_id: UUID = Field(primary_key=True)
    group_id: UUID = Field(primary_key=True)


class ConflictRow(Table, table=True):
    """A reviewer's conflict of interest with a member, as it was declared."""

    __tablename__ = "reviewer_tie"

    reviewer: str = Field(primary_key=True, sa_type=Text)
    member_id: UUID = Field(primary_key=True)


class WaiverRow(Table, table=True):
    """A clause that verdicts leave out until a day."""

    __tablename__ = "waiver"

    criteria_version: str = Field(primary_key=True, sa_type=Text)
    clause: str = Field(primary_key=True, sa_type=Text)
    reason: TextColumn
    until: date
    waived_by: TextColumn
    waived_at: TimeColumn


class EvolutionRow(Table, table=True):
    """The announcement that a newer version of the criteria replaces an older one."""

    __tablename__ = "evolution"

    older: str = Field(primary_key=True, sa_type=Text)
    newer: TextColumn
    announced_by: TextColumn
    announced_at: TimeColumn
    consultation_until: date
    effective_on: date
    transition_until: date


class CommentRow(Table, table=True):
    """A comment in a consultation."""

    __tablename__ = "consultation_comment"

    comment_id: UUID = Field(primary_key=True)
    older: str = Field(sa_type=Text, foreign_key="evolution.older")
    text: TextColumn
    by_whom: TextColumn
    at: TimeColumn


class ReminderRow(Table, table=True):
    """A reminder that was sent; one of 0 days says that recognition has lapsed."""

    __tablename__ = "reminder"

    assessment_id: UUID = Field(primary_key=True)
    days: int = Field(primary_key=True)
    recognised_until: date = Field(primary_key=True)


class DraftRow(Table, table=True):
    """Answers that are not submitted yet."""

    __tablename__ = "draft"
    __table_args__ = (_of_version(),)

    protocol_id: UUID = Field(primary_key=True)
    version: str = Field(primary_key=True, sa_type=Text)
    criteria_version: str = Field(primary_key=True, sa_type=Text)
    member_id: UUID | None
    answers: JsonColumn
    saved_by: TextColumn
    saved_at: TimeColumn


class EvidenceRow(Table, table=True):
    """What is known of a file whose bytes are in object storage."""

    __tablename__ = "evidence"
    __table_args__ = (
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'"),
        CheckConstraint("kind IN ('pdf', 'png', 'jpg', 'xlsx', 'txt')"),
        CheckConstraint("size > 0"),
    )

    protocol_id: UUID = Field(primary_key=True, foreign_key="protocol.protocol_id")
    sha256: str = Field(primary_key=True, sa_type=Text)
    member_id: UUID | None
    name: TextColumn
    kind: Kind = Field(sa_type=OneOf(Kind))
    size: int
    kept_by: TextColumn
    kept_at: TimeColumn
