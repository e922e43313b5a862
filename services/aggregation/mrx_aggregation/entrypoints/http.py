"""The HTTP API of aggregation."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response
from mrx_shared.api import aggregation as api
from mrx_shared.bus.requests import Command, Requests
from mrx_shared.kit.access import Access, Principal, Role
from mrx_shared.messages.aggregation import RowRefusal
from mrx_shared.refusals import Unknown

from mrx_aggregation.domain.lists import ReceivedList
from mrx_aggregation.domain.rounds import Round
from mrx_aggregation.handlers import releases, rounds
from mrx_aggregation.ports import DocumentStore, Release, Work

MOST_LISTS = 500
Revision = Annotated[int, Path(ge=1, lt=2**31)]


def build_router(requests: Requests[Work], access: Access, store: DocumentStore) -> APIRouter:
    """Every route of aggregation but those that every service has."""
    router = APIRouter(prefix="/v1")
    _add_lists(router, requests, access)
    _add_rounds(router, requests, access)
    _add_release_steps(router, requests, access)
    _add_releases(router, requests, access, store)
    return router


def _add_lists(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    member = Annotated[Principal, Depends(access.require(Role.MEMBER))]

    @router.get("/lists", tags=["lists"])
    async def list_lists(who: member) -> api.ReceivedLists:
        async def shown(work: Work) -> api.ReceivedLists:
            received = await work.lists.newest_first(limit=MOST_LISTS)
            return api.ReceivedLists(lists=tuple(map(_list, received)))

        return await requests.read(shown, tenant=who.tenant)

    @router.get("/lists/{list_id}/revisions/{revision}", tags=["lists"])
    async def show_list(list_id: UUID, revision: Revision, who: member) -> api.ReceivedList:
        async def shown(work: Work) -> api.ReceivedList:
            return _list(await _own(list_id, revision, work))

        return await requests.read(shown, tenant=who.tenant)

    @router.get("/lists/{list_id}/revisions/{revision}/refusals", tags=["lists"])
    async def list_refusals(
        list_id: UUID,
        revision: Revision,
        who: member,
        after_row: Annotated[int, Query(ge=0, lt=2**31)] = 0,
        limit: Annotated[int, Query(ge=1, le=5000)] = 500,
    ) -> api.Refusals:
        async def shown(work: Work) -> api.Refusals:
            received = await _own(list_id, revision, work)
            refused = await work.lists.refused_rows(received, after_row=after_row, limit=limit)
            return api.Refusals(
                refusals=[RowRefusal.model_validate(one, from_attributes=True) for one in refused]
            )

        return await requests.read(shown, tenant=who.tenant)


def _add_rounds(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    secretariat = Annotated[Principal, Depends(access.require(Role.SECRETARIAT))]
    do = Annotated[Command[Work], Depends(requests.command)]

    @router.post("/rounds", status_code=201, response_model=api.Round, tags=["rounds"])
    async def open_round(asked: api.NewRound, who: secretariat, command: do) -> Response:
        async def opened(work: Work) -> api.Round:
            return _round(await rounds.open_round(asked.as_of, work))

        return await command(opened, by=who, status=201)

    @router.get("/rounds", tags=["rounds"])
    async def list_rounds(who: secretariat) -> api.Rounds:  # noqa: ARG001
        async def shown(work: Work) -> api.Rounds:
            return api.Rounds(rounds=tuple(map(_round, await rounds.look_at_all(work))))

        return await requests.read(shown)

    @router.get("/rounds/{round_id}", tags=["rounds"])
    async def show_round(round_id: UUID, who: secretariat) -> api.Round:  # noqa: ARG001
        async def shown(work: Work) -> api.Round:
            return _round(await rounds.look_at(round_id, work))

        return await requests.read(shown)

    @router.post("/rounds/{round_id}/close", status_code=202, response_model=api.Round, tags=["rounds"])
    async def close_round(round_id: UUID, asked: api.NewClosing, who: secretariat, command: do) -> Response:
        async def closing(work: Work) -> api.Round:
            return _round(await rounds.close(round_id, work, leave_waiting=asked.leave_waiting))

        return await command(closing, by=who, status=202)


def _add_release_steps(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    secretariat = Annotated[Principal, Depends(access.require(Role.SECRETARIAT))]
    do = Annotated[Command[Work], Depends(requests.command)]

    @router.post("/rounds/{round_id}/release", status_code=202, response_model=api.Round, tags=["rounds"])
    async def propose_release(round_id: UUID, who: secretariat, command: do) -> Response:
        async def proposed(work: Work) -> api.Round:
            return _round(await rounds.propose_release(round_id, work, by=who.subject))

        return await command(proposed, by=who, status=202)

    @router.post("/rounds/{round_id}/withdrawal", response_model=api.Round, tags=["rounds"])
    async def withdraw_release(round_id: UUID, who: secretariat, command: do) -> Response:
        async def withdrawn(work: Work) -> api.Round:
            return _round(await rounds.withdraw_release(round_id, work))

        return await command(withdrawn, by=who)

    @router.post("/rounds/{round_id}/approve", status_code=202, response_model=api.Round, tags=["rounds"])
    async def approve_release(round_id: UUID, who: secretariat, command: do) -> Response:
        async def approved(work: Work) -> api.Round:
            return _round(await rounds.approve_release(round_id, work, by=who.subject))

        return await command(approved, by=who, status=202)


def _add_releases(router: APIRouter, requests: Requests[Work], access: Access, store: DocumentStore) -> None:
    reader = Annotated[Principal, Depends(access.require(Role.MEMBER, Role.SECRETARIAT))]
    do = Annotated[Command[Work], Depends(requests.command)]

    @router.get("/releases/latest", tags=["releases"])
    async def show_latest(who: reader) -> api.Release:
        async def shown(work: Work) -> api.Release:
            return _release(await releases.look_at(None, work, member_id=who.member), who)

        return await requests.read(shown)

    @router.get("/releases/{release_id}", tags=["releases"])
    async def show_release(release_id: UUID, who: reader) -> api.Release:
        async def shown(work: Work) -> api.Release:
            return _release(await releases.look_at(release_id, work, member_id=who.member), who)

        return await requests.read(shown)

    @router.post("/releases/{release_id}/links", status_code=201, response_model=api.Link, tags=["releases"])
    async def mint_link(release_id: UUID, asked: api.NewLink, who: reader, command: do) -> Response:
        async def minted(work: Work) -> api.Link:
            link = await releases.mint_link(
                release_id, asked.document, work, store=store, member_id=who.member
            )
            return api.Link.of(link)

        return await command(minted, by=who, status=201, secrets=("url",))


async def _own(list_id: UUID, revision: int, work: Work) -> ReceivedList:
    received = await work.lists.find(list_id, revision)
    if received is None:
        raise Unknown("there is no such list of yours", field="list_id", remedy="GET /v1/lists lists them")
    return received


def _list(received: ReceivedList) -> api.ReceivedList:
    tally = received.tally
    return api.ReceivedList.of(
        received, accepted=tally.accepted, refused=tally.refused, waiting=tally.waiting
    )


def _round(current: Round) -> api.Round:
    trouble = api.Trouble.of(current.trouble) if current.trouble else None
    return api.Round.of(current, numbers=api.Numbers.of(current.numbers), trouble=trouble)


def _release(release: Release, who: Principal) -> api.Release:
    secretariat = who.role is Role.SECRETARIAT
    return api.Release.of(
        release,
        held=release.held if secretariat else None,
        documents=release.documents_for(secretariat=secretariat),
    )
