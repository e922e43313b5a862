"""What goes into the API and comes out of it."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from mrx_shared.api.bodies import Answer, RequestBody
from mrx_shared.refusals import Rejected, TooEarly
from pydantic import Field

from mrx_report_request.domain.decisions import EUR_PER_AUDIT, Outcome
from mrx_report_request.domain.requests import Channel, DeclineReason, MailState, Request
from mrx_report_request.domain.steps import Actor, State, Step
from mrx_report_request.handlers.asking import DEFAULT_TERM, Asking
from mrx_report_request.handlers.suppliers import Shown
from mrx_report_request.ports import Numbers

MOST_AT_ONCE = 500
Line = Annotated[str, Field(max_length=1000)]
"""read by the rules, which name what is wrong with it"""
Days = Annotated[int, Field(ge=-(2**31), lt=2**31)]


class SupplierAsked(RequestBody):
    """The supplier as the asker's own supplier base has it."""

    name: Line
    contact_email: Line = Field(repr=False)
    contact_name: Line | None = Field(default=None, repr=False)
    language: Line = Field(description="of the mails: en, zh or es")


class RequestAsked(RequestBody):
    """A request for the report on a site of the released list."""

    request_id: UUID | None = Field(default=None, description="the same id asks once; made here if left out")
    entry_id: Line
    site_number: Line = Field(description="the site in the asker's own supplier base")
    supplier: SupplierAsked
    scope: Line
    purpose: Line
    term_days: Days = Field(default=DEFAULT_TERM, description="7 to 90")
    requester_email: Line | None = Field(default=None, repr=False)
    requester_language: Line | None = None
    again: bool = Field(
        default=False,
        description="of several at once: ask the supplier once more where a request of the same words is over",
    )


class BulkAsked(RequestBody):
    """Several requests."""

    requests: list[dict[str, Any]] = Field(
        min_length=1, max_length=MOST_AT_ONCE, repr=False, description="each as in POST /v1/requests"
    )


class WithdrawalAsked(RequestBody):
    """Why nothing is asked any more."""

    reason: Line | None = None


class ContactAsked(RequestBody):
    """Another contact of the supplier."""

    contact_email: Line = Field(repr=False)
    contact_name: Line | None = Field(default=None, repr=False)
    language: Line | None = Field(default=None, description="as before if left out")


class DecisionAsked(RequestBody):
    """A recognition decision."""

    outcome: Outcome
    reason: Line | None = None
    valid_until: date | None = Field(
        default=None,
        description="at most 36 months after the audit, or after the end of the listed half-year where no day of an "
        "audit is known; by default 24 months after it, and today where that has passed",
    )
    same_file_confirmed: bool = Field(
        default=False,
        description="accept a file that was also given for another site of the asker's own requests",
    )


class RefusalAsked(RequestBody):
    """Why the report is not shared."""

    reason: Line = Field(description="one of the page's decline_reasons")
    comment: Line | None = None


class SupplierShown(Answer):
    """The supplier. The contact is shown by GET alone, until it is erased."""

    name: str
    language: str
    contact_email: str | None = Field(repr=False)
    contact_name: str | None = Field(repr=False)


class ReportShown(Answer):
    """A report that can be read, or could until access was withdrawn."""

    report_id: UUID
    sha256: str
    size: int
    channel: Channel
    stored_at: datetime
    read_at: datetime | None
    access_withdrawn_at: datetime | None
    audit_date: date | None = Field(description="as a platform states it; null for an upload")


class DecisionShown(Answer):
    """What the asker decided."""

    outcome: Outcome
    reason: str | None
    valid_until: date | None
    decided_at: datetime
    avoided: bool = Field(description="whether it counts as an audit avoided")


class ValidityShown(Answer):
    """How long the report may stand in for an audit, and what that is reckoned from."""

    since: str
    default: date
    most: date = Field(description="it may lie in the past: then the report can only be refused")


class SameFileShown(Answer):
    """Another request of the asker's own, for another site, for which the same file came."""

    request_id: UUID
    site_number: str
    supplier: str


class HappenedShown(Answer):
    """A line of a request's history."""

    state: State
    at: datetime
    reason: str | None


class RequestShown(Answer):
    """A request of the asker's own."""

    request_id: UUID
    state: State
    reason: str | None
    mail: MailState
    entry_id: str
    site_number: str
    round_id: UUID
    supplier: SupplierShown
    scope: str
    purpose: str
    reference: str
    asked_at: datetime
    term_ends_at: datetime
    report: ReportShown | None
    decision: DecisionShown | None
    possible: list[Step]
    history: list[HappenedShown]
    half_year: str | None = Field(default=None, description="of the audit, as the list showed it")
    validity: ValidityShown | None = Field(default=None, description="with a report")
    same_file: list[SameFileShown] = Field(
        default=[], description="acceptance then needs same_file_confirmed"
    )
    mail_leaves_at: datetime | None = Field(
        default=None, description="when the next request or reminder to the supplier leaves"
    )


class RequestsShown(Answer):
    """The asker's own requests, newest first; ask again with `after` = the last one's id."""

    requests: list[RequestShown]


