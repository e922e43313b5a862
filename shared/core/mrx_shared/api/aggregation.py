"""Bodies of aggregation's HTTP API."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from mrx_shared.api.bodies import Answer, RequestBody, Words
from mrx_shared.messages.aggregation import RowRefusal

ListState = Annotated[str, Words("incomplete", "waiting", "accepted", "refused", "replaced")]
RoundState = Annotated[str, Words("open", "closing", "closed", "proposed", "releasing", "released")]


class NewRound(RequestBody):
    """A round to open."""

    as_of: date | None = Field(default=None, description="by default today, UTC")


class NewClosing(RequestBody):
    """How to close."""

    leave_waiting: bool = Field(default=False, description="move what waits to the next round")


class NewLink(RequestBody):
    """Which document to fetch."""

    document: str = Field(max_length=100)


class ReceivedList(Answer):
    """A revision of the asker's own list."""

    list_id: UUID
    revision: int
    state: ListState
    reason: str | None
    remedy: str | None
    rows: int
    accepted: int
    refused: int
    waiting: int
    round_id: UUID | None
    received_at: AwareDatetime


class ReceivedLists(Answer):
    """The asker's own lists, newest first."""

    lists: tuple[ReceivedList, ...]


class Refusals(Answer):
    """Refused rows of a list, by row; ask again with `after_row` = the last one's row."""

    refusals: tuple[RowRefusal, ...]


class Numbers(Answer):
    """What a round holds; `sites` is always `released` and `held` together."""

    lists: int
    rows: int
    accepted: int
    refused: int
    waiting: int
    lists_waiting: int
    lists_incomplete: int
    sites: int
    sites_on_several_lists: int
    independent_groups: int
    released: int
    held: int


class Trouble(Answer):
    """Why a round does not come on."""

    step: RoundState = Field(description="the state that it cannot leave")
    cause: str
    permanent: bool = Field(description="it fails until somebody mends the cause")
    since: AwareDatetime
    attempts: int = Field(description="failures in a row")
    next_try_at: AwareDatetime


class Round(Answer):
    """A round as it stands."""

    round_id: UUID
    as_of: date
    state: RoundState
    proposed_by: str | None
    approved_by: str | None
    release_id: UUID | None
    numbers: Numbers
    trouble: Trouble | None = Field(
        default=None, description="while closing or releasing fails; null once it has succeeded"
    )


class Rounds(Answer):
    """All rounds, newest first."""

    rounds: tuple[Round, ...]


class Release(Answer):
    """A released list; its documents by name, with their SHA-256."""

    release_id: UUID
    round_id: UUID
    as_of: date
    rows: int
    held: int | None = Field(description="only for the secretariat")
    documents: dict[str, str]
    released_at: AwareDatetime


class Link(Answer):
    """An address to fetch one document from, for a minute, without a token."""

    url: str | None = Field(repr=False, description="null when the request is repeated: ask for a new link")
    expires_at: AwareDatetime
    sha256: str
