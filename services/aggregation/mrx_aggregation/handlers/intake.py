"""Taking lists in: pages and manifest in any order, until a revision is whole and counts for a round."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Literal
from uuid import UUID

import orjson
from mrx_shared.messages.aggregation import REFUSALS_SHOWN, ListReceived, RowRefusal
from mrx_shared.messages.lists import ListManifest, ListPage
from mrx_shared.refusals import counted

from mrx_aggregation.domain.columns import sort_columns
from mrx_aggregation.domain.lists import (
    MOST_BYTES_A_PAGE,
    MOST_ROWS_A_PAGE,
    Cause,
    ListState,
    Manifest,
    ReceivedList,
    ReceivedPage,
    Tally,
)
from mrx_aggregation.domain.names import CompanyNames
from mrx_aggregation.domain.rounds import Round
from mrx_aggregation.domain.rows import Judge, Verdict
from mrx_aggregation.ports import Work

PAGES_AT_ONCE = 20
"""pages that are judged together: enough to be quick, few enough to be small"""
HIGHEST_ROW = 2**31 - 1
_ROW = b'{"row":'
_AGAIN = "send the whole list again as a new revision"


async def take_page(page: ListPage, work: Work, *, stated_member: UUID | None, member_id: UUID) -> None:
    """Keep a page; when the revision is whole with it, let it count."""
    if stated_member not in (None, member_id):
        await _refuse_stranger("page", page.list_id, page.revision, work, member_id=member_id)
        return
    received = await work.lists.hold(page.list_id, page.revision)
    if received.state is ListState.REFUSED and not received.cause:
        return
    if any(row.row > HIGHEST_ROW for row in page.rows):
        # There are no bytes to keep such a page in, nor to compare it by.
        fault = f"page {page.page} numbers a row above {HIGHEST_ROW}", f"number rows from 1: {_AGAIN}"
        await _refuse_page(received, fault, work)
        return
    kept = await asyncio.to_thread(kept_page, page)
    if not received.whole and (unfit := _page_fault(kept)):
        await _refuse_page(received, unfit, work)
    elif not received.whole and await work.lists.keep_page(received, kept):
        await _count_if_whole(received, work)
    elif (known := await work.lists.page_digest(received, kept.number)) is None:
        await _refuse_part(received, _too_many(kept.number, received), work)
    elif known != kept.digest:
        await _refuse_part(received, _repeated(f"page {kept.number}"), work)


async def take_manifest(manifest: ListManifest, work: Work, *, member_id: UUID) -> None:
    """Keep a manifest; when the revision is whole with it, let it count."""
    if manifest.member_id not in (None, member_id):
        await _refuse_stranger("manifest", manifest.list_id, manifest.revision, work, member_id=member_id)
        return
    received = await work.lists.hold(manifest.list_id, manifest.revision)
    stated = Manifest(pages=manifest.pages, rows=manifest.rows, sha256=manifest.sha256)
    if received.manifest is not None and received.manifest != stated:
        await _refuse_part(received, _repeated("a manifest"), work)
        return
    if received.whole:
        # Whoever sends a list again waits for an answer.
        received = received if received.manifest else replace(received, manifest=stated)
        await _settle(received, work)
        return
    received = replace(received, manifest=stated)
    await work.lists.keep(received)
    await _count_if_whole(received, work)


async def take_up(list_id: UUID, revision: int, work: Work) -> None:
    """Judge again what waited for a fact or a round; say the receipt again where something changed."""
    received = await work.lists.hold(list_id, revision)
    if received.whole and (received.state is not ListState.REFUSED or received.cause):
        await _count(received, work)


async def judge_again(list_id: UUID, revision: int, closing: Round, work: Work) -> None:
    """Judge what counts for a closing round once more, by all that is known now."""
    received = await work.lists.hold(list_id, revision)
    if received.round_id == closing.round_id:
        await _count(received, work, closing=closing)


async def note_contribution(list_id: UUID, revision: int, closing: Round, work: Work) -> None:
    """Keep what a revision brings to a closing round."""
    received = await work.lists.hold(list_id, revision)
    await work.lists.note_contribution(received, closing.round_id)


async def leave_waiting_rows(list_id: UUID, revision: int, closing: Round, work: Work) -> None:
    """Take the rows that still wait out of a closing round: they count for the next one."""
    received = await work.lists.hold(list_id, revision)
    if received.round_id != closing.round_id or not received.tally.waiting:
        return
    rows = await work.lists.waiting_rows(received)
    await work.lists.forget_waiting_rows(received)
    await _settle(received.leave(rows), work)


def kept_page(page: ListPage) -> ReceivedPage:
    """A page as it is kept: the very bytes that the manifest's digest is made of."""
    rows = [{"row": row.row, "values": row.values} for row in page.rows]
    # Where one row ends and the next begins no string can stand: a quote inside a string is escaped.
    body = orjson.dumps(rows, option=orjson.OPT_SORT_KEYS)[1:-1].replace(b'},{"row":', b'}\n{"row":') + b"\n"
    return ReceivedPage(
        number=page.page,
        rows=len(rows),
        body=body,
        digest=sha256(body).digest(),
        columns=sort_columns(set[str]().union(*[row.values for row in page.rows])),
    )


