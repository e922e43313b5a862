"""People get an address to sign in with, and choose a password by a link that is mailed there."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from mrx_shared.messages.notification import MailFailed, MailSent
from mrx_shared.messages.registry import PasswordMailAsked
from mrx_shared.refusals import Invalid, Rejected, Unknown

from mrx_registry.domain.principals import Kind, Principal
from mrx_registry.domain.sign_in import (
    LINKS,
    LINKS_WITHIN,
    VALID,
    Browsers,
    PasswordLink,
    SignIn,
    Why,
    email_digest,
    email_from,
    token_hash,
)
from mrx_registry.handlers.access import principal_of, refusal_of
from mrx_registry.handlers.passwords import chosen_password, keep_password
from mrx_registry.ports import Secrets, Transact, Work

RESETS_AT_ONCE: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSignIn:
    """How a person shall sign in. `unusable_hash` is the hash of a secret that nobody was told."""

    email: str = field(repr=False)
    language: str
    unusable_hash: str = field(repr=False)


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
        password_hash=chosen if same or chosen is None else asked.unusable_hash,
    )
    if not await work.sign_ins.keep(sign_in):
        raise Rejected(
            "this address cannot be used", field="email", remedy="give one that nobody else uses to sign in"
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
    work.emit(
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


async def request_reset(email: str, work: Work) -> None:
    """Somebody forgot a password. Whether the address is known is looked up later, so that no answer tells."""
    await work.password_links.request_reset(email_digest(email))


async def send_requested_links(transact: Transact) -> bool:
    """Send one-time links to those among the addresses asked for that may sign in. Says whether there were any."""
    return await transact(_send_requested_links)


async def _send_requested_links(work: Work) -> bool:
    digests = await work.password_links.take_resets(RESETS_AT_ONCE)
    for digest in digests:
        known = await work.sign_ins.by_email(digest)
        if known is None:
            continue
        refusal, _ = await refusal_of(await work.principals.credential_of(known.principal_id), work)
        if refusal is None:
            await _send_link(await principal_of(known, work), Why.RESET, work)
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
        raise Invalid(
            "this person has no address to sign in with", field="token", remedy="ask the secretariat"
        )
    kept = await chosen_password(password, principal.email, secrets=secrets)
    done_at = await transact(partial(_set_password, hashed, kept))
    return browsers.mark(email_digest(principal.email), secrets.new(), now=done_at)


async def _holder(hashed: str, work: Work) -> Principal:
    return await principal_of(await _redeemable(hashed, work), work)


async def _redeemable(hashed: str, work: Work) -> SignIn:
    link = await work.password_links.redeemable(hashed)
    known = await work.sign_ins.of(link.principal_id) if link else None
    # Whoever uses links up holds the sign-in; with it in hand, what was read is read again.
    if known is None or await work.password_links.redeemable(hashed) is None:
        raise Unknown(
            "this link does not work: it has been used, has expired, or is incomplete",
            field="token",
            remedy="ask for a new one with 'Forgot your password?'",
        )
    return known


async def _set_password(hashed: str, kept: str, work: Work) -> datetime:
    await keep_password(await _redeemable(hashed, work), kept, work)
    return work.now
