"""Public identifiers of sites and companies: their form and their check digits."""

import re
from collections.abc import Callable
from types import MappingProxyType

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SEPARATORS = re.compile(r"[\s.\-/]+")
_OS_ID = re.compile(r"[A-Z]{2}\d{7}[0-9A-HJKMNP-TV-Z]{6}")
_LEI = re.compile(r"[0-9A-Z]{18}\d{2}")
_VAT = re.compile(r"[A-Z]{2}[0-9A-Z+*]{2,13}")
_TAX_NUMBER = re.compile(r"[0-9A-Z]{5,20}")
_LAST_DAY_OF_A_LEAP_YEAR = 366


def check_identifier(kind: str, text: str) -> str:
    """Return the identifier in its one written form; a ValueError says what is wrong and what to do.

    Check digits are verified where the scheme has one: os_id, lei, gln. For duns, vat, zs and zc the form
    alone is checked.
    """
    try:
        check = _CHECKS[kind]
    except KeyError:
        raise ValueError(
            f"{kind!r} is no kind of identifier; known are {', '.join(sorted(_CHECKS))}"
        ) from None
    return check(_SEPARATORS.sub("", text).upper())


def os_id_check_character(stem: str) -> str:
    """Return the check character for the first fourteen characters of an OS ID."""
    total = sum(map(ord, stem[:2])) + sum(map(CROCKFORD.index, stem[2:]))
    return CROCKFORD[total % len(CROCKFORD)]


def lei_check_digits(stem: str) -> str:
    """Return the two check digits for the first eighteen characters of an LEI (ISO 7064, mod 97-10)."""
    return f"{98 - _mod_97(stem + '00'):02d}"


def gln_check_digit(stem: str) -> str:
    """Return the check digit for the first twelve digits of a GLN (GS1, mod 10)."""
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(stem))
    return str(-total % 10)


def _mod_97(text: str) -> int:
    return int("".join(str(int(character, 36)) for character in text)) % 97


def _os_id(text: str) -> str:
    if not (text.isascii() and _OS_ID.fullmatch(text)):
        raise ValueError(
            f"OS ID {text!r} is not two letters, seven digits and six characters without I, L, O, U; "
            "copy the 15 characters from Open Supply Hub"
        )
    if not 1 <= int(text[6:9]) <= _LAST_DAY_OF_A_LEAP_YEAR:
        raise ValueError(
            f"OS ID {text!r} names day {text[6:9]} of a year; copy it again from Open Supply Hub"
        )
    if os_id_check_character(text[:-1]) != text[-1]:
        raise ValueError(f"OS ID {text!r} has a wrong check character; copy it again from Open Supply Hub")
    return text


def _lei(text: str) -> str:
    if not (text.isascii() and _LEI.fullmatch(text)):
        raise ValueError(
            f"LEI {text!r} is not 18 letters or digits and two check digits; look it up at GLEIF"
        )
    if _mod_97(text) != 1:
        raise ValueError(f"LEI {text!r} has wrong check digits; look it up at GLEIF")
    return text


def _gln(text: str) -> str:
    if not (text.isascii() and text.isdigit() and len(text) == 13):  # noqa: PLR2004 - the length of a GLN
        raise ValueError(f"GLN {text!r} is not 13 digits; ask the site for its GLN or leave it empty")
    if gln_check_digit(text[:-1]) != text[-1]:
        raise ValueError(f"GLN {text!r} has a wrong check digit; ask the site for its GLN or leave it empty")
    return text


def _duns(text: str) -> str:
    if not (text.isascii() and text.isdigit() and len(text) == 9):  # noqa: PLR2004 - the length of a DUNS
        raise ValueError(f"DUNS {text!r} is not 9 digits; keep its leading zeros or leave it empty")
    return text


def _vat(text: str) -> str:
    has_digit = any(character.isdigit() for character in text)
    if not (text.isascii() and has_digit and (_VAT.fullmatch(text) or _TAX_NUMBER.fullmatch(text))):
        raise ValueError(
            f"VAT number {text!r} is not an optional country code and 2 to 20 letters and digits; "
            "write it as on the supplier's invoice or leave it empty"
        )
    return text


def _sedex(prefix: str, what: str) -> Callable[[str], str]:
    form = re.compile(prefix + r"\d{5,15}")

    def check(text: str) -> str:
        if not (text.isascii() and form.fullmatch(text)):
            raise ValueError(
                f"Sedex {what} code {text!r} is not {prefix} and 5 to 15 digits; copy it from Sedex"
            )
        return text

    return check


_CHECKS = MappingProxyType(
    {
        "os_id": _os_id,
        "lei": _lei,
        "duns": _duns,
        "gln": _gln,
        "vat": _vat,
        "zs": _sedex("ZS", "site"),
        "zc": _sedex("ZC", "company"),
    }
)
IDENTIFIER_KINDS = tuple(_CHECKS)
