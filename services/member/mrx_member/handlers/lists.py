"""Publish a list, fetch the released one, check suppliers against it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid5

from mrx_lists.columns import SUPPLIER_REF, Use
from mrx_shared.messages.aggregation import ListReceived, ListReleased, RowRefusal
from mrx_shared.messages.envelope import (
    Envelope,
    M,
    Message,
    canonical_json,
    encode,
)
from mrx_shared.messages.lists import PAGE_BYTES, ListManifest, ListPage, ListRow, rows_digest
from mrx_shared.refusals import Invalid, Rejected, Unavailable, Unknown

from mrx_member.domain.dates import DateOrder
from mrx_member.domain.editions import Edition, PublishOptions, next_revision, repeats
from mrx_member.domain.paging import pages
from mrx_member.domain.reading import Entry, Reading, read
from mrx_member.domain.suppliers import Findings, judge
from mrx_member.handlers.waiting import understood, unseen, within
from mrx_member.ports import Backend, Event, Progress

DOCUMENTS = ("list.csv", "list.json", "list.xlsx", "certificate.json")
REFUSAL_COLUMNS = ("row", "row_ref", "field", "reason", "remedy")
CHECK_COLUMNS = ("supplier_ref", "entry_id", "score", "decision", "audited_by_us")
REFUSALS_PATIENCE = 30.0
"""Seconds for asking the service for all refusals; after that the first ones, from the receipt, have to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What came of publishing. `receipt` is None where it was not waited for."""

    edition: Edition
    rows: int
    pages: int
    receipt: ListReceived | None = None
    refusals: tuple[RowRefusal, ...] = ()
    """all of them, or the first where the service did not answer"""

    @property
    def nothing_accepted(self) -> bool:
        """The receipt is there, and no row of the list counts: all are refused, or wait."""
        return self.receipt is not None and self.receipt.accepted == 0


def read_list(
    path: Path,
    backend: Backend,
    *,
    use: Use = Use.PUBLISH,
    order: DateOrder | None = None,
    encoding: str | None = None,
) -> Reading:
    """Read a file as a list. Nothing leaves the machine. Raises `Rejected` naming field, row and remedy."""
    return read(backend.files.sheet(path, encoding=encoding), use=use, order=order)


async def publish(
    name: str,
    entries: Sequence[Entry],
    options: PublishOptions,
    backend: Backend,
    *,
    wait: bool = True,
    patience: float,
    progress: Progress = unseen,
) -> Publication:
    """Send a list under its name and wait for its receipt.

    Calling it again after a failure carries on: the same content goes out under the same ids, so that nothing
    counts twice. After it came to its end, the next call makes the next revision.
    """
    async with within(
        patience, f"the list {name!r} has no receipt yet" if wait else f"the list {name!r} is not sent"
    ):
        edition = await _edition(name, entries, options, backend)
        events = _events(edition, entries, backend.member_id)
        await backend.topics.send(events, progress)
        receipt = await _receipt(edition, backend) if wait else None
    backend.home.keep_own(entries)
    if receipt is not None:
        backend.home.keep_receipt(receipt)
    backend.home.keep_edition(name, edition.end())
    return Publication(
        edition=edition,
        rows=len(entries),
        pages=len(events) - 1,
        receipt=receipt,
        refusals=await _refusals(receipt, backend) if receipt else (),
    )


async def _edition(name: str, entries: Sequence[Entry], options: PublishOptions, backend: Backend) -> Edition:
    last, digest = backend.home.edition(name), rows_digest(map(_row, entries))
    if last is not None and repeats(last, options, digest):
        return last
    edition = Edition(
        list_id=options.list_id or (last.list_id if last else backend.new_id()),
        revision=next_revision(last, options),
        sha256=digest,
        page_rows=options.page_rows,
        said_at=backend.now,
        heard_from=await backend.topics.position(),
    )
    backend.home.keep_edition(name, edition)
    return edition


def _row(entry: Entry) -> ListRow:
    return ListRow(row=entry.row, values=dict(entry.values))


def _events(edition: Edition, entries: Sequence[Entry], member_id: UUID) -> list[Event]:
    cut = list(pages(entries, rows=edition.page_rows, size=PAGE_BYTES))
    said: list[Message] = [
        ListPage(
            list_id=edition.list_id,
            revision=edition.revision,
            page=number,
            rows=[_row(entry) for entry in page],
        )
        for number, page in enumerate(cut, 1)
    ]
    said.append(
        ListManifest(
            list_id=edition.list_id,
            revision=edition.revision,
            pages=len(cut),
            rows=len(entries),
            sha256=edition.sha256,
            member_id=member_id,
        )
    )
    return [
        Event(key=str(edition.list_id), body=encode(_envelope(fact, edition, member_id, number)))
        for number, fact in enumerate(said, 1)
    ]


def _envelope(fact: M, edition: Edition, member_id: UUID, number: int) -> Envelope[M]:
    """Wrap a fact. The same fact of the same edition has the same id and is the same bytes, also a year later."""
    content = sha256(canonical_json(fact.model_dump(mode="json"))).hexdigest()
    return Envelope[M](
        id=uuid5(edition.list_id, f"{edition.revision}/{number}/{edition.said_at.isoformat()}/{content}"),
        source=f"/member/{member_id}",
        type=fact.type,
        subject=str(edition.list_id),
        time=edition.said_at,
        data=fact,
        correlationid=f"{edition.list_id}/{edition.revision}",
        sequence=edition.revision,
    )


async def _receipt(edition: Edition, backend: Backend) -> ListReceived:
    """Wait for the receipt of an edition; where several lie there already, the last counts."""
    found: ListReceived | None = None

    def read_event(body: bytes, more: bool) -> ListReceived | None:
        nonlocal found
        receipt = understood(body, ListReceived)
        if receipt and (receipt.list_id, receipt.revision) == (edition.list_id, edition.revision):
            found = receipt
        return None if more else found

    return await backend.topics.listen(edition.heard_from, read_event)


async def _refusals(receipt: ListReceived, backend: Backend) -> tuple[RowRefusal, ...]:
    if receipt.refused > len(receipt.refusals) and receipt.state != "refused":
        try:
            async with asyncio.timeout(REFUSALS_PATIENCE):
                return tuple(await backend.services.refusals(receipt))
        except (TimeoutError, Unavailable, Rejected):
            pass  # the caller sees that there are fewer than `refused`
    return tuple(receipt.refusals)


def write_refusals(publication: Publication, path: Path | None, backend: Backend) -> Path | None:
    """Write the refused rows as a table, to `path` or into the home. None where there is nothing to write."""
    receipt = publication.receipt
    if receipt is None or (path is None and not publication.refusals):
        return None
    path = path or backend.home.refusals_path(receipt)
    backend.files.write(
        path,
        REFUSAL_COLUMNS,
        ([getattr(refusal, column) for column in REFUSAL_COLUMNS] for refusal in publication.refusals),
    )
    return path


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A released list, now on this machine."""

    release_id: UUID
    as_of: str
    rows: int
    folder: Path


