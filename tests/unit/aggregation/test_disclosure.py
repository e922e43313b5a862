"""What a release may show beside the one before, so that the difference names nobody."""

from dataclasses import replace
from datetime import date
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mrx_aggregation.domain.disclosure import POLICY, Attributed, Entry, attribute, decide, generalised
from mrx_aggregation.domain.groups import Participation, independent_groups
from mrx_aggregation.domain.pool import PoolSite
from mrx_aggregation.domain.window import half_year

AS_OF = date(2026, 6, 30)
GROUPS = [uuid5(UUID(int=0), str(number)) for number in range(8)]


def pool_site(name: str, half: str = "2025-H1", family: str = "SMETA") -> PoolSite:
    return PoolSite(
        site_name=name,
        address="",
        city="",
        region="",
        country="BD",
        os_id="",
        lei="",
        scheme_family=family,
        audit_half_year=half,
    )


DAYS = {"2024-H2": date(2024, 8, 1), "2025-H1": date(2025, 3, 4), "2025-H2": date(2025, 8, 1)}


def says(group: UUID, words: str, day: date = DAYS["2025-H1"], family: str = "SMETA") -> Entry:
    return Entry(who=group, record=words.encode(), audit_date=day, scheme_family=family)


def row_of(site: PoolSite, *entries: Entry) -> Attributed:
    return Attributed(site=site, entries=frozenset(entries), groups=frozenset(entry.who for entry in entries))


def row(name: str, groups: int, *, half: str = "2025-H1", day: date | None = None) -> Attributed:
    """A row of the first so many groups, who all say the same."""
    said = (says(group, name, day or DAYS[half]) for group in GROUPS[:groups])
    return row_of(pool_site(name, half), *said)


def held(names: object, current: list[Attributed]) -> set[str]:
    assert isinstance(names, frozenset)
    return {one.site.site_name for one in current if one.site.digest in names}


def test_a_first_release_holds_nothing() -> None:
    outcome = decide(POLICY, [row("a", 1)], None, as_of=AS_OF)
    assert (outcome.decisions.held, outcome.staying) == (frozenset(), ())


@pytest.mark.parametrize(("groups", "is_held"), [(4, True), (5, False)])
def test_new_rows_are_held_unless_five_groups_stand_behind_them_together(groups: int, is_held: bool) -> None:
    current = [row("a", 5), row("new", groups), row("also new", 1)]
    outcome = decide(POLICY, current, [row("a", 5)], as_of=AS_OF)
    assert held(outcome.decisions.held, current) == ({"new", "also new"} if is_held else set())


@pytest.mark.parametrize(("groups", "stays"), [(4, True), (5, False)])
def test_gone_rows_stay_unless_five_groups_took_them(groups: int, stays: bool) -> None:
    outcome = decide(POLICY, [row("a", 5)], [row("a", 5), row("gone", groups)], as_of=AS_OF)
    assert outcome.staying == ((pool_site("gone"),) if stays else ())


@pytest.mark.parametrize(("day", "stays"), [(date(2023, 7, 1), True), (date(2023, 6, 30), False)])
def test_gone_rows_stay_no_longer_than_their_audit_counts(day: date, stays: bool) -> None:
    gone = row("gone", 1, half=half_year(day), day=day)
    outcome = decide(POLICY, [row("a", 5)], [row("a", 5), gone], as_of=AS_OF)
    assert bool(outcome.staying) == stays


@pytest.mark.parametrize(
    ("published", "day", "stays"),
    [
        ("2023-H1", date(2025, 3, 4), False),  # one of two groups alone went on to 2025
        ("2025-H1", date(2023, 3, 4), True),  # whoever audited it in 2025 left before
    ],
)
def test_gone_rows_whose_published_half_year_is_not_their_latest_audits_stay_as_long_as_that_counts(
    published: str, day: date, stays: bool
) -> None:
    gone = row("gone", 1, half=published, day=day)
    outcome = decide(POLICY, [row("a", 5)], [row("a", 5), gone], as_of=AS_OF)
    assert bool(outcome.staying) == stays


@pytest.mark.parametrize("first", [True, False])
def test_an_unfit_row_is_shown_in_no_release(first: bool) -> None:
    current = [row("a", 5), row("unfit", 5)]
    before = None if first else current
    outcome = decide(POLICY, current, before, as_of=AS_OF, unfit={current[1].site.digest})
    assert (held(outcome.decisions.held, current), outcome.staying) == ({"unfit"}, ())


