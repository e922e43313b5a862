"""report_request and exchange_adapter with the member's own token; reports straight from object storage."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

import httpx
from mrx_shared.refusals import Rejected

from mrx_member.adapters.http import Away, Http
from mrx_member.domain.requests import Asking, Fault, Report, Request, Requester, Step, Verdict
from mrx_member.ports import Progress, Taken

PAGE = 200
CHUNK = 1024 * 1024
OPENED_WITHIN, LOOK_AGAIN = 10.0, 0.2


class HttpRequests:
    """The port `Requests`."""

    def __init__(self, http: Http) -> None:
        self._http = http

    async def ask(
        self, askings: Sequence[tuple[UUID, Asking]], requester: Requester, *, again: bool = False
    ) -> Sequence[Taken | Fault]:
        """Ask for reports under these request ids; what is too early, as a whole or alone, is asked again."""
        left = dict(enumerate(askings))
        answers: dict[int, Taken | Fault] = {}

        async def attempt() -> None:
            once_more = {"again": True} if again else {}
            body = {
                "requests": [
                    _body(request_id, one, requester) | once_more for request_id, one in left.values()
                ]
            }
            said = await self._post("/v1/requests/bulk", body)
            rows = sorted(said["rows"], key=lambda row: row["row"])
            for row, (number, (_, one)) in zip(rows, list(left.items()), strict=True):
                if not (row["refused"] or {}).get("retryable"):
                    answers[number] = _answer(row, one)
                    del left[number]
            if left:
                raise Away("the release of what is asked for is still on its way")

        await self._http.riding_over(attempt, "report_request")
        return [answers[number] for number in range(len(askings))]

    async def requests(self, state: str | None) -> Sequence[Request]:
        """All requests of this member, or those in one state, page by page."""
        found: list[Request] = []
        said: dict[str, str | int] = {"limit": PAGE} | ({"state": state} if state else {})
        async with self._http.client() as client:
            while True:
                after: dict[str, str] = {"after": str(found[-1].request_id)} if found else {}
                page = await self._http.call(
                    client, "GET", "report_request", "/v1/requests", params={**said, **after}
                )
                found += map(_request, page["requests"])
                if len(page["requests"]) < PAGE:
                    return found

    async def request(self, request_id: UUID) -> Request:
        """One request. Raises `Unknown`."""
        return _request(await self._get(f"/v1/requests/{request_id}"))

    async def decide(self, verdict: Verdict) -> Request:
        """Record a decision; the same one again is answered as the first time."""
        body = {
            "outcome": verdict.outcome,
            "reason": verdict.reason,
            "valid_until": verdict.valid_until and verdict.valid_until.isoformat(),
            **({"same_file_confirmed": True} if verdict.same_file_confirmed else {}),
        }
        path = f"/v1/requests/{verdict.request_id}/decision"
        return _request(await self._post(path, body, key=uuid5(verdict.request_id, repr(body))))

    async def until_opened(self, request_ids: Sequence[UUID]) -> None:
        """Look how they stand until each is known to be opened, or for some seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(OPENED_WITHIN):
                for request_id in request_ids:
                    while (  # noqa: ASYNC110 - it is another process that hears of it
                        report := (await self.request(request_id)).report
                    ) and not report.opened:
                        await asyncio.sleep(LOOK_AGAIN)

    async def readdress(
        self, request_id: UUID, *, email: str, name: str | None, language: str | None
    ) -> Request:
        """Have the supplier written to at another contact."""
        body = {"contact_email": email, "contact_name": name, "language": language}
        return _request(await self._post(f"/v1/requests/{request_id}/contact", body))

    async def withdraw(self, request_id: UUID, reason: str | None) -> Request:
        """Ask no longer; again is answered as the first time."""
        body = {"reason": reason}
        path = f"/v1/requests/{request_id}/withdrawal"
        return _request(await self._post(path, body, key=uuid5(request_id, repr(body))))

    async def numbers(self) -> Mapping[str, object]:
        """This member's requests, decisions and avoided audits, by round."""
        said: Mapping[str, object] = await self._get("/v1/numbers")
        return said

    async def download(self, report: Report, path: Path, progress: Progress) -> None:
        """Download a report to a path that is free, after an outage on from where it stopped."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{report.sha256}.partial")
        async with self._http.client() as client:
            await self._http.riding_over(lambda: self._fetch(client, report, partial, progress), "download")
        digest = sha256()
        with partial.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
            os.fsync(file.fileno())
        if digest.hexdigest() != report.sha256:
            partial.unlink()
            raise _altered(report, "its SHA-256 is")
        partial.rename(path)

    async def _fetch(
        self, client: httpx.AsyncClient, report: Report, partial: Path, progress: Progress
    ) -> None:
        """Fetch what is missing of a report. A link lives for a minute, so each attempt has its own."""
        size = partial.stat().st_size if partial.exists() else 0  # noqa: ASYNC240
        if size >= report.size:
            return
        link = await self._http.once(
            client,
            "POST",
            "exchange_adapter",
            f"/v1/reports/{report.report_id}/links",
            headers={"Idempotency-Key": str(uuid4())},
        )
        if (link["sha256"], link["size"]) != (report.sha256, report.size):
            raise _altered(report, "size and SHA-256 of its link are")
        # The link is signed: whoever has it may read, so the token stays here.
        asked = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={size}-"} if size else {})
        async with client.stream("GET", link["url"], headers=asked) as answer:
            if answer.status_code not in {httpx.codes.OK, httpx.codes.PARTIAL_CONTENT}:
                raise Away(f"object storage answered {answer.status_code}")
            goes_on = answer.status_code == httpx.codes.PARTIAL_CONTENT
            size = size if goes_on else 0
            with partial.open("ab" if goes_on else "wb") as file:
                partial.chmod(0o600)  # noqa: ASYNC240
                async for chunk in answer.aiter_bytes(CHUNK):
                    size += len(chunk)
                    if size > report.size:
                        break
                    file.write(chunk)
                    progress(size, report.size)
        if size > report.size:
            partial.unlink()  # noqa: ASYNC240
            raise _altered(report, "its size is")
        if size < report.size:
            raise Away(f"{size} of {report.size} bytes came")

    async def _get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        async with self._http.client() as client:
            return await self._http.call(client, "GET", "report_request", path)

    async def _post(self, path: str, body: object, *, key: UUID | None = None) -> Any:  # noqa: ANN401 - JSON
        async with self._http.client() as client:
            headers = {"Idempotency-Key": str(key or uuid4())}
            return await self._http.call(client, "POST", "report_request", path, json=body, headers=headers)


def _body(request_id: UUID, asking: Asking, requester: Requester) -> dict[str, Any]:
    return {
        "request_id": str(request_id),
        "entry_id": asking.entry_id,
        "site_number": asking.site_number,
        "supplier": {
            "name": asking.supplier_name,
            "contact_name": asking.contact_name,
            "contact_email": asking.contact_email,
            "language": asking.language,
        },
        "scope": asking.scope,
        "purpose": asking.purpose,
        "term_days": asking.term_days,
        "requester_email": requester.email,
        "requester_language": requester.language,
    }


def _answer(row: Mapping[str, Any], asking: Asking) -> Taken | Fault:
    said, refused = row["request"], row["refused"]
    if refused is None:
        return Taken(request_id=UUID(said["request_id"]), state=said["state"], mail=said["mail"])
    return Fault(
        row=asking.row,
        ref=asking.site_number,
        field=refused["field"],
        reason=refused["reason"],
        remedy=refused["remedy"],
        kind="conflict",
    )


def _altered(report: Report, what: str) -> Rejected:
    return Rejected(
        f"report {report.report_id} was altered on its way: {what} not what was checked into the vault",
        field="report_id",
        remedy="nothing was kept; download it again, and tell the secretariat if it happens twice",
    )


def _request(said: Mapping[str, Any]) -> Request:
    report, decision = said["report"], said["decision"]
    return Request(
        request_id=UUID(said["request_id"]),
        state=said["state"],
        mail=said["mail"],
        entry_id=said["entry_id"],
        site_number=said["site_number"],
        supplier=said["supplier"]["name"],
        reference=said["reference"],
        asked_at=datetime.fromisoformat(said["asked_at"]),
        term_ends_at=datetime.fromisoformat(said["term_ends_at"]),
        report=Report(
            report_id=UUID(report["report_id"]),
            sha256=report["sha256"],
            size=report["size"],
            opened=report["read_at"] is not None,
        )
        if report
        else None,
        outcome=decision["outcome"] if decision else None,
        valid_until=date.fromisoformat(decision["valid_until"])
        if decision and decision.get("valid_until")
        else None,
        possible=tuple(said.get("possible", ())),
        history=tuple(
            Step(state=one["state"], at=datetime.fromisoformat(one["at"]), reason=one.get("reason"))
            for one in said.get("history", ())
        ),
    )
