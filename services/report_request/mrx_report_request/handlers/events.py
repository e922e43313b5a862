"""What a member's system says on its own topic. A refusal is answered there; it is no dead letter."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from mrx_shared.api.report_request import NewRequest
from mrx_shared.messages.requests import RecognitionDecided
from mrx_shared.refusals import Invalid, Rejected, TooEarly

from mrx_report_request.domain.decisions import Outcome
from mrx_report_request.domain.requests import Request
from mrx_report_request.domain.transitions import Action
from mrx_report_request.handlers import members
from mrx_report_request.handlers.asking import ask
from mrx_report_request.handlers.publishing import emit_refused, emit_status
from mrx_report_request.ports import Work

PATIENCE: Final = timedelta(seconds=60)
"""a list may be released and its entries asked for, or a report be opened and decided on, before that is known here;
a member's clock may be ahead of ours"""


async def take_request(
    request_id: UUID,
    asked: NewRequest,
    work: Work,
    *,
    member_id: UUID,
    stated_member: UUID | None,
    said_at: datetime,
) -> None:
    """Ask a supplier; the same id again is answered with how the request stands."""
    known = await work.requests.find(request_id)
    patient = abs(work.now - said_at) < PATIENCE
    try:
        async with work.attempt():
            _check_member(member_id, stated_member)
            await ask(asked, work, member_id=member_id, patient=patient)
    except Rejected as refusal:
        emit_refused(
            request_id,
            refusal,
            work,
            member_id=member_id,
            entry_id=asked.entry_id,
            site_number=asked.site_number,
        )
    else:
        if known is not None:
            emit_status(known, work)


async def take_decision(
    decided: RecognitionDecided, work: Work, *, member_id: UUID, stated_member: UUID | None, said_at: datetime
) -> None:
    """Record a recognition decision. One on a report that was opened a moment ago waits until that is known here."""
    request_id, outcome = decided.request_id, decided.outcome
    known = await work.requests.find(request_id)
    patient = abs(work.now - said_at) < PATIENCE
    try:
        async with work.attempt():
            _check_member(member_id, stated_member)
            if patient and _may_just_be_opened(known, outcome):
                raise TooEarly(
                    "it is not known here that the report was opened", waiting_for=f"report-read:{request_id}"
                )
            if outcome not in set(Outcome):
                raise Invalid(
                    "there is no such outcome", field="outcome", remedy=f"state {', '.join(Outcome)}"
                )
            if known is not None and _decided_so(known, decided):
                emit_status(known, work)
                return
            await members.decide(
                request_id,
                outcome=Outcome(outcome),
                reason=decided.reason,
                valid_until=decided.valid_until,
                same_file_confirmed=decided.same_file_confirmed,
                work=work,
            )
    except Rejected as refusal:
        _answer(request_id, known, refusal, work, member_id=member_id)


async def take_withdrawal(
    request_id: UUID, reason: str | None, work: Work, *, member_id: UUID, stated_member: UUID | None
) -> None:
    """Withdraw a request."""
    known = await work.requests.find(request_id)
    try:
        async with work.attempt():
            _check_member(member_id, stated_member)
            await members.withdraw(request_id, reason, work)
    except Rejected as refusal:
        _answer(request_id, known, refusal, work, member_id=member_id)


def _check_member(member_id: UUID, stated: UUID | None) -> None:
    if stated not in (None, member_id):
        raise Invalid(
            "the topic is another member's",
            field="member_id",
            remedy="leave it out: the topic identifies you",
        )


def _may_just_be_opened(known: Request | None, outcome: str) -> bool:
    return (
        known is not None
        and outcome in {Outcome.ACCEPTED, Outcome.TOP_UP}
        and known.may(Action.DECIDE)
        and known.report is not None
        and known.report.read_at is None
    )


def _decided_so(known: Request, decided: RecognitionDecided) -> bool:
    return (
        known.decision is not None
        and known.outcome == decided.outcome
        and known.decision.reason == ((decided.reason or "").strip() or None)
        and decided.valid_until in (None, known.valid_until)
    )


def _answer(
    request_id: UUID, known: Request | None, refusal: Rejected, work: Work, *, member_id: UUID
) -> None:
    if known is not None:
        emit_status(known, work, refused=refusal)
        return
    emit_refused(request_id, refusal, work, member_id=member_id, entry_id="", site_number="")
