"""What protocols ask for beyond the criteria. `owner` is None for the secretariat."""

from uuid import UUID

from mrx_criteria.domain.answers import plain_text
from mrx_shared.refusals import Invalid

from mrx_benchmark.domain.extensions import Extension
from mrx_benchmark.handlers.protocols import owned
from mrx_benchmark.ports import Work


async def keep_extension(
    protocol_id: UUID, version: str, extension: Extension, *, owner: UUID | None, work: Work
) -> None:
    """Keep what a protocol asks for beyond the criteria."""
    await owned(protocol_id, owner, work)
    await work.protocols.version(protocol_id, version)
    for name in ("topic", "requirement_ref", "requirement_text"):
        plain_text(getattr(extension, name), field=name)
    if not extension.topic.strip() or not extension.requirement_text.strip():
        raise Invalid("an extension without topic or text", field="topic", remedy="state both")
    await work.extensions.keep(protocol_id, version, extension, owner=owner)


async def find_extensions(query: str, *, work: Work) -> list[Extension]:
    """The extensions that hold these words, of own and public protocols."""
    return await work.extensions.find(query)
