"""Which rows become one site, and that nothing but their content decides it."""

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mrx_matching import SiteRecord, agreed, pairwise, published, resolve

WORDS = ["Abdi", "Budi", "Mulia", "Jaya", "Sawit", "Garment", "Co., Ltd.", "PT", "2", "II", "(ABM)", "Unit"]
names = st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(" ".join) | st.text(max_size=30)
records = st.builds(
    SiteRecord,
    key=st.integers(),
    name=names,
    country=st.sampled_from(["ID", "MY"]),
    address=st.sampled_from(["", "Jl. Merdeka 12", "JALAN MERDEKA NO. 12", "Lot 9, Jalan Api"]),
    city=st.sampled_from(["", "Bekasi", "Medan"]),
    region=st.sampled_from(["", "Jawa Barat", "West Java", "Riau"]),
    os_id=st.sampled_from(["", "", "CN2021250D1DTN7", "nonsense"]),
)


def grouping(labels: Sequence[int], order: Sequence[int]) -> set[frozenset[int]]:
    groups: dict[int, set[int]] = {}
    for label, original in zip(labels, order, strict=True):
        groups.setdefault(label, set()).add(original)
    return {frozenset(group) for group in groups.values()}


def site(name: str, **columns: str) -> SiteRecord:
    return SiteRecord(key=name, name=name, **{"country": "ID", **columns})


def are_one(one: SiteRecord, other: SiteRecord) -> bool:
    first, second = resolve([one, other])
    return first == second


@given(st.lists(records, max_size=25), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_neither_the_order_of_rows_nor_their_keys_change_a_label_and_no_number_is_left_out(
    rows: list[SiteRecord], chance: random.Random
) -> None:
    order = chance.sample(range(len(rows)), len(rows))
    shuffled = resolve([replace(rows[place], key=f"other-{number}") for number, place in enumerate(order)])
    straight = resolve(rows)
    assert shuffled == [straight[place] for place in order]
    assert set(straight) == set(range(len(set(straight))))


@given(st.lists(records, min_size=1, max_size=15), st.data())
@settings(deadline=None)
def test_a_row_that_is_sent_again_changes_no_site(rows: list[SiteRecord], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(rows), max_size=10))
    labels = resolve([*rows, *again])
    assert labels[: len(rows)] == resolve(rows)
    assert labels[len(rows) :] == [labels[rows.index(row)] for row in again]


@given(st.lists(records, min_size=1, max_size=12))
@settings(deadline=None)
def test_different_site_identifiers_never_share_a_site(rows: list[SiteRecord]) -> None:
    marked = [
        replace(row, gln="4006381333931" if place % 2 else "4012345000009") for place, row in enumerate(rows)
    ]
    glns: dict[int, set[str]] = {}
    for label, row in zip(resolve(marked), marked, strict=True):
        glns.setdefault(label, set()).add(row.gln)
    assert all(len(found) == 1 for found in glns.values())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (site("PT. KARYA SENTOSA"), site("Karya Sentosa")),
        (site("Karya Sentosa II"), site("KARYA SENTOSA 2")),
        (site("HASIL KARYA BUMI SEJATI"), site("Hasil Karya Bumisejati")),
        (site("K A R Y A  S E N T O S A"), site("Karya Sentosa")),
        (site("Golden Blossom Sumatera"), site("GOLDEN BLOSSOM SUMATRA")),
        (site("Sei Meranti (PN)"), site("SUNGAI MERANTI")),
        (site("Çınar Örme San. ve Tic. A.Ş.", country="TR"), site("CINAR ORME", country="TR")),
        (site("AgroindÃºstria Estrela", country="BR"), site("Agroindústria Estrela Ltda", country="BR")),
        (
            site("Hong Jin Garment Co., Ltd.", country="CN", address="No. 12 Longhua Road"),
            site("HONGJIN GARMENT", country="CN", address="12 LONGHUA RD"),
        ),
        (
            site("Sapphire Chandra Spices Private Lim", country="IN", city="Pune"),
            site("Sapphire Chandra Spices", country="IN", city="Pune"),
        ),
        (
            site("Anything at all", os_id="CN2021250D1DTN7"),
            site("Something else", os_id="CN-2021250-D1DTN-7"),
        ),
    ],
    ids=lambda record: record.name,
)
def test_spellings_of_one_site_are_one(one: SiteRecord, other: SiteRecord) -> None:
    assert are_one(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (site("ABDI BUDI MULIA"), site("ABDI BUDI MULIA 2")),
        (site("Karya Sentosa Unit 2"), site("Karya Sentosa Unit 3")),
        (site("Selancar 2A", country="MY"), site("Selancar 2B", country="MY")),
        (site("Tanah Putih (DGS)"), site("Tanah Putih (PN)")),
        (site("Karya Sentosa"), site("Karya Sentosa", country="MY")),
        (
            site("Karya Sentosa", city="Bekasi", region="Jawa Barat"),
            site("Karya Sentosa", city="Medan", region="Sumatera Utara"),
        ),
        (
            site("Shree Balaji Exports", address="12, Gandhi Road", city="Pune", country="IN"),
            site("Shree Krishna Textiles", address="12, Gandhi Road", city="Pune", country="IN"),
        ),
        (
            site("Padma Apparels Ltd", country="BD", city="Savar"),
            site("Padma Footwear Ltd", country="BD", city="Savar"),
        ),
        (
            site("Same Name", os_id="CN2021250D1DTN7"),
            site("Same Name", os_id="BD2019067X1K87Z"),
        ),
        (site("Same Name", zs="ZS400000001"), site("Same Name", zs="ZS400000002")),
        *(
            (
                site("Aurora Textiles", address="12 Lakeview Road", city="Dhaka", **{kind: code}),
                site("Global Sourcing Holding", address="7 Foundry Lane", city="Khulna", **{kind: code}),
            )
            for kind, code in (
                ("os_id", "BD2019067X1K87Z"),
                ("lei", "5493001KJTIIGC8Y1R12"),
                ("gln", "4006381333931"),
                ("duns", "150483782"),
                ("zs", "ZS400000001"),
                ("vat", "BD12345678"),
            )
        ),
    ],
    ids=lambda record: record.name,
)
def test_sites_that_look_alike_stay_apart(one: SiteRecord, other: SiteRecord) -> None:
    assert not are_one(one, other)


