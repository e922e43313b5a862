"""What can be asked of a file's rows, and for every other row why not."""

from pathlib import Path
from uuid import UUID

import pytest
from mrx_lists.tables import Line
from mrx_member.domain.requests import Asking, Fault, Terms, askings, verdicts
from mrx_member.handlers import requests
from mrx_shared.refusals import Invalid
from openpyxl import Workbook

from tests.unit.member.conftest import MemoryBackend

TERMS = Terms(scope="SMETA 4-pillar", purpose="recognition")
GOOD = {
    "entry_id": "e1",
    "supplier_ref": "S-1",
    "supplier_name": "Halden Works",
    "contact_email": "quality@halden.example",
}


def read(*rows: dict[str, str], terms: Terms = TERMS) -> tuple[list[Asking], list[Fault]]:
    return askings([Line(row=number, values=row) for number, row in enumerate(rows, 2)], terms)


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_what_a_row_does_not_say_the_terms_say() -> None:
    [first, second], faults = read(
        GOOD, GOOD | {"entry_id": "e2", "scope": "labour", "language": "zh-CN", "term_days": "14.0"}
    )
    assert faults == []
    assert (first.scope, first.language, first.term_days) == ("SMETA 4-pillar", "en", 28)
    assert (second.scope, second.language, second.term_days) == ("labour", "zh", 14)


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"entry_id": ""}, "entry_id", "is empty"),
        ({"supplier_ref": ""}, "supplier_ref", "is empty"),
        ({"supplier_name": "x" * 201}, "supplier_name", "longer than 200"),
        ({"supplier_name": "a\u202eb"}, "supplier_name", "invisible character"),
        ({"contact_email": ""}, "contact_email", "is empty"),
        ({"contact_email": "quality at halden"}, "contact_email", "not an e-mail address"),
        ({"contact_email": "a@b.example, c@d.example"}, "contact_email", "not an e-mail address"),
        ({"contact_email": "a@b"}, "contact_email", "not an e-mail address"),
        ({"language": "fr"}, "language", "'fr'"),
        ({"term_days": "6"}, "term_days", "'6'"),
        ({"term_days": "91"}, "term_days", "'91'"),
        ({"term_days": "two weeks"}, "term_days", "two weeks"),
        ({"entry_id": "e1"}, "entry_id", "row 2 already asks"),
    ],
)
def test_a_row_that_cannot_be_asked_is_named_with_its_remedy(
    change: dict[str, str], field: str, said: str
) -> None:
    asked, [fault] = read(GOOD, GOOD | {"entry_id": "e2"} | change, GOOD | {"entry_id": "e3"})
    assert [one.entry_id for one in asked] == ["e1", "e3"]
    assert (fault.row, fault.field) == (3, field)
    assert said in fault.reason
    assert fault.remedy


def test_scope_and_purpose_must_be_said_somewhere() -> None:
    _, [fault] = read(GOOD, terms=Terms(scope="SMETA"))
    assert (fault.field, fault.remedy) == (
        "purpose",
        "fill the column, or give it for all rows with --purpose",
    )


def test_of_a_check_the_matches_are_asked_that_are_not_audited_and_whose_contact_is_known(
    backend: MemoryBackend, tmp_path: Path
) -> None:
    check = write(
        tmp_path / "check.csv",
        "supplier_ref,entry_id,score,decision,audited_by_us",
        "s1,e1,1.0000,match,false",
        "s2,e2,1.0000,match,true",
        "s3,e3,0.5000,review,false",
        "s4,,0.0000,none,false",
        "s5,e5,1.0000,match,false",
        "s6,e6,1.0000,match,false",
        "s7,e7,1.0000,match,false",
    )
    suppliers = write(
        tmp_path / "suppliers.csv",
        "Supplier No;Site Name;E-mail;Country;Language",
        "s1;Alpha, Beta, Gamma;a@alpha.example;China;zh",
        "s2;Beta;b@beta.example;China;",
        "s5;Epsilon;;China;",
        "s7;Eta;one@eta.example;;",
        "s7;Eta;two@eta.example;;",
    )
    [asked], faults = requests.read_check(check, suppliers, TERMS, backend)
    assert (asked.entry_id, asked.supplier_name, asked.language) == ("e1", "Alpha, Beta, Gamma", "zh")
    assert {(one.ref, one.row, one.field, one.reason) for one in faults} == {
        ("s5", 4, "contact_email", "is empty"),
        ("s6", 7, "supplier_ref", "is not among the suppliers"),
        ("s7", 8, "supplier_ref", "stands in rows 5, 6 of the suppliers"),
    }


