"""Evidence over HTTP: files that come as they are, and go as attachments."""

import asyncio
import re
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from tempfile import TemporaryFile
from typing import Annotated, BinaryIO
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from mrx_shared.api import benchmark as api
from mrx_shared.bus.requests import IdempotencyKey, Requests
from mrx_shared.kit.access import Access, Principal, Role
from mrx_shared.refusals import Invalid

from mrx_benchmark.domain.evidence import FILE_BYTES, Evidence, Kind, named
from mrx_benchmark.handlers import evidence as handlers
from mrx_benchmark.ports import EvidenceStore, Work

LARGER = {"evidence": FILE_BYTES + 1024}
"""a file is larger than any other body may be; it is refused here, with its reason"""
_PATH = "/protocols/{protocol_id}/evidence"
_MEDIA = {
    Kind.PDF: "application/pdf",
    Kind.PNG: "image/png",
    Kind.JPEG: "image/jpeg",
    Kind.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Kind.TEXT: "text/plain; charset=utf-8",
}
_STARTS = {b"%PDF-": Kind.PDF, b"\x89PNG\r\n\x1a\n": Kind.PNG, b"\xff\xd8\xff": Kind.JPEG}
_NO_TEXT = re.compile(b"[\x00-\x08\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Received:
    body: BinaryIO
    sha256: str
    size: int
    kind: Kind


def add_evidence(router: APIRouter, requests: Requests[Work], access: Access, store: EvidenceStore) -> None:
    """Add the routes to the benchmark's."""
    _add_keeping(router, requests, access, store)
    _add_reading(router, requests, access, store)


def _add_keeping(router: APIRouter, requests: Requests[Work], access: Access, store: EvidenceStore) -> None:
    owner = Annotated[Principal, Depends(access.require(Role.MEMBER, Role.SECRETARIAT))]

    @router.post(
        _PATH,
        status_code=201,
        response_model=api.EvidenceFile,
        tags=["assessments"],
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
            }
        },
    )
    async def keep_evidence(
        protocol_id: UUID,
        file_name: Annotated[str, Query(max_length=200)],
        who: owner,
        request: Request,
        idempotency_key: IdempotencyKey,
    ) -> Response:
        async def admitted(work: Work) -> datetime:
            stated = request.headers.get("content-length", "")
            size = int(stated) if stated.isdecimal() else 0
            if size > FILE_BYTES:
                raise _too_large()
            await handlers.admit(protocol_id, size, owner=who.member, work=work)
            return work.now

        now = await requests.read(admitted, tenant=who.member)
        async with _received(request) as came:
            evidence = Evidence(
                protocol_id=protocol_id,
                owner=who.member,
                sha256=came.sha256,
                name=named(file_name, came.kind),
                kind=came.kind,
                size=came.size,
                kept_by=who.subject,
                kept_at=now,
            )
            # First the bytes, then the row that says so: what is told is there.
            await store.keep(evidence, came.body)

        async def kept(work: Work) -> api.EvidenceFile:
            return api.EvidenceFile.of(await handlers.keep(evidence, work=work))

        command = requests.keyed(request, idempotency_key, evidence.sha256.encode())
        return await command(kept, by=who, status=201)


def _add_reading(router: APIRouter, requests: Requests[Work], access: Access, store: EvidenceStore) -> None:
    reader = Annotated[Principal, Depends(access.require(Role.MEMBER, Role.SECRETARIAT, Role.REVIEWER))]

    @router.get(_PATH, tags=["assessments"])
    async def list_evidence(protocol_id: UUID, who: reader) -> api.EvidenceFiles:
        async def listed(work: Work) -> api.EvidenceFiles:
            found = await handlers.files_of(
                protocol_id,
                owner=who.member,
                for_review=who.role is Role.REVIEWER,
                by=who.subject,
                work=work,
            )
            return api.EvidenceFiles(files=[api.EvidenceFile.of(one) for one in found])

        return await requests.read(listed, tenant=who.member)

    @router.get(f"{_PATH}/{{digest}}", tags=["assessments"], response_class=Response)
    async def fetch_evidence(protocol_id: UUID, digest: str, who: reader) -> Response:
        async def found(work: Work) -> Evidence:
            return await handlers.file_named(
                protocol_id,
                digest,
                owner=who.member,
                for_review=who.role is Role.REVIEWER,
                by=who.subject,
                work=work,
            )

        evidence = await requests.read(found, tenant=who.member)
        return Response(
            await store.fetch(evidence),
            media_type=_MEDIA[evidence.kind],
            headers={
                "Content-Disposition": f"attachment; filename*=UTF-8''{quote(evidence.name, safe='')}",
                "X-Content-Type-Options": "nosniff",
                "Content-Security-Policy": "default-src 'none'; sandbox",
                "Cache-Control": "no-store",
            },
        )


@asynccontextmanager
async def _received(request: Request) -> AsyncIterator[_Received]:
    """The body in a file that nobody else can open, gone at the end."""
    with TemporaryFile() as body:
        digest, size = sha256(), 0
        async for piece in request.stream():
            size += len(piece)
            if size > FILE_BYTES:
                raise _too_large()
            digest.update(piece)
            body.write(piece)
        kind = await asyncio.to_thread(kind_of, body)
        yield _Received(body=body, sha256=digest.hexdigest(), size=size, kind=kind)


def kind_of(body: BinaryIO) -> Kind:
    """What the bytes are, whatever the file is called. Raises `Invalid` where they are nothing that is taken."""
    body.seek(0)
    start = body.read(8)
    if not start:
        raise Invalid("the file is empty", field="file", remedy="choose the document again")
    for mark, kind in _STARTS.items():
        if start.startswith(mark):
            return kind
    body.seek(0)
    if start.startswith(b"PK"):
        return _workbook(body)
    text = body.read()
    try:
        text.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _not_taken() from None
    if _NO_TEXT.search(text):
        raise _not_taken()
    return Kind.TEXT


def _workbook(body: BinaryIO) -> Kind:
    try:
        with zipfile.ZipFile(body) as packed:
            parts = {name.lower() for name in packed.namelist()}
    except Exception:  # noqa: BLE001 - the library raises whatever a broken file makes it trip over
        raise _not_taken() from None
    if "xl/workbook.xml" not in parts:
        raise _not_taken()
    if any(name.endswith("vbaproject.bin") for name in parts):
        raise Invalid("the workbook contains macros", field="file", remedy="save it as .xlsx, without macros")
    return Kind.XLSX


def _not_taken() -> Invalid:
    return Invalid(
        "the file is not a PDF, PNG, JPEG, XLSX or UTF-8 text",
        field="file",
        remedy="print the document to a PDF, or save the table as .xlsx or as CSV in UTF-8, without a password",
    )


def _too_large() -> Invalid:
    return Invalid(
        f"the file is larger than {FILE_BYTES // 1024 // 1024} MiB",
        field="file",
        remedy="send only the relevant pages, or several files",
    )
