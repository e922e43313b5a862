"""Lists as people keep them: read whole, or refused with the file, the row, the column and a remedy."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mrx_matching.lists import InputRejected, read_list, refuse_repeated, write_table
from mrx_matching.reading import SCHEMA

HEADER = "record_id,name,country\n"


def written(folder: Path, content: str | bytes, name: str = "list.csv") -> Path:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def quiet(_: str) -> None:
    return


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "row 1: is empty; the header needs record_id,name,country"),
        ("\n\n", "row 1: is empty"),
        ("record_id;name;country\n1;x;ID\n", "row 1: column 'record_id' is missing; cells are parted by ';'"),
        ("record_id\tname\tcountry\n", "cells are parted by '\\t': save it with commas"),
        (
            "record_id,name,country,name\n1,x,ID,y\n",
            "row 1: column 'name' occurs twice; rename or remove one",
        ),
        (HEADER + "1,x,ID\n2,y,ID,z\n", "row 3 has 4 cells under 3 headings; put values with commas"),
        (HEADER + "1,x,ID\n2,y\n", "row 3 has 2 cells under 3 headings"),
        (HEADER + '1,x,ID\n2,"y,ID\n3,z,ID\n', "row 3 is not CSV (unexpected end of data); close the quote"),
        (HEADER + '1,"x"y,ID\n', "row 2 is not CSV"),
        (HEADER + "1,x\0,ID\n", "row 2: name contains NUL bytes; save the file again"),
        ((HEADER + "1,x,ID\n").encode("utf-16"), "line 1 is not UTF-8; save it as CSV in UTF-8"),
        ((HEADER + "1,x,ID\n").encode("utf-16-le"), "row 1: contains NUL bytes; save it as CSV in UTF-8"),
        (HEADER.encode() + b"1,x,ID\n2,caf\xe9,ID\n", "line 3 is not UTF-8"),
        (HEADER + "1,x,ID\n,y,ID\n", "row 3: record_id is empty; fill it in"),
        (HEADER + "1,x,ID\n2,  ,ID\n", "row 3: name is empty; fill it in"),
        (
            HEADER + "1,x,ID\n2,y,n/a\n",
            "row 3: country 'n/a' is unknown; write its name or its ISO 3166 code",
        ),
        (HEADER + "1,x,\n", "row 2: country '' is unknown"),
        (
            HEADER + f"1,{'x' * 100_000},ID\n",
            "row 2: name has 100000 characters, at most 300 are taken; shorten it",
        ),
        (
            HEADER + "1,x,ID\n" + f'2,"{"y" * 200_000}",ID\n',
            "row 3 is not CSV (field larger than field limit",
        ),
    ],
)
def test_what_cannot_be_read_whole_is_refused(content: str | bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputRejected) as refused:
        read_list(written(tmp_path, content), say=quiet)
    assert said in str(refused.value)
    assert str(refused.value).startswith(str(tmp_path / "list.csv"))


def test_rows_are_counted_as_people_see_them_across_blank_and_broken_lines(tmp_path: Path) -> None:
    file = written(tmp_path, HEADER + '1,"x\ny",ID\n\n2,z,Atlantis\n')
    with pytest.raises(InputRejected, match="row 4: country 'Atlantis'"):
        read_list(file, say=quiet)


def test_a_long_field_a_byte_order_mark_and_spaces_are_read(tmp_path: Path) -> None:
    text = "\ufeffrecord_id, name ,country\n" + f"7,  {'x' * 300} , indonesia \n"
    rows = read_list(written(tmp_path, text), say=quiet)
    assert rows.select("source", "record_id", "country").row(0) == ("list", "7", "ID")
    assert rows["name"][0] == "x" * 300


def test_a_list_without_rows_is_a_list(tmp_path: Path) -> None:
    assert read_list(written(tmp_path, HEADER), say=quiet).height == 0


def test_columns_that_are_not_there_are_empty_and_tax_id_is_a_vat_number(tmp_path: Path) -> None:
    rows = read_list(written(tmp_path, "record_id,name,country,tax_id\n1,x,ID,01.234.567.8\n"), say=quiet)
    assert rows["vat"].to_list() == ["012345678"]
    assert rows.select(pl.exclude("row", "source", "record_id", "name", "country", "vat", "lat", "lng")).row(
        0
    ) == ("",) * (len(SCHEMA) - 3)
    assert rows.select("lat", "lng").row(0) == (None, None)


def test_coordinates_are_numbers_and_what_is_none_is_named(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        'record_id,name,country,lat,lng\n1,x,ID,-6.2,106.8\n2,x,ID,91,\n3,x,ID,"6,2",nan\n4,x,ID,,inf\n',
    )
    told: list[str] = []
    rows = read_list(file, say=told.append)
    assert rows["lat"].to_list() == [-6.2, None, None, None]
    assert rows["lng"].to_list() == [106.8, None, None, None]
    (line,) = told
    assert (
        "4 coordinates (lat 2, lng 2) cannot be right; each is not used; row 3: lat '91' is no number" in line
    )


def test_values_that_cannot_be_right_are_one_line_with_a_count_and_an_example(tmp_path: Path) -> None:
    lines = "".join(f"{row},x,ID,bad{row},{'123' if row else ''},999\n" for row in range(300))
    told: list[str] = []
    read_list(written(tmp_path, "record_id,name,country,lei,duns,lat\n" + lines), say=told.append)
    identifiers, coordinates = told
    assert "599 identifiers (duns 299, lei 300) cannot be right" in identifiers
    assert "row 2: lei" in identifiers
    assert "300 coordinates (lat 300) cannot be right" in coordinates


def test_with_names_only_nothing_else_is_read(tmp_path: Path) -> None:
    file = written(tmp_path, "record_id,name,country,city,lei,lat\n1,x,ID,Bekasi,bad,5\n")
    told: list[str] = []
    rows = read_list(file, names_only=True, say=told.append)
    assert (rows["city"][0], rows["lei"][0], rows["lat"][0], told) == ("", "", None, [])


def test_parquet_says_the_same_as_csv_whatever_its_types(tmp_path: Path) -> None:
    table = pl.DataFrame(
        {"record_id": [1, 2], "name": ["x", "y"], "country": ["ID", "MY"], "lat": [1.5, None]}
    )
    table.write_parquet(tmp_path / "list.parquet")
    table.write_csv(tmp_path / "list.csv")
    read = [read_list(tmp_path / f"list.{form}", say=quiet).drop("row") for form in ("parquet", "csv")]
    assert read[0].equals(read[1])


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (pl.DataFrame({"record_id": ["1", None], "name": "x", "country": "ID"}), "row 2: record_id is empty"),
        (
            pl.DataFrame({"record_id": ["1"], "name": [["x"]], "country": "ID"}),
            "column 'name' contains List(String)",
        ),
        (pl.DataFrame({"record_id": ["1"], "name": "x"}), "column 'country' is missing"),
    ],
)
def test_parquet_that_is_no_list_is_refused(table: pl.DataFrame, said: str, tmp_path: Path) -> None:
    table.write_parquet(tmp_path / "list.parquet")
    with pytest.raises(InputRejected) as refused:
        read_list(tmp_path / "list.parquet", say=quiet)
    assert said in str(refused.value)


def test_what_is_named_parquet_and_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRejected, match="is not Parquet"):
        read_list(written(tmp_path, HEADER, "list.parquet"), say=quiet)
    with pytest.raises(InputRejected, match="is a folder"):
        read_list(tmp_path, say=quiet)


def test_a_row_that_stands_in_two_lists_is_named_in_the_second(tmp_path: Path) -> None:
    lists = [
        (file, read_list(file, say=quiet))
        for name, text in (("a.csv", "1,s,x,ID\n"), ("b.csv", "2,s,x,ID\n1,s,y,ID\n"))
        for file in (written(tmp_path, "record_id,source,name,country\n" + text, name),)
    ]
    with pytest.raises(InputRejected, match=r"b\.csv: row 3: record_id '1' occurs twice in source 's';"):
        refuse_repeated(lists)


@given(
    st.lists(
        st.tuples(
            *[st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=20)] * 2
        ),
        max_size=5,
    )
)
@settings(deadline=None, max_examples=50)
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[str, str]]
) -> None:
    file = tmp_path_factory.mktemp("lists") / "list.csv"
    rows = [(f"r{number}", f"n{name}", city) for number, (name, city) in enumerate(cells)]
    table = pl.DataFrame(
        rows,
        schema=["record_id", "name", "city"],
        orient="row",
        schema_overrides={"record_id": pl.String, "name": pl.String, "city": pl.String},
    )
    write_table(file, table.with_columns(country=pl.lit("ID")))
    read = read_list(file, say=quiet)
    assert read["name"].to_list() == table["name"].str.strip_chars().to_list()
    assert read["city"].to_list() == table["city"].str.strip_chars().to_list()


def test_parquet_that_was_damaged_anywhere_is_read_or_refused(tmp_path: Path) -> None:
    table = pl.DataFrame({"record_id": ["1", "2"], "name": ["x", "y"], "country": ["ID", "MY"]})
    table.write_parquet(tmp_path / "whole.parquet")
    whole = (tmp_path / "whole.parquet").read_bytes()
    refused = 0
    for at in range(0, len(whole), 5):
        file = written(tmp_path, whole[:at] + bytes(5) + whole[at + 5 :], "list.parquet")
        try:
            read_list(file, say=quiet)
        except InputRejected:
            refused += 1
    assert refused > 20
