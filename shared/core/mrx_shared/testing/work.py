"""A work without a database: handlers run against it in milliseconds."""

from datetime import UTC, datetime
from uuid import UUID

from mrx_shared.kit.ids import uuid7
from mrx_shared.messages.envelope import Message

NOON = datetime(2026, 6, 30, 12, tzinfo=UTC)


class MemoryUnitOfWork:
    """Base of every service's `MemoryWork`: keeps what was said, in order, for a test to read."""

    def __init__(self, now: datetime = NOON) -> None:
        self.moment = now
        self.said: list[Message] = []
        self.said_about: list[tuple[str, Message]] = []
        self.said_to: list[tuple[UUID, Message]] = []

    @property
    def now(self) -> datetime:
        """The moment that the test states."""
        return self.moment

    def new_id(self) -> UUID:
        """A new id."""
        return uuid7(self.moment)

    def emit(self, fact: Message, *, about: str, to: UUID | None = None) -> None:
        """Keep a fact."""
        self.said.append(fact)
        self.said_about.append((about, fact))
        if to is not None:
            self.said_to.append((to, fact))
