"""Bodies of requests."""

from uuid import UUID

from mrx_shared.api.bodies import RequestBody
from pydantic import Field

from mrx_registry.domain.principals import Kind, Role

NAME = Field(min_length=1, max_length=200)
VERSION = Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")


class FirstPrincipal(RequestBody):
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

    kind: Kind
    name: str = Field(min_length=1, max_length=200, repr=False)
    role: Role
    member_id: UUID | None = Field(default=None, description="for the role member, and only there")


class NewStatement(RequestBody):
    """A version of the joint statement."""

    version: str = VERSION
    text: str = Field(min_length=1, max_length=100_000)


class NewSignatory(RequestBody):
    """The person who signs; kept in the registry's database only."""

    name: str = Field(min_length=1, max_length=200, repr=False)
    title: str = Field(min_length=1, max_length=200, repr=False)


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


class FirstPassword(RequestBody):
    """The password that a person chooses who has none yet."""

    password: str = Field(min_length=1, max_length=1000, repr=False)


class NewPassword(RequestBody):
    """The password that holds now, and the one that shall."""

    current_password: str = Field(min_length=1, max_length=1000, repr=False)
    password: str = Field(min_length=1, max_length=1000, repr=False)


class SignIn(RequestBody):
    """An address and its password."""

    email: str = Field(min_length=1, max_length=1000, repr=False)
    password: str = Field(min_length=1, max_length=1000, repr=False)
    browser: str | None = Field(
        default=None,
        max_length=200,
        repr=False,
        description="the mark that an earlier sign-in gave: this browser's tries are counted apart from strangers'",
    )


class Forgotten(RequestBody):
    """Whose password was forgotten."""

    email: str = Field(min_length=1, max_length=1000, repr=False)


class Redemption(RequestBody):
    """The token of a one-time link, and the password that shall hold."""

    token: str = Field(min_length=1, max_length=200, repr=False)
    password: str = Field(min_length=1, max_length=1000, repr=False)
