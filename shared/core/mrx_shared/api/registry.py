"""Bodies of the registry's HTTP API."""

from datetime import date
from typing import Annotated, Literal, get_args
from uuid import UUID

from pydantic import AwareDatetime, Field

from mrx_shared.api.bodies import Answer, RequestBody, Words

NAME = Field(min_length=1, max_length=200)
PERSONS_NAME = Field(min_length=1, max_length=200, repr=False)
VERSION = Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")
PASSWORD = Field(min_length=1, max_length=1000, repr=False)
EMAIL = Field(min_length=1, max_length=1000, repr=False)
MARK = "a mark to be sent with the next sign-in from here; it opens nothing"

State = Annotated[str, Words("provisioning", "admitted", "suspended")]
Missing = Annotated[str, Words("not-admitted", "no-equivalent-protocol", "statement-not-signed", "suspended")]
Role = Literal["member", "reviewer", "secretariat", "operator"]


class NewFirstPrincipal(RequestBody):
    """Who the first secretariat principal is."""

    name: str = NAME


class NewMember(RequestBody):
    """A company to be admitted."""

    name: str = NAME
    group: str = Field(
        min_length=1,
        max_length=200,
        description="corporate group, by name: one that is there, or the company's own name",
    )
    new_group: bool = Field(
        default=False, description="make a group of another name, which must not be there"
    )
    minority_holdings: tuple[str, ...] = Field(
        default=(),
        max_length=200,
        description="groups or members that are there, by name, that hold a minority share of this group or the other "
        "way round",
    )


class NewPrincipal(RequestBody):
    """A person or a system to be let in."""

    kind: Literal["person", "system"]
    name: str = PERSONS_NAME
    role: Role
    member_id: UUID | None = Field(default=None, description="for the role member, and only there")


class NewStatement(RequestBody):
    """A version of the joint statement."""

    version: str = VERSION
    text: str = Field(min_length=1, max_length=100_000)


class NewSignatory(RequestBody):
    """The person who signs; kept in the registry's database only."""

    name: str = PERSONS_NAME
    title: str = PERSONS_NAME


class NewSignature(RequestBody):
    """A member signs the text that it read."""

    statement_version: str = VERSION
    text_sha256: str = Field(pattern="^[0-9a-fA-F]{64}$")
    signatory: NewSignatory


class NewAdoption(RequestBody):
    """A member takes an equivalent public protocol as its own way through step 1."""

    protocol_id: UUID
    protocol_version: str = VERSION


