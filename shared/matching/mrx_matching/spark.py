"""The same clusters on Apache Spark, for lists beyond one machine: one country a task, the same function.

Needs the extra `spark` and Java 17 or newer with the module `jdk.incubator.vector`.
"""

from collections.abc import Mapping
from typing import Any

import polars as pl
import pyarrow as pa
from pyspark.sql import SparkSession

from mrx_matching.engine import Decided, Models, by_places_within, content_of, model_of
from mrx_matching.scores import Model
from mrx_matching.sharding import resolve_country

_FOUND = "country string, place long, site long, confidence double"


def resolve_on_spark(
    session: SparkSession,
    rows: pl.DataFrame,
    *,
    model: Models = None,
    must: Decided = (),
    cannot: Decided = (),
) -> pl.DataFrame:
    """Return what `resolve_frame` returns, worked out by a Spark session."""
    from mrx_matching.clusters import numbered_throughout  # noqa: PLC0415 - workers need the shard alone

    placed = content_of(rows).with_columns(pl.col("place").cast(pl.Int64))
    table: Any = (
        pa.Table.from_pylist(placed.to_dicts())
        if placed.is_empty()
        else placed.to_arrow(compat_level=pl.CompatLevel.oldest())
    )
    decided = by_places_within(rows, must, cannot)
    models = {country: model_of(model, country) for country in rows["country"].unique()}

    def resolved(table: pa.Table) -> pa.Table:
        return _country(table, models, decided)

    found = session.createDataFrame(table).groupBy("country").applyInArrow(resolved, _FOUND)
    result = pl.DataFrame(pl.from_arrow(found.toArrow())).sort("country", "place")
    parts = [
        (part.select("place"), part.select("site", "confidence"))
        for part in result.partition_by("country", maintain_order=True)
    ]
    return numbered_throughout(parts)


def _country(
    table: pa.Table,
    models: Mapping[str, Model | None],
    decided: Mapping[str, tuple[list[tuple[int, int]], list[tuple[int, int]]]],
) -> pa.Table:
    rows = pl.DataFrame(pl.from_arrow(table)).sort("place")
    country = str(rows["country"][0])
    must, cannot = decided.get(country, ([], []))
    found = resolve_country(rows, country, model=models[country], must=must, cannot=cannot)
    named = found.select(country=pl.lit(country), place=rows["place"], site="site", confidence="confidence")
    return named.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(
        pa.schema(
            [
                ("country", pa.string()),
                ("place", pa.int64()),
                ("site", pa.int64()),
                ("confidence", pa.float64()),
            ]
        )
    )
