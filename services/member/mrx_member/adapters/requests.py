"""report_request and exchange_adapter with the member's own token; reports straight from object storage."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid5

from mrx_shared.api import exchange_adapter
from mrx_shared.api import report_request as api
from mrx_shared.api.bodies import RequestBody, fill
from mrx_shared.kit.retries import Unreachable
from mrx_shared.messages.requests import Outcome
from mrx_shared.refusals import Rejected

from mrx_member.adapters.http import Http
from mrx_member.domain.requests import Asking, Fault, Report, Request, Requester, StateChange, Verdict
from mrx_member.ports import Progress, Taken

PAGE = 200
CHUNK = 1024 * 1024
OPENED_WITHIN, LOOK_AGAIN = 10.0, 0.2
SERVICE = "report_request"


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
            rows = [
                _new_request(request_id, one, requester, again=again) for request_id, one in left.values()
            ]
            body = api.NewRequests(requests=rows)
            said = await self._http.client.post(SERVICE, "/v1/requests/bulk", body, api.RequestResults)
            answered = sorted(said.rows, key=lambda row: row.row)
            for row, (number, (_, one)) in zip(answered, list(left.items()), strict=True):
                if not (row.refused and row.refused.retryable):
                    answers[number] = _answer(row, one)
                    del left[number]
            if left:
                raise Unreachable("the release of what is asked for is still on its way")

        await self._http.retrying(attempt, SERVICE)
        return [answers[number] for number in range(len(askings))]

    async def requests(self, state: str | None) -> Sequence[Request]:
        """All requests of this member, or those in one state, page by page."""
        found: list[Request] = []
        while True:
            after = found[-1].request_id if found else None
            page = await self._http.client.get(
                SERVICE, "/v1/requests", api.Requests, limit=PAGE, state=state, after=after
            )
            found += map(_request, page.requests)
            if len(page.requests) < PAGE:
                return found

    async def request(self, request_id: UUID) -> Request:
        """One request. Raises `Unknown`."""
        return _request(await self._http.client.get(SERVICE, f"/v1/requests/{request_id}", api.Request))

    async def decide(self, verdict: Verdict) -> Request:
        """Record a decision; the same one again is answered as the first time."""
        body = fill(
            api.NewDecision,
            outcome=cast("Outcome", verdict.outcome),
            reason=verdict.reason,
            valid_until=verdict.valid_until,
            **({"same_file_confirmed": True} if verdict.same_file_confirmed else {}),
        )
        return await self._step(verdict.request_id, "decision", body, repeatable=True)

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
        body = fill(api.NewContact, contact_email=email, contact_name=name, language=language)
        return await self._step(request_id, "contact", body)

    async def withdraw(self, request_id: UUID, reason: str | None) -> Request:
        """Ask no longer; again is answered as the first time."""
        body = fill(api.NewWithdrawal, reason=reason)
        return await self._step(request_id, "withdrawal", body, repeatable=True)

    async def numbers(self) -> Mapping[str, Any]:
        """This member's requests, decisions and avoided audits, by round."""
        return (await self._http.client.get(SERVICE, "/v1/numbers", api.Numbers)).model_dump(mode="json")

    async def download(self, report: Report, path: Path, progress: Progress) -> None:
        """Download a report to a path that is free, after an outage on from where it stopped."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{report.sha256}.partial")
        await self._http.retrying(lambda: self._fetch(report, partial, progress), "download")
        digest = sha256()
        with partial.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
            os.fsync(file.fileno())
        if digest.hexdigest() != report.sha256:
            partial.unlink()
            raise _altered(report, "its SHA-256 is")
        partial.rename(path)

    async def _fetch(self, report: Report, partial: Path, progress: Progress) -> None:
        """Fetch what is missing of a report. A link lives for a minute, so each attempt has its own."""
        size = partial.stat().st_size if partial.exists() else 0  # noqa: ASYNC240
        if size >= report.size:
            return
        link = await self._http.client.post(
            "exchange_adapter", f"/v1/reports/{report.report_id}/links", None, exchange_adapter.Link
        )
        if (link.sha256, link.size) != (report.sha256, report.size):
            raise _altered(report, "size and SHA-256 of its link are")
        if link.url is None:
            raise Unreachable("exchange_adapter: a link was lost on its way")
        with partial.open("ab") as file:
            partial.chmod(0o600)  # noqa: ASYNC240

            def write(part: bytes) -> None:
                nonlocal size
                size += len(part)
                if size > report.size:
                    raise _altered(report, "its size is")
                file.write(part)
                progress(size, report.size)

            try:
                await self._http.download(link.url, write, start=size)
            except Rejected:
                partial.unlink()  # noqa: ASYNC240
                raise
        if size < report.size:
            raise Unreachable(f"{size} of {report.size} bytes came")

    async def _step(
        self, request_id: UUID, step: str, body: RequestBody, *, repeatable: bool = False
    ) -> Request:
        said = body.model_dump_json(exclude_unset=True)
        key = str(uuid5(request_id, f"{step} {said}")) if repeatable else None
        path = f"/v1/requests/{request_id}/{step}"
        return _request(await self._http.client.post(SERVICE, path, body, api.Request, key=key))


def _new_request(request_id: UUID, asking: Asking, requester: Requester, *, again: bool) -> dict[str, object]:
    """A row of the bulk body as it is: the service refuses what is wrong with it, row by row."""
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
        **({"again": True} if again else {}),
    }


def _answer(row: api.RequestResult, asking: Asking) -> Taken | Fault:
    if row.request:
        return Taken(request_id=row.request.request_id, state=row.request.state, mail=row.request.mail)
    assert row.refused is not None
    return Fault(
        row=asking.row,
        ref=asking.site_number,
        field=row.refused.field,
        reason=row.refused.reason,
        remedy=row.refused.remedy,
        kind="conflict",
    )


def _altered(report: Report, what: str) -> Rejected:
    return Rejected(
        f"report {report.report_id} was altered on its way: {what} not what was checked into the vault",
        field="report_id",
        remedy="the file was discarded; download it again, and tell the secretariat if it happens twice",
    )


def _request(said: api.Request) -> Request:
    report, decision = said.report, said.decision
    return Request(
        request_id=said.request_id,
        state=said.state,
        mail=said.mail,
        entry_id=said.entry_id,
        site_number=said.site_number,
        supplier=said.supplier.name,
        reference=said.reference,
        asked_at=said.asked_at,
        term_ends_at=said.term_ends_at,
        report=Report(
            report_id=report.report_id,
            sha256=report.sha256,
            size=report.size,
            opened=report.read_at is not None,
        )
        if report
        else None,
        outcome=decision.outcome if decision else None,
        valid_until=decision.valid_until if decision else None,
        possible=said.possible,
        history=tuple(StateChange(state=one.state, at=one.at, reason=one.reason) for one in said.history),
    )
