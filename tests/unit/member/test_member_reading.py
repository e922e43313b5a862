"""Files as they come: encodings, delimiters, workbooks, damage."""

import csv
import re
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mrx_lists import sheets
from mrx_lists.cells import Sheet
from mrx_lists.columns import Use
from mrx_lists.sheets import DELIMITERS
from mrx_matching.generator.lists import World, generate
from mrx_matching.generator.styles import STYLES, Style
from mrx_matching.generator.writing import write_list
from mrx_member.adapters.sheets import Sheets
from mrx_member.domain.paging import pages
from mrx_member.domain.reading import Entry, Reading, read
from mrx_shared.kit.command import told
from mrx_shared.refusals import Invalid
from xlsxwriter import Workbook

REAL = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "member_lists"
HEADINGS = "site_name,country,audit_date,protocol,protocol_version"
ROW = "Żółta Fabryka,Polska,2025-03-04,SMETA,6.1"


def read_file(path: Path, *, use: Use = Use.PUBLISH, encoding: str | None = None) -> Reading:
    return read(Sheets().sheet(path, encoding=encoding), use=use)


def write(path: Path, content: str | bytes, encoding: str = "utf-8") -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def workbook(path: Path, *rows: list[Any]) -> Path:
    with Workbook(path, {"default_date_format": "dd/mm/yyyy"}) as book:
        sheet = book.add_worksheet("List")
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return path


@pytest.fixture(scope="module")
def world() -> World:
    return generate(3, members=3, rows_total=300, faults=0.2)


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_every_style_reads_back_to_what_was_written(world: World, style: Style, tmp_path: Path) -> None:
    for member_list in world.lists:
        reading = read_file(write_list(member_list.rows, tmp_path / "list", style))
        assert [entry.values for entry in reading.entries] == [
            {column: text.strip() for column, text in row.values.items() if text.strip()}
            for row in member_list.rows
        ]


@pytest.mark.skipif(not REAL.is_dir(), reason="no real member lists beside the repository")
def test_real_lists_are_read_whole() -> None:
    for path in sorted(REAL.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            expected = list(csv.DictReader(file))
        reading = read_file(path, use=Use.SITES)
        assert [entry.values["site_name"] for entry in reading.entries] == [
            re.sub(r"[\r\n\t]+", " ", row["site_name"]).strip() for row in expected
        ]
        assert "parent_group" in reading.notes[-1]


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"],
)
def test_unicode_is_told_by_itself(encoding: str, tmp_path: Path) -> None:
    path = write(tmp_path / "list.csv", f"{HEADINGS}\n{ROW}\n", encoding)
    assert read_file(path).entries[0].values["site_name"] == "Żółta Fabryka"


def test_western_european_is_told_and_said(tmp_path: Path) -> None:
    path = write(tmp_path / "list.csv", f"{HEADINGS}\nCafé “Ñandú”,España,2025-03-04,SMETA,6.1\n", "cp1252")
    reading = read_file(path)
    assert reading.entries[0].values["site_name"] == "Café “Ñandú”"
    assert "windows-1252" in reading.notes[0]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("深圳市电子厂", "gbk"), ("Завод", "cp1251"), ("東京工場", "shift-jis"), ("서울공장", "euc-kr")],
)
def test_another_encoding_is_refused_with_its_row_and_can_be_named(
    text: str, encoding: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "list.csv", f"{HEADINGS}\n{text},China,2025-03-04,SMETA,6.1\n", encoding)
    with pytest.raises(Invalid) as refused:
        read_file(path)
    assert refused.value.row == 2
    assert "--encoding" in str(refused.value.remedy)
    assert read_file(path, encoding=encoding).entries[0].values["site_name"] == text


def test_another_encoding_shows_by_one_row_although_the_others_could_be_western(tmp_path: Path) -> None:
    rows = "".join(f"{name},China,2025-03-04,SMETA,6.1\n" for name in [*["台北市"] * 20, "高雄市"])
    with pytest.raises(Invalid, match="Western European") as refused:
        read_file(write(tmp_path / "list.csv", f"{HEADINGS}\n{rows}", "big5"))
    assert refused.value.row == 22


def test_a_spoilt_cell_in_a_western_list_is_one_row_and_not_another_encoding(tmp_path: Path) -> None:
    spoilt = "çõ".encode().decode("cp1252")
    rows = "".join(
        f"{name},Brasil,2025-03-04,SMETA,6.1\n" for name in ("Confecções São João", f"Confec{spoilt}es")
    )
    reading = read_file(write(tmp_path / "list.csv", f"{HEADINGS}\n{rows}", "cp1252"))
    assert [one.values["site_name"] for one in reading.entries] == [
        "Confecções São João",
        f"Confec{spoilt}es",
    ]


