"""What the services answer, as far as pages show it. What a page does not know is passed over."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from mrx_shared.refusals import Unavailable
from pydantic import BaseModel, ConfigDict, Field, ValidationError


class Shape(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


S = TypeVar("S", bound=Shape)


def read(shape: type[S], answer: Any) -> S:  # noqa: ANN401 - JSON
    """An answer in its shape. One that does not fit comes from a service that is older or newer than this page."""
    try:
        return shape.model_validate(answer)
    except ValidationError as error:
        places = {".".join(map(str, fault["loc"])) for fault in error.errors(include_input=False)}
        raise Unavailable(
            f"an answer that this page cannot read: {shape.__name__} {', '.join(sorted(places)[:5])}"
        ) from None


class Participation(Shape):
    """Whether a member takes part, and what it is missing."""

    participates: bool
    missing: tuple[str, ...] = ()
    state: str = ""
    since: datetime | None = None
    protocols: tuple["RecognisedProtocol", ...] = ()
    signatures: tuple["Signature", ...] = ()


class RecognisedProtocol(Shape):
    """A verdict on a protocol version."""

    protocol_id: UUID
    protocol_version: str
    criteria_version: str
    public: bool
    equivalent: bool
    recognised_from: date | None = None
    recognised_until: date | None = None


class Signature(Shape):
    """A signature under the statement."""

    statement_version: str
    signed_at: datetime


class Member(Shape):
    """A member as the secretariat sees it."""

    member_id: UUID
    name: str
    group: str
    state: str
    participates: bool
    missing: tuple[str, ...] = ()
    since: datetime | None = None
    created_at: datetime
    admitted_at: datetime | None = None


class Members(Shape):
    """All members, by name."""

    members: tuple[Member, ...]


class Principal(Shape):
    """A person who was let in."""

    principal_id: UUID


class Release(Shape):
    """A released list."""

    release_id: UUID
    round_id: UUID
    as_of: date
    rows: int
    held: int | None = None
    documents: Mapping[str, str]
    released_at: datetime


class Link(Shape):
    """An address to fetch one document from, for a minute."""

    url: str | None = None


class Numbers(Shape):
    """What a round holds."""

    lists: int
    rows: int
    accepted: int
    refused: int
    waiting: int
    lists_waiting: int
    lists_incomplete: int
    sites: int
    sites_on_several_lists: int
    independent_groups: int
    released: int
    held: int


class Trouble(Shape):
    """Why a round does not come out of `closing` or `releasing`."""

    cause: str
    permanent: bool
    since: datetime
    attempts: int
    next_try_at: datetime


class Round(Shape):
    """A round as it stands."""

    round_id: UUID
    as_of: date
    state: str
    proposed_by: str | None = None
    approved_by: str | None = None
    release_id: UUID | None = None
    numbers: Numbers
    trouble: Trouble | None = None


class Rounds(Shape):
    """All rounds, newest first."""

    rounds: tuple[Round, ...]


class Supplier(Shape):
    """The supplier of a request, as the asking member's own base has it."""

    name: str
    contact_name: str | None = None
    contact_email: str | None = Field(default=None, repr=False)
    language: str = "en"


class Report(Shape):
    """The report of a request."""

    report_id: UUID
    sha256: str
    size: int
    channel: str
    stored_at: datetime
    read_at: datetime | None = None
    access_withdrawn_at: datetime | None = None


class Decision(Shape):
    """What the member decided on a report."""

    outcome: str
    reason: str | None = None
    valid_until: date | None = None
    decided_at: datetime
    avoided: bool


class Validity(Shape):
    """How long a report may stand in for an audit, and what that is reckoned from."""

    since: str
    default: date
    most: date


class SameFile(Shape):
    """Another request of the member's own, for another site, for which the same file came."""

    request_id: UUID
    site_number: str
    supplier: str


class Past(Shape):
    """A state that a request came to."""

    state: str
    at: datetime
    reason: str | None = None


class Request(Shape):
    """A request for a report, as its member sees it."""

    request_id: UUID
    state: str
    reason: str | None = None
    mail: str
    entry_id: str
    site_number: str
    supplier: Supplier
    scope: str
    purpose: str
    reference: str
    asked_at: datetime
    term_ends_at: datetime
    mail_leaves_at: datetime | None = None
    report: Report | None = None
    decision: Decision | None = None
    possible: tuple[str, ...] = ()
    history: tuple[Past, ...] = ()
    validity: Validity | None = None
    same_file: tuple[SameFile, ...] = ()

    @property
    def opened(self) -> bool:
        """Whether the member was given a link to the report."""
        return self.report is not None and self.report.read_at is not None


