"""Lists as people keep them, in CSV or Parquet, to frames; and frames to files.

A file that is no list is refused as a whole, a row that cannot be used by itself: with file, row, column and a remedy.
"""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from errno import ENOENT
from io import StringIO, TextIOWrapper
from itertools import islice
from pathlib import Path
from secrets import token_hex

import polars as pl

from mrx_matching.countries import normalise_country
from mrx_matching.identifiers import check_identifier
from mrx_matching.reading import COORDINATES, SCHEMA

Say = Callable[[str], None]
"""Told what was left out of a file, one line at a time."""

RowProgress = Callable[[int, int], None]
"""Told how many bytes of a file were read, and of how many."""

_MOST_LETTERS = {"": 200, "name": 300, "address": 500}
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
_REFUSED = ("file", "row", "field", "reason", "remedy")
_KNOWN = frozenset({*_NEEDED, "source", *_PLACE, *_IDENTIFIERS, *COORDINATES})
_ROWS_AT_ONCE = 50_000
_MOST_COLUMNS_SHOWN = 20
BROKEN = (pl.exceptions.PolarsError, pl.exceptions.PanicException)
"""What reading a damaged Parquet file raises."""

_LONGEST_SHOWN = 60
_WHOLE = 2.0**53


class InputRejected(Exception):
    """A file that cannot be read as what it should be: says where and what to do."""


@dataclass(slots=True, kw_only=True)
class Refusals:
    """Rows that are left out, and why; when `strict` there are none, as the first of them refuses its file."""

    strict: bool = True
    _found: list[pl.DataFrame] = field(default_factory=list, init=False)

    def take_out(
        self, file: Path, table: pl.DataFrame, bad: pl.Series, *, column: str, reason: pl.Expr, remedy: str
    ) -> pl.DataFrame:
        """Return a table without its bad rows. `column` is empty where the row itself is at fault."""
        if not bad.any():
            return table
        what = {
            "file": pl.lit(str(file)),
            "field": pl.lit(column),
            "reason": reason,
            "remedy": pl.lit(remedy),
        }
        found = table.filter(bad).with_columns(**what)
        if self.strict:
            row, said = found.row(0, named=True)["row"], found["reason"][0]
            place = f"row {row}: {column}" if column else f"row {row}"
            raise InputRejected(f"{file}: {place} {said}; {remedy}")
        self._found.append(found.cast(pl.String))
        return table.filter(~bad)

    @property
    def count(self) -> int:
        """How many rows were refused."""
        return sum(found.height for found in self._found)

    def rows(self) -> pl.DataFrame:
        """Return what was refused: where, why, what to do, and the row itself."""
        if not self._found:
            return pl.DataFrame(schema=dict.fromkeys(_REFUSED, pl.String))
        found = pl.concat(self._found, how="diagonal").fill_null("")
        cells = [column for column in found.columns if column not in _REFUSED and (found[column] != "").any()]
        return found.select(*_REFUSED, *cells)


STRICT = Refusals()


def read_list(
    file: Path,
    *,
    names_only: bool = False,
    say: Say = print,
    step: RowProgress = lambda _done, _total: None,
    refusals: Refusals = STRICT,
) -> pl.DataFrame:
    """Return the rows of a list: `row` as people count them, `source`, `record_id`, the columns of a record, `lat`, `lng`.

    With `names_only` everything but name and country is empty.
    """
    table = read_table(file, needed=_NEEDED, known=_KNOWN, say=say, step=step, refusals=refusals)
    for column in ("record_id", "name"):
        table = refusals.take_out(
            file,
            table,
            table[column] == "",
            column=column,
            reason=pl.lit("is empty"),
            remedy="fill it in",
        )
    for column in table.columns[1:]:
        most = _MOST_LETTERS.get(column, _MOST_LETTERS[""])
        table = refusals.take_out(
            file,
            table,
            table[column].str.len_chars() > most,
            column=column,
            reason=pl.format(
                "has {} characters, at most {} are taken", pl.col(column).str.len_chars(), pl.lit(most)
            ),
            remedy="shorten it",
        )
    codes = {text: normalise_country(text) for text in table["country"].unique()}
    table = refusals.take_out(
        file,
        table,
        table["country"].is_in([text for text, code in codes.items() if code is None]),
        column="country",
        reason=_about("country", "is unknown"),
        remedy="write its name or its ISO 3166 code",
    )
    countries = table["country"].replace_strict(codes, return_dtype=pl.String) if codes else table["country"]
    contents = {"name": table["name"], "country": countries}
    coordinates = {column: pl.Series([None] * table.height, dtype=pl.Float64) for column in COORDINATES}
    if not names_only:
        contents |= {column: table[column] for column in _PLACE if column in table.columns}
        contents |= _identifiers(file, table, say)
        coordinates |= _coordinates(file, table, say)
    source = table["source"] if "source" in table.columns else pl.Series([""] * table.height, dtype=pl.String)
    return table.select(
        "row",
        source=pl.select(pl.when(source == "").then(pl.lit(file.stem)).otherwise(source)).to_series(),
        record_id="record_id",
        **{column: contents.get(column, pl.lit("")) for column in SCHEMA},
        **coordinates,
    )


