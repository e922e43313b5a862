"""The engine on its own: decisions that hold, engines that agree, input that is not text as one hopes."""

import shutil
import subprocess
from itertools import permutations
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mrx_matching import SiteRecord, normalise_country, pairwise, resolve
from mrx_matching.clusters import resolve_frame
from mrx_matching.explain import explain_rows
from mrx_matching.generator.directory import directory
from mrx_matching.reading import SCHEMA, frame_of
from scipy.cluster.hierarchy import DisjointSet

ANYTHING = st.text(max_size=60) | st.sampled_from(
    ["\x00\x07", "東莞市宏盛服装有限公司", "ЗАО Ромашка", "شركة النور", "()", "((("]
)

GLN = "4006381333931"


def generated(seed: int, size: int) -> tuple[pl.DataFrame, list[int]]:
    rows, truth = zip(*directory(seed, size), strict=True)
    frame = pl.DataFrame(rows).with_columns(
        vat=pl.col("tax_id"), country=pl.col("country").map_elements(normalise_country, pl.String)
    )
    lacking = [pl.lit("").alias(column) for column in SCHEMA if column not in frame.columns]
    return frame.with_columns(lacking).select(*SCHEMA), list(truth)


def site(name: str, **columns: str) -> SiteRecord:
    return SiteRecord(key=name, name=name, **{"country": "ID", **columns})


@given(st.lists(st.builds(site, ANYTHING, address=ANYTHING, city=ANYTHING, postcode=ANYTHING), max_size=6))
@settings(deadline=None, max_examples=40)
def test_no_text_is_too_odd(rows: list[SiteRecord]) -> None:
    assert len(resolve(rows)) == len(rows)


def test_a_field_of_a_hundred_kilobytes_is_read() -> None:
    assert len(resolve([site("Karya " * 20_000), site("x" * 100_000, address="Jl. 1 " * 20_000)])) == 2


def test_what_was_decided_holds() -> None:
    rows = frame_of(
        [site("Karya Sentosa", city="Bekasi"), site("KARYA SENTOSA PT", city="Bekasi"), site("Wijaya")]
    )
    straight = resolve_frame(rows)["site"].to_list()
    assert straight[0] == straight[1] != straight[2]
    apart = resolve_frame(rows, cannot=[(0, 1)])["site"].to_list()
    assert apart[0] != apart[1]
    together = resolve_frame(rows, must=[(0, 2)])["site"].to_list()
    assert together[0] == together[2]


@given(st.data())
@settings(deadline=None, max_examples=10)
def test_a_cannot_link_is_never_broken(data: st.DataObject) -> None:
    rows, _ = generated(5, 120)
    pair = st.tuples(st.integers(0, 119), st.integers(0, 119)).filter(lambda two: two[0] < two[1])
    cannot = data.draw(st.lists(pair, max_size=8, unique=True))
    label = resolve_frame(rows, cannot=cannot)["site"].to_list()
    assert all(label[one] != label[other] for one, other in cannot)


def test_rows_that_say_the_same_are_held_apart_by_a_decision() -> None:
    rows = frame_of([site("Karya Sentosa"), site("KARYA SENTOSA"), site("Karya Sentosa")])
    one, other, third = resolve_frame(rows, cannot=[(0, 1)])["site"].to_list()
    assert len({one, other, third}) == 3, "nothing says which of the two the third is"


def test_decisions_on_copies_of_a_row_hold_for_each_of_them() -> None:
    copies = [site("Karya Sentosa")] * 3 + [site("Everlong Garment")]
    frame = frame_of(copies)
    one, other, third, _ = resolve_frame(frame, must=[(1, 2)], cannot=[(0, 1)])["site"].to_list()
    assert (one != other, other == third) == (True, True)
    one, other, _, fourth = resolve_frame(frame, must=[(1, 3)], cannot=[(0, 3)])["site"].to_list()
    assert (one != other, other == fourth) == (True, True)


UNLIKE = (
    site("Wei Textile", address="5 Long Rd", city="Suzhou", country="CN"),
    site("Bright Moon Shoes", address="77 Short Ave", city="Xiamen", country="CN"),
    site("Wei Textile Co Ltd", address="5 Long Road", city="Suzhou", country="CN"),
)


def test_what_is_one_site_by_a_decision_keeps_what_either_part_goes_with() -> None:
    frame = frame_of(UNLIKE)
    assert resolve_frame(frame)["site"].n_unique() == 2
    assert resolve_frame(frame, must=[(0, 1)])["site"].n_unique() == 1


@pytest.mark.parametrize("identified", [{}, {"lei": ("529900T8BM49AURSDO55", "", "5493001KJTIIGC8Y1R12")}])
def test_a_chain_of_decisions_makes_one_site_of_rows_that_differ(identified: dict[str, tuple[str]]) -> None:
    names = ("Jinsheng Garments Unit 1", "JS Fashion", "Golden Win Apparel Unit 2")
    ids = identified.get("lei", ("", "", ""))
    frame = frame_of([site(name, country="CN", lei=lei) for name, lei in zip(names, ids, strict=True)])
    assert resolve_frame(frame)["site"].n_unique() == 3
    assert resolve_frame(frame, must=[(0, 1), (1, 2)])["site"].n_unique() == 1


