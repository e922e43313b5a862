"""Mails that are asked for, as tests state them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from mrx_shared.messages.envelope import Envelope, M
from mrx_shared.messages.registry import NoticeMailAsked, PasswordMailAsked
from mrx_shared.messages.report_request import MailAsked


def request_mail(kind: str = "invitation", **other: Any) -> MailAsked:  # noqa: ANN401
    """report_request asks for a mail."""
    return MailAsked.model_validate(
        {
            "mail_id": uuid4(),
            "kind": kind,
            "request_id": uuid4(),
            "to": "li.wei@mill.example",
            "to_name": "Li Wei",
            "language": "en",
            "with_link": kind not in ("ready", "undelivered", "closed"),
            "asks": "Acme Brands",
            "site": "Sunrise Mill No. 3",
            "site_number": "S-0042",
            "scope": "SMETA 4-pillar",
            "purpose": "yearly review",
            "reference": "MRX-ABCDEFGH",
            "term_ends_at": datetime(2026, 7, 28, 12, tzinfo=UTC),
            "detail": None,
            **other,
        }
    )


def password_mail(kind: str = "password-reset", **other: Any) -> PasswordMailAsked:  # noqa: ANN401
    """The registry asks for a mail."""
    return PasswordMailAsked.model_validate(
        {
            "mail_id": uuid4(),
            "kind": kind,
            "principal_id": uuid4(),
            "to": "ada@acme.example",
            "to_name": "Ada Byron",
            "language": "en",
            "valid_minutes": 30,
            **other,
        }
    )


def notice_mail(kind: str = "recognition-ending", **other: Any) -> NoticeMailAsked:  # noqa: ANN401
    """The registry asks for a mail about a date."""
    evolving = kind == "criteria-evolving"
    return NoticeMailAsked.model_validate(
        {
            "mail_id": uuid4(),
            "kind": kind,
            "principal_id": uuid4(),
            "to": "ada@acme.example",
            "to_name": "Ada Byron",
            "language": "en",
            "criteria_version": "6.1-4p",
            "protocol_version": None if evolving else "3",
            "successor": "7.0" if evolving else None,
            "consultation_until": "2026-08-01" if evolving else None,
            "effective_on": "2026-09-01" if evolving else None,
            "recognised_until": "2027-03-31",
            **other,
        }
    )


def event(fact: M, *, event_id: UUID | None = None, correlation_id: str = "a request") -> Envelope[M]:
    """The event that says a fact."""
    return Envelope(
        id=event_id or uuid4(),
        source=f"/{fact.owner()}",
        type=fact.type,
        subject="x",
        time=datetime(2026, 6, 30, tzinfo=UTC),
        data=fact,
        correlationid=correlation_id,
        sequence=1,
    )
