"""Which pairs of nodes are worth a comparison: those that share a key or many letters; no block is unbounded."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import polars as pl

from mrx_matching.identifiers import IDENTIFIER_KINDS
from mrx_matching.tokens import Nodes

Pairs = npt.NDArray[np.int64]

BLOCK_CAP = 24
"""A larger block is not compared all with all: each node with its next neighbours by name."""

_NEIGHBOURS = 4
_ACRONYM = 6


def candidate_pairs(nodes: Nodes) -> Pairs:
    """Return pairs of nodes, smaller first, each once, in order."""
    found = [_block_pairs(keys_of(nodes)), _alike_by_letters(nodes)]
    codes = np.unique(np.concatenate([low * nodes.size + high for low, high in found]))
    return np.stack([codes // nodes.size, codes % nodes.size], axis=1)


def keys_of(nodes: Nodes) -> pl.LazyFrame:
    """Return each `key` with each `node` that has it; keys are a `kind` each, and depend on what the nodes say alone."""
    return pl.concat(
        keys.with_columns(kind=pl.lit(kind, dtype=pl.UInt8))
        for kind, keys in enumerate(_kinds_of_keys(nodes))
    )


def _kinds_of_keys(nodes: Nodes) -> Iterator[pl.LazyFrame]:
    frame = (
        nodes.frame.lazy()
        .with_columns(
            first=nodes.house.texts(0),
            **{f"w{place}": nodes.name.texts(place) for place in range(3)},
            **{f"s{place}": nodes.street.texts(place) for place in range(2)},
        )
        .with_columns(pl.col("first", "w0", "w1", "w2", "s0", "s1").fill_null(""))
    )

    def keyed(*columns: str | pl.Expr) -> pl.LazyFrame:
        names = [column for column in columns if isinstance(column, str)]
        there = pl.all_horizontal([pl.col(name) != "" for name in names] or [pl.lit(value=True)])
        key = pl.struct([pl.col(c) if isinstance(c, str) else c for c in columns])
        return frame.filter(there).select("node", key=key.hash(seed=7))

    for kind in IDENTIFIER_KINDS:
        yield keyed(kind)
    yield keyed("squash", "city")
    yield keyed("brand")
    yield keyed("brand", "city")
    yield keyed("brand", "first")
    yield keyed("plain")
    yield keyed("w0")
    yield keyed("w0", "w1")
    yield keyed("w0", "w2")
    yield keyed("w1", "w2")
    yield keyed("w0", "city")
    yield keyed("w1", "city")
    yield keyed("w0", "post")
    yield keyed("s0", "first")
    yield keyed("s1", "first")
    yield keyed("s0", "s1", "city")
    yield keyed("post", "first")
    yield keyed("city", "first", "s0")
    yield keyed(pl.col("brand").str.slice(0, 5), "city")
    yield keyed(pl.col("brand").str.slice(-5), "city")
    yield keyed(_skeleton("brand"), "city")
    yield keyed(_skeleton("squash").str.slice(0, 8))
    yield _in_one(frame, ("brand", "alias"))
    short = frame.filter(pl.col("brand").str.len_chars().is_between(2, _ACRONYM))
    for also in ("city", "post", "first"):
        mine = short.filter(pl.col(also) != "")
        theirs = frame.filter(pl.col(also) != "")
        yield pl.concat(
            [
                mine.select("node", key=pl.struct(word="brand", also=also).hash(seed=7)),
                theirs.select("node", key=pl.struct(word="initials", also=also).hash(seed=7)),
            ]
        ).unique()


def _in_one(frame: pl.LazyFrame, columns: tuple[str, ...]) -> pl.LazyFrame:
    """Return keys that are equal wherever the text stands."""
    parts = [
        frame.filter(pl.col(column) != "").select("node", key=pl.col(column).hash(seed=7))
        for column in columns
    ]
    return pl.concat(parts).unique()


def _skeleton(column: str) -> pl.Expr:
    return pl.col(column).str.slice(0, 1) + pl.col(column).str.slice(1).str.replace_all("[aeiouyhw]", "")


def _block_pairs(keys: pl.LazyFrame) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    shared = keys.filter(pl.len().over("kind", "key") > 1).sort("kind", "key", "node").collect()
    key = shared.select(pl.struct("kind", "key").rle_id()).to_series().to_numpy()
    node = shared["node"].to_numpy().astype(np.int64)
    if not len(key):
        return node, node
    starts = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
    sizes = np.diff(np.append(starts, len(key)))
    small = np.repeat(sizes <= BLOCK_CAP, sizes)
    lows, highs = [], []
    at = np.arange(len(key))
    for step in range(1, BLOCK_CAP):
        at = at[at + step < len(key)]
        at = at[key[at] == key[at + step]]
        if step > _NEIGHBOURS:
            at = at[small[at]]
        if not len(at):
            break
        lows.append(node[at])
        highs.append(node[at + step])
    return np.concatenate(lows), np.concatenate(highs)


def _alike_by_letters(nodes: Nodes) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return for each distinct name its likest others, by its runs of letters that few names share."""
    low, high = nodes.ngrams.likest()
    first = nodes.ngrams.first
    return np.minimum(first[low], first[high]), np.maximum(first[low], first[high])
