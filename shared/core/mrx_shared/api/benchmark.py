"""Bodies of the benchmark's HTTP API."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Final, Literal, get_args
from uuid import UUID

from pydantic import BaseModel, Field

from mrx_shared.api.bodies import Answer, RequestBody, Words
from mrx_shared.limits import ANSWERS_BYTES, TEXT_CHARACTERS

MANY: Final = 2_000
"""answers or decisions in one request"""
REQUIREMENTS: Final = 500
"""requirements in one request"""

FileName = Annotated[str, Field(description="ends with .csv or .xlsx", max_length=200)]
FileContent = Annotated[str, Field(max_length=ANSWERS_BYTES * 4 // 3 + 4)]
Judgement = Literal["confirmed", "corrected", "left-open"]

Relation = Annotated[str, Words("equal", "superset", "subset", "intersects", "none")]
Judged = Annotated[str, Words(*get_args(Judgement))]
State = Annotated[str, Words("submitted", "in-review", "concluded", "replaced")]
Equivalent = Annotated[str, Words("yes", "no", "open")]
Phase = Annotated[str, Words("consultation", "decided", "transition", "over")]
Appealed = Annotated[str, Words("open", "granted", "dismissed")]
FileKind = Annotated[str, Words("pdf", "png", "jpg", "xlsx", "txt")]
EventKind = Annotated[
    str,
    Words(
        "submitted",
        "replaced",
        "reviewed",
        "settled",
        "resolved",
        "released",
        "asked",
        "replied",
        "concluded",
        "appealed",
        "appeal-granted",
        "appeal-dismissed",
        "reminded",
        "lapsed",
    ),
]


class Done(Answer):
    """It was done."""

    done: bool = True


class Figures(Answer):
    """Percentages, rounded down to two places."""

    commonality: Decimal
    lower: Decimal
    upper: Decimal


# Criteria


class Succession(Answer):
    """The dates by which a newer version replaces this one."""

    newer: str
    phase: Phase
    consultation_until: date
    effective_on: date
    transition_until: date


class CriteriaVersion(Answer):
    """A version of the criteria, in short."""

    version: str
    based_on: str
    valid_from: date
    valid_until: date | None
    criteria: int
    weight: int
    successor: Succession | None


class CriteriaVersions(Answer):
    """The versions of the criteria."""

    criteria: tuple[CriteriaVersion, ...]


class Criterion(Answer):
    """A criterion, as a catalogue lists it."""

    id: str
    clause: str
    pillar: str
    statement: str
    essential: bool
    weight: int
    kind: str


class Criteria(Answer):
    """A whole catalogue, as its file holds it."""

    version: str
    based_on: str
    valid_from: date
    valid_until: date | None
    gate: str
    criteria: tuple[Criterion, ...]


class NewEvolution(RequestBody):
    """The dates by which a newer version replaces this one."""

    newer: str
    consultation_until: date
    effective_on: date
    transition_until: date


class Comment(Answer):
    """A comment in a consultation."""

    text: str
    at: datetime


class Evolution(Succession):
    """The dates by which a newer version replaces an older one, and the comments in the consultation."""

    older: str
    comments: tuple[Comment, ...]


class NewText(RequestBody):
    """A reply to a question, or a comment in a consultation."""

    text: str


class NewWaiver(RequestBody):
    """A clause to leave out of verdicts until a day."""

    clause: str
    reason: str
    until: date


class Waiver(Answer):
    """A clause that verdicts leave out until a day."""

    clause: str
    reason: str
    until: date


class Waivers(Answer):
    """The waivers on a version of the criteria, ended ones too."""

    waivers: tuple[Waiver, ...]


class WhatIf(Figures):
    """What a protocol version would come to under other criteria today."""

    protocol_id: UUID
    version: str
    member_id: UUID | None
    criteria_version: str
    equivalent: Equivalent
    asked: int = Field(description="criteria that its answers say nothing about")


class WhatIfs(Answer):
    """What every protocol version with a verdict would come to under other criteria today."""

    protocols: tuple[WhatIf, ...]


# Protocols


class NewProtocol(RequestBody):
    """A protocol to register: a member's own, or a public one of the secretariat."""

    code: str
    name: str
    scheme_family: str | None = Field(default=None, description="of a public protocol, such as SMETA")
    public: bool = False


class ProtocolRegistered(Answer):
    """A protocol was registered."""

    protocol_id: UUID


class NewProtocolVersion(RequestBody):
    """A version of a protocol and the days of the audits done under it."""

    version: str
    effective_from: date
    effective_until: date | None = None


class ProtocolVersion(Answer):
    """A version of a protocol."""

    protocol_id: UUID
    version: str
    effective_from: date
    effective_until: date | None


class Protocol(Answer):
    """A protocol with its versions."""

    protocol_id: UUID
    code: str
    name: str
    scheme_family: str
    public: bool
    member_id: UUID | None
    versions: tuple[ProtocolVersion, ...]


