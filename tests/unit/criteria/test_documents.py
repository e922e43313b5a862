"""Templates go out and come back; reports say what the score says."""

import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pikepdf
import pytest
from mrx_criteria.cli import app
from mrx_criteria.documents import (
    gap_html,
    gap_pdf,
    gap_xlsx,
    heat_map,
    oscal,
    template_csv,
    template_xlsx,
)
from mrx_criteria.domain.answers import COLUMNS, Answer
from mrx_criteria.domain.commonality import score
from mrx_criteria.domain.criteria import Relation
from mrx_criteria.files import ROWS, shipped_catalogue, sifted_answers
from mrx_shared.kit.command import run
from mrx_shared.refusals import Faulty, Invalid, Rejected

from tests.unit.criteria.reports import CRITERIA, GIVEN, REPORT


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_filled_template_comes_back_as_the_answers_that_it_was_filled_with(kind: str) -> None:
    raw = template_csv(CRITERIA, GIVEN).encode() if kind == "csv" else template_xlsx(CRITERIA, GIVEN)
    back = sifted_answers(raw, f"a.{kind}", CRITERIA)
    assert (back.answers, back.faults) == (GIVEN, ())


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_template_of_another_version_is_refused(kind: str) -> None:
    older = shipped_catalogue("6.0-4p")
    raw = template_csv(older).encode() if kind == "csv" else template_xlsx(older)
    with pytest.raises(Invalid, match=r"for criteria '6\.0-4p', not 6\.1-4p") as caught:
        sifted_answers(raw, f"a.{kind}", CRITERIA)
    assert (caught.value.row, caught.value.field) == (1, "criteria")


def test_the_good_rows_are_kept_and_each_of_the_others_is_told_with_row_column_and_remedy() -> None:
    book = openpyxl.load_workbook(io.BytesIO(template_xlsx(CRITERIA)))
    sheet = book["Answers"]
    sheet["B3"], sheet["B4"], sheet["B5"], sheet["E6"] = "equal", "same", "none", "=1+1"
    sheet["A7"] = "C9.99"
    sheet["A8"] = sheet["A3"].value
    body = io.BytesIO()
    book.save(body)
    sifted = sifted_answers(body.getvalue(), "a.xlsx", CRITERIA)
    assert [one.relation for one in sifted.answers] == ["equal", "none"]
    assert [(one.row, one.field) for one in sifted.faults] == [
        (4, "relation"),
        (6, "rationale"),
        (7, "criterion_id"),
        (8, "criterion_id"),
    ]
    assert all(one.remedy for one in sifted.faults)


def sheet_of(*rows: tuple[object, ...]) -> bytes:
    """A workbook with these rows under the header."""
    book = openpyxl.Workbook()
    sheet: Any = book.active
    for row in (COLUMNS, *rows):
        sheet.append(row)
    body = io.BytesIO()
    book.save(body)
    return body.getvalue()


@pytest.mark.parametrize(
    ("rows", "place", "told"),
    [
        ([("C1.1", "equal", "4", "", "", "", "", "stray")], (2, "file"), "8 cells under 6 columns"),
        ([("C1.1", "equal", 4.1)], (2, "requirement_ref"), "the number 4.1"),
        (
            [("C1.1", "equal", datetime(2026, 4, 10, tzinfo=UTC).replace(tzinfo=None))],
            (2, "requirement_ref"),
            "a date",
        ),
        ([(), ("C1.1", "equal", "4", "#REF!")], (3, "requirement_text"), "the error #REF!"),
    ],
)
def test_a_cell_that_is_not_what_was_typed_refuses_its_row_alone(
    rows: list[tuple[object, ...]], place: tuple[int, str], told: str
) -> None:
    sifted = sifted_answers(sheet_of(*rows, ("C1.2", "none", 5)), "a.xlsx", CRITERIA)
    [fault] = sifted.faults
    assert ((fault.row, fault.field), told in fault.reason) == (place, True)
    assert [(one.criterion_id, one.requirement_ref) for one in sifted.answers] == [("C1.2", "5")]


def test_every_cell_of_a_row_that_is_not_what_was_typed_is_told() -> None:
    sifted = sifted_answers(sheet_of(("C1.1", "equal", 4.1, "#REF!")), "a.xlsx", CRITERIA)
    assert [(one.row, one.field) for one in sifted.faults] == [
        (2, "requirement_ref"),
        (2, "requirement_text"),
    ]
    assert sifted.answers == ()


