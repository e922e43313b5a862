"""What a published name, address or place looks like."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mrx_matching import SiteRecord, display_address, display_city, display_name, display_region
from mrx_matching.lexicon import legal_forms

FORMS = sorted(" ".join(spelling) for spelling in legal_forms().by_spelling)
words = st.text(alphabet=string.ascii_lowercase, min_size=2, max_size=9)
names = st.lists(
    words | st.sampled_from(FORMS) | st.sampled_from(["no", "2nd", "iv", "b2", "&", "i"]), max_size=6
)


def published(name: str) -> str:
    return display_name(SiteRecord(key=0, name=name, country="ID"))


@given(names.map(" ".join) | st.text(max_size=60))
@settings(deadline=None)
def test_publishing_a_published_name_changes_nothing(name: str) -> None:
    assert published(published(name)) == published(name)


@given(st.text(max_size=60))
@settings(deadline=None)
def test_publishing_published_addresses_and_places_changes_nothing(text: str) -> None:
    once = SiteRecord(key=0, name="x", country="ID", address=text, city=text, region=text)
    address, city, region = display_address(once), display_city(once), display_region(once)
    twice = SiteRecord(key=0, name="x", country="ID", address=address, city=city, region=region)
    assert (display_address(twice), display_city(twice), display_region(twice)) == (address, city, region)


@given(st.lists(words, min_size=1, max_size=5), st.sampled_from([" ", "  ", " - ", ", ", ". ", "/", "\t"]))
@settings(deadline=None)
def test_case_punctuation_and_space_do_not_show(parts: list[str], separator: str) -> None:
    assert published(separator.join(parts).upper()) == published(" ".join(parts))


@given(st.text(max_size=80))
@settings(deadline=None)
def test_a_published_name_is_plain_text_that_no_spreadsheet_runs(name: str) -> None:
    shown = published(name)
    assert set(shown) <= set(string.ascii_letters + string.digits + " ")


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("DONGGUAN YI-CHANG SHOES CO.,LTD.", "Dongguan Yi Chang Shoes Co Ltd"),
        ("Kumaş Örme San. ve Tic. A.Ş.", "Kumas Orme AS"),
        ("Sentosa Garment, PT.", "PT Sentosa Garment"),
        ("P T  S E N T O S A", "PT Sentosa"),
        ("M/S Krishna Exports (P) Ltd", "Krishna Exports Pvt Ltd"),
        ("Zakład Nr 3 Sp. z o.o.", "Zaklad 3 Sp z oo"),
        ("TELUK PANJI (ABM)", "Teluk Panji Abm"),
        ("Aceites del Norte S.A. de C.V.", "Aceites del Norte SA de CV"),
        ("东莞鸿进服装有限公司", "Dong Guan Hong Jin Garment Co Ltd"),
    ],
)
def test_names_are_published_readably(raw: str, shown: str) -> None:
    assert published(raw).lower() == shown.lower()


@pytest.mark.parametrize(
    "text", ["\x00\x1b[31m", "=HYPERLINK(1)", "a" * 100_000, "\u202eقاهرة", "🏭" * 50, "İıŞğ"]
)
def test_no_text_breaks_publishing(text: str) -> None:
    published(text)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("NO.48, KANGZHENG RD., BLOCK A", "48 Kangzheng Road Block A"),
        ("jl.merdeka no:12", "Jalan Merdeka 12"),
        ("12 Dong Xi Nan Road", "12 Dong Xi Nan Road"),
        ("Atatürk Cad. No: 5", "Ataturk Cadde 5"),
    ],
)
def test_abbreviations_are_spelt_out_and_nothing_is_translated(raw: str, shown: str) -> None:
    assert display_address(SiteRecord(key=0, name="x", country="ID", address=raw)) == shown
