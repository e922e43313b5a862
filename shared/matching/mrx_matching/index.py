"""A list made ready to be searched: its nodes, their keys, and how rare words, names and letters are in it.

An index is a set of tables for each country, in memory or in a folder; whichever it is, a search finds the same.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from secrets import token_hex
from shutil import rmtree

import numpy as np
import numpy.typing as npt
import polars as pl
from typing_extensions import override

from mrx_matching.candidates import BLOCK_CAP, keys_of
from mrx_matching.engine import Progress, by_country, content_of
from mrx_matching.lists import InputRejected
from mrx_matching.ngrams import COMMON, NameNgrams, rare_ngrams_of
from mrx_matching.reading import COORDINATES, nodes_of
from mrx_matching.sharding import Tell
from mrx_matching.tokens import Background, Nodes, places_of

Tables = Mapping[str, pl.DataFrame]
"""Tables by name, of one country."""

Ids = npt.NDArray[np.int64]

_NODES, _KEYS, _COUNTS, _NAMES, _GRAMS, _SIZE = "nodes", "keys", "counts", "names", "grams", "size"
_ALL = (_NODES, _KEYS, _COUNTS, _NAMES, _GRAMS, _SIZE)
_CARD = "index.json"
_ENTRIES = "entries.parquet"
_FORMAT = 2
_READ = 0.4
_NEIGHBOURS = 6
_STAGE = "indexing"
_AGAIN = "index the list again with `mrx match index`"
_BITS = 32
_NO_CONTENT = {"node", "place", *COORDINATES}
_CONTENT, _NAME = 254, 255
"""Kinds of keys beside those of `candidates`."""

_LIBRARIES = ("polars", "anyascii", "pypinyin")
_MODULES = ("candidates", "identifiers", "index", "lexicon", "ngrams", "normalise", "reading", "tokens")


def tables_of(rows: pl.DataFrame, country: str, *, tell: Tell = lambda _: None) -> dict[str, pl.DataFrame]:
    """Return the index of one country's rows; `place` is where a row stands."""
    frame, node_of = nodes_of(rows, country)
    nodes = Nodes(frame)
    tell(_READ)
    first = (
        pl.DataFrame({"node": node_of, "place": rows["place"]}).group_by("node").agg(pl.col("place").min())
    )
    counts = [*_counted(nodes), _of(nodes.counts("brand"), "brand", "brand")]
    for kind, words in (("added", nodes.added), ("place", nodes.places)):
        alone = pl.DataFrame({"word": sorted(words)}, schema={"word": pl.String})
        counts.append(_of(alone.with_columns(count=0), kind, "word"))
    ngrams = nodes.ngrams
    names = nodes.frame["squash"].gather(ngrams.first)
    grams = rare_ngrams_of(names).with_columns(count=pl.len().over("gram"))
    counts.append(_of(grams.select("gram", "count").unique(), "gram", "gram"))
    tell(_READ + (1 - _READ) / 2)
    return {
        _NODES: frame.join(first, on="node", how="left", maintain_order="left"),
        _KEYS: _keys(frame, nodes).sort("key", "node"),
        _COUNTS: pl.concat(counts).sort("kind", "value"),
        _NAMES: pl.DataFrame({"squash": names, "crowd": ngrams.crowd}),
        _GRAMS: grams.filter(pl.col("count") <= COMMON).select("row", "gram").sort("row", "gram"),
        _SIZE: pl.DataFrame({"nodes": [nodes.size]}),
    }


def _keys(frame: pl.DataFrame, nodes: Nodes) -> pl.DataFrame:
    """Return the keys of nodes, each kind apart: equal contents, equal names, and what `candidates` compares by."""
    content = pl.struct(sorted(set(frame.columns) - _NO_CONTENT))
    by_content = _of_kind(frame.select("node", key=content.hash(seed=7)), _CONTENT)
    by_name = _of_kind(nodes.frame.select("node", key=pl.col("squash").hash(seed=7)), _NAME)
    others = keys_of(nodes).select("node", key=pl.struct("key", "kind").hash(seed=7)).collect()
    return pl.concat([by_content, by_name, others])


