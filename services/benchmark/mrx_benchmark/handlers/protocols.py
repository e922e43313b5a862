"""Protocols and their versions. `owner` is the member that asks, or None for the secretariat."""

from uuid import UUID

from mrx_shared.messages.benchmark import ProtocolSubmitted
from mrx_shared.refusals import Forbidden, Invalid
from mrx_shared.wording import check_no_links

from mrx_benchmark.domain.assessments import Assessment
from mrx_benchmark.domain.protocols import (
    OWN_FAMILY,
    Protocol,
    ProtocolVersion,
    check_own_code,
)
from mrx_benchmark.ports import Work


async def register_protocol(
    *, code: str, name: str, scheme_family: str | None, public: bool, owner: UUID | None, work: Work
) -> Protocol:
    """Take up a protocol: a member's own, or a public one of the secretariat."""
    if public is not (owner is None):
        raise Forbidden(
            "only the secretariat keeps public protocols"
            if public
            else "the secretariat has no protocol of its own",
            field="public",
            remedy=f"send public: {str(owner is None).lower()}",
        )
    if owner is None and not scheme_family:
        raise Invalid(
            "a public protocol belongs to a family", field="scheme_family", remedy="name it, such as SMETA"
        )
    protocol = Protocol(
        protocol_id=work.new_id(),
        owner=owner,
        code=code,
        name=name,
        scheme_family=scheme_family if owner is None and scheme_family else OWN_FAMILY,
    )
    await check_code(protocol, work)
    await work.protocols.add(protocol)
    return protocol


async def submit_version(version: ProtocolVersion, *, owner: UUID | None, work: Work) -> None:
    """Add a version of a protocol that the asker owns, and say so."""
    protocol = await owned(version.protocol_id, owner, work)
    await check_code(protocol, work)
    check_no_links(version.version, field="version")  # mails to its reviewers carry it
    await work.protocols.add_version(version, owner=owner)
    work.emit(
        ProtocolSubmitted(
            protocol_id=protocol.protocol_id,
            protocol_code=protocol.code,
            protocol_version=version.version,
            public=protocol.public,
            member_id=protocol.owner,
            effective_from=version.effective_from,
            effective_until=version.effective_until,
            submitted_at=work.now,
        ),
        about=str(protocol.protocol_id),
    )


async def list_protocols(
    *, for_review: bool, work: Work, by: str = ""
) -> list[tuple[Protocol, list[ProtocolVersion]]]:
    """The protocols that the asker may see, by code; a reviewer sees all without a conflict of interest."""
    if not for_review:
        return await work.protocols.visible()
    found: dict[UUID, tuple[Protocol, list[ProtocolVersion]]] = {}
    conflicts = await work.impartiality.conflicts()
    for owner in await work.owners.all():
        if conflicts.bar(by, owner):
            continue
        async with work.acting_for(owner):
            found |= {one[0].protocol_id: one for one in await work.protocols.visible()}
    return sorted(found.values(), key=lambda one: one[0].code)


async def protocol_named(assessment: Assessment, *, for_review: bool, work: Work) -> str:
    """The name and version of the protocol that an assessment is of, which the asker may see."""
    if for_review:
        async with work.acting_for(assessment.owner):
            protocol = await work.protocols.get(assessment.protocol_id)
    else:
        protocol = await work.protocols.get(assessment.protocol_id)
    return f"{protocol.name} {assessment.version}"


async def owned(protocol_id: UUID, owner: UUID | None, work: Work) -> Protocol:
    """A protocol of this owner's. Raises `Forbidden` for a public one that the asker does not keep."""
    protocol = await work.protocols.get(protocol_id)
    if protocol.owner != owner:
        raise Forbidden(
            f"{protocol.code} is public; the secretariat maintains it",
            field="protocol_id",
            remedy="adopt it at the registry, or register your own protocol",
        )
    return protocol


async def check_code(protocol: Protocol, work: Work) -> None:
    """Checked at each step, because a public protocol may be registered between two of them."""
    if not protocol.public:
        check_own_code(protocol.code, await work.protocols.public_names())
