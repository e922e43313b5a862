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
        (b"record_id,name,country\n1,x,ID\n1,y,ID\n", "row 3: record_id '1' occurs twice in source 'bad'"),
        (b"record_id,name,country\n1,\xff\xfe,ID\n", "is not UTF-8"),
    ],
)
def test_with_strict_bad_input_names_file_row_field_and_remedy_and_nothing_is_written(
    content: bytes, said: str, tmp_path: Path
) -> None:
    (tmp_path / "bad.csv").write_bytes(content)
    code, output = run("resolve", tmp_path / "bad.csv", "--out", tmp_path / "out.csv", "--strict")
    assert code == 2
    assert said in output
    assert "bad" in output
    assert ";" in output
    assert [file.name for file in tmp_path.iterdir()] == ["bad.csv"]


BAD = (
    "record_id,name,city,country,note\n"
    "1,Karya Sentosa,Bekasi,ID,\n"
    "2,Bumi Lestari,=Medan,Atlantis,\n"
    "3,,Medan,ID,\n"
    ",Bumi Lestari,Medan,ID,\n"
    "1,Wijaya Kencana,,ID,\n"
    "6,Aneka Abadi,Jl. Merdeka 1, Ambon,ID,\n"
    "7,Aneka\0Abadi,Ambon,ID,\n"
    "8,KARYA SENTOSA PT,Bekasi,Indonesia,\n"
)
"""six of its eight rows cannot be used"""