def test_no_row_of_a_sheet_is_passed_over() -> None:
    book = openpyxl.load_workbook(io.BytesIO(sheet_of(("C1.1", "equal"))))
    sheet: Any = book.active
    sheet.cell(ROWS + 1, 1, "C9.99")
    body = io.BytesIO()
    book.save(body)
    with pytest.raises(Invalid, match=f"more than {ROWS} rows") as caught:
        sifted_answers(body.getvalue(), "a.xlsx", CRITERIA)
    assert caught.value.row == ROWS + 1
    with pytest.raises(Invalid, match="a cell in column 65") as caught:
        sifted_answers(sheet_of(("C1.1", *[None] * 63, "x")), "a.xlsx", CRITERIA)
    assert caught.value.row == 2


def test_a_hundred_faults_are_said_and_of_the_others_how_many_they_are() -> None:
    text = "criterion_id,relation\n" + "C9.99,equal\n" * 250 + "C1.1,equal\n"
    sifted = sifted_answers(text.encode(), "a.csv", CRITERIA)
    assert len(sifted.answers) == 1
    assert [one.row for one in sifted.faults] == list(range(2, 102))
    assert sifted.more == 150
    with pytest.raises(Faulty) as refused:
        sifted.whole()
    assert (len(refused.value.faults), refused.value.more) == (100, 150)
    few = sifted_answers(text.replace("C9.99,equal\n" * 150, "", 1).encode(), "a.csv", CRITERIA)
    assert ([one.row for one in few.faults], few.more) == (list(range(2, 102)), 0)


def test_a_csv_row_with_a_cell_too_many_is_refused_alone() -> None:
    text = "criterion_id,relation,rationale\nC1.1,equal,why, really\nC1.2,none,so\n"
    sifted = sifted_answers(text.encode(), "a.csv", CRITERIA)
    assert [(one.row, one.reason) for one in sifted.faults] == [(2, "4 cells under 3 columns")]
    assert [one.criterion_id for one in sifted.answers] == ["C1.2"]


@pytest.mark.parametrize("raw", [b"", b"PK\x03\x04", b"plain text", b"x" * (5 * 1024 * 1024)])
def test_what_is_no_workbook_or_too_large_is_refused(raw: bytes) -> None:
    with pytest.raises(Invalid):
        sifted_answers(raw, "a.xlsx", CRITERIA)


def test_the_page_shows_the_verdict_the_path_and_every_gap_and_runs_nothing() -> None:
    page = gap_html(REPORT)
    assert "<script" not in page
    assert "Acme &lt;Audit&gt;" in page
    assert "<svg" in page
    for name in REPORT.score.cheapest_path:
        assert f"<td>{name}</td>" in page
    assert page.count("<tr>") == 3 + len(REPORT.score.gaps) + len(REPORT.score.by_clause) + len(
        REPORT.score.cheapest_path
    )


def test_the_map_has_a_field_for_every_clause() -> None:
    svg = heat_map(REPORT.score, CRITERIA)
    assert svg.startswith("<svg")
    assert "<script" not in svg
    assert len(re.findall(r">\d+\.\d\d<", svg)) == len(CRITERIA.clauses)


def test_the_pdf_is_the_same_for_the_same_report() -> None:
    first = gap_pdf(REPORT)
    assert first == gap_pdf(REPORT)
    with pikepdf.open(io.BytesIO(first)) as document:
        assert len(document.pages) >= 2


def test_what_the_pdfs_fonts_lack_is_put_in_latin_letters() -> None:
    spelled = [
        gap_pdf(replace(REPORT, protocol=name)) for name in ("采购＂＼ “Ünï” Ж", 'CaiGou"\\ “Ünï” Ж', "Ж")
    ]
    assert spelled[0] == spelled[1] != spelled[2]


def test_the_workbook_holds_every_criterion() -> None:
    book = openpyxl.load_workbook(io.BytesIO(gap_xlsx(REPORT)))
    assert book.sheetnames == ["Verdict", "Clauses", "Criteria", "Path"]
    assert book["Criteria"].max_row == 1 + len(CRITERIA.criteria)


