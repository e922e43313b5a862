"""The ports that every service has: emitting events, and running a verb in a transaction of its own."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

from mrx_shared.messages.envelope import Message

W_co = TypeVar("W_co", covariant=True)
T = TypeVar("T")


class UnitOfWork(Protocol):
    """What every handler's `work` offers, whatever its repositories are."""

    @property
    def now(self) -> datetime:
        """The moment of this transaction, UTC."""

    def new_id(self) -> UUID:
        """A new id, ordered by time."""

    def emit(self, fact: Message, *, about: str, to: UUID | None = None) -> None:
        """Emit an event about the aggregate `about`, with this transaction or not at all.

        With `to`, it goes to that member's out-topic alone, else to the topic of its type.
        """


class Transact(Protocol[W_co]):
    """Runs a verb that neither a message nor a request asked for."""

    async def __call__(
        self,
        verb: Callable[[W_co], Awaitable[T]],
        *,
        tenant: UUID | None = None,
        correlation_id: str | None = None,
    ) -> T:
        """Commit what the verb does and emits, for a member or for none; or nothing of it.

        `correlation_id` is carried by what it emits; by default a new one.
        """
