"""Publishing: what goes out, under which ids, and what comes back."""

from pathlib import Path
from uuid import UUID, uuid4

import pytest
from mrx_member.domain.editions import PublishOptions
from mrx_member.handlers import lists
from mrx_member.handlers.lists import Publication
from mrx_shared.messages.envelope import decode, read_header
from mrx_shared.messages.lists import ListManifest, ListPage
from mrx_shared.refusals import Unavailable

from tests.unit.member.conftest import MemoryBackend, WriteList, fact


async def publish(
    path: Path, backend: MemoryBackend, options: PublishOptions | None = None, *, wait: bool = True
) -> Publication:
    reading = lists.read_list(path, backend)
    return await lists.publish(
        path.stem, reading.entries, options or PublishOptions(), backend, wait=wait, patience=5
    )


async def test_a_list_goes_out_in_pages_and_a_manifest_that_fits_them(
    backend: MemoryBackend, write_rows: WriteList
) -> None:
    published = await publish(write_rows(7), backend, PublishOptions(page_rows=3))
    assert [len(page.rows) for page in backend.topics.pages()] == [3, 3, 1]
    assert (published.rows, published.pages) == (7, 3)
    assert backend.topics.manifest.member_id == backend.member_id
    assert {event.key for event in backend.topics.sent} == {str(published.edition.list_id)}
    assert published.receipt is not None
    assert published.receipt.accepted == 7


async def test_rows_carry_the_number_that_a_spreadsheet_shows_and_no_empty_value(
    backend: MemoryBackend, write_rows: WriteList
) -> None:
    await publish(write_rows(2, city=""), backend)
    first = backend.topics.rows()[0]
    assert first.row == 2
    assert first.values == {
        "row_ref": "R1",
        "site_name": "Site 1",
        "country": "China",
        "audit_date": "2025-03-14",
        "protocol": "SMETA",
        "protocol_version": "6.1",
    }


async def test_the_same_file_again_is_the_next_revision_of_the_same_list(
    backend: MemoryBackend, write_rows: WriteList
) -> None:
    first = await publish(write_rows(), backend)
    second = await publish(write_rows(), backend)
    assert second.edition.list_id == first.edition.list_id
    assert (first.edition.revision, second.edition.revision) == (1, 2)


async def test_a_file_of_another_name_is_another_list(backend: MemoryBackend, write_rows: WriteList) -> None:
    first = await publish(write_rows(), backend)
    second = await publish(write_rows(name="others"), backend)
    assert second.edition.list_id != first.edition.list_id


async def test_after_a_crash_the_same_bytes_go_out_again(
    backend: MemoryBackend, write_rows: WriteList
) -> None:
    backend.topics.breaks_after = 2
    with pytest.raises(Unavailable):
        await publish(write_rows(7), backend, PublishOptions(page_rows=3))
    before, backend.topics.breaks_after = list(backend.topics.sent), None
    # Another page size must not cut the pages of a list that is half sent in another way.
    await publish(write_rows(7), backend, PublishOptions(page_rows=2))
    assert backend.topics.sent[2:4] == before
    assert backend.topics.manifest.revision == 1


async def test_after_a_time_out_the_receipt_is_found_though_it_came_meanwhile(
    backend: MemoryBackend, write_rows: WriteList
) -> None:
    backend.topics.silent = True
    with pytest.raises(Unavailable, match="run the same command again"):
        await publish(write_rows(), backend)
    backend.topics.said.append(fact(backend.topics.receipt()))
    published = await publish(write_rows(), backend)
    assert published.edition.revision == 1
    assert published.receipt is not None


async def test_after_a_crash_another_content_is_another_revision(
    backend: MemoryBackend, write_rows: WriteList
) -> None:
    backend.topics.breaks_after = 1
    with pytest.raises(Unavailable):
        await publish(write_rows(3), backend)
    backend.topics.breaks_after = None
    assert (await publish(write_rows(4), backend)).edition.revision == 2