def test_no_new_row_hides_behind_the_groups_of_one_that_is_unfit() -> None:
    current = [row("a", 5), row("unfit", 5), row("new", 1)]
    unfit = {current[1].site.digest}
    outcome = decide(POLICY, current, [row("a", 5)], as_of=AS_OF, unfit=unfit)
    assert held(outcome.decisions.held, current) == {"unfit", "new"}


def test_no_change_hides_behind_the_groups_of_one_that_is_unfit() -> None:
    before = [row("a", 5), row("b", 1)]
    current = [row("a", 5, half="2025-H2"), row("b", 1, half="2025-H2")]
    unfit = {current[0].site.digest}
    outcome = decide(POLICY, current, before, as_of=AS_OF, unfit=unfit)
    assert held(outcome.decisions.held, current) == {"a", "b"}
    assert set(outcome.staying) == {one.site for one in before}


def test_no_row_goes_behind_the_groups_of_one_that_is_unfit_nor_does_that_one_stay() -> None:
    before = [row("a", 5), row("unfit", 5), row("gone", 1)]
    outcome = decide(POLICY, [row("a", 5)], before, as_of=AS_OF, unfit={before[1].site.digest})
    assert outcome.staying == (before[2].site,)


def test_a_row_that_went_into_one_that_is_unfit_stays() -> None:
    first, second = row("a", 5), row("b", 5)
    bridged = row_of(first.site, *first.entries, *second.entries)
    outcome = decide(POLICY, [bridged], [first, second], as_of=AS_OF, unfit={first.site.digest})
    assert outcome.decisions.held == {first.site.digest}
    assert outcome.staying == (second.site,)


def test_a_site_that_was_audited_again_is_shown_with_its_older_audit_while_the_newer_is_held() -> None:
    current = [row("a", 5), row("b", 1, half="2025-H2")]
    outcome = decide(POLICY, current, [row("a", 5), row("b", 1)], as_of=AS_OF)
    assert held(outcome.decisions.held, current) == {"b"}
    assert outcome.staying == (pool_site("b"),)


def test_a_site_that_was_audited_again_is_not_gone_once_its_newer_audit_is_shown() -> None:
    current = [row("a", 5), row("b", 5, half="2025-H2")]
    outcome = decide(POLICY, current, [row("a", 5), row("b", 1)], as_of=AS_OF)
    assert (outcome.decisions.held, outcome.staying) == (frozenset(), ())


JOINER, *OLD = GROUPS[7], *GROUPS[:5]
AGAIN = DAYS["2025-H2"]


def test_a_joiners_new_places_do_not_hide_among_old_members_new_audits() -> None:
    before = [
        row_of(pool_site(f"old {number}"), says(group, f"old {number}")) for number, group in enumerate(OLD)
    ]
    audited_again = [
        row_of(pool_site(f"old {number}", "2025-H2"), says(group, f"old {number}", AGAIN))
        for number, group in enumerate(OLD)
    ]
    joined = [
        row_of(pool_site(f"joined {number}"), says(JOINER, f"joined {number}")) for number in range(200)
    ]
    outcome = decide(POLICY, [*audited_again, *joined], before, as_of=AS_OF)
    assert held(outcome.decisions.held, joined) == {f"joined {number}" for number in range(200)}
    assert held(outcome.decisions.held, audited_again) == set()
    assert outcome.staying == ()


def test_four_old_members_new_audits_are_held_though_a_joiner_makes_five_groups() -> None:
    before = [
        row_of(pool_site(f"old {number}"), says(group, f"old {number}")) for number, group in enumerate(OLD)
    ]
    current = [
        *(
            row_of(pool_site(f"old {number}", "2025-H2"), says(group, f"old {number}", AGAIN))
            for number, group in enumerate(OLD[:4])
        ),
        before[4],
        row_of(pool_site("joined"), says(JOINER, "joined")),
    ]
    outcome = decide(POLICY, current, before, as_of=AS_OF)
    assert held(outcome.decisions.held, current) == {"old 0", "old 1", "old 2", "old 3", "joined"}
    assert set(outcome.staying) == {row.site for row in before[:4]}


@pytest.mark.parametrize(
    "changed",
    [{"site_name": "Aurora Textiles Ltd"}, {"os_id": "BD2021083ABCDEF"}, {"lei": "5493001KJTIIGC8Y1R12"}],
)
def test_a_joiner_that_changes_how_old_holders_site_reads_is_held_and_the_old_row_stays(
    changed: dict[str, str],
) -> None:
    holders = [says(group, "aurora textiles") for group in OLD]
    old = row_of(pool_site("Aurora Textiles"), *holders)
    now = row_of(replace(old.site, **changed), *holders, says(JOINER, "Aurora Textiles Ltd, with numbers"))
    outcome = decide(POLICY, [now], [old], as_of=AS_OF)
    assert outcome.decisions.held == {now.site.digest}
    assert outcome.staying == (old.site,)