class RefusedShown(Answer):
    """Why a row was not taken."""

    field: str | None
    reason: str
    remedy: str | None
    retryable: bool = Field(
        description="whether the same row may be taken later, under a new Idempotency-Key"
    )


class RowShown(Answer):
    """What became of one row: a request, or a refusal."""

    row: int
    request: RequestShown | None
    refused: RefusedShown | None


class BulkShown(Answer):
    """What became of each row."""

    taken: int
    refused: int
    rows: list[RowShown]


class NumbersShown(Answer):
    """What the requests for one round's list came to."""

    round_id: UUID
    as_of: date | None
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


class NumbersListed(Answer):
    """By round, the newest first."""

    rounds: list[NumbersShown]


class PageShown(Answer):
    """A supplier's page: who asks, for what, until when."""

    request_id: UUID
    state: State
    asks: str
    site: str
    scope: str
    purpose: str
    asked_at: datetime
    term_ends_at: datetime
    reference: str
    language: str
    possible: list[Step]
    decline_reasons: list[DeclineReason]
    reason: str | None


class SameFileSites(Answer):
    """Other sites for which the same supplier gave the same file to the same asker, as the asker names them."""

    sites: list[str]


def asking(asked: RequestAsked, request_id: UUID) -> Asking:
    """A request as its handler takes it."""
    return Asking(
        request_id=asked.request_id or request_id,
        entry_id=asked.entry_id,
        site_number=asked.site_number,
        supplier_name=asked.supplier.name,
        contact_email=asked.supplier.contact_email,
        contact_name=asked.supplier.contact_name,
        language=asked.supplier.language,
        scope=asked.scope,
        purpose=asked.purpose,
        term_days=asked.term_days,
        requester_email=asked.requester_email,
        requester_language=asked.requester_language,
        again=asked.again,
    )


def request_shown(
    request: Request, *, today: date, same_file: Sequence[Request] = (), contact: bool = False
) -> RequestShown:
    """A request; with its contact only where the answer is not kept."""
    supplier, report, decision = request.supplier, request.report, request.decision
    limits = request.validity
    return RequestShown(
        request_id=request.request_id,
        state=request.state,
        reason=request.reason,
        mail=request.mail,
        entry_id=request.entry_id,
        site_number=request.site_number,
        round_id=request.round_id,
        supplier=SupplierShown(
            name=supplier.name,
            language=supplier.language,
            contact_email=supplier.contact_email if contact else None,
            contact_name=supplier.contact_name if contact else None,
        ),
        scope=request.scope,
        purpose=request.purpose,
        reference=request.reference,
        asked_at=request.asked_at,
        term_ends_at=request.term_ends_at,
        report=ReportShown.model_validate(report, from_attributes=True) if report else None,
        decision=DecisionShown.model_validate(decision, from_attributes=True) if decision else None,
        possible=list(request.possible(Actor.MEMBER)),
        history=[HappenedShown.model_validate(one, from_attributes=True) for one in request.history],
        half_year=request.half_year,
        validity=ValidityShown(since=limits.since, default=limits.default(today), most=limits.most)
        if limits
        else None,
        same_file=[
            SameFileShown(request_id=one.request_id, site_number=one.site_number, supplier=one.supplier.name)
            for one in same_file
        ],
        mail_leaves_at=request.mail_leaves_at,
    )


def row_shown(row: int, answer: Request | Rejected | TooEarly, *, today: date) -> RowShown:
    """A row that was taken, or why it was not."""
    if isinstance(answer, Request):
        return RowShown(row=row, request=request_shown(answer, today=today), refused=None)
    if isinstance(answer, TooEarly):
        told = RefusedShown(field=None, reason=answer.reason, remedy="ask again in a moment", retryable=True)
    else:
        told = RefusedShown(field=answer.field, reason=answer.reason, remedy=answer.remedy, retryable=False)
    return RowShown(row=row, request=None, refused=told)


def numbers_shown(rounds: list[Numbers]) -> NumbersListed:
    """Numbers by round."""
    return NumbersListed(
        rounds=[
            NumbersShown(
                **{name: getattr(one, name) for name in Numbers.__dataclass_fields__},
                avoided_eur=one.avoided * EUR_PER_AUDIT,
            )
            for one in rounds
        ]
    )


def page_shown(shown: Shown) -> PageShown:
    """A supplier's page."""
    request = shown.request
    steps = list(request.possible(Actor.SUPPLIER))
    if request.state in (State.ACCEPTED, State.UPLOADING):
        steps.append(Step.BEGIN_UPLOAD)
    return PageShown(
        request_id=request.request_id,
        state=request.state,
        asks=shown.asks,
        site=request.supplier.name,
        scope=request.scope,
        purpose=request.purpose,
        asked_at=request.asked_at,
        term_ends_at=request.term_ends_at,
        reference=request.reference,
        language=request.supplier.language,
        possible=steps,
        decline_reasons=list(DeclineReason),
        # The other reasons are the asker's own.
        reason=request.reason if request.state is State.DECLINED else None,
    )