def test_bad_rows_go_to_a_file_with_reasons_and_the_rest_is_done(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(BAD, encoding="utf-8")
    code, output = run("resolve", tmp_path / "list.csv", "--out", tmp_path / "out.csv")
    assert code == 0
    assert f"6 rows are refused: {tmp_path / 'out.refused.csv'}" in output
    assert "2 rows are 1 site:" in output
    assert [row["record_id"] for row in read(tmp_path / "out.csv")] == ["1", "8"]
    refused = {int(row["row"]): row for row in read(tmp_path / "out.refused.csv")}
    assert {row: (one["field"], one["reason"]) for row, one in refused.items()} == {
        3: ("country", "'Atlantis' is unknown"),
        4: ("name", "is empty"),
        5: ("record_id", "is empty"),
        6: ("record_id", "'1' occurs twice in source 'list'"),
        7: ("", "has 6 cells under 5 headings"),
        8: ("name", "contains NUL bytes"),
    }
    assert {one["file"] for one in refused.values()} == {str(tmp_path / "list.csv")}
    assert all(one["remedy"] for one in refused.values())
    row = refused[3]
    assert (row["record_id"], row["name"], row["city"], row["country"]) == (
        *("2", "Bumi Lestari", "'=Medan", "Atlantis"),
    )
    assert refused[7]["line"] == "6,Aneka Abadi,Jl. Merdeka 1, Ambon,ID,"


@pytest.mark.parametrize("command", ["resolve", "review", "index", "link", "link from"])
def test_every_command_leaves_bad_rows_out_alike(command: str, tmp_path: Path) -> None:
    bad, good = tmp_path / "bad.csv", tmp_path / "good.csv"
    bad.write_text("record_id,source,name,country\n1,u,x,ID\n2,u,y,Atlantis\n1,v,z,ID\n", encoding="utf-8")
    good.write_text("record_id,name,country\n9,x,ID\n", encoding="utf-8")
    lists = {"link": (good, bad), "link from": (bad, good)}.get(command, (bad,))
    code, output = run(command.split(maxsplit=1)[0], *lists, "--out", tmp_path / "out")
    assert code == 0, output
    alone = "link" in command or command == "index"
    refused = [(row["row"], row["field"]) for row in read(tmp_path / "out.refused.csv")]
    assert refused == [("3", "country"), ("4", "record_id")][: 2 if alone else 1]
    assert f"{len(refused)} row" in output
    assert run(command.split(maxsplit=1)[0], *lists, "--out", tmp_path / "new", "--strict")[0] == 2
    assert not (tmp_path / "new").exists()


def test_where_no_row_is_left_the_command_ends_with_one_and_says_why(tmp_path: Path) -> None:
    bad, good = tmp_path / "bad.csv", tmp_path / "good.csv"
    bad.write_text("record_id,name,country\n1,x,Atlantis\n2,y,\n", encoding="utf-8")
    good.write_text("record_id,name,country\n9,x,ID\n", encoding="utf-8")
    for arguments in (
        ("resolve", bad),
        ("review", bad),
        ("index", bad),
        ("link", bad, good),
        ("link", good, bad),
    ):
        code, output = run(*arguments, "--out", tmp_path / "out")
        assert code == 1
        assert f"{bad}: no row can be used" in output
        assert len(read(tmp_path / "out.refused.csv")) == 2
        assert not (tmp_path / "out").exists()
    assert run("resolve", bad, good, "--out", tmp_path / "out")[0] == 0


def test_a_cell_that_is_too_long_is_refused_before_anything_reads_it(tmp_path: Path) -> None:
    marks = "\N{COMBINING ACUTE ACCENT}\N{COMBINING DOT BELOW}" * 30_000
    lines = ["record_id,name,country", f"1,e{marks},ID", f"2,Aneka,e{marks}", "3,Aneka Abadi,ID"]
    (tmp_path / "list.csv").write_text("\n".join(lines), encoding="utf-8")
    code, _ = run("resolve", tmp_path / "list.csv", "--out", tmp_path / "out.csv")
    assert code == 0
    refused = [(row["field"], row["reason"], row["remedy"]) for row in read(tmp_path / "out.refused.csv")]
    assert refused == [
        ("name", "has 60001 characters, at most 300 are taken", "shorten it"),
        ("country", "has 60001 characters, at most 200 are taken", "shorten it"),
    ]


def test_refused_rows_of_an_earlier_run_are_not_left_and_never_overwrite_what_is_read(tmp_path: Path) -> None:
    file, refused = tmp_path / "list.csv", tmp_path / "out.refused.csv"
    file.write_text("record_id,name,country\n1,x,ID\n2,y,Atlantis\n", encoding="utf-8")
    run("resolve", file, "--out", tmp_path / "out.csv")
    corrected = refused.read_text(encoding="utf-8").replace("Atlantis", "ID")
    refused.write_text(corrected, encoding="utf-8")
    code, output = run("resolve", refused, "--out", tmp_path / "out.csv")
    assert (code, "is read by this command" in output) == (2, True)
    assert refused.read_text(encoding="utf-8") == corrected
    named = ("--refused", tmp_path / "others.csv")
    assert run("resolve", refused, "--out", tmp_path / "out.csv", *named)[0] == 0
    file.write_text("record_id,name,country\n1,x,ID\n2,y,ID\n", encoding="utf-8")
    run("resolve", file, "--out", tmp_path / "out.csv")
    assert not refused.exists()


def test_beside_a_pipe_or_a_terminal_there_is_no_place_for_refused_rows(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("record_id,name,country\n1,x,ID\n2,y,Atlantis\n", encoding="utf-8")
    assert run("resolve", file, "--out", "/dev/null")[0] == 2
    assert run("resolve", file, "--out", "/dev/null", "--refused", tmp_path / "refused.csv")[0] == 0
    assert len(read(tmp_path / "refused.csv")) == 1


def test_an_explanation_needs_its_own_rows_alone(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("record_id,name,country\n1,x,ID\n2,x,ID\n3,y,Atlantis\n", encoding="utf-8")
    assert run("explain", f"{file}:1", f"{file}:2")[0] == 0
    code, output = run("explain", f"{file}:1", f"{file}:3")
    assert (code, "row 4: country 'Atlantis' is unknown" in output) == (2, True)


def test_two_files_that_are_one_source_by_their_name_are_refused_as_a_whole(tmp_path: Path) -> None:
    for year in ("2025", "2026"):
        (tmp_path / year).mkdir()
        (tmp_path / year / "list.csv").write_text("record_id,name,country\n1,x,ID\n", encoding="utf-8")
    code, output = run("resolve", *tmp_path.glob("*/list.csv"), "--out", tmp_path / "out.csv")
    assert (code, "rename one, or add the column source" in output) == (2, True)


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
    assert "1 identifier cannot be right; it counts only where another row has it too; row 2: lei" in output


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
        code, output = run(*arguments, *([] if arguments[0] == "explain" else ["--strict"]))
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
