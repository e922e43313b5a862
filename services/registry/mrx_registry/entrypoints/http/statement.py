"""Routes of the joint statement, its signatures and adoptions, and a member's own participation."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from mrx_shared.api import registry as api
from mrx_shared.bus.requests import Command
from mrx_shared.kit.access import Principal, Role
from mrx_shared.refusals import Unknown

from mrx_registry.domain.statement import Statement
from mrx_registry.entrypoints.http import answers
from mrx_registry.entrypoints.http.dependencies import Dependencies
from mrx_registry.handlers import statement
from mrx_registry.ports import Work


def joint_statement(deps: Dependencies) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/v1", tags=["statement"])
    _add_statements(routes, deps)
    _add_own(routes, deps)
    return routes


def _add_statements(routes: APIRouter, deps: Dependencies) -> None:
    secretariat = Annotated[Principal, Depends(deps.access.require(Role.SECRETARIAT))]
    anyone = Annotated[Principal, Depends(deps.access.require(*Role))]
    commanded = Annotated[Command[Work], Depends(deps.requests.command)]

    @routes.post("/statements", status_code=201, response_model=api.Statement)
    async def publish(asked: api.NewStatement, who: secretariat, command: commanded) -> Response:
        """Publish a version of the statement; it is the current one from now on."""

        async def verb(work: Work) -> api.Statement:
            return answers.statement(await statement.publish(asked.version, asked.text, work))

        return await command(verb, by=who, status=201)

    @routes.get("/statements/current")
    async def current(who: anyone) -> api.Statement:  # noqa: ARG001
        """The version to be read and signed."""

        async def verb(work: Work) -> Statement | None:
            return await work.statements.current()

        found = await deps.requests.read(verb)
        if found is None:
            raise Unknown("no statement has been published yet", remedy="the secretariat publishes it")
        return answers.statement(found)


def _add_own(routes: APIRouter, deps: Dependencies) -> None:
    member = Annotated[Principal, Depends(deps.access.require(Role.MEMBER))]
    commanded = Annotated[Command[Work], Depends(deps.requests.command)]

    @routes.post("/statement-signatures", status_code=201, response_model=api.Signature)
    async def sign(asked: api.NewSignature, who: member, command: commanded) -> Response:
        """Sign a published version, for a member that has passed step 1."""

        async def verb(work: Work) -> api.Signature:
            return answers.signature(*await statement.sign(who.tenant, asked, work))

        return await command(verb, by=who, status=201)

    @routes.post("/statement-signatures/withdrawal", response_model=api.SignatureWithdrawal)
    async def withdraw(who: member, command: commanded) -> Response:
        """Withdraw the member's signatures."""

        async def verb(work: Work) -> api.SignatureWithdrawal:
            return answers.signature_withdrawal(*await statement.withdraw(who.tenant, work))

        return await command(verb, by=who)

    @routes.post("/adoptions", status_code=201, response_model=api.Adoption)
    async def adopt(asked: api.NewAdoption, who: member, command: commanded) -> Response:
        """Adopt an equivalent public protocol as the member's way through step 1."""

        async def verb(work: Work) -> api.Adoption:
            return answers.adoption(
                *await statement.adopt(who.tenant, asked.protocol_id, asked.protocol_version, work)
            )

        return await command(verb, by=who, status=201)

    @routes.get("/participation")
    async def participation(who: member) -> api.Participation:
        """Whether the member takes part, and what it is missing."""

        async def verb(work: Work) -> api.Participation:
            return answers.participation(await statement.participation(who.tenant, work))

        return await deps.requests.read(verb, tenant=who.tenant)
