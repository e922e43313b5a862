"""Answers, made of the domain's things."""

from collections import Counter
from collections.abc import Sequence
from typing import TypedDict
from uuid import UUID

from mrx_shared.api import registry as api
from mrx_shared.messages.topics import kafka_user

from mrx_registry.domain.members import Member, Missing
from mrx_registry.domain.principals import Credential, Principal, SigningKey
from mrx_registry.domain.statement import Adoption, Signature, Statement
from mrx_registry.handlers.sessions import Begun, Seen
from mrx_registry.handlers.statement import Participation

_NOT_YET = (Missing.ADMISSION,)


class _Standing(TypedDict):
    member_id: UUID
    participates: bool
    missing: tuple[Missing, ...]


def _standing(member: Member) -> _Standing:
    said = member.said
    return {
        "member_id": member.id,
        "participates": said is not None and said.participates,
        "missing": tuple(said.missing) if said else _NOT_YET,
    }


def member(one: Member) -> api.Member:
    """A member."""
    return api.Member.of(
        one,
        **_standing(one),
        group_id=one.group.id,
        group=one.group.name,
        since=one.said.since if one.said else None,
    )


def kafka_credentials(member_id: UUID, *, password: str | None, ready: bool) -> api.KafkaCredentials:
    """A member's Kafka user."""
    return api.KafkaCredentials(
        username=kafka_user(member_id), password=password, state="ready" if ready else "provisioning"
    )


def reviewers(several: Sequence[Principal]) -> api.Reviewers:
    """Reviewers; namesakes are told apart by their addresses."""
    names = Counter(one.name for one in several)
    return api.Reviewers(
        reviewers=tuple(
            api.Reviewer(principal_id=one.id, name=one.name, email=one.email if names[one.name] > 1 else None)
            for one in several
        )
    )


def principal(credential: Credential, *, secret: str | None = None) -> api.Principal:
    """A principal, with its secret where it is shown."""
    return api.Principal.of(credential, client_secret=secret)


def signed_in(seen: Seen) -> api.SignedIn:
    """Who is signed in."""
    return api.SignedIn.of(
        seen.principal,
        principal_id=seen.principal.id,
        member_name=seen.member_name,
        expires_at=seen.session.ends_at,
    )


def session(begun: Begun) -> api.Session:
    """A session that began."""
    return api.Session(**dict(signed_in(begun.seen)), session=begun.session, browser=begun.browser)


def signing_key(key: SigningKey) -> api.SigningKey:
    """A public key."""
    return api.SigningKey(kid=key.key_id, x=key.public_key)


def statement(one: Statement) -> api.Statement:
    """A version of the statement."""
    return api.Statement.of(one, text_sha256=one.sha256)


def signature(one: Signature, by: Member) -> api.Signature:
    """A signature, and how its member stands."""
    return api.Signature.of(one, **_standing(by), signature_id=one.id, signatory_id=one.signatory.id)


def signature_withdrawal(signatures: Sequence[Signature], by: Member) -> api.SignatureWithdrawal:
    """What was withdrawn, and how the member stands."""
    return api.SignatureWithdrawal(
        **_standing(by), withdrawn=tuple(one.statement_version for one in signatures)
    )


def adoption(one: Adoption, by: Member) -> api.Adoption:
    """An adoption, and how its member stands."""
    return api.Adoption.of(one, **_standing(by), adoption_id=one.id)


def participation(seen: Participation) -> api.Participation:
    """A member's own way through steps 1 and 2."""
    return api.Participation(
        **_standing(seen.member),
        state=seen.member.state,
        since=seen.member.said.since if seen.member.said else None,
        protocols=tuple(api.RecognisedProtocol.of(one, public=one.owner is None) for one in seen.protocols),
        signatures=tuple(api.OwnSignature.of(one, signatory_id=one.signatory.id) for one in seen.signatures),
    )
