"""One sending of a list: what makes a repetition the same and a change the next revision."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

MAX_PAGE_ROWS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """A revision of a list as it was first sent. Everything that its events are made of, but for the rows."""

    list_id: UUID
    revision: int
    sha256: str
    page_rows: int
    said_at: datetime
    heard_from: int
    """where in the member's out-topic its receipts can begin"""
    finished: bool = False
    """the command that sent it came to its end; until then the same content is the same revision"""

    def end(self) -> "Edition":
        """Return this edition, finished."""
        return replace(self, finished=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishOptions:
    """What the person who publishes asks for; None leaves it to what was sent before."""

    list_id: UUID | None = None
    revision: int | None = None
    page_rows: int = MAX_PAGE_ROWS


def repeats(last: Edition | None, options: PublishOptions, sha256: str) -> bool:
    """Whether publishing this content carries on with the last edition instead of making a new one."""
    if last is None or last.sha256 != sha256 or options.list_id not in {None, last.list_id}:
        return False
    return not last.finished if options.revision is None else options.revision == last.revision


def next_revision(last: Edition | None, options: PublishOptions) -> int:
    """The revision of a new edition."""
    if options.revision is not None:
        return options.revision
    return 1 if last is None or options.list_id not in {None, last.list_id} else last.revision + 1
