"""Asking for reports and deciding on them: what goes out, once, and what comes back; over HTTP and by event."""

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from mrx_member.domain.requests import Asking, Terms, Verdict, one_asking
from mrx_member.handlers import requests
from mrx_member.handlers.requests import Asked, By, Settled
from mrx_shared.messages.envelope import decode
from mrx_shared.messages.requests import ReportAsked
from mrx_shared.refusals import Rejected, Unavailable

from tests.unit.member.conftest import REPORT, MemoryBackend, fact

TERMS = Terms(scope="SMETA 4-pillar", purpose="recognition", language="zh", term_days=21)
WAYS: Sequence[By] = ("http", "event")


def asking(number: int = 1, **changes: str) -> Asking:
    values = {
        "entry_id": f"{number:064x}",
        "supplier_ref": f"S-{number}",
        "supplier_name": f"Supplier {number}",
        "contact_email": f"quality@s{number}.example",
    }
    return one_asking(values | changes, TERMS)


async def ask(backend: MemoryBackend, *wanted: Asking, by: By = "http", again: bool = False) -> Asked:
    return await requests.ask(wanted, backend, by=by, again=again, patience=5)


async def decide(backend: MemoryBackend, *wanted: Verdict, by: By = "http") -> Settled:
    return await requests.decide(wanted, backend, by=by, patience=5)


@pytest.mark.parametrize("by", WAYS)
async def test_every_site_is_asked_for_once_however_often_one_asks(by: By, backend: MemoryBackend) -> None:
    wanted = [asking(number) for number in range(1, 6)]
    first = await ask(backend, *wanted, by=by)
    second = await ask(backend, *wanted, by=by)
    assert [one.state for one in first.answers] == ["drafted"] * 5
    assert {one.request_id for one in first.answers} == {one.request_id for one in second.answers}
    assert len(backend.requests.kept) == 5


async def test_both_ways_and_another_machine_ask_for_the_same(backend: MemoryBackend, tmp_path: Path) -> None:
    [first] = (await ask(backend, asking(), by="http")).answers
    other = MemoryBackend(tmp_path / "another machine")
    other.requests = other.topics.requests = backend.requests
    [second] = (await ask(other, asking(), by="event")).answers
    assert first.request_id == second.request_id
    assert len(backend.requests.kept) == 1


async def test_another_member_asks_under_another_id(backend: MemoryBackend, tmp_path: Path) -> None:
    other = MemoryBackend(tmp_path / "other")
    other.member_id = UUID(int=8)
    [mine], [theirs] = (await ask(backend, asking())).answers, (await ask(other, asking())).answers
    assert mine.request_id != theirs.request_id


async def test_after_a_crash_the_same_events_go_out_and_their_answers_are_found(
    backend: MemoryBackend,
) -> None:
    wanted = [asking(number) for number in range(1, 4)]
    backend.topics.breaks_after = 2
    with pytest.raises(Unavailable):
        await ask(backend, *wanted, by="event")
    before, backend.topics.breaks_after = list(backend.topics.sent), None
    await ask(backend, *wanted, by="event")
    assert backend.topics.sent[2:4] == before
    assert len(backend.requests.kept) == 3


async def test_an_answer_that_came_after_the_patience_ended_is_found(backend: MemoryBackend) -> None:
    backend.topics.silent = True
    with pytest.raises(Unavailable, match="run the same command again"):
        await ask(backend, asking(), by="event")
    [event] = backend.topics.sent
    envelope = decode(event.body, ReportAsked)
    backend.topics.said.append(fact(backend.requests.hear(event.body), answers=str(envelope.id)))
    [answer] = (await ask(backend, asking(), by="event")).answers
    assert answer.state == "drafted"
    assert backend.topics.sent == [event, event]


async def test_once_answered_an_event_is_said_anew_and_tells_how_the_request_stands_now(
    backend: MemoryBackend,
) -> None:
    [first] = (await ask(backend, asking(), by="event")).answers
    backend.requests.move(first.request_id, "opened")
    [second] = (await ask(backend, asking(), by="event")).answers
    assert (second.request_id, second.state) == (first.request_id, "opened")
    assert len({decode(event.body, ReportAsked).id for event in backend.topics.sent}) == 2


async def test_an_answer_to_another_question_is_not_ours(backend: MemoryBackend) -> None:
    [first] = (await ask(backend, asking())).answers
    backend.topics.silent = True
    for _ in range(2):
        with pytest.raises(Unavailable):
            await ask(backend, asking(), by="event")
        backend.topics.said += [b"not an event", fact(backend.requests.status(first.request_id))]


@pytest.mark.parametrize("by", WAYS)
async def test_what_is_over_is_asked_anew_only_when_told_so(by: By, backend: MemoryBackend) -> None:
    [first] = (await ask(backend, asking(), by=by)).answers
    backend.requests.move(first.request_id, "declined")
    asked = await ask(backend, asking(), by=by)
    assert [one.state for one in asked.ended] == ["declined"]
    assert len(backend.requests.kept) == 1
    [second] = (await ask(backend, asking(), by=by, again=True)).answers
    assert (second.state, len(backend.requests.kept)) == ("drafted", 2)
    assert second.request_id != first.request_id
    [third] = (await ask(backend, asking(), by=by, again=True)).answers
    assert third.request_id == second.request_id


