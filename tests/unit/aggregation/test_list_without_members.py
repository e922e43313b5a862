"""The released list is a function of what lists say: not of who says it, nor in which order it came."""

import csv
import io
import json
import random
import tracemalloc
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import mrx_matching
import openpyxl
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mrx_aggregation.adapters.documents import COLUMNS, ListFiles, harmless
from mrx_aggregation.domain.names import CompanyNames
from mrx_aggregation.domain.pool import Audited, PoolSite, in_order
from mrx_aggregation.domain.protocols import Recognition, Recognitions
from mrx_aggregation.domain.resolution import Match, Sourced, resolve_pool
from mrx_aggregation.domain.rows import Judge
from mrx_matching import SiteRecord

AS_OF = date(2026, 6, 30)
KEY = bytes(range(32))
FAMILIES = {"SMETA": True, "Owner Code": False}
KNOWN = Recognitions(
    Recognition(
        protocol_code=code,
        protocol_version="1",
        scheme_family=code,
        public=public,
        equivalent=True,
        recognised_from=date(2019, 5, 1),
        recognised_until=None,
    )
    for code, public in FAMILIES.items()
)
NAMES_OF_FIRMS = CompanyNames(["Unnamed Brands"])
Row = dict[str, str]
NAMES = (
    "Aurora Textiles",
    "AURORA TEXTILES LTD",
    "Aurora Textile Ltd.",
    "Cedarwood Foods",
    "Emberline Glass Co",
)
ROWS = st.fixed_dictionaries(
    {
        "site_name": st.sampled_from(NAMES),
        "address": st.sampled_from(["12 Lakeview Road", "12, lakeview rd", "7 Foundry Lane", ""]),
        "city": st.sampled_from(["Dhaka", "DHAKA", ""]),
        "country": st.sampled_from(["Bangladesh", "BD", "Viet Nam"]),
        "audit_date": st.sampled_from(["2025-03-04", "2025-06-30", "2025-07-01", "2024-02-29"]),
        "protocol": st.sampled_from(sorted(FAMILIES)),
        "protocol_version": st.just("1"),
        "lei": st.sampled_from(["", "5493001KJTIIGC8Y1R12"]),
    }
)
LISTS = st.lists(st.lists(ROWS, min_size=1, max_size=6), min_size=1, max_size=4)


def pool_of(lists: Sequence[Sequence[Row]], *, page_rows: int = 500) -> list[PoolSite]:
    """From lists as sent to the pool, as intake and resolution do it."""
    sourced: list[Sourced] = []
    for group, rows in enumerate(lists):
        at_work = Judge(as_of=AS_OF, recognitions=KNOWN, company_names=NAMES_OF_FIRMS)
        for start in range(0, len(rows), page_rows):
            body = b"".join(
                orjson.dumps({"row": number, "values": values}, option=orjson.OPT_APPEND_NEWLINE)
                for number, values in enumerate(rows[start : start + page_rows], start + 1)
            )
            verdict = at_work.judge(body)
            assert verdict.refused == []
            sourced += [
                Sourced(
                    UUID(int=group),
                    Audited(
                        record=SiteRecord(
                            key=len(sourced) + place,
                            name=row["site_name"],
                            address=row["address"],
                            city=row["city"],
                            country=row["country"],
                            lei=row["lei"],
                        ),
                        audit_date=row["audit_date"],
                        scheme_family=row["scheme_family"],
                    ),
                )
                for place, row in enumerate(verdict.entries.iter_rows(named=True))
            ]
    return resolved(sourced)


def resolved(sourced: Sequence[Sourced], *, match: Match = mrx_matching.resolve) -> list[PoolSite]:
    return resolve_pool(
        sourced,
        match=match,
        published=mrx_matching.published,
        agreed=mrx_matching.agreed,
        key=KEY,
        as_of=AS_OF,
    )


