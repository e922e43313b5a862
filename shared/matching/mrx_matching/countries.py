"""Countries as people write them, to ISO 3166 alpha-2 and back."""

import csv
import re
import unicodedata
from functools import cache
from importlib.resources import files

from anyascii import anyascii

_NOT_LETTERS = re.compile(r"[^a-z]+")
_LONGEST = 200
_REPUBLIC = re.compile(r"^rep(?:ublic)?of(?:the)?")


def normalise_country(text: str) -> str | None:
    """Return the alpha-2 code meant by a name, an alpha-2 or an alpha-3 code; None where it is unknown."""
    if len(text) > _LONGEST:
        return None
    folded = _fold(text)
    known = _known()
    return _codes().get(text.strip().upper()) or known.get(folded) or known.get(_REPUBLIC.sub("", folded))


def country_name(alpha2: str) -> str:
    """Return the English short name. An unknown code raises KeyError."""
    return _names()[alpha2]


def _fold(text: str) -> str:
    letters = _NOT_LETTERS.sub("", anyascii(unicodedata.normalize("NFKC", text)).lower())
    return letters.removeprefix("the") if len(letters) > len("the") else letters


@cache
def _rows() -> tuple[dict[str, str], ...]:
    text = files("mrx_matching").joinpath("lexicons/countries.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))


@cache
def _names() -> dict[str, str]:
    return {row["alpha2"]: row["name"] for row in _rows()}


@cache
def _codes() -> dict[str, str]:
    """Return codes exactly as written: `n/a` is not Namibia."""
    return {code: row["alpha2"] for row in _rows() for code in (row["alpha2"], row["alpha3"])}


@cache
def _known() -> dict[str, str]:
    known: dict[str, str] = {}
    for row in _rows():
        for spelling in (row["name"], *row["variants"].split(";")):
            folded = _fold(spelling)
            if folded and known.setdefault(folded, row["alpha2"]) != row["alpha2"]:
                raise ValueError(f"lexicon: {spelling!r} stands for {known[folded]} and {row['alpha2']}")
    return known
