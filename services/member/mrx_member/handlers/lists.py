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
from mrx_member.domain.editions import Edition, Wish, next_revision, repeats
from mrx_member.domain.paging import pages
from mrx_member.domain.reading import Entry, Reading, read
from mrx_member.domain.suppliers import Findings, judge
from mrx_member.handlers.waiting import understood, unseen, within
from mrx_member.ports import Desk, Event, Progress

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
    desk: Desk,
    *,
    use: Use = Use.PUBLISH,
    order: DateOrder | None = None,
    encoding: str | None = None,
) -> Reading:
    """Read a file as a list. Nothing leaves the machine. Raises `Rejected` naming field, row and remedy."""
    return read(desk.files.sheet(path, encoding=encoding), use=use, order=order)


async def publish(
    name: str,
    entries: Sequence[Entry],
    wish: Wish,
    desk: Desk,
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
        edition = await _edition(name, entries, wish, desk)
        events = _events(edition, entries, desk.member_id)
        await desk.topics.send(events, progress)
        receipt = await _receipt(edition, desk) if wait else None
    desk.home.keep_own(entries)
    if receipt is not None:
        desk.home.keep_receipt(receipt)
    desk.home.keep_edition(name, edition.end())
    return Publication(
        edition=edition,
        rows=len(entries),
        pages=len(events) - 1,
        receipt=receipt,
        refusals=await _refusals(receipt, desk) if receipt else (),
    )


async def _edition(name: str, entries: Sequence[Entry], wish: Wish, desk: Desk) -> Edition:
    last, digest = desk.home.edition(name), rows_digest(map(_row, entries))
    if last is not None and repeats(last, wish, digest):
        return last
    edition = Edition(
        list_id=wish.list_id or (last.list_id if last else desk.new_id()),
        revision=next_revision(last, wish),
        sha256=digest,
        page_rows=wish.page_rows,
        said_at=desk.now,
        heard_from=await desk.topics.position(),
    )
    desk.home.keep_edition(name, edition)
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


async def _receipt(edition: Edition, desk: Desk) -> ListReceived:
    """Wait for the receipt of an edition; where several lie there already, the last counts."""
    found: ListReceived | None = None

    def ear(body: bytes, more: bool) -> ListReceived | None:
        nonlocal found
        receipt = understood(body, ListReceived)
        if receipt and (receipt.list_id, receipt.revision) == (edition.list_id, edition.revision):
            found = receipt
        return None if more else found

    return await desk.topics.listen(edition.heard_from, ear)


async def _refusals(receipt: ListReceived, desk: Desk) -> tuple[RowRefusal, ...]:
    if receipt.refused > len(receipt.refusals) and receipt.state != "refused":
        try:
            async with asyncio.timeout(REFUSALS_PATIENCE):
                return tuple(await desk.services.refusals(receipt))
        except (TimeoutError, Unavailable, Rejected):
            pass  # the caller sees that there are fewer than `refused`
    return tuple(receipt.refusals)


def write_refusals(publication: Publication, path: Path | None, desk: Desk) -> Path | None:
    """Write the refused rows as a table, to `path` or into the home. None where there is nothing to write."""
    receipt = publication.receipt
    if receipt is None or (path is None and not publication.refusals):
        return None
    path = path or desk.home.refusals_path(receipt)
    desk.files.write(
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
    desk: Desk, *, out: Path | None = None, wait: bool = False, patience: float, progress: Progress = unseen
) -> Fetched:
    """Download the latest release and keep it; with `wait`, until there is one that is not kept here yet."""
    async with within(patience, "the released list did not come"):
        release = await desk.services.latest_release()
        known = desk.home.latest_release()
        if wait and (release is None or release.release_id == known):
            await desk.topics.listen(0, lambda body, _: _news(understood(body, ListReleased), known))
            release = await desk.services.latest_release()
        if release is None:
            raise Unknown("no list has been released yet", remedy="wait for the next release with --wait")
        folder = desk.home.release_folder(release.release_id)
        await desk.services.documents(release, DOCUMENTS, folder, progress)
    desk.home.keep_release(release.release_id)
    if out is not None:
        desk.files.copy(folder, out)
    return Fetched(
        release_id=release.release_id,
        as_of=release.as_of.isoformat(),
        rows=release.rows,
        folder=out or folder,
    )


def _news(said: ListReleased | None, known: UUID | None) -> ListReleased | None:
    return said if said and said.release_id != known else None


def check(suppliers: Path, desk: Desk, *, own: Path | None = None, released: Path | None = None) -> Findings:
    """Match suppliers against the released list, on this machine; nothing leaves it.

    `own` and `released` stand in for what was published and fetched last. Raises `Unknown` where neither is there.
    """
    asked = read_list(suppliers, desk, use=Use.SUPPLIERS).entries
    if missing := next((entry.row for entry in asked if SUPPLIER_REF not in entry.values), None):
        raise Invalid(
            "is empty",
            field=SUPPLIER_REF,
            row=missing,
            remedy="give every supplier a reference of its own",
        )
    entries = desk.files.released(released or _last_released(desk))
    ours = read_list(own, desk, use=Use.SITES).entries if own else desk.home.own()
    if ours is None:
        raise Unknown(
            "this member has not published a list from here",
            field="own",
            remedy="publish one, or name the own list with --own",
        )
    links = desk.matcher.link(asked, entries)
    entry_of = {
        str(one.row): link.target
        for one, link in zip(ours, desk.matcher.link(ours, entries), strict=True)
        if link.decision == "match"
    }
    # A released entry is in the normaliser's spelling; the member's own spelling may be nearer to the supplier's. An
    # own row that has another entry, and is no nearer, is a site that resembles this one.
    by_supplier = {
        listed.target
        for listed, link in zip(links, desk.matcher.link(asked, ours), strict=True)
        if link.decision == "match" and (link.score > listed.score or link.target not in entry_of)
    }
    return judge(
        [entry.values[SUPPLIER_REF] for entry in asked], links, own={*entry_of.values()} | by_supplier
    )


def _last_released(desk: Desk) -> Path:
    latest = desk.home.latest_release()
    if latest is None:
        raise Unknown(
            "no released list is kept here",
            field="released",
            remedy="fetch it with `mrx member fetch`, or name its folder with --released",
        )
    return desk.home.release_folder(latest)


def write_findings(findings: Findings, path: Path, desk: Desk) -> None:
    """Write what was found for every supplier as a table."""
    desk.files.write(
        path,
        CHECK_COLUMNS,
        (
            [one.supplier_ref, one.entry_id, f"{one.score:.4f}", one.decision, str(one.audited_by_us).lower()]
            for one in findings.findings
        ),
    )


async def participation(desk: Desk, *, patience: float) -> Mapping[str, object]:
    """Whether this member takes part, and what is missing."""
    async with within(patience, "the registry did not answer"):
        return await desk.services.participation()
