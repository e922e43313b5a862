import json

import pytest
from mrx_portal.domain.released import Search, find, page_of, read_released
from mrx_shared.refusals import Invalid

from tests.unit.portal.scheme import entry


def listed(*entries: dict[str, str]) -> bytes:
    return json.dumps(entries).encode()


SITES = read_released(
    listed(
        entry(1, site_name="Peña Hermanos", city="Puebla", country="MX", audit_half_year="2025-H1"),
        entry(2, site_name="PENA TEXTIL", city="Lima", country="PE", audit_half_year="2025-H2"),
        entry(3, site_name="Blue River", city="Hangzhou", country="CN", scheme_family="equivalent"),
        entry(4, site_name="Blue Hill", city="Izmir", country="TR", os_id="TR2020123ABCDEF"),
    )
)


@pytest.mark.parametrize(
    ("search", "names"),
    [
        (Search(), ["Peña Hermanos", "PENA TEXTIL", "Blue River", "Blue Hill"]),
        (Search(words="pena"), ["Peña Hermanos", "PENA TEXTIL"]),
        (Search(words="  PEÑA   lima "), ["PENA TEXTIL"]),
        (Search(words="tr2020123abcdef"), ["Blue Hill"]),
        (Search(words="blue", country="CN"), ["Blue River"]),
        (Search(half_year="2025-H1"), ["Peña Hermanos"]),
        (Search(family="equivalent"), ["Blue River"]),
        (Search(words="nowhere"), []),
    ],
)
def test_every_word_counts_in_any_case_with_or_without_accents(search: Search, names: list[str]) -> None:
    assert [one.site_name for one in find(SITES, search)] == names


def test_filters_offer_what_the_list_holds_and_how_often() -> None:
    assert [(one.value, one.count) for one in SITES.families] == [("SMETA", 3), ("equivalent", 1)]
    assert [one.value for one in SITES.half_years] == ["2025-H2", "2025-H1"]


@pytest.mark.parametrize(
    ("number", "first", "last", "shown"), [(1, 1, 50, 1), (3, 101, 120, 3), (9, 101, 120, 3), (-4, 1, 50, 1)]
)
def test_a_page_past_either_end_is_the_nearest_one(number: int, first: int, last: int, shown: int) -> None:
    page = page_of(range(120), number)

    assert (page.first, page.last, page.number, page.pages, page.total) == (first, last, shown, 3, 120)


def test_nothing_found_is_one_empty_page() -> None:
    nothing: list[str] = []
    page = page_of(nothing, 1)

    assert (page.first, page.last, page.pages, page.total) == (0, 0, 1, 0)


@pytest.mark.parametrize("document", [b"", b"{}x", b'[{"entry_id": "1"}]', b"[1]", b"17"])
def test_a_document_that_is_no_list_is_refused(document: bytes) -> None:
    with pytest.raises(Invalid, match="cannot be read"):
        read_released(document)
