"""Rows to nodes: every distinct content of one country once, taken apart into columns that can be compared.

What comes out depends on what the rows say alone. Nodes stand in the order of their content.
"""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cache

import polars as pl

from mrx_matching.identifiers import IDENTIFIER_KINDS, check_identifier
from mrx_matching.lexicon import premises_words, trade_words
from mrx_matching.normalise import (
    Name,
    fold,
    fold_postcode,
    parse_address_in_order,
    parse_name,
    parse_place,
)
from mrx_matching.records import CONTENT_FIELDS, SiteRecord

_IDEOGRAPH = re.compile("[\u3400-\u9fff]")
_SYLLABLE = re.compile(
    r"(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])?"
    r"(?:iang|iong|uang|ueng|ang|eng|ing|ong|ian|iao|uai|uan|ai|ei|ao|ou|an|en|in|un|ia|ie|iu|ua|ue|ui|uo|[aeiou])"
)
_SPELT_IN_SYLLABLES = frozenset({"CN", "HK", "TW", "MO", "SG"})
_RANKS = frozenset({"city", "province", "county", "district", "town"})
_SHORTEST_CITY = 5
UNCHECKED = "?"
"""Stands before an identifier that is not valid: being equal tells something, differing nothing."""

_DIGITS = 5
_PLACEHOLDER = 3
_ROWS_OF_A_SITE = 40
_GLUE = frozenset({"and", "the", "of", "de", "for"})
_COLUMNS = ("words", "plain", "numbers", "alias", "legal")
SCHEMA = dict.fromkeys(CONTENT_FIELDS, pl.String)
COORDINATES = ("lat", "lng")
_ONE_PLACE = 0.01


def frame_of(records: Sequence[SiteRecord]) -> pl.DataFrame:
    """Return the contents of records as columns."""
    return pl.DataFrame(
        {field: [getattr(record, field) for record in records] for field in CONTENT_FIELDS}, schema=SCHEMA
    )


def nodes_of(
    rows: pl.DataFrame, country: str, *, also_cities: Collection[str] = ()
) -> tuple[pl.DataFrame, pl.Series]:
    """Return the nodes of one country's rows, and for every row the number of its node.

    Rows that say the same are one node; it has their coordinates where these agree.
    `also_cities` are cities, as nodes have them, that are known beside those of the rows.
    """
    cities = _parsed(rows["city"], ("city",), lambda text: (_place(text, country),))
    known = frozenset(
        city.replace(" ", "") for city in (*cities["city"], *also_cities) if len(city) >= _SHORTEST_CITY
    )
    read = rows.select(
        "name", "address", "region", "postcode", *IDENTIFIER_KINDS, raw=pl.col("city")
    ).with_row_index("row")
    parts = (
        ("name", _COLUMNS, lambda text: _name(text, country, known)),
        ("address", ("street", "streets"), _address),
        ("region", ("province",), lambda text: (_place(text, country),)),
        ("postcode", ("post",), lambda text: (fold_postcode(text),)),
        *((kind, (f"{kind}_",), _identifier(kind)) for kind in IDENTIFIER_KINDS),
    )
    for column, names, parse in parts:
        read = read.join(_parsed(read[column], names, parse), on=column, how="left", maintain_order="left")
    read = read.join(cities.rename({"city_raw": "raw"}), on="raw", how="left", maintain_order="left")
    content = [
        *_COLUMNS,
        "city",
        "street",
        "streets",
        "province",
        "post",
        *(f"{kind}_" for kind in IDENTIFIER_KINDS),
    ]
    read = _without_placeholders(read, content)
    nodes = read.select(content).unique().sort(content).with_row_index("node")
    number = read.join(nodes, on=content, how="left", maintain_order="left", nulls_equal=True)["node"]
    fold.cache_clear()
    parse_name.cache_clear()
    nodes = nodes.rename({f"{kind}_": kind for kind in IDENTIFIER_KINDS})
    if all(column in rows.columns for column in COORDINATES):
        nodes = nodes.hstack(_coordinates(rows, number, nodes.height))
    return nodes, number


def _without_placeholders(read: pl.DataFrame, content: Sequence[str]) -> pl.DataFrame:
    """Take out identifiers that are not valid and that more different rows have than one site would."""
    kinds = [f"{kind}_" for kind in IDENTIFIER_KINDS]
    suspected = [kind for kind in kinds if len(_common(read[kind]))]
    different = read.select(content).unique() if suspected else read
    for kind in suspected:
        keep = (
            pl.when(pl.col(kind).is_in(_common(different[kind]).implode())).then(pl.lit("")).otherwise(kind)
        )
        read = read.with_columns(keep.alias(kind))
    return read


