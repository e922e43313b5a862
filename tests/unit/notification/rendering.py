"""Mails of every kind, and how to read a letter."""

from datetime import UTC, datetime
from html.parser import HTMLParser
from uuid import UUID

from mrx_notification.adapters.rendering import JinjaRenderer
from mrx_notification.domain.mails import Attempt, Kind, Mail, RenderedMail, language_of
from typing_extensions import override

PORTAL = "https://portal.mrx.example"
NOW = datetime(2026, 7, 1, 9, tzinfo=UTC)
OF_REGISTRY = (Kind.WELCOME, Kind.PASSWORD_RESET)
NOTICES = (Kind.RECOGNITION_ENDING, Kind.RECOGNITION_LAPSED, Kind.CRITERIA_EVOLVING)
QUESTIONS = (Kind.QUESTION_ASKED, Kind.QUESTION_REPLIED)
LINKED = (Kind.INVITATION, Kind.REMINDER, Kind.RECEIVED, Kind.FILE_REFUSED, *OF_REGISTRY)
RENDERER = JinjaRenderer(portal_url=PORTAL)
ID = UUID(int=7)
DATE = "Wed, 01 Jul 2026 09:00:00 +0000"


def mail_of(kind: Kind, language: str = "en", **words: str | None) -> Mail:
    """A mail as a handler keeps it."""
    if kind in OF_REGISTRY:
        told: dict[str, str | None] = {"to_name": "Ada Byron", "valid_minutes": "30"}
    elif kind in NOTICES:
        told = {
            "to_name": "Ada Byron",
            "criteria_version": "6.1-4p",
            "protocol_version": "3",
            "successor": "7.0",
            "consultation_on": "2026-08-01",
            "effective_on": "2026-09-01",
            "recognised_on": "2027-03-31",
        }
    elif kind in QUESTIONS:
        told = {
            "to_name": "Ada Byron",
            "criteria_version": "6.1-4p",
            "protocol_version": "3",
            "criterion": "8.1",
        }
    else:
        told = {
            "to_name": "Li Wei",
            "asks": "Acme Brands",
            "site": "Sunrise Mill",
            "site_number": "S-0042",
            "scope": "SMETA 4-pillar",
            "purpose": "yearly review",
            "reference": "MRX-ABCDEFGH",
            "detail": "not-a-pdf" if kind is Kind.FILE_REFUSED else None,
            "term_ends_on": "2026-07-28",
        }
    return Mail(
        mail_id=ID,
        event_id=ID,
        letter_id=ID,
        correlation_id="a request",
        kind=kind,
        asked_by="registry" if kind in (*OF_REGISTRY, *NOTICES, *QUESTIONS) else "report_request",
        about=ID,
        language=language,
        with_link=kind in LINKED,
        address="li.wei@mill.example",
        words={**told, **words},
        asked_at=NOW,
        due_at=NOW,
    )


def attempt_of(*mails: Mail) -> Attempt:
    """One try to send what leaves as one."""
    return Attempt(
        letter_id=ID,
        address=mails[0].address or "",
        language=language_of(mails),
        mails=mails,
        tokens=tuple("TOKEN" if mail.with_link else None for mail in mails),
    )


def rendered_mail(kind: Kind, language: str = "en", **words: str | None) -> RenderedMail:
    return RENDERER.render(attempt_of(mail_of(kind, language, **words)))


class Tags(HTMLParser):
    """What a mail program would show, and every tag and address in it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.shown: list[str] = []
        self.feed(html)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [str(value) for name, value in attrs if name in ("href", "src")]

    @override
    def handle_data(self, data: str) -> None:
        self.shown.append(data)