def _of_kind(keys: pl.DataFrame, kind: int) -> pl.DataFrame:
    return keys.select("node", key=pl.struct("key", kind=pl.lit(kind, dtype=pl.UInt8)).hash(seed=7))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortlist:
    """Nodes of a list that is searched for, then the nodes of the index that are worth a comparison with them.

    `node_of` is for each row its node; `place` for each node of the index where its first row stands. Pair by pair,
    `low` is a node of the list and `high` one of the index; those in `same` say the same.
    """

    nodes: Nodes
    first: int
    """The first node of the index."""
    node_of: Ids
    place: Ids
    low: Ids
    high: Ids
    same: Ids


def shortlist(rows: pl.DataFrame, country: str, tables: Tables) -> Shortlist:
    """Find what of an index is worth a comparison with the rows of one country."""
    listed = _background(tables)
    frame, numbers = nodes_of(rows, country, also_cities=listed.of("city")["word"].to_list())
    keys = tables[_KEYS]
    their_keys, their_nodes = keys["key"].to_numpy(), keys["node"].cast(pl.Int64).to_numpy()
    content = pl.struct(sorted(set(frame.columns) - _NO_CONTENT))
    own_content = _of_kind(frame.select("node", key=content.hash(seed=7)), _CONTENT)["key"].to_numpy()
    at = np.searchsorted(their_keys, own_content)
    known = their_keys[np.minimum(at, max(0, len(their_keys) - 1))] == own_content
    background = _with(listed, frame.filter(~pl.Series(known)), tables)
    mine = Nodes(frame, background)
    ngrams = NameNgrams(tables[_NAMES], tables[_GRAMS], background.of("gram", "gram"), mine.frame["squash"])
    alike = (
        mine.frame.select("node", "squash")
        .join(ngrams.likest(), on="squash")
        .select("node", key=pl.col("like").hash(seed=7))
    )
    sought = pl.concat([_keys(frame, mine), _of_kind(alike, _NAME)]).unique().sort("node", "key")
    theirs = tables[_NODES]
    rank = theirs["words"].search_sorted(frame["words"], side="left").cast(pl.Int64).to_numpy()
    low = sought["node"].cast(pl.Int64).to_numpy()
    pairs = _met(low, sought["key"].to_numpy(), rank, their_keys, their_nodes)
    chosen = np.unique(np.append(pairs[:, 1], their_nodes[at[known]]))
    # Coordinates are compared where both lists have them.
    shared = [column for column in frame.columns if column in theirs.columns and column != "node"]
    both = pl.concat(
        [frame.select(shared), theirs[chosen].select(shared)], how="vertical_relaxed"
    ).with_row_index("node")
    high = frame.height + np.searchsorted(chosen, pairs[:, 1])
    same = np.stack(
        [
            np.flatnonzero(known),
            frame.height + np.searchsorted(chosen, their_nodes[at[known]]),
        ],
        axis=1,
    )
    whole = replace(background, places=background.places | places_of(frame), ngrams=ngrams)
    return Shortlist(
        nodes=Nodes(both, whole),
        first=frame.height,
        node_of=numbers.cast(pl.Int64).to_numpy(),
        place=theirs["place"].gather(chosen).cast(pl.Int64).to_numpy(),
        low=pairs[:, 0],
        high=high,
        same=same,
    )


def _background(tables: Tables) -> Background:
    counts = tables[_COUNTS]

    def words(kind: str) -> frozenset[str]:
        return frozenset(counts["value"].filter(counts["kind"] == kind))

    return Background(
        size=int(tables[_SIZE]["nodes"][0]), counts=counts, added=words("added"), places=words("place")
    )