async def test_after_a_crash_while_asking_anew_one_new_request_is_there(backend: MemoryBackend) -> None:
    [first] = (await ask(backend, asking())).answers
    backend.requests.move(first.request_id, "expired")
    (backend.home._folder / "sayings.json").unlink(missing_ok=True)
    await ask(backend, asking(), again=True)
    (backend.home._folder / "sayings.json").unlink()
    await ask(backend, asking(), again=True)
    assert sorted(one.state for one in backend.requests.kept.values()) == ["drafted", "expired"]


@pytest.mark.parametrize("by", WAYS)
async def test_a_row_that_the_scheme_refuses_is_named_and_the_others_go_out(
    by: By, backend: MemoryBackend
) -> None:
    backend.requests.refuses[asking(2).entry_id] = Rejected(
        "the site is no longer listed", field="entry_id", remedy="look for it in the latest list"
    )
    asked = await ask(backend, *(asking(number) for number in (1, 2, 3)), by=by)
    assert [one.asking.site_number for one in asked.answers] == ["S-1", "S-3"]
    [fault] = asked.faults
    assert (fault.ref, fault.field, fault.reason) == ("S-2", "entry_id", "the site is no longer listed")
    backend.requests.refuses.clear()
    assert (await ask(backend, asking(2), by=by)).faults == ()


async def test_many_requests_go_out_in_chunks_and_carry_on_after_a_crash(backend: MemoryBackend) -> None:
    wanted = [asking(number) for number in range(1, 451)]
    backend.requests.breaks_after = 300
    with pytest.raises(Unavailable):
        await ask(backend, *wanted)
    backend.requests.breaks_after = None
    told: list[tuple[int, int]] = []
    asked = await requests.ask(wanted, backend, patience=5, progress=lambda done, of: told.append((done, of)))
    assert len(asked.answers) == len(backend.requests.kept) == 450
    assert told == [(done, 450) for done in (100, 200, 300, 400, 450)]


async def test_an_event_carries_the_contact_and_the_home_does_not(
    backend: MemoryBackend, tmp_path: Path
) -> None:
    backend.topics.silent = True
    with pytest.raises(Unavailable):
        await ask(backend, asking(), by="event")
    [event] = backend.topics.sent
    said = decode(event.body, ReportAsked)
    assert said.data.supplier.contact_email == "quality@s1.example"
    assert (said.subject, event.key) == (str(said.data.request_id),) * 2
    assert said.data.term_days == 21
    kept = b"".join(path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file())
    assert kept
    assert b"s1.example" not in kept
    assert "s1.example" not in repr(asking())


@pytest.mark.parametrize("by", WAYS)
async def test_a_decision_is_recorded_and_the_same_again_changes_nothing(
    by: By, backend: MemoryBackend
) -> None:
    [answer] = (await ask(backend, asking())).answers
    backend.requests.move(answer.request_id, "available", REPORT)
    accepted = Verdict(request_id=answer.request_id, outcome="accepted")
    assert (await decide(backend, accepted, by=by)).decided == (accepted,)
    assert (await decide(backend, accepted, by=by)).decided == (accepted,)
    assert backend.requests.kept[answer.request_id].outcome == "accepted"
    other = Verdict(request_id=answer.request_id, outcome="refused", reason="too old")
    [fault] = (await decide(backend, other, by=by)).faults
    assert "decided: no decision now" in fault.reason


@pytest.mark.parametrize("by", WAYS)
async def test_a_decision_that_is_too_early_says_so_and_can_be_taken_later(
    by: By, backend: MemoryBackend
) -> None:
    [answer] = (await ask(backend, asking())).answers
    accepted = Verdict(row=3, request_id=answer.request_id, outcome="accepted")
    [fault] = (await decide(backend, accepted, by=by)).faults
    assert (fault.row, fault.field, fault.remedy) == (3, "state", "possible now: nothing more")
    backend.requests.move(answer.request_id, "available", REPORT)
    assert (await decide(backend, accepted, by=by)).decided == (accepted,)


@pytest.mark.parametrize("by", WAYS)
async def test_a_decision_on_a_request_that_nobody_made_is_refused(by: By, backend: MemoryBackend) -> None:
    [fault] = (await decide(backend, Verdict(request_id=uuid4(), outcome="accepted"), by=by)).faults
    assert fault.reason == "there is no such request"


@pytest.mark.parametrize("by", WAYS)
async def test_what_is_withdrawn_is_asked_no_longer_and_what_is_over_cannot_be(
    by: By, backend: MemoryBackend
) -> None:
    [first] = (await ask(backend, asking(1))).answers
    [second] = (await ask(backend, asking(2))).answers
    await requests.withdraw(first.request_id, backend, by=by, patience=5)
    assert backend.requests.kept[first.request_id].state == "withdrawn"
    backend.requests.move(second.request_id, "declined")
    with pytest.raises(Rejected, match="declined: no withdrawal now"):
        await requests.withdraw(second.request_id, backend, by=by, patience=5)


async def test_a_listening_program_hears_every_status_and_goes_on_where_it_stopped(
    backend: MemoryBackend,
) -> None:
    for number in (1, 2, 3):
        await ask(backend, asking(number), by="event")
    backend.topics.said.insert(1, b"not an event")
    heard = []
    listening = requests.statuses(backend)
    async for status in listening:
        heard.append(status.site_number)
        if len(heard) == 2:
            break
    assert heard == ["S-1", "S-2"]
    # The second was not finished: it comes again.
    assert [one.site_number async for one in requests.statuses(backend)] == ["S-2", "S-3"]
    assert [one.site_number async for one in requests.statuses(backend)] == []
    everything = requests.statuses(backend, from_the_beginning=True)
    assert [one.site_number async for one in everything] == ["S-1", "S-2", "S-3"]
