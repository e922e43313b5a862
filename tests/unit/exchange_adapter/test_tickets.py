"""Tickets: which step may follow which, and when a request takes a file."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mrx_exchange_adapter.domain.findings import REMEDIES, remedy
from mrx_exchange_adapter.domain.platform import (
    ACCESS_WITHDRAWN,
    NO_REPORT_YET,
    SIZE_DIFFERS,
    TOO_LARGE,
    UNAVAILABLE,
    UNKNOWN_SITE,
)
from mrx_exchange_adapter.domain.reports import file_name
from mrx_exchange_adapter.domain.tickets import (
    ANOTHER_TAKEN,
    CONTACT_REPLACED,
    LONGEST_PAUSE,
    NEVER_USED,
    OPEN_AT_ONCE,
    REQUEST_ENDED,
    SETTLED,
    TRIES,
    UNCHECKED,
    Request,
    State,
    Ticket,
    check_may_upload,
    pause_after,
)
from mrx_shared.messages.exchange_adapter import REASONS
from mrx_shared.refusals import Rejected, TooEarly
from mrx_shared.testing.work import NOON

TICKET = Ticket(
    ticket_id=uuid4(),
    request_id=uuid4(),
    member_id=uuid4(),
    channel="upload",
    object_key="k",
    sha256=bytes(32),
    size=1,
    state=State.WAITING,
    minted_at=NOON,
    expires_at=NOON + timedelta(minutes=10),
)
STEPS: dict[State, Callable[[Ticket], Ticket]] = {
    State.RECEIVED: Ticket.receive,
    State.CHECKING: Ticket.check,
    State.STORED: lambda ticket: ticket.store(NOON),
    State.REFUSED: lambda ticket: ticket.refuse(("encrypted",), NOON),
    State.LAPSED: lambda ticket: ticket.lapse(NEVER_USED, NOON),
}
POSSIBLE = {
    ("waiting", "received"),
    ("waiting", "refused"),
    ("waiting", "lapsed"),
    ("received", "checking"),
    ("received", "lapsed"),
    ("checking", "checking"),
    ("checking", "stored"),
    ("checking", "refused"),
    ("checking", "lapsed"),
}


def request(state: str) -> Request:
    return Request(
        request_id=TICKET.request_id,
        member_id=TICKET.member_id,
        state=state,
        reference="MRX-2F7K9QWX",
        term_ends_at=NOON,
    )


@pytest.mark.parametrize("start", list(State))
@pytest.mark.parametrize("end", list(STEPS))
def test_a_ticket_takes_the_steps_of_the_table_and_no_other(start: State, end: State) -> None:
    ticket = replace(TICKET, state=start)
    if (start.value, end.value) in POSSIBLE:
        assert STEPS[end](ticket).state is end
    else:
        with pytest.raises(Rejected, match=f"{start} cannot become {end}"):
            STEPS[end](ticket)


@given(st.lists(st.sampled_from(list(STEPS)), max_size=12))
def test_whatever_is_tried_a_verdict_stays(steps: list[State]) -> None:
    ticket = TICKET
    for step in steps:
        before = ticket
        try:
            ticket = STEPS[step](ticket)
        except Rejected:
            assert ticket is before
        assert before.state not in SETTLED or ticket is before
        assert (ticket.settled_at is not None) == (ticket.state in SETTLED)


def test_a_file_shows_as_unchecked_after_five_tries_and_not_before() -> None:
    ticket = TICKET.receive()
    shown = []
    for _ in range(TRIES + 1):
        ticket = ticket.check()
        shown.append(ticket.reasons)
    assert shown == [()] * TRIES + [(UNCHECKED,)]
    assert ticket.store(NOON).reasons == ()


def test_pauses_between_tries_grow_up_to_a_bound() -> None:
    pauses = [pause_after(tries) for tries in range(1, 100)]
    assert pauses[:3] == [timedelta(seconds=5), timedelta(seconds=10), timedelta(seconds=20)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE


@pytest.mark.parametrize("state", ["accepted", "uploading", "checking"])
def test_an_accepted_request_takes_a_file(state: str) -> None:
    refused = TICKET.lapse(NEVER_USED, NOON)
    check_may_upload(request(state), [refused, TICKET], now=NOON)


@pytest.mark.parametrize("state", ["drafted", "sent", "opened"])
def test_a_request_that_may_still_be_accepted_lets_wait(state: str) -> None:
    with pytest.raises(TooEarly, match="accept it"):
        check_may_upload(request(state), [], now=NOON)


@pytest.mark.parametrize("state", ["declined", "expired", "withdrawn", "available", "decided"])
def test_a_request_that_is_over_says_how_it_stands(state: str) -> None:
    with pytest.raises(Rejected, match=state):
        check_may_upload(request(state), [], now=NOON)


@pytest.mark.parametrize("ticket", [TICKET.receive(), TICKET.receive().check()])
def test_while_a_file_is_checked_no_other_is_taken(ticket: Ticket) -> None:
    with pytest.raises(Rejected, match="being checked"):
        check_may_upload(request("checking"), [ticket], now=NOON)


def test_after_the_vault_nothing_is_taken_whatever_the_request_is_said_to_be() -> None:
    with pytest.raises(Rejected, match="accepts no file"):
        check_may_upload(request("checking"), [TICKET.receive().check().store(NOON)], now=NOON)


def test_open_links_are_few_and_lapsed_ones_do_not_count() -> None:
    full = [TICKET] * OPEN_AT_ONCE
    with pytest.raises(Rejected, match="already open"):
        check_may_upload(request("accepted"), full, now=NOON)
    check_may_upload(request("accepted"), full, now=TICKET.expires_at)


@pytest.mark.parametrize(
    ("size", "sha256", "reasons"),
    [
        (1, bytes(32), ()),
        (2, bytes(32), ("size-differs",)),
        (1, b"x" * 32, ("checksum-differs",)),
        (1, None, ("checksum-differs",)),
        (2, None, ("size-differs", "checksum-differs")),
    ],
)
def test_another_file_than_promised_is_told_by_size_and_checksum(
    size: int, sha256: bytes | None, reasons: tuple[str, ...]
) -> None:
    assert TICKET.differs(size=size, sha256=sha256) == reasons


def test_every_reason_that_a_ticket_may_show_has_a_remedy() -> None:
    assert {UNCHECKED, ANOTHER_TAKEN, REQUEST_ENDED, NEVER_USED, CONTACT_REPLACED} <= set(REMEDIES)
    assert remedy(["encrypted", "encrypted"]) == REMEDIES["encrypted"]
    assert remedy([]) is None


@pytest.mark.parametrize(
    ("reference", "name"),
    [("MRX-2F7K9QWX", "MRX-2F7K9QWX.pdf"), ('x"; y=\r\n../', "xy.pdf"), ("报告", "report.pdf")],
)
def test_a_report_is_saved_under_our_own_name(reference: str, name: str) -> None:
    assert file_name(replace(request("available"), reference=reference)) == name


def test_all_that_is_said_of_a_file_or_a_sharing_stands_in_the_list_that_others_have_words_for() -> None:
    assert sorted(REASONS) == sorted({*REMEDIES, NO_REPORT_YET, UNAVAILABLE, UNKNOWN_SITE})
    assert {TOO_LARGE, SIZE_DIFFERS, ACCESS_WITHDRAWN} <= set(REASONS)
