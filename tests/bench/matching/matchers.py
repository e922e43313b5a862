"""The three matchers side by side. Run as a program, one measures itself: `matchers.py KIND ROWS.parquet OUT.json`."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import polars as pl
from mrx_matching.accuracy import pairwise
from mrx_matching.clusters import resolve_frame
from mrx_matching.countries import normalise_country
from mrx_matching.reading import COORDINATES, SCHEMA

PROCESSES = 2
MERGE = 0.5
THRESHOLDS = (0.5, 0.8, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9999)
"""Splink is measured with the one of these that is best by the test's own truth."""


def content(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of a directory as the library takes them, whatever other columns they have."""
    codes = {text: normalise_country(text) or text for text in rows["country"].unique()}
    rows = rows.with_columns(pl.col("country").replace(codes), vat=pl.col("tax_id"))
    rows = rows.with_columns(pl.lit("").alias(column) for column in SCHEMA if column not in rows.columns)
    located = (column for column in COORDINATES if column in rows.columns)
    return rows.with_columns(pl.col(column).cast(pl.Float64, strict=False) for column in located)


Results = Iterator[pl.DataFrame | None]
"""Labels of rows, in several ways where a matcher has a threshold; None once what these have in common is done."""


def exact(rows: pl.DataFrame) -> Results:
    """Equal folded name, country and city."""
    key = pl.concat_str(
        pl.col("name").str.to_lowercase().str.replace_all("[^a-z0-9]", ""),
        pl.col("country"),
        pl.col("city").str.to_lowercase(),
        separator="|",
    )
    yield rows.select(label=key)


def ours(rows: pl.DataFrame) -> Results:
    yield resolve_frame(rows, processes=PROCESSES).select(label="site")


def splink(rows: pl.DataFrame, *, quick: bool = False) -> Results:
    """Splink 5 on DuckDB: name, address, city, postcode and identifiers, trained by EM without labels.

    `quick` blocks on exact values and beginnings alone.
    """
    import splink.comparison_library as compare  # noqa: PLC0415 - the others must not pay for it
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on  # noqa: PLC0415

    clean = rows.select(
        pl.int_range(pl.len()).alias("unique_id"),
        "country",
        *(
            pl.when(pl.col(column) == "")
            .then(None)
            .otherwise(pl.col(column))
            .str.to_lowercase()
            .alias(column)
            for column in ("name", "address", "city", "postcode", "duns", "lei", "os_id")
        ),
    ).with_columns(
        name=pl.col("name")
        .str.replace_all(r"\b(co|ltd|limited|company|pvt|private|pt|sdn|bhd|llc|inc|factory)\b\.?", "")
        .str.replace_all("[^a-z0-9à-ỹ ]", "")
        .str.strip_chars()
    )
    rules: list[Any] = [
        block_on("country", "substr(name,1,8)"),
        block_on("country", "postcode", "substr(name,1,3)"),
        block_on("country", "address"),
        *(
            []
            if quick
            else [block_on("country", "city", "substr(name,1,4)"), block_on("duns"), block_on("os_id")]
        ),
    ]
    settings = SettingsCreator(
        link_type="dedupe_only",
        blocking_rules_to_generate_predictions=rules,
        comparisons=[
            compare.JaroWinklerAtThresholds("name", [0.97, 0.92, 0.85, 0.75]),
            compare.JaroWinklerAtThresholds("address", [0.97, 0.9, 0.8]),
            compare.JaroWinklerAtThresholds("city", [0.92]),
            compare.LevenshteinAtThresholds("postcode", [1, 2]),
            compare.ExactMatch("duns"),
            compare.ExactMatch("lei"),
            compare.ExactMatch("os_id"),
        ],
    )
    api = DuckDBAPI()
    source = api.register(clean.to_arrow())
    linker = Linker(source, settings)
    linker.training.estimate_probability_two_random_records_match(
        [block_on("country", "name", "city")], recall=0.6
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6)
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("country", "name"))
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("country", "address"))
    predicted = linker.inference.predict(threshold_match_probability=THRESHOLDS[0])
    yield None
    for threshold in THRESHOLDS:
        clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(
            predicted, threshold_match_probability=threshold
        )
        found = pl.from_pandas(clusters.as_pandas_dataframe()[["unique_id", "cluster_id"]]).sort("unique_id")
        yield found.select(label=pl.col("cluster_id").cast(pl.String))


MATCHERS: dict[str, Callable[[pl.DataFrame], Results]] = {
    "exact": exact,
    "mrx": ours,
    "splink": splink,
    "splink-quick": lambda rows: splink(rows, quick=True),
}


def accuracy(site: pl.Series, label: pl.Series) -> dict[str, float]:
    """Return pairwise precision, recall and F1, and B-cubed F1."""
    pairs = pairwise(site.to_list(), label.to_list())
    cells = pl.DataFrame({"site": site, "label": label}).group_by("site", "label").len()
    cells = cells.with_columns(
        of_site=pl.col("len").sum().over("site"), of_label=pl.col("len").sum().over("label")
    )
    precision = float((cells["len"] ** 2 / cells["of_label"]).sum()) / len(site)
    recall = float((cells["len"] ** 2 / cells["of_site"]).sum()) / len(site)
    return {
        "precision": pairs.precision,
        "recall": pairs.recall,
        "f1": pairs.f1,
        "b3": 2 * precision * recall / (precision + recall),
    }


def measured(kind: str, path: Path) -> dict[str, Any]:
    """Return the accuracy of the best result, and the seconds that it alone would have taken, imports aside."""
    rows = content(pl.read_parquet(path))
    for name in ("splink.comparison_library",) if kind.startswith("splink") else ("pypinyin",):
        import_module(name)
    tried: list[dict[str, Any]] = []
    shared, last = 0.0, time.perf_counter()
    for result in MATCHERS[kind](rows):
        own = time.perf_counter() - last
        if result is None:
            shared = own
        else:
            tried.append(accuracy(rows["site"], result["label"]) | {"seconds": shared + own})
        last = time.perf_counter()
    return max(tried, key=lambda found: float(found["f1"]))


if __name__ == "__main__":
    found = measured(sys.argv[1], Path(sys.argv[2]))
    Path(sys.argv[3]).write_text(json.dumps(found), encoding="utf-8")
