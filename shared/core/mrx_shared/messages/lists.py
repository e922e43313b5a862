"""What a member system says on `mrx.in.lists.<id>`: its list of audited sites, in pages and a closing manifest."""

from collections.abc import Iterable
from hashlib import sha256
from typing import ClassVar
from uuid import UUID

from pydantic import Field

from mrx_shared.messages.envelope import Message, Part, Travels, canonical_json

DIGEST = (
    "SHA-256 in hex over all rows in the order of their pages and, within a page, as they stand there: each row as the "
    'JSON object {"row":…,"values":{…}} with the keys of both objects sorted by code point, no blanks between tokens, '
    "UTF-8 without escapes where JSON allows, and one line feed after it"
)
PAGE_ROWS = 500
PAGE_BYTES = 512 * 1024

COLUMNS = (
    "row_ref",
    "site_name",
    "address",
    "city",
    "region",
    "postcode",
    "country",
    "audit_date",
    "protocol",
    "protocol_version",
    "audit_type",
    "notice",
)
IDENTIFIERS = ("os_id", "lei", "duns", "gln", "vat", "zs", "zc")


class ListRow(Part):
    """One row of a list: its number in the member's file (from 1) and its values by column."""

    row: int = Field(ge=1)
    values: dict[str, str]


class ListPage(Message):
    """A part of a member's list. Pages may come in any order; nothing counts before the manifest fits them."""

    type: ClassVar[str] = "mrx.member.list-page.v1"
    subject_is: ClassVar[str] = "list id"
    travels: ClassVar[Travels] = "from-member"

    list_id: UUID
    revision: int = Field(ge=1)
    page: int = Field(ge=1)
    rows: list[ListRow] = Field(min_length=1, max_length=PAGE_ROWS)


class ListManifest(Message):
    """The list is complete: so many pages and rows, with this digest over them."""

    type: ClassVar[str] = "mrx.member.list-manifest.v1"
    subject_is: ClassVar[str] = "list id"
    travels: ClassVar[Travels] = "from-member"

    list_id: UUID
    revision: int = Field(ge=1)
    pages: int = Field(ge=1)
    rows: int = Field(ge=1)
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description=DIGEST)
    member_id: UUID | None = Field(default=None, description="if given, must be the topic's own member")


def rows_digest(rows: Iterable[ListRow]) -> str:
    """SHA-256 in hex over the rows in page and row order: each as canonical JSON and a line feed."""
    digest = sha256()
    for row in rows:
        digest.update(canonical_json({"row": row.row, "values": row.values}))
        digest.update(b"\n")
    return digest.hexdigest()