class Requests(Shape):
    """A member's requests."""

    requests: tuple[Request, ...]


class Refused(Shape):
    """Why one request of many was not taken."""

    field: str | None = None
    reason: str
    remedy: str | None = None


class BulkRow(Shape):
    """What became of one request of many."""

    row: int
    request: Request | None = None
    refused: Refused | None = None


class BulkRows(Shape):
    """What became of each of many requests."""

    rows: tuple[BulkRow, ...]


class NumbersOfRound(Shape):
    """What requests come to in one round."""

    round_id: UUID
    as_of: date | None = None
    asked: int
    sent: int
    available: int
    accepted: int
    top_ups: int
    refused: int
    declined: int
    expired: int
    avoided: int
    avoided_eur: int


class NumbersOfRounds(Shape):
    """What requests come to, by round."""

    rounds: tuple[NumbersOfRound, ...]


class Quarantined(Shape):
    """A file that stays in quarantine, without its contents and its member."""

    request_id: UUID
    ticket_id: UUID
    channel: str
    reasons: tuple[str, ...] = ()
    since: datetime


class Quarantine(Shape):
    """Files that stay in quarantine."""

    held: tuple[Quarantined, ...]


class Figures(Shape):
    """Percentages, rounded down to two places."""

    commonality: Decimal
    lower: Decimal
    upper: Decimal


class Assessment(Figures):
    """An assessment, in short."""

    assessment_id: UUID
    protocol_id: UUID
    version: str
    criteria_version: str
    member_id: UUID | None = None
    state: str
    submitted_at: datetime
    equivalent: str
    undecided: int
    recognised_from: date | None = None
    recognised_until: date | None = None
    concluded_at: datetime | None = None
    appealed: str | None = None
    questions_open: int = 0

    @property
    def waits_for_reply(self) -> bool:
        """Whether a reviewer asked the owner something, and judges nothing before the reply."""
        asked = self.questions_open > 0 and self.member_id is not None
        return asked and self.state in {"submitted", "in-review"}


class Assessments(Shape):
    """Assessments, the newest first."""

    assessments: tuple[Assessment, ...]


class RefusedRow(Shape):
    """Why a row of a file was refused."""

    row: int | None = None
    field: str | None = None
    reason: str
    remedy: str | None = None


class Draft(Figures):
    """Answers that are not submitted yet, in short."""

    protocol_id: UUID
    version: str
    criteria_version: str
    saved_at: datetime
    equivalent: str
    answered: int
    open: int


class Drafts(Shape):
    """Drafts, the last saved first."""

    drafts: tuple[Draft, ...]


class FileTaken(Shape):
    """The assessment that a file began; or the rows that were refused, and the draft that holds the good ones."""

    assessment: Assessment | None = None
    draft: Draft | None = None
    refused: tuple[RefusedRow, ...]
    more: int = 0


class Successor(Shape):
    """The dates by which a version of the criteria gives way to a newer one."""

    newer: str
    phase: str
    consultation_until: date
    effective_on: date
    transition_until: date


class CriteriaVersion(Shape):
    """A version of the criteria, in short."""

    version: str
    based_on: str
    valid_from: date
    valid_until: date | None = None
    criteria: int
    weight: int
    successor: Successor | None = None


class CriteriaVersions(Shape):
    """The versions of the criteria."""

    criteria: tuple[CriteriaVersion, ...]


class Comment(Shape):
    """A word in a consultation."""

    text: str
    at: datetime


class Evolution(Successor):
    """A version that gives way, and what was said in the consultation."""

    older: str
    comments: tuple[Comment, ...] = ()


class Waiver(Shape):
    """A clause that is left out of verdicts until a day."""

    clause: str
    reason: str
    until: date


class Waivers(Shape):
    """The waivers on a version of the criteria."""

    waivers: tuple[Waiver, ...]


class WhatIf(Figures):
    """What a protocol version would come to under other criteria today."""

    protocol_id: UUID
    version: str
    member_id: UUID | None = None
    criteria_version: str
    equivalent: str
    asked: int


class WhatIfs(Shape):
    """What every protocol version with a verdict would come to under other criteria today."""

    protocols: tuple[WhatIf, ...]


class Answer(Shape):
    """An answer with the decision on it."""

    criterion_id: str
    relation: str | None = None
    requirement_ref: str = ""
    requirement_text: str = ""
    rationale: str = ""
    evidence: str = ""
    verdict: str | None = None
    corrected_to: str | None = None
    reviewers_rationale: str = ""


