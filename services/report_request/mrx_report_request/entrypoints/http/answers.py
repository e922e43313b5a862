"""Answers, made of the domain's things."""

from collections.abc import Sequence
from datetime import date

from mrx_shared.api import report_request as api
from mrx_shared.refusals import Rejected, TooEarly

from mrx_report_request.domain.decisions import EUR_PER_AUDIT
from mrx_report_request.domain.requests import DeclineReason, Request
from mrx_report_request.domain.transitions import Action, Actor, State
from mrx_report_request.handlers.suppliers import Shown
from mrx_report_request.ports import Numbers


def request(
    one: Request, *, today: date, same_file: Sequence[Request] = (), contact: bool = False
) -> api.Request:
    """A request; with its contact only where the answer is not kept."""
    supplier, limits = one.supplier, one.validity
    return api.Request.of(
        one,
        supplier=api.Supplier(
            name=supplier.name,
            language=supplier.language,
            contact_email=supplier.contact_email if contact else None,
            contact_name=supplier.contact_name if contact else None,
        ),
        report=api.Report.of(one.report) if one.report else None,
        decision=api.Decision.of(one.decision) if one.decision else None,
        possible=one.possible(Actor.MEMBER),
        history=tuple(map(api.Change.of, one.history)),
        validity=api.Validity(since=limits.since, default=limits.default(today), most=limits.most)
        if limits
        else None,
        same_file=tuple(
            api.SameFile(
                request_id=other.request_id, site_number=other.site_number, supplier=other.supplier.name
            )
            for other in same_file
        ),
    )


def result(row: int, answer: Request | Rejected | TooEarly, *, today: date) -> api.RequestResult:
    """One of several requests that was taken, or why it was not."""
    if isinstance(answer, Request):
        return api.RequestResult(row=row, request=request(answer, today=today), refused=None)
    if isinstance(answer, TooEarly):
        told = api.Refusal(field=None, reason=answer.reason, remedy="ask again in a moment", retryable=True)
    else:
        told = api.Refusal(field=answer.field, reason=answer.reason, remedy=answer.remedy, retryable=False)
    return api.RequestResult(row=row, request=None, refused=told)


def numbers(rounds: Sequence[Numbers]) -> api.Numbers:
    """Numbers by round."""
    return api.Numbers(
        rounds=tuple(api.RoundNumbers.of(one, avoided_eur=one.avoided * EUR_PER_AUDIT) for one in rounds)
    )


def page(shown: Shown) -> api.SupplierPage:
    """A supplier's page."""
    one = shown.request
    transitions = one.possible(Actor.SUPPLIER)
    if one.state in (State.ACCEPTED, State.UPLOADING):
        transitions = (*transitions, Action.BEGIN_UPLOAD)
    return api.SupplierPage.of(
        one,
        asks=shown.asks,
        site=one.supplier.name,
        language=one.supplier.language,
        possible=transitions,
        decline_reasons=tuple(DeclineReason),
        # The other reasons are the asker's own.
        reason=one.reason if one.state is State.DECLINED else None,
    )
