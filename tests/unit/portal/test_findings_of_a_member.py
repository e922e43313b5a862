import json

import pytest
from mrx_portal.domain.findings import Contact, overlap, read_contacts, read_findings
from mrx_portal.domain.released import read_released
from mrx_shared.refusals import Invalid

from tests.unit.portal.scheme import entry

HEAD = "supplier_ref,entry_id,score,decision,audited_by_us\r\n"
LISTED = read_released(json.dumps([entry(number) for number in range(5)]).encode())


def found(*rows: str) -> bytes:
    return (HEAD + "".join(f"{row}\r\n" for row in rows)).encode()


def finding(number: int, ref: str = "V", decision: str = "match", audited: str = "false") -> str:
    return f"{ref}-{number},{entry(number)['entry_id']},0.9512,{decision},{audited}"


def test_only_what_is_listed_not_audited_and_not_asked_is_offered() -> None:
    rows = read_findings(
        found(
            finding(0),
            finding(1, audited="true"),
            finding(2, decision="review"),
            finding(3),
            "V-9,,0.1000,none,false",
            finding(99),
        )
    )

    result = overlap(rows, LISTED, asked=frozenset({entry(3)["entry_id"]}), contacts={})

    assert [one.supplier_ref for one in result.candidates] == ["V-0"]
    assert (result.suppliers, result.listed, result.audited_by_us) == (6, 4, 1)
    assert (result.to_review, result.asked_already, result.gone, result.repeated) == (1, 1, 1, 0)


def test_two_suppliers_of_one_site_make_one_request() -> None:
    result = overlap(
        read_findings(found(finding(0), finding(0, ref="W"))), LISTED, asked=frozenset(), contacts={}
    )

    assert [one.supplier_ref for one in result.candidates] == ["V-0"]
    assert result.repeated == 1


def test_a_contact_goes_with_the_supplier_that_it_is_of() -> None:
    contacts = read_contacts(
        'supplier_ref;name;contact_email;contact_name;language\nV-0;"Peña; Hijos";qa@p.example;;es\n'.encode(
            "utf-8-sig"
        )
    )

    result = overlap(read_findings(found(finding(0))), LISTED, asked=frozenset(), contacts=contacts)

    assert result.candidates[0].contact == Contact(
        name="Peña; Hijos", contact_email="qa@p.example", language="es"
    )


@pytest.mark.parametrize(
    ("content", "field", "row"),
    [
        (b"\xff\xfe\x00", "check.csv", None),
        (b"", "supplier_ref", None),
        (b"supplier_ref,entry_id,score,decision\n", "audited_by_us", None),
        (found("V,e,0.9,perhaps,false"), "decision", 1),
        (found(finding(0), "V,e,0.9,match,yes"), "audited_by_us", 2),
        (found("V,e,0.9,match,false,more"), None, 1),
        (found("V"), "decision", 1),
    ],
)
def test_a_file_of_another_make_is_refused_with_its_place(
    content: bytes, field: str | None, row: int | None
) -> None:
    with pytest.raises(Invalid) as refusal:
        read_findings(content)

    assert (refusal.value.field, refusal.value.row) == (field, row)
    assert refusal.value.remedy


def test_a_supplier_with_two_contacts_is_refused() -> None:
    with pytest.raises(Invalid, match="twice") as refusal:
        read_contacts(b"supplier_ref,name,contact_email,contact_name,language\nV,a,b,c,en\nV,a,b,c,en\n")

    assert refusal.value.row == 2