class Difference(Shape):
    """Where two reviewers differ."""

    criterion_id: str
    first: str | None = None
    second: str | None = None
    resolved: bool


class Agreement(Shape):
    """How far two reviewers agree."""

    independent: bool = True
    kappa: Decimal | None = None
    compared: int
    differences: tuple[Difference, ...]


class Question(Shape):
    """A reviewer's question to the owner, and the reply."""

    question_id: UUID
    criterion_id: str
    text: str
    asked_at: datetime
    reply: str
    replied_at: datetime | None = None


class Appeal(Shape):
    """An owner's objection to a verdict."""

    reason: str
    appealed_at: datetime
    granted: bool | None = None
    rationale: str = ""
    decided_at: datetime | None = None


class Step(Shape):
    """A step of an assessment."""

    step: str
    at: datetime
    detail: str = ""


class WholeAssessment(Assessment):
    """An assessment with every answer."""

    agreement: Agreement | None = None
    reviewers: int = 0
    may_judge: bool = False
    questions: tuple[Question, ...] = ()
    appeal: Appeal | None = None
    history: tuple[Step, ...] = ()
    waived: tuple[Waiver, ...] = ()
    by_pillar: Mapping[str, Figures]
    by_clause: Mapping[str, Figures]
    cheapest_path: tuple[str, ...] = ()
    answers: tuple[Answer, ...]


class DraftWhole(Draft):
    """A draft with every answer."""

    by_pillar: Mapping[str, Figures]
    by_clause: Mapping[str, Figures]
    cheapest_path: tuple[str, ...] = ()
    answers: tuple[Answer, ...]


class KeptFile(Shape):
    """A file that a protocol's owner keeps as evidence."""

    sha256: str
    name: str
    size: int


class KeptFiles(Shape):
    """A protocol's files, as far as the asker reads them."""

    files: tuple[KeptFile, ...]


class Judge(Shape):
    """One of the two who judge an assessment."""

    reviewer: str
    judged: int
    last_at: datetime
    releasable: bool


class AtWork(Shape):
    """An assessment that is not concluded, and who judges it."""

    assessment_id: UUID
    code: str
    name: str
    version: str
    criteria_version: str
    member_id: UUID | None = None
    submitted_at: datetime
    answers: int
    both_done: bool
    reviewers: tuple[Judge, ...]


class AllAtWork(Shape):
    """The assessments that are not concluded, the oldest first."""

    reviews: tuple[AtWork, ...]


class Reviewer(Shape):
    """Somebody who judges protocols; with an address where another has the same name."""

    principal_id: UUID
    name: str
    email: str | None = Field(default=None, repr=False)


class SomebodyNamed(Shape):
    """Somebody by name."""

    principal_id: UUID
    name: str


class Secretariat(Shape):
    """Who is or was of the secretariat."""

    people: tuple[SomebodyNamed, ...]


class Reviewers(Shape):
    """Who may judge protocols, by name."""

    reviewers: tuple[Reviewer, ...]


class Suggestion(Shape):
    """A criterion that a requirement may meet."""

    requirement_ref: str
    requirement_text: str
    criterion_id: str
    similarity: float


class Requirement(Shape):
    """A requirement of a protocol."""

    requirement_ref: str
    requirement_text: str


class Suggestions(Shape):
    """Proposals, for each requirement the likeliest first; and the requirements that none was found for."""

    suggestions: tuple[Suggestion, ...]
    without: tuple[Requirement, ...] = ()


class Extension(Shape):
    """What a protocol asks for beyond the criteria."""

    topic: str
    requirement_ref: str
    requirement_text: str


class Extensions(Shape):
    """Extensions of own protocols and of public ones."""

    extensions: tuple[Extension, ...]


class Criterion(Shape):
    """One criterion."""

    id: str
    clause: str
    pillar: str
    statement: str
    essential: bool
    weight: int
    kind: str


class Criteria(Shape):
    """A version of the criteria."""

    version: str
    based_on: str
    gate: str
    criteria: tuple[Criterion, ...]


class ProtocolVersion(Shape):
    """A version of a protocol."""

    version: str
    effective_from: date
    effective_until: date | None = None


class Protocol(Shape):
    """A protocol."""

    protocol_id: UUID
    code: str
    name: str
    scheme_family: str = ""
    public: bool = False
    versions: tuple[ProtocolVersion, ...] = ()


class Protocols(Shape):
    """Protocols."""

    protocols: tuple[Protocol, ...]
