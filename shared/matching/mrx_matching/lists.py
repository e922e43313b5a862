"""Lists as people keep them, in CSV or Parquet, to frames; and frames to files.

Whatever cannot be read whole is refused with the file, the row, the column and a remedy.
"""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from errno import ENOENT
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from secrets import token_hex

import polars as pl

from mrx_matching.countries import normalise_country
from mrx_matching.identifiers import check_identifier
from mrx_matching.reading import COORDINATES, SCHEMA

Say = Callable[[str], None]
"""Told what was left out of a file, one line at a time."""

Step = Callable[[int, int], None]
"""Told how many bytes of a file were read, and of how many."""

_MOST_DEGREES = dict(zip(COORDINATES, (90.0, 180.0), strict=True))
_NEEDED = ("record_id", "name", "country")
_PLACE = ("address", "city", "region", "postcode")
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
_KNOWN = frozenset({*_NEEDED, "source", *_PLACE, *_IDENTIFIERS, *COORDINATES})
_ROWS_AT_ONCE = 50_000
_MOST_NOTICES = 20
BROKEN = (pl.exceptions.PolarsError, pl.exceptions.PanicException)
"""What reading a damaged Parquet file raises."""

_LONGEST_SHOWN = 60
_WHOLE = 2.0**53


class InputRejected(Exception):
    """A file that cannot be read as what it should be: says where and what to do."""


@dataclass(slots=True)
class Notices:
    """What is not used of a file, named one by one as long as that helps."""

    say: Say
    left: int = field(default=0, init=False)
    said: int = field(default=0, init=False)

    def add(self, text: str) -> None:
        if self.said < _MOST_NOTICES:
            self.say(text)
            self.said += 1
        else:
            self.left += 1

    def close(self, file: Path) -> None:
        if self.left:
            self.say(f"{file}: and {self.left} more values like these")


def read_list(
    file: Path, *, names_only: bool = False, say: Say = print, step: Step = lambda _done, _total: None
) -> pl.DataFrame:
    """Return the rows of a list: `row` as people count them, `source`, `record_id`, the columns of a record, `lat`, `lng`.

    With `names_only` everything but name and country is empty.
    """
    table = read_table(file, needed=_NEEDED, known=_KNOWN, say=say, step=step)
    for column in ("record_id", "name"):
        empty = table.filter(pl.col(column) == "")
        if not empty.is_empty():
            raise InputRejected(f"{file}: row {empty['row'][0]}: {column} is empty; fill it in")
    countries = _countries(file, table)
    contents = {"name": table["name"], "country": countries}
    coordinates = {column: pl.Series([None] * table.height, dtype=pl.Float64) for column in COORDINATES}
    if not names_only:
        notices = Notices(say)
        contents |= {column: table[column] for column in _PLACE if column in table.columns}
        contents |= _identifiers(file, table, notices)
        coordinates |= {
            column: _coordinate(file, table, column, notices)
            for column in COORDINATES
            if column in table.columns
        }
        notices.close(file)
    source = table["source"] if "source" in table.columns else pl.Series([""] * table.height, dtype=pl.String)
    return table.select(
        "row",
        source=pl.select(pl.when(source == "").then(pl.lit(file.stem)).otherwise(source)).to_series(),
        record_id="record_id",
        **{column: contents.get(column, pl.lit("")) for column in SCHEMA},
        **coordinates,
    )


def refuse_repeated(lists: Sequence[tuple[Path, pl.DataFrame]]) -> None:
    """Refuse rows of which another, in any of the lists, has the same source and record_id."""
    rows = pl.concat(
        [table.select("row", "source", "record_id", at=pl.lit(at)) for at, (_, table) in enumerate(lists)]
    )
    again = rows.filter(~pl.struct("source", "record_id").is_first_distinct())
    if not again.is_empty():
        row, source, record_id, at = again.row(0)
        raise InputRejected(
            f"{lists[at][0]}: row {row}: source {source!r}: record_id {_shown(record_id)} occurs twice; "
            "make it unique within its source"
            + (
                "; a file without a column source is a source by its name: rename one, or add the column"
                if at
                else ""
            )
        )


def read_table(
    file: Path,
    *,
    needed: Sequence[str],
    known: frozenset[str] | None = None,
    say: Say = print,
    step: Step = lambda _done, _total: None,
) -> pl.DataFrame:
    """Return the known columns of a file as text without space around it, and each `row` as people count it."""
    known = frozenset(needed) if known is None else known
    try:
        if file.suffix.lower() == ".parquet":
            return _read_parquet(file, needed, known, say)
        return _read_csv(file, needed, known, say, step)
    except FileNotFoundError as error:
        raise InputRejected(f"{file}: there is no such file; check the path") from error
    except IsADirectoryError as error:
        raise InputRejected(f"{file}: is a folder; name a file in it") from error