def _common(identifiers: pl.Series) -> pl.Series:
    """Return those not valid that stand in more rows than one site has."""
    counts = identifiers.filter(identifiers.str.starts_with(UNCHECKED)).value_counts()
    return counts.filter(pl.col("count") > _ROWS_OF_A_SITE)[identifiers.name]


def _coordinates(rows: pl.DataFrame, number: pl.Series, size: int) -> pl.DataFrame:
    """Return the mean of the coordinates of each node's rows, nothing where they differ."""
    # Each place once: how often a row is sent must not move the mean.
    known = rows.select(*COORDINATES, node=number).drop_nulls().unique()
    places = known.group_by("node").agg(
        pl.when(pl.max_horizontal(pl.col(c).max() - pl.col(c).min() for c in COORDINATES) <= _ONE_PLACE)
        .then(pl.col(column).sort().mean())
        .alias(column)
        for column in COORDINATES
    )
    every = pl.DataFrame({"node": pl.Series(range(size), dtype=number.dtype)})
    return every.join(places, on="node", how="left", maintain_order="left").select(COORDINATES)


def _parsed(texts: pl.Series, names: Sequence[str], parse: Callable[[str], Iterable[str]]) -> pl.DataFrame:
    distinct = texts.unique().sort()
    columns = list(zip(*(parse(text) for text in distinct), strict=True)) or [()] * len(names)
    own = texts.name if texts.name not in names else f"{texts.name}_raw"
    return pl.DataFrame(
        {own: distinct, **dict(zip(names, columns, strict=True))},
        schema={own: pl.String, **dict.fromkeys(names, pl.String)},
    )


def _place(text: str, country: str) -> str:
    return " ".join(sorted(parse_place(text, country))) if text else ""


def _address(text: str) -> tuple[str, str]:
    """Return the words and the numbers of an address, each in their order."""
    words, numbers = parse_address_in_order(text)
    return " ".join(words), " ".join(numbers)


def _identifier(kind: str) -> Callable[[str], tuple[str]]:
    def check(text: str) -> tuple[str]:
        try:
            return (check_identifier(kind, text) if text else "",)
        except ValueError:
            written = "".join(fold(text))
            # What two rows share is no slip of one of them, though the number be wrong or of another scheme.
            telling = sum(map(str.isdigit, written)) >= _DIGITS and len(set(written)) > _PLACEHOLDER
            return (f"{UNCHECKED}{written}" if telling else "",)

    return check


def _name(text: str, country: str, cities: frozenset[str]) -> tuple[str, ...]:
    parsed: Name = parse_name(text)
    words = [word for word in parsed.words if word not in _GLUE] or list(parsed.words)
    alias = list(parsed.alias)
    if country in _SPELT_IN_SYLLABLES:
        whole = bool(_IDEOGRAPH.search(text))
        if whole:
            words = [word for word in words if word not in _RANKS] or words
        words = _in_words(words, cities, whole=whole)
        alias = _in_words(alias, cities, whole=whole)
    if alias and "".join(alias) in cities:
        words, alias = [*words, *alias], []
    return (
        " ".join(words),
        " ".join(parsed.plain),
        " ".join(sorted(parsed.numbers)),
        " ".join(alias),
        " ".join(parsed.legal),
    )


def _in_words(tokens: Sequence[str], cities: frozenset[str], *, whole: bool) -> list[str]:
    """Join syllables that stand alone to words, and part a city from what is written together with it."""
    joined: list[str] = []
    open_word = False
    weak = weak_words()
    for token in tokens:
        single = bool(token not in weak and _SYLLABLE.fullmatch(token))
        if single and open_word:
            joined[-1] += token
        else:
            joined.append(token)
        open_word = single
    return [part for word in joined for part in (_without_city(word, cities) if whole else (word,))]


def _without_city(word: str, cities: frozenset[str]) -> tuple[str, ...]:
    for size in range(len(word) - 2, _SHORTEST_CITY - 1, -1):
        if word[:size] in cities:
            return word[:size], word[size:]
    return (word,)


@cache
def weak_words() -> frozenset[str]:
    """Words that name a trade or a kind of premises, in their one spelling."""
    meanings = (*trade_words().by_spelling.values(), *premises_words().by_spelling.values())
    return frozenset(word for meant in meanings for word in meant)
