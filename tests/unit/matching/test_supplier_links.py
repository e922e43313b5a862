"""A member's suppliers in a released list."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from mrx_matching import Decision, SiteRecord, link


def entry(key: str, name: str, **columns: str) -> SiteRecord:
    return SiteRecord(key=key, name=name, **{"country": "ID", **columns})


def decisions(left: Sequence[SiteRecord], right: Sequence[SiteRecord]) -> list[tuple[object, Decision]]:
    return [(found.right_key, found.decision) for found in link(left, right)]


def test_a_supplier_is_found_under_its_published_name() -> None:
    released = [entry("e1", "PT Karya Sentosa"), entry("e2", "Bumi Lestari")]
    assert decisions([entry("s1", "KARYA  SENTOSA, PT.")], released) == [("e1", Decision.MATCH)]


def test_a_supplier_that_nobody_audited_is_not_found() -> None:
    assert decisions([entry("s1", "Wijaya Kencana")], [entry("e1", "Bumi Lestari")]) == [
        (None, Decision.NONE)
    ]


def test_a_supplier_that_fits_two_entries_goes_to_review() -> None:
    released = [
        entry("e1", "Karya Sentosa", city="Bekasi", region="Jawa Barat"),
        entry("e2", "Karya Sentosa", city="Medan", region="Sumatera Utara"),
    ]
    found = link([entry("s1", "Karya Sentosa")], released)
    assert [one.decision for one in found] == [Decision.REVIEW]


def test_one_entry_matches_one_content_and_the_next_best_goes_to_review() -> None:
    released = [entry("e1", "Karya Sentosa Abadi")]
    suppliers = [entry("s1", "Karya Sentosa Abadi"), entry("s2", "Karya Sentosa Abady")]
    assert decisions(suppliers, released) == [("e1", Decision.MATCH), ("e1", Decision.REVIEW)]


def test_a_supplier_that_stands_in_the_base_twice_is_found_twice() -> None:
    twice = [entry("s1", "Karya Sentosa"), entry("s2", "KARYA SENTOSA")]
    assert decisions(twice, [entry("e1", "Karya Sentosa")]) == [("e1", Decision.MATCH)] * 2


def test_another_unit_is_no_match() -> None:
    assert decisions([entry("s1", "Karya Sentosa 2")], [entry("e1", "Karya Sentosa")]) == [
        (None, Decision.NONE)
    ]


@given(
    st.lists(
        st.sampled_from(["Karya Sentosa", "Karya Santosa", "Bumi Lestari", "Bumi", "PT Karya"]), max_size=6
    ),
    st.lists(st.sampled_from(["Karya Sentosa", "Bumi Lestari", "Wijaya", "Karya"]), max_size=4, unique=True),
)
@settings(deadline=None)
def test_the_order_of_both_lists_changes_nothing(suppliers: list[str], released: list[str]) -> None:
    left = [entry(f"s{place}", name) for place, name in enumerate(suppliers)]
    right = [entry(name, name) for name in released]
    straight = link(left, right)
    assert [found.left_key for found in straight] == [record.key for record in left]
    assert link(left[::-1], right[::-1]) == straight[::-1]
