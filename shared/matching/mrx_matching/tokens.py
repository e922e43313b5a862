"""The nodes of one country as arrays: words as numbers, and how much each word tells."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from mrx_matching.ngrams import NameNgrams, Ngrams, ngrams_of
from mrx_matching.reading import UNCHECKED, weak_words

Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int32]
Texts = npt.NDArray[np.object_]

_NAME_WORDS = 8
_STREET_WORDS = 10
_STREET_NUMBERS = 5
_WEAK = 0.45
_FEWEST = 40.0
_MANY = 8
_GOOD_PART = 0.3
_BEYOND_CHANCE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """For each node its words as numbers, the most telling first, -1 where there are no more."""

    ids: Numbers
    weights: Floats
    vocabulary: pl.DataFrame
    """Each `word` at the place of its number, and its `count`: in how many nodes it stands."""

    @property
    def totals(self) -> Floats:
        totals: Floats = self.weights.sum(axis=1)
        return totals

    def texts(self, place: int) -> pl.Series:
        """Return for each node the word at a place, nothing where there is none."""
        ids = pl.Series(self.ids[:, place])
        return self.vocabulary["word"].gather(ids.set(ids < 0, None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """What is known of a whole list, where only some of its nodes are compared.

    `counts` has a `count` for each `kind` and `value`: how many nodes have a word, a city, a name, and how many names
    a brand. `added` are words that its names have or lack, `places` the words of cities and regions.
    """

    size: int
    counts: pl.DataFrame
    added: frozenset[str]
    places: frozenset[str]
    ngrams: NameNgrams | None = None

    def of(self, kind: str, column: str = "word") -> pl.DataFrame:
        return self.counts.filter(pl.col("kind") == kind).select(pl.col("value").alias(column), "count")


class Nodes:
    """What is compared. Node n is the nth distinct content of its country."""

    def __init__(self, frame: pl.DataFrame, background: Background | None = None) -> None:
        self.frame = frame
        self.size = frame.height
        self.background = background
        self.added = background.added if background else _added_words(frame["words"], weak_words())
        weak = sorted(weak_words() | self.added)
        self.places = sorted(background.places if background else places_of(frame))
        known = background.of if background else lambda _: None
        of = background.size if background else self.size
        self.name = _words(
            frame["words"], most=_NAME_WORDS, weak=weak, half=self.places, of=of, known=known("word")
        )
        self.street = _words(
            frame["street"], most=_STREET_WORDS, weak=(), half=self.places, of=of, known=known("street")
        )
        self.house = _words(
            frame["streets"],
            most=_STREET_NUMBERS,
            weak=(),
            half=(),
            of=of,
            known=known("house"),
            in_order=True,
        )
        stripped = _brands(frame["words"], weak, self.places)
        self.frame = frame.with_columns(
            squash=pl.col("words").str.replace_all(" ", "", literal=True),
            brand=stripped,
            initials=pl.col("plain").str.split(" ").list.eval(pl.element().str.slice(0, 1)).list.join(""),
            plain=pl.col("plain").str.replace_all(" ", "", literal=True),
            alias=pl.col("alias").str.replace_all(" ", "", literal=True),
            trade=_trades(frame["words"], weak),
        )

    def texts(self, column: str) -> Texts:
        if column not in self._cache:
            self._cache[column] = np.array(self.frame[column].to_list(), dtype=object)
        found: Texts = self._cache[column]
        return found

    def codes(self, column: str) -> Numbers:
        """Return numbers that are equal where the texts are, and -1 where there is no text."""
        key = f"{column}#"
        if key not in self._cache:
            text = self.frame[column]
            ranked = text.rank("dense").cast(pl.Int32).to_numpy()
            self._cache[key] = np.where((text == "").to_numpy(), np.int32(-1), ranked).astype(np.int32)
        found: Numbers = self._cache[key]
        return found

    def is_checked(self, kind: str) -> npt.NDArray[np.bool_]:
        """For each node whether its identifier of a kind is valid, so that another one contradicts it."""
        key = f"{kind}?"
        if key not in self._cache:
            self._cache[key] = ~self.frame[kind].str.starts_with(UNCHECKED).to_numpy()
        found: npt.NDArray[np.bool_] = self._cache[key]
        return found

    @cached_property
    def coordinates(self) -> npt.NDArray[np.float64]:
        """For each node its latitude and longitude in radians, not a number where it has none."""
        if "lat" not in self.frame.columns:
            return np.full((self.size, 2), np.nan)
        found: npt.NDArray[np.float64] = np.radians(
            self.frame.select("lat", "lng").cast(pl.Float64).to_numpy()
        )
        return found

    @cached_property
    def at_one_point(self) -> Floats:
        """For each node how many nodes have its coordinates to a thousandth of a degree, as a logarithm."""
        points = np.round(np.degrees(self.coordinates), 3)
        _, inverse, counts = np.unique(points, axis=0, return_inverse=True, return_counts=True)
        found: Floats = np.log(counts[inverse.ravel()]).astype(np.float32)
        return found

    @cached_property
    def _cache(self) -> dict[str, Any]:
        return {}

    @cached_property
    def ngrams(self) -> Ngrams:
        if self.background and self.background.ngrams:
            return self.background.ngrams.of(self.frame["squash"])
        return ngrams_of(self.frame["squash"])

    @cached_property
    def brand_counts(self) -> Floats:
        """For each node how many names have its brand, as a logarithm."""
        return self._logarithm("brand")

    @cached_property
    def name_counts(self) -> Floats:
        """For each node how many nodes have its name, as a logarithm."""
        return self._logarithm("squash")

    @cached_property
    def city_weights(self) -> Floats:
        """For each node how much its city tells: little where many are in it."""
        of = self.background.size if self.background else self.size
        found: Floats = np.maximum(np.log(np.float32(of)) - self._logarithm("city"), 0).astype(np.float32)
        return found

    @cached_property
    def is_first(self) -> npt.NDArray[np.bool_]:
        """For each node whether it says that it is the first of several units."""
        found: npt.NDArray[np.bool_] = (self.frame["numbers"] == "1").to_numpy()
        return found

    @cached_property
    def is_weak(self) -> npt.NDArray[np.bool_]:
        """For each node whether its name says no more than a trade or a place."""
        whole = self.frame["brand"] == self.frame["squash"]
        found: npt.NDArray[np.bool_] = (whole & (self.frame["trade"] != "")).to_numpy()
        return found

    def counts(self, kind: str) -> pl.DataFrame:
        """Return each `kind` of text with its `count`: nodes that have it, or for a brand names."""
        frame = self.frame.select("brand", "squash").unique() if kind == "brand" else self.frame
        return frame.group_by(kind).agg(count=pl.len())

    def _logarithm(self, kind: str) -> Floats:
        counts = self.background.of(kind, kind) if self.background else self.counts(kind)
        found = self.frame.select(kind).join(counts, on=kind, how="left", maintain_order="left")["count"]
        logarithms: Floats = np.log(found.fill_null(1).to_numpy()).astype(np.float32)
        return logarithms


def places_of(frame: pl.DataFrame) -> frozenset[str]:
    """Return the words of the cities and regions of nodes."""
    places = frame["city"].unique().to_list() + frame["province"].unique().to_list()
    return frozenset(word for place in places for word in place.split())


def _added_words(texts: pl.Series, weak: Collection[str]) -> frozenset[str]:
    """Return the words that some add to a name and others leave out, as the names of this country show.

    A word is one if many names have it, and without it a good part of them are written too.
    """
    names = {tuple(word for word in text.split() if word not in weak) for text in texts.unique().to_list()}
    with_it: Counter[str] = Counter()
    without_it: Counter[str] = Counter()
    for name in names:
        for word in set(name) if len(name) > 1 else ():
            with_it[word] += 1
            without_it[word] += tuple(other for other in name if other != word) in names
    share = {word: without_it[word] / count for word, count in with_it.items() if count >= _MANY}
    # Where words are few, any name is another's with a word more: that is chance.
    least = max(_GOOD_PART, _BEYOND_CHANCE * median(share.values())) if share else 1.0
    return frozenset(word for word, part in share.items() if part >= least)


def _words(
    texts: pl.Series,
    *,
    most: int,
    weak: Sequence[str],
    half: Sequence[str],
    of: int,
    known: pl.DataFrame | None,
    in_order: bool = False,
) -> Words:
    size = len(texts)
    long = (
        pl.DataFrame({"node": np.arange(size, dtype=np.int32), "word": texts.str.split(" ")})
        .explode("word", empty_as_null=True)
        .with_row_index("place")
        .filter(pl.col("word").is_not_null() & (pl.col("word") != ""))
        .unique(["node", "word"], keep="first", maintain_order=True)
    )
    counts = (
        long.group_by("word").agg(count=pl.len())
        if known is None
        else known.join(long, on="word", how="semi")
    )
    vocabulary = (
        counts.sort("word")
        .with_row_index("id")
        .with_columns(
            ((max(of, _FEWEST) / pl.col("count")).log() + 0.1)
            .mul(
                pl.when(pl.col("word").is_in(weak))
                .then(_WEAK)
                .when(pl.col("word").is_in(half))
                .then(0.6)
                .otherwise(1.0)
            )
            .truediv(np.log(max(of, _FEWEST)))
            .cast(pl.Float32)
            .alias("weight")
        )
    )
    long = long.join(vocabulary, on="word", how="left", maintain_order="left")
    order = ["node", "place"] if in_order else ["node", "weight", "word"]
    descending = [False, False] if in_order else [False, True, False]
    long = (
        long.sort(order, descending=descending)
        .with_columns(rank=pl.int_range(pl.len()).over("node"))
        .filter(pl.col("rank") < most)
    )
    ids = np.full((size, most), -1, dtype=np.int32)
    weights = np.zeros((size, most), dtype=np.float32)
    node, rank = long["node"].to_numpy(), long["rank"].to_numpy()
    ids[node, rank] = long["id"].to_numpy()
    weights[node, rank] = long["weight"].to_numpy()
    return Words(ids=ids, weights=weights, vocabulary=vocabulary.select("word", "count"))


def _brands(words: pl.Series, weak: Sequence[str], places: Sequence[str]) -> pl.Series:
    """Return what is left of names without trades and places, in one piece; the whole where nothing is."""
    drop = {*weak, *places}
    return pl.Series(
        [
            "".join(word for word in text.split() if word not in drop) or text.replace(" ", "")
            for text in words.to_list()
        ],
        dtype=pl.String,
    )


def _trades(words: pl.Series, weak: Sequence[str]) -> pl.Series:
    known = frozenset(weak)
    return pl.Series(
        [" ".join(sorted({word for word in text.split() if word in known})) for text in words.to_list()],
        dtype=pl.String,
    )
