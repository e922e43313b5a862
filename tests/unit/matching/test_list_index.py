"""A list that is indexed once and searched often."""

import csv
import json
from pathlib import Path

import polars as pl
import pytest
from mrx_matching import SiteRecord, index
from mrx_matching.cli import app
from mrx_matching.engine import content_of
from mrx_matching.generator.directory import directory
from mrx_matching.link import link_frames
from mrx_matching.lists import read_list
from mrx_matching.ngrams import ngrams_of
from mrx_matching.reading import frame_of
from mrx_matching.tokens import Nodes
from typer.testing import CliRunner

SIZE = 3000


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, int]]:
    """A list of suppliers, each of a site of its own, a list that has other rows of these sites, and the truth."""
    folder = tmp_path_factory.mktemp("lists")
    rows = [
        {**row, "record_id": f"r{at}", "site": site} for at, (row, site) in enumerate(directory(21, SIZE))
    ]
    table = pl.DataFrame(rows)
    mine = table.filter(pl.len().over("site") > 1).unique("site", keep="first", maintain_order=True).head(200)
    theirs = table.join(mine, on="record_id", how="anti")
    for name, part in (("a", mine), ("b", theirs)):
        part.drop("site").write_csv(folder / f"{name}.csv")
    return folder / "a.csv", folder / "b.csv", dict(table.select("record_id", "site").iter_rows())


@pytest.fixture(scope="module")
def indexed(lists: tuple[Path, Path, dict[str, int]]) -> Path:
    folder = lists[1].with_name("b.index")
    code, output = run("index", lists[1], "--out", folder)
    assert code == 0
    assert f"{SIZE - 200} rows are indexed" in output
    return folder


def test_a_list_and_its_index_give_the_same_pairs(
    lists: tuple[Path, Path, dict[str, int]], indexed: Path, tmp_path: Path
) -> None:
    a, b, _ = lists
    for name, other in (("list", b), ("index", indexed)):
        code, output = run("link", a, other, "--out", tmp_path / f"{name}.csv")
        assert code == 0, output
    assert (tmp_path / "list.csv").read_bytes() == (tmp_path / "index.csv").read_bytes()
    left, right = (read_list(file, say=lambda _: None) for file in (a, b))
    found = link_frames(left, right).with_columns(a_id=left["record_id"]).filter(pl.col("decision") != "none")
    ids = right["record_id"].gather(found["right"]).to_list()
    with (tmp_path / "index.csv").open(encoding="utf-8", newline="") as file:
        assert [(row["a_id"], row["b_id"]) for row in csv.DictReader(file)] == list(
            zip(found["a_id"].to_list(), ids, strict=True)
        )


def test_suppliers_are_found_though_a_list_has_their_site_more_than_once(
    lists: tuple[Path, Path, dict[str, int]], indexed: Path, tmp_path: Path
) -> None:
    a, _, site_of = lists
    run("link", a, indexed, "--out", tmp_path / "pairs.csv")
    with (tmp_path / "pairs.csv").open(encoding="utf-8", newline="") as file:
        matches = [row for row in csv.DictReader(file) if row["decision"] == "match"]
    right = sum(site_of[row["a_id"]] == site_of[row["b_id"]] for row in matches)
    assert right / 200 >= 0.85
    assert right / len(matches) >= 0.95


def test_rarity_is_that_of_the_whole_list(lists: tuple[Path, Path, dict[str, int]]) -> None:
    _, b, _ = lists
    rows = read_list(b, say=lambda _: None).filter(pl.col("country") == "CN")
    tables = index.index_of(rows)["CN"]
    found = index.shortlist(
        content_of(frame_of([SiteRecord(key=0, name=rows["name"][3], country="CN")])), "CN", tables
    )
    assert 1 < found.nodes.size < tables["nodes"].height
    whole = Nodes(tables["nodes"].drop("place"))
    name = found.nodes.frame["squash"][1]
    at, also = whole.frame["squash"].to_list().index(name), 1
    assert found.nodes.name.totals[also] == pytest.approx(whole.name.totals[at], abs=0.05)
    assert found.nodes.city_weights[also] == pytest.approx(whole.city_weights[at], abs=0.05)
    crowd = ngrams_of(whole.frame["squash"]).crowd[whole.ngrams.row[at]]
    assert found.nodes.ngrams.crowd[found.nodes.ngrams.row[also]] == pytest.approx(crowd, abs=0.05)


