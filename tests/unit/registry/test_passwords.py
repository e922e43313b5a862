"""People sign in with an address and a password, stay signed in for a while, and find back when they forgot."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from mrx_registry.domain.principals import Audience, Credential, Kind, Role
from mrx_registry.domain.sign_in import check_password, email_digest, email_from, token_hash
from mrx_registry.handlers import access, admission, sign_in
from mrx_shared.messages.notification import MailFailed, MailSent
from mrx_shared.messages.registry import PasswordMailAsked
from mrx_shared.refusals import Forbidden, Invalid, Rejected, Unknown
from typing_extensions import override

from tests.unit.registry.conftest import Acts
from tests.unit.registry.memory import MemoryWork, PlainSecrets, PlainTokens

EMAIL = "Ada.Byron@Acme.example"
PASSWORD = "correct horse battery staple"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class Person:
    """A person at the door of a registry in memory."""

    def __init__(self, work: MemoryWork, credential: Credential) -> None:
        self.work, self.credential = work, credential
        self.secrets, self.tokens = PlainSecrets(), PlainTokens()

    @property
    def id(self) -> UUID:
        return self.credential.principal_id

    async def chooses(self, password: str = PASSWORD, email: str = EMAIL) -> None:
        """The person sets address and password itself."""
        kept = await sign_in.chosen_password(password, email=email, secrets=self.secrets)
        new = sign_in.NewSignIn(email=email, language="en", password_hash=kept)
        await sign_in.set_sign_in(self.id, new, self.work, by=str(self.id), by_secretariat=False)

    async def is_let_in(self, email: str = EMAIL, language: str = "es") -> PasswordMailAsked:
        """The secretariat states the address. Gives the mail that is asked for."""
        new = sign_in.NewSignIn(email=email, language=language)
        await sign_in.set_sign_in(self.id, new, self.work, by="the secretariat", by_secretariat=True)
        return self.mails()[-1]

    async def signs_in(self, password: str = PASSWORD, email: str = EMAIL) -> str:
        token, _ = await sign_in.sign_in(email, password, self.work.transact, secrets=self.secrets)
        return token

    async def forgets(self, email: str = EMAIL) -> PasswordMailAsked | None:
        """Gives the mail that was asked for, if any was."""
        before = len(self.mails())
        await sign_in.wish_for_password(email, self.work)
        await sign_in.send_wished_links(self.work.transact)
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
        await sign_in.expect_tokens(sent, self.work)

    async def redeems(self, token: str, password: str = PASSWORD) -> None:
        await sign_in.redeem(token, password, self.work.transact, secrets=self.secrets)

    async def is_signed_in(self, token: str) -> bool:
        try:
            await sign_in.who_is_signed_in(token, self.work)
        except sign_in.SignedOut:
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
    seen = await sign_in.who_is_signed_in(token, work)
    assert (seen.principal.id, seen.member_name) == (ada.id, "Acme")
    assert token not in work.sessions.kept


async def test_a_session_gives_tokens_for_one_service_at_a_time(ada: Person, work: MemoryWork) -> None:
    await ada.chooses()
    session = await ada.signs_in()
    await sign_in.token_from_session(session, Audience.REPORT_REQUEST, work, tokens=ada.tokens)
    (claims,) = ada.tokens.signed
    assert (claims.principal_id, claims.audience) == (ada.id, Audience.REPORT_REQUEST)
    assert claims.member_id == ada.credential.member_id
    await sign_in.sign_out(session, work)
    with pytest.raises(sign_in.SignedOut):
        await sign_in.token_from_session(session, Audience.REPORT_REQUEST, work, tokens=ada.tokens)


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
    with pytest.raises(sign_in.TooManyGuesses) as refused:
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
    with pytest.raises(sign_in.TooManyGuesses):
        await ada.signs_in("wrong", "Nobody@acme.example")


async def test_guesses_of_many_addresses_are_slowed_down_together(ada: Person, work: MemoryWork) -> None:
    await ada.chooses()
    for number in range(100):
        with pytest.raises(access.Unproved):
            await ada.signs_in("wrong", f"person-{number}@acme.example")
    with pytest.raises(sign_in.TooManyGuesses):
        await ada.signs_in()
    work.moment += MINUTE
    await ada.signs_in()


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
    with pytest.raises(Unknown, match="ended"):
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
    await sign_in.expect_tokens(failed, ada.work)
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


async def test_a_repeated_welcome_leaves_password_and_sessions_alone(ada: Person) -> None:
    await ada.chooses()
    session = await ada.signs_in()
    await ada.is_let_in(EMAIL)
    assert await ada.is_signed_in(session)
    await ada.signs_in()


async def test_the_secretariat_chooses_nobodys_password_and_nobody_sets_anothers_sign_in(
    ada: Person, work: MemoryWork
) -> None:
    new = sign_in.NewSignIn(email=EMAIL, language="en", password_hash="kept:p")
    with pytest.raises(Forbidden) as refused:
        await sign_in.set_sign_in(ada.id, new, work, by="the secretariat", by_secretariat=True)
    assert refused.value.field == "password"
    with pytest.raises(Unknown):
        await sign_in.set_sign_in(ada.id, new, work, by=str(uuid4()), by_secretariat=False)


async def test_a_system_signs_in_with_no_password(work: MemoryWork) -> None:
    system = await person_of(work, None, Kind.SYSTEM)
    with pytest.raises(Rejected, match="only people"):
        await system.is_let_in()


async def test_a_password_changed_while_it_is_compared_opens_nothing(ada: Person, work: MemoryWork) -> None:
    await ada.chooses()

    class Slow(PlainSecrets):
        @override
        async def match(self, secret: str, kept: str | None) -> bool:
            await ada.chooses("changed in the meantime")
            return await super().match(secret, kept)

    with pytest.raises(access.Unproved):
        await sign_in.sign_in(EMAIL, PASSWORD, work.transact, secrets=Slow())


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("eleven char", "fewer than 12"),
        ("x" * 201, "more than 200"),
        ("ada.byron@acme.EXAMPLE", "e-mail address"),
        ("Password1234", "commonest"),
        ("ababababababab", "commonest"),
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
