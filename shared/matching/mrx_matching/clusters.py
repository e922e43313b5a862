"""Rows to sites: which rows of many lists are one supplier site.

The answer depends on what the rows say and on nothing else: neither on their order, nor on their keys, nor
on which list a row came from, nor on how often the same content occurs, nor on how many processes share the work.
"""

from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache

import polars as pl

from mrx_matching.display import published_address, published_name, published_place
from mrx_matching.engine import Decided, Models, Progress, by_country
from mrx_matching.identifiers import IDENTIFIER_KINDS, check_identifier
from mrx_matching.normalise import fold_postcode
from mrx_matching.reading import frame_of
from mrx_matching.records import SiteRecord
from mrx_matching.sharding import resolve_country

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
    model: Models = None,
    must: Decided = (),
    cannot: Decided = (),
) -> pl.DataFrame:
    """Return `site` and `confidence` for every row of a frame with the columns of a record, in its order.

    More than one process is started for large frames only; a script that asks for them needs a main guard.
    """
    return numbered_throughout(
        by_country(
            resolve_country,
            rows,
            stage=_STAGE,
            processes=processes,
            progress=progress,
            model=model,
            must=must,
            cannot=cannot,
        )
    )


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
