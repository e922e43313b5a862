"""Lists as files, in the style of the member that sends them."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from zlib import crc32

from xlsxwriter import Workbook

from mrx_matching.generator.lists import ListRow, SupplierRow, World
from mrx_matching.generator.styles import (
    EXCEL_DATE,
    IDENTIFIER_COLUMNS,
    FileType,
    Style,
)

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LAST_MONTH = 12
_REMARKS = ("", "", "ok", "to be confirmed", "see file")
_PEOPLE = ("A. Example", "B. Sample", "C. Placeholder", "D. Nobody")
_SUPPLIER_COLUMNS = (
    "supplier_ref",
    "site_name",
    "address",
    "city",
    "region",
    "postcode",
    "country",
)


def write_list(rows: Sequence[ListRow], path: Path, style: Style) -> Path:
    """Write a list in a style and return where: the path with the ending of the style's file type.

    What an encoding cannot hold is written as UTF-8 with a mark, and dates of which no row decides the order
    of day and month are written as year-month-day: a style never changes what can be read.
    """
    path = path.with_suffix(f".{style.file_type}")
    present = {kind for row in rows for kind in IDENTIFIER_COLUMNS if row.values.get(kind)}
    columns = [column for column in style.headers if column not in IDENTIFIER_COLUMNS or column in present]
    headers = [style.headers[column] for column in columns]
    headers += [*style.harmless, *style.contact]
    date_format = style.date_format if _order_is_decidable(rows, style) else "%Y-%m-%d"
    lines = [
        [
            *(_cell(row.values, column, date_format) for column in columns),
            *(_harmless(row) for _ in style.harmless),
            *(_contact(row, header) for header in style.contact),
        ]
        for row in rows
    ]
    if style.file_type is FileType.XLSX:
        _write_workbook(path, headers, lines)
    else:
        _write_text(path, headers, lines, style)
    return path


def write_truth(world: World, path: Path) -> None:
    """Write which row is which site, and why a planted row must be refused."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("member", "row_ref", "site_id", "fault"))
        for member_list in world.lists:
            for row in member_list.rows:
                writer.writerow((member_list.member, row.values["row_ref"], row.site, row.fault or ""))


def write_suppliers(rows: Sequence[SupplierRow], path: Path) -> None:
    """Write a supplier base as UTF-8 CSV: `supplier_ref` and the columns of a site."""
    present = [kind for kind in IDENTIFIER_COLUMNS if any(row.values.get(kind) for row in rows)]
    columns = (*_SUPPLIER_COLUMNS, *present)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([row.values.get(column, "") for column in columns] for row in rows)


def _cell(values: Mapping[str, str], column: str, date_format: str) -> str | date:
    text = values.get(column, "")
    if column != "audit_date":
        return text
    with suppress(ValueError):
        day = date.fromisoformat(text)
        if date_format == EXCEL_DATE:
            return day
        return day.strftime(date_format.replace("%b", _MONTHS[day.month - 1]))
    return text


def _order_is_decidable(rows: Iterable[ListRow], style: Style) -> bool:
    if style.date_format not in {"%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y"}:
        return True
    return any(day.day > _LAST_MONTH for day in _days(rows))


def _days(rows: Iterable[ListRow]) -> Iterator[date]:
    for row in rows:
        with suppress(ValueError):
            yield date.fromisoformat(row.values.get("audit_date", ""))


def _harmless(row: ListRow) -> str:
    return _REMARKS[_mark(row) % len(_REMARKS)]


def _contact(row: ListRow, header: str) -> str:
    if "mail" in header.lower():
        return f"contact{_mark(row) % 1000}@site.example"
    return _PEOPLE[_mark(row) % len(_PEOPLE)]


def _mark(row: ListRow) -> int:
    return crc32(row.values["row_ref"].encode())


def _write_text(
    path: Path, headers: Sequence[str], lines: Iterable[Sequence[str | date]], style: Style
) -> None:
    lines = list(lines)
    encoding = style.encoding
    try:
        "".join(map(str, [*headers, *(cell for line in lines for cell in line)])).encode(encoding)
    except UnicodeEncodeError:
        encoding = "utf-8-sig"
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, delimiter=style.delimiter, lineterminator="\r\n")
        writer.writerow(headers)
        writer.writerows(lines)


def _write_workbook(path: Path, headers: Sequence[str], lines: Iterable[Sequence[str | date]]) -> None:
    with Workbook(path, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        book.set_properties({"created": datetime(2026, 1, 1, tzinfo=UTC)})
        sheet = book.add_worksheet("List")
        days = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_row(0, 0, headers)
        for number, line in enumerate(lines, start=1):
            for column, cell in enumerate(line):
                if isinstance(cell, date):
                    sheet.write_datetime(number, column, cell, days)
                elif cell:
                    sheet.write_string(number, column, cell)
