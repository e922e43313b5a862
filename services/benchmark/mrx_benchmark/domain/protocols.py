"""Audit protocols, a member's own or public, and the versions in which they hold."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from mrx_criteria.domain.answers import plain_text
from mrx_shared.refusals import Invalid, Rejected
from mrx_shared.wording import check_plain

OWN_FAMILY = "equivalent"
"""What is said of the family of a company's own protocol: its name would name its owner."""

WELL_KNOWN = (
    "SMETA",
    "SA8000",
    "BSCI",
    "amfori",
    "amfori BSCI",
    "RBA",
    "RBA VAP",
    "VAP",
    "SLCP",
    "ICS",
    "WRAP",
    "FSLM",
    "Higg",
    "Higg FSLM",
    "SSCI",
)
"""Schemes that everyone means by these names, before the secretariat has registered any protocol of theirs."""

_BETWEEN = re.compile(r"[\s\-_.]+")
_CHARACTERS = 60
_OF_PATHS = frozenset("/\\")


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """An audit protocol; without an owner it is public. Cannot be built without a code that lists can name."""

    protocol_id: UUID
    owner: UUID | None
    code: str
    name: str
    scheme_family: str

    def __post_init__(self) -> None:
        for field in ("code", "name", "scheme_family"):
            one_line(getattr(self, field), field=field)
        if not normal_code(self.code):
            raise Invalid(
                f"{self.code!r} has neither a letter nor a digit", field="code", remedy="give it a code"
            )

    @property
    def public(self) -> bool:
        """Whether every member may adopt it."""
        return self.owner is None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolVersion:
    """A version of a protocol and the days of the audits that are done under it."""

    protocol_id: UUID
    version: str
    effective_from: date
    effective_until: date | None

    def __post_init__(self) -> None:
        one_line(self.version, field="version")
        if set(self.version) & _OF_PATHS or not self.version.strip("."):
            raise Invalid(
                f"{self.version!r} cannot be part of a page's address",
                field="version",
                remedy="write it without slashes and not as dots only, for example 2024-1",
            )
        if self.effective_until is not None and self.effective_until < self.effective_from:
            raise Invalid(
                f"{self.effective_until} is before {self.effective_from}",
                field="effective_until",
                remedy="give the last day of audits under this version, or leave it out while it is in force",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """The first and the last day of audits that are recognised; without a last day it goes on."""

    first: date
    last: date | None


def normal_code(code: str) -> str:
    """What two spellings of one code have in common: `Acme RSP-1.0` and `ACME_RSP 10` are the same."""
    return _BETWEEN.sub("", unicodedata.normalize("NFKC", code).casefold())


def check_own_code(code: str, public_names: Iterable[str]) -> None:
    """Refuse a code for a member's own protocol that everyone would read as a public scheme's.

    That is the name of a well-known scheme, or the code or family of a public protocol, in whatever spelling; alone
    or going on with a number or a sign, as `SMETA 6.1` does, but not with letters, as in `Smetana`.
    """
    own = normal_code(code)
    for name in (*WELL_KNOWN, *public_names):
        reserved = normal_code(name)
        if own.startswith(reserved) and not own[len(reserved) :][:1].isalpha():
            raise Rejected(
                f"the code {code} is read as {name}, which is public",
                field="code",
                remedy="register the protocol under a code of your own, such as one that begins with your company's "
                f"name; if {name} itself is meant, adopt the public protocol at the registry",
            )


def one_line(text: str, *, field: str) -> None:
    """Refuse what is not one short line of plain text."""
    plain = plain_text(text, field=field)
    if plain != text or not plain or len(plain) > _CHARACTERS or not plain.isprintable():
        raise Invalid(
            "not one line of plain text",
            field=field,
            remedy=f"write 1 to {_CHARACTERS} characters without leading or trailing spaces",
        )
    check_plain(text, field=field)


def last_day(version: ProtocolVersion, criteria_end: date | None) -> date | None:
    """The version's own last day or that of the criteria, whichever is earlier; None where neither ends."""
    return min((day for day in (version.effective_until, criteria_end) if day is not None), default=None)


def recognition(version: ProtocolVersion, criteria_end: date | None) -> Recognition | None:
    """The version's own dates, ended by the end of the criteria's transition; None where that leaves no day."""
    last = last_day(version, criteria_end)
    if last is not None and last < version.effective_from:
        return None
    return Recognition(first=version.effective_from, last=last)
