"""This library, Splink 5 and exact matching on the same rows in one run: `pytest -m bench -s tests/bench/matching`."""

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

import altair as alt
import polars as pl
import pytest
from mrx_matching.generator.directory import directory

SEEDS = {10_000: (101, 102, 103), 100_000: (101, 102, 103), 1_000_000: (101,)}
KINDS = ("exact", "mrx", "splink-quick", "splink")
TARGETS = {
    10_000: (0.94, 0.95, 0.96, 0.4),
    100_000: (0.95, 0.97, 0.96, 1.0),
    1_000_000: (0.945, 0.97, 0.955, 2.0),
}
HERE = Path(__file__).parent


def rows_of(seed: int, size: int, folder: Path) -> Path:
    path = folder / f"{size}-{seed}.parquet"
    rows, truth = zip(*directory(seed, size), strict=True)
    frame = pl.DataFrame(rows).with_columns(site=pl.Series(truth))
    frame.sample(fraction=1.0, shuffle=True, seed=seed).write_parquet(path)
    return path


def measure(kind: str, path: Path, folder: Path) -> dict[str, Any]:
    out = folder / "measured.json"
    subprocess.run([sys.executable, HERE / "matchers.py", kind, path, out], check=True)
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


@pytest.mark.bench
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("size", SEEDS)
def test_sites_are_found_better_and_faster_than_by_splink(size: int, tmp_path: Path) -> None:
    pytest.importorskip("splink", reason="Splink 5 is not installed: pip install 'splink==5.*' pandas")
    table = []
    for seed in SEEDS[size]:
        path = rows_of(seed, size, tmp_path)
        for kind in KINDS:
            found = measure(kind, path, tmp_path) | {"kind": kind, "seed": seed, "load": os.getloadavg()[0]}
            print(json.dumps(found))
            table.append(found)
    frame = pl.DataFrame(table)
    print(
        frame.group_by("kind", maintain_order=True).agg(
            pl.median("f1", "precision", "b3", "seconds", "gigabytes")
        )
    )
    drawn = Path("var").resolve() / f"matching-{size}.svg"
    drawn.parent.mkdir(exist_ok=True)
    alt.Chart(frame).mark_point().encode(x="seconds", y=alt.Y("f1").scale(zero=False), color="kind").save(
        drawn
    )

    def middle(kind: str, what: str) -> float:
        return float(median(row[what] for row in table if row["kind"] == kind))

    f1, precision, b3, times = TARGETS[size]
    assert middle("mrx", "f1") >= f1
    assert middle("mrx", "precision") >= precision
    assert middle("mrx", "b3") >= b3
    assert middle("mrx", "seconds") <= times * min(
        middle("splink", "seconds"), middle("splink-quick", "seconds")
    )
