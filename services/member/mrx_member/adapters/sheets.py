"""Files as cells: CSV in whatever encoding and delimiter, XLSX without evaluating anything; tables written."""

import codecs
import csv
import io
import json
import re
import shutil
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from hashlib import file_digest
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from mrx_shared.refusals import Invalid

from mrx_member.domain.columns import recognised
from mrx_member.domain.reading import HEADING_ROWS, MAX_ROWS, Cell, Entry, Formula, Sheet

_Known = Callable[[Sequence[str]], int]

MAX_BYTES = 32 * 1024 * 1024
MAX_UNPACKED = 8 * MAX_BYTES
DELIMITERS = (",", ";", "\t", "|")

_DELIMITER_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FOREIGN = {
    b"\xd0\xcf\x11\xe0": "an old or password-protected workbook",
    b"%PDF": "a PDF document",
    b"\x1f\x8b": "a gzip archive",
}
_UTF8_LETTER = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_FOREIGN_RUN = re.compile(rb"[\xa1-\xfe]{4,}")
_RELEASED = {"entry_id", "site_name", "country"}
_NAMELESS = ("site_name", "")
_ZEROS = re.compile(r"0+")
_SAVE_AGAIN = "save it as CSV UTF-8 or as XLSX, or name its encoding with --encoding"


class Sheets:
    """The port `Files` on the file system."""

    def sheet(self, path: Path, *, encoding: str | None = None, known: _Known = recognised) -> Sheet:
        """The cells of a CSV or XLSX file, told apart by content. Raises `Invalid` for what it cannot read."""
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise Invalid(
                f"{path.name} has {size / 2**20:,.0f} MiB, a list may have {MAX_BYTES // 2**20}",
                remedy="send the sites and their audits only, without attachments, pictures or other sheets",
            )
        content = path.read_bytes()
        if not content.strip():
            raise Invalid(f"{path.name} is empty", remedy="export the list again")
        for start, what in _FOREIGN.items():
            if content.startswith(start):
                raise Invalid(
                    f"{path.name} is {what}", remedy="save the list as XLSX or CSV without a password"
                )
        if content.startswith(b"PK\x03\x04"):
            return _workbook(path.name, content, known)
        return _text(content, encoding, known)

    def released(self, path: Path) -> Sequence[Entry]:
        """The rows of a released list, from its folder, `list.csv` or `list.json`; none without a name."""
        if path.is_dir():
            path /= "list.csv"
        text = path.read_text(encoding="utf-8-sig")
        try:
            table = (
                json.loads(text)
                if path.suffix == ".json"
                else list(csv.DictReader(io.StringIO(text, newline="")))
            )
            found = [
                {column: str(value) for column, value in row.items() if value or (column, value) == _NAMELESS}
                for row in table
            ]
        except (ValueError, AttributeError) as error:
            raise Invalid(
                f"{path} is not a released list", remedy="fetch it again with `mrx member fetch`"
            ) from error
        if bad := next((number for number, row in enumerate(found, 2) if not row.keys() >= _RELEASED), None):
            raise Invalid(
                f"{path} is not a released list: it lacks one of {', '.join(sorted(_RELEASED))}",
                row=bad,
                remedy="name the folder or the file of a released list",
            )
        return [Entry(row=number, values=row) for number, row in enumerate(found, 2) if row["site_name"]]

    def copy(self, folder: Path, out: Path) -> None:
        """Copy the files of a folder into another."""
        out.mkdir(parents=True, exist_ok=True)
        for file in folder.iterdir():
            partial = out / f"{file.name}.partial"
            shutil.copyfile(file, partial)
            partial.replace(out / file.name)

    def sha256(self, path: Path) -> str | None:
        """The SHA-256 of a file, None where there is none."""
        if not path.is_file():
            return None
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()

    def write(self, path: Path, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Write a CSV table (UTF-8, without a mark: it would become part of the first name), whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.partial")
        with partial.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(headings)
            table.writerows(rows)
        partial.replace(path)


def _text(content: bytes, encoding: str | None, known: _Known) -> Sheet:
    text, encoding = _decoded(content, encoding)
    skipped = 0
    if text[:4].lower() == "sep=":  # a hint of Excel to itself
        text, skipped = text.partition("\n")[2], 1
    delimiter = max(DELIMITERS, key=lambda candidate: _fit(text, candidate, known))
    rows: list[Sequence[Cell]] = [()] * skipped
    try:
        rows.extend(_records(text, delimiter))
    except csv.Error as error:
        raise Invalid(
            f"cannot be read as CSV: {error}",
            row=len(rows) + 1,
            remedy="look for a quotation mark that is opened and never closed",
        ) from None
    return Sheet(rows=rows, notes=(f"read as {encoding}, delimiter {_DELIMITER_NAMES[delimiter]}",))


def _records(text: str, delimiter: str) -> Iterator[Sequence[str]]:
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)


