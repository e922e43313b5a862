"""People sign in, stay signed in for a while, and choose their passwords."""

import math
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from mrx_shared.messages.notification import MailFailed, MailSent
from mrx_shared.messages.registry import PasswordMailAsked
from mrx_shared.refusals import Forbidden, Invalid, Rejected, Unknown

from mrx_registry.domain.principals import Audience, Kind, Principal
from mrx_registry.domain.sign_in import (
    GUESSES,
    GUESSES_WITHIN,
    LINKS,
    LINKS_WITHIN,
    VALID,
    Browsers,
    PasswordLink,
    Session,
    SignIn,
    Why,
    check_password,
    counted_for,
    email_digest,
    email_from,
    password_from,
    token_hash,
)
from mrx_registry.handlers.access import Unproved, issue_token
from mrx_registry.ports import Secrets, Tokens, Transact, Work

SEEN_EVERY: Final = timedelta(minutes=1)
WISHES_AT_ONCE: Final = 20


class TooManyGuesses(Exception):
    """This address was tried too often, or this browser tried too often."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__("too many sign-ins failed")
        self.seconds = max(1, math.ceil(wait.total_seconds()))


class SignedOut(Rejected):
    """The session has ended, or never was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Somebody who is signed in."""

    session: Session
    principal: Principal
    member_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A session that began. Its token is shown once; the browser keeps its mark for the next time."""

    session: str = field(repr=False)
    browser: str = field(repr=False)
    seen: Seen


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSignIn:
    """How a person shall sign in. `nobodys` is the hash of a secret that nobody was told."""

    email: str = field(repr=False)
    language: str
    nobodys: str = field(repr=False)


async def set_sign_in(principal_id: UUID, asked: NewSignIn, work: Work) -> Principal:
    """Let a person sign in with an address, which is the secretariat's to state; it is sent a link to choose a password.

    Another address ends every session. A password that was chosen before opens nothing any more, and a mailed link
    alone replaces it.
    """
    credential = await work.principals.credential_of(principal_id)
    if credential.disabled:
        raise Rejected("this principal is disabled", field="principal_id", remedy="make a new principal")
    email = email_from(asked.email)
    known = await work.sign_ins.of(principal_id)
    digest = email_digest(email)
    same = known is not None and known.email_digest == digest
    async with work.concerning(credential.member_id):
        principal = replace(await work.principals.get(principal_id), email=email, language=asked.language)
        if principal.kind is not Kind.PERSON:
            raise Rejected(
                "only people sign in with a password",
                field="principal_id",
                remedy="a system uses its client id and secret",
            )
        await work.principals.reach(principal_id, email=email, language=asked.language)
    chosen = known.password_hash if known else None
    sign_in = SignIn(
        principal_id=principal_id,
        member_id=credential.member_id,
        email_digest=digest,
        password_hash=chosen if same or chosen is None else asked.nobodys,
    )
    if not await work.sign_ins.keep(sign_in):
        raise Rejected(
            "this address cannot be used", field="email", remedy="give one that nobody else signs in with"
        )
    if not same:
        await work.sessions.end_of_principal(principal_id)
        await work.password_links.use_up(principal_id)
    if not await _send_link(principal, Why.WELCOME, work):
        raise Rejected(
            f"this address was sent {LINKS} links within half an hour",
            field="email",
            remedy="let the person use the newest of them, or wait half an hour",
        )
    return principal


async def first_password(principal_id: UUID, password: str, *, secrets: Secrets, by: str) -> str:
    """What is kept of a first password. Looks nothing up, as a repetition finds the password chosen already.

    Raises `Unknown` for another's, `Invalid` for one that would be guessed.
    """
    _own(principal_id, by=by)
    return await chosen_password(password, "", secrets=secrets)