def test_no_identifier_joins_names_and_places_that_differ_not_even_through_a_third_row() -> None:
    ids = {"os_id": "BD2019067X1K87Z", "gln": "4006381333931", "duns": "150483782", "vat": "BD12345678"}
    victim = site("Aurora Textiles", address="12 Lakeview Road", city="Dhaka", **ids)
    other = site("Global Sourcing Holding", address="7 Foundry Lane", city="Khulna", **ids)
    between = site("Aurora Textiles", address="7 Foundry Lane", city="Khulna", **ids)
    first, second, _ = resolve([victim, other, between])
    assert first != second


def test_an_identifier_joins_rows_of_one_name_or_of_one_place() -> None:
    said = site("Aurora Textiles", address="12 Lakeview Road", city="Dhaka", os_id="BD2019067X1K87Z")
    assert are_one(said, replace(said, name="Global Sourcing Holding"))
    assert are_one(said, replace(said, address="7 Foundry Lane", city="Khulna"))


def test_a_name_that_fits_two_places_equally_well_joins_neither() -> None:
    labels = resolve(
        [
            site("Karya Sentosa", city="Bekasi", region="Jawa Barat"),
            site("Karya Sentosa", city="Medan", region="Sumatera Utara"),
            site("KARYA SENTOSA"),
        ]
    )
    assert len(set(labels)) == 3


def test_two_brackets_keep_the_name_without_one_apart() -> None:
    labels = resolve([site("Tanah Putih (DGS)"), site("Tanah Putih (PN)"), site("Tanah Putih")])
    assert len(set(labels)) == 3


def test_what_is_published_of_a_row_holds_no_raw_spelling_no_key_and_no_invalid_identifier() -> None:
    raw = site("  karya   SENTOSA,pt. ", address="jl.merdeka no:12", city="BEKASI!", os_id="nonsense")
    said = published(raw)
    assert (said.name, said.address, said.city, said.os_id, said.key) == (
        "PT Karya Sentosa",
        "Jalan Merdeka 12",
        "Bekasi",
        "",
        "",
    )


@given(records)
@settings(deadline=None)
def test_publishing_what_is_published_changes_nothing(record: SiteRecord) -> None:
    assert published(published(record)) == published(record)


def test_names_that_differ_in_their_legal_form_alone_say_the_same_and_addresses_that_differ_do_not() -> None:
    assert agreed("name", "PT Karya Sentosa") == agreed("name", "Karya Sentosa Ltd")
    assert agreed("address", "12 Orchard Road") == agreed("address", "12  ORCHARD ROAD")
    assert agreed("address", "12 Orchard Road") != agreed("address", "21 Orchard Road")


def test_accuracy_counts_pairs_of_known_truth_only() -> None:
    accuracy = pairwise(["a", "a", "b", None, "b"], [1, 1, 1, 1, 2])
    assert (accuracy.true_pairs, accuracy.said_pairs, accuracy.right_pairs) == (2, 3, 1)
    assert accuracy.precision == pytest.approx(1 / 3)
    assert accuracy.recall == pytest.approx(1 / 2)
    assert accuracy.f1 == pytest.approx(2 / 5)


def test_no_rows_are_no_sites() -> None:
    assert resolve([]) == []


def test_progress_is_told_to_its_end() -> None:
    told: list[tuple[str, int, int]] = []
    resolve(
        [site("Karya Sentosa"), site("Karya Santosa")],
        progress=lambda stage, done, total: told.append((stage, done, total)),
    )
    assert told[-1][1] == told[-1][2]