class Protocols(Answer):
    """The protocols that the caller may see."""

    protocols: tuple[Protocol, ...]


class NewExtension(RequestBody):
    """A requirement of a protocol that no criterion asks for."""

    topic: str = Field(description="such as land rights or women's rights")
    requirement_ref: str = ""
    requirement_text: str


class Extension(Answer):
    """A requirement of a protocol that no criterion asks for."""

    topic: str
    requirement_ref: str
    requirement_text: str


class Extensions(Answer):
    """Extensions of the caller's own protocols and of public ones."""

    extensions: tuple[Extension, ...]


class EvidenceFile(Answer):
    """A file; an answer refers to it by writing its SHA-256 into `evidence`."""

    sha256: str
    name: str
    kind: FileKind
    size: int
    kept_by: str
    kept_at: datetime


class EvidenceFiles(Answer):
    """Files, the oldest first."""

    files: tuple[EvidenceFile, ...]


# Answers


class _AnswerFields(BaseModel):
    criterion_id: str
    relation: str = Field(default="", description="equal, superset, subset, intersects, none")
    requirement_ref: str = ""
    requirement_text: str = ""
    rationale: str = ""
    evidence: str = ""


class NewAnswer(RequestBody, _AnswerFields):
    """A row of the answers' template; without a relation the criterion stays open."""


class AnswerRow(Answer, _AnswerFields):
    """A row of the answers' template; without a relation the criterion is open."""


class CarriedAnswers(Answer):
    """Answers as they hold under a newer version, and the criteria that are still to be answered."""

    answers: tuple[AnswerRow, ...]
    asked: tuple[str, ...]


class NewAssessment(RequestBody):
    """An owner's answers for a version of its protocol."""

    protocol_id: UUID
    version: str
    criteria_version: str
    answers: list[NewAnswer] = Field(min_length=1, max_length=MANY)


class NewDraft(RequestBody):
    """Answers to keep. One replaces what was there on its criterion; without relation it stays open, its words are kept."""

    answers: list[NewAnswer] = Field(default=[], max_length=MANY)
    start_from: UUID | None = Field(
        default=None,
        description="an assessment of the asker's: its answers are kept first, as far as they hold here",
    )


class Draft(Figures):
    """A draft, and what it would come to if no answer were corrected."""

    protocol_id: UUID
    version: str
    criteria_version: str
    saved_at: datetime
    equivalent: Equivalent
    answered: int
    open: int


class Drafts(Answer):
    """The caller's drafts, the last saved first."""

    drafts: tuple[Draft, ...]


class DraftWhole(Draft):
    """A draft with every answer."""

    by_pillar: dict[str, Figures]
    by_clause: dict[str, Figures]
    cheapest_path: tuple[str, ...]
    answers: tuple[AnswerRow, ...]


class NewRequirementsFile(RequestBody):
    """A protocol as a file: CSV or XLSX with the columns requirement_ref and requirement_text."""

    criteria_version: str
    file_name: FileName
    content_base64: FileContent


class NewAnswersFile(RequestBody):
    """A filled-in template."""

    protocol_id: UUID
    version: str
    criteria_version: str
    file_name: FileName
    content_base64: FileContent
    keep_good: bool = Field(
        default=False,
        description="where rows are refused: keep the good ones as a draft, to be completed and submitted",
    )


class RefusedRow(Answer):
    """What is wrong with a row; one row may have several faults."""

    row: int | None
    field: str | None
    reason: str
    remedy: str | None


class NewRequirement(RequestBody):
    """A requirement of a protocol."""

    requirement_ref: str = Field(default="", max_length=200)
    requirement_text: str = Field(max_length=TEXT_CHARACTERS)


class NewRequirements(RequestBody):
    """A protocol, one requirement a row."""

    criteria_version: str
    requirements: list[NewRequirement] = Field(min_length=1, max_length=REQUIREMENTS)


class Requirement(Answer):
    """A requirement of a protocol."""

    requirement_ref: str
    requirement_text: str


class Suggestion(Answer):
    """A criterion that a requirement may meet. It counts nothing before a person has confirmed it as an answer."""

    suggestion: bool = True
    requirement_ref: str
    requirement_text: str
    criterion_id: str
    similarity: float


class Suggestions(Answer):
    """Proposals, for each requirement the likeliest first; and the requirements that none was found for."""

    suggestions: tuple[Suggestion, ...]
    without: tuple[Requirement, ...]


# Assessments


class Assessment(Figures):
    """An assessment and what it comes to as it stands."""

    assessment_id: UUID
    protocol_id: UUID
    version: str
    criteria_version: str
    member_id: UUID | None
    state: State
    submitted_at: datetime
    equivalent: Equivalent
    undecided: int
    recognised_from: date | None
    recognised_until: date | None
    concluded_at: datetime | None
    appealed: Appealed | None = Field(
        description="how the appeal against the verdict stands, if there is one"
    )
    questions_open: int = Field(
        description="questions that wait for the owner's reply; a reviewer is told none of them in a list, "
        "and of one assessment her own before both are done"
    )