def refuse_repeated(
    lists: Sequence[tuple[Path, pl.DataFrame]], *, refusals: Refusals = STRICT
) -> list[pl.DataFrame]:
    """Return the lists without rows of which an earlier one, in any of them, has the same source and record_id.

    Two files that are one source by their name alone are refused as a whole.
    """
    keys = pl.concat([table.select("source", "record_id") for _, table in lists])
    again = keys.select(~pl.struct("source", "record_id").is_first_distinct()).to_series()
    kept: list[pl.DataFrame] = []
    for at, (file, table) in enumerate(lists):
        bad, again = again.head(table.height), again.slice(table.height)
        namesake = next((former for former, _ in lists[:at] if former.stem == file.stem), None)
        if namesake and file.stem in table["source"].filter(bad):
            raise InputRejected(
                f"{file}: is the source {file.stem!r} by its name, as {namesake} is; rename one, or add the column source"
            )
        reason = _about("record_id", "occurs twice") + pl.format(" in source {}", _shown_cell("source"))
        remedy = "make it unique within its source"
        kept.append(refusals.take_out(file, table, bad, column="record_id", reason=reason, remedy=remedy))
    return kept


def refuse_several(file: Path, rows: pl.DataFrame, *, refusals: Refusals = STRICT) -> pl.DataFrame:
    """Return a list without rows whose record_id an earlier one has: for where rows are told by it alone."""
    return refusals.take_out(
        file,
        rows,
        ~rows["record_id"].is_first_distinct(),
        column="record_id",
        reason=_about("record_id", "stands in several sources"),
        remedy="make it unique in the file, for example by putting the source before it",
    )


def read_table(
    file: Path,
    *,
    needed: Sequence[str],
    known: frozenset[str] | None = None,
    say: Say = print,
    step: RowProgress = lambda _done, _total: None,
    refusals: Refusals = STRICT,
) -> pl.DataFrame:
    """Return the known columns of a file as text without space around it, and each `row` as people count it."""
    known = frozenset(needed) if known is None else known
    try:
        if file.suffix.lower() == ".parquet":
            return _read_parquet(file, needed, known, say)
        return _without_nul(file, _read_csv(file, needed, known, say, step, refusals), refusals)
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


def _read_csv(
    file: Path, needed: Sequence[str], known: frozenset[str], say: Say, step: RowProgress, refusals: Refusals
) -> pl.DataFrame:
    size = file.stat().st_size
    number = 1
    chunk: list[list[str]] = []
    try:
        with file.open("rb") as raw, TextIOWrapper(raw, encoding="utf-8-sig", newline="") as lines:
            reader = csv.reader(lines, strict=True)
            header = [cell.strip() for cell in next(reader, ())]
            columns = _columns(file, header, needed, known, say)
            chosen = {column: header.index(column) for column in columns}
            parts = [_as_text(dict.fromkeys(columns, ()), ())]
            while True:
                chunk.extend(islice(reader, _ROWS_AT_ONCE))
                if not chunk:
                    break
                numbers = range(number + 1, number + 1 + len(chunk))
                fitting = _without_ragged(
                    file, len(header), chosen, [*zip(numbers, chunk, strict=True)], refusals
                )
                across: list[Sequence[str]] = [*zip(*(cells for _, cells in fitting), strict=True)]
                parts.append(
                    _as_text(
                        {column: across[place] if across else () for column, place in chosen.items()},
                        [row for row, _ in fitting],
                    )
                )
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
    return pl.concat(parts)


def _without_ragged(
    file: Path,
    width: int,
    chosen: Mapping[str, int],
    rows: list[tuple[int, list[str]]],
    refusals: Refusals,
) -> list[tuple[int, list[str]]]:
    """Return the rows with a cell for each heading, without blank lines; what does not fit is kept as a `line`."""
    if all(len(cells) == width for _, cells in rows):
        return rows
    if ragged := [(row, cells) for row, cells in rows if cells and len(cells) != width]:
        texts = {
            column: ["".join(cells[place : place + 1]) for _, cells in ragged]
            for column, place in chosen.items()
        }
        table = _as_text(texts, [row for row, _ in ragged]).with_columns(
            line=pl.Series([_line(cells) for _, cells in ragged]),
            cells=pl.Series([len(c) for _, c in ragged]),
        )
        refusals.take_out(
            file,
            table.drop("cells"),
            pl.repeat(True, table.height, dtype=pl.Boolean, eager=True),  # noqa: FBT003 - a value, no switch
            column="",
            reason=pl.format(f"has {{}} cells under {width} headings", table["cells"]),
            remedy="put values with commas or line breaks in quotes",
        )
    return [(row, cells) for row, cells in rows if len(cells) == width]


