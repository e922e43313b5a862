"""What the operator's verbs need of the world, in their words."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

from mrx_operator.domain.chain import Link
from mrx_operator.domain.plan import BucketPlan, Grant, TopicPlan

Tell = Callable[[str], None]
"""Show one line of progress."""


class Retrier(Protocol):
    """Waits, within bounds, for what is not there yet."""

    async def until_done(self, what: str, step: Callable[[], Awaitable[None]]) -> None:
        """Take a step, again while a server is away. Raises `Unavailable` when patience ends."""


class Databases(Protocol):
    """A PostgreSQL server, as its superuser. Everything may be done again."""

    async def make(self, service: str) -> None:
        """The service's database and roles exist."""

    async def migrate(self, service: str) -> None:
        """The service's database has its newest shape."""


class Bus(Protocol):
    """A Kafka cluster, as its super-user. Everything may be done again."""

    async def ensure_topic(self, topic: TopicPlan) -> None:
        """The topic exists with its configuration."""

    async def ensure_user(self, service: str) -> None:
        """The service's user exists with its password."""

    async def grant(self, service: str, grants: Sequence[Grant]) -> None:
        """The service's user has these rights."""


class Buckets(Protocol):
    """An S3 server, as its administrator. Everything may be done again."""

    async def ensure(self, bucket: BucketPlan) -> None:
        """The bucket exists as planned."""

    async def refuses_strangers(self, name: str) -> bool:
        """Whether a request without credentials is turned away."""


Shown = Mapping[str, Any]
"""What a service shows of itself; JSON."""


class Service(Protocol):
    """A running service, as its operator. Raises `Unavailable` where it does not answer."""

    @property
    def name(self) -> str:
        """Which service this is."""

    async def status(self) -> Shown:
        """Faults, counts, relay, consumers, loops."""

    async def dead_letters(self, *, every: bool) -> Sequence[Shown]:
        """Dead letters; also what was replayed, with `every`."""

    async def dead_letter(self, letter: UUID) -> Shown:
        """One dead letter, its payload masked. Raises `Unknown`."""

    async def replay(self, letter: UUID) -> str:
        """Have it handled again. Returns the outcome; raises the handler's refusal."""

    async def unsent(self) -> Sequence[Shown]:
        """Facts that have not gone to Kafka."""

    async def retry(self) -> str:
        """Try parked facts again at once."""

    async def links(self, after: int) -> Sequence[Link]:
        """The next page of the log behind a position; empty at its end."""
