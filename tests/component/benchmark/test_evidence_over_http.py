"""Evidence: files that come once, lie in object storage, and are read by their owner and free reviewers alone."""

import hashlib
import io
import zipfile
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from mrx_benchmark.domain.evidence import FILE_BYTES
from mrx_shared.store.database import Database
from mrx_shared.store.objects import S3Objects
from sqlalchemy import text

from tests.component.benchmark.conftest import As, Caller
from tests.component.benchmark.submitting import every, made, protocol_of, submitted

pytestmark = pytest.mark.live

PDF = b"%PDF-1.7\nour handbook\n%%EOF\n"
SHA256 = hashlib.sha256(PDF).hexdigest()


def workbook(*parts: str) -> bytes:
    """A zip with these parts."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for part in parts:
            packed.writestr(part, "<x/>")
    return out.getvalue()


async def kept(owner: Caller, protocol_id: str, content: bytes = PDF, name: str = "Handbook.pdf") -> Any:  # noqa: ANN401 - JSON
    return await made(await owner.send(f"/v1/protocols/{protocol_id}/evidence", content, file_name=name))


async def test_the_owner_keeps_a_file_and_gets_the_same_bytes_back_as_an_attachment(
    call_as: As, objects: S3Objects, as_superuser: asyncpg.Connection
) -> None:
    member = call_as("member", uuid4())
    protocol_id = await protocol_of(member)
    shown = await kept(member, protocol_id, name="C:\\papers\\Händbook ž.PDF")
    assert (shown["sha256"], shown["name"], shown["kind"], shown["size"]) == (
        SHA256,
        "Händbook ž.PDF",
        "pdf",
        len(PDF),
    )
    assert shown["kept_by"] == member.subject
    came = await member.get(f"/v1/protocols/{protocol_id}/evidence/{SHA256}")
    assert came.content == PDF
    assert came.headers["content-type"] == "application/pdf"
    assert came.headers["x-content-type-options"] == "nosniff"
    assert came.headers["content-disposition"] == "attachment; filename*=UTF-8''H%C3%A4ndbook%20%C5%BE.PDF"
    assert "sandbox" in came.headers["content-security-policy"]
    assert await objects.get(f"{protocol_id}/{SHA256}") == PDF

    again = await kept(member, protocol_id, name="another name.pdf")
    assert again["name"] == "Händbook ž.PDF"
    assert await as_superuser.fetchval("SELECT count(*) FROM evidence") == 1


async def test_a_file_that_is_sent_again_with_its_key_is_answered_again_and_other_bytes_are_refused(
    call_as: As,
) -> None:
    member = call_as("member", uuid4())
    path = f"/v1/protocols/{await protocol_of(member)}/evidence"
    first = await member.send(path, PDF, key="the same key", file_name="a.pdf")
    second = await member.send(path, PDF, key="the same key", file_name="a.pdf")
    assert second.headers["idempotent-replay"] == "true"
    assert second.json() == first.json()
    other = await member.send(path, PDF + b"more", key="the same key", file_name="a.pdf")
    assert (other.status_code, other.json()["field"]) == (422, "Idempotency-Key")


@pytest.mark.parametrize(
    ("content", "name", "kind", "stored_as"),
    [
        (b"\x89PNG\r\n\x1a\nx", "plan.png", "png", "plan.png"),
        (b"\xff\xd8\xff\xe0x", "photo.JPEG", "jpg", "photo.JPEG"),
        (workbook("[Content_Types].xml", "xl/workbook.xml"), "list", "xlsx", "list.xlsx"),
        ("criterion;Größe\n1;2\n".encode(), "list.csv", "txt", "list.csv"),
        (b"<script>alert(1)</script>", "page.html", "txt", "page.html.txt"),
        (PDF, "run.exe", "pdf", "run.exe.pdf"),
    ],
)
async def test_a_files_kind_is_told_from_its_bytes_and_its_name_follows(
    call_as: As, content: bytes, name: str, kind: str, stored_as: str
) -> None:
    member = call_as("member", uuid4())
    shown = await kept(member, await protocol_of(member), content, name)
    assert (shown["kind"], shown["name"]) == (kind, stored_as)


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        (b"", "a.pdf", "empty"),
        (b"MZ\x90\x00\x03", "a.pdf", "not a PDF, PNG"),
        ("Größe".encode("latin-1"), "a.csv", "not a PDF, PNG"),
        (workbook("word/document.xml"), "a.xlsx", "not a PDF, PNG"),
        (b"PK\x03\x04broken", "a.xlsx", "not a PDF, PNG"),
        (workbook("xl/workbook.xml", "xl/vbaProject.bin"), "a.xlsx", "contains macros"),
        (b"%PDF" + b" " * FILE_BYTES, "a.pdf", "larger than 20 MiB"),
        (PDF, "a\nb.pdf", "not one line"),
    ],
)
async def test_what_is_no_evidence_is_refused_with_a_remedy_and_nothing_of_it_is_kept(
    call_as: As, as_superuser: asyncpg.Connection, objects: S3Objects, content: bytes, name: str, reason: str
) -> None:
    member = call_as("member", uuid4())
    protocol_id = await protocol_of(member)
    answered = await member.send(f"/v1/protocols/{protocol_id}/evidence", content, file_name=name)
    assert answered.status_code == 422
    problem = answered.json()
    assert reason in problem["detail"]
    assert problem["remedy"]
    assert await as_superuser.fetchval("SELECT count(*) FROM evidence") == 0


async def test_a_file_that_tells_no_size_is_still_stopped_where_it_is_too_large(call_as: As) -> None:
    member = call_as("member", uuid4())

    async def pieces() -> Any:  # noqa: ANN401 - bytes, without end
        for _ in range(FILE_BYTES // 65_536):
            yield b" " * 65_536
        yield b" "

    path = f"/v1/protocols/{await protocol_of(member)}/evidence"
    answered = await member.send(path, pieces(), file_name="a.txt")
    assert (answered.status_code, answered.json()["field"]) == (422, "file")


async def test_without_object_storage_nothing_is_told_to_be_there(
    call_as: As, as_superuser: asyncpg.Connection, objects: S3Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = call_as("member", uuid4())
    protocol_id = await protocol_of(member)

    with monkeypatch.context() as away:
        away.setattr(objects, "_endpoint", "http://127.0.0.1:1")
        answered = await member.send(f"/v1/protocols/{protocol_id}/evidence", PDF, file_name="a.pdf")
    assert (answered.status_code, answered.json()["retryable"]) == (503, True)
    assert await as_superuser.fetchval("SELECT count(*) FROM evidence") == 0
    await kept(member, protocol_id)


async def told(caller: Caller, protocol_id: str) -> list[str]:
    listed = await made(await caller.get(f"/v1/protocols/{protocol_id}/evidence"), 200)
    return [one["sha256"] for one in listed["files"]]


async def fetched(caller: Caller, protocol_id: str, digest: str = SHA256) -> httpx.Response:
    return await caller.get(f"/v1/protocols/{protocol_id}/evidence/{digest}")


async def test_another_member_sees_nothing_of_it_and_the_secretariat_neither(
    call_as: As, database: Database
) -> None:
    owner_id = uuid4()
    member = call_as("member", owner_id)
    protocol_id = await protocol_of(member)
    await kept(member, protocol_id)
    assert await told(member, protocol_id) == [SHA256]
    for stranger in (call_as("member", uuid4()), call_as("secretariat")):
        assert (await fetched(stranger, protocol_id)).status_code == 404
        assert (await stranger.get(f"/v1/protocols/{protocol_id}/evidence")).status_code == 404
        sent = await stranger.send(f"/v1/protocols/{protocol_id}/evidence", PDF, file_name="a.pdf")
        assert sent.status_code == 404
    assert (await fetched(call_as("operator"), protocol_id)).status_code == 403

    async def rows(tenant: UUID | None) -> int:
        async with database.transaction(tenant) as (session, _):
            return int(
                (
                    await (await session.connection()).execute(text("SELECT count(*) FROM evidence"))
                ).scalar_one()
            )

    assert [await rows(owner_id), await rows(uuid4()), await rows(None)] == [1, 0, 0]


async def test_a_reviewer_reads_what_submitted_answers_refer_to_and_no_draft(call_as: As) -> None:
    member, reviewer = call_as("member", uuid4()), call_as("reviewer")
    protocol_id = await protocol_of(member)
    await kept(member, protocol_id)
    other = (await kept(member, protocol_id, b"notes", "notes.txt"))["sha256"]
    assert (await fetched(reviewer, protocol_id)).status_code == 404
    answers = every("equal")
    answers[0]["evidence"] = f"chapter 4, SHA256:{SHA256.upper()}"
    await submitted(member, protocol_id, answers)
    assert await told(reviewer, protocol_id) == [SHA256]
    assert (await fetched(reviewer, protocol_id)).content == PDF
    assert (await fetched(reviewer, protocol_id, other)).status_code == 404


async def test_a_reviewer_with_a_conflict_of_interest_reads_none_of_it(call_as: As) -> None:
    owner_id = uuid4()
    member, reviewer = call_as("member", owner_id), call_as("reviewer")
    protocol_id = await protocol_of(member)
    await kept(member, protocol_id)
    answers = every("equal")
    answers[0]["evidence"] = SHA256
    await submitted(member, protocol_id, answers)
    tie = {"reviewer": reviewer.subject, "member_id": str(owner_id)}
    await made(await call_as("secretariat").post("/v1/reviewers/ties", tie))
    for path in ("", f"/{SHA256}"):
        refused = await reviewer.get(f"/v1/protocols/{protocol_id}/evidence{path}")
        assert (refused.status_code, "conflict of interest" in refused.json()["detail"]) == (403, True)


async def test_evidence_of_a_public_protocol_is_the_secretariats_and_reviewers_alone(call_as: As) -> None:
    secretariat, reviewer, member = call_as("secretariat"), call_as("reviewer"), call_as("member", uuid4())
    protocol_id = await protocol_of(secretariat, code="SMETA", public=True)
    await kept(secretariat, protocol_id)
    answers = every("equal")
    answers[0]["evidence"] = SHA256
    await submitted(secretariat, protocol_id, answers)
    assert await told(secretariat, protocol_id) == [SHA256]
    assert await told(reviewer, protocol_id) == [SHA256]
    assert (await fetched(member, protocol_id)).status_code == 403


async def test_other_bytes_in_storage_are_not_handed_out(call_as: As, objects: S3Objects) -> None:
    member = call_as("member", uuid4())
    protocol_id = await protocol_of(member)
    await kept(member, protocol_id)
    await objects.put(f"{protocol_id}/{SHA256}", b"something else", content_type="application/pdf")
    assert (await fetched(member, protocol_id)).status_code == 503
    await objects.remove(f"{protocol_id}/{SHA256}")
    assert (await fetched(member, protocol_id)).status_code == 503


async def test_a_protocols_files_have_an_end(call_as: As, as_superuser: asyncpg.Connection) -> None:
    member = call_as("member", uuid4())
    protocol_id = await protocol_of(member)
    await kept(member, protocol_id)
    await as_superuser.execute("UPDATE evidence SET size = 500 * 1024 * 1024")
    answered = await member.send(f"/v1/protocols/{protocol_id}/evidence", b"more", file_name="a.txt")
    assert (answered.status_code, "500 MiB" in answered.json()["detail"]) == (409, True)