def _with(listed: Background, new: pl.DataFrame, tables: Tables) -> Background:
    """Return what is known of a list together with nodes that are not in it."""
    more = Nodes(new.drop("node").with_row_index("node"))
    unknown = more.frame.join(tables[_NAMES].select("squash"), on="squash", how="anti")
    brands = unknown.select("brand", "squash").unique().group_by("brand").agg(count=pl.len())
    counts = [
        *_counted(more),
        _of(brands, "brand", "brand"),
    ]
    return replace(
        listed,
        size=listed.size + more.size,
        counts=pl.concat([listed.counts, *counts]).group_by("kind", "value").agg(pl.col("count").sum()),
    )


def _counted(nodes: Nodes) -> Iterator[pl.DataFrame]:
    """Yield in how many nodes each text stands, kind by kind."""
    for kind, words in (("word", nodes.name), ("street", nodes.street), ("house", nodes.house)):
        yield _of(words.vocabulary, kind, "word")
    for kind in ("squash", "city"):
        yield _of(nodes.counts(kind), kind, kind)


def _of(counts: pl.DataFrame, kind: str, column: str) -> pl.DataFrame:
    return counts.select(kind=pl.lit(kind), value=column, count=pl.col("count").cast(pl.UInt32))


def _met(
    low: Ids, sought: npt.NDArray[np.uint64], rank: Ids, keys: npt.NDArray[np.uint64], nodes: Ids
) -> Ids:
    """Return pairs of a node and a node of the index that share a key; of a large block its next neighbours by name."""
    first, last = np.searchsorted(keys, sought, "left"), np.searchsorted(keys, sought, "right")
    large = np.flatnonzero(last - first > BLOCK_CAP)
    at = _bisect(nodes, first[large], last[large], rank[low[large]])
    first[large] = np.maximum(first[large], at - _NEIGHBOURS)
    last[large] = np.minimum(last[large], at + _NEIGHBOURS)
    sizes = last - first
    steps = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    codes = np.repeat(low, sizes) << _BITS | nodes[np.repeat(first, sizes) + steps]
    codes = np.unique(codes)
    return np.stack([codes >> _BITS, codes & ((1 << _BITS) - 1)], axis=1)


def _bisect(nodes: Ids, first: Ids, last: Ids, rank: Ids) -> Ids:
    """Return where each rank would stand among the sorted nodes from `first` to `last`."""
    low, high = first.copy(), last.copy()
    while (low < high).any():
        middle = (low + high) // 2
        less = (low < high) & (nodes[np.minimum(middle, len(nodes) - 1)] < rank)
        high = np.where(less | (low >= high), high, middle)
        low = np.where(less, middle + 1, low)
    return low


def index_of(rows: pl.DataFrame) -> dict[str, Tables]:
    """Return the index of a list in memory, country by country."""
    placed = content_of(rows)
    return {
        str(part["country"][0]): tables_of(part, str(part["country"][0]))
        for part in placed.partition_by("country")
    }


