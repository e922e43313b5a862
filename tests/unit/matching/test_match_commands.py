"""`mrx match resolve` and `mrx match link`."""

import csv
from pathlib import Path

import polars as pl
import pytest
from mrx_matching.cli import app
from mrx_matching.lists import read_list
from typer.testing import CliRunner

HEADER = "record_id,name,address,city,region,postcode,country,lei\n"


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.output


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def lists(tmp_path: Path) -> tuple[Path, Path]:
    a, b = tmp_path / "a.csv", tmp_path / "b.csv"
    a.write_text(HEADER + "1,PT Karya Sentosa,,Bekasi,,,ID,\n2,Bumi Lestari,,,,,ID,\n", encoding="utf-8")
    b.write_text(HEADER + "1,KARYA SENTOSA,,Bekasi,,,Indonesia,\n", encoding="utf-8-sig")
    return a, b


def test_resolve_writes_a_site_for_every_row(lists: tuple[Path, Path], tmp_path: Path) -> None:
    code, output = run("resolve", *lists, "--out", tmp_path / "out.csv")
    assert code == 0
    assert "3 rows are 2 sites" in output
    found = {(row["source"], row["record_id"]): row for row in read(tmp_path / "out.csv")}
    assert found["a", "1"]["site_id"] == found["b", "1"]["site_id"] != found["a", "2"]["site_id"]
    assert 0.5 <= float(found["a", "1"]["confidence"]) <= 1


def test_names_only_looks_at_nothing_else(tmp_path: Path) -> None:
    rows = "1,Karya Sentosa,,Bekasi,Jawa Barat,,ID,\n2,Karya Sentosa,,Medan,Sumatera Utara,,ID,\n"
    (tmp_path / "a.csv").write_text(HEADER + rows, encoding="utf-8")
    for option, sites in (((), 2), (("--names-only",), 1)):
        run("resolve", tmp_path / "a.csv", "--out", tmp_path / "out.csv", *option)
        assert len({row["site_id"] for row in read(tmp_path / "out.csv")}) == sites


def test_link_writes_matches_and_reviews_alone(lists: tuple[Path, Path], tmp_path: Path) -> None:
    code, output = run("link", *lists, "--out", tmp_path / "pairs.csv")
    assert code == 0
    assert "1 match, 0 to review, 1 none" in output
    (pair,) = read(tmp_path / "pairs.csv")
    assert (pair["a_id"], pair["b_id"], pair["decision"]) == ("1", "1", "match")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"record_id,name\n1,x\n", "row 1: column 'country' is missing"),
        (b"record_id,name,country\n1,x,Atlantis\n", "row 2: country 'Atlantis' is unknown"),
        (b"record_id,name,country\n1,,ID\n", "row 2: name is empty"),
        (b"record_id,name,country\n1,x,ID\n1,y,ID\n", "record_id '1' occurs twice"),
        (b"record_id,name,country\n1,\xff\xfe,ID\n", "is not UTF-8"),
    ],
)
def test_bad_input_names_file_row_field_and_remedy(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_bytes(content)
    code, output = run("resolve", tmp_path / "bad.csv", "--out", tmp_path / "out.csv")
    assert code == 2
    assert said in output
    assert "bad" in output
    assert ";" in output


def test_a_missing_file_is_bad_input(tmp_path: Path) -> None:
    assert run("resolve", tmp_path / "none.csv", "--out", tmp_path / "out.csv")[0] == 2


def test_an_output_that_cannot_be_written_is_no_fault_of_the_input(
    lists: tuple[Path, Path], tmp_path: Path
) -> None:
    assert run("resolve", *lists, "--out", tmp_path / "no" / "folder.csv")[0] == 3


def test_ignored_columns_and_bad_identifiers_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("record_id,name,country,lei,colour\n1,x,ID,bad,red\n", encoding="utf-8")
    code, output = run("resolve", tmp_path / "a.csv", "--out", tmp_path / "out.csv")
    assert code == 0
    assert "ignored columns colour" in output
    assert "row 2: lei counts only where another row has it too" in output


def test_numbers_in_parquet_are_read_as_they_would_be_written(tmp_path: Path) -> None:
    table = {
        "record_id": [1.0, 2.0],
        "name": ["x", "y"],
        "country": ["ID", "ID"],
        "duns": [804735132.0, None],
    }
    pl.DataFrame(table).write_parquet(tmp_path / "a.parquet")
    rows = read_list(tmp_path / "a.parquet")
    assert rows["record_id"].to_list() == ["1", "2"]
    assert rows["duns"].to_list() == ["804735132", ""]


def test_a_record_id_that_names_two_rows_is_refused_where_it_names_a_pair(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("record_id,source,name,country\n1,u,x,ID\n1,v,y,ID\n", encoding="utf-8")
    other = tmp_path / "b.csv"
    other.write_text("record_id,name,country\n1,x,ID\n", encoding="utf-8")
    for arguments in (
        ("link", file, other, "--out", tmp_path / "o.csv"),
        ("link", other, file, "--out", tmp_path / "o.csv"),
        ("index", file, "--out", tmp_path / "i"),
        ("explain", f"{file}:1", f"{other}:1"),
    ):
        code, output = run(*arguments)
        assert (code, "record_id '1' stands in several sources" in output) == (2, True)


def test_an_explanation_names_the_rule(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(
        "record_id,name,address,city,country\n"
        "1,Acme Mill Unit 1,1 High St,Leeds,GB\n2,Acme Mill Unit 2,1 High St,Leeds,GB\n",
        encoding="utf-8",
    )
    assert "units differ -30" in run("explain", f"{file}:1", f"{file}:2")[1]
    assert "units differ -30" in run("explain", f"{file}:1", f"{file}:2", "--names-only")[1]
