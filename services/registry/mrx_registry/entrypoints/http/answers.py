"""Bodies of responses."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from mrx_shared.api.bodies import Answer
from mrx_shared.messages.topics import kafka_user
from pydantic import Field

from mrx_registry.domain.members import Member, Missing, State
from mrx_registry.domain.principals import Credential, Principal, Role, SigningKey
from mrx_registry.domain.statement import Adoption, Signature, Statement
from mrx_registry.handlers.sign_in import Begun, Seen
from mrx_registry.handlers.statement import Participation

_NOT_YET = (Missing.ADMISSION,)


class MemberAnswer(Answer):
    """A member, and whether it takes part."""

    member_id: UUID
    name: str
    group_id: UUID
    group: str
    state: State
    participates: bool
    missing: list[Missing]
    since: datetime | None
    created_at: datetime
    admitted_at: datetime | None

    @classmethod
    def of(cls, member: Member) -> "MemberAnswer":
        """From the domain."""
        return cls(
            member_id=member.id,
            name=member.name,
            group_id=member.group.id,
            group=member.group.name,
            state=member.state,
            participates=member.said is not None and member.said.participates,
            missing=list(member.said.missing if member.said else _NOT_YET),
            since=member.said.since if member.said else None,
            created_at=member.created_at,
            admitted_at=member.admitted_at,
        )


class MembersAnswer(Answer):
    """All members, by name."""

    members: list[MemberAnswer]


class KafkaCredentials(Answer):
    """A member's Kafka user. The password is shown once."""

    username: str
    password: str | None = None
    state: Literal["provisioning", "ready"]

    @classmethod
    def of(cls, member_id: UUID, *, password: str | None, ready: bool) -> "KafkaCredentials":
        """From the domain."""
        return cls(
            username=kafka_user(member_id),
            password=password,
            state="ready" if ready else "provisioning",
        )


class ReviewerAnswer(Answer):
    """Somebody who judges protocols."""

    principal_id: UUID
    name: str
    email: str | None = Field(default=None, description="where another reviewer has the same name")

    @classmethod
    def several(cls, reviewers: Sequence[Principal]) -> "list[ReviewerAnswer]":
        """From the domain; namesakes are told apart by their addresses."""
        names = Counter(one.name for one in reviewers)
        return [
            cls(principal_id=one.id, name=one.name, email=one.email if names[one.name] > 1 else None)
            for one in reviewers
        ]


class ReviewersAnswer(Answer):
    """Who may judge protocols, by name."""

    reviewers: list[ReviewerAnswer]


class PersonAnswer(Answer):
    """Somebody by name."""

    principal_id: UUID
    name: str


class SecretariatAnswer(Answer):
    """Who is or was of the secretariat, by name."""

    people: list[PersonAnswer]


class PrincipalAnswer(Answer):
    """A principal and what it signs in with. The secret is shown once."""

    principal_id: UUID
    client_id: str
    client_secret: str | None = None
    role: Role
    member_id: UUID | None
    disabled: bool

    @classmethod
    def of(cls, credential: Credential, *, secret: str | None = None) -> "PrincipalAnswer":
        """From the domain."""
        return cls(
            principal_id=credential.principal_id,
            client_id=credential.client_id,
            client_secret=secret,
            role=credential.role,
            member_id=credential.member_id,
            disabled=credential.disabled,
        )


