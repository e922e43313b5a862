"""The demo's lists in any size: the default stays as it is, larger ones have the same roles and share more sites."""

from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import pytest
from mrx_local.cli import app
from mrx_local.demo.expected_results import _accuracy
from mrx_local.demo.members import INVENTED, MEMBERS, MOST, members
from mrx_local.demo.scenario import Scenario, SentList, SentRow, Size, invent, sites_of
from mrx_shared.refusals import Invalid
from typer.testing import CliRunner

DEFAULT = {
    1: "ea6ef4815175af49dae97ee1cf59b0987dc84e35fb7288e55f52bbd746f0776d",
    7: "17ab1c492466e8599299d98adc19e211ed99a0188f17fe0af260162cda3bcccd",
}
"""SHA-256 of the rows and suppliers of the default demo, by seed"""


def invented(tmp_path: Path, seed: int, size: Size) -> Scenario:
    lists, work = tmp_path / "lists", tmp_path / "work"
    lists.mkdir()
    work.mkdir()
    return invent(seed, lists, work, size=size)


@pytest.mark.parametrize("seed", sorted(DEFAULT))
def test_the_default_demo_has_the_rows_that_it_always_had(tmp_path: Path, seed: int) -> None:
    scenario = invented(tmp_path, seed, Size())
    digest = sha256()
    for one in scenario.lists:
        for row in one.rows:
            digest.update(repr((one.member, dict(row.values), row.site, str(row.fault))).encode())
    digest.update(scenario.suppliers.read_bytes())
    assert (len(scenario.actors), sum(len(one.rows) for one in scenario.lists)) == (12, 8200)
    assert digest.hexdigest() == DEFAULT[seed]


def test_a_larger_demo_has_so_many_members_rows_and_sites(tmp_path: Path) -> None:
    scenario = invented(tmp_path, 3, Size(members=30, rows=6000, sites=2500))
    rows = [row for one in scenario.lists for row in one.rows]
    on: dict[str | None, set[str]] = {}
    for one in scenario.lists:
        for row in one.rows:
            on.setdefault(row.site, set()).add(one.member)
    several = sum(len(members) > 1 for members in on.values())
    assert (len(scenario.actors), len(scenario.lists), len(rows)) == (30, 28, 6000)
    assert len(on) == pytest.approx(2500, rel=0.05)
    assert several > len(on) / 2


def test_longer_lists_share_more_sites() -> None:
    assert sites_of(8200, 11) is None
    assert sites_of(70_000, 22) == pytest.approx(27_000, rel=0.01)
    assert sites_of(100_000, 87) == pytest.approx(50_000, rel=0.07)


def test_every_further_dozen_has_the_roles_of_the_named_one() -> None:
    many = members(94)
    assert many[:MEMBERS] == list(INVENTED)
    for number, actor in enumerate(many):
        role = INVENTED[number % MEMBERS]
        assert (actor.protocol is None, actor.falls_short) == (role.protocol is None, role.falls_short)
    assert [actor.group for actor in many[12:15]][:2] == [many[12].group] * 2
    assert many[14].group != many[12].group


def test_no_two_members_are_called_alike_and_none_as_an_invented_site() -> None:
    every = members(MOST)
    own = [actor.protocol.code for actor in every if actor.protocol]
    words = {actor.name.split()[0] for actor in every[MEMBERS:]}
    vocabulary = (
        files("mrx_matching.generator").joinpath("countries.toml").read_text(encoding="utf-8").casefold()
    )
    assert len({actor.name for actor in every}) == len(every)
    assert len(set(own)) == len(own)
    assert [word for word in words if word.casefold() in vocabulary] == []


@pytest.mark.parametrize("count", [0, 5, MOST + 1])
def test_a_number_of_members_that_cannot_be_is_refused(count: int) -> None:
    with pytest.raises(Invalid, match=f"{count} members"):
        members(count)


@pytest.mark.parametrize(
    "size", [Size(rows=40), Size(members=94, rows=300), Size(rows=3000, sites=10), Size(rows=300, sites=900)]
)
def test_a_size_that_makes_no_lists_is_refused_with_a_remedy(tmp_path: Path, size: Size) -> None:
    with pytest.raises(Invalid) as refused:
        invented(tmp_path, 1, size)
    assert refused.value.remedy


def test_lists_that_are_given_take_no_size(tmp_path: Path) -> None:
    told = CliRunner().invoke(
        app, ["demo", "--lists", str(tmp_path), "--rows", "9", "--folder", str(tmp_path)]
    )
    assert isinstance(told.exception, Invalid)
    assert told.exception.field == "rows"


def test_accuracy_across_lists_counts_no_pair_within_one() -> None:
    rows = [("a", "s1", 1), ("a", "s1", 1), ("b", "s1", 1), ("b", "s2", 1), ("c", None, 1), ("c", "s2", 2)]
    accepted = [
        (
            SentList(member=member, rows=(), path=Path()),
            SentRow(values={}, site=site),
        )
        for member, site, _ in rows
    ]
    # Across lists: a1-b1 and a2-b1 are said rightly, a1-b2 and a2-b2 wrongly; b2-c2 is missed.
    assert _accuracy(accepted, [label for _, _, label in rows], "uml_id") == (2 / 4, 2 / 3)
