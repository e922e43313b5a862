"""Generated lists: the same for one seed, true to life, with faults that are only what they say."""

from collections import Counter
from dataclasses import replace
from datetime import date
from functools import cache

import pytest
from mrx_matching import SiteRecord, check_identifier, link, normalise_country, pairwise, resolve
from mrx_matching.generator import (
    IDENTIFIER_COLUMNS,
    LIST_COLUMNS,
    Fault,
    ListRow,
    ProtocolChoice,
    World,
    generate,
    suppliers,
)

AS_OF = date(2026, 6, 30)
FIRST, LAST = date(2023, 7, 1), date(2026, 4, 1)
CHOICES = (
    ProtocolChoice(protocol="SMETA", version="6.1", recognised_until=date(2025, 1, 1)),
    ProtocolChoice(protocol="SMETA", version="7.0", recognised_from=date(2024, 9, 10), weight=2),
)


@cache
def world(seed: int = 1, rows: int = 2500) -> World:
    return generate(seed, members=6, rows_total=rows, as_of=AS_OF, protocols=CHOICES, faults=0.04)


def every_row(lists: World) -> list[ListRow]:
    return [row for member_list in lists.lists for row in member_list.rows]


def reasons(row: ListRow) -> set[Fault]:
    """What a strict reader finds wrong with a row."""
    values = row.values
    wrong = {
        Fault.NAME_MISSING: not values["site_name"].strip(),
        Fault.UNKNOWN_COUNTRY: normalise_country(values["country"]) is None,
        Fault.LEI_CHECK: not is_good("lei", values.get("lei", "")),
        Fault.GLN_CHECK: not is_good("gln", values.get("gln", "")),
        Fault.CONTROL_CHARACTER: not "".join(values.values()).isprintable(),
        Fault.FORMULA: any(value.startswith(("=", "+", "@")) for value in values.values()),
    }
    return {fault for fault, is_so in wrong.items() if is_so} | wrong_dates(row)


def is_good(kind: str, text: str) -> bool:
    try:
        return not text or check_identifier(kind, text) == text
    except ValueError:
        return False


def wrong_dates(row: ListRow) -> set[Fault]:
    try:
        day = date.fromisoformat(row.values["audit_date"])
    except ValueError:
        return {Fault.DATE_UNREADABLE}
    wrong = {
        Fault.DATE_IN_FUTURE: day > date(2060, 1, 1),
        Fault.DATE_TOO_YOUNG: LAST < day < date(2060, 1, 1),
        Fault.DATE_TOO_OLD: day < FIRST,
        Fault.PROTOCOL_NOT_RECOGNISED: not any(
            choice.recognised_on(day)
            for choice in CHOICES
            if (choice.protocol, choice.version) == (row.values["protocol"], row.values["protocol_version"])
        ),
    }
    return {fault for fault, is_so in wrong.items() if is_so}


def test_one_seed_gives_one_world() -> None:
    again = generate(1, members=6, rows_total=2500, as_of=AS_OF, protocols=CHOICES, faults=0.04)
    assert again == world()


def test_seeds_differ() -> None:
    assert every_row(world(1)) != every_row(world(2))


def test_there_are_exactly_as_many_rows_as_asked_for() -> None:
    assert len(every_row(world())) == 2500


def test_a_row_has_every_list_column() -> None:
    for row in every_row(world()):
        assert set(LIST_COLUMNS) <= row.values.keys() <= {*LIST_COLUMNS, *IDENTIFIER_COLUMNS}


def test_row_references_are_unique_within_a_list() -> None:
    for member_list in world().lists:
        refs = [row.values["row_ref"] for row in member_list.rows]
        assert len(refs) == len(set(refs))


def test_sites_stand_in_fourteen_countries_at_least() -> None:
    assert len({site.country for site in world().sites.values()}) >= 14