class NewSignIn(RequestBody):
    """The address that a person shall sign in with; a link to choose a password is sent there."""

    email: str = Field(min_length=3, max_length=200, repr=False)
    language: str = Field(default="en", pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$", max_length=35)


class NewFirstPassword(RequestBody):
    """The password that a person chooses who has none yet."""

    password: str = PASSWORD


class NewPassword(RequestBody):
    """The password that holds now, and the one that shall."""

    current_password: str = PASSWORD
    password: str = PASSWORD


class NewSession(RequestBody):
    """An address and its password."""

    email: str = EMAIL
    password: str = PASSWORD
    browser: str | None = Field(
        default=None,
        max_length=200,
        repr=False,
        description="the mark that an earlier sign-in gave: this browser's tries are counted apart from strangers'",
    )


class NewReset(RequestBody):
    """Whose password was forgotten."""

    email: str = EMAIL


class NewRedemption(RequestBody):
    """The token of a one-time link, and the password that shall hold."""

    token: str = Field(min_length=1, max_length=200, repr=False)
    password: str = PASSWORD


class Member(Answer):
    """A member, and whether it takes part."""

    member_id: UUID
    name: str
    group_id: UUID
    group: str
    state: State
    participates: bool
    missing: tuple[Missing, ...]
    since: AwareDatetime | None
    created_at: AwareDatetime
    admitted_at: AwareDatetime | None


class Members(Answer):
    """All members, by name."""

    members: tuple[Member, ...]


class KafkaCredentials(Answer):
    """A member's Kafka user. The password is shown once."""

    username: str
    password: str | None = Field(default=None, repr=False)
    state: Literal["provisioning", "ready"]


class Reviewer(Answer):
    """Somebody who judges protocols."""

    principal_id: UUID
    name: str
    email: str | None = Field(
        default=None, repr=False, description="where another reviewer has the same name"
    )


class Reviewers(Answer):
    """Who may judge protocols, by name."""

    reviewers: tuple[Reviewer, ...]


class Person(Answer):
    """Somebody by name."""

    principal_id: UUID
    name: str


class Secretariat(Answer):
    """Who is or was of the secretariat, by name."""

    people: tuple[Person, ...]


class Principal(Answer):
    """A principal and what it signs in with. The secret is shown once."""

    principal_id: UUID
    client_id: str
    client_secret: str | None = Field(default=None, repr=False)
    role: Annotated[str, Words(*get_args(Role))]
    member_id: UUID | None
    disabled: bool


class Token(Answer):
    """A bearer token (RFC 6749, 5.1)."""

    access_token: str = Field(repr=False)
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105
    expires_in: int


class TokenRefusal(Answer):
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


class SignIn(Answer):
    """How a person signs in from now on."""

    principal_id: UUID
    language: str


class SignedIn(Answer):
    """Who is signed in."""

    principal_id: UUID
    name: str
    role: Annotated[str, Words(*get_args(Role))]
    member_id: UUID | None
    member_name: str | None
    expires_at: AwareDatetime = Field(
        description="unless it is used again before; never later than a week after sign-in"
    )


class Session(SignedIn):
    """A session that began. Its token is shown once."""

    session: str = Field(repr=False)
    browser: str = Field(description=MARK)


class Done(Answer):
    """It was done, or there was nothing to do."""

    done: Literal[True] = True


class Redemption(Done):
    """The password holds."""

    browser: str = Field(description=MARK)


class SigningKey(Answer):
    """A public key that tokens are signed with, as a JWK (RFC 8037)."""

    kty: Literal["OKP"] = "OKP"
    crv: Literal["Ed25519"] = "Ed25519"
    use: Literal["sig"] = "sig"
    alg: Literal["Ed25519"] = "Ed25519"
    kid: str
    x: str


class SigningKeys(Answer):
    """A JWK set."""

    keys: tuple[SigningKey, ...]


class Statement(Answer):
    """A version of the joint statement."""

    version: str
    text: str
    text_sha256: str
    published_at: AwareDatetime


class Standing(Answer):
    """Whether the member takes part after what was done."""

    member_id: UUID
    participates: bool
    missing: tuple[Missing, ...]


class Signature(Standing):
    """A signature that stands."""

    signature_id: UUID
    statement_version: str
    text_sha256: str
    signatory_id: UUID
    signed_at: AwareDatetime


class SignatureWithdrawal(Standing):
    """The statement versions whose signature stands no more."""

    withdrawn: tuple[str, ...]


class Adoption(Standing):
    """A public protocol that the member adopted."""

    adoption_id: UUID
    protocol_id: UUID
    protocol_version: str
    adopted_at: AwareDatetime


class RecognisedProtocol(Answer):
    """A verdict on a protocol version that counts, or would count, for the member."""

    protocol_id: UUID
    protocol_version: str
    criteria_version: str
    public: bool
    equivalent: bool
    recognised_from: date | None
    recognised_until: date | None


class OwnSignature(Answer):
    """A signature that stands."""

    statement_version: str
    signatory_id: UUID
    signed_at: AwareDatetime


class Participation(Standing):
    """What a member sees of its own way through steps 1 and 2."""

    state: State
    since: AwareDatetime | None
    protocols: tuple[RecognisedProtocol, ...]
    signatures: tuple[OwnSignature, ...] = Field(description="those that stand")
