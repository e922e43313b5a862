"""Looking at releases, and fetching their documents."""

from uuid import UUID

from mrx_shared.refusals import Forbidden, Invalid

from mrx_aggregation.ports import LINK_LASTS, DocumentStore, Link, Release, Work


async def look_at(release_id: UUID | None, work: Work, *, member_id: UUID | None) -> Release:
    """A published release, or the latest, for a participant, or for the secretariat where `member_id` is None."""
    await _must_take_part(member_id, work)
    return await work.rounds.release(release_id)


async def mint_link(
    release_id: UUID, document: str, work: Work, *, store: DocumentStore, member_id: UUID | None
) -> Link:
    """A link to one document for a participant, or for the secretariat where `member_id` is None."""
    secretariat = member_id is None
    await _must_take_part(member_id, work)
    release = await work.rounds.release(release_id)
    documents = release.documents_for(secretariat=secretariat)
    if document not in documents:
        raise Invalid(
            "the release has no such document", field="document", remedy=f"ask for {', '.join(documents)}"
        )
    return Link(
        url=await store.link(release, document, secretariat=secretariat),
        expires_at=work.now + LINK_LASTS,
        sha256=documents[document],
    )


async def _must_take_part(member_id: UUID | None, work: Work) -> None:
    if member_id is None:
        return
    participation = await work.facts.participation(member_id)
    if participation is None or not participation.participates:
        raise Forbidden("only participants fetch the released list", remedy="see GET /v1/participation")
