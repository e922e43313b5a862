"""The released list as a person looks through it: words, filters, pages."""

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, TypeVar

from mrx_shared.refusals import Invalid

ROWS_PER_PAGE = 50
ROWS_PRINTED = 500
"""so many are printed with any page of theirs; more are asked for"""
ROWS_ON_ONE_PAGE = 5_000
"""so many of one page a browser takes, and some two hundred sheets of paper hold"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One site of the released list, as it is published."""

    entry_id: str
    site_name: str
    address: str
    city: str
    region: str
    country: str
    os_id: str
    lei: str
    scheme_family: str
    audit_half_year: str
    folded: str = field(repr=False, compare=False)
    """what its words are looked up in"""

    @property
    def place(self) -> str:
        """City, region and country in one line."""
        return ", ".join(part for part in (self.city, self.region, self.country) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A value to filter by, and how many entries have it."""

    value: str
    count: int


@dataclass(frozen=True, kw_only=True)
class ReleasedList:
    """Every entry of one release, in the order of its document."""

    entries: tuple[Entry, ...]

    @cached_property
    def by_id(self) -> Mapping[str, Entry]:
        """The entries by id."""
        return {entry.entry_id: entry for entry in self.entries}

    @cached_property
    def countries(self) -> tuple[Choice, ...]:
        """Countries by code."""
        return _choices(entry.country for entry in self.entries)

    @cached_property
    def half_years(self) -> tuple[Choice, ...]:
        """Half-years of the audits, the latest first."""
        return _choices(entry.audit_half_year for entry in self.entries)[::-1]

    @cached_property
    def families(self) -> tuple[Choice, ...]:
        """Scheme families by name."""
        return _choices(entry.scheme_family for entry in self.entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What a person looks for; empty fields look for everything."""

    words: str = ""
    country: str = ""
    half_year: str = ""
    family: str = ""

    def __bool__(self) -> bool:
        return bool(self.words.strip() or self.country or self.half_year or self.family)

    @property
    def fields(self) -> dict[str, str]:
        """The search as it stands in an address."""
        stated = {
            "words": self.words.strip(),
            "country": self.country,
            "half_year": self.half_year,
            "family": self.family,
        }
        return {name: value for name, value in stated.items() if value}


T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultPage(Generic[T]):
    """Some of many, and where one stands among them."""

    items: Sequence[T]
    number: int
    pages: int
    total: int
    first: int
    """the place of the first item among all, from 1; 0 where there is none"""

    @property
    def last(self) -> int:
        """The place of the last item among all."""
        return self.first + len(self.items) - 1 if self.items else 0


def page_of(items: Sequence[T], number: int, *, rows: int = ROWS_PER_PAGE) -> ResultPage[T]:
    """One page; a number past the end gives the last one."""
    pages = max(1, -(-len(items) // rows))
    number = min(max(1, number), pages)
    start = (number - 1) * rows
    shown = items[start : start + rows]
    return ResultPage(
        items=shown, number=number, pages=pages, total=len(items), first=start + 1 if shown else 0
    )


def for_paper(items: Sequence[T], page: ResultPage[T]) -> list[tuple[T, bool]]:
    """What a page holds with what is printed beside it, and which of them the screen shows."""
    if not page.pages > 1 or len(items) > ROWS_PRINTED:
        return [(one, True) for one in page.items]
    return [(one, page.first <= place <= page.last) for place, one in enumerate(items, 1)]


_COLUMNS = (
    "entry_id",
    "site_name",
    "address",
    "city",
    "region",
    "country",
    "os_id",
    "lei",
    "scheme_family",
    "audit_half_year",
)
_SEARCHED = ("site_name", "address", "city", "region", "country", "os_id", "lei")


def read_released(document: bytes) -> ReleasedList:
    """The list from its published JSON document."""
    try:
        rows = json.loads(document)
        entries = tuple(
            Entry(
                **{name: str(row[name]) for name in _COLUMNS},
                folded=folded(" ".join(str(row[name]) for name in _SEARCHED)),
            )
            for row in rows
        )
    except (ValueError, TypeError, KeyError) as error:
        raise Invalid(
            "the released list cannot be read",
            remedy="download it as a file, and tell the secretariat that the page does not show it",
        ) from error
    return ReleasedList(entries=entries)


def find(released: ReleasedList, search: Search) -> Sequence[Entry]:
    """The entries that hold every word, in any case and with or without accents, and pass every filter."""
    words = folded(search.words).split()
    return [
        entry
        for entry in released.entries
        if (not search.country or entry.country == search.country)
        and (not search.half_year or entry.audit_half_year == search.half_year)
        and (not search.family or entry.scheme_family == search.family)
        and all(word in entry.folded for word in words)
    ]


def folded(text: str) -> str:
    """Letters without case and accents."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def _choices(values: Iterable[str]) -> tuple[Choice, ...]:
    counted = Counter(value for value in values if value)
    return tuple(Choice(value=value, count=counted[value]) for value in sorted(counted))
