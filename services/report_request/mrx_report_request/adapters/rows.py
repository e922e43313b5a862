"""A request as a row of its table, and back."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from mrx_report_request.domain.decisions import Decision, Outcome
from mrx_report_request.domain.requests import (
    Channel,
    DueMail,
    Happened,
    MailState,
    Report,
    Request,
    SlotMail,
    Supplier,
)
from mrx_report_request.domain.steps import State

_SAME = (
    "request_id",
    "member_id",
    "reference",
    "round_id",
    "entry_id",
    "site_token",
    "site_number",
    "scope",
    "purpose",
    "requester_email",
    "requester_language",
    "asked_at",
    "term_begins_at",
    "term_ends_at",
    "mail_id",
    "reminders",
    "sent_at",
    "upload_begun_at",
    "half_year",
)
"""fields that are columns as they are"""


def row_of(request: Request) -> dict[str, object]:
    """The values of a request's row, by column."""
    report, decision = request.report, request.decision
    return {
        **{name: getattr(request, name) for name in _SAME},
        "supplier_name": request.supplier.name,
        "language": request.supplier.language,
        "contact_email": request.supplier.contact_email,
        "contact_name": request.supplier.contact_name,
        "state": request.state.value,
        "mail": request.mail.value,
        "due_mail": request.due_mail and request.due_mail.kind.value,
        "due_mail_at": request.due_mail and request.due_mail.at,
        "history": [{**asdict(one), "at": one.at.isoformat()} for one in request.history],
        "revoked_mails": list(request.revoked_mails),
        "earlier_uploads": list(request.earlier_uploads),
        "report_id": report and report.report_id,
        "report_sha256": report and report.sha256,
        "report_size": report and report.size,
        "channel": report and report.channel.value,
        "stored_at": report and report.stored_at,
        "read_at": report and report.read_at,
        "access_withdrawn_at": report and report.access_withdrawn_at,
        "audit_date": report and report.audit_date,
        "outcome": decision and decision.outcome.value,
        "decision_reason": decision and decision.reason,
        "valid_until": decision and decision.valid_until,
        "decided_at": decision and decision.decided_at,
        "avoided": bool(decision and decision.avoided),
    }


def request_of(row: Row[Any]) -> Request:
    """The request of a row."""
    return Request(
        **{name: getattr(row, name) for name in _SAME},
        supplier=Supplier(
            name=row.supplier_name,
            language=row.language,
            contact_email=row.contact_email,
            contact_name=row.contact_name,
        ),
        state=State(row.state),
        mail=MailState(row.mail),
        history=tuple(
            Happened(state=State(one["state"]), reason=one["reason"], at=datetime.fromisoformat(one["at"]))
            for one in row.history
        ),
        revoked_mails=tuple(row.revoked_mails),
        due_mail=DueMail(kind=SlotMail(row.due_mail), at=row.due_mail_at) if row.due_mail else None,
        earlier_uploads=tuple(row.earlier_uploads),
        report=_report(row),
        decision=_decision(row),
    )


def _report(row: Row[Any]) -> Report | None:
    if row.report_id is None:
        return None
    return Report(
        report_id=row.report_id,
        sha256=row.report_sha256,
        size=row.report_size,
        channel=Channel(row.channel),
        stored_at=row.stored_at,
        read_at=row.read_at,
        access_withdrawn_at=row.access_withdrawn_at,
        audit_date=row.audit_date,
    )


def _decision(row: Row[Any]) -> Decision | None:
    if row.outcome is None:
        return None
    return Decision(
        outcome=Outcome(row.outcome),
        reason=row.decision_reason,
        valid_until=row.valid_until,
        decided_at=row.decided_at,
        avoided=row.avoided,
    )
