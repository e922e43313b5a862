"""What becomes of a mail, whatever the mail server answers."""

import itertools
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from mrx_notification import handlers
from mrx_notification.domain.bounces import Bounce
from mrx_notification.domain.mails import LONGEST_PAUSE, MOST_TRIES, Attempt, Cause, Mail, RenderedMail, State
from mrx_notification.ports import NotNow, Refused
from mrx_shared.messages.notification import MailFailed, MailSent
from mrx_shared.messages.report_request import MailAsked
from mrx_shared.refusals import Rejected, Unavailable, Unknown
from mrx_shared.slots import Slots

from tests.unit.notification.asked import event, password_mail, request_mail
from tests.unit.notification.in_memory import MemoryTransport, MemoryWork, PlainRenderer

CORRELATION_ID = "a request"
SHORT = timedelta(microseconds=1)


class House:
    """Notification in memory."""

    def __init__(self) -> None:
        self.work = MemoryWork()
        self.transport = MemoryTransport()
        self.tokens = (f"token-{number}" for number in itertools.count(1))

    async def asked(self, asked: MailAsked, event_id: UUID | None = None) -> UUID:
        """report_request asks for a mail, and its slot comes."""
        event_id = event_id or uuid4()
        said = event(asked, event_id=event_id, correlation_id=CORRELATION_ID)
        await handlers.take_request_mail(said, self.work, slots=Slots(every=SHORT))
        self.work.moment += 2 * SHORT
        return event_id

    async def send(self) -> bool:
        return await handlers.send_due(
            self.work.transact,
            renderer=PlainRenderer(),
            transport=self.transport,
            new_token=lambda: next(self.tokens),
        )

    async def bounce(self, event_id: UUID, status: str = "5.1.1", *, failed: bool = True) -> Mail:
        letter_ids = [mail.letter_id for mail in self.work.mails.kept.values() if mail.event_id == event_id]
        bounce = Bounce(letter_ids=(uuid4(), *letter_ids), failed=failed, status=status)
        return await handlers.take_bounce(bounce, self.work)

    def mail(self) -> Mail:
        (mail,) = self.work.mails.kept.values()
        return mail

    def failures(self) -> list[tuple[str, str]]:
        return [(fact.cause, fact.status) for fact in self.work.said if isinstance(fact, MailFailed)]

    def sent(self) -> list[MailSent]:
        return [fact for fact in self.work.said if isinstance(fact, MailSent)]


@pytest.fixture
def house() -> House:
    return House()


async def test_the_hash_of_a_token_stands_before_the_mail_server_hears_of_the_mail(house: House) -> None:
    await house.asked(request_mail())
    known: list[bool] = []

    def look(attempt: Attempt, letter: RenderedMail) -> None:
        (mail,) = attempt.mails
        known.append(handlers.hash_of(letter.text) in house.work.mails.hashes[mail.mail_id])

    house.transport.before = look
    await house.send()
    assert known == [True]


async def test_a_mail_tried_twice_is_said_with_both_tokens(house: House) -> None:
    await house.asked(request_mail())
    house.transport.answers = [NotNow("4.4.1", away=False)]
    await house.send()
    assert house.sent() == []
    house.work.moment += timedelta(seconds=2)
    await house.send()
    (fact,) = house.sent()
    assert fact.token_hashes == [handlers.hash_of("token-1"), handlers.hash_of("token-2")]
    assert CORRELATION_ID in house.work.correlation_ids


async def test_a_mail_without_a_link_has_no_token(house: House) -> None:
    await house.asked(request_mail("ready"))
    await house.send()
    assert house.sent()[0].token_hashes == []


async def test_words_go_when_a_mail_ends_and_its_address_a_week_later(house: House) -> None:
    await house.asked(request_mail())
    await house.send()
    assert (dict(house.mail().words), house.mail().address) == ({}, "li.wei@mill.example")
    house.work.moment += timedelta(days=7)
    assert not await handlers.forget_addresses(house.work.transact)
    house.work.moment += timedelta(seconds=1)
    assert await handlers.forget_addresses(house.work.transact)
    assert house.mail().address is None


async def test_what_is_refused_for_good_is_said_and_not_tried_again(house: House) -> None:
    await house.asked(request_mail())
    house.transport.answers = [Refused("5.1.1")]
    await house.send()
    house.work.moment += timedelta(days=1)
    assert not await house.send()
    assert house.failures() == [("refused", "5.1.1")]


async def test_a_mail_refused_after_a_try_whose_answer_was_lost_is_said_with_the_token_that_may_have_arrived(
    house: House,
) -> None:
    await house.asked(request_mail())
    house.transport.answers = [NotNow("4.4.1", away=False), Refused("5.1.1")]
    await house.send()
    house.work.moment += timedelta(seconds=2)
    await house.send()
    (failed,) = [fact for fact in house.work.said if isinstance(fact, MailFailed)]
    assert handlers.hash_of("token-1") in failed.token_hashes