UUID_OF_OSCAL = r"[0-9a-f]{8}-[0-9a-f]{4}-[45][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
# What OSCAL 1.2 states of a mapping collection, as far as ours uses it: for each object its needed fields, then those
# that it may have. A field's value is another object, a list of at least one, or the form of a text.
WORD, LINE, ANY = r"[A-Za-z_][A-Za-z0-9_.-]*", r"\S(.*\S)?", r"(?s).+"
ITEM: Any = ({"type": "statement|control", "id-ref": LINE}, {})
METHOD = {
    "method": "human|automation|hybrid",
    "matching-rationale": "syntactic|semantic|functional",
    "status": "complete|not-complete|draft|deprecated|superseded",
}
MAP: Any = (
    {
        "uuid": UUID_OF_OSCAL,
        "relationship": "equivalent-to|equal-to|subset-of|superset-of|intersects-with|no-relationship",
        "sources": [ITEM],
        "targets": [ITEM],
    },
    {"remarks": ANY},
)
RESOURCE: Any = ({"type": "catalog|profile", "href": f"#{UUID_OF_OSCAL}"}, {})
GAPS: Any = ({"uuid": UUID_OF_OSCAL, "unmapped-controls": [({}, {"with-ids": [WORD]})]}, {})
MAPPING: Any = (
    {"uuid": UUID_OF_OSCAL, "source-resource": RESOURCE, "target-resource": RESOURCE, "maps": [MAP]},
    {**METHOD, "target-gap-summary": GAPS},
)
METADATA = {
    "title": ANY,
    "last-modified": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)",
    "version": LINE,
    "oscal-version": r"1\.2\.\d",
}
COLLECTION: Any = (
    {
        "uuid": UUID_OF_OSCAL,
        "metadata": (METADATA, {}),
        "provenance": ({**METHOD, "mapping-description": ANY}, {}),
        "mappings": [MAPPING],
    },
    {"back-matter": ({}, {"resources": [({"uuid": UUID_OF_OSCAL}, {"title": ANY})]})},
)


def faults(stated: Any, found: Any, place: str = "") -> list[str]:  # noqa: ANN401 - JSON
    """Where a document departs from what is stated of it."""
    if isinstance(stated, str):
        fits = isinstance(found, str) and re.fullmatch(stated, found)
        return [] if fits else [f"{place}: {found!r}"]
    if isinstance(stated, list):
        if not isinstance(found, list) or not found:
            return [f"{place}: not a list of at least one"]
        return [one for item in found for one in faults(stated[0], item, f"{place}[]")]
    needed, optional = stated
    wrong = [f"{place}: {name} is missing" for name in needed.keys() - found.keys()]
    known = {**needed, **optional}
    wrong += [f"{place}: {name} is not known" for name in found.keys() - known.keys()]
    return wrong + [
        one
        for name in found.keys() & known.keys()
        for one in faults(known[name], found[name], f"{place}/{name}")
    ]


def test_the_mapping_collection_has_the_form_that_oscal_states() -> None:
    collection = json.loads(json.dumps(oscal(REPORT)))["mapping-collection"]
    assert faults(COLLECTION, collection) == []
    [mapping] = collection["mappings"]
    ids = [collection["uuid"], mapping["uuid"], *(one["uuid"] for one in mapping["maps"])]
    assert len(set(ids)) == len(ids)
    resources = {f"#{one['uuid']}" for one in collection["back-matter"]["resources"]}
    assert {mapping["source-resource"]["href"], mapping["target-resource"]["href"]} == resources
    targets = [one["targets"][0]["id-ref"] for one in mapping["maps"]]
    [gaps] = mapping["target-gap-summary"]["unmapped-controls"]
    met = {one.criterion_id for one in GIVEN if one.relation is not Relation.NONE}
    assert set(targets) == {one.criterion_id for one in GIVEN}
    assert gaps["with-ids"] == [one.id for one in CRITERIA.criteria if one.id not in met]
    assert (mapping["status"], len(targets)) == ("not-complete", len(GIVEN))
    assert oscal(REPORT) == oscal(REPORT)


