"""What the handlers need, in their words."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

from mrx_shared.messages import unit_of_work
from mrx_shared.messages.unit_of_work import UnitOfWork

from mrx_notification.domain.mails import Attempt, Mail, RenderedMail, State

T = TypeVar("T")


class Mails(Protocol):
    """Mails that were asked for, and the hashes of the tokens in their links."""

    async def add(self, mail: Mail) -> bool:
        """Add a mail. False when one of that id, or of that event, is there already."""

    async def get(self, mail_id: UUID) -> Mail:
        """The mail, held until the transaction ends. Raises `Unknown`."""

    async def of_letter(self, letter_id: UUID) -> Sequence[Mail]:
        """The mails that left, or are to leave, under an id; held until the transaction ends."""

    async def keep(self, mail: Mail) -> None:
        """Store how the mail stands; once it has ended, its words are gone."""

    async def due(self, few: int) -> Sequence[Mail]:
        """Some of the mails whose time to be tried has come, longest waiting first, then by address; nobody else gets them.

        So the order of two addresses in a slot does not depend on who else writes to either.
        """

    async def with_it(self, mail: Mail) -> Sequence[Mail]:
        """The mails that wait to leave in the same slot to the same address, this one among them; nobody else gets them."""

    async def alone(self) -> bool:
        """Whether no other process sends; then none will until the transaction ends."""

    async def expect(self, mail_id: UUID, token_hash: str) -> None:
        """A link with this token may arrive with the mail."""

    async def token_hashes(self, mail_id: UUID) -> Sequence[str]:
        """Of every token that may have arrived with the mail, oldest first."""

    async def forget(self, *, ended_before: datetime) -> int:
        """Drop the addresses of mails that ended before. Returns how many."""

    async def some(self, *, state: State | None, before: UUID | None, limit: int) -> Sequence[Mail]:
        """Mails, the newest first; those after `before` in that order."""


class Work(UnitOfWork, Protocol):
    """One transaction's work."""

    @property
    def mails(self) -> Mails:
        """Mails."""


Transact = unit_of_work.Transact[Work]


class Renderer(Protocol):
    """Renders mails."""

    def render(self, attempt: Attempt) -> RenderedMail:
        """The words of its mails in its language, or in English where we do not speak that; its links bear the tokens."""


class Transport(Protocol):
    """Hands rendered mails to the mail server."""

    async def send(self, rendered: RenderedMail, attempt: Attempt) -> None:
        """Return when the server took the mail. Raises `Unsafe` before it hears of it; `Refused` or `NotNow`."""


class Refused(Exception):
    """The mail server says no for good. `status` is an RFC 3463 code; the server's words stay out."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


class Unsafe(Exception):
    """The message is not what was written: it has another header, recipient or part, so it must not be sent."""


class NotNow(Exception):
    """The mail server says not yet, or nothing. `away` where that has nothing to do with this mail."""

    def __init__(self, status: str, *, away: bool) -> None:
        super().__init__(status)
        self.status = status
        self.away = away
