"""People sign in, and stay signed in for a while."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Final

from mrx_shared.refusals import Forbidden, Rejected

from mrx_registry.domain.principals import Audience, Principal
from mrx_registry.domain.sign_in import Browsers, Session, SignIn, email_digest, password_from, token_hash
from mrx_registry.handlers.access import Unproved, issue_token, principal_of, refusal_of
from mrx_registry.handlers.throttling import count_guess
from mrx_registry.ports import Secrets, Tokens, Transact, Work

SEEN_EVERY: Final = timedelta(minutes=1)


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
    await count_guess(counted, work)
    return await work.sign_ins.by_email(digest), counted


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
    refusal, member = await refusal_of(credential, work)
    if refusal:
        raise Forbidden(refusal, field="email", remedy="ask the secretariat")
    principal = await principal_of(session, work)
    return Seen(session=session, principal=principal, member_name=member.name if member else None)


async def who_is_signed_in(token: str, work: Work) -> Seen:
    """Whose session this is; using it keeps it alive. Raises `SignedOut`."""
    session = await work.sessions.get(token_hash(token))
    if session is None or session.ends_at <= work.now:
        raise SignedOut("this session has ended", field="MRX-Session", remedy="sign in again")
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
