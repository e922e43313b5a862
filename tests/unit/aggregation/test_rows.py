"""Every refused row says which column is at fault, why, and what to do."""

from datetime import date
from uuid import UUID

import orjson
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mrx_aggregation.domain.names import CompanyNames
from mrx_aggregation.domain.protocols import Recognition, Recognitions
from mrx_aggregation.domain.rows import Judge, Verdict
from mrx_aggregation.handlers.intake import kept_page
from mrx_matching import SiteRecord, display_name
from mrx_shared.messages.lists import COLUMNS, IDENTIFIERS, ListPage, ListRow, rows_digest
from typing_extensions import override

AS_OF = date(2026, 6, 30)
KNOWN = Recognitions(
    [
        Recognition(
            protocol_code="SMETA",
            protocol_version="6.1",
            scheme_family="SMETA",
            public=True,
            equivalent=True,
            recognised_from=date(2019, 5, 1),
            recognised_until=date(2025, 12, 31),
        ),
        Recognition(
            protocol_code="Weak",
            protocol_version="1",
            scheme_family="equivalent",
            public=True,
            equivalent=False,
            recognised_from=None,
            recognised_until=None,
        ),
    ]
)
NAMES_OF_FIRMS = CompanyNames(["Brightwater Foods", "Möller & Söhne", "Kellogg's", "Lane", "Harrow Ltd"])
GOOD = {
    "row_ref": "A1",
    "site_name": "Aurora Textiles Ltd",
    "address": "12 Lakeview Road",
    "city": "Dhaka",
    "country": "Bangladesh",
    "audit_date": "2025-03-04",
    "protocol": "smeta",
    "protocol_version": "6.1",
}


def judge(*rows: dict[str, str], first_row: int = 1) -> Verdict:
    return Judge(as_of=AS_OF, recognitions=KNOWN, company_names=NAMES_OF_FIRMS).judge(
        lines(*rows, first_row=first_row)
    )


def lines(*rows: dict[str, str], first_row: int = 1) -> bytes:
    return b"".join(
        orjson.dumps({"row": number, "values": values}, option=orjson.OPT_APPEND_NEWLINE)
        for number, values in enumerate(rows, first_row)
    )


def test_a_good_row_is_accepted_with_its_meaning() -> None:
    verdict = judge({**GOOD, "lei": "5493001KJTIIGC8Y1R12"})
    assert verdict.refused == []
    entry = verdict.entries.to_dicts()[0]
    assert (entry["country"], entry["audit_date"], entry["scheme_family"]) == (
        "BD",
        date(2025, 3, 4),
        "SMETA",
    )
    assert entry["waits_for_code"] is None
    assert entry["lei"] == "5493001KJTIIGC8Y1R12"


@pytest.mark.parametrize("column", ["site_name", "country", "audit_date", "protocol", "protocol_version"])
@pytest.mark.parametrize("value", ["", "  ", None])
def test_a_row_needs_its_site_country_day_and_protocol(column: str, value: str | None) -> None:
    row = {name: text for name, text in GOOD.items() if name != column}
    if value is not None:
        row[column] = value
    (refused,) = judge(row).refused
    assert (refused.field, refused.reason) == (column, "is empty")
    assert refused.remedy == "fill in the column for this row"


@pytest.mark.parametrize("value", ["@" + " " * 60_000 + "x", "+" + "=" * 60_000, "=1+" + "1" * 60_000])
def test_a_cell_that_is_too_long_is_read_no_further(value: str) -> None:
    (refused,) = judge(GOOD, {**GOOD, "row_ref": "A2", "city": value}).refused
    assert (refused.row, refused.field, refused.remedy) == (2, "city", "shorten the value")
    assert refused.reason == f"has {len(value)} characters, at most 200 are allowed"


def test_names_are_looked_for_only_as_far_as_a_cell_may_be_long() -> None:
    looked_at: dict[str, int] = {}

    class Watched(CompanyNames):
        @override
        def found_in(self, column: str, texts: pl.Series) -> set[str]:
            looked_at[column] = max(map(len, texts.to_list()))
            return super().found_in(column, texts)

    at_work = Judge(as_of=AS_OF, recognitions=KNOWN, company_names=Watched(["Harrow Ltd"]))
    at_work.judge(lines(GOOD | dict.fromkeys(("site_name", "address", "city", "region"), "x" * 60_000)))
    assert looked_at == {"site_name": 300, "address": 500, "city": 200, "region": 200}


