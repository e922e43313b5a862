"""`mrx match resolve` and `mrx match link`."""

import csv
from pathlib import Path

import pytest
from mrx_matching.cli import app
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
