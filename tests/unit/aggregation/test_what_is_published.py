"""What is published of a site changes only where independent groups agree, or its only source changes it."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from uuid import UUID, uuid5

import mrx_matching
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mrx_aggregation.domain.disclosure import Attributed, Entry, attribute
from mrx_aggregation.domain.pool import Audited, PoolSite
from mrx_aggregation.domain.resolution import Sourced, resolve_pool
from mrx_aggregation.domain.window import is_over
from mrx_matching import SiteRecord

AS_OF = date(2026, 6, 30)
KEY = bytes(range(32))
OWNER, OTHER, THIRD, FOURTH = (uuid5(UUID(int=0), str(number)) for number in range(4))
DAYS = ("2023-08-01", "2024-02-29", "2025-03-04", "2025-06-30", "2025-07-01", "2025-11-11")


def says(
    who: UUID, name: str = "Aurora Textiles", day: str = "2025-03-04", family: str = "SMETA", **stated: str
) -> Sourced:
    said = {"address": "12 Lakeview Road", "city": "Dhaka", **stated}
    record = SiteRecord(key=0, name=name, country="BD", **said)
    return Sourced(who, Audited(record=record, audit_date=date.fromisoformat(day), scheme_family=family))


def one_site(records: Sequence[SiteRecord]) -> list[int]:
    """A matcher that takes all rows for one site: the worst that an intruder can reach."""
    return [0] * len(records)


def pool(
    sourced: Sequence[Sourced], before: Iterable[Attributed] = (), *, key: bytes = KEY
) -> list[PoolSite]:
    return resolve_pool(
        sourced,
        before,
        match=one_site,
        published=mrx_matching.published,
        agreed=mrx_matching.agreed,
        key=key,
        as_of=AS_OF,
    )


def published(sourced: Sequence[Sourced], before: Iterable[Attributed] = (), *, key: bytes = KEY) -> PoolSite:
    (site,) = set(pool(sourced, before, key=key))
    return site


def released(sourced: Sequence[Sourced], before: Iterable[Attributed] = ()) -> list[Attributed]:
    """A release of these entries, as the next round looks back to it."""
    rows = pool(sourced, before)
    entries = (
        Entry(who, audited.described, audited.audit_date, audited.scheme_family) for who, audited in sourced
    )
    groups = {who: who for who, _ in sourced}
    return attribute(zip(rows, entries, strict=True), groups)


ROWS = st.fixed_dictionaries(
    {
        "name": st.sampled_from(
            ["Aurora Textiles", "Aurora Textiles Ltd", "Aurora International Holding", "Borealis"]
        ),
        "address": st.sampled_from(["", "12 Lakeview Road", "Plot 99, 4711 Lakeview Road Extension"]),
        "city": st.sampled_from(["", "Dhaka", "Khulna"]),
        "region": st.sampled_from(["", "Dhaka Division"]),
        "os_id": st.sampled_from(["", "BD2019067X1K87Z"]),
        "lei": st.sampled_from(["", "5493001KJTIIGC8Y1R12"]),
        "day": st.sampled_from(DAYS),
        "family": st.sampled_from(["SMETA", "equivalent"]),
    }
)


def by(who: UUID) -> st.SearchStrategy[list[Sourced]]:
    return st.lists(ROWS.map(lambda row: says(who, **row)), min_size=1, max_size=4)


@given(by(OWNER), by(OTHER))
@settings(deadline=None)
def test_one_groups_rows_change_nothing_of_a_released_site_that_has_another_source(
    owners: list[Sourced], intruders: list[Sourced]
) -> None:
    before = released(owners)
    assert published([*owners, *intruders], before) == before[0].site


@given(by(OWNER), by(OTHER), by(OTHER))
@settings(deadline=None)
def test_not_in_several_rounds_either(
    owners: list[Sourced], intruders: list[Sourced], changed: list[Sourced]
) -> None:
    first = released(owners)
    second = released([*owners, *intruders], first)
    assert published([*owners, *changed], second) == first[0].site


@given(by(OWNER), by(OTHER))
@settings(deadline=None)
def test_an_intruder_whose_rows_alone_are_left_cannot_change_the_text_by_the_others_leaving(
    owners: list[Sourced], intruders: list[Sourced]
) -> None:
    first = released(owners)
    second = released([*owners, *intruders], first)
    third = released(intruders, second)
    assert third[0].site.place == first[0].site.place
    fourth = published(intruders, third)
    assert fourth.place == first[0].site.place


@given(st.tuples(by(OWNER), by(OTHER), by(THIRD)), st.booleans(), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_neither_order_nor_what_groups_are_called_changes_what_is_published(
    lists: tuple[list[Sourced], ...],
    was_released: bool,
    chance: random.Random,
) -> None:
    names = dict(zip((OWNER, OTHER, THIRD), chance.sample((OWNER, OTHER, THIRD), 3), strict=True))

    def told(rows: Sequence[Sourced], *, otherwise: bool) -> list[Sourced]:
        return (
            [Sourced(names[who], said) for who, said in chance.sample(rows, len(rows))]
            if otherwise
            else [*rows]
        )

    def in_the_end(*, otherwise: bool) -> PoolSite:
        former = told(lists[0], otherwise=otherwise)
        rows = told([row for rows in lists for row in rows], otherwise=otherwise)
        return published(rows, released(former) if was_released else ())

    assert in_the_end(otherwise=True) == in_the_end(otherwise=False)


@pytest.mark.parametrize("longer", ["Aurora", "Aurora Textiles International Holding"])
def test_what_two_groups_say_wins_over_what_one_says_however_long_or_short(longer: str) -> None:
    sourced = [says(OWNER), says(OTHER), says(THIRD, longer, address="1 A Very Long Road Extension")]
    assert (published(sourced).site_name, published(sourced).address) == (
        "Aurora Textiles",
        "12 Lakeview Road",
    )


def test_between_two_groups_neither_length_nor_alphabet_decides_and_a_group_has_one_voice() -> None:
    keys = [bytes([number]) * 32 for number in range(60)]
    many = [says(OTHER, f"Aurora Holding Number {number}") for number in range(100)]
    wins = sum(published([says(OWNER), *many], key=key).site_name != "Aurora Textiles" for key in keys)
    assert 15 <= wins <= 45


def test_where_groups_disagree_on_everything_a_row_is_not_mixed_of_two() -> None:
    for number in range(20):
        sourced = [
            says(OWNER, region="Dhaka Division", os_id="BD2019067X1K87Z"),
            says(
                OTHER,
                "Borealis",
                address="7 Foundry Lane",
                city="Khulna",
                region="Khulna Division",
                os_id="CN2021250D1DTN7",
            ),
        ]
        site = published(sourced, key=bytes([number]) * 32)
        assert site.place[:6] in {
            ("Aurora Textiles", "12 Lakeview Road", "Dhaka", "Dhaka Division", "BD", "BD2019067X1K87Z"),
            ("Borealis", "7 Foundry Lane", "Khulna", "Khulna Division", "BD", "CN2021250D1DTN7"),
        }


def test_two_groups_that_agree_change_a_released_site_if_they_are_more_than_those_that_keep_to_it() -> None:
    before = released([says(OWNER)])
    moved = {"name": "Borealis Works", "address": "7 Foundry Lane", "city": "Khulna"}
    two = [says(OWNER), says(OTHER, **moved), says(THIRD, **moved)]
    assert published(two, before).place[:3] == ("Borealis Works", "7 Foundry Lane", "Khulna")
    assert published([*two, says(FOURTH)], before).place == before[0].site.place


def test_a_place_that_moves_moves_as_a_whole() -> None:
    before = released([says(OWNER, region="Dhaka Division")])
    moved = {"address": "7 Foundry Lane", "city": "Khulna", "region": ""}
    site = published([says(OWNER), says(OTHER, **moved), says(THIRD, **moved)], before)
    assert (site.address, site.city, site.region) == ("7 Foundry Lane", "Khulna", "")


def test_the_only_source_changes_its_text_and_its_half_year_forth_and_back() -> None:
    before = released([says(OWNER)])
    renamed = says(OWNER, "Aurora Textiles Pvt Ltd", "2025-11-11")
    site = published([renamed], before)
    assert (site.site_name, site.audit_half_year) == ("Aurora Textiles Pvt Ltd", "2025-H2")
    assert published([says(OWNER, day="2024-02-29")], before).audit_half_year == "2024-H1"


def test_who_stays_when_another_leaves_may_change_the_text_once_it_says_something_new() -> None:
    second = released([says(OWNER), says(OTHER, "Borealis")], released([says(OWNER)]))
    third = released([says(OTHER, "Borealis")], second)
    assert third[0].site.site_name == "Aurora Textiles"
    assert published([says(OTHER, "Borealis Works")], second).site_name == "Aurora Textiles"
    assert published([says(OTHER, "Borealis Works")], third).site_name == "Borealis Works"


@pytest.mark.parametrize(
    ("days", "half"),
    [
        (("2025-03-04", "2025-11-11"), "2025-H1"),
        (("2024-02-29", "2025-11-11"), "2025-H1"),
        (("2025-11-11", "2025-07-01"), "2025-H2"),
        (("2025-03-04", "2025-11-11", "2025-07-01"), "2025-H2"),
    ],
)
def test_the_half_year_moves_on_to_the_latest_that_two_groups_reach(days: tuple[str, ...], half: str) -> None:
    before = released([says(OWNER)])
    sourced = [says(who, day=day) for who, day in zip((OWNER, OTHER, THIRD), days, strict=False)]
    assert published(sourced, before).audit_half_year == half


def test_the_family_is_that_of_most_groups_in_the_half_year_and_moves_with_it_alone() -> None:
    before = released([says(OWNER)])
    joined = [says(OTHER, family="equivalent"), says(THIRD, family="equivalent")]
    assert published([says(OWNER), *joined], before).scheme_family == "SMETA"
    later = [says(who, day="2025-11-11", family="equivalent") for who in (OTHER, THIRD)]
    assert published([says(OWNER, day="2025-11-11"), *later], before).scheme_family == "equivalent"


def test_a_half_year_of_which_no_audit_counts_is_chosen_again() -> None:
    (first,) = released([says(OWNER)])
    old = replace(first, site=replace(first.site, audit_half_year="2023-H1"))
    site = published([says(OWNER), says(OTHER, day="2025-11-11")], [old])
    assert (site.audit_half_year, site.place) == ("2025-H2", old.site.place)


@pytest.mark.parametrize(
    ("half", "as_of", "over"),
    [
        ("2023-H1", date(2026, 6, 29), False),
        ("2023-H1", date(2026, 6, 30), True),
        ("2023-H2", date(2026, 12, 31), True),
        ("2023-H2", date(2026, 12, 30), False),
    ],
)
def test_a_half_year_is_over_with_the_last_day_on_which_an_audit_of_it_counts(
    half: str, as_of: date, *, over: bool
) -> None:
    assert is_over(half, as_of) == over


def two_sites(records: Sequence[SiteRecord]) -> list[str]:
    return [record.city for record in records]


def test_of_two_sites_that_were_one_the_one_that_more_groups_still_describe_alike_keeps_the_row() -> None:
    former = [says(OWNER), says(OTHER), says(THIRD, "Aurora Spinning", city="Khulna")]
    before = released(former)
    rows = resolve_pool(
        [*former, says(FOURTH, "Aurora Spinning Mill", city="Khulna")],
        before,
        match=two_sites,
        published=mrx_matching.published,
        agreed=mrx_matching.agreed,
        key=KEY,
        as_of=AS_OF,
    )
    assert rows[0] == rows[1] == before[0].site
    assert rows[2] == rows[3]
    assert rows[2].city == "Khulna"


def test_two_released_sites_that_are_one_keep_one_of_their_rows_as_it_was() -> None:
    first, second = released([says(OWNER), says(OTHER)]), released([says(THIRD, "Borealis")])
    sourced = [says(OWNER), says(OTHER), says(THIRD, "Borealis"), says(FOURTH, "Borealis")]
    assert published(sourced, [*second, *first]) == first[0].site


def test_a_source_that_changes_its_words_keeps_its_site_from_who_comes_at_the_same_time() -> None:
    before = released([says(OWNER)])
    sourced = [says(OWNER, "Aurora Textile Mills"), says(OTHER, "Borealis", "2025-11-11", city="Khulna")]
    for number in range(10):
        assert published(sourced, before, key=bytes([number]) * 32) == before[0].site