def documents(
    pool: Sequence[PoolSite], held: frozenset[bytes] = frozenset(), *, at_once: int = 1000
) -> dict[str, bytes]:
    """The list's documents as a release writes them: the shown rows in order, so many at once."""
    shown = [site for site in in_order(pool) if site.digest not in held]
    with TemporaryDirectory() as folder, ExitStack() as opened:
        files = ListFiles(Path(folder), AS_OF, opened)
        for start in range(0, len(shown), at_once):
            part = shown[start : start + at_once]
            files.add(part, {site.digest: site.entry_id(KEY) for site in part})
        return {name: path.read_bytes() for name, path in files.close().items()}


@settings(max_examples=40, deadline=None)
@given(LISTS, st.randoms(use_true_random=False), st.integers(1, 4))
def test_whoever_sent_which_list_in_which_order_and_pages_the_bytes_are_the_same(
    lists: list[list[Row]], chance: random.Random, page_rows: int
) -> None:
    exchanged = [chance.sample(rows, len(rows)) for rows in lists]
    chance.shuffle(exchanged)
    pool, as_sent = pool_of(exchanged, page_rows=page_rows), pool_of(lists)
    assert set(pool) == set(as_sent)
    assert documents(pool) == documents(as_sent)


@settings(max_examples=40, deadline=None)
@given(LISTS)
def test_no_day_no_companys_protocol_and_no_raw_spelling_is_left(lists: list[list[Row]]) -> None:
    pool = pool_of(lists)
    written = documents(pool)
    everything = written["list.csv"].decode() + written["list.json"].decode()
    assert "Owner" not in everything
    assert "AURORA" not in everything
    for rows in lists:
        assert not any(row["audit_date"] in everything for row in rows)
    assert {site.scheme_family for site in pool} <= {"SMETA", "equivalent"}


def sourced(name: str, day: str, family: str) -> Sourced:
    return Sourced(
        UUID(int=0),
        Audited(
            record=SiteRecord(key=0, name=name, country="BD"),
            audit_date=date.fromisoformat(day),
            scheme_family=family,
        ),
    )


def test_a_site_is_shown_with_its_latest_audit_and_ties_go_by_scheme_family() -> None:
    entries = [
        sourced("Aurora", "2024-12-31", "SMETA"),
        sourced("Aurora", "2025-06-30", "equivalent"),
        sourced("Aurora", "2025-06-30", "SMETA"),
    ]
    (site,) = set(resolved(entries))
    assert (site.audit_half_year, site.scheme_family) == ("2025-H1", "SMETA")


def test_sites_with_equal_rows_count_as_one() -> None:
    entries = [sourced("Aurora", "2025-01-01", "SMETA"), sourced("Aurora", "2025-02-01", "SMETA")]
    rows = resolved(entries, match=lambda records: range(len(records)))
    assert len(set(rows)) == 1


def site(name: str, **changed: str) -> PoolSite:
    stated = {
        "site_name": name,
        "address": "",
        "city": "Dhaka",
        "region": "",
        "country": "BD",
        "os_id": "",
        "lei": "",
        "scheme_family": "SMETA",
        "audit_half_year": "2025-H1",
    }
    return PoolSite(**{**stated, **changed})


SITES = st.lists(
    st.builds(site, st.text(min_size=1, max_size=10), city=st.text(max_size=5)), unique=True, max_size=8
)


@settings(deadline=None)
@given(SITES, st.data())
def test_the_same_pool_and_decisions_give_the_same_bytes(pool: list[PoolSite], data: st.DataObject) -> None:
    held = frozenset(one.digest for one in pool if data.draw(st.booleans()))
    again = data.draw(st.permutations(pool))
    written = documents(pool, held)
    assert written == documents(again, held, at_once=1)
    shown = json.loads(written["list.json"])
    assert len(pool) == len(shown) + len(held)


