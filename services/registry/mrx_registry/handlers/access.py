"""Principals, what they sign in with, and the tokens they get for it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from mrx_shared.refusals import Forbidden, Rejected, Unknown

from mrx_registry.domain.members import Member
from mrx_registry.domain.names import mailed_name_from
from mrx_registry.domain.principals import TOKEN_LIFE, Audience, Credential, Kind, Principal, Role, SigningKey
from mrx_registry.domain.sign_in import Session, SignIn
from mrx_registry.handlers import facts
from mrx_registry.ports import Claims, Secrets, Tokens, Transact, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPrincipal:
    """Whom the secretariat lets in."""

    kind: Kind
    name: str = field(repr=False)
    role: Role
    member_id: UUID | None = None


async def create_principal(asked: NewPrincipal, secret_hash: str, work: Work) -> Credential:
    """Let a person or a system in."""
    if asked.member_id is not None and await work.members.find(asked.member_id) is None:
        raise Unknown("there is no such member", field="member_id", remedy="admit the member first")
    return await _create(asked, secret_hash, work)


async def _create(asked: NewPrincipal, secret_hash: str, work: Work) -> Credential:
    principal = Principal(
        id=work.new_id(),
        kind=asked.kind,
        name=mailed_name_from(asked.name, field="name"),
        role=asked.role,
        member_id=asked.member_id,
        created_at=work.now,
    )
    credential = Credential(
        client_id=f"{principal.role}-{principal.id}",
        principal_id=principal.id,
        role=principal.role,
        member_id=principal.member_id,
        secret_hash=secret_hash,
    )
    async with work.concerning(principal.member_id):
        await work.principals.add(principal, credential)
    return credential


async def bootstrap(name: str, secret_hash: str, work: Work) -> Credential:
    """Make the first secretariat principal, once.

    As long as nobody has signed in as it, asking again replaces its secret: the answer may have been lost.
    """
    first = await work.principals.bootstrapped()
    if first is None:
        credential = await _create(
            NewPrincipal(kind=Kind.PERSON, name=name, role=Role.SECRETARIAT), secret_hash, work
        )
        await work.principals.bootstrap(credential.principal_id)
        return credential
    credential = await work.principals.credential_of(first)
    if credential.used:
        raise Rejected(
            "the first secretariat principal is in use",
            field="MRX-Bootstrap-Secret",
            remedy="let it make further principals with POST /v1/principals",
        )
    replaced = replace(credential, secret_hash=secret_hash)
    await work.principals.keep(replaced)
    return replaced


async def replace_secret(
    principal_id: UUID, secret_hash: str, work: Work, *, by: str, by_secretariat: bool
) -> Credential:
    """Give a principal a new secret; the old one ends now.

    For the secretariat, and for the principal itself unless it is a person who signs in with a password.
    """
    if not by_secretariat and by != str(principal_id):
        raise Unknown("there is no such principal, or not for you", field="principal_id")
    credential = await work.principals.credential_of(principal_id)
    if not by_secretariat and await work.sign_ins.of(principal_id) is not None:
        # Else a session that somebody got hold of would become a secret that outlives every new password.
        raise Forbidden(
            "a person who signs in with a password cannot create a client secret",
            field="principal_id",
            remedy="ask the secretariat for one",
        )
    replaced = replace(credential, secret_hash=secret_hash)
    await work.principals.keep(replaced)
    return replaced


async def disable(principal_id: UUID, by: str, work: Work) -> Credential:
    """Give a principal no token any more, and end its sessions; tokens that it has end within five minutes."""
    if by == str(principal_id):
        raise Rejected(
            "nobody disables itself", field="principal_id", remedy="let another secretariat principal do it"
        )
    disabled = (await work.principals.credential_of(principal_id)).disable()
    await work.principals.keep(disabled)
    await work.sessions.end_of_principal(principal_id)
    return disabled


async def sign_in(
    client_id: str,
    client_secret: str,
    audience: Audience,
    transact: Transact,
    *,
    secrets: Secrets,
    tokens: Tokens,
) -> str:
    """A token for whoever holds the secret. Raises `Unproved`, or `Forbidden` for the disabled and suspended.

    The secret is compared outside of any transaction, and as long for an unknown client as for a known one.
    """
    known = await transact(lambda work: work.principals.credential(client_id))
    if not await secrets.match(client_secret, known.secret_hash if known else None) or known is None:
        raise Unproved("the client id or its secret is wrong")
    return await transact(lambda work: issue_token(known, audience, work, tokens=tokens))


class Unproved(Rejected):
    """Who asks for a token did not prove who it is."""


async def issue_token(proved: Credential, audience: Audience, work: Work, *, tokens: Tokens) -> str:
    """A token for whoever proved to hold this credential."""
    known = await work.principals.credential_of(proved.principal_id)
    if known.secret_hash != proved.secret_hash:
        raise Unproved("the client id or its secret is wrong")
    refusal, _ = await refusal_of(known, work)
    if refusal:
        raise Forbidden(refusal, field="client_id", remedy="ask the secretariat")
    if not known.used:
        await work.principals.keep(replace(known, used=True))
    claims = Claims(
        principal_id=known.principal_id,
        role=known.role,
        member_id=known.member_id,
        audience=audience,
        issued_at=work.now,
        expires_at=work.now + TOKEN_LIFE,
        token_id=work.new_id(),
    )
    return tokens.sign(claims, key=await current_key(work, tokens=tokens))


async def refusal_of(credential: Credential, work: Work) -> tuple[str | None, Member | None]:
    """Why a principal may not sign in, if it may not; and its member."""
    member = await work.members.find(credential.member_id) if credential.member_id else None
    return credential.refusal(member.state if member else None), member


async def principal_of(known: SignIn | Session, work: Work) -> Principal:
    """Whose sign-in or session it is."""
    async with work.concerning(known.member_id):
        return await work.principals.get(known.principal_id)


async def current_key(work: Work, *, tokens: Tokens) -> SigningKey:
    """The key that tokens are signed with; the first one is made and published here."""
    known = await work.keys.current()
    if known is not None:
        return known
    await work.keys.hold()
    return await work.keys.current() or await rotate_key(work, tokens=tokens)


async def rotate_key(work: Work, *, tokens: Tokens) -> SigningKey:
    """Sign with a new key from now on. Tokens signed with the one before hold until they expire."""
    key = tokens.new_key(valid_from=work.now)
    await work.keys.add(key)
    work.emit(facts.signing_key_published(key), about=key.key_id)
    return key


async def keys(work: Work) -> Sequence[SigningKey]:
    """Every key that a token may be signed with."""
    return await work.keys.every()


def may_see(member_id: UUID, *, own: UUID | None) -> None:
    """Raises `Unknown` for a member that asks for another; `own` is None for the secretariat."""
    if own not in (None, member_id):
        raise Unknown("there is no such member, or not for you", field="member_id")