@pytest.mark.parametrize("column", [*COLUMNS, *IDENTIFIERS])
def test_no_column_of_a_row_is_read_beyond_its_length(column: str) -> None:
    value = "e" + "\N{COMBINING ACUTE ACCENT}\N{COMBINING DOT BELOW}" * 40_000
    (refused,) = judge(GOOD, {**GOOD, "row_ref": "A2", column: value}).refused
    assert (refused.row, refused.field) == (2, column)
    assert refused.reason.startswith("has 80001 characters, at most ")
    assert len(refused.reason) < 300


@pytest.mark.parametrize("name", ["***", "---", '"', "( )", "ー", "→", "\u0301"])
def test_a_site_whose_name_would_be_published_empty_is_refused(name: str) -> None:
    (refused,) = judge(GOOD, {**GOOD, "row_ref": "A2", "site_name": name}).refused
    assert (refused.row, refused.field) == (2, "site_name")
    assert (refused.reason, refused.remedy) == ("contains no letter or digit", "write the site's name")


@pytest.mark.parametrize("name", ["工厂", "Ω", "*3*", "ﾃ", "Ⅳ", "-A-"])
def test_a_name_in_any_script_or_of_one_digit_is_a_name(name: str) -> None:
    assert judge({**GOOD, "site_name": name}).refused == []


@settings(deadline=None)  # the first text with Chinese characters reads a dictionary
@given(st.text(st.sampled_from("aZ09'\"-*.&()工ー\u0301😀/ "), min_size=1, max_size=6))
def test_no_accepted_name_is_published_empty(name: str) -> None:
    verdict = judge({**GOOD, "site_name": name})
    for accepted in verdict.entries["site_name"]:
        assert display_name(SiteRecord(key=0, name=accepted, country="BD"))


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("country", "Narnia", "'Narnia' is not a known country"),
        ("audit_date", "03/04/2025", "ambiguous"),
        ("audit_date", "3.4.25", "ambiguous"),
        ("audit_date", "13/04/2025", "cannot be read as a date"),
        ("audit_date", "2025-02-30", "not a day of the calendar"),
        ("audit_date", "last spring", "cannot be read"),
        ("audit_date", "2026-07-01", "future"),
        ("audit_date", "2026-05-01", "counts from 2026-07-30"),
        ("audit_date", "2023-06-30", "counted until 2026-06-29"),
        ("audit_date", "2026-01-05", "was recognised 2019-05-01 to 2025-12-31, not on 2026-01-05"),
        ("audit_type", "Coffee break", "'Coffee break' is not known"),
        ("notice", "maybe", "'maybe' is not known"),
        ("site_name", "=HYPERLINK(1)", "formula"),
        ("city", "Dha\x00ka", "control characters"),
        ("address", "x" * 501, "501 characters, at most 500"),
        ("os_id", "CN2021250D1DTNX", "check character"),
        ("lei", "5493001KJTIIGC8Y1R13", "check digits"),
        ("gln", "4006381333932", "check digit"),
        ("duns", "12345", "9 digits"),
        ("zs", "XX1", "ZS"),
    ],
)
def test_a_fault_names_its_column_reason_and_remedy(column: str, value: str, reason: str) -> None:
    (refused,) = judge(GOOD, {**GOOD, "row_ref": "A2", column: value}).refused
    field = "protocol_version" if "recognised" in reason else column
    assert (refused.row, refused.row_ref, refused.field) == (2, "A2", field)
    assert reason in refused.reason
    assert refused.remedy


def test_a_version_that_was_found_not_equivalent_refuses_the_row() -> None:
    (refused,) = judge({**GOOD, "protocol": "weak", "protocol_version": "1"}).refused
    assert refused.field == "protocol_version"
    assert "not equivalent" in refused.reason


def test_an_unknown_version_lets_the_row_wait() -> None:
    verdict = judge({**GOOD, "protocol_version": "9"})
    assert verdict.refused == []
    entry = verdict.entries.to_dicts()[0]
    assert (entry["waits_for_code"], entry["waits_for_version"], entry["scheme_family"]) == (
        "smeta",
        "9",
        None,
    )


@pytest.mark.parametrize("audit_type", ["Full Initial", "full follow-up", "DESKTOP FOLLOW UP", ""])
@pytest.mark.parametrize("notice", ["Announced", "semi announced", "Unannounced", ""])
def test_kinds_of_audit_and_notice_may_be_spelt_freely_or_left_out(audit_type: str, notice: str) -> None:
    assert judge({**GOOD, "audit_type": audit_type, "notice": notice}).refused == []


