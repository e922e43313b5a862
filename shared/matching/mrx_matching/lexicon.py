"""The word lists of `lexicons/`, read once and turned into lookups by spelling."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

Tokens = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Phrases:
    """Spellings of one or more tokens, each with what it stands for."""

    by_spelling: Mapping[Tokens, Tokens]
    longest: int
    beginnings: frozenset[str]
    """The first tokens of all spellings."""

    def rewrite(self, tokens: Sequence[str]) -> list[str]:
        """Replace every known spelling, the longest first, from left to right."""
        if self.beginnings.isdisjoint(tokens):
            return list(tokens)
        rewritten: list[str] = []
        at = 0
        while at < len(tokens):
            if tokens[at] not in self.beginnings:
                rewritten.append(tokens[at])
                at += 1
                continue
            for size in range(min(self.longest, len(tokens) - at), 0, -1):
                meant = self.by_spelling.get(tuple(tokens[at : at + size]))
                if meant is not None:
                    rewritten.extend(meant)
                    at += size
                    break
            else:
                rewritten.append(tokens[at])
                at += 1
        return rewritten


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalForms:
    """Legal forms by spelling, as they are published, and where they customarily stand."""

    by_spelling: Mapping[Tokens, str]
    prefixes: frozenset[str]
    longest: int
    order: Mapping[str, int]


@cache
def legal_forms() -> LegalForms:
    by_spelling: dict[Tokens, str] = {}
    rows = list(_rows("legal_forms"))
    for row in rows:
        own = tuple(row["form"].lower().split())
        for spelling in (own, *_spellings(row["spellings"])):
            by_spelling.setdefault(spelling, row["form"])
    return LegalForms(
        by_spelling=MappingProxyType(by_spelling),
        prefixes=frozenset(row["form"] for row in rows if row["place"] == "prefix"),
        longest=max(map(len, by_spelling)),
        order=MappingProxyType({row["form"]: place for place, row in enumerate(rows)}),
    )


@cache
def trade_words() -> Phrases:
    return _phrases("trade_words")


@cache
def name_words() -> Phrases:
    return _phrases("name_words")


@cache
def premises_words() -> Phrases:
    return _phrases("premises_words")


@cache
def address_words() -> Phrases:
    return _phrases("address_words")


@cache
def place_words() -> Phrases:
    return _phrases("place_words")


@cache
def script_words() -> Mapping[str, str]:
    """Words of other scripts that are not to be spelled out, longest first, with what they mean."""
    rows = ((row["written"], row["meant"]) for row in _rows("script_words"))
    return MappingProxyType(dict(sorted(rows, key=lambda row: (-len(row[0]), row[0]))))


@cache
def place_aliases(country: str) -> Phrases:
    return _build(
        (tuple(row["place"].split()), row["aliases"])
        for row in _rows("place_aliases")
        if row["country"] == country
    )


def _phrases(name: str) -> Phrases:
    return _build((tuple(row["word"].split()), row["spellings"]) for row in _rows(name))


def _build(rows: Iterable[tuple[Tokens, str]]) -> Phrases:
    by_spelling: dict[Tokens, Tokens] = {}
    for meant, spellings in rows:
        for spelling in (*((meant,) if meant else ()), *_spellings(spellings)):
            by_spelling.setdefault(spelling, meant)
    return Phrases(
        by_spelling, max(map(len, by_spelling), default=0), frozenset(spelling[0] for spelling in by_spelling)
    )


def _spellings(cell: str) -> Iterable[Tokens]:
    return (tuple(spelling.split()) for spelling in cell.split(";") if spelling.strip())


def _rows(name: str) -> Iterable[dict[str, str]]:
    text = files("mrx_matching").joinpath(f"lexicons/{name}.csv").read_text(encoding="utf-8")
    return csv.DictReader(text.splitlines())
