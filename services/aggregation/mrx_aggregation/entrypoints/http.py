"""The HTTP API of aggregation."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response
from mrx_shared.api.bodies import Answer, RequestBody
from mrx_shared.bus.requests import Command, Requests
from mrx_shared.kit.access import Access, Principal, Role
from mrx_shared.messages.aggregation import RowRefusal
from mrx_shared.refusals import Unknown
from pydantic import Field

from mrx_aggregation.domain.lists import ListState, ReceivedList
from mrx_aggregation.domain.rounds import Round, RoundState
from mrx_aggregation.handlers import releases, rounds
from mrx_aggregation.ports import Release, Shelf, Work

MOST_LISTS = 500
Revision = Annotated[int, Path(ge=1, lt=2**31)]


class ListShown(Answer):
    """A revision of the asker's own list."""

    list_id: UUID
    revision: int
    state: ListState
    reason: str | None
    remedy: str | None
    rows: int
    accepted: int
    refused: int
    waiting: int
    round_id: UUID | None
    received_at: datetime


class ListsShown(Answer):
    """The asker's own lists, newest first."""

    lists: list[ListShown]


class RefusalsShown(Answer):
    """Refused rows of a list, by row; ask again with `after_row` = the last one's row."""

    refusals: list[RowRefusal]


class RoundAsked(RequestBody):
    """A round to open."""

    as_of: date | None = Field(default=None, description="by default today, UTC")


class CloseAsked(RequestBody):
    """How to close."""

    leave_waiting: bool = Field(default=False, description="move what waits to the next round")


class NumbersShown(Answer):
    """What a round holds; `sites` is always `released` and `held` together."""

    lists: int
    rows: int
    accepted: int
    refused: int
    waiting: int
    lists_waiting: int
    lists_incomplete: int
    sites: int
    sites_on_several_lists: int
    independent_groups: int
    released: int
    held: int


class TroubleShown(Answer):
    """Why a round does not come on."""

    step: RoundState = Field(description="the state that it cannot leave")
    cause: str
    permanent: bool = Field(description="it fails until somebody mends the cause")
    since: datetime
    attempts: int = Field(description="failures in a row")
    next_try_at: datetime


class RoundShown(Answer):
    """A round as it stands."""

    round_id: UUID
    as_of: date
    state: RoundState
    proposed_by: str | None
    approved_by: str | None
    release_id: UUID | None
    numbers: NumbersShown
    trouble: TroubleShown | None = Field(
        default=None, description="while closing or releasing fails; null once it has succeeded"
    )


class RoundsShown(Answer):
    """All rounds, newest first."""

    rounds: list[RoundShown]


class ReleaseShown(Answer):
    """A released list; its documents by name, with their SHA-256."""

    release_id: UUID
    round_id: UUID
    as_of: date
    rows: int
    held: int | None = Field(description="only for the secretariat")
    documents: dict[str, str]
    released_at: datetime


class LinkAsked(RequestBody):
    """Which document to fetch."""

    document: str = Field(max_length=100)


class LinkShown(Answer):
    """An address to fetch one document from, for a minute, without a token."""

    url: str | None = Field(repr=False, description="null when the request is repeated: ask for a new link")
    expires_at: datetime
    sha256: str


def build_router(requests: Requests[Work], access: Access, shelf: Shelf) -> APIRouter:
    """Every route of aggregation but those that every service has."""
    router = APIRouter(prefix="/v1")
    _add_lists(router, requests, access)
    _add_rounds(router, requests, access)
    _add_release_steps(router, requests, access)
    _add_releases(router, requests, access, shelf)
    return router


