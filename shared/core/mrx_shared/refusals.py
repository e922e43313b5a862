"""How a rule says no. A domain may import this module; standard library only."""

from collections.abc import Iterable, Sequence
from typing import ClassVar, Final, Literal

Kind = Literal["invalid", "forbidden", "unknown", "conflict"]
NAME_CHARACTERS: Final = 100
"""so much of a name that a sender made up is said back to it"""
FAULTS: Final = 100
"""so many of the faults of one input are told one by one"""


class Rejected(Exception):
    """A rule says no, for good: trying again with the same words gives the same answer.

    Over HTTP it becomes a problem with `field`, `row` and `remedy`; on Kafka, a dead letter.
    """

    kind: ClassVar[Kind] = "conflict"

    def __init__(
        self,
        reason: str,
        *,
        field: str | None = None,
        row: int | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field
        self.row = row
        self.remedy = remedy


class Invalid(Rejected):
    """What was given cannot be read as what it claims to be."""

    kind: ClassVar[Kind] = "invalid"


class Faulty(Invalid):
    """Several things are wrong with one input. It reads as the first of them, and tells the others after it."""

    def __init__(self, faults: Sequence[Rejected], *, more: int = 0) -> None:
        first = faults[0]
        super().__init__(first.reason, field=first.field, row=first.row, remedy=first.remedy)
        self.faults = tuple(faults[:FAULTS])
        self.more = more + len(faults) - len(self.faults)
        """how many are not told"""


class Forbidden(Rejected):
    """Whoever asks may not do this."""

    kind: ClassVar[Kind] = "forbidden"


class Unknown(Rejected):
    """What was named does not exist, or not for whoever asks."""

    kind: ClassVar[Kind] = "unknown"


class RateLimited(Rejected):
    """Tried too often; `seconds` says when to come again."""

    def __init__(self, reason: str, *, seconds: int, remedy: str | None = None) -> None:
        super().__init__(reason, remedy=remedy)
        self.seconds = seconds


class TooEarly(Exception):
    """A fact that this depends on has not come yet; it may come.

    On Kafka the event goes to the waiting room under `waiting_for`; over HTTP: 409, retryable.
    """

    def __init__(self, reason: str, *, waiting_for: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.waiting_for = waiting_for


class Unavailable(Exception):
    """A server that this needs did not answer; the same call may succeed later. Its text holds no payload."""


class ServerRefused(Unavailable):
    """A server that this needs answered, and refused: the same call fails until somebody mends the cause."""


def counted(number: int, one: str, many: str) -> str:
    """A number with its noun, as English says it: 1 row, 2,000 rows."""
    return f"{number:,} {one if number == 1 else many}"


def spelled(place: Iterable[str | int]) -> str:
    """A place in an input as dotted names. Senders make up names, too: what cannot be printed or kept is escaped."""
    return ".".join(_spelled(str(step)) for step in place)


def _spelled(name: str) -> str:
    shown = "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode("ascii")
        for one in name[:NAME_CHARACTERS]
    )
    return f"{shown}…" if len(name) > NAME_CHARACTERS else shown
