"""`mrx match`: sites out of lists, and a member's suppliers in a released list."""

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import polars as pl
import typer
from rich.console import Console
from rich.progress import Progress, TaskID

from mrx_matching.clusters import resolve_frame
from mrx_matching.countries import normalise_country
from mrx_matching.explain import explain as explain_records
from mrx_matching.identifiers import check_identifier
from mrx_matching.link import Decision
from mrx_matching.link import link as link_records
from mrx_matching.reading import frame_of
from mrx_matching.records import SiteRecord

app = typer.Typer(help="Find out which rows are the same supplier site.", no_args_is_help=True)

_TEXT_COLUMNS = ("name", "address", "city", "region", "postcode")
_IDENTIFIERS = {
    "os_id": "os_id",
    "duns": "duns",
    "lei": "lei",
    "tax_id": "vat",
    "gln": "gln",
    "vat": "vat",
    "zs": "zs",
    "zc": "zc",
}
_KNOWN = {"record_id", "source", "country", "lat", "lng", *_TEXT_COLUMNS, *_IDENTIFIERS}
_BAD_INPUT = 2
_INFRASTRUCTURE = 3

_NamesOnly = Annotated[bool, typer.Option("--names-only", help="Look at names and country alone.")]


class Engine(StrEnum):
    LOCAL = "local"
    SPARK = "spark"


