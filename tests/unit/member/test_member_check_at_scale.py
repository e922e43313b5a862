"""The check with the real matcher, on generated lists whose truth is known."""

from pathlib import Path

import pytest
from mrx_matching.generator.lists import generate, suppliers
from mrx_matching.generator.writing import write_list, write_suppliers
from mrx_member.adapters.matching import SiteMatcher
from mrx_member.domain.reading import Entry
from mrx_member.handlers import lists

from tests.unit.member.conftest import MemoryDesk


@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_said_to_be_listed_or_audited_by_us_is_so(
    seed: int, desk: MemoryDesk, tmp_path: Path
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
    desk.files.write(
        released,
        ("entry_id", *columns),
        ([site, *(values.get(column, "") for column in columns)] for site, values in sorted(spelled.items())),
    )
    desk.matcher = SiteMatcher()
    own = write_list(ours.rows, tmp_path / "own", ours.style)
    findings = lists.check(path, desk, own=own, released=released)
    truth = {row.values["supplier_ref"]: row for row in base}
    listed = [one for one in findings.findings if one.decision == "match"]
    assert len(listed) > 70
    assert sum(truth[one.supplier_ref].site != one.entry_id for one in listed) <= len(listed) * 0.05
    wrong = [one for one in listed if one.audited_by_us and not truth[one.supplier_ref].own]
    assert len(wrong) <= 2
    assert findings.audited_by_us + findings.to_request == findings.listed
    assert all(not one.audited_by_us for one in findings.findings if one.decision != "match")


def test_an_unknown_country_matches_nothing_else() -> None:
    here, there = ({"site_name": "Alpha Mill", "country": country} for country in ("Atlantis", "China"))
    [link] = SiteMatcher().link([Entry(row=2, values=here)], [Entry(row=2, values=there)])
    assert link.decision == "none"
