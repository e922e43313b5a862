"""Headings: what is read, what is dropped, what refuses the file."""

import pytest
from mrx_lists.columns import Use, is_commercial, is_contact, meaning, recognise
from mrx_matching.generator.styles import STYLES, Style
from mrx_shared.messages.lists import COLUMNS, IDENTIFIERS
from mrx_shared.refusals import Invalid, Rejected

PLAIN = ["site_name", "country", "audit_date", "protocol", "protocol_version"]


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_every_heading_of_every_style_is_recognised(style: Style) -> None:
    assert {heading: meaning(heading) for heading in style.headers.values()} == {
        heading: column for column, heading in style.headers.items()
    }
    headings = recognise([*style.headers.values(), *style.harmless, *style.contact], Use.PUBLISH)
    assert headings.contacts == style.contact
    assert headings.ignored == style.harmless


@pytest.mark.parametrize("column", [*COLUMNS, *IDENTIFIERS])
def test_a_plain_heading_is_recognised_however_it_is_spaced(column: str) -> None:
    for heading in (column, column.upper(), column.replace("_", " ").title(), f" {column[0]} {column[1:]}. "):
        assert meaning(heading) == column


@pytest.mark.parametrize(
    ("heading", "column"),
    [
        ("district", "city"),
        ("province", "region"),
        ("C ountry", "country"),
        ("Mill Company Name", "site_name"),
        ("Country (ISO)", "country"),
        ("工厂名称 Factory Name", "site_name"),
        ("Ville", "city"),
        ("company", None),
        ("parent_group", None),
        ("lat", None),
    ],
)
def test_headings_of_real_files(heading: str, column: str | None) -> None:
    assert meaning(heading) == column


@pytest.mark.parametrize(
    "heading",
    [
        *(
            "Price",
            "unit_price",
            "UnitPrice",
            "Annual Volume (t)",
            "Production Capacity",
            "Spend 2025",
            "Turnover",
        ),
        *("Jahreskapazität", "Einkaufsvolumen", "Umsatz", "Preis/Stk", "Prix unitaire", "Chiffre d'affaires"),
        *("Volumen anual", "Facturación", "采购额", "产能（吨）", "Qty", "MOQ", "Cost"),
    ],
)
def test_a_commercial_column_refuses_the_file(heading: str) -> None:
    with pytest.raises(Rejected, match="nothing was sent") as refused:
        recognise([*PLAIN, heading], Use.PUBLISH)
    assert refused.value.field == heading
    assert refused.value.remedy


@pytest.mark.parametrize(
    "heading", ["Remarks", "Suspended?", "Costa", "Enterprise", "sector", "lat", "Buyer Notes"]
)
def test_a_harmless_column_is_not_taken_for_another(heading: str) -> None:
    assert not is_commercial(heading)
    assert not is_contact(heading)


@pytest.mark.parametrize(
    "heading",
    [
        *("Contact E-mail", "Contact Person", "email", "Phone No.", "Tel", "Site Manager", "WhatsApp"),
        *("Ansprechpartner", "Téléphone", "Courriel", "Correo electrónico", "联系人", "手机号"),
    ],
)
def test_a_contact_column_is_dropped_and_named(heading: str) -> None:
    assert recognise([*PLAIN, heading], Use.PUBLISH).contacts == (heading,)


def test_a_supplier_base_may_hold_what_must_not_leave() -> None:
    headings = recognise(["supplier_ref", "site_name", "country", "Spend"], Use.SUPPLIERS)
    assert headings.ignored == ("Spend",)


def test_a_supplier_number_of_ones_own_does_not_leave() -> None:
    headings = recognise([*PLAIN, "Supplier ID"], Use.PUBLISH)
    assert headings.ignored == ("Supplier ID",)
    assert set(headings.cells) == set(PLAIN)


def test_a_missing_column_is_named_with_what_was_found() -> None:
    with pytest.raises(Invalid, match=r"audit_date.*Factory Name") as refused:
        recognise(["Factory Name", "country", "protocol", "version"], Use.PUBLISH)
    assert refused.value.field == "audit_date"


def test_two_headings_for_one_column_are_named() -> None:
    with pytest.raises(Invalid, match="'Town' and 'Ville' both mean city"):
        recognise([*PLAIN, "Town", "Ville"], Use.PUBLISH)


def test_the_exact_name_stands_above_its_synonyms() -> None:
    headings = recognise([*PLAIN, "District", "City"], Use.PUBLISH)
    assert headings.names["city"] == "City"
    assert headings.ignored == ("District",)
