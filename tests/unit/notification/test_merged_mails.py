"""What members ask of one mailbox leaves as one mail in a slot, whoever asks, however the address is written."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mrx_notification import handlers
from mrx_notification.adapters.rendering import JinjaRenderer
from mrx_notification.domain.bounces import Bounce
from mrx_notification.domain.mails import Attempt, Cause, RenderedMail, State
from mrx_notification.ports import NotNow, Refused, Unsafe
from mrx_shared.messages.notification import MailFailed, MailSent
from mrx_shared.messages.report_request import MailAsked
from mrx_shared.refusals import Unavailable
from mrx_shared.slots import Slots
from typing_extensions import override

from tests.unit.notification.asked import event, password_mail, request_mail
from tests.unit.notification.in_memory import MemoryTransport, MemoryWork
from tests.unit.notification.rendering import PORTAL, Tags
from tests.unit.shared.smuggled import SMUGGLED

SLOTS = Slots()
MONDAY = datetime(2026, 11, 30, 7, tzinfo=UTC)
WEDNESDAY = MONDAY + timedelta(days=2)
RENDERER = JinjaRenderer(portal_url=PORTAL)


class Office:
    """Notification in memory, with real letters; `at` is its clock."""

    def __init__(self, at: datetime = MONDAY) -> None:
        self.work = MemoryWork()
        self.work.moment = at
        self.transport = MemoryTransport()
        self.drawn = 0

    def token(self) -> str:
        self.drawn += 1
        return f"token-{self.drawn}"

    async def asked(self, mail: MailAsked) -> MailAsked:
        await handlers.take_request_mail(event(mail), self.work, slots=SLOTS)
        return mail

    async def until(self, moment: datetime) -> None:
        """Time passes, and the sending loop turns."""
        self.work.moment = max(self.work.moment, moment)
        while await handlers.send_due(
            self.work.transact, renderer=RENDERER, transport=self.transport, new_token=self.token
        ):
            pass

    def sent(self) -> list[MailSent]:
        return [fact for fact in self.work.said if isinstance(fact, MailSent)]

    def failed(self) -> list[MailFailed]:
        return [fact for fact in self.work.said if isinstance(fact, MailFailed)]

    def letters(self) -> list[RenderedMail]:
        return [letter for _, letter in self.transport.taken]


@pytest.fixture
def office() -> Office:
    return Office()


def invitation(**other: object) -> MailAsked:
    return request_mail(**{"leaves_at": MONDAY, **other})  # type: ignore[arg-type]


LEAVES = SLOTS.leaves_at(MONDAY)


async def test_requests_to_one_mailbox_leave_as_one_mail_that_lists_each_with_its_own_link(
    office: Office,
) -> None:
    first = await office.asked(invitation(asks="Acme Brands", site="Mill 3"))
    second = await office.asked(
        invitation(
            asks="Birch Foods", site="Mill 4", to="Li.Wei+birch@MILL.example.", reference="MRX-00000002"
        )
    )
    reminder = await office.asked(request_mail("reminder", leaves_at=MONDAY, asks="Cedar", site="Mill 5"))
    closed = await office.asked(request_mail("closed", leaves_at=MONDAY, asks="Dogwood", site="Mill 6"))
    elsewhere = await office.asked(invitation(to="other@mill.example"))
    await office.until(LEAVES - timedelta(seconds=1))
    assert office.transport.taken == []
    await office.until(LEAVES)
    assert [attempt.address for attempt, _ in office.transport.taken] == [
        "li.wei@mill.example",
        "other@mill.example",
    ] or [attempt.address for attempt, _ in office.transport.taken] == [
        "other@mill.example",
        "li.wei@mill.example",
    ]
    (merged,) = [letter for attempt, letter in office.transport.taken if len(attempt.mails) == 4]
    assert merged.subject == "3 requests for audit reports on your sites"
    for said in (
        "Acme Brands",
        "Mill 3",
        "Birch Foods",
        "Mill 4",
        "MRX-00000002",
        "Cedar",
        "Dogwood",
        "Mill 6",
    ):
        assert said in merged.text
    links = [line for line in merged.text.splitlines() if line.startswith(f"{PORTAL}/r/")]
    assert len(set(links)) == 3
    assert Tags(merged.html).addresses == [link for link in links for _ in ("button", "written out")]
    by_mail = {fact.mail_id: fact for fact in office.sent()}
    assert set(by_mail) == {one.mail_id for one in (first, second, reminder, closed, elsewhere)}
    assert {fact.slot_at for fact in office.sent()} == {MONDAY}
    tokens = [line.rpartition("/")[2] for line in links]
    hashes = [by_mail[one.mail_id].token_hashes for one in (first, second, reminder)]
    assert sorted(one for found in hashes for one in found) == sorted(map(handlers.hash_of, tokens))
    assert by_mail[closed.mail_id].token_hashes == []


async def test_nobody_can_foresee_which_mailbox_of_a_slot_comes_after_which(office: Office) -> None:
    addresses = [f"{number:02}@mill.example" for number in range(20)]
    for _ in range(2):
        for address in addresses:
            await office.asked(invitation(to=address))
    await office.until(LEAVES)
    left = [attempt.address for attempt, _ in office.transport.taken]
    assert sorted(left) == addresses
    assert left not in (addresses, addresses[::-1])


@pytest.mark.parametrize("language", ["en", "zh", "es"])
async def test_a_merged_mail_is_written_in_the_language_that_most_ask_for(
    office: Office, language: str
) -> None:
    for spoken in (language, "en" if language != "en" else "zh", language):
        await office.asked(invitation(language=spoken))
    await office.until(LEAVES)
    (letter,) = office.letters()
    assert letter.language == language
    assert letter.subject.startswith(
        {"en": "3 requests", "zh": "关于贵方场所", "es": "3 solicitudes"}[language]
    )


@pytest.mark.parametrize("kind", ["invitation", "reminder"])
async def test_of_one_request_in_a_merged_mail_no_several_are_told(office: Office, kind: str) -> None:
    await office.asked(request_mail(kind, leaves_at=MONDAY, asks="Acme Brands"))
    await office.asked(request_mail("closed", leaves_at=MONDAY, asks="Birch Foods"))
    await office.until(LEAVES)
    (letter,) = office.letters()
    assert "Acme Brands" in letter.subject
    assert "Birch Foods had asked you for an audit report. This request has ended" in letter.text
    for plural in ("These", "Each link", "audits that"):
        assert plural not in letter.text


async def test_several_requests_of_one_company_are_not_said_to_come_from_several(office: Office) -> None:
    for site in ("Mill 3", "Mill 4"):
        await office.asked(invitation(asks="Acme Brands", site=site))
    await office.until(LEAVES)
    (letter,) = office.letters()
    assert letter.subject == "2 requests for audit reports on your sites"
    assert "hese companies" not in letter.text
    assert "The companies named" not in letter.text


async def test_a_single_request_reads_as_it_always_does(office: Office) -> None:
    await office.asked(invitation())
    await office.until(LEAVES)
    (letter,) = office.letters()
    assert letter.subject == "Acme Brands asks for an audit report on Sunrise Mill No. 3"


async def test_a_mail_that_comes_when_its_slot_is_gathered_waits_for_the_next_alone_or_not(
    office: Office,
) -> None:
    office.work.moment = MONDAY + timedelta(minutes=11)
    await office.asked(invitation())
    await office.until(LEAVES)
    assert office.transport.taken == []
    await office.until(SLOTS.leaves_at(WEDNESDAY))
    assert [fact.slot_at for fact in office.sent()] == [WEDNESDAY]


async def test_other_mails_leave_at_once(office: Office) -> None:
    await office.asked(request_mail("ready"))
    await office.asked(request_mail("received"))
    await handlers.take_registry_mail(event(password_mail("welcome")), office.work)
    await office.until(MONDAY)
    assert len(office.transport.taken) == 3
    assert {fact.slot_at for fact in office.sent()} == {None}


class Killed(Exception):
    pass


class DyingTransport(MemoryTransport):
    """The process dies as soon as the server has taken the mail."""

    @override
    async def send(self, letter: RenderedMail, attempt: Attempt) -> None:
        await super().send(letter, attempt)
        raise Killed


async def test_a_crash_after_sending_leads_to_the_same_mail_again_whose_every_link_is_known(
    office: Office,
) -> None:
    asked = [await office.asked(invitation()) for _ in range(3)]
    office.transport = DyingTransport()
    with pytest.raises(Killed):
        await office.until(LEAVES)
    before, office.transport = office.transport.taken, MemoryTransport()
    await office.until(LEAVES + timedelta(seconds=5))
    ((first, _),), ((second, _),) = before, office.transport.taken
    assert first.letter_id == second.letter_id
    assert [mail.mail_id for mail in first.mails] == [mail.mail_id for mail in second.mails]
    hashes = {fact.mail_id: len(fact.token_hashes) for fact in office.sent()}
    assert hashes == {one.mail_id: 2 for one in asked}


async def test_a_crash_while_the_sending_is_noted_keeps_the_message_id(office: Office) -> None:
    for _ in range(3):
        await office.asked(invitation())
    await office.until(LEAVES - timedelta(seconds=1))
    office.work.moment = LEAVES
    (attempt,) = await handlers.begin(office.work, new_token=office.token)
    assert attempt is not None
    await handlers.note_sent(attempt.mails[0].mail_id, office.work)
    await office.until(LEAVES + timedelta(seconds=5))
    ((again, _),) = office.transport.taken
    assert again.letter_id == attempt.letter_id
    assert len(again.mails) == 2


@pytest.mark.parametrize(
    ("answer", "cause", "status"), [(Refused("5.1.1"), "refused", "5.1.1"), (Unsafe(), "refused", "5.6.0")]
)
async def test_what_becomes_of_the_mail_is_said_of_each_request_in_it(
    office: Office, answer: Exception, cause: str, status: str
) -> None:
    asked = [await office.asked(invitation()) for _ in range(2)]
    office.transport.answers = [answer]
    await office.until(LEAVES)
    assert {(fact.mail_id, fact.cause, fact.status) for fact in office.failed()} == {
        (one.mail_id, cause, status) for one in asked
    }


async def test_a_mail_that_comes_back_fails_every_request_in_it_once(office: Office) -> None:
    asked = [await office.asked(invitation()) for _ in range(2)]
    await office.until(LEAVES)
    ((attempt, _),) = office.transport.taken
    for _ in range(2):
        bounce = Bounce(letter_ids=(attempt.letter_id,), failed=True, status="5.1.1")
        await handlers.take_bounce(bounce, office.work)
    assert sorted(fact.mail_id for fact in office.failed()) == sorted(one.mail_id for one in asked)


async def test_a_word_that_no_mail_may_hold_fails_its_own_request_and_no_other(office: Office) -> None:
    bad = await office.asked(invitation(asks=SMUGGLED))
    good = await office.asked(invitation())
    (kept,) = [mail for mail in office.work.mails.kept.values() if mail.state is State.FAILED]
    assert (kept.mail_id, kept.cause, kept.status) == (bad.mail_id, Cause.UNSAFE, "5.6.0")
    await office.until(LEAVES)
    assert [fact.mail_id for fact in office.sent()] == [good.mail_id]


async def test_a_server_that_is_away_gets_the_same_mail_later(office: Office) -> None:
    for _ in range(2):
        await office.asked(invitation())
    office.transport.answers = [NotNow("4.4.1", away=True)]
    with pytest.raises(Unavailable):
        await office.until(LEAVES)
    await office.until(LEAVES + timedelta(seconds=2))
    ((attempt, _),) = office.transport.taken
    assert len(attempt.mails) == 2
    assert len({mail.letter_id for mail in office.work.mails.kept.values()}) == 1


ASKED = st.lists(
    st.tuples(
        st.integers(0, 14 * 24 * 60),
        st.sampled_from(["invitation", "reminder", "closed"]),
        st.sampled_from(["li@mill.example", "LI@mill.example", "li+1@mill.example", "li+2@Mill.example.", "x@y.example"]),
    ),
    max_size=40,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(ASKED, st.integers(0, 3))
async def test_no_mailbox_ever_gets_two_mails_in_a_slot_or_four_in_a_week(
    asked: list[tuple[int, str, str]], greylisted: int
) -> None:
    office = Office(MONDAY - timedelta(days=1))
    office.transport.answers = [NotNow("4.7.1", away=False)] * greylisted
    start = office.work.moment
    for minutes, kind, address in sorted(asked):
        moment = start + timedelta(minutes=minutes)
        await office.until(moment)
        await office.asked(request_mail(kind, to=address, leaves_at=SLOTS.after(moment)))
    for hours in range(5):  # what was put off is tried again
        await office.until(start + timedelta(days=21, hours=hours))
    got = Counter((attempt.address, attempt.mails[0].slot_at) for attempt, _ in office.transport.taken)
    assert set(got.values()) <= {1}
    weeks = Counter((address, slot.isocalendar()[:2]) for address, slot in got if slot)
    assert all(count <= 3 for count in weeks.values())
    assert {fact.mail_id for fact in office.sent()} == {UUID(str(one)) for one in office.work.mails.kept}
