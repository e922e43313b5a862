"""No row names a member: what is checked is what would be published, and what a reader would read in it."""

import string
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mrx_aggregation.domain.names import PUBLISHED, CompanyNames
from mrx_matching.display import published_name

from tests.growth import worse_than_linear

FIRMS = [
    "Harrow",
    "Juniper Foods Ltd",
    "Juniper",
    "Alder & Rowe",
    "Alder Holdings",
    "Ash",
    "Mars, Incorporated",
]
FIRMS += [
    "Trading Company Ltd",
    "Kellogg's",
    "Möller & Söhne AG",
    "The Hershey Company",
    "Pearl Holdings Group",
]
NAMES = CompanyNames(FIRMS)


def names_a_member(text: str, column: str = "site_name") -> bool:
    return bool(NAMES.found_in(column, pl.Series([text])))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "Ħarrow Mill",
            "HARROW",
            "Hаrrοw Mill",
            "ΗΑRRΟW",
            "Ｈarrow",
            "𝐇arrow",
            "Ⓗarrow",
            "Harr\u200bow",
            "Harr\u00adow",
        ),
        *(
            "J u n i p e r",
            "J.u.n.i.p.e.r",
            "J_u_n_i_p_e_r Mill",
            "Juni-per Mill",
            "Juni per",
            "Јuniреr",
            "J😀uniper",
        ),
        *("JuniperMill", "JuniperFoods", "Juniper4", "Mill (c/o Juniper)", "Juniper's Mill"),
        *(
            "Juniper Foods Pvt Ltd",
            "Alder and Rowe GmbH",
            "ALDER-ROWE",
            "AlderRowe",
            "Mars Inc.",
            "MARS INCORPORATED",
        ),
        *(
            "Kellogg's",
            "Kelloggs",
            "Moller Sohne",
            "M\u00c3\u00b6ller S\u00c3\u00b6hne",
            "Hershey Mill",
            "Hershey’s",
        ),
        *("Pearl Holdings Plant 3", "Alder Holdings Mill"),
    ],
)
def test_a_name_is_found_however_it_is_written(text: str) -> None:
    assert names_a_member(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "Ashford Mill",
            "Ash Mill",
            "Alder Mill",
            "Rowe & Alder",
            "Harrowgate Textiles",
            "Juniperus Oils",
            "Mars Mill",
        ),
        *(
            "General Trading",
            "Sunrise Trading Company",
            "Marsh Foods",
            "Kellog",
            "Hersheypark",
            "The Company",
            "Pearl Mill",
        ),
        *("Sun Juni Permai", "Moeller Mill", "朱尼珀", "..."),
    ],
)
def test_an_honest_site_is_not_refused_for_a_part_of_a_name(text: str) -> None:
    assert not names_a_member(text)


@pytest.mark.parametrize("column", PUBLISHED)
def test_every_published_column_is_checked(column: str) -> None:
    assert names_a_member("Ħ a r r o w 3", column)


def _spelt(draw: st.DrawFn) -> str:
    letters = "juniperfoods"
    between = st.sampled_from(["", "", "", " ", "-", ".", "·", "\u200d", "\u00ad", "\u034f", "  "])
    alike = {"u": "uÚüµṳ"[0:1] + "üú", "i": "iіıí", "p": "pр", "e": "eеé", "o": "oоοö", "s": "sѕş", "j": "jј"}
    spelt = [draw(st.sampled_from(alike.get(letter, letter) + letter.upper())) for letter in letters]
    return "".join(letter + draw(between) for letter in spelt)


@settings(deadline=None)
@given(
    st.composite(_spelt)(),
    st.sampled_from(["", "Sunrise ", "12 "]),
    st.sampled_from(["", " Mill", " (2)", " Ltd"]),
)
def test_no_spelling_of_a_name_passes(name: str, before: str, after: str) -> None:
    assert names_a_member(before + name + after)


@settings(deadline=None)
@given(st.text(string.ascii_letters + "ĦєΗŁ -.'&()12/", max_size=30))
def test_what_passes_names_nobody_once_it_is_published(text: str) -> None:
    if not names_a_member(text):
        assert not NAMES.stand_in(published_name(text))


@settings(deadline=None)
@given(st.text(string.ascii_lowercase, min_size=1, max_size=8), st.text(string.ascii_lowercase, max_size=8))
def test_a_name_within_a_longer_word_is_no_name(before: str, after: str) -> None:
    if after or before:
        found = names_a_member(f"{before}qxharrowxq{after}")
        assert not found


@pytest.mark.parametrize(
    "piece", ["harrow", "h a r r o w", "Ħ", "e\u0301\u0323", "\u0301\u0323", "J.", "a", "aB", " ", "juniper-"]
)
def test_looking_for_names_costs_no_more_than_the_text_is_long(piece: str) -> None:
    other = CompanyNames(["Brightwater Foods", "aaaaaaaaaa", "Eastgate"])
    assert worse_than_linear(other.stand_in, lambda size: piece * (size // len(piece))) is None


REAL = Path(__file__).resolve().parents[4] / "shared/data/member_lists"
EIGHT = [
    "Ferrero",
    "The Hershey Company",
    "Kellogg Company",
    "L'Oréal",
    "Mars, Incorporated",
    "PepsiCo, Inc.",
]
EIGHT += ["Procter & Gamble Company", "Unilever PLC"]
PLAUSIBLE = [
    *EIGHT,
    "Alder & Rowe",
    "Ash Ltd",
    "Harrow Ltd",
    "Juniper Toys Ltd",
    "Brightwater Foods",
    "Eastgate Apparel",
]
PLAUSIBLE += [
    "Premier Foods",
    "Nestlé S.A.",
    "Danone",
    "Asahi Group",
    "Arla Foods",
    "Hanson Ltd",
    "Orkla ASA",
    "Kirin Holdings",
]


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no real lists in {REAL}")
def test_real_sites_are_not_refused_for_the_names_of_likely_members() -> None:
    rows = pl.concat(
        [pl.read_csv(path, infer_schema=False) for path in sorted(REAL.glob("*.csv"))], how="diagonal"
    )
    names = CompanyNames(PLAUSIBLE)
    columns = {"site_name": "site_name", "address": "address", "city": "district", "region": "province"}
    found = {
        text for column, real in columns.items() for text in names.found_in(column, rows[real].fill_null(""))
    }
    assert rows.height > 9_000
    assert found == set()
