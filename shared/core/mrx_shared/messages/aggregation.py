"""Facts that aggregation says: receipts to one member, rounds and releases to all."""

from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from mrx_shared.messages.envelope import Message, Part, Travels
from mrx_shared.messages.topics import RELEASED_ENTRIES

REFUSALS_SHOWN = 100


class RowRefusal(Part):
    """Why one row of a list was refused, and what to do about it. `field` is a column of the list."""

    row: int
    row_ref: str
    field: str
    reason: str
    remedy: str


class ListReceived(Message):
    """The receipt for a list, said to its member alone; said again when something in it changed."""

    type: ClassVar[str] = "mrx.aggregation.list-received.v1"
    subject_is: ClassVar[str] = "member id"
    travels: ClassVar[Travels] = "to-member"

    list_id: UUID
    revision: int
    state: Literal["accepted", "waiting", "refused"]
    reason: str | None
    remedy: str | None
    rows: int
    accepted: int
    refused: int
    waiting: int
    round_id: UUID | None
    refusals: list[RowRefusal] = Field(
        description=f"the first {REFUSALS_SHOWN}; all of them at `details_path`"
    )
    details_path: str
    received_at: AwareDatetime
    stands: Literal["accepted", "waiting", "refused"] | None = Field(
        default=None,
        description="what stays of the same revision, where something more came for it and was refused",
    )


class ListReleased(Message):
    """The released list is ready; said to each participant. `links_path` mints a download link for a token."""

    type: ClassVar[str] = "mrx.aggregation.list-released.v1"
    subject_is: ClassVar[str] = "member id"
    travels: ClassVar[Travels] = "to-member"

    release_id: UUID
    round_id: UUID
    as_of: date
    rows: int
    documents: dict[str, str] = Field(description="file name to SHA-256")
    links_path: str
    released_at: AwareDatetime


class RoundOpened(Message):
    """A round takes lists."""

    type: ClassVar[str] = "mrx.aggregation.round-opened.v1"
    subject_is: ClassVar[str] = "round id"

    round_id: UUID
    as_of: date
    opened_at: AwareDatetime


class RoundClosed(Message):
    """A round takes no more lists; what it holds is judged and frozen."""

    type: ClassVar[str] = "mrx.aggregation.round-closed.v1"
    subject_is: ClassVar[str] = "round id"

    round_id: UUID
    as_of: date
    closed_at: AwareDatetime


class ReleasePublished(Message):
    """A round's list was released. Nothing in it tells who contributed."""

    type: ClassVar[str] = "mrx.aggregation.release-published.v1"
    subject_is: ClassVar[str] = "round id"

    release_id: UUID
    round_id: UUID
    as_of: date
    rows: int
    documents: dict[str, str]
    released_at: AwareDatetime


ENTRIES_PER_PAGE = 500


class ReleasedEntry(Part):
    """An entry of a released list, and what tells its site in other releases. No member's name hangs on it."""

    entry_id: str
    previous_entry_id: str | None = Field(description="the site's entry in the release before")
    site_token: str = Field(description="the same for a site in every release")
    audit_half_year: str | None = Field(
        default=None, description="when the site was audited, as the list shows it, such as 2025-H1"
    )


class ReleasePage(Message):
    """A part of a release's entries, so that requests for an entry from an older release find its site again."""

    type: ClassVar[str] = "mrx.aggregation.release-page.v1"
    subject_is: ClassVar[str] = "release id"
    apart: ClassVar[str | None] = RELEASED_ENTRIES

    release_id: UUID
    round_id: UUID
    as_of: date
    page: int = Field(ge=1)
    pages: int = Field(ge=1)
    entries: list[ReleasedEntry] = Field(max_length=ENTRIES_PER_PAGE)
