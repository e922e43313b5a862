"""Download reports, each whole or not at all, and never over another."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

from mrx_shared.refusals import Rejected

from mrx_member.domain.requests import Fault, Report, Request
from mrx_member.handlers.waiting import unseen, within
from mrx_member.ports import Backend, Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A report that now lies on this machine. `new` tells whether it did not before."""

    request_id: UUID
    report: Report
    path: Path
    new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Downloads:
    """What came of downloading."""

    kept: tuple[Kept, ...]
    faults: tuple[Fault, ...]


async def download(
    requests: Sequence[UUID] | None,
    out: Path,
    backend: Backend,
    *,
    patience: float,
    progress: Progress = unseen,
) -> Downloads:
    """Download the reports of these requests, or of all that are available, into a folder.

    What lies there already is not fetched again, so the supplier sees no access that was none. `patience` is for
    each report.
    """
    kept: list[Kept] = []
    faults: list[Fault] = []
    async with within(patience, "the requests did not come"):
        wanted: Sequence[UUID | Request] = requests or await backend.requests.requests("available")
    for one in wanted:
        request_id = one if isinstance(one, UUID) else one.request_id
        try:
            async with within(patience, f"the report of request {request_id} did not come"):
                request = await backend.requests.request(one) if isinstance(one, UUID) else one
                kept.append(await _kept(request, out, backend, progress))
        except Rejected as error:
            faults.append(Fault.of(error, row=None, ref=str(request_id)))
    await backend.requests.until_opened([one.request_id for one in kept if one.new])
    return Downloads(kept=tuple(kept), faults=tuple(faults))


async def _kept(request: Request, out: Path, backend: Backend, progress: Progress) -> Kept:
    report = request.report
    if report is None:
        raise Rejected(
            f"the request is {request.state}, there is no report yet",
            field="request_id",
            remedy="look again with `mrx member requests`; the supplier is reminded automatically",
        )
    named = f"{quote(request.site_number, safe=' ')}_{request.reference}"
    # Another file may have the name: an earlier report that the supplier replaced.
    for path in (out / f"{named}.pdf", out / f"{named}_{report.report_id}.pdf"):
        found = backend.files.sha256(path)
        if found in {None, report.sha256}:
            if found is None:
                await backend.requests.download(report, path, progress)
            return Kept(request_id=request.request_id, report=report, path=path, new=found is None)
    raise Rejected(
        f"{path} is another file",
        field="out",
        remedy="move it, or name another folder with --out",
    )
