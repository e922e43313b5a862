"""A style changes how a list looks, never what can be read."""

import csv
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest
from mrx_matching.generator import (
    EXCEL_DATE,
    LIST_COLUMNS,
    STYLES,
    FileType,
    ListRow,
    Style,
    generate,
    suppliers,
    write_list,
    write_suppliers,
    write_truth,
)

WORLD = generate(4, members=2, rows_total=300, faults=0.1)
ROWS = WORLD.lists[0].rows
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
styles = pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)


def encoding_of(path: Path, style: Style) -> str:
    return "utf-8-sig" if path.read_bytes().startswith(b"\xef\xbb\xbf") else style.encoding


def read_back(path: Path, style: Style) -> list[dict[str, str]]:
    if style.file_type is FileType.XLSX:
        sheet = openpyxl.load_workbook(path)["List"]
        lines = [["" if cell is None else cell for cell in line] for line in sheet.values]
    else:
        text = path.read_bytes().decode(encoding_of(path, style)).splitlines()
        lines = [list(line) for line in csv.reader(text, delimiter=style.delimiter)]
    ours = {header: column for column, header in style.headers.items()}
    header, *rest = lines
    return [
        {
            ours[str(name)]: as_iso(cell, style) if ours[str(name)] == "audit_date" else str(cell)
            for name, cell in zip(header, line, strict=True)
            if str(name) in ours
        }
        for line in rest
    ]


def as_iso(cell: object, style: Style) -> str:
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    text = str(cell)
    try:
        if style.date_format == "%d %b %Y":
            day, month, year = text.split()
            return date(int(year), MONTHS.index(month) + 1, int(day)).isoformat()
        return datetime.strptime(text, style.date_format).date().isoformat()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        return text


def as_sent(rows: tuple[ListRow, ...]) -> list[dict[str, str]]:
    return [{column: value for column, value in row.values.items() if column in LIST_COLUMNS} for row in rows]


def only_list_columns(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{column: row[column] for column in LIST_COLUMNS} for row in rows]


def test_there_are_eight_styles_with_different_headers() -> None:
    assert len({style.name for style in STYLES}) == 8
    assert len({tuple(style.headers.values()) for style in STYLES}) == 8


def test_styles_differ_in_everything_that_a_style_may_change() -> None:
    assert {style.delimiter for style in STYLES} == {",", ";", "\t", "|"}
    assert {style.file_type for style in STYLES} == {FileType.CSV, FileType.XLSX}
    assert {style.encoding for style in STYLES} >= {"utf-8", "utf-8-sig", "utf-16", "cp1252"}
    assert EXCEL_DATE in {style.date_format for style in STYLES}
    assert len({style.date_format for style in STYLES}) >= 6
    assert any(style.contact for style in STYLES)
    assert any(style.harmless for style in STYLES)


@styles
def test_what_was_written_is_read_back(style: Style, tmp_path: Path) -> None:
    path = write_list(ROWS, tmp_path / "list", style)
    assert path.suffix == f".{style.file_type}"
    assert only_list_columns(read_back(path, style)) == as_sent(ROWS)


@styles
def test_identifiers_are_read_back_where_the_list_has_them(style: Style, tmp_path: Path) -> None:
    read = read_back(write_list(ROWS, tmp_path / "list", style), style)
    for row, again in zip(ROWS, read, strict=True):
        assert {kind: value for kind, value in row.values.items() if value} == {
            kind: value for kind, value in again.items() if value
        }


@styles
def test_the_same_rows_give_the_same_bytes(style: Style, tmp_path: Path) -> None:
    first = write_list(ROWS, tmp_path / "one", style)
    second = write_list(ROWS, tmp_path / "two", style)
    assert first.read_bytes() == second.read_bytes()


@styles
def test_days_that_decide_no_order_are_written_with_the_year_first(style: Style, tmp_path: Path) -> None:
    row = ListRow(site="s", values={**ROWS[0].values, "audit_date": "2025-03-04"})
    path = write_list([row], tmp_path / "list", style)
    if style.date_format in {"%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y"}:
        assert "2025-03-04" in path.read_bytes().decode(encoding_of(path, style))
    else:
        assert read_back(path, style)[0]["audit_date"] == "2025-03-04"


def test_what_windows_1252_cannot_hold_is_written_as_utf_8(tmp_path: Path) -> None:
    western = next(style for style in STYLES if style.encoding == "cp1252")
    fits = ListRow(site="s", values={**ROWS[0].values, "site_name": "Papéis São José"})
    misfits = ListRow(site="s", values={**ROWS[0].values, "site_name": "Łódź 工厂"})
    assert "Papéis".encode("cp1252") in write_list([fits], tmp_path / "a", western).read_bytes()
    path = write_list([misfits], tmp_path / "b", western)
    assert encoding_of(path, western) == "utf-8-sig"
    assert read_back(path, western)[0]["site_name"] == "Łódź 工厂"


def test_the_truth_says_which_row_is_which_site(tmp_path: Path) -> None:
    write_truth(WORLD, tmp_path / "truth.csv")
    with (tmp_path / "truth.csv").open(encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    assert len(read) == 300
    assert {row["site_id"] for row in read} == set(WORLD.sites)
    assert sum(bool(row["fault"]) for row in read) == sum(
        row.fault is not None for one in WORLD.lists for row in one.rows
    )


def test_a_supplier_base_has_no_audit_columns(tmp_path: Path) -> None:
    write_suppliers(suppliers(1, WORLD, "member-01", count=20), tmp_path / "base.csv")
    with (tmp_path / "base.csv").open(encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    assert len(read) == 20
    assert not {"audit_date", "protocol", "protocol_version", "audit_type", "notice"} & read[0].keys()