def test_a_damaged_byte_in_utf8_is_not_read_as_something_else(tmp_path: Path) -> None:
    good = f"{HEADINGS}\n{ROW}\n{ROW}\n".encode()
    with pytest.raises(Invalid, match="not UTF-8") as refused:
        read_file(write(tmp_path / "list.csv", good + b"Caf\xe9,PL,2025-03-04,SMETA,6.1\n"))
    assert refused.value.row == 4


@pytest.mark.parametrize("encoding", ["utf-8", "no-such-encoding"])
def test_a_wrong_named_encoding_is_refused(encoding: str, tmp_path: Path) -> None:
    path = write(tmp_path / "list.csv", f"{HEADINGS}\nCafé,FR,2025-03-04,SMETA,6.1\n", "cp1252")
    with pytest.raises(Invalid, match=f"cannot be read as {encoding}"):
        read_file(path, encoding=encoding)


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_delimiters_are_told_by_the_headings(delimiter: str, tmp_path: Path) -> None:
    lines = f"{HEADINGS}\n{ROW}\n".replace(",", delimiter)
    assert len(read_file(write(tmp_path / "list.csv", lines)).entries[0].values) == 5


def test_rows_are_numbered_as_a_spreadsheet_shows_them(tmp_path: Path) -> None:
    path = write(tmp_path / "list.csv", f"Audits of 2025,,,,\n\n{HEADINGS}\n{ROW}\n,,,,\n{ROW}\n")
    assert [entry.row for entry in read_file(path).entries] == [4, 6]


def test_line_breaks_in_a_cell_become_spaces(tmp_path: Path) -> None:
    path = write(tmp_path / "list.csv", f'{HEADINGS}\n"Two\r\n lines",PL,2025-03-04,SMETA,6.1\n')
    assert read_file(path).entries[0].values["site_name"] == "Two lines"


def test_blanks_inside_a_cell_stay_as_they_are(tmp_path: Path) -> None:
    path = write(tmp_path / "list.csv", f"{HEADINGS}\n S P A C E D   M I L L ,PL,2025-03-04,SMETA,6.1\n")
    assert read_file(path).entries[0].values["site_name"] == "S P A C E D   M I L L"


def test_what_makes_one_row_bad_goes_out_for_the_service_to_refuse(tmp_path: Path) -> None:
    path = write(tmp_path / "list.csv", f"{HEADINGS}\n=1+1,Atlantis,soon,SMETA,6.1\nA\x7fB,PL,,,\n")
    assert [dict(entry.values) for entry in read_file(path).entries] == [
        {
            "site_name": "=1+1",
            "country": "Atlantis",
            "audit_date": "soon",
            "protocol": "SMETA",
            "protocol_version": "6.1",
        },
        {"site_name": "A\x7fB", "country": "PL"},
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        (" \n\n", "is empty"),
        (f"{HEADINGS}\n", "no rows"),
        ("one,two\n1,2\n", "no headings"),
        (f"{HEADINGS}\nA\0B,PL,2025-03-04,SMETA,6.1\n", "zero byte"),
        (
            f"{HEADINGS}\nA\N{REPLACEMENT CHARACTER}B,PL,2025-03-04,SMETA,6.1\n",
            "row 2, field site_name: holds a letter",
        ),
        (f"{HEADINGS}\n#REF!,PL,2025-03-04,SMETA,6.1\n", "#REF!"),
        (f"{HEADINGS}\nA,PL,2025-03-04,SMETA,6.1,more\n", "row 2: has 6 cells under 5 headings"),
        (f'{HEADINGS}\n{ROW}\n"open,PL,2025-03-04,SMETA,6.1\n', "row 3: cannot be read as CSV"),
        (f"{HEADINGS}\n{'x' * 5000},PL,2025-03-04,SMETA,6.1\n", "5,000 characters"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 100, "password"),
        (b"PK\x03\x04" + b"\0" * 100, "not a readable workbook"),
        (b"%PDF-1.7", "PDF"),
    ],
)
def test_a_damaged_file_is_refused_with_a_remedy(content: str | bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(Invalid) as refused:
        read_file(write(tmp_path / "list.csv", content))
    assert said in told(refused.value)
    assert refused.value.remedy


def test_a_huge_file_is_refused_without_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    with path.open("wb") as file:
        file.truncate(200 * 2**20)
    with pytest.raises(Invalid, match="200 MiB; a list may have at most 32"):
        read_file(path)


def test_a_workbook_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheets, "MAX_UNPACKED", 1_000)
    with pytest.raises(Invalid, match="unpacks"):
        read_file(workbook(tmp_path / "list.xlsx", HEADINGS.split(","), ROW.split(",")))


def test_too_many_rows_are_refused() -> None:
    rows = [HEADINGS.split(","), *([ROW.split(",")] * 50_001)]
    with pytest.raises(Invalid, match="50,001 rows, a list may have 50,000"):
        read(Sheet(rows=rows), use=Use.PUBLISH)