def _add_lists(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    member = Annotated[Principal, Depends(access.require(Role.MEMBER))]

    @router.get("/lists", tags=["lists"])
    async def list_lists(who: member) -> ListsShown:
        async def shown(work: Work) -> ListsShown:
            received = await work.lists.newest_first(limit=MOST_LISTS)
            return ListsShown(lists=[_list_shown(one) for one in received])

        return await requests.read(shown, tenant=who.tenant)

    @router.get("/lists/{list_id}/revisions/{revision}", tags=["lists"])
    async def show_list(list_id: UUID, revision: Revision, who: member) -> ListShown:
        async def shown(work: Work) -> ListShown:
            return _list_shown(await _own(list_id, revision, work))

        return await requests.read(shown, tenant=who.tenant)

    @router.get("/lists/{list_id}/revisions/{revision}/refusals", tags=["lists"])
    async def list_refusals(
        list_id: UUID,
        revision: Revision,
        who: member,
        after_row: Annotated[int, Query(ge=0, lt=2**31)] = 0,
        limit: Annotated[int, Query(ge=1, le=5000)] = 500,
    ) -> RefusalsShown:
        async def shown(work: Work) -> RefusalsShown:
            received = await _own(list_id, revision, work)
            refused = await work.lists.refused_rows(received, after_row=after_row, limit=limit)
            return RefusalsShown(
                refusals=[
                    RowRefusal(
                        row=one.row,
                        row_ref=one.row_ref,
                        field=one.field,
                        reason=one.reason,
                        remedy=one.remedy,
                    )
                    for one in refused
                ]
            )

        return await requests.read(shown, tenant=who.tenant)


def _add_rounds(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    secretariat = Annotated[Principal, Depends(access.require(Role.SECRETARIAT))]
    do = Annotated[Command[Work], Depends(requests.command)]

    @router.post("/rounds", status_code=201, response_model=RoundShown, tags=["rounds"])
    async def open_round(asked: RoundAsked, who: secretariat, command: do) -> Response:
        async def opened(work: Work) -> RoundShown:
            return _round_shown(await rounds.open_round(asked.as_of, work))

        return await command(opened, by=who, status=201)

    @router.get("/rounds", tags=["rounds"])
    async def list_rounds(who: secretariat) -> RoundsShown:  # noqa: ARG001
        async def shown(work: Work) -> RoundsShown:
            return RoundsShown(rounds=[_round_shown(one) for one in await rounds.look_at_all(work)])

        return await requests.read(shown)

    @router.get("/rounds/{round_id}", tags=["rounds"])
    async def show_round(round_id: UUID, who: secretariat) -> RoundShown:  # noqa: ARG001
        async def shown(work: Work) -> RoundShown:
            return _round_shown(await rounds.look_at(round_id, work))

        return await requests.read(shown)

    @router.post("/rounds/{round_id}/close", status_code=202, response_model=RoundShown, tags=["rounds"])
    async def close_round(round_id: UUID, asked: CloseAsked, who: secretariat, command: do) -> Response:
        async def closing(work: Work) -> RoundShown:
            return _round_shown(await rounds.close(round_id, work, leave_waiting=asked.leave_waiting))

        return await command(closing, by=who, status=202)


def _add_release_steps(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    secretariat = Annotated[Principal, Depends(access.require(Role.SECRETARIAT))]
    do = Annotated[Command[Work], Depends(requests.command)]

    @router.post("/rounds/{round_id}/release", status_code=202, response_model=RoundShown, tags=["rounds"])
    async def propose_release(round_id: UUID, who: secretariat, command: do) -> Response:
        async def proposed(work: Work) -> RoundShown:
            return _round_shown(await rounds.propose_release(round_id, work, by=who.subject))

        return await command(proposed, by=who, status=202)

    @router.post("/rounds/{round_id}/withdrawal", response_model=RoundShown, tags=["rounds"])
    async def withdraw_release(round_id: UUID, who: secretariat, command: do) -> Response:
        async def withdrawn(work: Work) -> RoundShown:
            return _round_shown(await rounds.withdraw_release(round_id, work))

        return await command(withdrawn, by=who)

    @router.post("/rounds/{round_id}/approve", status_code=202, response_model=RoundShown, tags=["rounds"])
    async def approve_release(round_id: UUID, who: secretariat, command: do) -> Response:
        async def approved(work: Work) -> RoundShown:
            return _round_shown(await rounds.approve_release(round_id, work, by=who.subject))

        return await command(approved, by=who, status=202)


def _add_releases(router: APIRouter, requests: Requests[Work], access: Access, shelf: Shelf) -> None:
    reader = Annotated[Principal, Depends(access.require(Role.MEMBER, Role.SECRETARIAT))]
    do = Annotated[Command[Work], Depends(requests.command)]

    @router.get("/releases/latest", tags=["releases"])
    async def show_latest(who: reader) -> ReleaseShown:
        async def shown(work: Work) -> ReleaseShown:
            return _release_shown(await releases.look_at(None, work, member_id=who.member), who)

        return await requests.read(shown)

    @router.get("/releases/{release_id}", tags=["releases"])
    async def show_release(release_id: UUID, who: reader) -> ReleaseShown:
        async def shown(work: Work) -> ReleaseShown:
            return _release_shown(await releases.look_at(release_id, work, member_id=who.member), who)

        return await requests.read(shown)

    @router.post("/releases/{release_id}/links", status_code=201, response_model=LinkShown, tags=["releases"])
    async def mint_link(release_id: UUID, asked: LinkAsked, who: reader, command: do) -> Response:
        async def minted(work: Work) -> LinkShown:
            link = await releases.mint_link(
                release_id, asked.document, work, shelf=shelf, member_id=who.member
            )
            return LinkShown(url=link.url, expires_at=link.expires_at, sha256=link.sha256)

        return await command(minted, by=who, status=201, secrets=("url",))


async def _own(list_id: UUID, revision: int, work: Work) -> ReceivedList:
    received = await work.lists.find(list_id, revision)
    if received is None:
        raise Unknown("there is no such list of yours", field="list_id", remedy="GET /v1/lists lists them")
    return received


def _list_shown(received: ReceivedList) -> ListShown:
    return ListShown(
        list_id=received.list_id,
        revision=received.revision,
        state=received.state,
        reason=received.reason,
        remedy=received.remedy,
        rows=received.rows,
        accepted=received.tally.accepted,
        refused=received.tally.refused,
        waiting=received.tally.waiting,
        round_id=received.round_id,
        received_at=received.received_at,
    )


def _round_shown(current: Round) -> RoundShown:
    return RoundShown(
        round_id=current.round_id,
        as_of=current.as_of,
        state=current.state,
        proposed_by=current.proposed_by,
        approved_by=current.approved_by,
        release_id=current.release_id,
        numbers=NumbersShown.model_validate(current.numbers, from_attributes=True),
        trouble=TroubleShown.model_validate(current.trouble, from_attributes=True)
        if current.trouble
        else None,
    )


def _release_shown(release: Release, who: Principal) -> ReleaseShown:
    assert release.rows is not None
    assert release.released_at is not None
    secretariat = who.role is Role.SECRETARIAT
    return ReleaseShown(
        release_id=release.release_id,
        round_id=release.round_id,
        as_of=release.as_of,
        rows=release.rows,
        held=release.held if secretariat else None,
        documents=release.documents_for(secretariat=secretariat),
        released_at=release.released_at,
    )
