"""Routes of members: the secretariat admits and suspends, a member reads its own."""

from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Response
from mrx_shared.api import registry as api
from mrx_shared.bus.requests import Command
from mrx_shared.kit.access import Principal, Role
from mrx_shared.refusals import Unknown

from mrx_registry.domain.members import Member
from mrx_registry.entrypoints.http import answers
from mrx_registry.entrypoints.http.dependencies import Dependencies
from mrx_registry.handlers import access, admission
from mrx_registry.ports import Work


def membership(deps: Dependencies) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/v1/members", tags=["members"])
    _add_admission(routes, deps)
    _add_suspension(routes, deps)
    _add_kafka(routes, deps)
    return routes


def _add_admission(routes: APIRouter, deps: Dependencies) -> None:
    secretariat = Annotated[Principal, Depends(deps.access.require(Role.SECRETARIAT))]
    reader = Annotated[Principal, Depends(deps.access.require(Role.SECRETARIAT, Role.MEMBER))]
    commanded = Annotated[Command[Work], Depends(deps.requests.command)]

    @routes.post("", status_code=202, response_model=api.Member)
    async def admit(asked: api.NewMember, who: secretariat, command: commanded) -> Response:
        """Take a member on. It is admitted as soon as its topics and rights stand on Kafka."""

        async def verb(work: Work) -> api.Member:
            return answers.member(await admission.admit(asked, work, member_id=uuid4()))

        response = await command(verb, by=who, status=202)
        deps.provision_soon()
        return response

    @routes.get("")
    async def members(who: secretariat) -> api.Members:  # noqa: ARG001
        """All members, by name."""

        async def verb(work: Work) -> api.Members:
            return api.Members(members=tuple(map(answers.member, await work.members.every())))

        return await deps.requests.read(verb)

    @routes.get("/{member_id}")
    async def member(member_id: UUID, who: reader) -> api.Member:
        """One member; a member sees itself."""
        access.may_see(member_id, own=who.member)

        async def verb(work: Work) -> Member | None:
            return await work.members.find(member_id)

        found = await deps.requests.read(verb, tenant=who.member)
        if found is None:
            raise Unknown("there is no such member", field="member_id")
        return answers.member(found)


def _add_suspension(routes: APIRouter, deps: Dependencies) -> None:
    secretariat = Annotated[Principal, Depends(deps.access.require(Role.SECRETARIAT))]
    commanded = Annotated[Command[Work], Depends(deps.requests.command)]

    @routes.post("/{member_id}/suspension", response_model=api.Member)
    async def suspend(member_id: UUID, who: secretariat, command: commanded) -> Response:
        """Suspend a member: no tokens, no Kafka user, no rights; its topics stay."""

        async def verb(work: Work) -> api.Member:
            return answers.member(await admission.suspend(member_id, work))

        response = await command(verb, by=who)
        deps.provision_soon()
        return response

    @routes.post("/{member_id}/reinstatement", response_model=api.Member)
    async def reinstate(member_id: UUID, who: secretariat, command: commanded) -> Response:
        """End a suspension. Ask for a new Kafka password afterwards."""

        async def verb(work: Work) -> api.Member:
            return answers.member(await admission.reinstate(member_id, work))

        response = await command(verb, by=who)
        deps.provision_soon()
        return response


def _add_kafka(routes: APIRouter, deps: Dependencies) -> None:
    reader = Annotated[Principal, Depends(deps.access.require(Role.SECRETARIAT, Role.MEMBER))]
    commanded = Annotated[Command[Work], Depends(deps.requests.command)]

    @routes.post("/{member_id}/kafka-credentials", status_code=202, response_model=api.KafkaCredentials)
    async def replace_kafka_password(member_id: UUID, who: reader, command: commanded) -> Response:
        """A new Kafka password, shown once; it holds when the state is `ready`."""
        access.may_see(member_id, own=who.member)
        password = deps.secrets.new()

        async def verb(work: Work) -> api.KafkaCredentials:
            await admission.replace_kafka_password(member_id, password, work, seal=deps.seal)
            return answers.kafka_credentials(member_id, password=password, ready=False)

        response = await command(verb, by=who, status=202, secrets=("password",))
        deps.provision_soon()
        return response

    @routes.get("/{member_id}/kafka-credentials")
    async def kafka_credentials(member_id: UUID, who: reader) -> api.KafkaCredentials:
        """Whether the member's Kafka user and rights stand as they were asked for."""
        access.may_see(member_id, own=who.member)

        async def verb(work: Work) -> bool:
            return await admission.kafka_access_ready(member_id, work)

        ready = await deps.requests.read(verb, tenant=who.member)
        return answers.kafka_credentials(member_id, password=None, ready=ready)