class Assessments(Answer):
    """The assessments that the caller may see, the newest first."""

    assessments: tuple[Assessment, ...]


class FileSubmitted(Answer):
    """The assessment that a file began; or the rows that were refused, and the draft that holds the good ones."""

    assessment: Assessment | None = None
    draft: Draft | None = None
    refused: tuple[RefusedRow, ...]
    more: int = Field(default=0, description="how many faults are not told")


class JudgedAnswer(Answer):
    """An answer with the decision on it."""

    criterion_id: str
    relation: Relation | None
    requirement_ref: str
    requirement_text: str
    rationale: str
    evidence: str
    verdict: Judged | None
    corrected_to: Relation | None
    reviewers_rationale: str
    decided_by: str | None
    decided_at: datetime | None


class Event(Answer):
    """A step of an assessment, with who took it and when."""

    step: EventKind
    by: str
    at: datetime
    detail: str


class NewQuestion(RequestBody):
    """A reviewer's question on one criterion."""

    criterion_id: str
    text: str


class Question(Answer):
    """A reviewer's question to the owner, and the reply."""

    question_id: UUID
    criterion_id: str
    text: str
    asked_at: datetime
    reply: str
    replied_at: datetime | None


class NewAppeal(RequestBody):
    """Why an owner objects to the verdict."""

    reason: str


class AppealMade(Answer):
    """An appeal was made."""

    assessment_id: UUID
    appealed_at: datetime


class Appeal(Answer):
    """An owner's objection to the verdict."""

    reason: str
    appealed_at: datetime
    granted: bool | None
    rationale: str
    decided_at: datetime | None


class Difference(Answer):
    """Where two reviewers differ."""

    criterion_id: str
    first: Relation | None
    second: Relation | None
    resolved: bool


class Agreement(Answer):
    """How far two reviewers agree, once both are done."""

    independent: bool = Field(
        description="false where one of them may have read what an earlier pair wrote, before a tie put one of it out"
    )
    kappa: Decimal | None = Field(
        description="Cohen's kappa, rounded down to two places; none where they are not independent"
    )
    compared: int
    differences: tuple[Difference, ...]


class AssessmentWhole(Assessment):
    """An assessment with every answer."""

    reviewers: int = Field(description="how many people have begun to judge it independently")
    may_judge: bool = Field(description="whether the reviewer who asks may decide on answers")
    agreement: Agreement | None
    history: tuple[Event, ...]
    questions: tuple[Question, ...]
    appeal: Appeal | None
    waived: tuple[Waiver, ...]

    by_pillar: dict[str, Figures]
    by_clause: dict[str, Figures]
    cheapest_path: tuple[str, ...]
    answers: tuple[JudgedAnswer, ...]


# Reviews


class NewDecision(RequestBody):
    """A reviewer's decision on one criterion."""

    criterion_id: str
    verdict: Judgement
    relation: str | None = Field(default=None, description="of a correction: the right relation")
    rationale: str = Field(default="", description="of a correction: why")


class NewReview(RequestBody):
    """Decisions of a reviewer."""

    decisions: list[NewDecision] = Field(default=[], max_length=MANY)
    confirm_rest: bool = Field(default=False, description="confirm every answer without a decision")


class NewAppealDecision(RequestBody):
    """A decision on an appeal; granted, with the decisions that are put in place of those that stand."""

    granted: bool
    rationale: str
    decisions: list[NewDecision] = Field(default=[], max_length=MANY)


class NewRelease(RequestBody):
    """A reviewer who will not finish."""

    reviewer: str = Field(description="id of the principal, as the history names it")


class NewConflict(RequestBody):
    """A reviewer's conflict of interest with a member's group."""

    reviewer: str = Field(description="id of the principal, the `sub` of its tokens")
    member_id: UUID


class Judge(Answer):
    """One of the two who judge an assessment."""

    reviewer: str = Field(description="id of the principal, the `sub` of its tokens")
    judged: int = Field(description="answers that this reviewer has judged")
    last_at: datetime = Field(description="when last")
    releasable: bool


class AssessmentAtWork(Answer):
    """An assessment that is not concluded, and who judges it; nothing of what anybody wrote."""

    assessment_id: UUID
    protocol_id: UUID
    code: str
    name: str
    version: str
    criteria_version: str
    member_id: UUID | None
    submitted_at: datetime
    answers: int
    both_done: bool = Field(description="whether it waits for a third reviewer or for the conclusion")
    reviewers: tuple[Judge, ...]


class AssessmentsAtWork(Answer):
    """The assessments that are not concluded, the oldest first."""

    reviews: tuple[AssessmentAtWork, ...]
