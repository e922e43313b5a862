"""A folder of lists as `make demo LISTS=DIR` reads it: a member for each file, or a refusal before anything starts."""

from pathlib import Path

import pytest
from mrx_local.demo.scenario import Scenario, read_given
from mrx_shared.refusals import Invalid

FOUR = ("a.csv", "b.csv", "c.csv", "d.csv")


def given(tmp_path: Path, *names: str) -> Scenario:
    folders = [tmp_path / name for name in ("given", "lists", "work")]
    for folder in folders:
        folder.mkdir()
    for name in names:
        (folders[0] / name).write_text("site_name,country\nMill,BD\n", encoding="utf-8")
    return read_given(7, *folders)


@pytest.mark.parametrize(
    ("name", "member"),
    [
        ("Zoë & Söhne.CSV", "Zoë & Söhne"),
        ("中国.csv", "中国"),
        ("_.csv", "_"),
        (" Two  Blanks .csv", "Two Blanks"),
    ],
)
def test_a_file_is_a_member_of_its_name(tmp_path: Path, name: str, member: str) -> None:
    scenario = given(tmp_path, *FOUR, name)
    assert {actor.name for actor in scenario.actors} == {"a", "b", "c", "d", member}
    assert all(one.path.is_file() for one in scenario.lists)


def test_thirty_files_are_thirty_members(tmp_path: Path) -> None:
    assert len(given(tmp_path, *(f"{number}.csv" for number in range(30))).actors) == 30


@pytest.mark.parametrize(("count", "said"), [(1, "1 list,"), (2, "2 lists,")])
def test_too_few_files_are_refused_with_how_many_a_release_needs(
    tmp_path: Path, count: int, said: str
) -> None:
    with pytest.raises(Invalid, match=said) as refused:
        given(tmp_path, *FOUR[:count])
    assert refused.value.remedy == "add lists until there are 5"


@pytest.mark.parametrize(
    "name", [" .csv", "=?utf-8?q?x?=.csv", "www.firm.example.csv", "a\nb.csv", "x" * 201 + ".csv"]
)
def test_a_file_whose_name_no_member_can_have_is_refused_before_anything_starts(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(Invalid, match="names no member by its name") as refused:
        given(tmp_path, *FOUR, name)
    assert refused.value.remedy == "rename the file"


@pytest.mark.parametrize(
    "twins", [("Straße.csv", "STRASSE.csv"), ("A .csv", "a.CSV"), ("e\u0301.csv", "\u00e9.csv")]
)
def test_two_files_of_one_member_are_refused(tmp_path: Path, twins: tuple[str, str]) -> None:
    with pytest.raises(Invalid, match="two files have the same name"):
        given(tmp_path, *FOUR[1:], *twins)