class InputRejected(Exception):
    """A file that cannot be read as a list: says where and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    source: str
    record_id: str
    record: SiteRecord


@app.command()
def resolve(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Lists as CSV.")],
    out: Annotated[Path, typer.Option(help="Where to write source,record_id,site_id,confidence.")],
    *,
    engine: Annotated[Engine, typer.Option(help="This machine, or Apache Spark.")] = Engine.LOCAL,
    names_only: _NamesOnly = False,
) -> None:
    """Put the rows of one or more lists into sites."""
    with _exit_codes():
        rows = [row for file in files for row in _read(file, names_only=names_only)]
        _refuse_repeated(rows)
        frame = frame_of([row.record for row in rows])
        if engine is Engine.SPARK:
            found = _on_spark(frame)
        else:
            with _progress() as say:
                found = resolve_frame(frame, processes=os.cpu_count() or 1, progress=say)
        labels, confidence = found["site"].to_list(), found["confidence"].to_list()
        _write(
            out,
            ("source", "record_id", "site_id", "confidence"),
            (
                (row.source, row.record_id, label, f"{sure:.4f}")
                for row, label, sure in zip(rows, labels, confidence, strict=True)
            ),
        )
    typer.echo(f"{len(rows)} rows are {len(set(labels))} sites: {out}")


@app.command()
def link(
    a: Annotated[Path, typer.Argument(metavar="A.csv", help="A member's suppliers.")],
    b: Annotated[Path, typer.Argument(metavar="B.csv", help="A released list.")],
    out: Annotated[Path, typer.Option(help="Where to write a_id,b_id,score,decision.")],
    *,
    names_only: _NamesOnly = False,
) -> None:
    """Find the entries of one list in another."""
    with _exit_codes():
        left, right = (_read(file, names_only=names_only) for file in (a, b))
        _refuse_repeated(left)
        _refuse_repeated(right)
        links = [
            found
            for found in link_records([row.record for row in left], [row.record for row in right])
            if found.decision is not Decision.NONE
        ]
        _write(
            out,
            ("a_id", "b_id", "score", "decision"),
            ((found.left_key, found.right_key, f"{found.score:.4f}", found.decision) for found in links),
        )
    matched = sum(found.decision is Decision.MATCH for found in links)
    typer.echo(
        f"{len(left)} rows: {matched} match, {len(links) - matched} to review, "
        f"{len(left) - len(links)} none: {out}"
    )


@app.command()
def explain(
    a: Annotated[str, typer.Argument(metavar="A", help="A row as FILE:RECORD_ID.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another row as FILE:RECORD_ID.")],
) -> None:
    """Say why two rows are, or are not, one site."""
    with _exit_codes():
        one, other = _pick(a), _pick(b)
    typer.echo(explain_records(one, other).text)


def _pick(address: str) -> SiteRecord:
    file, _, record_id = address.rpartition(":")
    if not file:
        raise InputRejected(f"{address}: names no row; write FILE:RECORD_ID")
    for row in _read(Path(file), names_only=False):
        if row.record_id == record_id:
            return row.record
    raise InputRejected(f"{file}: has no record_id {record_id!r}; check the id")


def _on_spark(frame: pl.DataFrame) -> pl.DataFrame:
    try:
        from pyspark.sql import SparkSession  # noqa: PLC0415 - an extra

        from mrx_matching.spark import resolve_on_spark  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise InputRejected("engine spark: Spark is not installed; install mrx-matching[spark]") from error
    session = SparkSession.builder.appName("mrx match").getOrCreate()
    try:
        return resolve_on_spark(session, frame)
    finally:
        session.stop()


def _read(file: Path, *, names_only: bool) -> list[Row]:
    if file.suffix == ".parquet":
        return _read_parquet(file, names_only=names_only)
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            _check_header(file, reader.fieldnames or ())
            return [
                _row(file, number, columns, names_only=names_only)
                for number, columns in enumerate(reader, start=2)
            ]
    except FileNotFoundError as error:
        raise InputRejected(f"{file}: there is no such file; check the path") from error
    except UnicodeDecodeError as error:
        raise InputRejected(f"{file}: is not UTF-8; save it as CSV in UTF-8") from error
    except csv.Error as error:
        raise InputRejected(f"{file}: is not CSV ({error}); save it as CSV in UTF-8") from error


def _read_parquet(file: Path, *, names_only: bool) -> list[Row]:
    try:
        table = pl.read_parquet(file)
    except FileNotFoundError as error:
        raise InputRejected(f"{file}: there is no such file; check the path") from error
    except pl.exceptions.PolarsError as error:
        raise InputRejected(f"{file}: is not Parquet ({error}); write it again") from error
    _check_header(file, table.columns)
    texts = table.select(pl.all().cast(pl.String))
    return [
        _row(file, number, columns, names_only=names_only)
        for number, columns in enumerate(texts.iter_rows(named=True), start=1)
    ]


def _check_header(file: Path, header: Iterable[str]) -> None:
    header = tuple(header)
    for needed in ("record_id", "name", "country"):
        if needed not in header:
            raise InputRejected(
                f"{file}: row 1: column {needed!r} is missing; the header needs record_id,name,country"
            )
    if unknown := sorted(set(header) - _KNOWN):
        typer.echo(f"{file}: ignored columns {', '.join(unknown)}", err=True)


def _row(file: Path, number: int, columns: dict[str, str | None], *, names_only: bool) -> Row:
    text = {column: (value or "").strip() for column, value in columns.items() if column}
    for needed in ("record_id", "name"):
        if not text[needed]:
            raise InputRejected(f"{file}: row {number}: {needed} is empty; fill it in")
    country = normalise_country(text["country"])
    if country is None:
        raise InputRejected(
            f"{file}: row {number}: country {text['country']!r} is unknown; "
            "write its name or its ISO 3166 code"
        )
    known = {"name": text["name"]}
    if not names_only:
        known |= {column: text.get(column, "") for column in _TEXT_COLUMNS}
        known |= _identifiers(file, number, text)
    return Row(
        source=text.get("source") or file.stem,
        record_id=text["record_id"],
        record=SiteRecord(key=text["record_id"], country=country, **known),
    )


def _identifiers(file: Path, number: int, text: dict[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for column, kind in _IDENTIFIERS.items():
        if text.get(column):
            try:
                found[kind] = check_identifier(kind, text[column])
            except ValueError as error:
                typer.echo(f"{file}: row {number}: {column} is not used: {error}", err=True)
    return found


def _refuse_repeated(rows: Iterable[Row]) -> None:
    seen: set[tuple[str, str]] = set()
    for row in rows:
        if (row.source, row.record_id) in seen:
            raise InputRejected(
                f"source {row.source!r}: record_id {row.record_id!r} occurs twice; "
                "make it unique within its file and source"
            )
        seen.add((row.source, row.record_id))


def _write(out: Path, header: Sequence[str], lines: Iterable[Sequence[object]]) -> None:
    if out.suffix == ".parquet":
        texts = [[str(value) for value in line] for line in lines]
        table = pl.DataFrame(texts, schema=dict.fromkeys(header, pl.String), orient="row")
        number = next((column for column in ("confidence", "score") if column in header), None)
        (table.with_columns(pl.col(number).cast(pl.Float64)) if number else table).write_parquet(out)
        return
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(lines)


@contextmanager
def _exit_codes() -> Iterator[None]:
    try:
        yield
    except InputRejected as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(_BAD_INPUT) from error
    except OSError as error:
        typer.echo(f"{error.filename}: {error.strerror}", err=True)
        raise typer.Exit(_INFRASTRUCTURE) from error


class _Stages:
    """Shows each stage of a resolution as a bar of its own."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage, total=total)
        self._bars.update(self._tasks[stage], completed=done, total=total)


@contextmanager
def _progress() -> Iterator[_Stages]:
    with Progress(console=Console(stderr=True), transient=True) as bars:
        yield _Stages(bars)
