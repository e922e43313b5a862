"""Identifiers and countries as they come in."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mrx_matching import IDENTIFIER_KINDS, check_identifier, country_name, normalise_country
from mrx_matching.countries import _rows
from mrx_matching.identifiers import gln_check_digit, lei_check_digits


@pytest.mark.parametrize(
    ("kind", "text", "kept"),
    [
        ("os_id", "cn2021250-d1dtn-7", "CN2021250D1DTN7"),
        ("lei", "5493 001K JTII GC8Y 1R12", "5493001KJTIIGC8Y1R12"),
        ("gln", "4006381-33393-1", "4006381333931"),
        ("duns", "00-123-4567", "001234567"),
        ("vat", "de 123456789", "DE123456789"),
        ("zs", "zs400000001", "ZS400000001"),
        ("zc", "ZC400000001", "ZC400000001"),
    ],
)
def test_a_good_identifier_has_one_written_form(kind: str, text: str, kept: str) -> None:
    assert check_identifier(kind, text) == kept
    assert check_identifier(kind, kept) == kept


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        ("os_id", "CN2021250D1DTN8", "check character"),
        ("os_id", "CN2021400D1DTN7", "day 400"),
        ("os_id", "CN2021250D1DT", "15 characters"),
        ("lei", "5493001KJTIIGC8Y1R13", "check digits"),
        ("lei", "5493001", "GLEIF"),
        ("gln", "4006381333932", "check digit"),
        ("gln", "400638133393", "13 digits"),
        ("duns", "12345678", "leading zeros"),
        ("vat", "-", "invoice"),
        ("zs", "ZC400000001", "Sedex site code"),
        ("zc", "400000001", "Sedex company code"),
        ("passport", "X1", "os_id"),
    ],
)
def test_a_bad_identifier_is_refused_with_reason_and_remedy(kind: str, text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_identifier(kind, text)


@given(st.integers(0, 10**12 - 1), st.integers(0, 11), st.integers(1, 9))
def test_one_wrong_digit_in_a_gln_is_seen(stem: int, place: int, step: int) -> None:
    good = f"{stem:012d}" + gln_check_digit(f"{stem:012d}")
    wrong = good[:place] + str((int(good[place]) + step) % 10) + good[place + 1 :]
    assert check_identifier("gln", good) == good
    with pytest.raises(ValueError, match="check digit"):
        check_identifier("gln", wrong)


@given(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=18, max_size=18))
def test_every_lei_with_its_check_digits_is_good(stem: str) -> None:
    assert check_identifier("lei", stem + lei_check_digits(stem))


@given(st.sampled_from(IDENTIFIER_KINDS), st.text())
def test_no_text_breaks_the_checks(kind: str, text: str) -> None:
    with suppress(ValueError):
        kept = check_identifier(kind, text)
        assert check_identifier(kind, kept) == kept


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("CHINA", "CN"),
        ("China", "CN"),
        ("cn", "CN"),
        ("PR China", "CN"),
        ("P.R. China", "CN"),
        ("中国", "CN"),
        ("Côte d'Ivoire", "CI"),
        ("Cote d’Ivoire", "CI"),
        ("COTE D IVOIRE", "CI"),
        ("Viet Nam", "VN"),
        ("Vietnam", "VN"),
        ("USA", "US"),
        ("UK", "GB"),
        ("Papua New Guinea", "PG"),
        ("Solomon Islands", "SB"),
        ("Türkiye", "TR"),
        ("TURKEY", "TR"),
        ("The Netherlands", "NL"),
        ("IDN", "ID"),
        (" Indonesia ", "ID"),
        ("Rep. of Indonesia", "ID"),
        ("The Republic of Türkiye", "TR"),
        ("Republic of Korea", "KR"),
        ("Rep. of the Congo", "CG"),
    ],
)
def test_countries_are_known_as_people_write_them(text: str, code: str) -> None:
    assert normalise_country(text) == code


@pytest.mark.parametrize("text", ["", " ", "Atlantis", "QQ", "n/a", "EMEA", "Chinaa", "=1+1"])
def test_what_is_no_country_is_unknown(text: str) -> None:
    assert normalise_country(text) is None


def test_every_country_is_known_by_its_codes_and_its_name() -> None:
    codes = [row["alpha2"] for row in _rows()]
    assert len(codes) == len(set(codes)) == 250
    for row in _rows():
        for text in (row["alpha2"], row["alpha3"], country_name(row["alpha2"]).upper()):
            assert normalise_country(text) == row["alpha2"]