async def choose_first(principal_id: UUID, password: str, kept: str, work: Work, *, by: str) -> None:
    """A person who is known by its client secret, and has an address, chooses its first password.

    Links that it was sent are used up. Raises `Unknown`, `Rejected`, `Invalid`.
    """
    _own(principal_id, by=by)
    known = await work.sign_ins.of(principal_id)
    if known is None:
        raise Rejected(
            "this principal has no address to sign in with",
            field="principal_id",
            remedy="ask the secretariat",
        )
    if known.password_hash is not None:
        raise Rejected(
            "a password was chosen already",
            field="password",
            remedy="change it where you are signed in, or use 'Forgot your password?'",
        )
    async with work.concerning(known.member_id):
        principal = await work.principals.get(principal_id)
    check_password(password_from(password), email=principal.email or "")
    await work.sign_ins.keep(replace(known, password_hash=kept))
    await work.password_links.use_up(principal_id)


def _own(principal_id: UUID, *, by: str) -> None:
    if by != str(principal_id):
        raise Unknown("there is no such principal, or not for you", field="principal_id")


async def chosen_password(password: str, email: str, *, secrets: Secrets) -> str:
    """What is kept of a password that somebody chose. Raises `Invalid` for one that would be guessed."""
    plain = password_from(password)
    check_password(plain, email=email)
    return await secrets.hash(plain)


async def change_password(
    token: str, current: str, password: str, transact: Transact, *, secrets: Secrets
) -> None:
    """Whoever is signed in and knows the password replaces it; its other sessions end, and links are used up.

    One who asks again for a change that was done is answered alike. Wrong ones are counted for the person, apart from
    tries to sign in, which strangers make too. Raises `SignedOut`, `Invalid`, `TooManyGuesses`.
    """
    seen = await transact(partial(who_is_signed_in, token))
    check_password(password_from(password), email=seen.principal.email or "")
    known = await transact(partial(_begin_own_guess, seen.principal.id))
    if not await secrets.match(password_from(current), known.password_hash):
        if await secrets.match(password_from(password), known.password_hash):
            return await transact(partial(_prove_own, known))
        raise Invalid(
            "this is not your password",
            field="current_password",
            remedy="type the one that you signed in with",
        )
    kept = await chosen_password(password, seen.principal.email or "", secrets=secrets)
    return await transact(partial(_replace_password, known, kept, token_hash(token)))


async def _begin_own_guess(principal_id: UUID, work: Work) -> SignIn:
    known = await work.sign_ins.of(principal_id)
    if known is None:
        raise SignedOut("nobody signs in as this person", field="MRX-Session", remedy="sign in again")
    await _count_guess(counted_for(principal_id), work)
    return known


async def _prove_own(proved: SignIn, work: Work) -> None:
    if await work.sign_ins.of(proved.principal_id) != proved:
        raise Rejected(
            "the password was changed a moment ago",
            field="current_password",
            remedy="sign in with the new one",
        )
    await work.sign_ins.forgive(counted_for(proved.principal_id))


async def _replace_password(proved: SignIn, kept: str, session: str, work: Work) -> None:
    await _prove_own(proved, work)
    await _keep_password(proved, kept, work, but=session)


async def _keep_password(known: SignIn, kept: str, work: Work, *, but: str | None = None) -> None:
    await work.sign_ins.keep(replace(known, password_hash=kept))
    for counted in (known.email_digest, counted_for(known.principal_id)):
        await work.sign_ins.forgive(counted)
    await work.password_links.use_up(known.principal_id)
    await work.sessions.end_of_principal(known.principal_id, but=but)


async def _send_link(principal: Principal, why: Why, work: Work) -> bool:
    """Says whether it is sent: an address gets so many and no more, whoever asks for them."""
    assert principal.email is not None
    digest = email_digest(principal.email)
    if await work.password_links.asked_since(digest, work.now - LINKS_WITHIN) >= LINKS:
        return False
    link = PasswordLink(
        mail_id=work.new_id(), principal_id=principal.id, email_digest=digest, why=why, asked_at=work.now
    )
    await work.password_links.add(link)
    work.say(
        PasswordMailAsked(
            mail_id=link.mail_id,
            kind=why.value,
            principal_id=principal.id,
            to=principal.email,
            to_name=principal.name,
            language=principal.language,
            valid_minutes=int(VALID[why].total_seconds()) // 60,
        ),
        about=str(principal.id),
    )
    return True


