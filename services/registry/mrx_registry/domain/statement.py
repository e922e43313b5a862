"""The joint statement: its versions, and how a member signs it or adopts a public protocol before it does."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from uuid import UUID

from mrx_shared.refusals import Invalid, Rejected

from mrx_registry.domain.members import Member, Recognition
from mrx_registry.domain.names import name_from

VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,49}")
LONGEST_TEXT = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One version of the joint mutual recognition statement."""

    version: str
    text: str
    published_at: datetime

    def __post_init__(self) -> None:
        if not VERSION.fullmatch(self.version):
            raise Invalid(
                "a version has letters, digits, dot, dash and underscore, at most 50",
                field="version",
                remedy="name it for example 2026-1",
            )
        if not self.text.strip() or len(self.text) > LONGEST_TEXT:
            raise Invalid(
                f"a statement has between 1 and {LONGEST_TEXT} characters",
                field="text",
                remedy="give the whole text of the statement",
            )
        if any(unicodedata.category(letter) == "Cc" and letter not in "\n\t" for letter in self.text):
            raise Invalid(
                "the text contains a control character",
                field="text",
                remedy="send plain text with line feeds",
            )

    @property
    def sha256(self) -> str:
        """SHA-256 of the text in UTF-8: what a signature is bound to."""
        return sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Signatory:
    """The person who signs for a member. Name and title never leave the registry's database."""

    id: UUID
    name: str = field(repr=False)
    title: str = field(repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", name_from(self.name, field="signatory.name"))
        object.__setattr__(self, "title", name_from(self.title, field="signatory.title"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A member's signature under one version of the statement, until it is withdrawn."""

    id: UUID
    member_id: UUID
    statement_version: str
    text_sha256: str
    signatory: Signatory
    signed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """A member takes an equivalent public protocol as its own way through step 1."""

    id: UUID
    member_id: UUID
    protocol_id: UUID
    protocol_version: str
    adopted_at: datetime


def signed(
    statement: Statement,
    *,
    member: Member,
    read_sha256: str,
    by: Signatory,
    protocols: Iterable[Recognition],
    standing: Iterable[Signature],
    signature_id: UUID,
    at: datetime,
) -> Signature:
    """The member's signature. Raises `Rejected` before step 1, for another text, or for a second signature."""
    member.acts()
    if not any(protocol.holds_on(at.date()) for protocol in protocols):
        raise Rejected(
            "a member that has not passed step 1 cannot sign: none of its protocols is recognised today",
            field="member",
            remedy="have your own protocol assessed as equivalent, or adopt an equivalent public one",
        )
    if read_sha256.lower() != statement.sha256:
        raise Rejected(
            f"this is not the SHA-256 of statement {statement.version}",
            field="text_sha256",
            remedy="read the text again and sign what it says",
        )
    if any(signature.statement_version == statement.version for signature in standing):
        raise Rejected(
            f"statement {statement.version} is already signed",
            field="statement_version",
            remedy="withdraw the signature first to sign again",
        )
    return Signature(
        id=signature_id,
        member_id=member.id,
        statement_version=statement.version,
        text_sha256=statement.sha256,
        signatory=by,
        signed_at=at,
    )


def adopted(
    verdicts: Sequence[Recognition],
    *,
    member: Member,
    standing: Iterable[Adoption],
    adoption_id: UUID,
    at: datetime,
) -> Adoption:
    """The member's adoption of the protocol version that these verdicts are on; one that holds today is enough.

    Raises `Rejected` for what is not public, not recognised today, or adopted already.
    """
    member.acts()
    protocol = verdicts[0]
    if protocol.owner is not None:
        raise Rejected(
            "a member does not adopt its own protocol",
            field="protocol_id",
            remedy="do nothing: an equivalent protocol of the member's own counts automatically",
        )
    _recognised(verdicts, at.date())
    if any(
        (known.protocol_id, known.protocol_version) == (protocol.protocol_id, protocol.protocol_version)
        for known in standing
    ):
        raise Rejected(
            "this protocol version is already adopted",
            field="protocol_version",
            remedy="nothing is to be done",
        )
    return Adoption(
        id=adoption_id,
        member_id=member.id,
        protocol_id=protocol.protocol_id,
        protocol_version=protocol.protocol_version,
        adopted_at=at,
    )


def _recognised(verdicts: Sequence[Recognition], day: date) -> None:
    if any(verdict.holds_on(day) for verdict in verdicts):
        return
    spans = [
        f"from {verdict.recognised_from or 'never'} until {verdict.recognised_until or 'further notice'}"
        for verdict in verdicts
        if verdict.equivalent
    ]
    if not spans:
        raise Rejected(
            "this protocol version is not equivalent",
            field="protocol_version",
            remedy="adopt a version that is",
        )
    raise Rejected(
        f"this protocol version is not recognised on {day}: {', '.join(spans)}",
        field="protocol_version",
        remedy="adopt a version that is recognised today",
    )