def test_headings_are_recognised_below_a_title_and_empty_rows_are_left_out(
    backend: MemoryBackend, tmp_path: Path
) -> None:
    path = write(
        tmp_path / "ask.csv",
        "To be asked in June,,,",
        "Entry ID,Lieferantennummer,Supplier Name,E-Mail-Adresse",
        "e1,S-1,Halden,q@halden.example",
        ",,,",
        "e2,S-2,Orla,q@orla.example",
    )
    asked, faults = requests.read_askings(path, TERMS, backend)
    assert faults == []
    assert [(one.row, one.site_number) for one in asked] == [(3, "S-1"), (5, "S-2")]


@pytest.mark.parametrize(
    ("lines", "field"),
    [
        (("entry_id,supplier_ref,supplier_name", "e1,S-1,Halden"), "contact_email"),
        (("entry_id,supplier_ref,contact_email", ",,"), None),
        (("a,b", "1,2"), "entry_id"),
    ],
)
def test_a_file_that_asks_for_nothing_is_refused(
    lines: tuple[str, ...], field: str | None, backend: MemoryBackend, tmp_path: Path
) -> None:
    with pytest.raises(Invalid) as refused:
        requests.read_askings(write(tmp_path / "ask.csv", *lines), TERMS, backend)
    assert refused.value.field == field
    assert refused.value.remedy


REQUEST = "3f0e5dd6-6f0e-4f3c-9f3a-0a6f1f1d8c11"


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"request_id": "R-1", "outcome": "accepted"}, "request_id"),
        ({"request_id": REQUEST, "outcome": "yes"}, "outcome"),
        ({"request_id": REQUEST}, "outcome"),
        ({"request_id": REQUEST, "outcome": "refused"}, "reason"),
        ({"request_id": REQUEST, "outcome": "refused", "reason": "x" * 201}, "reason"),
        ({"request_id": REQUEST, "outcome": "accepted", "valid_until": "31.12.2027"}, "valid_until"),
    ],
)
def test_a_row_that_holds_no_decision_is_named_and_the_others_are_taken(
    row: dict[str, str], field: str
) -> None:
    good = {"request_id": REQUEST, "outcome": "accepted", "valid_until": "2027-12-31"}
    [decided], [fault] = verdicts([Line(row=2, values=row), Line(row=3, values=good)])
    assert (decided.row, str(decided.valid_until)) == (3, "2027-12-31")
    assert (fault.row, fault.field) == (2, field)
    assert fault.remedy


def test_that_the_same_file_is_meant_is_said_by_yes_or_no() -> None:
    row = {"request_id": str(UUID(int=1)), "outcome": "accepted"}
    said = [row, row | {"same_file_confirmed": "Yes"}, row | {"same_file_confirmed": "perhaps"}]
    decided, [fault] = verdicts([Line(row=number, values=one) for number, one in enumerate(said, 2)])
    assert [one.same_file_confirmed for one in decided] == [False, True]
    assert (fault.row, fault.field) == (4, "same_file_confirmed")


async def test_what_a_workbook_says_of_a_check_in_its_own_spelling_is_understood(
    backend: MemoryBackend, tmp_path: Path
) -> None:
    book = Workbook()
    assert book.active is not None
    book.active.append(["supplier_ref", "entry_id", "decision", "audited_by_us"])
    book.active.append(["V-1", "e1", "match", False])
    book.save(tmp_path / "check.xlsx")
    suppliers = tmp_path / "suppliers.csv"
    suppliers.write_text("supplier_ref;Company;E-Mail-Adresse\nV-1;Halden;q@halden.example\n")
    terms = Terms(scope="SMETA", purpose="Approval")
    [one], faults = requests.read_check(tmp_path / "check.xlsx", suppliers, terms, backend)
    assert (one.entry_id, one.contact_email, faults) == ("e1", "q@halden.example", [])