def test_a_tenth_to_a_quarter_of_the_sites_is_on_several_lists() -> None:
    lists = Counter(site for one in world().lists for site in {row.site for row in one.rows})
    assert 0.1 <= sum(count > 1 for count in lists.values()) / len(lists) <= 0.25


def test_a_planted_row_is_wrong_in_what_it_names_and_nothing_else() -> None:
    planted = [row for row in every_row(world()) if row.fault]
    assert 60 <= len(planted) <= 110
    for row in planted:
        assert reasons(row) == {row.fault}, row


def test_all_other_rows_are_good() -> None:
    for row in every_row(world()):
        if row.fault is None:
            assert reasons(row) == set(), row


def test_every_fault_is_planted_sooner_or_later() -> None:
    seen = {row.fault for seed in (1, 2, 3) for row in every_row(world(seed))}
    assert seen >= set(Fault)


def test_identifiers_are_good_and_some_are_lacking() -> None:
    for member_list in world().lists:
        for kind in member_list.habits.identifiers:
            values = [row.values[kind] for row in member_list.rows if row.fault is None]
            assert "" in values
            for value in filter(None, values):
                assert check_identifier(kind, value) == value


def test_protocols_may_differ_by_member() -> None:
    own = ProtocolChoice(protocol="House Code", version="3")
    lists = generate(1, members=("a", "b"), rows_total=60, protocols={"a": CHOICES, "b": (own,)}).lists
    assert {row.values["protocol"] for row in lists[1].rows} == {"House Code"}
    assert "House Code" not in {row.values["protocol"] for row in lists[0].rows}


def test_a_member_without_a_recognised_protocol_is_an_error() -> None:
    lapsed = ProtocolChoice(protocol="Old", version="1", recognised_until=date(2020, 1, 1))
    with pytest.raises(ValueError, match="no protocol was recognised"):
        generate(1, members=2, rows_total=20, protocols=(lapsed,))


def test_more_members_than_rows_is_an_error() -> None:
    with pytest.raises(ValueError, match="cannot be shared"):
        generate(1, members=5, rows_total=3)


def test_a_supplier_base_is_half_own_half_others_each_site_once() -> None:
    base = suppliers(7, world(), "member-02", count=101)
    own = {row.site for one in world().lists if one.member == "member-02" for row in one.rows}
    assert [row.own for row in base] == [row.site in own for row in base]
    assert sum(row.own for row in base) == 51
    assert len({row.site for row in base}) == 101
    assert base == suppliers(7, world(), "member-02", count=101)


def test_a_base_larger_than_the_world_is_an_error() -> None:
    with pytest.raises(ValueError, match="too few"):
        suppliers(1, world(), "member-01", count=100_000)


def record(row: dict[str, str], key: int) -> SiteRecord:
    known = {
        column: row.get(column, "")
        for column in ("address", "city", "region", "postcode", *IDENTIFIER_COLUMNS)
    }
    return SiteRecord(
        key=key, name=row["site_name"], country=normalise_country(row["country"]) or "", **known
    )


def test_sites_of_generated_lists_are_found_again() -> None:
    rows = [row for row in every_row(world()) if row.fault is None]
    labels = resolve([record(dict(row.values), place) for place, row in enumerate(rows)])
    accuracy = pairwise([row.site for row in rows], labels)
    assert accuracy.precision >= 0.97
    assert accuracy.recall >= 0.9


def test_a_supplier_base_is_found_in_the_list_of_sites() -> None:
    base = suppliers(7, world(), "member-02", count=200)
    rows = {row.site: row for row in every_row(world()) if row.fault is None}
    entries = [
        replace(record(dict(row.values), 0), key=site, postcode="", duns="", gln="", vat="", zs="", zc="")
        for site, row in rows.items()
    ]
    found = link([record(dict(row.values), place) for place, row in enumerate(base)], entries)
    matched = [one for one in found if one.decision == "match"]
    right = sum(base[int(one.left_key)].site == one.right_key for one in matched)
    assert right >= 0.97 * len(matched)
    assert right >= 0.85 * len(base)