def test_a_common_name_is_compared_with_few_of_its_entries() -> None:
    listed = frame_of(
        [SiteRecord(key=at, name="Textile", city=f"City {at}", country="ID") for at in range(500)]
    )
    tables = index.index_of(listed)["ID"]
    sought = content_of(frame_of([SiteRecord(key=0, name="Textile", country="ID")]))
    assert 1 <= len(index.shortlist(sought, "ID", tables).low) <= 100


def test_an_index_for_names_only_is_for_names_only(
    lists: tuple[Path, Path, dict[str, int]], indexed: Path, tmp_path: Path
) -> None:
    a, b, _ = lists
    code, said = run("link", a, indexed, "--out", tmp_path / "pairs.csv", "--names-only")
    assert code == 2
    assert "was made without --names-only; leave out --names-only, or index the list again" in said
    run("index", b, "--out", tmp_path / "names", "--names-only")
    code, said = run("link", a, tmp_path / "names", "--out", tmp_path / "pairs.csv")
    assert code == 2
    assert "was made with --names-only; add --names-only" in said
    assert run("link", a, tmp_path / "names", "--out", tmp_path / "pairs.csv", "--names-only")[0] == 0


@pytest.fixture
def own_index(lists: tuple[Path, Path, dict[str, int]], tmp_path: Path) -> Path:
    small = tmp_path / "small.csv"
    small.write_text("record_id,name,country\n1,Karya Sentosa,ID\n", encoding="utf-8")
    run("index", small, "--out", tmp_path / "own")
    return tmp_path / "own"


def refused(index_folder: Path) -> str:
    list_file = index_folder.with_name("small.csv")
    code, said = run("link", list_file, index_folder, "--out", index_folder.with_name("pairs.csv"))
    assert code == 2, said
    return said


def test_an_index_of_another_version_is_refused(own_index: Path) -> None:
    card = json.loads((own_index / "index.json").read_text())
    (own_index / "index.json").write_text(json.dumps({**card, "made_by": "earlier"}))
    assert "was made by another version of the library; index the list again" in refused(own_index)


@pytest.mark.parametrize("table", ["ID/nodes", "ID/keys", "ID/counts", "ID/names", "ID/grams", "entries"])
@pytest.mark.parametrize("broken", [True, False])
def test_a_broken_index_is_refused(own_index: Path, table: str, broken: bool) -> None:
    file = own_index / f"{table}.parquet"
    file.write_bytes(file.read_bytes()[:-40]) if broken else file.unlink()
    said = "has been changed" if broken else "cannot be read"
    assert f"{said}; index the list again with `mrx match index`" in refused(own_index)


def test_an_index_in_which_one_byte_is_otherwise_is_refused(own_index: Path) -> None:
    file = own_index / "entries.parquet"
    written = bytearray(file.read_bytes())
    written[len(written) // 2] ^= 1
    file.write_bytes(written)
    assert "entries.parquet: has been changed" in refused(own_index)


def test_a_folder_that_is_no_index_is_refused_and_not_overwritten(own_index: Path, tmp_path: Path) -> None:
    (own_index / "index.json").write_text("{}")
    assert "is not a complete index of a list" in refused(own_index)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("x")
    for card in (None, "{}", '{"tables": {}}', '{"tables": null}'):
        if card:
            (tmp_path / "mine" / "index.json").write_text(card)
        code, said = run("index", tmp_path / "small.csv", "--out", tmp_path / "mine")
        assert code == 2
        assert "exists and is not an index; name another folder" in said
        assert (tmp_path / "mine" / "letter.txt").exists()


def test_what_lies_beside_the_tables_of_an_index_is_not_deleted_with_them(
    own_index: Path, tmp_path: Path
) -> None:
    (own_index / "letter.txt").write_text("x")
    assert run("index", tmp_path / "small.csv", "--out", own_index)[0] == 2
    assert (own_index / "letter.txt").exists()


def test_an_index_is_replaced_by_a_new_one(own_index: Path, tmp_path: Path) -> None:
    (tmp_path / "small.csv").write_text("record_id,name,country\n9,Bumi Lestari,ID\n", encoding="utf-8")
    assert run("index", tmp_path / "small.csv", "--out", own_index)[0] == 0
    assert run("link", tmp_path / "small.csv", own_index, "--out", tmp_path / "pairs.csv")[0] == 0
    assert "9,9," in (tmp_path / "pairs.csv").read_text()
    assert not list(tmp_path.glob(".own*"))
