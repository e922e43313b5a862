"""Suggestions for a file of requirements: ranked, told as suggestions, never an answer."""

import base64
import io
from uuid import uuid4

import openpyxl
import pytest

from tests.component.benchmark.conftest import As
from tests.component.benchmark.submitting import made

pytestmark = pytest.mark.live

HEADER = "requirement_ref,requirement_text"
PAID = "Workers are paid at least the legal minimum wage"


def asked(content: bytes, name: str = "protocol.csv") -> dict[str, str]:
    return {
        "criteria_version": "6.0-4p",
        "file_name": name,
        "content_base64": base64.b64encode(content).decode(),
    }


def workbook() -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    assert book.active
    for row in (HEADER.split(","), ["4.1", PAID], ["4.2", "zzz qqq"]):
        book.active.append(row)
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "name"),
    [(f"{HEADER}\n4.1,{PAID}\n4.2,zzz qqq\n".encode(), "p.csv"), (workbook(), "p.xlsx")],
)
async def test_a_files_requirements_get_ranked_suggestions_and_no_draft(
    call_as: As, content: bytes, name: str
) -> None:
    member = call_as("member", uuid4())
    found = await made(await member.post("/v1/suggestions/files", asked(content, name)), 200)
    assert {one["requirement_text"] for one in found["suggestions"]} == {PAID}
    assert all(one["suggestion"] for one in found["suggestions"])
    likeness = [one["similarity"] for one in found["suggestions"]]
    assert likeness == sorted(likeness, reverse=True)
    assert any(one["criterion_id"].startswith("C5.") for one in found["suggestions"])
    assert found["without"] == [{"requirement_ref": "4.2", "requirement_text": "zzz qqq"}]
    assert (await made(await member.get("/v1/drafts"), 200))["drafts"] == []


@pytest.mark.parametrize(
    ("content", "places"),
    [
        (
            f"{HEADER}\n=1,fine\n2,=1+1\n3,fine,too,many\n",
            [(2, "requirement_ref"), (3, "requirement_text"), (4, "file")],
        ),
        (
            "reference,text\n1,x\n",
            [(1, "requirement_ref"), (1, "requirement_text"), (1, "header"), (1, "header")],
        ),
    ],
)
async def test_every_fault_of_such_a_file_is_named(
    call_as: As, content: str, places: list[tuple[int, str]]
) -> None:
    refused = await call_as("member", uuid4()).post("/v1/suggestions/files", asked(content.encode()))
    assert refused.status_code == 422
    assert [(one["row"], one["field"]) for one in refused.json()["faults"]] == places


@pytest.mark.parametrize("rows", [0, 501])
async def test_a_file_without_requirements_or_with_too_many_is_refused(call_as: As, rows: int) -> None:
    content = "\n".join([HEADER, *(f"{row},wages" for row in range(rows))])
    refused = await call_as("member", uuid4()).post("/v1/suggestions/files", asked(content.encode()))
    assert (refused.status_code, refused.json()["detail"]) == (422, f"{rows} requirements")


@pytest.mark.parametrize("content", ["°_<{", "abc", "a=b="])
async def test_what_is_not_in_base64_is_refused(call_as: As, content: str) -> None:
    body = {**asked(b""), "content_base64": content}
    refused = await call_as("member", uuid4()).post("/v1/suggestions/files", body)
    assert (refused.status_code, refused.json()["field"]) == (422, "content_base64")


async def test_a_control_character_is_refused_with_its_row_wherever_it_stands(call_as: As) -> None:
    member = call_as("member", uuid4())
    stated = [{"requirement_ref": "1", "requirement_text": text} for text in (PAID, "wages\u0000")]
    refused = await member.post("/v1/suggestions", {"criteria_version": "6.0-4p", "requirements": stated})
    assert (refused.status_code, refused.json()["field"], refused.json()["row"]) == (
        422,
        "requirement_text",
        2,
    )
    searched = await member.get("/v1/extensions?q=land%00")
    assert (searched.status_code, searched.json()["field"]) == (422, "q")