async def sign_in(
    email: str,
    password: str,
    transact: Transact,
    *,
    secrets: Secrets,
    browsers: Browsers,
    browser: str | None = None,
) -> Begun:
    """A new session for whoever knows the password. `browser` is the mark that an earlier sign-in left there.

    Raises `Unproved`, `TooManyGuesses`, or `Forbidden` for the disabled and suspended. The try is counted before it is
    made, and an unknown address is treated like a known one, in equal time. A stranger who fails at an address locks it
    for strangers: where its person signed in before, tries have a count of their own.
    """
    digest = email_digest(email)
    known, counted = await transact(partial(_begin_guess, digest, browsers, browser))
    kept = known.password_hash if known else None
    if not await secrets.match(password_from(password), kept) or known is None or kept is None:
        raise Unproved(
            "the e-mail address or the password is wrong",
            field="email",
            remedy="try again, or use 'Forgot your password?'",
        )
    token = secrets.new()
    seen = await transact(partial(_begin_session, known, token_hash(token), counted))
    mark = browsers.mark(digest, secrets.new(), now=seen.session.began_at)
    return Begun(session=token, browser=mark, seen=seen)


async def _begin_guess(
    digest: bytes, browsers: Browsers, browser: str | None, work: Work
) -> tuple[SignIn | None, bytes]:
    """Who has the address, and as whose the try was counted."""
    counted = browsers.counted_as(digest, browser, now=work.now)
    await _count_guess(counted, work)
    return await work.sign_ins.by_email(digest), counted


async def _count_guess(counted: bytes, work: Work) -> None:
    tried = await work.sign_ins.guesses(counted, since=work.now - GUESSES_WITHIN)
    if len(tried) >= GUESSES:
        raise TooManyGuesses(tried[-GUESSES] + GUESSES_WITHIN - work.now)
    await work.sign_ins.count_guess(counted, forget_before=work.now - GUESSES_WITHIN)


async def _begin_session(proved: SignIn, hashed: str, counted: bytes, work: Work) -> Seen:
    session = Session(
        token_hash=hashed,
        principal_id=proved.principal_id,
        member_id=proved.member_id,
        began_at=work.now,
        seen_at=work.now,
    )
    seen = await _look_at(session, work)
    if await work.sign_ins.of(proved.principal_id) != proved:
        raise Unproved(
            "the password was changed a moment ago", field="password", remedy="sign in with the new one"
        )
    await work.sign_ins.forgive(counted)
    await work.sessions.add(session)
    return seen


async def _look_at(session: Session, work: Work) -> Seen:
    """Whose session it is. Raises `Forbidden` for the disabled and suspended."""
    credential = await work.principals.credential_of(session.principal_id)
    member = await work.members.find(session.member_id) if session.member_id else None
    refusal = credential.refusal(member.state if member else None)
    if refusal:
        raise Forbidden(refusal, field="email", remedy="ask the secretariat")
    async with work.concerning(session.member_id):
        principal = await work.principals.get(session.principal_id)
    return Seen(session=session, principal=principal, member_name=member.name if member else None)


async def who_is_signed_in(token: str, work: Work) -> Seen:
    """Whose session this is; using it keeps it alive. Raises `SignedOut`."""
    session = await work.sessions.get(token_hash(token))
    if session is None or session.ends_at <= work.now:
        raise SignedOut("nobody is signed in with this session", field="MRX-Session", remedy="sign in again")
    used = work.now - session.seen_at >= SEEN_EVERY
    try:
        seen = await _look_at(replace(session, seen_at=work.now) if used else session, work)
    except Forbidden as refusal:
        raise SignedOut(refusal.reason, field="MRX-Session", remedy=refusal.remedy) from refusal
    if used:  # after the credential is held, as whoever disables it ends the session in this order
        await work.sessions.seen(seen.session)
    return seen


