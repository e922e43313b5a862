"""The port through which a handler says a fact."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from mrx_shared.messages.envelope import Message


class Speaks(Protocol):
    """What every handler's `work` offers, whatever its repositories are."""

    @property
    def now(self) -> datetime:
        """The moment of this transaction, UTC."""

    def new_id(self) -> UUID:
        """A new id, ordered by time."""

    def say(self, fact: Message, *, about: str, to: UUID | None = None) -> None:
        """Say a fact about the aggregate `about`, with this transaction or not at all.

        With `to`, it goes to that member's out-topic alone, else to the topic of its type.
        """
