"""Site ids across runs."""

from collections.abc import Hashable

from mrx_matching.stable_ids import carry_on


def test_a_site_keeps_its_id_by_largest_overlap() -> None:
    former: dict[Hashable, str] = {"a": "s1", "b": "s1", "c": "s2", "d": "s1"}
    found = carry_on(former, {"a": 7, "b": 7, "d": 7, "c": 7})
    assert set(found.site_of.values()) == {"s1"}
    assert found.redirects == {"s2": "s1"}


def test_what_is_parted_leaves_the_id_with_the_larger_part() -> None:
    found = carry_on({"a": "s1", "b": "s1", "c": "s1"}, {"a": 0, "b": 0, "c": 1})
    assert found.site_of["a"] == found.site_of["b"] == "s1" != found.site_of["c"]
    assert found.redirects == {}


def test_a_run_that_changes_nothing_changes_no_id() -> None:
    first = carry_on({}, {"a": 0, "b": 0, "c": 1})
    again = carry_on(first.site_of, {"c": 0, "a": 9, "b": 9}, first.redirects)
    assert again.site_of == first.site_of


def test_a_retired_id_leads_to_the_last_of_its_successors() -> None:
    found = carry_on({"a": "s2", "b": "s3"}, {"a": 0, "b": 0}, {"s1": "s3"})
    assert found.redirects == {"s1": "s2", "s3": "s2"}


def test_a_merge_that_is_undone_gives_both_sites_their_ids_back() -> None:
    apart = carry_on({}, {"a": 0, "b": 0, "c": 1})
    merged = carry_on(apart.site_of, {"a": 0, "b": 0, "c": 0}, apart.redirects)
    assert merged.redirects == {apart.site_of["c"]: apart.site_of["a"]}
    undone = carry_on(merged.site_of, {"a": 0, "b": 0, "c": 1}, merged.redirects, before=apart.site_of)
    assert undone.site_of == apart.site_of
    assert undone.redirects == {}


def test_a_split_that_is_undone_gives_the_site_its_id_back() -> None:
    whole = carry_on({}, {"a": 0, "b": 0, "c": 0})
    split = carry_on(whole.site_of, {"a": 0, "b": 0, "c": 1})
    undone = carry_on(split.site_of, {"a": 0, "b": 0, "c": 0}, split.redirects, before=whole.site_of)
    assert undone.site_of == whole.site_of
    assert undone.redirects == {split.site_of["c"]: whole.site_of["a"]}


def test_an_id_whose_rows_have_all_left_leads_nowhere_and_is_not_given_to_others() -> None:
    first = carry_on({}, {"a": 0, "b": 1})
    gone = carry_on(first.site_of, {"b": 0}, {"s0": first.site_of["a"]})
    assert gone.redirects == {"s0": "", first.site_of["a"]: ""}
    back = carry_on(gone.site_of, {"a": 0, "b": 1}, gone.redirects)
    assert back.site_of["a"] not in {*first.site_of.values()}


def test_a_redirect_of_an_id_that_is_in_use_and_redirects_in_a_circle_are_dropped() -> None:
    found = carry_on({"a": "s1", "b": "s2"}, {"a": 0, "b": 1}, {"s1": "s2", "x": "y", "y": "x"})
    assert found.redirects == {"x": "", "y": ""}


def test_a_new_id_does_not_name_a_row() -> None:
    found = carry_on({}, {("acme suppliers", "17"): 0})
    assert "acme" not in found.site_of["acme suppliers", "17"]
