"""This library, Splink 5 and exact matching on the same rows in one run: a table, and a plot.

`python tests/bench/matching/side_by_side.py --set second --rows 10000 --seed 101 --seed 102 --seed 103 --out var/matching`

The set `directory` comes with the library, whose weights were learnt on its like; `second` was made without looking at the
library. Each matcher runs in a process of its own; its memory is the largest sum over its processes, sampled.

Splink needs `.venv/bin/uv pip install -e 'shared/matching[bench]'`; without it, it is left out and the table says so.
"""

import json
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import psutil
import typer
from sets import SETS

KINDS = ("exact", "mrx", "splink-quick", "splink")
MEASURED = ("precision", "recall", "f1", "b3", "seconds", "gigabytes")
_SAMPLED_EVERY = 0.1
HERE = Path(__file__).parent


def rows_of(of: str, seed: int, size: int, folder: Path) -> Path:
    path = folder / f"{of}-{size}-{seed}.parquet"
    rows, truth = zip(*SETS[of](seed, size), strict=True)
    frame = pl.DataFrame(rows).with_columns(site=pl.Series(truth))
    frame.sample(fraction=1.0, shuffle=True, seed=seed).write_parquet(path)
    return path


def measure(kind: str, path: Path, folder: Path) -> dict[str, Any]:
    """Measure one matcher in processes of its own."""
    out = folder / "measured.json"
    with subprocess.Popen([sys.executable, HERE / "matchers.py", kind, path, out]) as program:
        most = peak(psutil.Process(program.pid), program)
    if program.returncode:
        raise subprocess.CalledProcessError(program.returncode, program.args)
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found | {"gigabytes": most / 1024**3}


def peak(process: psutil.Process, program: subprocess.Popen[bytes]) -> int:
    """Return the most memory in bytes that a program and its children hold at one time."""
    most = 0
    while program.poll() is None:
        with suppress(psutil.Error):
            family = [process, *process.children(recursive=True)]
            most = max(most, sum(one.memory_info().rss for one in family))
        with suppress(subprocess.TimeoutExpired):
            program.wait(_SAMPLED_EVERY)
    return most


def side_by_side(of: str, size: int, seeds: list[int], kinds: list[str]) -> pl.DataFrame:
    """Return a row for each seed and matcher, with the load of the machine at its end."""
    table = []
    with tempfile.TemporaryDirectory() as name:
        for seed in seeds:
            path = rows_of(of, seed, size, Path(name))
            for kind in kinds:
                found = {"set": of, "rows": size, "seed": seed, "kind": kind} | measure(
                    kind, path, Path(name)
                )
                table.append(found | {"load": os.getloadavg()[0]})
                typer.echo(json.dumps(table[-1]))
    return pl.DataFrame(table)


def medians(table: pl.DataFrame) -> pl.DataFrame:
    return table.group_by("set", "rows", "kind", maintain_order=True).agg(
        pl.median(*MEASURED), spread=pl.max("f1") - pl.min("f1")
    )


def as_markdown(table: pl.DataFrame) -> str:
    lines = ["| " + " | ".join(table.columns) + " |", "|" + "---|" * table.width]
    for row in table.iter_rows():
        cells = (f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(
    rows: Annotated[list[int], typer.Option(help="How many rows; may be given several times.")],
    seed: Annotated[list[int], typer.Option(help="A seed; may be given several times.")],
    out: Annotated[Path, typer.Option(help="The table and the plot get this name.")],
    kind: Annotated[list[str] | None, typer.Option(help="Matchers to measure; all without.")] = None,
    of: Annotated[
        list[str] | None, typer.Option("--set", help="directory, second or both; both without.")
    ] = None,
) -> None:
    kinds = list(kind or KINDS)
    if find_spec("splink") is None:
        typer.echo("Splink is not installed and is left out", err=True)
        kinds = [name for name in kinds if not name.startswith("splink")]
    table = pl.concat([side_by_side(name, size, seed, kinds) for name in of or SETS for size in rows])
    out.parent.mkdir(parents=True, exist_ok=True)
    table.write_csv(out.with_suffix(".csv"))
    typer.echo(as_markdown(medians(table)))
    if find_spec("altair") is None:
        typer.echo("Altair is not installed: no plot", err=True)
        return
    import altair as alt  # noqa: PLC0415 - comes with Splink

    marks = (
        alt.Chart(table)
        .mark_point(filled=True, size=80)
        .encode(
            alt.X("seconds").scale(type="log").title("seconds (logarithmic)"),
            alt.Y("f1").scale(zero=False).title("pairwise F1"),
            alt.Color("kind").title("matcher"),
            alt.Shape("rows:N"),
            alt.Column("set").title(None),
        )
        .properties(width=360, height=280)
    )
    marks.save(out.with_suffix(".svg"))


if __name__ == "__main__":
    typer.run(main)