def check_writable(out: Path, *sources: Path | None) -> None:
    """Refuse a file to write that is also read, before any work is done. Raises `OSError` where it has no folder."""
    if not out.parent.is_dir():
        raise OSError(ENOENT, "there is no such folder; make it, or name another file", str(out.parent))
    for source in sources:
        if source is not None and source.exists() and out.exists() and out.samefile(source):
            raise InputRejected(f"{out}: is read by this command; name another file to write")


def write_table(out: Path, table: pl.DataFrame) -> None:
    """Write a frame as CSV, or as Parquet where the name ends so; numbers have four places.

    What stands there is replaced once the new file is whole. Raises `OSError` with the file's name.
    """
    special = out.exists() and not out.is_file()  # a pipe or a terminal cannot be replaced
    part = out if special else out.with_name(f".{out.name}.{token_hex(4)}")
    try:
        if out.suffix.lower() == ".parquet":
            table.write_parquet(part)
        else:
            table.write_csv(part, float_precision=4)
        if not special:
            part.replace(out)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(out)) from error
    finally:
        if not special:
            part.unlink(missing_ok=True)


def _read_csv(file: Path, needed: Sequence[str], known: frozenset[str], say: Say, step: Step) -> pl.DataFrame:
    size = file.stat().st_size
    number = 1
    chunk: list[list[str]] = []
    try:
        with file.open("rb") as raw, TextIOWrapper(raw, encoding="utf-8-sig", newline="") as lines:
            reader = csv.reader(lines, strict=True)
            header = [cell.strip() for cell in next(reader, ())]
            columns = _columns(file, header, needed, known, say)
            chosen = [header.index(column) for column in columns]
            parts = [_as_text([], columns, [])]
            while True:
                chunk.extend(islice(reader, _ROWS_AT_ONCE))
                if not chunk:
                    break
                numbers = range(number + 1, number + 1 + len(chunk))
                parts.append(_part(file, header, chunk, numbers, chosen, columns))
                number += len(chunk)
                chunk = []
                step(raw.tell(), size)
    except UnicodeDecodeError as error:
        raise InputRejected(
            f"{file}: line {_first_not_utf8(file)} is not UTF-8; save it as CSV in UTF-8"
        ) from error
    except csv.Error as error:
        # What was read before the fault is in the chunk.
        remedy = (
            "shorten it, or close a quote that is open before it"
            if "field larger" in str(error)
            else "close the quote that is open there, and double every quote within quotes"
        )
        raise InputRejected(
            f"{file}: row {number + len(chunk) + 1} is not CSV ({error}); {remedy}"
        ) from error
    table = pl.concat(parts)
    _refuse_nul(file, table)
    return table


def _part(
    file: Path,
    header: Sequence[str],
    chunk: list[list[str]],
    numbers: Sequence[int],
    chosen: Sequence[int],
    columns: Sequence[str],
) -> pl.DataFrame:
    width = len(header)
    if any(len(cells) != width for cells in chunk):
        for number, cells in zip(numbers, chunk, strict=True):
            if cells and len(cells) != width:
                raise InputRejected(
                    f"{file}: row {number} has {len(cells)} cells under {width} headings; "
                    "put values with commas or line breaks in quotes"
                )
        there = [(number, cells) for number, cells in zip(numbers, chunk, strict=True) if cells]
        numbers, chunk = [number for number, _ in there], [cells for _, cells in there]
    across: list[Sequence[str]] = [*zip(*chunk, strict=True)] or [()] * width
    return _as_text([across[at] for at in chosen], columns, numbers)


def _as_text(cells: Sequence[Sequence[str]], columns: Sequence[str], numbers: Sequence[int]) -> pl.DataFrame:
    texts = dict(zip(columns, cells or [()] * len(columns), strict=True))
    return pl.DataFrame(
        {"row": numbers, **texts}, schema={"row": pl.UInt32, **dict.fromkeys(columns, pl.String)}
    ).with_columns(pl.col(columns).str.strip_chars())


def _read_parquet(file: Path, needed: Sequence[str], known: frozenset[str], say: Say) -> pl.DataFrame:
    with file.open("rb"):  # a missing file or a folder is said like that of any file
        pass
    try:
        schema = pl.read_parquet_schema(file)
        columns = _columns(file, list(schema), needed, known, say)
        for column in columns:
            if schema[column].is_nested() or schema[column] == pl.Binary:
                raise InputRejected(
                    f"{file}: column {column!r} holds {schema[column]}, not text; write it as text"
                )
        table = pl.read_parquet(file, columns=columns)
        return table.select(
            pl.int_range(1, pl.len() + 1, dtype=pl.UInt32).alias("row"),
            *(_text_of(column, schema[column]).fill_null("").str.strip_chars() for column in columns),
        )
    except BROKEN as error:
        raise InputRejected(f"{file}: is not Parquet ({_shown(str(error))}); write it again") from error


