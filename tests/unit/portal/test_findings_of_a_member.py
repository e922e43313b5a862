import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from mrx_lists.sheets import read_sheet
from mrx_lists.tables import known
from mrx_portal.domain import findings
from mrx_portal.domain.findings import Before, Contact, Finding, overlap
from mrx_portal.domain.released import read_released
from mrx_shared.refusals import Invalid
from openpyxl import Workbook

from tests.unit.portal.scheme import entry

HEAD = "supplier_ref,entry_id,score,decision,audited_by_us\r\n"
LISTED = read_released(json.dumps([entry(number) for number in range(5)]).encode())


def read_findings(content: bytes) -> tuple[Finding, ...]:
    return findings.read_findings(read_sheet("check.csv", content, known=known))


def read_contacts(content: bytes) -> dict[str, Contact]:
    return findings.read_contacts(read_sheet("contacts", content, known=known))


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
        (b"\xff\xfe\x00", None, 1),
        (b"", None, None),
        (b"supplier_ref,entry_id,score,decision\n", "audited_by_us", None),
        (found("V,e,0.9,perhaps,false"), "decision", 2),
        (found(finding(0), "V,e,0.9,match,yes"), "audited_by_us", 3),
        (found("V"), "decision", 2),
    ],
)
def test_a_file_of_another_make_is_refused_with_its_place(
    content: bytes, field: str | None, row: int | None
) -> None:
    with pytest.raises(Invalid) as refusal:
        read_findings(content)

    assert (refusal.value.field, refusal.value.row) == (field, row)
    assert refusal.value.remedy


def workbook(*rows: Sequence[object]) -> bytes:
    book, content = Workbook(), io.BytesIO()
    assert book.active is not None
    for row in rows:
        book.active.append(list(row))
    book.save(content)
    return content.getvalue()


def test_files_are_read_in_whatever_make_the_command_takes() -> None:
    check = workbook(
        ["supplier_ref", "entry_id", "score", "decision", "audited_by_us"],
        ["V-0", entry(0)["entry_id"], 0.95, "match", False],
    )
    contacts = workbook(
        ["Our suppliers"],
        ["Lieferantennummer", "Company", "E-Mail-Adresse", "Sprache"],
        ["V-0", "Peña", "q@p.example", "es-MX"],
    )

    [one] = overlap(
        read_findings(check), LISTED, asked=frozenset(), contacts=read_contacts(contacts)
    ).candidates

    assert one.contact == Contact(name="Peña", contact_email="q@p.example", language="es")


def test_a_language_that_mails_are_not_written_in_is_a_fault_of_its_row_and_never_english() -> None:
    contacts = read_contacts(b"supplier_ref,contact_email,language\nV-0,a@b.example,de\nV-1,b@b.example,\n")
    fault = contacts["V-0"].fault
    assert fault is not None
    assert (contacts["V-0"].language, fault.field, fault.row) == ("", "language", 2)
    assert fault.remedy == "write one of en, zh, es"
    assert contacts["V-1"].fault is None


def test_a_supplier_with_two_contacts_gets_none_of_them_and_the_others_theirs() -> None:
    contacts = read_contacts(b"supplier_ref,contact_email\nV,a@b.example\nW,w@b.example\nV,c@b.example\n")
    fault = contacts["V"].fault
    assert fault is not None
    assert (contacts["V"].contact_email, fault.row) == ("", 4)
    assert contacts["W"].contact_email == "w@b.example"


def test_a_site_whose_request_is_over_is_offered_with_that_request() -> None:
    before = Before(request_id="1", state="declined", at=datetime(2026, 6, 1, tzinfo=UTC))
    rows = read_findings(found(finding(0), finding(1), finding(2)))
    over = {entry(0)["entry_id"]: before, "V-1": before}
    result = overlap(rows, LISTED, asked=frozenset(), contacts={}, over=over)
    assert [one.before for one in result.candidates] == [before, before, None]
