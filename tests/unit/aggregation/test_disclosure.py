"""What a release may show beside the one before, so that the difference names nobody."""

from datetime import date
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mrx_aggregation.domain.disclosure import POLICY, Attributed, attribute, decide, generalised
from mrx_aggregation.domain.groups import Participation, independent_groups
from mrx_aggregation.domain.pool import PoolSite

AS_OF = date(2026, 6, 30)
LATER = date(2028, 1, 1)
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


def row(name: str, groups: int, *, half: str = "2025-H1", until: date = LATER) -> Attributed:
    return Attributed(site=pool_site(name, half), groups=frozenset(GROUPS[:groups]), counts_until=until)


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


@pytest.mark.parametrize(("until", "stays"), [(AS_OF, True), (date(2026, 6, 29), False)])
def test_gone_rows_stay_no_longer_than_their_audit_counts(until: date, stays: bool) -> None:
    outcome = decide(POLICY, [row("a", 5)], [row("a", 5), row("gone", 1, until=until)], as_of=AS_OF)
    assert bool(outcome.staying) == stays


def test_a_site_that_was_audited_again_is_shown_with_its_older_audit_while_the_newer_is_held() -> None:
    current = [row("a", 5), row("b", 1, half="2025-H2")]
    outcome = decide(POLICY, current, [row("a", 5), row("b", 1)], as_of=AS_OF)
    assert held(outcome.decisions.held, current) == {"b"}
    assert outcome.staying == (pool_site("b"),)


def test_a_site_that_was_audited_again_is_not_gone_once_its_newer_audit_is_shown() -> None:
    current = [row("a", 5), row("b", 5, half="2025-H2")]
    outcome = decide(POLICY, current, [row("a", 5), row("b", 1)], as_of=AS_OF)
    assert (outcome.decisions.held, outcome.staying) == (frozenset(), ())


ROWS = st.lists(
    st.builds(
        row, st.sampled_from("abcdef"), st.integers(0, 7), half=st.sampled_from(["2024-H2", "2025-H1"])
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
    places = {site.place for site in shown}
    vanished = [one for one in before if one.site not in shown and one.site.place not in places]
    for changed in (appeared, vanished):
        groups = frozenset[UUID]().union(*(one.groups for one in changed))
        assert not changed or len(groups) >= POLICY.min_independent_groups


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
    links = [(site, UUID(int=1), date(2024, 1, 1)), (site, UUID(int=2), date(2025, 1, 1))]
    (found,) = attribute(links, {UUID(int=1): GROUPS[0]})
    assert (found.groups, found.counts_until) == (frozenset([GROUPS[0]]), date(2027, 12, 31))


def test_what_was_generalised_is_counted() -> None:
    shown = [pool_site("a"), pool_site("b", family="equivalent")]
    assert generalised(shown) == {"audit_date": 2, "protocol": 1}
