"""Rows to sites: which rows of many lists are one supplier site.

The answer depends on what the rows say and on nothing else: neither on their order, nor on their keys, nor
on which list a row came from, nor on how often the same content occurs, nor on how many processes share the work.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import suppress
from functools import lru_cache
from multiprocessing import get_context

import polars as pl

from mrx_matching.display import published_address, published_name, published_place
from mrx_matching.identifiers import IDENTIFIER_KINDS, check_identifier
from mrx_matching.normalise import fold_postcode
from mrx_matching.reading import content_of as columns_of
from mrx_matching.reading import frame_of
from mrx_matching.records import SiteRecord
from mrx_matching.scores import Model
from mrx_matching.sharding import resolve_country

Progress = Callable[[str, int, int], None]
"""Told a stage, how much of it is done, and of how much."""

Decided = Collection[tuple[int, int]]
"""Pairs of places of rows that somebody has decided on."""

_WORTH_A_PROCESS = 20_000
_STAGE = "finding sites"


def resolve(records: Sequence[SiteRecord], *, progress: Progress | None = None) -> list[int]:
    """Return for every record the number of its site; sites are numbered in the order of their content."""
    return resolve_with_confidence(records, progress=progress)[0]


def resolve_with_confidence(
    records: Sequence[SiteRecord], *, progress: Progress | None = None
) -> tuple[list[int], list[float]]:
    """Return the numbers of `resolve`, and for every record how well it fits the rest of its site, 0 to 1."""
    found = resolve_frame(frame_of(records), progress=progress)
    return found["site"].to_list(), found["confidence"].to_list()


def resolve_frame(
    rows: pl.DataFrame,
    *,
    processes: int = 1,
    progress: Progress | None = None,
    model: Model | None = None,
    must: Decided = (),
    cannot: Decided = (),
) -> pl.DataFrame:
    """Return `site` and `confidence` for every row of a frame with the columns of a record, in its order.

    More than one process is started for large frames only; a script that asks for them needs a main guard.
    """
    say = progress or _silent
    shards = _shards(rows, must, cannot)
    found: dict[str, pl.DataFrame] = {}
    done = 0
    for country, result in _resolved(shards, model, processes if rows.height >= _WORTH_A_PROCESS else 1):
        found[country] = result
        done += result.height
        say(_STAGE, done, rows.height)
    say(_STAGE, rows.height, rows.height)
    return numbered_throughout([(shards[country][0], found[country]) for country in sorted(found)])


def numbered_throughout(parts: Sequence[tuple[pl.DataFrame, pl.DataFrame]]) -> pl.DataFrame:
    """Return the rows of all countries in their order, their sites numbered without a gap."""
    offset = 0
    numbered: list[pl.DataFrame] = []
    for shard, result in parts:
        numbered.append(result.select(shard["place"], pl.col("site") + offset, pl.col("confidence")))
        offset += int(result["site"].n_unique())
    if not numbered:
        return pl.DataFrame(schema={"site": pl.Int64, "confidence": pl.Float64})
    return pl.concat(numbered).sort("place").drop("place")


Shard = tuple[pl.DataFrame, list[tuple[int, int]], list[tuple[int, int]]]


def _shards(rows: pl.DataFrame, must: Decided, cannot: Decided) -> dict[str, Shard]:
    placed = columns_of(rows).with_row_index("place")
    shards: dict[str, Shard] = {}
    within: dict[int, tuple[str, int]] = {}
    for part in placed.partition_by("country"):
        country = str(part["country"][0])
        shards[country] = (part, [], [])
        if must or cannot:
            within |= {place: (country, at) for at, place in enumerate(part["place"].to_list())}
    for which, decided in ((1, must), (2, cannot)):
        for one, other in decided:
            (country, mine), (also, theirs) = within[one], within[other]
            if country == also:
                kept = shards[country][1] if which == 1 else shards[country][2]
                kept.append((mine, theirs))
    return shards


def _resolved(
    shards: dict[str, Shard], model: Model | None, processes: int
) -> Iterator[tuple[str, pl.DataFrame]]:
    largest_first = sorted(shards, key=lambda country: (-shards[country][0].height, country))
    if processes == 1 or len(shards) == 1:
        for country in largest_first:
            part, must, cannot = shards[country]
            yield country, resolve_country(part, country, model=model, must=must, cannot=cannot)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        waiting = {
            pool.submit(
                resolve_country,
                shards[country][0],
                country,
                model=model,
                must=shards[country][1],
                cannot=shards[country][2],
            ): country
            for country in largest_first
        }
        for done in as_completed(waiting):
            yield waiting[done], done.result()


def content_of(record: SiteRecord) -> tuple[str, ...]:
    """Return what a record says, in published form; records that say the same have the same content."""
    return (
        record.country,
        published_name(record.name),
        published_address(record.address),
        published_place(record.city),
        published_place(record.region),
        fold_postcode(record.postcode),
        *(_identifier(kind, getattr(record, kind)) for kind in IDENTIFIER_KINDS),
    )


@lru_cache(maxsize=1 << 16)
def _identifier(kind: str, text: str) -> str:
    with suppress(ValueError):
        return check_identifier(kind, text) if text else ""
    return ""


def _silent(_stage: str, _done: int, _total: int) -> None:
    return
