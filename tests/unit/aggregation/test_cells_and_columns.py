"""What a list may hold: cells that no spreadsheet runs, columns that tell nothing of trade and name no contact."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mrx_aggregation.domain.cells import SUSPICIOUS, fault_of
from mrx_aggregation.domain.columns import IDENTIFIER_COLUMNS, TEXT_COLUMNS, sort_columns
from mrx_shared.messages.lists import COLUMNS, IDENTIFIERS


def test_the_columns_that_are_read_are_those_of_the_message() -> None:
    assert TEXT_COLUMNS == COLUMNS
    assert IDENTIFIER_COLUMNS == IDENTIFIERS


@pytest.mark.parametrize(
    "value",
    [
        "=1+1",
        " =SUM(A1)",
        "＝1",
        "@SUM(A1)",
        "+SUM(A1:A3)",
        "-A1",
        "-$B$2+4",
        "+cmd|' /C calc'!A0",
        "-2+3+cmd|' /C calc'!A0",
        "-Sheet1!A1",
        "--A1",
        "+1*A1",
    ],
)
def test_a_formula_is_told(value: str) -> None:
    fault = fault_of("site_name", value)
    assert fault is not None
    assert "formula" in fault.reason


@pytest.mark.parametrize(
    "value",
    [
        "+49 (0)171 2345-67",
        "-",
        "- Block B",
        "-2.54",
        "+1 555 0100",
        "@home Textiles",
        "A=B Trading",
        "O'Neill & Sons",
        "'quoted'",
        "50% Cotton",
        "-Old Mill-",
    ],
)
def test_a_telephone_number_a_dash_and_a_name_are_no_formulas(value: str) -> None:
    assert fault_of("site_name", value) is None


@pytest.mark.parametrize("value", ["a\x00b", "a\nb", "a\tb", "a\x9fb", "a\u202eb", "a\u200bb"])
def test_control_characters_are_told(value: str) -> None:
    fault = fault_of("city", value)
    assert fault is not None
    assert "control characters" in fault.reason


def test_a_value_may_be_as_long_as_its_column_takes_and_no_longer() -> None:
    assert fault_of("city", "x" * 200) is None
    assert fault_of("city", "x" * 201) is not None
    assert fault_of("address", "x" * 500) is None


@given(
    st.text(
        st.one_of(st.characters(codec="utf-8"), st.sampled_from("=+-@＝＋－＠\u200b\n\x00|!(A1")), max_size=12
    )
)
def test_whatever_has_a_fault_looks_suspicious_to_the_quick_check(value: str) -> None:
    stripped = value.strip()
    if stripped and fault_of("site_name", stripped) is not None:
        assert pl.Series([stripped]).str.contains(SUSPICIOUS).item()


@pytest.mark.parametrize(
    "column",
    [
        "price",
        "Unit Price (USD)",
        "unitPrice",
        "Annual Volume",
        "capacity_tpa",
        "Spend 2024",
        "Turnover",
        "qty",
        "Order Quantity",
        "Prix",
        "Einkaufsvolumen",
        "FOB",
        "Invoice no",
        "Kapazität",
        "sales_value",
        "Costs",
    ],
)
def test_a_column_of_trade_figures_refuses_the_list(column: str) -> None:
    columns = sort_columns(["site_name", column])
    assert columns.trade == (column,)
    assert column in (columns.reason or "")


@pytest.mark.parametrize(
    "column",
    [
        "E-Mail",
        "email_address",
        "Phone",
        "Mobile No.",
        "Contact Person",
        "First Name",
        "contactName",
        "Fax",
        "Ansprechpartner",
        "Téléphone",
        "WhatsApp",
        "surname",
    ],
)
def test_a_column_of_contacts_refuses_the_list(column: str) -> None:
    assert sort_columns([column]).contact == (column,)
    assert sort_columns([column]).reason


@pytest.mark.parametrize(
    "column",
    [
        "sector",
        "lat",
        "suspended",
        "Costa Rica",
        "enterprise",
        "rspo",
        "parent_group",
        "hotel",
        "Personnel",
        "website",
        "premises",
        "total workers",
    ],
)
def test_other_columns_are_merely_not_read(column: str) -> None:
    columns = sort_columns([column])
    assert columns.unread == (column,)
    assert columns.reason is None
    assert columns.remedy == f"not read: '{column}'"


def test_a_column_with_a_name_that_is_too_long_refuses_the_list_before_anything_reads_it() -> None:
    columns = sort_columns(["site_name", "e" + "\u0301\u0323" * 30_000, "sector"])
    assert columns.unread == ("sector",)
    assert "has 60001 characters, at most 200 are allowed" in (columns.reason or "")
    assert "shorten the name" in (columns.remedy or "")
    assert len(columns.reason or "") < 200


def test_the_columns_that_are_read_need_no_remark() -> None:
    assert sort_columns([*COLUMNS, *IDENTIFIERS]).remedy is None
