"""Names of companies in the scheme: they may not stand in what is published of a site."""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import accumulate
from types import MappingProxyType

import polars as pl
from anyascii import anyascii
from mrx_matching import normalise_country
from mrx_matching.display import published_address, published_name, published_place
from mrx_matching.normalise import fold, without_legal_forms
from mrx_matching.reading import weak_words

from mrx_aggregation.domain.cells import Fault
from mrx_aggregation.domain.pool import PoolSite

FEWEST_LETTERS = 5
"""A shorter name is too often a part of an address."""
PUBLISHED: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        "site_name": published_name,
        "address": published_address,
        "city": published_place,
        "region": published_place,
    }
)
"""The columns that are checked, each with the form in which it is published."""
NAMES_A_MEMBER = Fault("names a member of the scheme", "write the site's own name")
"""Does not say which: whoever sends the row need not know who else takes part."""

_GROUP_WORDS = frozenset({"group", "groupe", "grupo", "gruppe", "holding", "holdings"})
_WORDS_OF_A_GROUP = 2
"""Of a name of two words with `Group` or `Holding` what would be left is too often an ordinary word."""
_TELLING_LETTERS = 3
_UNSEEN = frozenset({"Mn", "Me", "Cf", "Cc"})
_HUMP = re.compile("(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = re.compile("[a-z]+|[0-9]+")
_LOOK_ALIKE = str.maketrans(
    # Cyrillic, Greek and Armenian letters, and the Latin ones that they are mistaken for
    "АВЕЅІЈКМНОРСТХУԚԜаеоѕіјрсхуһԁԛԝвкмнтпигьёΑΒΕΖΗΙΚΜΝΟΡΤΥΧαεικνορτυχηωγօսոհց",
    "ABESIJKMHOPCTXYQWaeosijpcxyhdqwbkmhtnurbeABEZHIKMNOPTYXaeikvoptuxnwyounhg",
)


class CompanyNames:
    """The names of members and their groups without legal forms, found wherever a reader would read them.

    Case, accents, punctuation, `and`, letters of other scripts that look or sound alike, unseen characters and
    blanks between letters do not matter. A name begins and ends where a word does: `Ash` is not in `Ashford`.
    """

    def __init__(self, names: Iterable[str]) -> None:
        telling = {core for name in names for core in _cores(name) if len("".join(core)) >= FEWEST_LETTERS}
        self._names = sorted({"".join(core) for core in telling})
        self._parts = sorted({_part(core) for core in telling})

    def found_in(self, column: str, texts: pl.Series) -> set[str]:
        """The texts of a column in which one of the names stands, as they are written or would be published."""
        if not self._names:
            return set()
        distinct = texts.unique()
        letters = distinct.str.replace_all("[^0-9A-Za-z]", "")
        suspected = letters.str.contains_any(self._parts, ascii_case_insensitive=True)
        published = PUBLISHED[column]
        return {
            text
            for text in distinct.filter(suspected | distinct.str.contains("[^\x00-\x7f]")).to_list()
            if self.stand_in(text) or self.stand_in(published(text))
        }

    def named_by(self, sites: Collection[PoolSite]) -> frozenset[bytes]:
        """The digests of the sites of the pool in which one of the names stands."""
        found = {
            column: self.found_in(
                column, pl.Series([getattr(site, column) for site in sites], dtype=pl.String)
            )
            for column in PUBLISHED
        }
        return frozenset(
            site.digest for site in sites if any(getattr(site, column) in found[column] for column in found)
        )

    def stand_in(self, text: str) -> bool:
        """Whether one of the names stands in a text."""
        readings = {text} if text.isascii() else {text, text.translate(_LOOK_ALIKE)}
        return any(self._stand_among(_words(reading)) for reading in readings)

    def _stand_among(self, words: Sequence[str]) -> bool:
        letters = "".join(words)
        bounds = {0, *accumulate(map(len, words))}
        for name in self._names:
            at = letters.find(name)
            while at >= 0:
                if at in bounds and at + len(name) in bounds:
                    return True
                at = letters.find(name, at + 1)
        return False


def _words(text: str) -> list[str]:
    """The words and numbers of a text in small Latin letters; `and` is none."""
    if not text.isascii():
        seen = "".join(one for one in text if unicodedata.category(one) not in _UNSEEN)
        text = anyascii(
            "".join(
                " " if unicodedata.category(one) == "So" else one
                for one in unicodedata.normalize("NFKC", seen)
            )
        )
    plain = _HUMP.sub(" ", text).lower()
    return [word for word in _WORD.findall(plain) if word != "and"]


def _cores(name: str) -> set[tuple[str, ...]]:
    """The words of a name without its legal form; where they would tell nobody from others, with it.

    The legal form is then looked for as it is written, and as it is published.
    """
    whole = [word for word in fold(name) if word != "and"]
    core = list(without_legal_forms(whole)[0])
    core = core[1:] if core[0:1] == ["the"] else core
    if len(core) > _WORDS_OF_A_GROUP and core[-1] in _GROUP_WORDS:
        core = core[:-1]
    common = all(word in weak_words() for word in core) or normalise_country(" ".join(core))
    if common or len("".join(core)) < FEWEST_LETTERS:
        return {tuple(whole), tuple(_words(published_name(name)))}
    return {tuple(core)}


def _part(core: Sequence[str]) -> str:
    """What every text that holds a name has in one piece."""
    longest = max(core, key=len)
    return longest if len(longest) >= _TELLING_LETTERS else "".join(core)
