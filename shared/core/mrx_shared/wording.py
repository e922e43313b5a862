"""What people may write where it reaches a mail. A domain may import this module; standard library only.

Texts and addresses come with a length that is checked already: to normalise many combining marks takes long.
"""

import re
import unicodedata
from contextlib import suppress
from typing import Final

from mrx_shared.limits import CHARACTERS
from mrx_shared.refusals import Invalid

_BREAKS: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""categories of what ends a line, obeys a terminal or is half a character"""
_DIRECTION: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""signs that turn the direction of a line, so that a name in a mail reads as another"""
_ENCODED_WORD: Final = "=?"
_BETWEEN: Final = re.compile(r"([^\w.-]+)")
"""what parts the hosts, names and numbers of a word"""
_SCHEMES: Final = (
    "http:",
    "https:",
    "ftp:",
    "mailto:",
    "tel:",
    "sms:",
    "data:",
    "file:",
    "javascript:",
    "hxxp:",
)
_SHORTEST_TOP_LEVEL: Final = 2
_COMMON_TOP_LEVELS: Final = frozenset({
    "app", "biz", "click", "club", "cn", "com", "dev", "icu", "info", "io", "link", "live", "ly", "net",
    "online", "org", "page", "ru", "shop", "site", "store", "top", "website", "xyz", "zip",
})  # fmt: skip
"""with these, mail programs make a link of a bare host"""
_FORMS: Final = frozenset({
    "bhd", "co", "corp", "cv", "dr", "inc", "ind", "ltd", "mfg", "mr", "mrs", "ms", "no", "plot", "pt",
    "pte", "pty", "pvt", "sdn", "sp", "st", "tbk", "ud", "unit",
})  # fmt: skip
"""abbreviations before whose next word companies leave no blank: Co.Ltd/Unit 2"""
_IP_LABELS: Final = 4
_LONGEST_DOMAIN: Final = 253


def breaks_a_line(sign: str) -> bool:
    """Whether a mail program might obey the sign: start a line, end the text or turn its direction."""
    return sign in _DIRECTION or unicodedata.category(sign) in _BREAKS


def check_plain(text: str, *, field: str) -> None:
    """Refuse what a mail's header would not carry as it is. Raises `Invalid`, without the text.

    Line ends, control characters and signs of direction; and encoded words (RFC 2047), which mail programs turn into
    whatever was encoded, line ends too. All that begins as an encoded word is refused, so none is left to be decoded.
    """
    for form in (text, unicodedata.normalize("NFKC", text)):
        if any(breaks_a_line(sign) for sign in form):
            raise Invalid(
                "this contains a control character",
                field=field,
                remedy="write plain text on one line",
            )
        if _ENCODED_WORD in _seen(form):
            raise Invalid(
                'this contains "=?", which starts an encoded word in mail programs',
                field=field,
                remedy='write the text itself, or put a space between "=" and "?"',
            )


def one_line(value: str, *, field: str, most: int = CHARACTERS) -> str:
    """A text of one line without its outer blanks. Raises `Invalid`."""
    text = value.strip()
    if not text:
        raise Invalid("this is empty", field=field, remedy="state it")
    if len(text) > most:
        raise Invalid(f"{len(text)} characters are too many", field=field, remedy=f"write at most {most}")
    check_plain(text, field=field)
    return text


def check_no_links(text: str, *, field: str, name: bool = False) -> None:
    """Refuse what a mail program would make a link of. Raises `Invalid`, without the text.

    In the `name` of a company, a bare host may stand: Example.com Textiles.
    """
    for word in _seen(unicodedata.normalize("NFKC", text)).casefold().split():
        if _is_link(word, bare=not name):
            raise Invalid(
                "this contains a link, a web address or an e-mail address, which are not allowed in a mail to a supplier",
                field=field,
                remedy="leave the address out; the mail links to the supplier's page anyway",
            )


def mailbox_of(address: str) -> str:
    """The mailbox that an address leads to: without a tag after a plus sign, capitals, or dots at an end.

    Two addresses with one mailbox are one recipient.
    """
    local, _, domain = address.strip().rpartition("@")
    untagged = local.partition("+")[0].rstrip(".") or local
    domain = domain.rstrip(".").lower()
    if len(domain) <= _LONGEST_DOMAIN:
        with suppress(UnicodeError):
            domain = domain.encode("idna").decode().lower()
    return f"{untagged.lower()}@{domain}"


def _seen(text: str) -> str:
    """The text without characters that nobody sees, which would part a link only for us."""
    return "".join(sign for sign in text if unicodedata.category(sign) != "Cf")


def _is_link(word: str, *, bare: bool) -> bool:
    parts = _BETWEEN.split(word)
    pieces, signs = parts[::2], [*parts[1::2], ""]
    for place, (piece, sign) in enumerate(zip(pieces, signs, strict=True)):
        follows = pieces[place + 1] if sign else ""
        host = piece.strip("-_.").rpartition("..")[2]
        if "://" in sign or (piece.strip("-_.") + sign[:1] in _SCHEMES and (follows or sign != ":")):
            return True
        if host.startswith("www.") or (sign == "@" and piece and follows):
            return True
        if _is_host(host, goes_on=_goes_on(host, sign, follows), bare=bare):
            return True
    return False


def _goes_on(host: str, sign: str, follows: str) -> bool:
    """Whether a path, a query or a port comes after a host."""
    if sign == ":":
        return follows.isdigit() and not host.endswith(".no")  # Plot.No:3
    return sign.startswith(("/", "\\", ":/")) or (sign.startswith(("?", "#")) and bool(follows))


def _is_host(host: str, *, goes_on: bool, bare: bool) -> bool:
    *labels, top = host.split(".")
    if not labels or not (goes_on or bare):
        return False
    if top in _COMMON_TOP_LEVELS:
        return True
    if top.isdecimal():
        return goes_on and len(labels) == _IP_LABELS - 1 and all(label.isdecimal() for label in labels)
    if not goes_on or len(top) < _SHORTEST_TOP_LEVEL or not (top.isalpha() or top.startswith("xn--")):
        return False
    country = len(top) == _SHORTEST_TOP_LEVEL
    if labels[-1] in _FORMS:
        return country and top not in _FORMS
    return country or not all(len(label) == 1 for label in labels)