def _repeated(what: str) -> tuple[str, str]:
    return (
        f"{what} of this revision came before with other content; the first stays",
        "send the changed list as a new revision",
    )


def _too_many(page: int, received: ReceivedList) -> tuple[str, str]:
    pages = received.manifest.pages if received.manifest else 0
    return (
        f"page {page} came, but this revision is whole with its {pages} pages, and stays as it is",
        "send the changed list as a new revision",
    )


def _page_fault(kept: ReceivedPage) -> tuple[str, str] | None:
    """Why a page refuses its whole list, and what to do."""
    page = f"page {kept.number}"
    if not kept.rows:
        return f"{page} holds no row", _AGAIN
    if kept.rows > MOST_ROWS_A_PAGE:
        return (
            f"{page} has {kept.rows} rows, at most {MOST_ROWS_A_PAGE} are allowed",
            f"send smaller pages: {_AGAIN}",
        )
    if len(kept.body) > MOST_BYTES_A_PAGE:
        return (
            f"{page} has {len(kept.body) // 1024} KiB, at most {MOST_BYTES_A_PAGE // 1024} are allowed",
            f"send smaller pages: {_AGAIN}",
        )
    if kept.columns.reason:
        return f"{page}: {kept.columns.reason}", kept.columns.remedy or _AGAIN
    return None


async def _refuse_stranger(what: str, list_id: UUID, revision: int, work: Work, *, member_id: UUID) -> None:
    """Say that what came names another member than its topic does. Nothing of it is kept."""
    nothing = ReceivedList(member_id=member_id, list_id=list_id, revision=revision, received_at=work.now)
    reason = f"the {what} states another member than its topic's"
    stays = await work.lists.find(list_id, revision) or nothing
    await _emit(
        nothing.refuse(reason, "leave out member_id, or give your own"), work, shown=nothing, stays=stays
    )


async def _refuse_page(received: ReceivedList, fault: tuple[str, str], work: Work) -> None:
    """Refuse a list for one of its pages, or that page alone where the list is whole without it."""
    if received.whole:
        await _refuse_part(received, fault, work)
        return
    await work.lists.drop_pages(received)
    await _settle(received.refuse(*fault), work)


async def _refuse_part(received: ReceivedList, fault: tuple[str, str], work: Work) -> None:
    """Say that what came is refused, while the revision stays as it is."""
    await _emit(received.refuse(*fault), work, shown=received, stays=received)


async def _count_if_whole(received: ReceivedList, work: Work) -> None:
    if received.manifest is None:
        return
    pages, highest, rows = await work.lists.pages_here(received)
    if pages < received.manifest.pages and highest <= received.manifest.pages:
        return
    if fault := await _misfit(received, received.manifest, pages, highest, rows, work):
        await _settle(received.refuse(fault, _AGAIN), work)
        return
    await _count(received, work)


async def _misfit(
    received: ReceivedList, manifest: Manifest, pages: int, highest: int, rows: int, work: Work
) -> str | None:
    """Why the manifest does not fit its pages, or None."""
    if highest > manifest.pages:
        return f"page {highest} came, but the manifest states {counted(manifest.pages, 'page', 'pages')}"
    if rows != manifest.rows:
        return f"{counted(pages, 'page holds', 'pages hold')} {counted(rows, 'row', 'rows')}, but the manifest states {manifest.rows:,}"
    digest, numbers = sha256(), Counter[bytes]()
    async for body in work.lists.bodies(received, at_once=PAGES_AT_ONCE):
        await asyncio.to_thread(_read, body, digest.update, numbers)
    for row, times in numbers.items():
        if times > 1:
            return f"row number {row.decode()} stands twice in the list"
    if digest.hexdigest() != manifest.sha256:
        return "the manifest's sha256 is not that of the pages' rows"
    return None


