"""Bodies of report_request's HTTP API."""

from datetime import date
from typing import Annotated, Any, get_args
from uuid import UUID

from pydantic import AwareDatetime, Field

from mrx_shared.api.bodies import Answer, RequestBody, Words
from mrx_shared.limits import CHARACTERS_READ, DEFAULT_TERM_DAYS, MAIL_LANGUAGES, TERM_DAYS
from mrx_shared.messages import report_request as facts
from mrx_shared.messages.requests import Outcome

MOST_AT_ONCE = 500
Line = Annotated[str, Field(max_length=CHARACTERS_READ)]
"""read by the rules, which name what is wrong with it"""
Days = Annotated[int, Field(ge=-(2**31), lt=2**31)]
State = Annotated[str, Words(*get_args(facts.State))]
Channel = Annotated[str, Words(*get_args(facts.Channel))]
MailState = Annotated[str, Words("unsent", "sent", "refused", "bounced")]
Action = Annotated[
    str,
    Words(
        "send",
        "opening",
        "acceptance",
        "refusal",
        "upload",
        "upload-lapse",
        "arrival",
        "storage",
        "file-refusal",
        "access-withdrawal",
        "expiry",
        "withdrawal",
        "contact",
        "decision",
    ),
]
DeclineReason = Annotated[
    str,
    Words("no-recent-audit", "not-our-site", "not-a-customer", "shared-already", "not-shared", "other"),
]


class NewSupplier(RequestBody):
    """The supplier as the asker's own supplier base has it."""

    name: Line
    contact_email: Line = Field(repr=False)
    contact_name: Line | None = Field(default=None, repr=False)
    language: Line = Field(description=f"of the mails: {', '.join(MAIL_LANGUAGES)}")


class NewRequest(RequestBody):
    """A request for the report on a site of the released list."""

    request_id: UUID | None = Field(default=None, description="the same id asks once; made here if left out")
    entry_id: Line
    site_number: Line = Field(description="the site in the asker's own supplier base")
    supplier: NewSupplier
    scope: Line
    purpose: Line
    term_days: Days = Field(
        default=DEFAULT_TERM_DAYS, description=f"{TERM_DAYS.start} to {TERM_DAYS.stop - 1}"
    )
    requester_email: Line | None = Field(default=None, repr=False)
    requester_language: Line | None = None
    again: bool = Field(
        default=False,
        description="of several at once: ask the supplier once more where a request of the same words is over",
    )


class NewRequests(RequestBody):
    """Several requests."""

    requests: list[dict[str, Any]] = Field(
        min_length=1, max_length=MOST_AT_ONCE, repr=False, description="each as in POST /v1/requests"
    )


class NewWithdrawal(RequestBody):
    """Why nothing is asked any more."""

    reason: Line | None = None


class NewContact(RequestBody):
    """Another contact of the supplier."""

    contact_email: Line = Field(repr=False)
    contact_name: Line | None = Field(default=None, repr=False)
    language: Line | None = Field(default=None, description="as before if left out")


class NewDecision(RequestBody):
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


class NewRefusal(RequestBody):
    """Why the supplier does not share the report."""

    reason: Line = Field(description="one of the page's decline_reasons")
    comment: Line | None = None


class Supplier(Answer):
    """The supplier. The contact is shown by GET alone, until it is erased."""

    name: str
    language: str
    contact_email: str | None = Field(repr=False)
    contact_name: str | None = Field(repr=False)


class Report(Answer):
    """A report that can be read, or could until access was withdrawn."""

    report_id: UUID
    sha256: str
    size: int
    channel: Channel
    stored_at: AwareDatetime
    read_at: AwareDatetime | None
    access_withdrawn_at: AwareDatetime | None
    audit_date: date | None = Field(description="as a platform states it; null for an upload")


class Decision(Answer):
    """What the asker decided."""

    outcome: Annotated[str, Words(*get_args(Outcome))]
    reason: str | None
    valid_until: date | None
    decided_at: AwareDatetime
    avoided: bool = Field(description="whether it counts as an audit avoided")


class Validity(Answer):
    """How long the report may stand in for an audit, and what that is reckoned from."""

    since: str
    default: date
    most: date = Field(description="it may lie in the past: then the report can only be refused")


class SameFile(Answer):
    """Another request of the asker's own, for another site, for which the same file came."""

    request_id: UUID
    site_number: str
    supplier: str


class Change(Answer):
    """A line of a request's history."""

    state: State
    at: AwareDatetime
    reason: str | None


class Request(Answer):
    """A request of the asker's own."""

    request_id: UUID
    state: State
    reason: str | None
    mail: MailState
    entry_id: str
    site_number: str
    round_id: UUID
    supplier: Supplier
    scope: str
    purpose: str
    reference: str
    asked_at: AwareDatetime
    term_ends_at: AwareDatetime
    report: Report | None
    decision: Decision | None
    possible: tuple[Action, ...]
    history: tuple[Change, ...]
    half_year: str | None = Field(default=None, description="of the audit, as the list showed it")
    validity: Validity | None = Field(default=None, description="with a report")
    same_file: tuple[SameFile, ...] = Field(
        default=(), description="acceptance then needs same_file_confirmed"
    )
    mail_leaves_at: AwareDatetime | None = Field(
        default=None, description="when the next request or reminder to the supplier leaves"
    )


class Requests(Answer):
    """The asker's own requests, newest first; ask again with `after` = the last one's id."""

    requests: tuple[Request, ...]


class Refusal(Answer):
    """Why one of several requests was not taken."""

    field: str | None
    reason: str
    remedy: str | None
    retryable: bool = Field(
        description="whether the same row may be taken later, under a new Idempotency-Key"
    )


class RequestResult(Answer):
    """What became of one of several requests: a request, or a refusal."""

    row: int
    request: Request | None
    refused: Refusal | None


class RequestResults(Answer):
    """What became of each."""

    taken: int
    refused: int
    rows: tuple[RequestResult, ...]


class RoundNumbers(Answer):
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


class Numbers(Answer):
    """By round, the newest first."""

    rounds: tuple[RoundNumbers, ...]


class SupplierPage(Answer):
    """A supplier's page: who asks, for what, until when."""

    request_id: UUID
    state: State
    asks: str
    site: str
    scope: str
    purpose: str
    asked_at: AwareDatetime
    term_ends_at: AwareDatetime
    reference: str
    language: str
    possible: tuple[Action, ...]
    decline_reasons: tuple[DeclineReason, ...]
    reason: str | None


class SameFileSites(Answer):
    """Other sites for which the same supplier gave the same file to the same asker, as the asker names them."""

    sites: tuple[str, ...]
