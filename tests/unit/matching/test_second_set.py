"""The bench's second set: the same for one seed, with identifiers and troubles that are what it says."""

import importlib.util
from collections import Counter, defaultdict
from functools import cache
from itertools import islice
from pathlib import Path
from types import ModuleType

import pytest

ROWS = 3000
WRITTEN = Path(__file__).parents[2] / "bench/matching/second_set.py"


@cache
def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("second_set", WRITTEN)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@cache
def rows(seed: int = 1) -> list[tuple[dict[str, str], int]]:
    return list(bench().second_set(seed, ROWS))


def told(column: str) -> set[str]:
    return {row[column] for row, _ in rows()} - {""}


def test_one_seed_gives_the_same_rows_and_another_gives_others() -> None:
    again = list(bench().second_set(1, ROWS))
    assert again == rows()
    assert len(again) == ROWS
    assert {row["name"] for row, _ in rows(2)} != told("name")


def test_a_shorter_set_is_the_beginning_of_a_longer_one() -> None:
    assert list(bench().second_set(1, 100)) == list(islice(rows(), 100))


def test_a_row_is_told_by_its_list_and_its_number_there() -> None:
    assert len({(row["source"], row["record_id"]) for row, _ in rows()}) == ROWS


def test_every_lei_has_valid_check_digits() -> None:
    assert told("lei")
    assert {int("".join(str(int(sign, 36)) for sign in lei)) % 97 for lei in told("lei")} == {1}


def test_every_gln_has_a_valid_check_digit() -> None:
    assert told("gln")
    assert {
        sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(gln)) % 10
        for gln in told("gln")
    } == {0}


def test_half_of_the_os_ids_have_a_valid_check_character() -> None:
    signs = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    valid = [
        os_id
        for os_id in told("os_id")
        if (ord(os_id[0]) + ord(os_id[1]) + sum(map(signs.index, os_id[2:-1]))) % 32 == signs.index(os_id[-1])
    ]
    assert len(valid) / len(told("os_id")) == pytest.approx(0.5, abs=0.12)


def test_an_identifier_of_a_site_is_never_another_sites() -> None:
    for column in ("os_id", "duns", "gln"):
        sites = defaultdict(set)
        for row, site in rows():
            sites[row[column]].add(site)
        del sites[""]
        assert {len(found) for found in sites.values()} == {1}


def test_a_site_has_two_rows_on_average_and_often_two_names() -> None:
    counted = Counter(site for _, site in rows())
    assert ROWS / len(counted) == pytest.approx(2.1, abs=0.15)
    names = defaultdict(set)
    for row, site in rows():
        names[site].add(row["name"].lower())
    several = [site for site, number in counted.items() if number > 1]
    assert sum(len(names[site]) > 1 for site in several) > len(several) / 2


def test_no_pattern_is_left_unfilled() -> None:
    assert not [row for row, _ in rows() if any(sign in text for text in row.values() for sign in "{}")]
