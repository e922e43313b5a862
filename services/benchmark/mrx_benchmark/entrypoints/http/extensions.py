"""What protocols ask for beyond the criteria, over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from mrx_shared.api import benchmark as api
from mrx_shared.bus.requests import Command, Requests
from mrx_shared.kit.access import Access, Principal, Role

from mrx_benchmark.domain.extensions import Extension
from mrx_benchmark.handlers import extensions
from mrx_benchmark.ports import Work


def add_extensions(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    """Add the routes to the benchmark's."""
    owner = Annotated[Principal, Depends(access.require(Role.MEMBER, Role.SECRETARIAT))]
    do = Annotated[Command[Work], Depends(requests.command)]

    @router.post(
        "/protocols/{protocol_id}/versions/{version}/extensions",
        status_code=201,
        response_model=api.Done,
        tags=["protocols"],
    )
    async def keep(
        protocol_id: UUID, version: str, asked: api.NewExtension, who: owner, command: do
    ) -> Response:
        async def kept(work: Work) -> api.Done:
            await extensions.keep_extension(
                protocol_id, version, Extension(**asked.model_dump()), owner=who.member, work=work
            )
            return api.Done()

        return await command(kept, by=who, status=201)

    @router.get("/extensions", tags=["protocols"])
    async def find(who: owner, q: Annotated[str, Query(max_length=200)] = "") -> api.Extensions:
        async def found(work: Work) -> api.Extensions:
            return api.Extensions(
                extensions=[api.Extension.of(one) for one in await extensions.find_extensions(q, work=work)]
            )

        return await requests.read(found, tenant=who.member)
