"""People sign in with an address and a password, stay signed in for a while, and find back when they forgot."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from mrx_registry.domain.principals import Audience, Credential, Kind, Role
from mrx_registry.domain.sign_in import Browsers, check_password, email_digest, email_from, token_hash
from mrx_registry.handlers import access, admission, password_links, passwords, sessions, throttling
from mrx_shared.messages.notification import MailFailed, MailSent
from mrx_shared.messages.registry import PasswordMailAsked
from mrx_shared.refusals import Forbidden, Invalid, Rejected, Unknown
from typing_extensions import override

from tests.unit.registry.conftest import Acts
from tests.unit.registry.memory import MemoryWork, PlainSecrets, PlainTokens

EMAIL = "Ada.Byron@Acme.example"
PASSWORD = "correct horse battery staple"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
BROWSERS = Browsers(b"a key for tests")


class Person:
    """A person at the door of a registry in memory."""

    def __init__(self, work: MemoryWork, credential: Credential) -> None:
        self.work, self.credential = work, credential
        self.secrets, self.tokens = PlainSecrets(), PlainTokens()

    @property
    def id(self) -> UUID:
        return self.credential.principal_id

    async def chooses(self, password: str = PASSWORD, email: str = EMAIL) -> None:
        """The secretariat states the address, and the person, known by its client secret, chooses a password."""
        await self.is_let_in(email)
        await self.chooses_first(password)
        self.work.moment += HOUR  # and what was mailed counts no more

    async def chooses_first(self, password: str = PASSWORD, *, by: str | None = None) -> None:
        by = by or str(self.id)
        kept = await passwords.first_password(self.id, password, secrets=self.secrets, by=by)
        await passwords.choose_first(self.id, password, kept, self.work, by=by)

    async def changes(self, session: str, current: str, password: str) -> None:
        await passwords.change_password(session, current, password, self.work.transact, secrets=self.secrets)

    async def is_let_in(self, email: str = EMAIL, language: str = "es") -> PasswordMailAsked:
        """The secretariat states the address. Gives the mail that is asked for."""
        new = password_links.NewSignIn(email=email, language=language, unusable_hash="kept:nobody's")
        await password_links.set_sign_in(self.id, new, self.work)
        return self.mails()[-1]

    async def signs_in(self, password: str = PASSWORD, email: str = EMAIL) -> str:
        return (await self.begins(password, email)).session

    async def begins(
        self, password: str = PASSWORD, email: str = EMAIL, browser: str | None = None
    ) -> sessions.Begun:
        return await sessions.sign_in(
            email, password, self.work.transact, secrets=self.secrets, browsers=BROWSERS, browser=browser
        )

    async def is_locked_out_by_a_stranger(self, email: str = EMAIL) -> None:
        for _ in range(10):
            with pytest.raises(access.Unproved):
                await self.signs_in("a wrong password", email)
        with pytest.raises(throttling.TooManyGuesses):
            await self.signs_in(email=email)

    async def forgets(self, email: str = EMAIL) -> PasswordMailAsked | None:
        """Gives the mail that was asked for, if any was."""
        before = len(self.mails())
        await password_links.request_reset(email, self.work)
        await password_links.send_requested_links(self.work.transact)
        return self.mails()[before] if len(self.mails()) > before else None

    async def receives(self, mail: PasswordMailAsked, *tokens: str) -> None:
        """Notification says that the mail went out, with these tokens."""
        sent = MailSent(
            mail_id=mail.mail_id,
            kind=mail.kind,
            asked_by="registry",
            about=mail.principal_id,
            token_hashes=[token_hash(token) for token in tokens],
            sent_at=self.work.now,
        )
        await password_links.expect_tokens(sent, self.work)

    async def redeems(self, token: str, password: str = PASSWORD) -> str:
        return await password_links.redeem(
            token, password, self.work.transact, secrets=self.secrets, browsers=BROWSERS
        )

    async def is_signed_in(self, token: str) -> bool:
        try:
            await sessions.who_is_signed_in(token, self.work)
        except sessions.SignedOut:
            return False
        return True

    def mails(self) -> list[PasswordMailAsked]:
        return [fact for fact in self.work.said if isinstance(fact, PasswordMailAsked)]


async def person_of(work: MemoryWork, member_id: UUID | None, kind: Kind = Kind.PERSON) -> Person:
    role = Role.MEMBER if member_id else Role.REVIEWER
    asked = access.NewPrincipal(kind=kind, name="Ada Byron", role=role, member_id=member_id)
    return Person(work, await access.create_principal(asked, "kept:s", work))


@pytest.fixture
async def ada(work: MemoryWork, acts: Acts) -> Person:
    return await person_of(work, (await acts.admitted()).id)


async def test_a_person_signs_in_with_address_and_password_however_the_address_is_written(
    ada: Person, work: MemoryWork
) -> None:
    await ada.chooses()
    token = await ada.signs_in(email="  ada.byron@ACME.example ")
    seen = await sessions.who_is_signed_in(token, work)
    assert (seen.principal.id, seen.member_name) == (ada.id, "Acme")
    assert token not in work.sessions.kept


async def test_a_session_gives_tokens_for_one_service_at_a_time(ada: Person, work: MemoryWork) -> None:
    await ada.chooses()
    session = await ada.signs_in()
    await sessions.token_from_session(session, Audience.REPORT_REQUEST, work, tokens=ada.tokens)
    (claims,) = ada.tokens.signed
    assert (claims.principal_id, claims.audience) == (ada.id, Audience.REPORT_REQUEST)
    assert claims.member_id == ada.credential.member_id
    await sessions.sign_out(session, work)
    with pytest.raises(sessions.SignedOut):
        await sessions.token_from_session(session, Audience.REPORT_REQUEST, work, tokens=ada.tokens)


async def test_an_unknown_address_is_answered_like_a_wrong_password_after_the_same_comparison(
    ada: Person,
) -> None:
    await ada.chooses()
    reasons = []
    for email in (EMAIL, "nobody@acme.example"):
        with pytest.raises(access.Unproved) as refused:
            await ada.signs_in("wrong", email)
        reasons.append((refused.value.reason, refused.value.field, refused.value.remedy))
    assert reasons[0] == reasons[1]
    assert ada.secrets.compared == [f"kept:{PASSWORD}", None]


async def test_nobody_signs_in_before_a_password_was_chosen(ada: Person) -> None:
    await ada.is_let_in()
    for guess in ("", "None", "kept:"):
        with pytest.raises(access.Unproved):
            await ada.signs_in(guess)


async def test_a_session_ends_after_half_a_day_without_use_and_after_a_week_in_any_case(
    ada: Person, work: MemoryWork
) -> None:
    await ada.chooses()
    idle, busy = await ada.signs_in(), await ada.signs_in()
    began = work.moment
    for hours in range(11, 7 * 24, 11):
        work.moment = began + timedelta(hours=hours)
        assert await ada.is_signed_in(busy)
    work.moment = began + 12 * HOUR
    assert not await ada.is_signed_in(idle)
    work.moment = began + 7 * DAY
    assert not await ada.is_signed_in(busy)


async def test_the_eleventh_guess_within_a_quarter_of_an_hour_is_not_even_compared(
    ada: Person, work: MemoryWork
) -> None:
    await ada.chooses()
    for _ in range(10):
        with pytest.raises(access.Unproved):
            await ada.signs_in("a wrong password")
        work.moment += MINUTE
    compared = len(ada.secrets.compared)
    with pytest.raises(throttling.TooManyGuesses) as refused:
        await ada.signs_in()
    assert len(ada.secrets.compared) == compared
    assert refused.value.seconds == 5 * 60
    work.moment += 5 * MINUTE
    await ada.signs_in()
    assert work.sign_ins.tried == []


async def test_guesses_of_an_unknown_address_are_counted_too(ada: Person) -> None:
    for _ in range(10):
        with pytest.raises(access.Unproved):
            await ada.signs_in("wrong", "nobody@acme.example")
    with pytest.raises(throttling.TooManyGuesses):
        await ada.signs_in("wrong", "Nobody@acme.example")


async def test_a_stranger_who_guesses_at_many_addresses_locks_nobody_out(ada: Person) -> None:
    await ada.chooses()
    for number in range(300):
        with pytest.raises(access.Unproved):
            await ada.signs_in("wrong", f"person-{number}@acme.example")
    await ada.signs_in()


async def test_a_stranger_locks_nobody_out_of_a_browser_that_was_signed_in_from(ada: Person) -> None:
    await ada.chooses()
    known = (await ada.begins()).browser
    await ada.is_locked_out_by_a_stranger()
    again = await ada.begins(browser=known)
    assert await ada.is_signed_in(again.session)
    with pytest.raises(throttling.TooManyGuesses):
        await ada.signs_in()
    for _ in range(10):
        with pytest.raises(access.Unproved):
            await ada.begins("a wrong password", browser=known)
    with pytest.raises(throttling.TooManyGuesses):
        await ada.begins(browser=known)


async def test_a_browser_is_known_for_180_days_after_the_last_sign_in_there(
    ada: Person, work: MemoryWork
) -> None:
    await ada.chooses()
    known = (await ada.begins()).browser
    work.moment += 179 * DAY
    await ada.is_locked_out_by_a_stranger()
    later = (await ada.begins(browser=known)).browser
    work.moment += 2 * DAY
    await ada.is_locked_out_by_a_stranger()
    with pytest.raises(throttling.TooManyGuesses):
        await ada.begins(browser=known)
    day, _, rest = known.partition(".")
    with pytest.raises(throttling.TooManyGuesses):
        await ada.begins(browser=f"{int(day) + 100}.{rest}")
    await ada.begins(browser=later)


async def test_a_browser_is_known_for_the_address_alone_that_was_signed_in_with(
    ada: Person, work: MemoryWork
) -> None:
    eda = await person_of(work, None)
    await eda.chooses(email="eda@mrx.example")
    of_eda = (await eda.begins(email="eda@mrx.example")).browser
    await ada.chooses()
    await ada.is_locked_out_by_a_stranger()
    said, _, seal = of_eda.rpartition(".")
    for forged in (
        of_eda,
        "",
        ".",
        "ä",
        f"{said}x.{seal}",
        Browsers(b"other").mark(email_digest(EMAIL), "n", now=work.moment),
    ):
        with pytest.raises(throttling.TooManyGuesses):
            await ada.begins(browser=forged)


async def test_a_mailed_link_lets_in_whomever_a_stranger_locks_out(ada: Person) -> None:
    await ada.chooses()
    await ada.is_locked_out_by_a_stranger()
    mail = await ada.forgets()
    assert mail is not None
    await ada.receives(mail, "token-1")
    known = await ada.redeems("token-1", "another fine password")
    await ada.is_locked_out_by_a_stranger()
    await ada.begins("another fine password", browser=known)


async def test_whoever_is_sent_no_more_links_was_sent_one_that_works(ada: Person, work: MemoryWork) -> None:
    await ada.chooses()
    newest = ""
    for number in range(3 * 60):
        mail = await ada.forgets()
        if mail is not None:
            newest = f"token-{number}"
            await ada.receives(mail, newest)
        assert await work.password_links.redeemable(token_hash(newest))
        work.moment += MINUTE


async def test_disabled_people_and_those_of_suspended_members_are_signed_out_and_stay_out(
    ada: Person, work: MemoryWork
) -> None:
    await ada.chooses()
    assert ada.credential.member_id is not None
    session = await ada.signs_in()
    await admission.suspend(ada.credential.member_id, work)
    assert not await ada.is_signed_in(session)
    with pytest.raises(Forbidden, match="suspended"):
        await ada.signs_in()
    assert await ada.forgets() is None
    await admission.reinstate(ada.credential.member_id, work)
    assert not await ada.is_signed_in(session)
    session = await ada.signs_in()
    await access.disable(ada.id, "another", work)
    assert not await ada.is_signed_in(session)
    assert work.sessions.kept == {}
    with pytest.raises(Forbidden, match="disabled"):
        await ada.signs_in()
    assert await ada.forgets() is None


async def test_whoever_the_secretariat_lets_in_is_sent_a_link_that_holds_a_week(
    ada: Person, work: MemoryWork
) -> None:
    mail = await ada.is_let_in()
    assert (mail.kind, mail.to, mail.to_name, mail.language) == ("welcome", EMAIL, "Ada Byron", "es")
    assert mail.valid_minutes == 7 * 24 * 60
    await ada.receives(mail, "token-1")
    work.moment += 7 * DAY - MINUTE
    await ada.redeems("token-1")
    await ada.signs_in()


async def test_a_forgotten_password_is_replaced_by_a_link_that_works_once_for_half_an_hour(
    ada: Person, work: MemoryWork
) -> None:
    await ada.chooses()
    session = await ada.signs_in()
    mail = await ada.forgets("ADA.byron@acme.example")
    assert mail is not None
    assert (mail.kind, mail.to, mail.valid_minutes) == ("password-reset", EMAIL, 30)
    with pytest.raises(Unknown):
        await ada.redeems("token-1", "another fine password")
    await ada.receives(mail, "token-1", "token-2")
    assert await ada.is_signed_in(session)
    await ada.redeems("token-2", "another fine password")
    assert not await ada.is_signed_in(session)
    with pytest.raises(access.Unproved):
        await ada.signs_in()
    await ada.signs_in("another fine password")
    for token in ("token-1", "token-2"):
        with pytest.raises(Unknown, match="used"):
            await ada.redeems(token, "a third fine password")
    late = await ada.forgets()
    assert late is not None
    await ada.receives(late, "token-3")
    work.moment += 30 * MINUTE
    with pytest.raises(Unknown, match="expired"):
        await ada.redeems("token-3", "a third fine password")


async def test_a_link_of_a_mail_that_failed_after_a_try_whose_answer_was_lost_works(ada: Person) -> None:
    mail = await ada.is_let_in()
    failed = MailFailed(
        mail_id=mail.mail_id,
        kind=mail.kind,
        asked_by="registry",
        about=mail.principal_id,
        cause="refused",
        status="5.1.1",
        token_hashes=[token_hash("arrived")],
        failed_at=ada.work.now,
    )
    await password_links.expect_tokens(failed, ada.work)
    await ada.redeems("arrived")
    assert await ada.is_signed_in(await ada.signs_in())


async def test_one_new_password_uses_up_every_link_that_is_about(ada: Person) -> None:
    await ada.chooses()
    first, second = await ada.forgets(), await ada.forgets()
    assert first is not None
    assert second is not None
    await ada.receives(first, "token-1")
    await ada.redeems("token-1")
    await ada.receives(second, "token-2")
    with pytest.raises(Unknown):
        await ada.redeems("token-2")


async def test_a_weak_password_does_not_use_up_the_link(ada: Person) -> None:
    mail = await ada.is_let_in()
    await ada.receives(mail, "token-1")
    with pytest.raises(Invalid):
        await ada.redeems("token-1", "password1234")
    await ada.redeems("token-1")


async def test_wishes_for_an_address_that_nobody_has_send_nothing(ada: Person, work: MemoryWork) -> None:
    assert await ada.forgets("nobody@acme.example") is None
    assert work.password_links.wishes == []


async def test_nobodys_mailbox_is_flooded_with_links(ada: Person, work: MemoryWork) -> None:
    await ada.chooses()
    assert [await ada.forgets() is not None for _ in range(7)] == [True] * 5 + [False] * 2
    work.moment += HOUR
    assert await ada.forgets() is not None


async def test_nor_with_welcomes_which_count_with_the_others_whomever_they_welcome(
    ada: Person, work: MemoryWork
) -> None:
    await ada.is_let_in()
    assert await ada.forgets() is not None
    await ada.is_let_in("elsewhere@acme.example")
    eda = await person_of(work, None)
    for _ in range(3):
        await eda.is_let_in()
    with pytest.raises(Rejected) as refused:
        await eda.is_let_in()
    assert (refused.value.field, bool(refused.value.remedy)) == ("email", True)
    await ada.is_let_in("elsewhere@acme.example")
    work.moment += HOUR
    await eda.is_let_in()


async def test_no_two_people_sign_in_with_one_address(ada: Person, work: MemoryWork) -> None:
    await ada.chooses()
    other = await person_of(work, None)
    with pytest.raises(Rejected) as refused:
        await other.is_let_in(EMAIL.upper())
    assert (refused.value.field, bool(refused.value.remedy)) == ("email", True)


async def test_another_address_ends_the_password_and_the_sessions_that_went_with_the_old_one(
    ada: Person,
) -> None:
    await ada.chooses()
    session = await ada.signs_in()
    await ada.is_let_in("ada@acme.example")
    assert not await ada.is_signed_in(session)
    for email in (EMAIL, "ada@acme.example"):
        with pytest.raises(access.Unproved):
            await ada.signs_in(email=email)
    with pytest.raises(
        Rejected, match="already been chosen"
    ):  # whoever has a token yet brings the old one not back
        await ada.chooses_first()


async def test_a_repeated_welcome_leaves_password_and_sessions_alone(ada: Person) -> None:
    await ada.chooses()
    session = await ada.signs_in()
    await ada.is_let_in(EMAIL)
    assert await ada.is_signed_in(session)
    await ada.signs_in()


async def test_nobody_chooses_anothers_first_password_nor_one_without_an_address_nor_a_second(
    ada: Person,
) -> None:
    with pytest.raises(Rejected, match="no address"):
        await ada.chooses_first()
    await ada.is_let_in()
    with pytest.raises(Unknown):
        await ada.chooses_first(by=str(uuid4()))
    await ada.chooses_first()
    with pytest.raises(Rejected, match="already been chosen"):
        await ada.chooses_first("another fine password")
    await ada.signs_in()


async def test_a_person_changes_its_password_with_the_one_that_it_has_and_its_other_sessions_end(
    ada: Person,
) -> None:
    await ada.chooses()
    other, session = await ada.signs_in(), await ada.signs_in()
    mail = await ada.forgets()
    assert mail is not None
    await ada.receives(mail, "token-1")
    for current, password in (("a wrong password", "another fine password"), (PASSWORD, "password1234")):
        with pytest.raises(Invalid) as refused:
            await ada.changes(session, current, password)
        assert refused.value.remedy
    assert await ada.is_signed_in(other)
    await ada.changes(session, PASSWORD, "another fine password")
    assert await ada.is_signed_in(session)
    assert not await ada.is_signed_in(other)
    with pytest.raises(Unknown):
        await ada.redeems("token-1")
    with pytest.raises(access.Unproved):
        await ada.signs_in()
    await ada.signs_in("another fine password")
    with pytest.raises(sessions.SignedOut):
        await ada.changes(other, "another fine password", "a third fine password")


async def test_wrong_current_passwords_are_counted_apart_from_tries_to_sign_in(ada: Person) -> None:
    await ada.chooses()
    session = await ada.signs_in()
    for _ in range(10):
        with pytest.raises(Invalid) as refused:
            await ada.changes(session, "a wrong password", "another fine password")
        assert refused.value.field == "current_password"
    with pytest.raises(throttling.TooManyGuesses):
        await ada.changes(session, PASSWORD, "another fine password")
    await ada.signs_in()
    mail = await ada.forgets()
    assert mail is not None
    await ada.receives(mail, "token-1")
    await ada.redeems("token-1", "another fine password")
    await ada.changes(await ada.signs_in("another fine password"), "another fine password", PASSWORD)


async def test_a_change_that_was_done_and_is_asked_for_again_is_done_and_no_wrong_try(
    ada: Person, work: MemoryWork
) -> None:
    await ada.chooses()
    session = await ada.signs_in()
    for _ in range(12):
        await ada.changes(session, PASSWORD, "another fine password")
    assert work.sign_ins.tried == []
    await ada.signs_in("another fine password")
    for number in range(10):
        with pytest.raises(Invalid, match="not your password"):
            await ada.changes(session, PASSWORD, f"a guessed password {number}")
    with pytest.raises(throttling.TooManyGuesses):
        await ada.changes(session, PASSWORD, "another fine password")


async def test_a_stranger_keeps_nobody_who_is_signed_in_from_changing_the_password(ada: Person) -> None:
    await ada.chooses()
    session = await ada.signs_in()
    await ada.is_locked_out_by_a_stranger()
    await ada.changes(session, PASSWORD, "another fine password")
    await ada.signs_in("another fine password")


async def test_a_session_does_not_become_a_secret_that_outlives_it(ada: Person, work: MemoryWork) -> None:
    await access.replace_secret(ada.id, "kept:own", work, by=str(ada.id), by_secretariat=False)
    await ada.chooses()
    with pytest.raises(Forbidden):
        await access.replace_secret(ada.id, "kept:stolen", work, by=str(ada.id), by_secretariat=False)
    await access.replace_secret(ada.id, "kept:new", work, by="the secretariat", by_secretariat=True)


async def test_a_system_signs_in_with_no_password(work: MemoryWork) -> None:
    system = await person_of(work, None, Kind.SYSTEM)
    with pytest.raises(Rejected, match="only people"):
        await system.is_let_in()


class Slow(PlainSecrets):
    """While a password is compared, the person sets another one with a mailed link."""

    def __init__(self, person: Person, token: str, password: str) -> None:
        super().__init__()
        self.person, self.token, self.password = person, token, password

    @override
    async def match(self, secret: str, kept: str | None) -> bool:
        if not self.compared:
            await self.person.redeems(self.token, self.password)
        return await super().match(secret, kept)


@pytest.fixture
async def slow(ada: Person) -> Slow:
    await ada.chooses()
    mail = await ada.forgets()
    assert mail is not None
    await ada.receives(mail, "token-1")
    return Slow(ada, "token-1", "changed in the meantime")


async def test_a_password_changed_while_it_is_compared_opens_nothing(work: MemoryWork, slow: Slow) -> None:
    with pytest.raises(access.Unproved):
        await sessions.sign_in(EMAIL, PASSWORD, work.transact, secrets=slow, browsers=BROWSERS)


async def test_nor_is_a_change_called_done_whose_password_was_replaced_meanwhile(
    ada: Person, work: MemoryWork, slow: Slow
) -> None:
    session = await ada.signs_in()
    with pytest.raises(Rejected, match="a moment ago"):
        await passwords.change_password(session, "a wrong password", PASSWORD, work.transact, secrets=slow)


async def test_nor_is_it_changed_once_more(ada: Person, work: MemoryWork, slow: Slow) -> None:
    session = await ada.signs_in()
    with pytest.raises(Rejected, match="a moment ago"):
        await passwords.change_password(
            session, PASSWORD, "a third fine password", work.transact, secrets=slow
        )
    await ada.signs_in("changed in the meantime")


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("eleven char", "fewer than 12"),
        ("x" * 201, "more than 200"),
        ("ada.byron@acme.EXAMPLE", "e-mail address"),
        ("Password1234", "very common"),
        ("ababababababab", "very common"),
    ],
)
def test_a_password_that_would_be_guessed_is_refused_with_a_remedy(password: str, why: str) -> None:
    with pytest.raises(Invalid, match=why) as refused:
        check_password(password, email=EMAIL)
    assert refused.value.field == "password"
    assert refused.value.remedy


@pytest.mark.parametrize(
    "words", ["", "ada", "ada@acme", "ada@acme.example\nBcc: x@y.example", "a b@c.example", "a@b@c.example"]
)
def test_what_is_no_address_is_refused(words: str) -> None:
    with pytest.raises(Invalid) as refused:
        email_from(words)
    assert refused.value.field == "email"


def test_addresses_that_differ_in_case_alone_are_one() -> None:
    assert email_digest("STRASSE@acme.example") == email_digest("straße@ACME.example")
    assert email_digest("ada@acme.example") != email_digest("eda@acme.example")
