"""Facts that the benchmark says: criteria, protocols and whether they are equivalent."""

from datetime import date
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from pydantic import AwareDatetime, Field

from mrx_shared.messages.envelope import Message


class CriteriaPublished(Message):
    """A version of the scheme's common criteria stands."""

    type: ClassVar[str] = "mrx.benchmark.criteria-published.v1"
    subject_is: ClassVar[str] = "criteria version"

    criteria_version: str
    based_on: str
    valid_from: date
    valid_until: date | None = Field(description="last day, the end of the next version's transition")
    criteria: int = Field(ge=1)
    weight: int = Field(ge=1)


class ProtocolSubmitted(Message):
    """A version of an audit protocol was submitted for comparison with the criteria."""

    type: ClassVar[str] = "mrx.benchmark.protocol-submitted.v1"
    subject_is: ClassVar[str] = "protocol id"

    protocol_id: UUID
    protocol_code: str
    protocol_version: str
    public: bool
    member_id: UUID | None
    effective_from: date
    effective_until: date | None
    submitted_at: AwareDatetime


class ProtocolAssessed(Message):
    """A reviewer concluded the comparison of a protocol version with one version of the criteria."""

    type: ClassVar[str] = "mrx.benchmark.protocol-assessed.v1"
    subject_is: ClassVar[str] = "protocol id and version, joined by a colon"

    assessment_id: UUID
    protocol_id: UUID
    protocol_code: str
    protocol_version: str
    scheme_family: str = Field(
        description="of a public protocol its family; `equivalent` for a company's own"
    )
    public: bool
    member_id: UUID | None = Field(description="the owner of a company's own protocol")
    criteria_version: str
    commonality: Decimal = Field(description="percent, rounded down to two places")
    lower: Decimal
    upper: Decimal
    equivalent: bool
    recognised_from: date | None = Field(description="first day; null when not equivalent")
    recognised_until: date | None = Field(
        description="last day; null when open; before the first where the criteria ended by then: no audit is recognised"
    )
    assessed_at: AwareDatetime


class AssessmentMoved(Message):
    """An assessment went one step: who took it and when."""

    type: ClassVar[str] = "mrx.benchmark.assessment-moved.v1"
    subject_is: ClassVar[str] = "assessment id"

    assessment_id: UUID
    protocol_id: UUID
    protocol_version: str
    public: bool
    member_id: UUID | None = Field(description="the owner of a company's own protocol")
    criteria_version: str
    step: str = Field(description="such as submitted, reviewed, settled, resolved, concluded, appealed")
    by: str = Field(description="id of the principal, or `benchmark`")
    at: AwareDatetime
    criterion_id: str | None = Field(default=None, description="of a question or its reply: what it is about")
    asked_by: str | None = Field(default=None, description="of a question or its reply: who asked")
    open_questions: int | None = Field(
        default=None,
        description="of a question or its reply: how many questions of the same asker wait for a reply after it",
    )


class CriteriaEvolving(Message):
    """A version of the criteria will give way to another, by these dates."""

    type: ClassVar[str] = "mrx.benchmark.criteria-evolving.v1"
    subject_is: ClassVar[str] = "criteria version"

    criteria_version: str
    successor: str
    consultation_until: date
    effective_on: date
    transition_until: date = Field(description="last day of recognition under the older version")
    announced_at: AwareDatetime


class RecognitionEnding(Message):
    """Recognition of a protocol version ends in a few days: a reminder to its owner."""

    type: ClassVar[str] = "mrx.benchmark.recognition-ending.v1"
    subject_is: ClassVar[str] = "protocol id and version, joined by a colon"

    assessment_id: UUID
    protocol_id: UUID
    protocol_version: str
    public: bool
    member_id: UUID | None
    criteria_version: str
    recognised_until: date
    days: int = Field(description="90, 30 or 7: at most so many are left", ge=1)
    reminded_at: AwareDatetime


class RecognitionLapsed(Message):
    """The last day of recognition of a protocol version is over."""

    type: ClassVar[str] = "mrx.benchmark.recognition-lapsed.v1"
    subject_is: ClassVar[str] = "protocol id and version, joined by a colon"

    assessment_id: UUID
    protocol_id: UUID
    protocol_version: str
    public: bool
    member_id: UUID | None
    criteria_version: str
    recognised_until: date
    noticed_at: AwareDatetime