def test_a_decision_parts_two_rows_of_a_large_site_and_no_others() -> None:
    frame = frame_of([site(f"Firm{chr(97 + at // 26)}{chr(97 + at % 26)}zor", gln=GLN) for at in range(450)])
    label = resolve_frame(frame, must=[(5, 6)], cannot=[(0, 1)])["site"].to_list()
    assert label[0] != label[1]
    assert len(set(label)) == 2
    assert label[5] == label[6]


PLACES = st.integers(min_value=0, max_value=7)


@given(
    st.lists(st.sampled_from(UNLIKE), min_size=8, max_size=8),
    st.lists(st.tuples(PLACES, PLACES), max_size=4),
    st.lists(st.tuples(PLACES, PLACES), max_size=4),
)
@settings(deadline=None, max_examples=60)
def test_no_decision_is_broken_where_none_contradicts_another(
    rows: list[SiteRecord], same: list[tuple[int, int]], different: list[tuple[int, int]]
) -> None:
    told = DisjointSet(range(8))
    for pair in same:
        told.merge(*pair)
    different = [pair for pair in different if not told.connected(*pair)]
    label = resolve_frame(frame_of(rows), must=same, cannot=different)["site"].to_list()
    assert all(label[one] == label[other] for one, other in same)
    assert all(label[one] != label[other] for one, other in different)


def test_the_order_of_rows_does_not_say_which_of_three_copies_is_held_apart() -> None:
    rows = [site("Karya Sentosa"), site("KARYA SENTOSA"), site("karya sentosa.")]
    found = set()
    for order in permutations(range(3)):
        decided = (order.index(0), order.index(1))
        label = resolve_frame(frame_of([rows[at] for at in order]), cannot=[decided])["site"].to_list()
        groups = {frozenset(order[at] for at in range(3) if label[at] == one) for one in label}
        found.add(frozenset(groups))
    assert len(found) == 1


def test_generated_directories_are_resolved_well() -> None:
    rows, truth = generated(11, 3000)
    found = pairwise(truth, resolve_frame(rows)["site"].to_list())
    assert found.precision >= 0.95
    assert found.f1 >= 0.92


def test_an_explanation_names_what_differs() -> None:
    streets = ("Jl. Merdeka 12", "Jl. Merdeka 14")
    said = explain_rows(frame_of([site("Karya Sentosa", address=one, city="Bekasi") for one in streets]))
    assert "house differs" in said.text
    assert explain_rows(frame_of([site("A"), site("A", country="MY")])).probability == 0


def test_an_explanation_looks_at_coordinates() -> None:
    names = ("Karya Sentosa", "Karya Sentosa Abadi")
    rows = frame_of([site(name, address="Jalan Raya 12", city="Bekasi") for name in names])
    rows = rows.with_columns(lng=107.0)
    near, far = (explain_rows(rows.with_columns(lat=pl.Series([-6.0, lat]))) for lat in (-6.0, -7.0))
    assert near.probability > explain_rows(rows.drop("lng")).probability > far.probability


def test_spark_finds_the_same_sites(monkeypatch: pytest.MonkeyPatch) -> None:
    _same_on_spark(2000, monkeypatch)


@pytest.mark.bench
@pytest.mark.timeout(900)
def test_spark_finds_the_same_sites_of_a_hundred_thousand_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    _same_on_spark(100_000, monkeypatch)


def _same_on_spark(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyspark", reason="the extra `spark` is not installed")
    java = shutil.which("java")
    if (
        java is None
        or "jdk.incubator.vector"
        not in subprocess.run([java, "--list-modules"], capture_output=True, text=True, check=False).stdout
    ):
        pytest.skip("no Java with the module jdk.incubator.vector on this machine: Spark cannot start")
    import sys  # noqa: PLC0415
    import warnings  # noqa: PLC0415

    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3] / "shared" / "matching"))
    rows, _ = generated(12, size)
    here = resolve_frame(rows)
    first = here.with_row_index("place").group_by("site").agg(pl.col("place").sort()).sort("site")["place"]
    apart = [(places[0], places[1]) for places in first.to_list() if len(places) > 1][:5]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mrx_matching.spark import resolve_on_spark  # noqa: PLC0415
        from pyspark.sql import SparkSession  # noqa: PLC0415

        session = (
            SparkSession.builder.master("local[2]")
            .config("spark.ui.enabled", "false")
            .config("spark.sql.shuffle.partitions", "4")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.memory", "2g")
            .getOrCreate()
        )
        try:
            found = resolve_on_spark(session, rows)
            parted = resolve_on_spark(session, rows, cannot=apart)
        finally:
            session.stop()
    assert found.equals(here)
    assert parted.equals(resolve_frame(rows, cannot=apart))
    assert not parted.equals(here)