async def test_no_two_events_share_an_id(backend: MemoryBackend, write_rows: WriteList) -> None:
    for count in (3, 3, 4):
        await publish(write_rows(count), backend, PublishOptions(page_rows=2))
    ids = [read_header(event.body).id for event in backend.topics.sent]
    assert len(set(ids)) == len(ids)


async def test_a_receipt_for_another_list_or_revision_is_not_ours(
    backend: MemoryBackend, write_rows: WriteList
) -> None:
    await publish(write_rows(2), backend)
    earlier = backend.topics.receipt()
    backend.topics.silent = True
    backend.topics.said += [
        fact(earlier),
        b"not an event",
        fact(earlier.model_copy(update={"list_id": uuid4()})),
    ]
    with pytest.raises(Unavailable):
        await publish(write_rows(2), backend)


async def test_of_several_receipts_the_last_counts(backend: MemoryBackend, write_rows: WriteList) -> None:
    backend.topics.silent = True
    with pytest.raises(Unavailable):
        await publish(write_rows(), backend)
    waiting = backend.topics.receipt().model_copy(update={"state": "waiting", "waiting": 3, "accepted": 0})
    backend.topics.said += [fact(waiting), fact(backend.topics.receipt())]
    published = await publish(write_rows(), backend)
    assert published.receipt is not None
    assert published.receipt.state == "accepted"


async def test_all_refusals_are_asked_for_where_the_receipt_holds_only_the_first(
    backend: MemoryBackend, write_rows: WriteList
) -> None:
    backend.topics.refused_rows = list(range(2, 122))
    shown = (await publish(write_rows(120), backend)).refusals
    assert len(shown) == 100
    backend.services.all_refusals = [shown[0].model_copy(update={"row": row}) for row in range(2, 122)]
    published = await publish(write_rows(120), backend)
    assert [refusal.row for refusal in published.refusals] == list(range(2, 122))
    path = lists.write_refusals(published, None, backend)
    assert path is not None
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "row,row_ref,field,reason,remedy"
    assert len(lines) == 121


async def test_what_was_sent_last_is_the_own_list_though_the_scheme_refused_it(
    backend: MemoryBackend, write_rows: WriteList
) -> None:
    await publish(write_rows(2), backend)
    backend.topics.state = "refused"
    await publish(write_rows(3), backend)
    own = backend.home.own()
    assert own is not None
    assert [entry.values["row_ref"] for entry in own] == ["R1", "R2", "R3"]


async def test_without_waiting_a_list_is_finished_once_it_is_sent(
    backend: MemoryBackend, write_rows: WriteList
) -> None:
    first = await publish(write_rows(), backend, wait=False)
    assert first.receipt is None
    assert (await publish(write_rows(), backend)).edition.revision == 2


async def test_list_id_and_revision_can_be_given(backend: MemoryBackend, write_rows: WriteList) -> None:
    chosen = UUID(int=99)
    published = await publish(write_rows(), backend, PublishOptions(list_id=chosen, revision=5))
    assert (published.edition.list_id, published.edition.revision) == (chosen, 5)
    again = await publish(write_rows(), backend, PublishOptions(list_id=chosen, revision=5))
    half = len(backend.topics.sent) // 2
    assert backend.topics.sent[:half] == backend.topics.sent[half:]
    assert again.edition.revision == 5


async def test_a_long_page_is_cut_by_its_bytes(backend: MemoryBackend, write_rows: WriteList) -> None:
    await publish(write_rows(400, address="x" * 3_000), backend)
    assert len(backend.topics.pages()) > 1
    assert max(len(event.body) for event in backend.topics.sent) <= 512 * 1024
    assert decode(backend.topics.sent[0].body, ListPage).subject == str(backend.topics.manifest.list_id)
    assert decode(backend.topics.sent[-1].body, ListManifest).data.rows == 400


async def test_the_home_is_readable_by_its_owner_alone(
    backend: MemoryBackend, write_rows: WriteList, tmp_path: Path
) -> None:
    await publish(write_rows(), backend)
    kept = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o077 for path in kept} == {0}
    assert len(kept) == 3