def test_all_three_documents_hold_the_same_rows_in_the_order_of_their_contents() -> None:
    pool = [site("Cedarwood"), site("Aurora"), site("Borealis", country="VN")]
    held = frozenset([site("Cedarwood").digest])
    written = documents(pool, held)
    rows = json.loads(written["list.json"])
    assert [row["site_name"] for row in rows] == ["Aurora", "Borealis"]
    assert tuple(rows[0]) == COLUMNS
    assert list(csv.DictReader(io.StringIO(written["list.csv"].decode()))) == rows
    sheet = openpyxl.load_workbook(io.BytesIO(written["list.xlsx"])).active
    assert sheet is not None
    table = [[cell or "" for cell in line] for line in sheet.iter_rows(values_only=True)]
    assert table == [list(COLUMNS), *([row[name] for name in COLUMNS] for row in rows)]


def test_csv_and_json_are_these_bytes() -> None:
    written = documents([site('Aurora "A"', city="昆山"), site("=Borealis", address="1,\n2")])
    first, second = (
        one.entry_id(KEY) for one in (site("=Borealis", address="1,\n2"), site('Aurora "A"', city="昆山"))
    )
    assert written["list.csv"].decode() == (
        ",".join(COLUMNS) + "\r\n"
        f'{first},\'=Borealis,"1,\n2",Dhaka,,BD,,,SMETA,2025-H1\r\n'
        f'{second},"Aurora ""A""",,昆山,,BD,,,SMETA,2025-H1\r\n'
    )
    rest = '"country": "BD", "os_id": "", "lei": "", "scheme_family": "SMETA", "audit_half_year": "2025-H1"}'
    assert written["list.json"].decode() == (
        "[\n"
        f'{{"entry_id": "{first}", "site_name": "=Borealis", "address": "1,\\n2", "city": "Dhaka", "region": "", {rest},\n'
        f'{{"entry_id": "{second}", "site_name": "Aurora \\"A\\"", "address": "", "city": "昆山", "region": "", {rest}\n'
        "]\n"
    )
    assert documents([])["list.json"] == b"[\n]\n"


def test_the_workbook_keeps_its_header_in_sight_its_filter_its_widths_and_the_rounds_day() -> None:
    book = openpyxl.load_workbook(io.BytesIO(documents([site("Aurora"), site("Borealis")])["list.xlsx"]))
    sheet = book.active
    assert sheet is not None
    assert (sheet.title, sheet.freeze_panes, sheet.auto_filter.ref) == ("Released list", "A2", "A1:J3")
    assert sheet["A1"].font.bold
    assert not sheet["A2"].font.bold
    assert [round(sheet.column_dimensions[name].width) for name in "ABC"] == [21, 41, 51]
    assert book.properties.created == datetime(2026, 6, 30)  # noqa: DTZ001  (a workbook has no time zones)


def test_a_long_lists_documents_are_never_whole_in_memory() -> None:
    rows = 5000
    with TemporaryDirectory() as folder, ExitStack() as opened:
        files = ListFiles(Path(folder), AS_OF, opened)
        tracemalloc.start()
        for start in range(0, rows, 500):
            part = [site(f"Aurora {number:05}", address="x" * 500) for number in range(start, start + 500)]
            files.add(part, {one.digest: one.entry_id(KEY) for one in part})
        paths = files.close()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert min(path.stat().st_size for name, path in paths.items() if name != "list.xlsx") > 500 * rows
    assert peak < 500 * rows


def test_entry_ids_tell_nothing_without_the_releases_key() -> None:
    one = site("Aurora")
    assert one.entry_id(KEY) != one.entry_id(bytes(32))
    assert one.entry_id(KEY) == site("Aurora").entry_id(KEY)
    assert one.entry_id(KEY) != site("Aurora", city="Khulna").entry_id(KEY)


@pytest.mark.parametrize("value", ["=1+1", "+1", "-1", "@x", "\tx"])
def test_no_cell_is_run_by_a_spreadsheet(value: str) -> None:
    written = documents([site(value)])
    assert harmless(value) == f"'{value}"
    assert (
        next(csv.DictReader(io.StringIO(written["list.csv"].decode(), newline="")))["site_name"]
        == f"'{value}"
    )
    sheet = openpyxl.load_workbook(io.BytesIO(written["list.xlsx"])).active
    assert sheet is not None
    assert sheet["B2"].data_type == "s"
