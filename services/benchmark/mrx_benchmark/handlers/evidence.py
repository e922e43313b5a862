"""Files behind answers. `owner` is the member that asks, or None for the secretariat."""

from dataclasses import replace
from uuid import UUID

from mrx_shared.refusals import Unknown

from mrx_benchmark.domain.evidence import Evidence, check_room, referred
from mrx_benchmark.handlers.protocols import owned
from mrx_benchmark.ports import Work


async def admit(protocol_id: UUID, size: int, *, owner: UUID | None, work: Work) -> None:
    """Whether a file may come: asked before its bytes are kept. Raises `Rejected`."""
    await owned(protocol_id, owner, work)
    check_room(await work.evidence.of_protocol(protocol_id), size)


async def keep(evidence: Evidence, *, work: Work) -> Evidence:
    """Keep what is known of a file whose bytes are kept already."""
    await admit(evidence.protocol_id, 0, owner=evidence.owner, work=work)
    return await work.evidence.add(replace(evidence, kept_at=work.now))


async def files_of(
    protocol_id: UUID, *, owner: UUID | None, for_review: bool, by: str, work: Work
) -> list[Evidence]:
    """A protocol's files: all to its owner; to a reviewer who is free those that submitted answers refer to."""
    if not for_review:
        await owned(protocol_id, owner, work)
        return await work.evidence.of_protocol(protocol_id)
    owner = await work.owners.of_protocol(protocol_id)
    (await work.impartiality.conflicts()).check(by, owner)
    async with work.acting_for(owner):
        told = referred(await work.evidence.submitted(protocol_id))
        return [one for one in await work.evidence.of_protocol(protocol_id) if one.sha256 in told]


async def file_named(
    protocol_id: UUID, sha256: str, *, owner: UUID | None, for_review: bool, by: str, work: Work
) -> Evidence:
    """One of these files. Raises `Unknown`."""
    for one in await files_of(protocol_id, owner=owner, for_review=for_review, by=by, work=work):
        if one.sha256 == sha256:
            return one
    raise Unknown("there is no such file", field="sha256", remedy="list the protocol's evidence first")
