"""The check with the real matcher, on generated lists whose truth is known."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from mrx_matching.generator.lists import generate, suppliers
from mrx_matching.generator.writing import write_list, write_suppliers
from mrx_member.adapters.matching import SiteMatcher
from mrx_member.domain.reading import Entry
from mrx_member.domain.suppliers import Link
from mrx_member.handlers import lists

from tests.unit.member.conftest import MemoryBackend


@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_said_to_be_listed_or_audited_by_us_is_so(
    seed: int, backend: MemoryBackend, tmp_path: Path
) -> None:
    world = generate(seed, members=4, rows_total=600, faults=0.0)
    ours, *_ = world.lists
    base = suppliers(seed, world, ours.member, count=100)
    path = tmp_path / "suppliers.csv"
    write_suppliers(base, path)
    # Every site once, in the spelling of whoever comes first: the released list without its normaliser.
    spelled = {row.site: row.values for one in world.lists for row in one.rows}
    released = tmp_path / "list.csv"
    columns = ("site_name", "address", "city", "region", "country", "os_id", "lei")
    backend.files.write(
        released,
        ("entry_id", *columns),
        ([site, *(values.get(column, "") for column in columns)] for site, values in sorted(spelled.items())),
    )
    backend.matcher = SiteMatcher()
    own = write_list(ours.rows, tmp_path / "own", ours.style)
    findings = lists.check(path, backend, own=own, released=released)
    truth = {row.values["supplier_ref"]: row for row in base}
    listed = [one for one in findings.findings if one.decision == "match"]
    assert len(listed) > 70
    assert sum(truth[one.supplier_ref].site != one.entry_id for one in listed) <= len(listed) * 0.05
    wrong = [one for one in listed if one.audited_by_us and not truth[one.supplier_ref].own]
    assert len(wrong) <= 2
    assert findings.audited_by_us + findings.to_request == findings.listed
    assert all(not one.audited_by_us for one in findings.findings if one.decision != "match")


class ToldMatcher:
    """Answers each comparison with the links that it was told, in their order."""

    def __init__(self, *links: Link) -> None:
        self._links = iter(links)

    def link(self, sites: Sequence[Entry], targets: Sequence[Entry]) -> Sequence[Link]:
        return [next(self._links) for _ in sites]


@pytest.mark.parametrize(
    ("nearer", "has_an_entry", "audited"), [(False, True, False), (True, True, True), (False, False, True)]
)
def test_a_row_of_ours_that_resembles_a_supplier_and_has_another_entry_does_not_make_it_ours(
    backend: MemoryBackend, tmp_path: Path, *, nearer: bool, has_an_entry: bool, audited: bool
) -> None:
    columns = ("site_name", "country")
    backend.files.write(tmp_path / "suppliers.csv", ("supplier_ref", *columns), [["S1", "Alpha Mill", "CN"]])
    backend.files.write(tmp_path / "own.csv", columns, [["Alpha Mill Unit 4", "CN"]])
    entries = [["e1", "Alpha Mill", "CN"], ["e2", "Alpha Mill Unit 4", "CN"]]
    backend.files.write(tmp_path / "list.csv", ("entry_id", *columns), entries)
    backend.matcher = ToldMatcher(
        Link(target="e1", score=0.9, decision="match"),
        Link(target="e2", score=0.9, decision="match" if has_an_entry else "none"),
        Link(target="2", score=0.95 if nearer else 0.3, decision="match"),
    )
    findings = lists.check(
        tmp_path / "suppliers.csv", backend, own=tmp_path / "own.csv", released=tmp_path / "list.csv"
    )
    assert [one.audited_by_us for one in findings.findings] == [audited]


def test_an_unknown_country_matches_nothing_else() -> None:
    here, there = ({"site_name": "Alpha Mill", "country": country} for country in ("Atlantis", "China"))
    [link] = SiteMatcher().link([Entry(row=2, values=here)], [Entry(row=2, values=there)])
    assert link.decision == "none"
