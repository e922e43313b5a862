"""Notifications that come back, in the shapes that mail servers give them, and bytes that are none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mrx_notification.domain.bounces import read_bounce
from mrx_shared.refusals import Invalid

from tests.unit.notification.bounces import EVENT, RETURNED, notification


@pytest.mark.parametrize("kind", ["message/rfc822", "text/rfc822-headers"])
def test_the_mail_is_found_by_the_headers_that_came_back(kind: str) -> None:
    bounce = read_bounce(notification(kind=kind))
    assert (bounce.letter_ids, bounce.failed, bounce.status) == ((EVENT,), True, "5.1.1")


@pytest.mark.parametrize(
    "told",
    [
        {"headers": f"In-Reply-To: <{EVENT}@mrx.example>\n"},
        {"headers": f"References: <other@x.example>\n <{EVENT}@mrx.example>\n"},
        {"extra": f"X-Original-Message-ID: <{EVENT}@mrx.example>\n"},
    ],
)
def test_the_mail_is_found_by_its_message_id_where_nothing_came_back(told: dict[str, str]) -> None:
    assert read_bounce(notification(returned="Subject: hello\r\n", **told)).letter_ids == (EVENT,)


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", "expanded"])
def test_delays_and_deliveries_are_no_failures(action: str) -> None:
    assert not read_bounce(notification(action=action, status="4.4.7")).failed


def test_a_status_that_cannot_be_read_is_a_plain_failure_and_one_with_words_is_cut() -> None:
    assert read_bounce(notification(status="no such user li.wei")).status == "5.0.0"
    assert read_bounce(notification(action="Failed", status="5.2.2 (mailbox full)")).status == "5.2.2"


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b"", "body"),
        (b"hello", "body"),
        (b"\xff\xfe\x00" * 100, "body"),
        (RETURNED.encode() + b"\r\njust a mail\r\n", "body"),
        (notification(returned="Subject: somebody else's\r\n"), "body"),
        (notification(returned="Message-ID: <not-one-of-ours@mrx.example>\r\n"), "body"),
        (notification().replace(b"Action: failed", b"Auction: failed"), "Action"),
        (b"x" * (1024 * 1024 + 1), "body"),
    ],
)
def test_what_is_no_notification_is_refused(raw: bytes, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_bounce(raw)
    assert (refused.value.field, bool(refused.value.remedy)) == (field, True)


def test_parts_within_parts_without_end_are_refused_not_followed() -> None:
    raw = "".join(
        f'Content-Type: multipart/mixed; boundary="b{depth}"\r\n\r\n--b{depth}\r\n' for depth in range(2000)
    )
    with pytest.raises(Invalid):
        read_bounce(raw.encode())


@given(st.binary(max_size=400), st.integers(0, 900), st.binary(max_size=20))
def test_no_bytes_do_more_than_be_refused(raw: bytes, place: int, change: bytes) -> None:
    whole = notification()
    for tried in (raw, whole[:place] + change + whole[place + len(change) :]):
        try:
            bounce = read_bounce(tried)
        except Invalid:
            continue
        assert all(sign.isdigit() or sign == "." for sign in bounce.status)
