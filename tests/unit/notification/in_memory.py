"""Notification's ports in memory."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from mrx_notification.domain.mails import Attempt, Mail, RenderedMail, State
from mrx_notification.ports import Work
from mrx_shared.refusals import Unknown
from mrx_shared.testing.work import MemoryUnitOfWork

T = TypeVar("T")


class MemoryMails:
    """See `ports.Mails`."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self.kept: dict[UUID, Mail] = {}
        self.hashes: dict[UUID, list[str]] = {}
        self.others_send = False

    async def add(self, mail: Mail) -> bool:
        if mail.mail_id in self.kept or mail.event_id in {one.event_id for one in self.kept.values()}:
            return False
        self.kept[mail.mail_id] = mail
        return True

    async def get(self, mail_id: UUID) -> Mail:
        if mail_id not in self.kept:
            raise Unknown("there is no such mail", field="mail_id")
        return self.kept[mail_id]

    async def of_letter(self, letter_id: UUID) -> Sequence[Mail]:
        return [one for one in self.kept.values() if one.letter_id == letter_id]

    async def keep(self, mail: Mail) -> None:
        self.kept[mail.mail_id] = mail

    async def due(self, few: int) -> Sequence[Mail]:
        waiting = [
            one for one in self.kept.values() if one.state is State.WAITING and one.due_at <= self.clock()
        ]
        return sorted(waiting, key=lambda mail: (mail.due_at, mail.address or "", mail.mail_id))[:few]

    async def with_it(self, mail: Mail) -> Sequence[Mail]:
        return [
            one
            for one in self.kept.values()
            if one.state is State.WAITING and (one.slot_at, one.address) == (mail.slot_at, mail.address)
        ]

    async def alone(self) -> bool:
        return not self.others_send

    async def expect(self, mail_id: UUID, token_hash: str) -> None:
        self.hashes.setdefault(mail_id, []).append(token_hash)

    async def token_hashes(self, mail_id: UUID) -> Sequence[str]:
        return self.hashes.get(mail_id, [])

    async def forget(self, *, ended_before: datetime) -> int:
        old = [
            one for one in self.kept.values() if one.address and one.ended_at and one.ended_at < ended_before
        ]
        for one in old:
            self.kept[one.mail_id] = replace(one, address=None)
        return len(old)

    async def some(self, *, state: State | None, before: UUID | None, limit: int) -> Sequence[Mail]:
        found = [
            one
            for one in sorted(self.kept.values(), key=lambda mail: mail.mail_id, reverse=True)
            if state in (None, one.state) and (before is None or one.mail_id < before)
        ]
        return found[:limit]


class MemoryWork(MemoryUnitOfWork):
    """One work for many verbs: what a verb stored, the next one finds."""

    def __init__(self) -> None:
        super().__init__()
        self.mails = MemoryMails(lambda: self.now)
        self.correlation_ids: list[str | None] = []

    async def transact(
        self,
        verb: Callable[[Work], Awaitable[T]],
        *,
        tenant: UUID | None = None,
        correlation_id: str | None = None,
    ) -> T:
        """Run a verb, as `ports.Transact` does."""
        self.correlation_ids.append(correlation_id)
        return await verb(self)


class PlainRenderer:
    """Letters that say their token."""

    def render(self, attempt: Attempt) -> RenderedMail:
        text = " ".join(token or "" for token in attempt.tokens)
        return RenderedMail(language="en", subject=attempt.mails[0].kind, text=text, html="")


class MemoryTransport:
    """A mail server: gives the answers it is told to, then takes everything."""

    def __init__(self) -> None:
        self.answers: list[Exception] = []
        self.taken: list[tuple[Attempt, RenderedMail]] = []
        self.before: Callable[[Attempt, RenderedMail], None] = lambda _attempt, _letter: None

    async def send(self, letter: RenderedMail, attempt: Attempt) -> None:
        self.before(attempt, letter)
        if self.answers:
            raise self.answers.pop(0)
        self.taken.append((attempt, letter))
