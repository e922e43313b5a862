"""The message that is sent has the headers, the recipient and the parts that were written, whatever a word holds."""

from collections.abc import Sequence
from dataclasses import replace
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import compat32, default
from email.utils import parseaddr
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mrx_notification.adapters.rendering import JinjaRenderer
from mrx_notification.adapters.smtp import compose
from mrx_notification.domain.addresses import one_line
from mrx_notification.domain.mails import Attempt, Kind, Mail, RenderedMail, language_of
from mrx_notification.ports import Unsafe
from mrx_shared.refusals import Invalid
from mrx_shared.wording import check_plain

from tests.unit.notification.rendering import DATE, PORTAL, mail_of
from tests.unit.shared.smuggled import SMUGGLED

HEADERS = [
    "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Language", "MIME-Version", "Content-Type",
]  # fmt: skip
PARTS = ["multipart/alternative", "text/plain", "text/html"]
SENDER = "no-reply@mrx.example"
RENDERER = JinjaRenderer(portal_url=PORTAL)
PIECES = st.sampled_from(
    ["=?utf-8?q?", "=?utf-8?b?", "?=", "=0d=0a", "\r\n", "\n", "\r", "Bcc: x@evil.example", "Content-Type: text/html",
     "\u2028", "\u2029", "\x0b", "\x0c", "\x85", "\x00", "\u202e", "<h1>", ",", ";", ":", '"', "\\", "(", ")", "<", ">",
     "@", " ", "\u00a0", "\u3000", "é", "工厂", "a", "A" * 90, "=", "?", "--", "===============", "."]
)  # fmt: skip
WORDS = st.lists(PIECES, min_size=1, max_size=12).map("".join) | st.text(min_size=1, max_size=200)


def attempt(mails: Sequence[Mail], address: str = "li.wei@mill.example") -> Attempt:
    return Attempt(
        letter_id=UUID(int=9),
        address=address,
        language=language_of(mails),
        mails=tuple(mails),
        tokens=tuple("TOKEN" if mail.with_link else None for mail in mails),
    )


def composed(tried: Attempt, letter: RenderedMail | None = None) -> bytes:
    return compose(letter or RENDERER.render(tried), tried, sender=SENDER, date=DATE)


def assert_as_written(raw: bytes, letter: RenderedMail, name: str | None) -> None:
    for policy in (default, compat32):
        read = message_from_bytes(raw, policy=policy)
        assert list(read.keys()) == HEADERS
        assert [part.get_content_type() for part in read.walk()] == PARTS
    read = message_from_bytes(raw, policy=default)
    assert isinstance(read, EmailMessage)
    assert [one.addr_spec for one in read["To"].addresses] == ["li.wei@mill.example"]
    named, _ = parseaddr(dict(read.raw_items())["To"])
    assert str(make_header(decode_header(named))) == (name or "")
    assert read["Subject"] == letter.subject
    head = raw.partition(b"\r\n\r\n")[0]
    assert max(len(line) for line in head.split(b"\r\n")) <= 998
    assert b"\n" not in head.replace(b"\r\n", b"")


def accepted(word: str) -> str | None:
    """The word as it comes to a letter, or None where it is refused at the place where it came in."""
    try:
        check_plain(word, field="word")
    except Invalid:
        return None
    return one_line(word)[:200].strip() or None


@given(WORDS, WORDS, WORDS, st.sampled_from(["en", "zh", "es"]), st.integers(1, 3))
def test_whatever_is_taken_makes_no_header_no_recipient_and_no_part(
    name: str, asks: str, site: str, language: str, times: int
) -> None:
    words = {key: accepted(word) for key, word in (("to_name", name), ("asks", asks), ("site", site))}
    if words["asks"] is None or words["site"] is None:
        return
    mail = mail_of(Kind.INVITATION, language, **words)
    tried = attempt([mail] * times)
    letter = RENDERER.render(tried)
    assert_as_written(composed(tried, letter), letter, words["to_name"])


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_every_name_that_is_taken_can_be_written_to(name: str) -> None:
    if (word := accepted(name)) is not None:
        composed(attempt([mail_of(Kind.INVITATION, to_name=word, asks=word, site=word)]))


@given(WORDS, WORDS)
def test_a_message_is_as_it_was_written_or_it_is_not_sent_even_where_nobody_looked_before(
    name: str, subject: str
) -> None:
    mail = mail_of(Kind.INVITATION, to_name=name)
    letter = replace(RENDERER.render(attempt([mail_of(Kind.INVITATION)])), subject=subject)
    try:
        raw = composed(attempt([mail]), letter)
    except Unsafe:
        return
    assert_as_written(raw, letter, name)


@pytest.mark.parametrize("place", ["to_name", "asks", "site"])
def test_an_encoded_word_that_came_so_far_does_not_leave_or_is_shown_as_it_was_typed(place: str) -> None:
    tried = attempt([mail_of(Kind.INVITATION, **{place: SMUGGLED})])
    letter = RENDERER.render(tried)
    try:
        raw = composed(tried, letter)
    except Unsafe:
        return
    assert_as_written(raw, letter, "Li Wei")
    assert SMUGGLED in letter.subject


@pytest.mark.parametrize(
    "subject",
    ["x" * 400, "供应商" * 90, "a " * 150 + "b", ("é" * 30 + " ") * 8 + "e", "A" * 60 + " " + "工厂" * 50, "a; b, c " * 20 + "d"],
)  # fmt: skip
def test_long_subjects_are_folded_and_read_back_as_they_were(subject: str) -> None:
    tried = attempt([mail_of(Kind.INVITATION)])
    letter = replace(RENDERER.render(tried), subject=subject)
    raw = composed(tried, letter)
    assert_as_written(raw, letter, "Li Wei")


def test_a_letter_whose_body_would_be_another_is_not_sent() -> None:
    tried = attempt([mail_of(Kind.INVITATION)])
    letter = replace(RENDERER.render(tried), text="a\x85b\r\rc\n")
    with pytest.raises(Unsafe):
        composed(tried, letter)
    with pytest.raises(Unsafe):
        compose(RENDERER.render(tried), tried, sender=SENDER, date="now\r\nBcc: x@evil.example")


def test_an_address_in_another_script_stands_in_the_header_as_it_is() -> None:
    tried = attempt([mail_of(Kind.INVITATION, to_name="李伟")], "李伟@mill.example")
    assert "<李伟@mill.example>".encode() in composed(tried)
