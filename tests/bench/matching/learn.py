"""Learn the shipped weights again from generated directories: `python tests/bench/matching/learn.py --out model.json`.

Takes about six minutes on two cores. No seed is one that the benches measure with. What was moved by hand (`by_hand`) is
carried over from the shipped file.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import polars as pl
import typer
from matchers import content
from mrx_matching.candidates import candidate_pairs
from mrx_matching.features import features, name_columns
from mrx_matching.generator.directory import directory
from mrx_matching.reading import COORDINATES, nodes_of
from mrx_matching.tokens import Nodes
from sklearn.linear_model import LogisticRegression

STREETS = ("address", "postcode", "os_id", "duns", "lei", "vat", "gln")
PLACES = ("city", "region")
LARGE = ("TR", "CN", "IN", "IT", "TH")
"""Countries of the directory of a million rows: learning from five of them is enough."""

SEED_OF_THE_MILLION = 902


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A directory to learn from: of each country at most `most` pairs, without the columns `blank`.

    Every second source says nothing in the columns `half`.
    """

    seed: int
    rows: int
    most: int = 10**9
    blank: tuple[str, ...] = ()
    half: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()


SMALL = ((11, 2000), (12, 2000), (13, 2000))
RECIPES = {
    "full": [
        Sample(seed=SEED_OF_THE_MILLION, rows=1_000_000, most=90_000, countries=LARGE),
        Sample(seed=2, rows=100_000, most=12_000),
        *(Sample(seed=seed, rows=10_000) for seed in (2, 3)),
        *(Sample(seed=seed, rows=rows) for seed, rows in (*SMALL, (15, 600))),
        *(Sample(seed=seed, rows=rows, blank=STREETS) for seed, rows in ((12, 2000), (16, 600))),
    ],
    "places": [
        Sample(seed=2, rows=100_000, most=3000, blank=STREETS, half=PLACES[:1]),
        Sample(seed=2, rows=10_000, most=8000, blank=STREETS, half=PLACES[:1]),
        Sample(seed=3, rows=10_000, blank=STREETS),
        *(Sample(seed=seed, rows=rows, blank=STREETS, half=PLACES) for seed, rows in (*SMALL, (16, 600))),
        *(Sample(seed=seed, rows=rows, blank=STREETS, half=PLACES[:1]) for seed, rows in (*SMALL, (15, 600))),
    ],
    "names": [
        Sample(seed=2, rows=100_000, most=4000, blank=(*STREETS, *PLACES)),
        Sample(seed=2, rows=10_000, most=8000, blank=(*STREETS, *PLACES)),
        *(Sample(seed=seed, rows=rows, blank=(*STREETS, *PLACES)) for seed, rows in SMALL),
        *(Sample(seed=seed, rows=600, blank=(*STREETS, *PLACES)) for seed in (15, 16)),
    ],
}
SOFTNESS = 0.3
"""How little weights are held to nothing (C of scikit-learn)."""


def pairs_of(sample: Sample, rows: pl.DataFrame) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Return the features of candidate pairs, and whether each is one site."""
    if sample.blank:
        rows = rows.drop(COORDINATES).with_columns(pl.lit("").alias(column) for column in sample.blank)
    silent = pl.col("source").str.slice(-1).cast(pl.Int32) % 2 == 1
    rows = rows.with_columns(
        pl.when(silent).then(pl.lit("")).otherwise(pl.col(column)).alias(column) for column in sample.half
    )
    found, same = [], []
    for part in rows.sort("country", maintain_order=True).partition_by("country", maintain_order=True):
        country = str(part["country"][0])
        if sample.countries and country not in sample.countries:
            continue
        frame, numbers = nodes_of(part, country)
        nodes = Nodes(frame)
        pairs = candidate_pairs(nodes)
        if len(pairs) > sample.most:
            chosen = np.random.default_rng(0).choice(len(pairs), sample.most, replace=False)
            pairs = pairs[np.sort(chosen)]
        site = (
            pl.DataFrame({"node": numbers, "site": part["site"]})
            .group_by("node")
            .agg(pl.col("site").min())
            .sort("node")["site"]
            .to_numpy()
        )
        found.append(features(nodes, pairs[:, 0].copy(), pairs[:, 1].copy()))
        same.append(site[pairs[:, 0]] == site[pairs[:, 1]])
    return np.concatenate(found), np.concatenate(same)


def learnt(samples: Sequence[Sample]) -> dict[str, Any]:
    """Return intercept and weights of a logistic regression over the features, as they are."""
    parts = []
    for sample in samples:
        rows, truth = zip(*directory(sample.seed, sample.rows), strict=True)
        table = pl.DataFrame(rows).with_columns(site=pl.Series(truth))
        parts.append(pairs_of(sample, content(table)))
        typer.echo(f"{sample}: {len(parts[-1][1])} pairs", err=True)
    seen, same = (np.concatenate(part) for part in zip(*parts, strict=True))
    middle, spread = seen.mean(axis=0), seen.std(axis=0) + 1e-6
    seen = (seen - middle) / spread
    fitted = LogisticRegression(C=SOFTNESS, max_iter=200).fit(seen, same)
    weights = fitted.coef_[0] / spread
    return {
        "intercept": round(float(fitted.intercept_[0] - (middle * weights).sum()), 5),
        "weights": {
            name: round(float(weight), 5)
            for name, weight in zip(name_columns(), weights, strict=True)
            if weight
        },
    }


def main(
    out: Annotated[Path, typer.Option(help="Where to write the weights.")],
    kind: Annotated[list[str] | None, typer.Option(help="full, places or names; all without.")] = None,
) -> None:
    shipped = json.loads(files("mrx_matching").joinpath("lexicons/model.json").read_text(encoding="utf-8"))
    for name in kind or RECIPES:
        shipped[name] = learnt(RECIPES[name]) | {"by_hand": shipped[name]["by_hand"]}
    out.write_text(json.dumps(shipped, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