def test_a_reference_stands_once_in_a_list_also_across_pages() -> None:
    at_work = Judge(as_of=AS_OF, recognitions=KNOWN, company_names=NAMES_OF_FIRMS)
    assert at_work.judge(lines(GOOD)).refused == []
    (refused,) = at_work.judge(lines(GOOD, first_row=7)).refused
    assert (refused.row, refused.field, refused.reason) == (7, "row_ref", "is already used in row 1")


def test_rows_without_a_reference_are_no_repetition() -> None:
    assert judge({**GOOD, "row_ref": ""}, {**GOOD, "row_ref": ""}).refused == []


def test_all_faults_of_a_row_are_told_at_once() -> None:
    (refused,) = judge({**GOOD, "country": "Narnia", "notice": "maybe", "site_name": ""}).refused
    assert refused.field == "site_name"
    assert refused.reason == "is empty; country 'Narnia' is not a known country; notice 'maybe' is not known"


def test_a_refusal_shows_no_control_character() -> None:
    (refused,) = judge({**GOOD, "row_ref": "A\x001", "country": "N\u202e"}).refused
    assert "\x00" not in refused.row_ref
    assert "\u202e" not in refused.reason


def test_only_the_rows_that_were_left_are_judged_again() -> None:
    at_work = Judge(as_of=AS_OF, recognitions=KNOWN, company_names=NAMES_OF_FIRMS, only=[2])
    verdict = at_work.judge(lines({**GOOD, "country": "Narnia"}, {**GOOD, "row_ref": "A2"}))
    assert (verdict.entries["row"].to_list(), verdict.refused) == ([2], [])


CELLS = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(['},{"row":', "\n", '"', "\\"])
VALUES = st.dictionaries(
    st.sampled_from([*GOOD, "os_id", "lei", "other", "row", '},{"row":']), CELLS, max_size=10
)


@settings(deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=8), st.integers(1, 4))
def test_every_row_becomes_one_thing_whatever_it_holds_and_wherever_pages_end(
    rows: list[dict[str, str]], page_rows: int
) -> None:
    whole = judge(*rows)
    assert whole.entries.height + len(whole.refused) == len(rows)
    at_work = Judge(as_of=AS_OF, recognitions=KNOWN, company_names=NAMES_OF_FIRMS)
    parts = [
        at_work.judge(lines(*rows[start : start + page_rows], first_row=start + 1))
        for start in range(0, len(rows), page_rows)
    ]
    assert [one for part in parts for one in part.refused] == whole.refused


@given(st.lists(VALUES, min_size=1, max_size=5))
def test_the_kept_bytes_are_those_that_a_manifest_is_made_of(rows: list[dict[str, str]]) -> None:
    listed = [ListRow(row=number, values=values) for number, values in enumerate(rows, 1)]
    page = ListPage.model_construct(list_id=UUID(int=1), revision=1, page=1, rows=listed)
    assert kept_page(page).digest.hex() == rows_digest(listed)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("site_name", "Sunrise Foods (Brightwater Foods)"),
        ("site_name", "SUNRISE for brightwater-foods, plant 2"),
        ("address", "c/o Moller and Sohne, 12 Lakeview Road"),
        ("city", "Kelloggs"),
        ("region", "Brightwater  Foods Park"),
        ("site_name", "Ħarrow Mill"),
        ("site_name", "B r i g h t w a t e r  Foods"),
        ("address", "12 H.a.r.r.o.w Park"),
        ("city", "Hаrrow"),
    ],
)
def test_a_row_that_names_a_member_is_refused_without_saying_whom(column: str, value: str) -> None:
    verdict = judge({**GOOD, column: value})
    (refused,) = verdict.refused
    assert (refused.field, refused.reason) == (column, "names a member of the scheme")
    assert refused.remedy == "write the site's own name"
    assert verdict.entries.is_empty()


@pytest.mark.parametrize(
    "value", ["Brightwater Textiles", "Brightwater Foodservice", "Moeller Mill", "12 Orchard Lane", "Kellog"]
)
def test_a_part_of_a_name_and_a_short_name_may_stand_in_a_row(value: str) -> None:
    assert judge({**GOOD, "site_name": value}).refused == []