def _read(body: bytes, digested: Callable[[bytes], None], numbers: Counter[bytes]) -> None:
    digested(body)
    # A kept line begins with its row number; a line feed inside a value is escaped.
    numbers.update(line[len(_ROW) :].partition(b",")[0] for line in body.splitlines())


async def _count(received: ReceivedList, work: Work, *, closing: Round | None = None) -> None:
    """Let a whole revision count for the open round, or say what it waits for or why it does not count."""
    before = received
    if received.round_id is not None:
        await work.lists.forget_verdict(received)
    settled = await _counted(received, work, closing)
    if settled != before or before.state is ListState.INCOMPLETE:
        await _settle(settled, work)


async def _counted(received: ReceivedList, work: Work, closing: Round | None) -> ReceivedList:
    others = [
        one for one in await work.lists.revisions(received.list_id) if one.revision != received.revision
    ]
    newer = [
        one.revision
        for one in others
        if one.revision > received.revision and one.state in (ListState.ACCEPTED, ListState.WAITING)
    ]
    if newer and closing is None:
        return received.too_old(max(newer))
    participation = await work.facts.participation(received.member_id)
    if participation is None:
        return received.wait(Cause.PARTICIPATION, "it is not known yet whether the member takes part")
    if participation.refusal:
        return received.refuse(*participation.refusal, cause=Cause.PARTICIPATION)
    taking = closing or await work.rounds.open_now()
    if taking is None:
        return received.wait(Cause.ROUND, "no round is open")
    tally, remark = await _judge(received, taking, work)
    counted = received.count(tally, round_id=taking.round_id, remark=remark)
    if counted.state is ListState.ACCEPTED:
        for older in others:
            if older.revision < received.revision and older.state in (ListState.ACCEPTED, ListState.WAITING):
                await _replace(older, received.revision, taking, work)
    return counted


async def _replace(older: ReceivedList, newer: int, taking: Round, work: Work) -> None:
    """Let a newer revision take the place of an older one; what a closed round froze of it stays."""
    if older.state is ListState.ACCEPTED and older.round_id != taking.round_id:
        return
    if older.round_id is not None:
        await work.lists.forget_verdict(older)
    await _settle(older.make_way(newer), work, aloud=False)


async def _judge(received: ReceivedList, taking: Round, work: Work) -> tuple[Tally, str | None]:
    judge = Judge(
        as_of=taking.as_of,
        recognitions=await work.facts.recognitions(seen_by=received.member_id),
        company_names=CompanyNames(await work.facts.company_names()),
        only=received.left_rows,
    )
    tally = Tally()
    last: Verdict | None = None
    async for body in work.lists.bodies(received, at_once=PAGES_AT_ONCE):
        # Judging is arithmetic: off the event loop, and at the same time as the verdict before is kept.
        judging = asyncio.create_task(asyncio.to_thread(judge.judge, body))
        try:
            if last is not None:
                await work.lists.keep_verdict(received, last, round_id=taking.round_id)
        finally:
            last = await judging
        tally = tally.with_verdict(last)
    if last is not None:
        await work.lists.keep_verdict(received, last, round_id=taking.round_id)
    unread = sort_columns(await work.lists.unread_columns(received))
    return tally, unread.remedy


async def _settle(received: ReceivedList, work: Work, *, aloud: bool = True) -> None:
    await work.lists.keep(received)
    if aloud:
        await _emit(received, work, shown=received)


_SAID: dict[ListState, Literal["accepted", "waiting", "refused"]] = {
    ListState.ACCEPTED: "accepted",
    ListState.WAITING: "waiting",
    ListState.REFUSED: "refused",
    ListState.REPLACED: "refused",
}


async def _emit(
    received: ReceivedList, work: Work, *, shown: ReceivedList, stays: ReceivedList | None = None
) -> None:
    refused = await work.lists.refused_rows(shown, after_row=0, limit=REFUSALS_SHOWN)
    receipt = ListReceived(
        list_id=received.list_id,
        revision=received.revision,
        state=_SAID[received.state],
        reason=received.reason,
        remedy=received.remedy,
        rows=received.rows,
        accepted=received.tally.accepted,
        refused=received.tally.refused,
        waiting=received.tally.waiting,
        round_id=received.round_id,
        refusals=[
            RowRefusal(
                row=one.row, row_ref=one.row_ref, field=one.field, reason=one.reason, remedy=one.remedy
            )
            for one in refused
        ],
        details_path=f"/v1/lists/{received.list_id}/revisions/{received.revision}/refusals",
        received_at=work.now,
        stands=_SAID.get(stays.state) if stays else None,
    )
    work.emit(receipt, about=str(received.member_id), to=received.member_id)