def _fit(text: str, delimiter: str, known: _Known) -> tuple[int, int]:
    """Tell how well a delimiter explains the first rows: recognised headings, then cells."""
    found, cells = 0, 0
    try:
        for _, record in zip(range(HEADING_ROWS), _records(text, delimiter), strict=False):
            found, cells = max(found, known(record)), max(cells, len(record))
    except csv.Error:
        pass  # what was read up to the fault counts; the fault is reported when the file is read
    return found, cells


def _decoded(content: bytes, encoding: str | None) -> tuple[str, str]:
    encoding = encoding or next((name for mark, name in _MARKS if content.startswith(mark)), None)
    encoding = encoding or _utf16_without_mark(content)
    try:
        if encoding:
            return content.decode(encoding), encoding
    except (UnicodeError, LookupError) as error:
        row = content[: error.start].count(b"\n") + 1 if isinstance(error, UnicodeDecodeError) else None
        raise Invalid(f"the file cannot be read as {encoding}", row=row, remedy=_SAVE_AGAIN) from None
    try:
        return content.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        row = content[: error.start].count(b"\n") + 1
        foreign = sum(map(len, _UTF8_LETTER.findall(content))) * 2 > len(_NOT_ASCII.findall(content))
        if foreign:
            raise Invalid("holds a byte that is not UTF-8", row=row, remedy=_SAVE_AGAIN) from None
    try:
        text = content.decode("cp1252")
    except UnicodeDecodeError as error:
        row = content[: error.start].count(b"\n") + 1
        raise Invalid("the file is neither UTF-8 nor Windows-1252", row=row, remedy=_SAVE_AGAIN) from None
    if run := next((run for run in _FOREIGN_RUN.finditer(content) if len(set(run[0])) > 1), None):
        raise Invalid(
            "the file is neither UTF-8 nor in a Western European encoding",
            row=content[: run.start()].count(b"\n") + 1,
            remedy=_SAVE_AGAIN,
        )
    return text, "windows-1252 (Western European)"


def _utf16_without_mark(content: bytes) -> str | None:
    start = content[:2048]
    if len(start) % 2 or b"\0" not in start:
        return None
    even, odd = start[::2].count(0), start[1::2].count(0)
    if max(even, odd) * 5 < len(start):
        return None
    return "utf-16-be" if even > odd else "utf-16-le"


def _workbook(name: str, content: bytes, known: _Known) -> Sheet:
    from openpyxl import load_workbook  # noqa: PLC0415 - half a second that a CSV file need not pay

    try:
        with ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(part.file_size for part in archive.infolist())
        if unpacked > MAX_UNPACKED:
            raise Invalid(
                f"{name} unpacks to {unpacked / 2**20:,.0f} MiB, a list may have {MAX_UNPACKED // 2**20}",
                remedy="copy the rows of the list alone into a new workbook",
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and extensions, which are not read
            book = load_workbook(io.BytesIO(content), read_only=True, data_only=False, keep_links=False)
            try:
                sheets = {
                    sheet.title: _cells(sheet) for sheet in book.worksheets if sheet.sheet_state == "visible"
                }
            finally:
                book.close()
    except (BadZipFile, KeyError, ValueError, SyntaxError, EOFError) as error:
        raise Invalid(
            f"{name} is not a workbook that can be read", remedy="save it as XLSX or CSV again"
        ) from error
    best = max(sheets, key=lambda title: _most_headings(sheets[title], known), default=None)
    if best is None:
        raise Invalid(f"{name} has no visible sheet", remedy="save the list in a visible sheet")
    notes = [f"read the sheet {best!r}"]
    if others := [title for title, rows in sheets.items() if title != best and rows]:
        notes.append(f"ignored other sheets: {', '.join(others)}")
    return Sheet(rows=sheets[best], notes=tuple(notes))


def _most_headings(rows: Sequence[Sequence[Cell]], known: _Known) -> int:
    return max((known([str(cell or "") for cell in cells]) for cells in rows[:HEADING_ROWS]), default=0)


def _cells(sheet: Any) -> list[Sequence[Cell]]:  # noqa: ANN401 - openpyxl's read-only sheet has no type
    if not hasattr(sheet, "reset_dimensions"):
        return []
    sheet.reset_dimensions()
    rows: list[Sequence[Cell]] = []
    last = filled = 0
    for cells in sheet.iter_rows():
        row = [_value(cell) for cell in cells]
        rows.append(row)
        if any(row):
            last, filled = len(rows), filled + 1
            if filled > MAX_ROWS + HEADING_ROWS:
                break
    return rows[:last]


def _value(cell: Any) -> Cell:  # noqa: ANN401 - see above
    value = cell.value
    if value is None or isinstance(value, date | datetime):
        return value
    if cell.data_type == "f":
        return Formula.CELL
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and _ZEROS.fullmatch(cell.number_format or ""):
        return str(value).zfill(len(cell.number_format))
    return str(value)
