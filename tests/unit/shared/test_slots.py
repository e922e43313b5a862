"""Request mails leave in slots that the calendar alone decides, on at most three days a week."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mrx_shared.slots import Slots

MONDAY = datetime(2026, 11, 30, 7, tzinfo=UTC)
MOMENTS = st.timedeltas(timedelta(0), timedelta(days=365)).map(lambda span: MONDAY + span)
DAYS = st.frozensets(st.integers(0, 6), min_size=1, max_size=3)


def test_what_is_asked_on_a_day_leaves_on_the_next_monday_wednesday_or_friday_at_seven() -> None:
    slots = Slots()
    assert slots.after(MONDAY - timedelta(seconds=1)) == MONDAY
    assert slots.after(MONDAY) == MONDAY + timedelta(days=2)
    assert slots.after(MONDAY + timedelta(days=4, hours=1)) == MONDAY + timedelta(days=7)
    assert slots.not_before(MONDAY) == MONDAY


@given(MOMENTS, DAYS, st.integers(0, 23))
def test_no_calendar_has_more_than_three_slots_in_a_week(
    start: datetime, days: frozenset[int], hour: int
) -> None:
    slots, at = Slots(days=days, hour=hour), start
    found = []
    for _ in range(30):
        at = slots.after(at)
        found.append(at)
    assert found == sorted(set(found))
    assert max(Counter(one.isocalendar()[:2] for one in found).values()) <= 3
    assert {(one.hour, one.minute, one.weekday() in days) for one in found} == {(hour, 0, True)}


@given(MOMENTS, MOMENTS)
def test_a_mail_joins_the_slot_that_it_was_wished_for_or_one_that_is_not_gathered_yet(
    wished: datetime, now: datetime
) -> None:
    slots = Slots()
    slot = slots.joined(wished, now=now)
    assert slot == slots.not_before(slot)
    assert slot >= wished
    assert now < slots.leaves_at(slot)
    if wished >= now:
        assert slot == slots.not_before(wished)


def test_between_the_last_that_joins_and_the_leaving_there_is_time_to_store_it() -> None:
    slots = Slots()
    late = [
        minutes
        for minutes in range(16)
        if slots.joined(MONDAY, now=MONDAY + timedelta(minutes=minutes)) != MONDAY
    ]
    assert late == list(range(10, 16))
    assert slots.leaves_at(MONDAY) == MONDAY + timedelta(minutes=15)


def test_a_demonstration_has_a_slot_every_so_often() -> None:
    slots = Slots(every=timedelta(seconds=2))
    moments = [slots.after(MONDAY + timedelta(seconds=one)) - MONDAY for one in (0, 1, 1.9, 2)]
    assert [one.total_seconds() for one in moments] == [2, 2, 2, 4]


@pytest.mark.parametrize(
    "wrong",
    [{"days": frozenset()}, {"days": frozenset({0, 1, 2, 3})}, {"days": frozenset({7})}, {"every": timedelta(0)}],
)  # fmt: skip
def test_more_than_three_days_and_no_days_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"state|slots"):
        Slots(**wrong)  # type: ignore[arg-type]
