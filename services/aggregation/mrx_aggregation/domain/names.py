"""Names of companies in the scheme: they may not stand in what is published of a site."""

import re
import unicodedata
from collections.abc import Iterable

import polars as pl

from mrx_aggregation.domain.cells import Fault

FEWEST_LETTERS = 5
"""A shorter name is too often a part of an address."""
CHECKED_COLUMNS = ("site_name", "address", "city", "region")
NAMES_A_MEMBER = Fault("names a member of the scheme", "write the site's own name")
"""Does not say which: whoever sends the row need not know who else takes part."""

_APOSTROPHES = re.compile("['`´\u2018\u2019\u02bc]")
_UNPLAIN = r"[^\x00-\x7F]|['`]"
"""letters and apostrophes that are spoken otherwise than they are written"""
_BETWEEN_WORDS = re.compile(r"[\W_]+")


class CompanyNames:
    """The whole names of members and their groups, found as words in any case, accents and punctuation."""

    def __init__(self, names: Iterable[str]) -> None:
        spoken = {_spoken(name) for name in names}
        self._names = tuple(sorted(name for name in spoken if len(name.replace(" ", "")) >= FEWEST_LETTERS))
        self._words = [max(name.split(), key=len) for name in self._names]

    def suspects(self, texts: pl.Series) -> list[str]:
        """The distinct texts that may name a company: few, so that a page is read quickly."""
        distinct = texts.unique()
        named = distinct.str.contains_any(self._words, ascii_case_insensitive=True)
        return distinct.filter(named | distinct.str.contains(_UNPLAIN)).to_list()

    def stand_in(self, text: str) -> bool:
        """Whether one of the names stands in a text, as words of their own."""
        if not self._names:
            return False
        spoken = _spoken(text)
        return any(name in spoken for name in self._names)

    def __bool__(self) -> bool:
        return bool(self._names)


def _spoken(text: str) -> str:
    """The words of a text between single spaces, one at either end; `and` and `&` are no words."""
    if not text.isascii():
        text = "".join(
            letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter)
        )
    words = _BETWEEN_WORDS.sub(" ", _APOSTROPHES.sub("", text.casefold())).split()
    return f" {' '.join(word for word in words if word != 'and')} "
