"""`mrx match`: sites out of lists, questions about them, and a member's suppliers in a released list."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import polars as pl
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

from mrx_matching.clusters import resolve_frame
from mrx_matching.engine import Models
from mrx_matching.explain import explain_rows
from mrx_matching.history import (
    Decisions,
    carried_on,
    learnt_from,
    learnt_without_labels,
    read_decisions,
    read_former,
    write_redirects,
)
from mrx_matching.index import IndexFolder, write_index
from mrx_matching.link import Decision, link_with_index
from mrx_matching.lists import (
    STRICT,
    InputRejected,
    Refusals,
    check_writable,
    read_list,
    refuse_repeated,
    refuse_several,
    write_table,
)
from mrx_matching.review import review_queue

app = typer.Typer(help="Find out which rows are the same supplier site.", no_args_is_help=True)

_NOTHING_LEFT = 1
_BAD_INPUT = 2
_INFRASTRUCTURE = 3

_Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Lists as CSV or Parquet.")]
_NamesOnly = Annotated[bool, typer.Option("--names-only", help="Compare only names and country.")]
_DecisionsFile = Annotated[
    Path | None,
    typer.Option(
        "--decisions", help="What people decided: a_source,a_id,b_source,b_id,decision (same or different)."
    ),
]
_Learn = Annotated[
    bool, typer.Option("--learn", help="Move the weights towards the decisions, country by country.")
]

_Strict = Annotated[
    bool, typer.Option("--strict", help="Refuse a file at its first bad row, and write nothing.")
]
_RefusedFile = Annotated[
    Path | None,
    typer.Option(
        "--refused",
        help="Where to write unusable rows, with reasons; by default, OUT.refused.csv beside OUT.",
        dir_okay=False,
    ),
]


class NothingLeft(Exception):
    """No row of a list can be used."""


class Engine(StrEnum):
    LOCAL = "local"
    SPARK = "spark"


@app.command()
def resolve(  # noqa: PLR0913 - one for each option
    files: _Files,
    out: Annotated[Path, typer.Option(help="Where to write source,record_id,site_id,confidence.")],
    *,
    engine: Annotated[Engine, typer.Option(help="This machine, or Apache Spark.")] = Engine.LOCAL,
    names_only: _NamesOnly = False,
    decisions: _DecisionsFile = None,
    learn: _Learn = False,
    former: Annotated[Path | None, typer.Option(help="The sites of the last run, whose ids to keep.")] = None,
    before: Annotated[
        Path | None,
        typer.Option(help="The sites of a run before a withdrawn decision, whose ids to restore."),
    ] = None,
    refused: _RefusedFile = None,
    strict: _Strict = False,
) -> None:
    """Group the rows of one or more lists into sites."""
    with (
        _exit_codes(),
        _progress() as stages,
        _refusals(refused, out, files, decisions, strict=strict) as refusals,
    ):
        if before and not former:
            raise InputRejected("--before: needs --former FILE, which names the sites to separate")
        check_writable(out, *files, decisions)
        known = read_former(former) if former else None
        once = read_former(before) if before else None
        rows = _read_all(files, names_only=names_only, stages=stages, refusals=refusals)
        decided, model = _decided(rows, decisions, learn=learn, refusals=refusals)
        ids = rows.select("source", "record_id")
        if engine is Engine.SPARK:
            found = _on_spark(rows, model, decided)
        else:
            found = resolve_frame(
                rows,
                processes=os.cpu_count() or 1,
                progress=stages,
                model=model,
                must=decided.same,
                cannot=decided.different,
            )
        del rows
        site = found["site"].cast(pl.String)
        carried = carried_on(known, ids, found["site"], before=once) if known else None
        if carried:
            keys = zip(ids["source"].to_list(), ids["record_id"].to_list(), strict=True)
            site = pl.Series([carried.site_of[key] for key in keys], dtype=pl.String)
        write_table(out, ids.with_columns(site_id=site, confidence=found["confidence"]))
        redirects = write_redirects(out, carried.redirects if carried else None)
    typer.echo(f"{_are(ids.height, 'row')} {_count(site.n_unique(), 'site')}: {out}")
    if known and carried:
        ids_now, ids_then = set(site), set(known.site_of.values())
        typer.echo(
            f"{_are(len(ids_now & ids_then), 'id')} kept, {len(ids_now - ids_then)} new, {len(carried.redirects)} retired: "
            f"{redirects}"
        )
        if not ids_now & ids_then:
            _tell(
                f"{former}: none of its rows is in these lists; a renamed file is another source: add the column"
            )


@app.command()
def review(
    files: _Files,
    out: Annotated[Path, typer.Option(help="Where to write the questions, the most valuable first.")],
    *,
    names_only: _NamesOnly = False,
    decisions: _DecisionsFile = None,
    learn: _Learn = False,
    refused: _RefusedFile = None,
    strict: _Strict = False,
) -> None:
    """Write the pairs of rows that a person should compare; put answers into their column `decision`."""
    with (
        _exit_codes(),
        _progress() as stages,
        _refusals(refused, out, files, decisions, strict=strict) as refusals,
    ):
        check_writable(out, *files, decisions)
        rows = _read_all(files, names_only=names_only, stages=stages, refusals=refusals)
        decided, model = _decided(rows, decisions, learn=learn, refusals=refusals)
        queue = review_queue(
            rows,
            processes=os.cpu_count() or 1,
            progress=stages,
            model=model,
            must=decided.same,
            cannot=decided.different,
        )
        write_table(out, _questions(rows, queue))
    typer.echo(f"{_count(rows.height, 'row')}: {_count(queue.height, 'question')}: {out}")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _are(number: int, what: str) -> str:
    return f"{_count(number, what)} {'is' if number == 1 else 'are'}"


def _questions(rows: pl.DataFrame, queue: pl.DataFrame) -> pl.DataFrame:
    place = pl.concat_str(
        [
            pl.when(pl.col(c) != "").then(pl.col(c))
            for c in ("address", "postcode", "city", "region", "country")
        ],
        separator=", ",
        ignore_nulls=True,
    )
    shown = rows.select("source", id="record_id", name=_no_formula(pl.col("name")), place=_no_formula(place))
    sides = [
        shown[queue[column]].rename({name: f"{side}_{name}" for name in shown.columns})
        for side, column in (("a", "one"), ("b", "other"))
    ]
    return pl.concat(
        [*sides, queue.select("probability", "value", "why", decision=pl.lit(""))], how="horizontal"
    )


def _no_formula(text: pl.Expr) -> pl.Expr:
    """Put an apostrophe before what a spreadsheet would reckon when a person opens the questions in it."""
    return pl.when(text.str.contains(r"^[=+\-@\t\r]")).then("'" + text).otherwise(text)


@app.command()
def index(
    b: Annotated[Path, typer.Argument(metavar="B.csv", help="A released list.")],
    out: Annotated[Path, typer.Option(help="The folder to write; `link` takes it in place of the list.")],
    *,
    names_only: _NamesOnly = False,
    refused: _RefusedFile = None,
    strict: _Strict = False,
) -> None:
    """Index a list once, so that `link` can search it often."""
    with (
        _exit_codes(),
        _progress() as stages,
        _refusals(refused or _beside(out.name, out), out, [b], strict=strict) as refusals,
    ):
        rows = _read_one(b, names_only=names_only, stages=stages, refusals=refusals)
        write_index(rows, out, names_only=names_only, processes=os.cpu_count() or 1, progress=stages)
    typer.echo(f"{_are(rows.height, 'row')} indexed: {out}")


@app.command()
def link(
    a: Annotated[Path, typer.Argument(metavar="A.csv", help="A member's suppliers.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="A released list, or its index.")],
    out: Annotated[Path, typer.Option(help="Where to write a_id,b_id,score,decision.")],
    *,
    names_only: _NamesOnly = False,
    refused: _RefusedFile = None,
    strict: _Strict = False,
) -> None:
    """Find the entries of one list in another."""
    with (
        _exit_codes(),
        _progress() as stages,
        _refusals(refused, out, [a, b], strict=strict) as refusals,
    ):
        check_writable(out, a, b)
        left = _read_one(a, names_only=names_only, stages=stages, refusals=refusals)
        with _indexed(b, left, names_only=names_only, stages=stages, refusals=refusals) as listed:
            found = link_with_index(left, listed, processes=os.cpu_count() or 1, progress=stages)
            ids = listed.record_ids()
        found = found.with_columns(a_id=left["record_id"]).filter(pl.col("decision") != Decision.NONE.value)
        links = found.select("a_id", ids.gather(found["right"]).alias("b_id"), "score", "decision")
        write_table(out, links)
    matched = int((links["decision"] == Decision.MATCH.value).sum())
    typer.echo(
        f"{_count(left.height, 'row')}: {matched} match, {links.height - matched} to review, "
        f"{left.height - links.height} none: {out}"
    )


@contextmanager
def _indexed(
    b: Path, left: pl.DataFrame, *, names_only: bool, stages: "_Stages", refusals: Refusals
) -> Iterator[IndexFolder]:
    """Yield the index of a list: the one that is named, or one for this once, of the countries that are asked for."""
    if b.is_dir():
        yield IndexFolder(b, names_only=names_only)
        return
    right = _read_one(b, names_only=names_only, stages=stages, refusals=refusals)
    right = right.filter(pl.col("country").is_in(left["country"].unique().implode()))
    with TemporaryDirectory() as folder:
        made = Path(folder) / "index"
        write_index(right, made, names_only=names_only, processes=os.cpu_count() or 1, progress=stages)
        yield IndexFolder(made, names_only=names_only)


@app.command()
def explain(
    a: Annotated[str, typer.Argument(metavar="A", help="A row as FILE:RECORD_ID.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another row as FILE:RECORD_ID.")],
    *,
    names_only: _NamesOnly = False,
) -> None:
    """Explain why two rows, on their own, are or are not one site."""
    with _exit_codes():
        rows = pl.concat([_pick(a, names_only=names_only), _pick(b, names_only=names_only)])
    typer.echo(explain_rows(rows).text)


def _pick(address: str, *, names_only: bool) -> pl.DataFrame:
    file, _, record_id = address.rpartition(":")
    if not file:
        raise InputRejected(f"{address}: does not name a row; write FILE:RECORD_ID")
    refusals = Refusals(strict=False)
    rows = read_list(Path(file), names_only=names_only, say=_tell, refusals=refusals)
    rows = rows.filter(pl.col("record_id") == record_id)
    if rows.is_empty():
        for row in refusals.rows().iter_rows(named=True):
            if row.get("record_id") == record_id:
                raise InputRejected(
                    f"{file}: row {row['row']}: {row['field']} {row['reason']}; {row['remedy']}"
                )
        raise InputRejected(f"{file}: has no record_id {record_id!r}; check the id")
    return refuse_several(Path(file), rows)


def _read_all(
    files: Sequence[Path], *, names_only: bool, stages: "_Stages", refusals: Refusals
) -> pl.DataFrame:
    """Return the rows of lists. Raises `NothingLeft` where they have rows of which none can be used."""
    before = refusals.count
    lists = [
        (
            file,
            read_list(
                file,
                names_only=names_only,
                say=_tell,
                step=partial(stages, f"reading {file.name}"),
                refusals=refusals,
            ),
        )
        for file in files
    ]
    rows = pl.concat(refuse_repeated(lists, refusals=refusals))
    if rows.is_empty() and refusals.count > before:
        raise NothingLeft(f"{', '.join(map(str, files))}: no row can be used; nothing was done")
    return rows


def _read_one(file: Path, *, names_only: bool, stages: "_Stages", refusals: Refusals) -> pl.DataFrame:
    """Return the rows of a list in which a record_id names one row: pairs are told by it alone."""
    rows = _read_all([file], names_only=names_only, stages=stages, refusals=refusals)
    return refuse_several(file, rows, refusals=refusals)


def _decided(
    rows: pl.DataFrame, file: Path | None, *, learn: bool, refusals: Refusals
) -> tuple[Decisions, Models]:
    decided = read_decisions(file, rows, refusals=refusals) if file else Decisions()
    if not learn:
        return decided, None
    return decided, learnt_from(decided, rows, say=_tell) if file else learnt_without_labels(rows)


@contextmanager
def _refusals(
    file: Path | None, out: Path, lists: Sequence[Path], decisions: Path | None = None, *, strict: bool
) -> Iterator[Refusals]:
    """Yield a place for refused rows; at the end say how many they are, and write them to a file.

    A file of an earlier run goes. Where a list is refused as a whole, nothing is written or taken away. Beside a pipe
    or a terminal there is no place for refused rows: without a file that is named for them the reading is strict.
    """
    if strict or (file is None and out.exists() and not (out.is_file() or out.is_dir())):
        yield STRICT
        return
    file = file or _beside(out.stem, out)
    check_writable(file, *lists, decisions)
    refusals = Refusals(strict=False)
    nothing: NothingLeft | None = None
    try:
        yield refusals
    except NothingLeft as error:
        nothing = error
    rows = refusals.rows()
    if rows.is_empty():
        file.unlink(missing_ok=True)
    else:
        write_table(file, rows.select(**{name: _no_formula(pl.col(name)) for name in rows.columns}))
        typer.echo(f"{_are(rows.height, 'row')} refused: {file}")
    if nothing:
        raise nothing


def _beside(name: str, out: Path) -> Path:
    return out.with_name(f"{name}.refused.csv")


def _on_spark(rows: pl.DataFrame, model: Models, decided: Decisions) -> pl.DataFrame:
    try:
        from pyspark.errors import PySparkException  # noqa: PLC0415 - an extra
        from pyspark.sql import SparkSession  # noqa: PLC0415 - an extra

        from mrx_matching.spark import resolve_on_spark  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise InputRejected("engine spark: Spark is not installed; install mrx-matching[spark]") from error
    try:
        session = SparkSession.builder.appName("mrx match").getOrCreate()
    except PySparkException as error:
        raise OSError(f"engine spark: does not start ({error}); Spark needs Java 17 or later") from error
    try:
        return resolve_on_spark(session, rows, model=model, must=decided.same, cannot=decided.different)
    finally:
        session.stop()


def _tell(text: str) -> None:
    typer.echo(text, err=True)


@contextmanager
def _exit_codes() -> Iterator[None]:
    try:
        yield
    except InputRejected as error:
        _tell(str(error))
        raise typer.Exit(_BAD_INPUT) from error
    except NothingLeft as error:
        _tell(str(error))
        raise typer.Exit(_NOTHING_LEFT) from error
    except BrokenProcessPool as error:
        _tell(
            "a process of this command was ended, most likely for want of memory; try a machine that has more"
        )
        raise typer.Exit(_INFRASTRUCTURE) from error
    except OSError as error:
        _tell(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        raise typer.Exit(_INFRASTRUCTURE) from error


class _Stages:
    """Shows each stage of a command as a bar of its own."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage, total=total)
        self._bars.update(self._tasks[stage], completed=done, total=total)


@contextmanager
def _progress() -> Iterator[_Stages]:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        yield _Stages(bars)