def test_a_joiners_later_audit_of_old_holders_site_is_held_and_the_old_row_stays() -> None:
    old = row("a", 5)
    now = row_of(pool_site("a", "2025-H2"), *old.entries, says(JOINER, "a", AGAIN))
    outcome = decide(POLICY, [now], [old], as_of=AS_OF)
    assert outcome.decisions.held == {now.site.digest}
    assert outcome.staying == (old.site,)


def test_one_member_that_describes_two_released_sites_as_one_makes_neither_vanish() -> None:
    first, second = row("a", 5), row("b", 5)
    bridged = row_of(first.site, *first.entries, *second.entries, says(JOINER, "a also known as b"))
    outcome = decide(POLICY, [bridged], [first, second], as_of=AS_OF)
    assert (outcome.decisions.held, outcome.staying) == (frozenset(), (second.site,))


def test_a_leavers_rows_stay_though_old_members_sites_are_audited_again() -> None:
    before = [row("a", 5), row_of(pool_site("left"), says(JOINER, "left"))]
    outcome = decide(POLICY, [row("a", 5, half="2025-H2")], before, as_of=AS_OF)
    assert (outcome.decisions.held, outcome.staying) == (frozenset(), (pool_site("left"),))


ROWS = st.lists(
    st.builds(
        row, st.sampled_from("abcdef"), st.integers(1, 7), half=st.sampled_from(["2024-H2", "2025-H1"])
    ),
    unique_by=lambda one: one.site,
)


@given(ROWS, st.none() | ROWS)
def test_every_difference_that_is_shown_comes_from_enough_groups(
    current: list[Attributed], before: list[Attributed] | None
) -> None:
    outcome = decide(POLICY, current, before, as_of=AS_OF)
    if before is None:
        return
    pool = {one.site for one in current} | set(outcome.staying)
    shown = {site for site in pool if outcome.decisions.shows(site)}
    held_sites = pool - shown
    assert len(pool) == len(shown) + len(held_sites)
    assert set(outcome.staying) <= shown
    old = {one.site for one in before}
    appeared = [one for one in current if one.site in shown - old]
    old_places = {site.place for site in old}
    said = {entry for one in before for entry in one.entries}
    brand_new = {group for one in appeared if one.site.place not in old_places for group in one.groups}
    changed = {
        entry.who
        for one in appeared
        if one.site.place in old_places
        for entry in one.entries
        if entry not in said
    }
    places = {site.place for site in shown}
    vanished = {
        group
        for one in before
        if one.site not in shown and one.site.place not in places
        for group in one.groups
    }
    assert not any(one.site.place not in old_places for one in appeared) or len(brand_new) >= 5
    assert not any(one.site.place in old_places for one in appeared) or len(changed) >= 5
    assert not vanished or len(vanished) >= 5


def participation(number: int, group: int, *tied: int) -> Participation:
    return Participation(
        member_id=UUID(int=number),
        group_id=GROUPS[group],
        tied_groups=frozenset(GROUPS[one] for one in tied),
        participates=True,
        missing=(),
    )


def test_groups_that_a_holding_ties_are_one_in_both_directions_and_through_third_ones() -> None:
    groups = independent_groups(
        [participation(1, 0, 7), participation(2, 1), participation(3, 2, 7, 1), participation(4, 3)]
    )
    assert len({groups[UUID(int=number)] for number in (1, 2, 3)}) == 1
    assert groups[UUID(int=4)] != groups[UUID(int=1)]


@given(st.permutations([participation(1, 0, 7), participation(2, 1), participation(3, 2, 7, 1)]))
def test_groups_do_not_depend_on_the_order_in_which_members_came(members: list[Participation]) -> None:
    assert independent_groups(members) == independent_groups(sorted(members, key=lambda one: one.member_id))


def test_a_row_counts_until_its_latest_audit_expires_and_for_known_groups_alone() -> None:
    site = pool_site("a")
    links = [
        (site, says(UUID(int=1), "a", date(2024, 1, 1))),
        (site, says(UUID(int=2), "A", date(2025, 1, 1))),
    ]
    (found,) = attribute(links, {UUID(int=1): GROUPS[0]})
    assert found.groups == frozenset([GROUPS[0]])
    assert [found.counts(day) for day in (date(2027, 12, 31), date(2028, 1, 1))] == [True, False]


def test_what_was_generalised_is_counted() -> None:
    shown = [pool_site("a"), pool_site("b", family="equivalent")]
    assert generalised(shown) == {"audit_date": 2, "protocol": 1}