async def test_an_address_that_is_none_is_refused_before_anybody_is_asked(house: House) -> None:
    await house.asked(request_mail(to="nobody at home"))
    assert not await house.send()
    assert house.failures() == [("refused", "5.1.3")]


async def test_pauses_grow_and_after_about_a_day_a_mail_is_given_up(house: House) -> None:
    await house.asked(request_mail())
    began = house.work.moment
    pauses = []
    while house.mail().state is State.WAITING:
        house.transport.answers = [NotNow("4.7.1", away=False)]
        before = house.work.moment
        await house.send()
        house.work.moment = max(house.mail().due_at, before)
        pauses.append(house.work.moment - before)
    *pauses, _ = pauses
    assert len(pauses) == MOST_TRIES
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (timedelta(seconds=2), LONGEST_PAUSE)
    assert timedelta(hours=20) < house.work.moment - began < timedelta(hours=28)
    assert house.failures() == [("given-up", "4.7.1")]


async def test_one_mails_trouble_keeps_no_other_waiting(house: House) -> None:
    await house.asked(request_mail())
    await house.asked(request_mail())
    house.transport.answers = [NotNow("4.7.1", away=False)]
    await house.send()
    assert len(house.transport.taken) == 1


async def test_a_mail_that_cannot_be_written_is_counted_and_steps_aside(house: House) -> None:
    await house.asked(request_mail())
    house.transport.answers = [ValueError("a letter that no template fits")]
    with pytest.raises(ValueError, match="no template"):
        await house.send()
    assert not await house.send()
    assert house.mail().tries == 1


async def test_a_mail_server_that_is_away_is_told_and_every_mail_waits(house: House) -> None:
    await house.asked(request_mail())
    house.transport.answers = [NotNow("4.4.1", away=True)]
    with pytest.raises(Unavailable):
        await house.send()
    assert (house.mail().state, house.mail().status) == (State.WAITING, "4.4.1")


async def test_only_one_process_sends(house: House) -> None:
    await house.asked(request_mail())
    house.work.mails.others_send = True
    assert not await house.send()
    assert house.transport.taken == []


async def test_a_mail_that_comes_back_is_said_once(house: House) -> None:
    event_id = await house.asked(request_mail())
    await house.send()
    for _ in range(2):
        assert (await house.bounce(event_id)).state is State.FAILED
    assert house.failures() == [("bounced", "5.1.1")]


async def test_a_notice_of_delay_or_delivery_changes_nothing(house: House) -> None:
    event_id = await house.asked(request_mail())
    await house.send()
    assert (await house.bounce(event_id, "4.4.7", failed=False)).state is State.SENT
    assert house.failures() == []


async def test_a_mail_that_comes_back_before_its_sending_is_noted_stays_failed(house: House) -> None:
    event_id = await house.asked(request_mail())
    (attempt,) = await handlers.begin(house.work, new_token=lambda: "t")
    assert attempt is not None
    await house.bounce(event_id)
    mail_id = attempt.mails[0].mail_id
    await handlers.note_sent(mail_id, house.work)
    await handlers.note_refused(mail_id, house.work, cause=Cause.REFUSED, status="5.0.0")
    await handlers.note_delay(mail_id, house.work, status="4.0.0")
    assert (house.sent(), house.failures()) == ([], [("bounced", "5.1.1")])


async def test_a_notice_about_a_mail_of_somebody_else_is_refused(house: House) -> None:
    with pytest.raises(Unknown):
        await house.bounce(uuid4())


async def test_one_mail_is_not_asked_for_twice(house: House) -> None:
    asked = request_mail()
    await house.asked(asked)
    with pytest.raises(Rejected) as refused:
        await house.asked(asked)
    assert refused.value.field == "mail_id"


async def test_a_password_mail_is_about_its_principal(house: House) -> None:
    asked = password_mail("welcome")
    await handlers.take_registry_mail(event(asked), house.work)
    await house.send()
    (fact,) = house.sent()
    assert (fact.asked_by, fact.about, fact.kind) == ("registry", asked.principal_id, "welcome")


async def test_no_fact_carries_an_address_a_name_or_a_token(house: House) -> None:
    await house.asked(request_mail())
    await house.asked(request_mail())
    house.transport.answers = [Refused("5.1.1")]
    await house.send()
    told = "".join(fact.model_dump_json() for fact in house.work.said)
    for secret in ("mill.example", "Li Wei", "Acme", "Sunrise", "token-1", "token-2", "S-0042"):
        assert secret not in told