async def fetch(
    backend: Backend,
    *,
    out: Path | None = None,
    wait: bool = False,
    patience: float,
    progress: Progress = unseen,
) -> Fetched:
    """Download the latest release and keep it; with `wait`, until there is one that is not kept here yet."""
    async with within(patience, "the released list did not come"):
        release = await backend.services.latest_release()
        known = backend.home.latest_release()
        if wait and (release is None or release.release_id == known):
            await backend.topics.listen(0, lambda body, _: _news(understood(body, ListReleased), known))
            release = await backend.services.latest_release()
        if release is None:
            raise Unknown("no list has been released yet", remedy="wait for the next release with --wait")
        folder = backend.home.release_folder(release.release_id)
        await backend.services.documents(release, DOCUMENTS, folder, progress)
    backend.home.keep_release(release.release_id)
    if out is not None:
        backend.files.copy(folder, out)
    return Fetched(
        release_id=release.release_id,
        as_of=release.as_of.isoformat(),
        rows=release.rows,
        folder=out or folder,
    )


def _news(said: ListReleased | None, known: UUID | None) -> ListReleased | None:
    return said if said and said.release_id != known else None


def check(
    suppliers: Path, backend: Backend, *, own: Path | None = None, released: Path | None = None
) -> Findings:
    """Match suppliers against the released list, on this machine; nothing leaves it.

    `own` and `released` stand in for what was published and fetched last. Raises `Unknown` where neither is there.
    """
    asked = read_list(suppliers, backend, use=Use.SUPPLIERS).entries
    if missing := next((entry.row for entry in asked if SUPPLIER_REF not in entry.values), None):
        raise Invalid(
            "is empty",
            field=SUPPLIER_REF,
            row=missing,
            remedy="give every supplier its own reference",
        )
    entries = backend.files.released(released or _last_released(backend))
    ours = read_list(own, backend, use=Use.SITES).entries if own else backend.home.own()
    if ours is None:
        raise Unknown(
            "this member has not published a list from here",
            field="own",
            remedy="publish one, or name your own list with --own",
        )
    links = backend.matcher.link(asked, entries)
    entry_of = {
        str(one.row): link.target
        for one, link in zip(ours, backend.matcher.link(ours, entries), strict=True)
        if link.decision == "match"
    }
    # A released entry is in the normaliser's spelling; the member's own spelling may be nearer to the supplier's. An
    # own row that has another entry, and is no nearer, is a site that resembles this one.
    by_supplier = {
        listed.target
        for listed, link in zip(links, backend.matcher.link(asked, ours), strict=True)
        if link.decision == "match" and (link.score > listed.score or link.target not in entry_of)
    }
    return judge(
        [entry.values[SUPPLIER_REF] for entry in asked], links, own={*entry_of.values()} | by_supplier
    )


def _last_released(backend: Backend) -> Path:
    latest = backend.home.latest_release()
    if latest is None:
        raise Unknown(
            "no released list is kept here",
            field="released",
            remedy="fetch it with `mrx member fetch`, or name its folder with --released",
        )
    return backend.home.release_folder(latest)


def write_findings(findings: Findings, path: Path, backend: Backend) -> None:
    """Write what was found for every supplier as a table."""
    backend.files.write(
        path,
        CHECK_COLUMNS,
        (
            [one.supplier_ref, one.entry_id, f"{one.score:.4f}", one.decision, str(one.audited_by_us).lower()]
            for one in findings.findings
        ),
    )


async def participation(backend: Backend, *, patience: float) -> Mapping[str, object]:
    """Whether this member takes part, and what is missing."""
    async with within(patience, "the registry did not answer"):
        return await backend.services.participation()
