"""`mrx match link` of suppliers against a large list, indexed: time, memory, recall and precision.

`python tests/bench/matching/linking.py --set second --rows 1000000 --suppliers 10000 --seed 101`

Each supplier is one row of a site of its own that the other rows have at least once more; these are the entries.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import polars as pl
import psutil
import typer
from sets import SETS
from side_by_side import peak

MRX = Path(sys.executable).with_name("mrx")


def lists_of(of: str, rows: int, suppliers: int, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the suppliers and the entries, each with the `site` of its rows."""
    listed, truth = zip(*SETS[of](seed, rows), strict=True)
    frame = pl.DataFrame(listed).with_columns(site=pl.Series(truth)).with_row_index("at")
    frame = frame.sample(fraction=1.0, shuffle=True, seed=seed)
    several = frame.filter(pl.len().over("site") > 1).unique("site", keep="first", maintain_order=True)
    chosen = several.head(suppliers)
    if chosen.height < suppliers:
        raise typer.BadParameter(f"only {chosen.height} sites have two rows", param_hint="--suppliers")
    entries = frame.join(chosen, on="at", how="anti")
    return _named(chosen, "suppliers"), _named(entries, "entries")


def _named(rows: pl.DataFrame, source: str) -> pl.DataFrame:
    return rows.with_columns(record_id=pl.col("at").cast(pl.String), source=pl.lit(source)).drop("at")


def timed(*arguments: str | Path) -> tuple[float, float]:
    """Run a command of the library; return its seconds and its gigabytes."""
    begun = time.perf_counter()
    # What is said of single rows would be written to the terminal within the time.
    with subprocess.Popen([MRX, "match", *arguments], stderr=subprocess.DEVNULL) as program:
        most = peak(psutil.Process(program.pid), program)
    if program.returncode:
        raise subprocess.CalledProcessError(program.returncode, program.args)
    return time.perf_counter() - begun, most / 1024**3


def linked(of: str, rows: int, suppliers: int, seed: int) -> dict[str, float]:
    """Return recall and precision of what `link` calls a match, seconds and gigabytes of both commands."""
    mine, theirs = lists_of(of, rows, suppliers, seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        mine.drop("site").write_csv(folder / "mine.csv")
        theirs.drop("site").write_csv(folder / "theirs.csv")
        indexing = timed("index", folder / "theirs.csv", "--out", folder / "theirs.index")
        linking = timed("link", folder / "mine.csv", folder / "theirs.index", "--out", folder / "pairs.csv")
        pairs = pl.read_csv(folder / "pairs.csv", schema_overrides={"a_id": pl.String, "b_id": pl.String})
    found = (
        pairs.filter(decision="match")
        .join(mine.select("site", a_id="record_id"), on="a_id")
        .join(theirs.select("site", b_id="record_id"), on="b_id", suffix="_found")
    )
    right = int((found["site"] == found["site_found"]).sum())
    return {
        "recall": right / mine.height,
        "precision": right / found.height,
        "index seconds": indexing[0],
        "index GB": indexing[1],
        "link seconds": linking[0],
        "link GB": linking[1],
    }


def main(
    rows: Annotated[int, typer.Option(help="How many rows both lists have together.")],
    suppliers: Annotated[int, typer.Option(help="How many of them are suppliers.")],
    seed: Annotated[int, typer.Option()],
    of: Annotated[str, typer.Option("--set", help="directory or second.")] = "second",
) -> None:
    for what, figure in linked(of, rows, suppliers, seed).items():
        typer.echo(f"{what}: {figure:.3f}")


if __name__ == "__main__":
    typer.run(main)
