"""Protocols and their versions, over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from mrx_shared.api import benchmark as api
from mrx_shared.bus.requests import Command, Requests
from mrx_shared.kit.access import Access, Principal, Role

from mrx_benchmark.domain.protocols import ProtocolVersion
from mrx_benchmark.entrypoints.http.bodies import protocol_body
from mrx_benchmark.handlers import protocols
from mrx_benchmark.ports import Work


def add_protocols(router: APIRouter, requests: Requests[Work], access: Access) -> None:
    """Add the routes to the benchmark's."""
    owner = Annotated[Principal, Depends(access.require(Role.MEMBER, Role.SECRETARIAT))]
    reader = Annotated[Principal, Depends(access.require(Role.MEMBER, Role.SECRETARIAT, Role.REVIEWER))]
    do = Annotated[Command[Work], Depends(requests.command)]

    @router.post("/protocols", status_code=201, response_model=api.ProtocolRegistered, tags=["protocols"])
    async def register_protocol(asked: api.NewProtocol, who: owner, command: do) -> Response:
        async def registered(work: Work) -> api.ProtocolRegistered:
            protocol = await protocols.register_protocol(
                code=asked.code,
                name=asked.name,
                scheme_family=asked.scheme_family,
                public=asked.public,
                owner=who.member,
                work=work,
            )
            return api.ProtocolRegistered(protocol_id=protocol.protocol_id)

        return await command(registered, by=who, status=201)

    @router.post(
        "/protocols/{protocol_id}/versions",
        status_code=201,
        response_model=api.ProtocolVersion,
        tags=["protocols"],
    )
    async def submit_version(
        protocol_id: UUID, asked: api.NewProtocolVersion, who: owner, command: do
    ) -> Response:
        async def submitted(work: Work) -> api.ProtocolVersion:
            version = ProtocolVersion(
                protocol_id=protocol_id,
                version=asked.version,
                effective_from=asked.effective_from,
                effective_until=asked.effective_until,
            )
            await protocols.submit_version(version, owner=who.member, work=work)
            return api.ProtocolVersion.of(version)

        return await command(submitted, by=who, status=201)

    @router.get("/protocols", tags=["protocols"])
    async def list_protocols(who: reader) -> api.Protocols:
        async def listed(work: Work) -> api.Protocols:
            found = await protocols.list_protocols(
                for_review=who.role is Role.REVIEWER, by=who.subject, work=work
            )
            return api.Protocols(protocols=[protocol_body(*one) for one in found])

        return await requests.read(listed, tenant=who.member)