class IndexFolder(Mapping[str, Tables]):
    """An index that `write_index` wrote. Tables are read when they are asked for."""

    def __init__(self, folder: Path, *, names_only: bool) -> None:
        """Refuse what is no index, was made by another version of the library, or for other options."""
        self._folder = folder
        try:
            card = json.loads((folder / _CARD).read_text(encoding="utf-8"))
            made, options, self._tables = card["made_by"], card["names_only"], dict(card["tables"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputRejected(f"{folder}: is not a complete index of a list; {_AGAIN}") from error
        if made != _fingerprint():
            raise InputRejected(f"{folder}: was made by another version of the library; {_AGAIN}")
        if options is not names_only:
            raise InputRejected(
                f"{folder}: was made {'with' if options else 'without'} --names-only; "
                f"{'add' if options else 'leave out'} --names-only, or {_AGAIN}"
            )

    @override
    def __getitem__(self, country: str) -> Tables:
        if country not in set(self):
            raise KeyError(country)
        return _Lazily(partial(self._read, country))

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(sorted({file.partition("/")[0] for file in self._tables if "/" in file}))

    @override
    def __len__(self) -> int:
        return sum(1 for _ in self)

    def record_ids(self) -> pl.Series:
        """Return the record_id of each row of the list."""
        return self._table(_ENTRIES)["record_id"]

    def _read(self, country: str, table: str) -> pl.DataFrame:
        return self._table(f"{country}/{table}.parquet")

    def _table(self, file: str) -> pl.DataFrame:
        """Return a table as it was written. Refuses one in which a byte is otherwise."""
        try:
            written = (self._folder / file).read_bytes()
        except OSError as error:
            raise InputRejected(f"{self._folder / file}: cannot be read; {_AGAIN}") from error
        if sha256(written).hexdigest() != self._tables.get(file):
            raise InputRejected(f"{self._folder / file}: has been changed; {_AGAIN}")
        return pl.read_parquet(written)


class _Lazily(Mapping[str, pl.DataFrame]):
    def __init__(self, read: Callable[[str], pl.DataFrame]) -> None:
        self._read = read

    @override
    def __getitem__(self, table: str) -> pl.DataFrame:
        if table not in _ALL:
            raise KeyError(table)
        return self._read(table)

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(_ALL)

    @override
    def __len__(self) -> int:
        return len(_ALL)


def write_index(
    rows: pl.DataFrame,
    out: Path,
    *,
    names_only: bool,
    processes: int = 1,
    progress: Progress | None = None,
) -> None:
    """Write the index of a list with `record_id` into a folder; an index that stands there is replaced."""
    if out.exists() and not _is_index(out):
        raise InputRejected(f"{out}: exists and is not an index; name another folder")
    made, former = (out.with_name(f".{out.name}.{token_hex(4)}") for _ in range(2))
    try:
        made.mkdir()
        by_country(
            partial(_write_country, folder=made), rows, stage=_STAGE, processes=processes, progress=progress
        )
        rows.select("record_id").write_parquet(made / _ENTRIES)
        tables = sorted(made.rglob("*.parquet"))
        card = {
            "made_by": _fingerprint(),
            "names_only": names_only,
            "tables": {
                file.relative_to(made).as_posix(): sha256(file.read_bytes()).hexdigest() for file in tables
            },
        }
        (made / _CARD).write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
        if out.exists():
            out.rename(former)
        made.rename(out)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(out)) from error
    finally:
        if former.exists() and not out.exists():
            former.rename(out)
        rmtree(made, ignore_errors=True)
    rmtree(former, ignore_errors=True)


def _is_index(folder: Path) -> bool:
    """Say whether a folder holds an index, of whatever version, and nothing else."""
    try:
        card = json.loads((folder / _CARD).read_text(encoding="utf-8"))
        files = {_CARD, *card["tables"]}
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return files >= {file.relative_to(folder).as_posix() for file in folder.rglob("*") if not file.is_dir()}


def _write_country(
    rows: pl.DataFrame, country: str, *, folder: Path, tell: Tell, **_: object
) -> pl.DataFrame:
    tables = tables_of(rows, country, tell=tell)
    (folder / country).mkdir()
    for name, table in tables.items():
        table.write_parquet(folder / country / f"{name}.parquet", compression="lz4")
    return pl.DataFrame({"country": [country], "nodes": [tables[_NODES].height]})


@cache
def _fingerprint() -> str:
    """Return what decides how an index is made: this code, its word lists, and the libraries that hash and that read."""
    package = files("mrx_matching")
    digest = sha256(" ".join((str(_FORMAT), *map(version, _LIBRARIES))).encode())
    lexicons = sorted(
        (file for file in package.joinpath("lexicons").iterdir() if file.name.endswith(".csv")),
        key=lambda file: file.name,
    )
    for file in (*(package.joinpath(f"{module}.py") for module in _MODULES), *lexicons):
        digest.update(file.read_bytes())
    return digest.hexdigest()
