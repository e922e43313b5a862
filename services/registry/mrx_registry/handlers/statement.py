"""The joint statement is published, signed and withdrawn; public protocols are adopted."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from mrx_shared.api.registry import NewSignature
from mrx_shared.refusals import Rejected, TooEarly, Unknown

from mrx_registry.domain.members import Member, Recognition
from mrx_registry.domain.statement import Adoption, Signatory, Signature, Statement, adopted, signed
from mrx_registry.handlers import facts
from mrx_registry.handlers.participation import judge
from mrx_registry.ports import Work


async def publish(version: str, text: str, work: Work) -> Statement:
    """Publish a version of the statement; it is the current one from now on."""
    statement = Statement(version=version, text=text, published_at=work.now)
    if not await work.statements.publish(statement):
        raise Rejected(
            f"statement {version} is already published",
            field="version",
            remedy="a text that was published never changes: publish it under a new version",
        )
    work.emit(facts.statement_published(statement), about=version)
    return statement


async def sign(member_id: UUID, signing: NewSignature, work: Work) -> tuple[Signature, Member]:
    """Sign a published version for a member that has passed step 1."""
    member = await work.members.get(member_id)
    statement = await work.statements.version(signing.statement_version)
    if statement is None:
        raise Unknown(
            f"there is no published statement {signing.statement_version}",
            field="statement_version",
            remedy="read the current one with GET /v1/statements/current",
        )
    async with work.concerning(member_id):
        signature = signed(
            statement,
            member=member,
            read_sha256=signing.text_sha256,
            by=Signatory(id=work.new_id(), name=signing.signatory.name, title=signing.signatory.title),
            protocols=await work.recognitions.counting_for(member_id),
            standing=await work.statements.signatures(member_id),
            signature_id=work.new_id(),
            at=work.now,
        )
        await work.statements.sign(signature)
    work.emit(facts.statement_signed(signature), about=str(member_id))
    return signature, await judge(member, work)


async def withdraw(member_id: UUID, work: Work) -> tuple[Sequence[Signature], Member]:
    """Withdraw every signature of the member that stands."""
    member = await work.members.get(member_id)
    async with work.concerning(member_id):
        standing = await work.statements.signatures(member_id)
        for signature in standing:
            await work.statements.withdraw(signature, at=work.now)
    if not standing:
        raise Rejected(
            "this member has no signature in force", field="statement_version", remedy="nothing is to be done"
        )
    for signature in standing:
        work.emit(facts.statement_withdrawn(signature, at=work.now), about=str(member_id))
    return standing, await judge(member, work)


async def adopt(
    member_id: UUID, protocol_id: UUID, protocol_version: str, work: Work
) -> tuple[Adoption, Member]:
    """Adopt an equivalent public protocol as the member's way through step 1."""
    member = await work.members.get(member_id)
    async with work.concerning(member_id):
        verdicts = await work.recognitions.of_version(protocol_id, protocol_version)
        if not verdicts:
            # Another member's own protocol answers the same: its existence is not told.
            raise TooEarly(
                "no verdict on this public protocol version has arrived here",
                waiting_for=f"protocol/{protocol_id}:{protocol_version}",
            )
        adoption = adopted(
            verdicts,
            member=member,
            standing=await work.statements.adoptions(member_id),
            adoption_id=work.new_id(),
            at=work.now,
        )
        await work.statements.adopt(adoption)
    work.emit(facts.protocol_adopted(adoption), about=str(member_id))
    return adoption, await judge(member, work)


@dataclass(frozen=True, slots=True, kw_only=True)
class Participation:
    """What a member sees of its own way through steps 1 and 2."""

    member: Member
    protocols: Sequence[Recognition]
    signatures: Sequence[Signature]


async def participation(member_id: UUID, work: Work) -> Participation:
    """The member's own view."""
    member = await work.members.find(member_id)
    if member is None:
        raise Unknown("there is no such member", field="member_id")
    async with work.concerning(member_id):
        return Participation(
            member=member,
            protocols=await work.recognitions.counting_for(member_id),
            signatures=await work.statements.signatures(member_id),
        )
