"""The same clusters on Apache Spark, for lists beyond one machine: one country a task, the same function.

Needs the extra `spark` and Java 17 or newer with the module `jdk.incubator.vector`.
"""

from typing import Any

import polars as pl
import pyarrow as pa
from pyspark.sql import SparkSession

from mrx_matching.reading import content_of
from mrx_matching.sharding import resolve_country

_FOUND = "country string, place long, site long, confidence double"


def resolve_on_spark(session: SparkSession, rows: pl.DataFrame) -> pl.DataFrame:
    """Return what `resolve_frame` returns, worked out by a Spark session."""
    from mrx_matching.clusters import numbered_throughout  # noqa: PLC0415 - workers need the shard alone

    placed = content_of(rows).with_row_index("place").with_columns(pl.col("place").cast(pl.Int64))
    table: Any = (
        pa.Table.from_pylist(placed.to_dicts())
        if placed.is_empty()
        else placed.to_arrow(compat_level=pl.CompatLevel.oldest())
    )
    found = session.createDataFrame(table).groupBy("country").applyInArrow(_country, _FOUND)
    result = pl.DataFrame(pl.from_arrow(found.toArrow())).sort("country", "place")
    parts = [
        (part.select("place"), part.select("site", "confidence"))
        for part in result.partition_by("country", maintain_order=True)
    ]
    return numbered_throughout(parts)


def _country(table: pa.Table) -> pa.Table:
    rows = pl.DataFrame(pl.from_arrow(table)).sort("place")
    country = str(rows["country"][0])
    found = resolve_country(rows, country)
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