def _line(cells: Sequence[str]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()


def _as_text(texts: Mapping[str, Sequence[str]], numbers: Sequence[int]) -> pl.DataFrame:
    return pl.DataFrame(
        {"row": numbers, **texts}, schema={"row": pl.UInt32, **dict.fromkeys(texts, pl.String)}
    ).with_columns(pl.col(*texts).str.strip_chars())


def _read_parquet(file: Path, needed: Sequence[str], known: frozenset[str], say: Say) -> pl.DataFrame:
    with file.open("rb"):  # a missing file or a folder is said like that of any file
        pass
    try:
        schema = pl.read_parquet_schema(file)
        columns = _columns(file, list(schema), needed, known, say)
        for column in columns:
            if schema[column].is_nested() or schema[column] == pl.Binary:
                raise InputRejected(
                    f"{file}: column {column!r} contains {schema[column]}, not text; write it as text"
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
        raise InputRejected(f"{file}: row 1: contains NUL bytes; save it as CSV in UTF-8")
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
        said = ", ".join(column[:_LONGEST_SHOWN] for column in unknown[:_MOST_COLUMNS_SHOWN])
        more = f" and {len(unknown) - _MOST_COLUMNS_SHOWN} more" if len(unknown) > _MOST_COLUMNS_SHOWN else ""
        say(f"{file}: ignored columns {said}{more}")
    return [column for column in header if column in known]


def _without_nul(file: Path, table: pl.DataFrame, refusals: Refusals) -> pl.DataFrame:
    for column in table.columns[1:]:
        table = refusals.take_out(
            file,
            table,
            table[column].str.contains("\0", literal=True),
            column=column,
            reason=pl.lit("contains NUL bytes"),
            remedy="save the file again as CSV in UTF-8",
        )
    return table


def _first_not_utf8(file: Path) -> int:
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return 1


def _identifiers(file: Path, table: pl.DataFrame, say: Say) -> dict[str, pl.Series]:
    """Return the identifiers in their one form, and as written where they cannot be right."""
    found: dict[str, pl.Series] = {}
    faults: dict[str, dict[str, str]] = {}
    for column, kind in _IDENTIFIERS.items():
        if column not in table.columns:
            continue
        forms, faults[column] = {"": ""}, {}
        for text in table[column].unique().to_list():
            try:
                forms[text] = check_identifier(kind, text) if text else ""
            except ValueError as error:
                forms[text], faults[column][text] = text, str(error)
        read = table[column].replace_strict(forms, return_dtype=pl.String)
        # `tax_id` and `vat` are one kind: the column named like the kind wins where it says something.
        former = found.get(kind)
        found[kind] = (
            read
            if former is None
            else pl.select(pl.when(read == "").then(former).otherwise(read)).to_series()
        )
    _tell_of_faults(file, table, faults, "identifier", "counts only where another row has it too", say)
    return found


def _coordinates(file: Path, table: pl.DataFrame, say: Say) -> dict[str, pl.Series]:
    found: dict[str, pl.Series] = {}
    faults: dict[str, dict[str, str]] = {}
    for column, most in _MOST_DEGREES.items():
        if column not in table.columns:
            continue
        degrees = {text: _degrees(text, most) for text in table[column].unique().to_list()}
        faults[column] = {
            text: f"{_shown(text)} is no number from -{most:g} to {most:g}; write degrees with a decimal point"
            for text, number in degrees.items()
            if text and number is None
        }
        found[column] = table[column].replace_strict(degrees, return_dtype=pl.Float64)
    _tell_of_faults(file, table, faults, "coordinate", "is not used", say)
    return found


def _degrees(text: str, most: float) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if -most <= number <= most else None


def _tell_of_faults(
    file: Path, table: pl.DataFrame, faults: Mapping[str, Mapping[str, str]], what: str, but: str, say: Say
) -> None:
    """Say in one line how many values of these columns cannot be right, and of the first row's why."""
    bad = {column: table[column].is_in(list(texts)) for column, texts in faults.items() if texts}
    if not bad:
        return
    row, column = min((table["row"].filter(mask)[0], column) for column, mask in bad.items())
    text = table[column].filter(bad[column])[0]
    counts = ", ".join(f"{column} {mask.sum()}" for column, mask in bad.items())
    total = sum(int(mask.sum()) for mask in bad.values())
    many = (
        f"{total} {what}s ({counts}) cannot be right; each" if total > 1 else f"1 {what} cannot be right; it"
    )
    say(f"{file}: {many} {but}; row {row}: {column} {faults[column][text]}")


def _about(column: str, fault: str) -> pl.Expr:
    """Say what is wrong with the cell of a column, which is shown."""
    return pl.format("{} " + fault, _shown_cell(column))


def _shown_cell(column: str) -> pl.Expr:
    return pl.col(column).map_elements(_shown, return_dtype=pl.String)


def _shown(text: str) -> str:
    return repr(text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…")