class TokenAnswer(Answer):
    """A bearer token (RFC 6749, 5.1)."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105
    expires_in: int


class SignInSet(Answer):
    """How a person signs in from now on."""

    principal_id: UUID
    language: str


class SignedIn(Answer):
    """Who is signed in."""

    principal_id: UUID
    name: str
    role: Role
    member_id: UUID | None
    member_name: str | None
    expires_at: datetime = Field(
        description="unless it is used again before; never later than a week after sign-in"
    )

    @classmethod
    def of(cls, seen: Seen) -> "SignedIn":
        """From the domain."""
        return cls(**_seen(seen))


class SessionAnswer(SignedIn):
    """A session that began. Its token is shown once."""

    session: str
    browser: str = Field(description="a mark to be sent with the next sign-in from here; it opens nothing")

    @classmethod
    def begun(cls, begun: Begun) -> "SessionAnswer":
        """From the domain."""
        return cls(**_seen(begun.seen), session=begun.session, browser=begun.browser)


def _seen(seen: Seen) -> dict[str, Any]:
    return {
        "principal_id": seen.principal.id,
        "name": seen.principal.name,
        "role": seen.principal.role,
        "member_id": seen.principal.member_id,
        "member_name": seen.member_name,
        "expires_at": seen.session.ends_at,
    }


class Done(Answer):
    """It was done, or there was nothing to do."""

    done: Literal[True] = True


class Redeemed(Done):
    """The password holds."""

    browser: str = Field(description="a mark to be sent with the next sign-in from here; it opens nothing")


class TokenRefused(Answer):
    """Why no token is given (RFC 6749, 5.2)."""

    error: Literal[
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_target",
    ]
    error_description: str


class KeyAnswer(Answer):
    """A public key that tokens are signed with, as a JWK (RFC 8037)."""

    kty: Literal["OKP"] = "OKP"
    crv: Literal["Ed25519"] = "Ed25519"
    use: Literal["sig"] = "sig"
    alg: Literal["Ed25519"] = "Ed25519"
    kid: str
    x: str

    @classmethod
    def of(cls, key: SigningKey) -> "KeyAnswer":
        """From the domain."""
        return cls(kid=key.key_id, x=key.public_key)


class KeysAnswer(Answer):
    """A JWK set."""

    keys: list[KeyAnswer]


class StatementAnswer(Answer):
    """A version of the joint statement."""

    version: str
    text: str
    text_sha256: str
    published_at: datetime

    @classmethod
    def of(cls, statement: Statement) -> "StatementAnswer":
        """From the domain."""
        return cls(
            version=statement.version,
            text=statement.text,
            text_sha256=statement.sha256,
            published_at=statement.published_at,
        )


class Standing(Answer):
    """Whether the member takes part after what was done."""

    member_id: UUID
    participates: bool
    missing: list[Missing]


class SignatureAnswer(Standing):
    """A signature that stands."""

    signature_id: UUID
    statement_version: str
    text_sha256: str
    signatory_id: UUID
    signed_at: datetime

    @classmethod
    def of(cls, signature: Signature, member: Member) -> "SignatureAnswer":
        """From the domain."""
        return cls(
            **standing(member),
            signature_id=signature.id,
            statement_version=signature.statement_version,
            text_sha256=signature.text_sha256,
            signatory_id=signature.signatory.id,
            signed_at=signature.signed_at,
        )


class WithdrawalAnswer(Standing):
    """The statement versions whose signature stands no more."""

    withdrawn: list[str]

    @classmethod
    def of(cls, signatures: Sequence[Signature], member: Member) -> "WithdrawalAnswer":
        """From the domain."""
        return cls(**standing(member), withdrawn=[signature.statement_version for signature in signatures])


class AdoptionAnswer(Standing):
    """A public protocol that the member adopted."""

    adoption_id: UUID
    protocol_id: UUID
    protocol_version: str
    adopted_at: datetime

    @classmethod
    def of(cls, adoption: Adoption, member: Member) -> "AdoptionAnswer":
        """From the domain."""
        return cls(
            **standing(member),
            adoption_id=adoption.id,
            protocol_id=adoption.protocol_id,
            protocol_version=adoption.protocol_version,
            adopted_at=adoption.adopted_at,
        )


class ProtocolAnswer(Answer):
    """A verdict on a protocol version that counts, or would count, for the member."""

    protocol_id: UUID
    protocol_version: str
    criteria_version: str
    public: bool
    equivalent: bool
    recognised_from: date | None
    recognised_until: date | None


class SignedAnswer(Answer):
    """A signature that stands."""

    statement_version: str
    signatory_id: UUID
    signed_at: datetime


class ParticipationAnswer(Standing):
    """What a member sees of its own way through steps 1 and 2."""

    state: State
    since: datetime | None
    protocols: list[ProtocolAnswer]
    signatures: list[SignedAnswer] = Field(description="those that stand")

    @classmethod
    def of(cls, seen: Participation) -> "ParticipationAnswer":
        """From the domain."""
        return cls(
            **standing(seen.member),
            state=seen.member.state,
            since=seen.member.said.since if seen.member.said else None,
            protocols=[
                ProtocolAnswer(
                    protocol_id=protocol.protocol_id,
                    protocol_version=protocol.protocol_version,
                    criteria_version=protocol.criteria_version,
                    public=protocol.owner is None,
                    equivalent=protocol.equivalent,
                    recognised_from=protocol.recognised_from,
                    recognised_until=protocol.recognised_until,
                )
                for protocol in seen.protocols
            ],
            signatures=[
                SignedAnswer(
                    statement_version=signature.statement_version,
                    signatory_id=signature.signatory.id,
                    signed_at=signature.signed_at,
                )
                for signature in seen.signatures
            ],
        )


def standing(member: Member) -> dict[str, Any]:
    """The fields of `Standing`."""
    seen = MemberAnswer.of(member)
    return {"member_id": member.id, "participates": seen.participates, "missing": seen.missing}