def test_cells_of_a_workbook_become_text(tmp_path: Path) -> None:
    headings = [*HEADINGS.split(","), "duns", "gln"]
    path = workbook(
        tmp_path / "list.xlsx", headings, ["A", "PL", date(2025, 3, 4), "SMETA", 6.1, 12345678, 4e12]
    )
    assert dict(read_file(path).entries[0].values) == {
        "site_name": "A",
        "country": "PL",
        "audit_date": "2025-03-04",
        "protocol": "SMETA",
        "protocol_version": "6.1",
        "duns": "12345678",
        "gln": "4000000000000",
    }


def test_leading_zeros_that_a_workbook_shows_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "list.xlsx"
    with Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, [*HEADINGS.split(","), "duns"])
        sheet.write_row(1, 0, ROW.split(","))
        sheet.write_number(1, 5, 1234567, book.add_format({"num_format": "000000000"}))
    assert read_file(path).entries[0].values["duns"] == "001234567"


def test_a_formula_cell_is_refused_not_evaluated(tmp_path: Path) -> None:
    path = tmp_path / "list.xlsx"
    with Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, [*HEADINGS.split(","), "Remarks"])
        sheet.write_row(1, 0, ROW.split(","))
        sheet.write_formula(1, 5, "=1+1")
        sheet.write_row(2, 0, ROW.split(","))
        sheet.write_formula(2, 1, '=VLOOKUP("x",A1:B2,2)', value="Poland")
    with pytest.raises(Invalid, match="is a formula") as refused:
        read_file(path)
    assert (refused.value.field, refused.value.row) == ("country", 3)


def test_the_sheet_with_the_list_is_found_and_the_others_are_named(tmp_path: Path) -> None:
    path = tmp_path / "list.xlsx"
    with Workbook(path) as book:
        book.add_worksheet("Cover").write(0, 0, "Audits")
        sheet = book.add_worksheet("Data")
        sheet.write_row(0, 0, HEADINGS.split(","))
        sheet.write_row(1, 0, ROW.split(","))
        sheet.write_datetime(1, 2, datetime(2025, 3, 4, 13), book.add_format({"num_format": "d/m/yy h:mm"}))  # noqa: DTZ001
    reading = read_file(path)
    assert reading.entries[0].values["audit_date"] == "2025-03-04"
    assert reading.notes[:2] == ("read the sheet 'Data'", "ignored other sheets: Cover")


_VALUES = st.dictionaries(st.sampled_from(HEADINGS.split(",")), st.text(max_size=300), min_size=1)


@given(
    values=st.lists(_VALUES, min_size=1, max_size=60),
    rows=st.integers(1, 20),
    size=st.integers(20_000, 60_000),
)
def test_pages_hold_every_row_once_in_order_and_within_bounds(
    values: list[dict[str, str]], rows: int, size: int
) -> None:
    entries = [Entry(row=number, values=one) for number, one in enumerate(values, 2)]
    cut = list(pages(entries, rows=rows, size=size))
    assert [entry for page in cut for entry in page] == entries
    assert all(1 <= len(page) <= rows for page in cut)


def test_a_row_that_fits_no_page_is_named() -> None:
    with pytest.raises(Invalid, match="row 9"):
        list(pages([Entry(row=9, values={"address": "x" * 600_000})], rows=500, size=512 * 1024))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_released_list_is_read_with_a_mark_or_without(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("entry_id,site_name,country\ne1,A,CN\n", encoding=encoding)
    assert [one.values["entry_id"] for one in Sheets().released(tmp_path)] == ["e1"]


def test_a_table_begins_with_its_first_heading(tmp_path: Path) -> None:
    Sheets().write(tmp_path / "check.csv", ["supplier_ref", "entry_id"], [["s1", "é"]])
    assert (tmp_path / "check.csv").read_bytes() == "supplier_ref,entry_id\ns1,é\n".encode()


def test_a_released_row_without_a_name_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(
        "entry_id,site_name,country\ne1,A,CN\ne2,,CN\ne3,B,CN\n", encoding="utf-8"
    )
    (tmp_path / "list.json").write_text(
        '[{"entry_id": "e1", "site_name": "A", "country": "CN"},'
        ' {"entry_id": "e2", "site_name": "", "country": "CN"}]',
        encoding="utf-8",
    )
    assert [(one.row, one.values["entry_id"]) for one in Sheets().released(tmp_path)] == [
        (2, "e1"),
        (4, "e3"),
    ]
    assert [one.values["entry_id"] for one in Sheets().released(tmp_path / "list.json")] == ["e1"]


def test_a_released_list_has_a_column_for_names(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("entry_id,country\ne1,CN\n", encoding="utf-8")
    with pytest.raises(Invalid, match="lacks one of"):
        Sheets().released(tmp_path)
