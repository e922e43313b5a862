"""People choose a first password by token, and change the one that they know."""

from dataclasses import replace
from functools import partial
from uuid import UUID

from mrx_shared.refusals import Invalid, Rejected, Unknown

from mrx_registry.domain.sign_in import SignIn, check_password, counted_for, password_from, token_hash
from mrx_registry.handlers.access import principal_of
from mrx_registry.handlers.sessions import SignedOut, who_is_signed_in
from mrx_registry.handlers.throttling import count_guess
from mrx_registry.ports import Secrets, Transact, Work


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
            "a password has already been chosen",
            field="password",
            remedy="change it where you are signed in, or use 'Forgot your password?'",
        )
    principal = await principal_of(known, work)
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
            remedy="type the one that you use to sign in",
        )
    kept = await chosen_password(password, seen.principal.email or "", secrets=secrets)
    return await transact(partial(_replace_password, known, kept, token_hash(token)))


async def _begin_own_guess(principal_id: UUID, work: Work) -> SignIn:
    known = await work.sign_ins.of(principal_id)
    if known is None:
        raise SignedOut("this person cannot sign in", field="MRX-Session", remedy="sign in again")
    await count_guess(counted_for(principal_id), work)
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
    await keep_password(proved, kept, work, but=session)


async def keep_password(known: SignIn, kept: str, work: Work, *, but: str | None = None) -> None:
    """Replace a password: tries are forgiven, links are used up, and every session but one ends."""
    await work.sign_ins.keep(replace(known, password_hash=kept))
    for counted in (known.email_digest, counted_for(known.principal_id)):
        await work.sign_ins.forgive(counted)
    await work.password_links.use_up(known.principal_id)
    await work.sessions.end_of_principal(known.principal_id, but=but)
