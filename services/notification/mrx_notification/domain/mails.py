"""A mail's life: waiting, then sent or failed; a sent one may come back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal
from uuid import NAMESPACE_URL, UUID, uuid5

FIRST_PAUSE: Final = timedelta(seconds=2)
LONGEST_PAUSE: Final = timedelta(minutes=30)
MOST_TRIES: Final = 57
"""with these pauses, about a day"""
NO_WORDS: Final[Mapping[str, str | None]] = MappingProxyType({})

AskedBy = Literal["report_request", "registry"]


class Kind(StrEnum):
    """What a mail is for. The first seven are report_request's, the others the registry's."""

    INVITATION = "invitation"
    REMINDER = "reminder"
    RECEIVED = "received"
    FILE_REFUSED = "file-refused"
    CLOSED = "closed"
    READY = "ready"
    UNDELIVERED = "undelivered"
    WELCOME = "welcome"
    PASSWORD_RESET = "password-reset"  # noqa: S105  (a kind of mail)
    RECOGNITION_ENDING = "recognition-ending"
    RECOGNITION_LAPSED = "recognition-lapsed"
    CRITERIA_EVOLVING = "criteria-evolving"
    QUESTION_ASKED = "question-asked"
    QUESTION_REPLIED = "question-replied"


SLOTTED: Final = frozenset({Kind.INVITATION, Kind.REMINDER, Kind.CLOSED})
"""what members ask of suppliers: these mails leave in slots, and together"""


class State(StrEnum):
    """How a mail stands."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


class Cause(StrEnum):
    """Why a mail failed."""

    REFUSED = "refused"
    BOUNCED = "bounced"
    GIVEN_UP = "given-up"
    UNSAFE = "unsafe"
    """its words, or the message made of them, were not what a mail of ours may be"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail that was asked for. `words` is what it tells; neither they nor the address outlive their use."""

    mail_id: UUID
    event_id: UUID
    """the event that asked for it"""
    letter_id: UUID
    """of its Message-ID: a repeated sending is the same mail, and mails that leave as one have one"""
    correlation_id: str
    """of what asked for it"""
    kind: Kind
    asked_by: AskedBy
    about: UUID
    language: str
    with_link: bool
    address: str | None = field(repr=False)
    words: Mapping[str, str | None] = field(repr=False)
    asked_at: datetime
    state: State = State.WAITING
    tries: int = 0
    due_at: datetime
    slot_at: datetime | None = None
    """the slot that it leaves in, if it leaves in one"""
    status: str | None = None
    """RFC 3463 code of the last answer that was no yes"""
    cause: Cause | None = None
    sent_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def exhausted(self) -> bool:
        """Whether it was tried often enough."""
        return self.tries >= MOST_TRIES

    def try_at(self, now: datetime) -> "Mail":
        """Count a try. Whatever becomes of it, the next one waits longer than this one did."""
        pause = min(FIRST_PAUSE * 2 ** min(self.tries, 20), LONGEST_PAUSE)
        return replace(self, tries=self.tries + 1, due_at=now + pause)

    def sent(self, at: datetime) -> "Mail":
        """The mail server took it."""
        return replace(self, state=State.SENT, words=NO_WORDS, sent_at=at, ended_at=at, status=None)

    def failed(self, cause: Cause, status: str, at: datetime) -> "Mail":
        """It will not arrive, or came back."""
        return replace(self, state=State.FAILED, words=NO_WORDS, cause=cause, status=status, ended_at=at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try to send what leaves as one: a single mail, or the mails of a slot to one mailbox. It is counted already."""

    letter_id: UUID
    address: str = field(repr=False)
    language: str
    mails: tuple[Mail, ...]
    tokens: tuple[str | None, ...] = field(repr=False)
    """of each mail's link, in the order of `mails`"""

    @property
    def to_name(self) -> str | None:
        """How the reader is called, where all the mails call it so."""
        names = {mail.words.get("to_name") for mail in self.mails}
        return names.pop() if len(names) == 1 else None


def together(mails: Sequence[Mail]) -> tuple[UUID, tuple[Mail, ...]]:
    """What leaves as one, in the order in which it was asked for, and the id that it has at every try."""
    ordered = tuple(sorted(mails, key=lambda mail: (mail.asked_at, mail.mail_id)))
    first = ordered[0]
    if first.slot_at is None or first.tries:
        return first.letter_id, ordered
    contents = " ".join(sorted(str(mail.event_id) for mail in ordered))
    return uuid5(NAMESPACE_URL, f"{first.slot_at.isoformat()} {first.address} {contents}"), ordered


def language_of(mails: Sequence[Mail]) -> str:
    """The language that most of the mails are asked for in; the first of those that are as many."""
    asked = [mail.language for mail in mails]
    return max(dict.fromkeys(asked), key=asked.count)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedMail:
    """A mail's words in its reader's language, as plain text and as HTML."""

    language: str
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)
