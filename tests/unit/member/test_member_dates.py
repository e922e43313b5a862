"""Dates as people write them: the order of day and month is decided per column."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mrx_member.domain.dates import DateOrder, hinted_order, iso_dates
from mrx_shared.refusals import Invalid


def read(*texts: str | date, order: DateOrder | None = None, heading: str = "audit_date") -> list[str]:
    return iso_dates(texts, rows=range(2, 2 + len(texts)), heading=heading, order=order)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2025-03-04", "2025-03-04"),
        ("2025/3/4", "2025-03-04"),
        ("20250304", "2025-03-04"),
        ("2025-03-04T23:10:00", "2025-03-04"),
        ("2025年3月4日", "2025-03-04"),
        ("04 Mar 2025", "2025-03-04"),
        ("4-Mar-25", "2025-03-04"),
        ("March 4th, 2025", "2025-03-04"),
        ("4. März 2025", "2025-03-04"),
        ("4 de marzo de 2025", "2025-03-04"),
        ("4 août 2025", "2025-08-04"),
        ("1 déc. 2025", "2025-12-01"),
        ("15 ene 2025", "2025-01-15"),
        (date(2025, 3, 4), "2025-03-04"),
        (datetime(2025, 3, 4, 23), "2025-03-04"),  # noqa: DTZ001 - a cell of a workbook has no zone
    ],
)
def test_a_date_that_cannot_be_mistaken_is_read_whatever_the_others_are(
    written: str | date, meant: str
) -> None:
    assert read(written) == [meant]


@pytest.mark.parametrize(
    "written", ["2025-02-30", "31/02/2025", "n/a", "not yet", "Q3/2025", "tbc", "", "45000"]
)
def test_what_is_no_date_stays_as_written_for_the_service_to_refuse(written: str) -> None:
    assert read(written, "2025-03-04") == [written, "2025-03-04"]


def test_one_row_decides_for_the_whole_column() -> None:
    assert read("03/04/2025", "14/04/2025") == ["2025-04-03", "2025-04-14"]
    assert read("03/04/2025", "04/14/2025") == ["2025-03-04", "2025-04-14"]
    assert read("03.04.25", "14.04.25") == ["2025-04-03", "2025-04-14"]


def test_where_no_row_decides_the_column_is_named_with_the_remedy() -> None:
    with pytest.raises(Invalid, match="no row tells") as refused:
        read("04/04/2025", "03/04/2025", heading="Fecha")
    assert (refused.value.field, refused.value.row) == ("Fecha", 3)
    assert "--date-order" in str(refused.value.remedy)


def test_where_the_order_makes_no_difference_nothing_is_ambiguous() -> None:
    assert read("04/04/2025", "05/05/2025") == ["2025-04-04", "2025-05-05"]


def test_the_order_can_be_said() -> None:
    assert read("03/04/2025", order=DateOrder.DMY) == ["2025-04-03"]
    assert read("03/04/2025", order=DateOrder.MDY) == ["2025-03-04"]
    assert read("25/12/2025", order=DateOrder.MDY) == ["25/12/2025"]


def test_rows_that_disagree_are_named() -> None:
    with pytest.raises(Invalid, match="row 2 has the day first, row 4 the month"):
        read("14/04/2025", "03/04/2025", "04/15/2025")


def test_a_stray_doubtful_date_among_plain_ones_is_left_for_the_service_to_refuse() -> None:
    assert read("2025-03-04", "03/04/2025") == ["2025-03-04", "03/04/2025"]


@pytest.mark.parametrize(
    ("heading", "order"),
    [
        ("Last Audit (MM/DD/YYYY)", DateOrder.MDY),
        ("Auditdatum (TT.MM.JJJJ)", DateOrder.DMY),
        ("Date d'audit jj/mm/aaaa", DateOrder.DMY),
        ("Date of Audit", None),
    ],
)
def test_a_heading_may_give_the_order(heading: str, order: DateOrder | None) -> None:
    assert hinted_order(heading) == order


def test_rows_outweigh_the_heading() -> None:
    assert read("14/04/2025", heading="Last Audit (MM/DD/YYYY)") == ["2025-04-14"]


@given(
    days=st.lists(st.dates(date(2000, 1, 1), date(2099, 12, 31)), min_size=1),
    written=st.sampled_from(
        ["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%m-%d-%Y", "%d %b %Y", "%Y/%m/%d", "%d/%m/%y"]
    ),
)
def test_a_column_is_read_rightly_or_refused_never_wrongly(days: list[date], written: str) -> None:
    column = [day.strftime(written) for day in days]
    try:
        found = read(*column)
    except Invalid:
        assert all(day.day <= 12 for day in days)
    else:
        assert found == [day.isoformat() for day in days]


@given(st.lists(st.dates(date(2000, 1, 1), date(2099, 12, 31))))
def test_reading_what_was_read_changes_nothing(days: list[date]) -> None:
    read_once = read(*(day + timedelta(0) for day in days))
    assert read(*read_once) == read_once