def test_where_every_criterion_has_an_answer_the_mapping_is_complete_though_some_are_not_met() -> None:
    all_but_one = [Answer(criterion_id=one.id, relation=Relation.EQUAL) for one in CRITERIA.criteria[1:]]
    unmet = Answer(criterion_id=CRITERIA.criteria[0].id, relation=Relation.NONE)
    [mapping] = oscal(replace(REPORT, answers=(unmet, *all_but_one)))["mapping-collection"]["mappings"]
    assert mapping["status"] == "complete"
    assert mapping["target-gap-summary"]["unmapped-controls"] == [{"with-ids": [unmet.criterion_id]}]


def test_a_clause_of_two_pillars_has_a_field_in_each() -> None:
    first, second, *_ = (replace(one, clause="1") for one in CRITERIA.criteria)
    split = replace(CRITERIA, criteria=(replace(first, pillar="labour"), replace(second, pillar="ethics")))
    given = (Answer(criterion_id=first.id, relation=Relation.EQUAL),)
    report = replace(REPORT, catalogue=split, answers=given, score=score(split, given))
    assert sorted(re.findall(r">(\d+\.\d\d)<", heat_map(report.score, split))) == ["0.00", "100.00"]
    book = openpyxl.load_workbook(io.BytesIO(gap_xlsx(report)))
    assert [tuple(cell.value for cell in row[:3]) for row in book["Clauses"].iter_rows(min_row=2)] == [
        ("1", "labour", "100.00"),
        ("1", "ethics", "0.00"),
    ]


def test_the_template_takes_what_is_typed_as_text() -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(template_xlsx(CRITERIA)))["Answers"]
    assert {sheet.cell(row, column).number_format for row in (3, 9) for column in (3, 4, 5, 6)} == {"@"}


def test_an_empty_mapping_is_refused() -> None:
    with pytest.raises(Rejected, match="nothing to map"):
        oscal(replace(REPORT, answers=()))


def test_a_report_follows_the_waivers_and_the_gate_that_the_score_followed(tmp_path: Path) -> None:
    answers, waivers, out = (tmp_path / name for name in ("answers.csv", "waivers.csv", "gaps.xlsx"))
    lacking = {one.id for one in CRITERIA.criteria if one.clause == "3"}
    answers.write_text(
        "criterion_id,relation\n"
        + "".join(f"{one.id},{'none' if one.id in lacking else 'equal'}\n" for one in CRITERIA.criteria),
        encoding="utf-8",
    )
    waivers.write_text(
        "clause,reason,until\n3,disputed,2026-12-31\n3,still disputed,2027-12-31\n", encoding="utf-8"
    )

    def verdict(*options: str) -> dict[str, str]:
        asked = ["report", str(answers), "--criteria", "6.1-4p", "--as-of", "2026-06-30", "--out", str(out)]
        assert run(app, [*asked, *options]) == 0
        rows = openpyxl.load_workbook(out)["Verdict"].iter_rows(min_row=2, values_only=True)
        return {str(name): str(value) for name, value in rows}

    waived = verdict("--waivers", str(waivers))
    assert (waived["commonality"], waived["equivalent"]) == ("100.00", "yes")
    essential = verdict("--gate", "essential")
    assert (essential["gate"], essential["equivalent"]) == ("every essential criterion in full", "no")


def test_the_commands_write_templates_reports_and_suggestions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template = tmp_path / "answers.csv"
    assert run(app, ["template", "6.1-4p", "--out", str(template)]) == 0
    filled = template_csv(CRITERIA, GIVEN)
    template.write_text(filled, encoding="utf-8")
    for kind in ("html", "pdf", "xlsx", "svg", "json"):
        out = tmp_path / f"report.{kind}"
        assert run(app, ["report", str(template), "--criteria", "6.1-4p", "--out", str(out)]) == 0
        assert out.stat().st_size > 1_000
    assert run(app, ["report", str(template), "--criteria", "6.1-4p", "--out", str(tmp_path / "a.doc")]) == 2
    assert run(app, ["template", "6.1-4p", "--out", str(tmp_path / "a.txt")]) == 2
    assert not list(tmp_path.glob("a.*"))
    protocol = tmp_path / "protocol.csv"
    protocol.write_text("requirement_ref,requirement_text\n4.1,Exits are never locked.\n", encoding="utf-8")
    capsys.readouterr()
    assert run(app, ["suggest", str(protocol), "--criteria", "6.1-4p"]) == 0
    header, first, *_ = capsys.readouterr().out.splitlines()
    assert header.endswith("suggested_criterion_id,similarity")
    assert ",C3.4," in first
