"""Which columns a list may have: those that are read, those that refuse the list, the rest is left unread."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from mrx_lists.columns import is_commercial

from mrx_aggregation.domain.cells import MOST_LETTERS

TEXT_COLUMNS = (
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
IDENTIFIER_COLUMNS = ("os_id", "lei", "duns", "gln", "vat", "zs", "zc")
READ_COLUMNS = (*TEXT_COLUMNS, *IDENTIFIER_COLUMNS)

_CONTACT_WORDS = frozenset(
    {
        "cellphone",
        "contact",
        "contacts",
        "correo",
        "email",
        "emails",
        "fax",
        "forename",
        "kontakt",
        "mail",
        "mobile",
        "person",
        "persons",
        "phone",
        "phones",
        "skype",
        "surname",
        "tel",
        "telefon",
        "telefono",
        "telephone",
        "telephones",
        "wechat",
        "whatsapp",
    }
)
_CONTACT_BEGINNINGS = ("ansprech", "contact", "email", "telefon", "telephon")
_CONTACT_PHRASES = frozenset({("first", "name"), ("last", "name"), ("family", "name"), ("given", "name")})
_WORD = re.compile(r"[a-z]+")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The columns of a list, sorted by what becomes of them."""

    trade: tuple[str, ...]
    contact: tuple[str, ...]
    unread: tuple[str, ...]
    too_long: tuple[str, ...] = ()

    @property
    def reason(self) -> str | None:
        """Why the whole list is refused, or None."""
        if self.too_long:
            longest = max(map(len, self.too_long))
            return f"the name of column {_quoted(self.too_long)} has {longest} characters, at most {MOST_LETTERS} are allowed"
        if self.trade:
            return f"column {_quoted(self.trade)} tells of prices, volumes, capacity or spend"
        if self.contact:
            return f"column {_quoted(self.contact)} holds contacts"
        return None

    @property
    def remedy(self) -> str | None:
        """What to do where the list is refused; else which columns are not read."""
        if self.too_long:
            return "shorten the name or take the column out, and send the list as a new revision"
        if self.reason:
            return "take the column out and send the list as a new revision"
        if self.unread:
            return f"not read: {_quoted(self.unread)}"
        return None


def sort_columns(names: Iterable[str]) -> Columns:
    """Tell columns that refuse a list from those that are merely not read."""
    found = set(names) - set(READ_COLUMNS)
    others = sorted(name for name in found if len(name) <= MOST_LETTERS)
    trade = tuple(name for name in others if is_commercial(name))
    contact = tuple(name for name in others if name not in trade and _holds_contacts(_words(name)))
    unread = tuple(name for name in others if name not in trade and name not in contact)
    too_long = tuple(sorted(name for name in found if len(name) > MOST_LETTERS))
    return Columns(trade=trade, contact=contact, unread=unread, too_long=too_long)


def _words(name: str) -> list[str]:
    """The words of a name; `unitPrice` holds unit and price, and is a word of its own as well."""
    plain = unicodedata.normalize("NFKD", name)
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return _WORD.findall(_HUMP.sub(" ", letters).casefold()) + _WORD.findall(letters.casefold())


def _holds_contacts(words: list[str]) -> bool:
    return any(
        word in _CONTACT_WORDS or word.startswith(_CONTACT_BEGINNINGS) for word in words
    ) or not _CONTACT_PHRASES.isdisjoint(pairwise(words))


def _quoted(names: tuple[str, ...]) -> str:
    shown = ", ".join(f"'{_shortened(name)}'" for name in names[:10])
    return f"{shown} and {len(names) - 10} more" if len(names) > 10 else shown  # noqa: PLR2004 - enough to find them


def _shortened(name: str) -> str:
    printable = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name)
    return printable if len(printable) <= 40 else f"{printable[:39]}…"  # noqa: PLR2004 - a name, not a text
