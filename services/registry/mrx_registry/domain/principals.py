"""People and systems that speak to MRX, the secrets they sign in with, and the keys that vouch for them."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from mrx_shared.refusals import Invalid, Rejected

from mrx_registry.domain.members import State
from mrx_registry.domain.names import name_from

TOKEN_LIFE = timedelta(minutes=5)


class Kind(StrEnum):
    """Who is behind a principal."""

    PERSON = "person"
    SYSTEM = "system"


class Role(StrEnum):
    """What a principal may be."""

    MEMBER = "member"
    REVIEWER = "reviewer"
    SECRETARIAT = "secretariat"
    OPERATOR = "operator"


class Audience(StrEnum):
    """The services that a token can be made for, one at a time."""

    REGISTRY = "mrx.registry"
    BENCHMARK = "mrx.benchmark"
    AGGREGATION = "mrx.aggregation"
    REPORT_REQUEST = "mrx.report_request"
    EXCHANGE_ADAPTER = "mrx.exchange_adapter"
    NOTIFICATION = "mrx.notification"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A person or a system with one role; one with the role member belongs to one member."""

    id: UUID
    kind: Kind
    name: str = field(repr=False)
    role: Role
    member_id: UUID | None
    created_at: datetime
    email: str | None = field(default=None, repr=False)
    """what a person signs in with, and where mails go"""
    language: str = "en"

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", name_from(self.name, field="name"))
        if self.role is Role.MEMBER and self.member_id is None:
            raise Invalid(
                "a principal with the role member belongs to a member",
                field="member_id",
                remedy="name its member",
            )
        if self.role is not Role.MEMBER and self.member_id is not None:
            raise Invalid(
                f"a principal with the role {self.role} belongs to no member",
                field="member_id",
                remedy="leave it out, or choose the role member",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What a principal signs in with. The secret itself is kept nowhere."""

    client_id: str
    principal_id: UUID
    role: Role
    member_id: UUID | None
    secret_hash: str = field(repr=False)
    disabled: bool = False
    used: bool = False
    """whether a token was ever had with it"""

    def disable(self) -> "Credential":
        """The credential of a principal that gets no token any more."""
        if self.disabled:
            raise Rejected(
                "the principal is already disabled", field="principal_id", remedy="nothing is to be done"
            )
        return replace(self, disabled=True)

    def refusal(self, state: State | None) -> str | None:
        """Why no token is given although the secret is right; `state` is its member's."""
        if self.disabled:
            return "this principal is disabled"
        if state is State.SUSPENDED:
            return "the member is suspended"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A key that tokens are signed with. The private half is sealed and opened only to sign."""

    key_id: str
    public_key: str
    sealed: bytes = field(repr=False)
    valid_from: datetime