async def sign_out(token: str, work: Work) -> None:
    """End a session. One that has ended already is no error."""
    await work.sessions.end(token_hash(token))


async def token_from_session(token: str, audience: Audience, work: Work, *, tokens: Tokens) -> str:
    """A bearer token for one service, for whoever is signed in. Raises `SignedOut`."""
    seen = await who_is_signed_in(token, work)
    credential = await work.principals.credential_of(seen.principal.id)
    return await issue_token(credential, audience, work, tokens=tokens)


async def wish_for_password(email: str, work: Work) -> None:
    """Somebody forgot a password. Whether the address is known is looked up later, so that no answer tells."""
    await work.password_links.wish(email_digest(email))


async def send_wished_links(transact: Transact) -> bool:
    """Send one-time links to those among the wished-for addresses that may sign in. Says whether any was wished for."""
    return await transact(_send_wished_links)


async def _send_wished_links(work: Work) -> bool:
    digests = await work.password_links.take_wishes(WISHES_AT_ONCE)
    for digest in digests:
        known = await work.sign_ins.by_email(digest)
        if known is None:
            continue
        credential = await work.principals.credential_of(known.principal_id)
        member = await work.members.find(known.member_id) if known.member_id else None
        if credential.refusal(member.state if member else None) is None:
            async with work.concerning(known.member_id):
                principal = await work.principals.get(known.principal_id)
            await _send_link(principal, Why.RESET, work)
    return bool(digests)


async def expect_tokens(mail: MailSent | MailFailed, work: Work) -> None:
    """A mail with a one-time link went out: its tokens hold from now on, for as long as such a link does.

    So do those of a mail that failed: one of its tries may have arrived although its answer was lost.
    """
    link = await work.password_links.get(mail.mail_id) if mail.asked_by == "registry" else None
    if link is None:  # not ours, or from before our database was made anew
        return
    known_at = mail.sent_at if isinstance(mail, MailSent) else mail.failed_at
    for hashed in mail.token_hashes:
        await work.password_links.expect(link.mail_id, hashed, ends_at=known_at + VALID[link.why])


async def redeem(
    token: str, password: str, transact: Transact, *, secrets: Secrets, browsers: Browsers
) -> str:
    """Set a password with a one-time link; the person is signed out everywhere. Raises `Unknown`, `Invalid`.

    Returns the browser's mark: whoever reads the address's mail is no stranger who could be locked out.
    """
    hashed = token_hash(token)
    principal = await transact(partial(_holder, hashed))
    if principal.email is None:
        raise Invalid("this person signs in with no address", field="token", remedy="ask the secretariat")
    kept = await chosen_password(password, principal.email, secrets=secrets)
    done_at = await transact(partial(_set_password, hashed, kept))
    return browsers.mark(email_digest(principal.email), secrets.new(), now=done_at)


async def _holder(hashed: str, work: Work) -> Principal:
    known = await _redeemable(hashed, work)
    async with work.concerning(known.member_id):
        return await work.principals.get(known.principal_id)


async def _redeemable(hashed: str, work: Work) -> SignIn:
    link = await work.password_links.redeemable(hashed)
    known = await work.sign_ins.of(link.principal_id) if link else None
    # Whoever uses links up holds the sign-in; with it in hand, what was read is read again.
    if known is None or await work.password_links.redeemable(hashed) is None:
        raise Unknown(
            "this link does not work: it was used, has ended, or is not whole",
            field="token",
            remedy="ask for a new one with 'Forgot your password?'",
        )
    return known


async def _set_password(hashed: str, kept: str, work: Work) -> datetime:
    await _keep_password(await _redeemable(hashed, work), kept, work)
    return work.now
