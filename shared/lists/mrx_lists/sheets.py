"""Files as cells: CSV in whatever encoding and delimiter, XLSX without evaluating anything."""

import codecs
import csv
import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from typing import Any
from zipfile import BadZipFile, ZipFile

from mrx_shared.refusals import Invalid

from mrx_lists.cells import HEADING_ROWS, MAX_ROWS, Cell, Formula, Sheet

Known = Callable[[Sequence[str]], int]
"""How many of some headings stand for a column: so a heading row, a sheet and a delimiter are found."""

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
_ZEROS = re.compile(r"0+")
_SAVE_AGAIN = "save it as CSV UTF-8 or as XLSX, or name its encoding to the command with --encoding"


def read_sheet(
    name: str, content: bytes, *, known: Known, encoding: str | None = None, max_unpacked: int | None = None
) -> Sheet:
    """The cells of a CSV or XLSX file, told apart by content. Raises `Invalid` for what it cannot read."""
    check_size(name, len(content))
    if not content.strip():
        raise Invalid(f"{name} is empty", remedy="export the list again")
    for start, what in _FOREIGN.items():
        if content.startswith(start):
            raise Invalid(f"{name} is {what}", remedy="save the list as XLSX or CSV without a password")
    if content.startswith(b"PK\x03\x04"):
        return _workbook(name, content, known, max_unpacked or MAX_UNPACKED)
    return _text(content, encoding, known)


def check_size(name: str, size: int) -> None:
    """Raise `Invalid` for a file that is too large to be a list."""
    if size > MAX_BYTES:
        raise Invalid(
            f"{name} has {size / 2**20:,.0f} MiB; a list may have at most {MAX_BYTES // 2**20}",
            remedy="send only the sites and their audits, without attachments, images or other sheets",
        )


def _text(content: bytes, encoding: str | None, known: Known) -> Sheet:
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
            remedy="look for an unclosed quotation mark",
        ) from None
    return Sheet(rows=rows, notes=(f"read as {encoding}, delimiter {_DELIMITER_NAMES[delimiter]}",))


def _records(text: str, delimiter: str) -> Iterator[Sequence[str]]:
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)


def _fit(text: str, delimiter: str, known: Known) -> tuple[int, int]:
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
            raise Invalid("contains a byte that is not UTF-8", row=row, remedy=_SAVE_AGAIN) from None
    try:
        text = content.decode("cp1252")
    except UnicodeDecodeError as error:
        row = content[: error.start].count(b"\n") + 1
        raise Invalid("the file is neither UTF-8 nor Windows-1252", row=row, remedy=_SAVE_AGAIN) from None
    # A cell that was spoilt before, UTF-8 read as Windows-1252, is no other encoding: its row is read as it stands.
    rest = _UTF8_LETTER.sub(lambda letter: b" " * len(letter[0]), content)
    if run := next((run for run in _FOREIGN_RUN.finditer(rest) if len(set(run[0])) > 1), None):
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


def _workbook(name: str, content: bytes, known: Known, max_unpacked: int) -> Sheet:
    from openpyxl import load_workbook  # noqa: PLC0415 - half a second that a CSV file need not pay

    try:
        with ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(part.file_size for part in archive.infolist())
        if unpacked > max_unpacked:
            raise Invalid(
                f"{name} unpacks to {unpacked / 2**20:,.0f} MiB; a list may have at most {max_unpacked // 2**20}",
                remedy="copy only the rows of the list into a new workbook",
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
        raise Invalid(f"{name} is not a readable workbook", remedy="save it as XLSX or CSV again") from error
    best = max(sheets, key=lambda title: _most_headings(sheets[title], known), default=None)
    if best is None:
        raise Invalid(f"{name} has no visible sheet", remedy="save the list in a visible sheet")
    notes = [f"read the sheet {best!r}"]
    if others := [title for title, rows in sheets.items() if title != best and rows]:
        notes.append(f"ignored other sheets: {', '.join(others)}")
    return Sheet(rows=sheets[best], notes=tuple(notes))


def _most_headings(rows: Sequence[Sequence[Cell]], known: Known) -> int:
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