def _text_of(column: str, kind: pl.DataType) -> pl.Expr:
    """Return a column as text; numbers that are whole without a decimal point, as identifiers have none."""
    cell = pl.col(column)
    if not kind.is_float():
        return cell.cast(pl.String)
    whole = cell.is_finite() & (cell == cell.round()) & (cell.abs() < _WHOLE)
    return (
        pl.when(whole).then(cell.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(cell.cast(pl.String))
    )


def _columns(
    file: Path, header: Sequence[str], needed: Sequence[str], known: frozenset[str], say: Say
) -> list[str]:
    """Return the columns that are read, in their order."""
    if not any(header):
        raise InputRejected(f"{file}: row 1: is empty; the header needs {','.join(needed)}")
    if any("\0" in cell for cell in header):
        raise InputRejected(f"{file}: row 1: holds NUL bytes; save it as CSV in UTF-8")
    for column in header:
        if column and header.count(column) > 1:
            raise InputRejected(f"{file}: row 1: column {column!r} occurs twice; rename or remove one")
    for column in needed:
        if column not in header:
            joined = "".join(header)
            separator = next((mark for mark in ";\t|" if mark in joined), "") if len(header) == 1 else ""
            remedy = (
                f"cells are parted by {separator!r}: save it with commas"
                if separator
                else f"the header needs {','.join(needed)}"
            )
            raise InputRejected(f"{file}: row 1: column {column!r} is missing; {remedy}")
    if unknown := sorted({column for column in header if column} - known):
        said = ", ".join(column[:_LONGEST_SHOWN] for column in unknown[:_MOST_NOTICES])
        more = f" and {len(unknown) - _MOST_NOTICES} more" if len(unknown) > _MOST_NOTICES else ""
        say(f"{file}: ignored columns {said}{more}")
    return [column for column in header if column in known]


def _refuse_nul(file: Path, table: pl.DataFrame) -> None:
    for column in table.columns[1:]:
        broken = table["row"].filter(table[column].str.contains("\0", literal=True))
        if len(broken):
            raise InputRejected(
                f"{file}: row {broken[0]}: {column} holds NUL bytes; save the file again as CSV in UTF-8"
            )


def _first_not_utf8(file: Path) -> int:
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return 1


def _countries(file: Path, table: pl.DataFrame) -> pl.Series:
    written = table["country"]
    codes = {text: normalise_country(text) for text in written.unique()}
    unknown = [text for text, code in codes.items() if code is None]
    if unknown:
        row, text = table.filter(pl.col("country").is_in(unknown)).select("row", "country").row(0)
        raise InputRejected(
            f"{file}: row {row}: country {_shown(text)} is unknown; write its name or its ISO 3166 code"
        )
    return written.replace_strict(codes, return_dtype=pl.String) if codes else written


def _identifiers(file: Path, table: pl.DataFrame, notices: Notices) -> dict[str, pl.Series]:
    """Return the identifiers in their one form, and as written where they cannot be right."""
    found: dict[str, pl.Series] = {}
    for column, kind in _IDENTIFIERS.items():
        if column not in table.columns:
            continue
        forms, faults = {"": ""}, {}
        for text in table[column].unique().to_list():
            try:
                forms[text] = check_identifier(kind, text) if text else ""
            except ValueError as error:
                forms[text], faults[text] = text, str(error)
        _name_unused(file, table, column, faults, notices, "counts only where another row has it too")
        read = table[column].replace_strict(forms, return_dtype=pl.String)
        # `tax_id` and `vat` are one kind: the column named like the kind wins where it says something.
        former = found.get(kind)
        found[kind] = (
            read
            if former is None
            else pl.select(pl.when(read == "").then(former).otherwise(read)).to_series()
        )
    return found


def _coordinate(file: Path, table: pl.DataFrame, column: str, notices: Notices) -> pl.Series:
    most = _MOST_DEGREES[column]
    numbers: dict[str, float | None] = {}
    faults: dict[str, str] = {}
    for text in table[column].unique().to_list():
        numbers[text] = _degrees(text, most)
        if text and numbers[text] is None:
            faults[text] = (
                f"{_shown(text)} is no number from -{most:g} to {most:g}; write degrees with a decimal point"
            )
    _name_unused(file, table, column, faults, notices)
    return table[column].replace_strict(numbers, return_dtype=pl.Float64)


def _degrees(text: str, most: float) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if -most <= number <= most else None


def _name_unused(
    file: Path,
    table: pl.DataFrame,
    column: str,
    faults: dict[str, str],
    notices: Notices,
    but: str = "is not used",
) -> None:
    if not faults:
        return
    unused = table.filter(pl.col(column).is_in(list(faults))).select("row", column)
    for row, text in unused.head(_MOST_NOTICES).iter_rows():
        notices.add(f"{file}: row {row}: {column} {but}: {faults[text]}")
    notices.left += max(0, unused.height - _MOST_NOTICES)


def _shown(text: str) -> str:
    return repr(text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…")
