"""Which audits count: by their day, and by how their protocol version stood on it."""

from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mrx_aggregation.domain.protocols import Recognition, Recognitions, protocol_key
from mrx_aggregation.domain.window import Window, half_year, last_day

AS_OF = date(2026, 6, 30)
DAYS = st.dates(date(2010, 1, 1), date(2040, 12, 31))


@pytest.mark.parametrize(
    ("day", "counts"),
    [
        (date(2023, 6, 30), False),
        (date(2023, 7, 1), True),
        (date(2026, 4, 1), True),
        (date(2026, 4, 2), False),
        (date(2026, 7, 1), False),
    ],
)
def test_an_audit_counts_within_36_months_and_after_90_days(day: date, counts: bool) -> None:
    assert (day in Window(as_of=AS_OF)) == counts
    assert (Window(as_of=AS_OF).refusal(day) is None) == counts


def test_months_are_months_of_the_calendar() -> None:
    leap = date(2024, 2, 29)
    assert leap in Window(as_of=date(2027, 2, 28))
    assert leap not in Window(as_of=date(2027, 3, 1))
    assert last_day(leap) == date(2027, 2, 28)


def test_a_refusal_says_from_and_until_which_day_the_audit_counts() -> None:
    window = Window(as_of=AS_OF)
    assert "counts from 2026-07-30" in (window.refusal(date(2026, 5, 1)) or ("", ""))[0]
    assert "counted until 2026-06-29" in (window.refusal(date(2023, 6, 30)) or ("", ""))[0]
    assert "future" in (window.refusal(date(2026, 7, 1)) or ("", ""))[0]


@given(DAYS)
def test_the_last_day_is_the_last_on_which_an_audit_counts(day: date) -> None:
    assert day in Window(as_of=last_day(day))
    assert day not in Window(as_of=last_day(day) + timedelta(days=1))


@given(DAYS)
def test_a_half_year_is_all_that_is_left_of_a_day(day: date) -> None:
    year, half = half_year(day).split("-H")
    assert int(year) == day.year
    assert (half == "1") == (day.month <= 6)


def recognition(**changed: object) -> Recognition:
    stated: dict[str, object] = {
        "protocol_code": "SMETA",
        "protocol_version": "6.1",
        "scheme_family": "SMETA",
        "public": True,
        "equivalent": True,
        "recognised_from": date(2019, 5, 1),
        "recognised_until": date(2024, 12, 31),
    }
    return Recognition(**{**stated, **changed})  # type: ignore[arg-type]


def test_codes_are_compared_without_case_spaces_hyphens_underscores_and_dots() -> None:
    assert protocol_key("S.M-E_T a", " 6.1 4P") == protocol_key("smeta", "6.14p")


@pytest.mark.parametrize(
    ("day", "family"),
    [
        (date(2019, 4, 30), None),
        (date(2019, 5, 1), "SMETA"),
        (date(2024, 12, 31), "SMETA"),
        (date(2025, 1, 1), None),
    ],
)
def test_a_version_is_recognised_from_its_first_day_to_its_last(day: date, family: str | None) -> None:
    standing = Recognitions([recognition()]).on(protocol_key("smeta", "6.1"), day)
    assert standing.scheme_family == family
    assert not standing.unknown
    if family is None:
        assert "recognised 2019-05-01 to 2024-12-31" in (standing.reason or "")


def test_what_nobody_assessed_is_unknown_and_not_refused() -> None:
    assert Recognitions([]).on(protocol_key("x", "1"), AS_OF).unknown


def test_a_company_owned_protocol_counts_under_no_name() -> None:
    own = recognition(public=False, scheme_family="Owner's Code")
    assert (
        Recognitions([own]).on(protocol_key("smeta", "6.1"), date(2020, 1, 1)).scheme_family == "equivalent"
    )


def test_a_public_protocol_goes_before_a_company_owned_one_of_the_same_code() -> None:
    refused = recognition(equivalent=False)
    own = recognition(public=False)
    standing = Recognitions([own, refused]).on(protocol_key("smeta", "6.1"), date(2020, 1, 1))
    assert standing.reason == "was assessed and is not equivalent"


@pytest.mark.parametrize(
    ("verdict", "own"),
    [
        ({"equivalent": False}, "was assessed and is not equivalent"),
        ({}, "was recognised 2019-05-01 to 2024-12-31, not on 2026-06-30"),
    ],
)
def test_only_its_owner_is_told_what_became_of_a_company_owned_protocol(
    verdict: dict[str, object], own: str
) -> None:
    owner, other = UUID(int=1), UUID(int=2)
    known = [recognition(public=False, member_id=owner, **verdict)]
    key = protocol_key("smeta", "6.1")
    for asker in (other, None):
        told = Recognitions(known, seen_by=asker).on(key, AS_OF)
        assert told.reason == "was not recognised on that day"
    assert Recognitions(known, seen_by=owner).on(key, AS_OF).reason == own


def test_recognition_under_any_version_of_the_criteria_is_recognition() -> None:
    later = recognition(recognised_from=date(2025, 1, 1), recognised_until=None)
    known = Recognitions([recognition(), later])
    assert known.on(protocol_key("smeta", "6.1"), date(2025, 1, 1)).scheme_family == "SMETA"
