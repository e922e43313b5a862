"""Routes of the joint statement, its signatures and adoptions, and a member's own participation."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from mrx_shared.bus.requests import Command
from mrx_shared.kit.access import Principal, Role
from mrx_shared.refusals import Unknown

from mrx_registry.domain.statement import Statement
from mrx_registry.entrypoints.http.answers import (
    AdoptionAnswer,
    ParticipationAnswer,
    SignatureAnswer,
    StatementAnswer,
    WithdrawalAnswer,
)
from mrx_registry.entrypoints.http.asked import NewAdoption, NewSignature, NewStatement
from mrx_registry.entrypoints.http.desk import Desk
from mrx_registry.handlers import statement
from mrx_registry.ports import Work


def joint_statement(desk: Desk) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/v1", tags=["statement"])
    _add_statements(routes, desk)
    _add_own(routes, desk)
    return routes


def _add_statements(routes: APIRouter, desk: Desk) -> None:
    secretariat = Annotated[Principal, Depends(desk.access.require(Role.SECRETARIAT))]
    anyone = Annotated[Principal, Depends(desk.access.require(*Role))]
    commanded = Annotated[Command[Work], Depends(desk.requests.command)]

    @routes.post("/statements", status_code=201, response_model=StatementAnswer)
    async def publish(asked: NewStatement, who: secretariat, command: commanded) -> Response:
        """Publish a version of the statement; it is the current one from now on."""

        async def verb(work: Work) -> StatementAnswer:
            return StatementAnswer.of(await statement.publish(asked.version, asked.text, work))

        return await command(verb, by=who, status=201)

    @routes.get("/statements/current")
    async def current(who: anyone) -> StatementAnswer:  # noqa: ARG001
        """The version to be read and signed."""

        async def verb(work: Work) -> Statement | None:
            return await work.statements.current()

        found = await desk.requests.read(verb)
        if found is None:
            raise Unknown("no statement was published yet", remedy="the secretariat publishes it")
        return StatementAnswer.of(found)


def _add_own(routes: APIRouter, desk: Desk) -> None:
    member = Annotated[Principal, Depends(desk.access.require(Role.MEMBER))]
    commanded = Annotated[Command[Work], Depends(desk.requests.command)]

    @routes.post("/statement-signatures", status_code=201, response_model=SignatureAnswer)
    async def sign(asked: NewSignature, who: member, command: commanded) -> Response:
        """Sign a published version, for a member that has passed step 1."""
        signing = statement.Signing(
            statement_version=asked.statement_version,
            text_sha256=asked.text_sha256,
            signatory_name=asked.signatory.name,
            signatory_title=asked.signatory.title,
        )

        async def verb(work: Work) -> SignatureAnswer:
            return SignatureAnswer.of(*await statement.sign(who.tenant, signing, work))

        return await command(verb, by=who, status=201)

    @routes.post("/statement-signatures/withdrawal", response_model=WithdrawalAnswer)
    async def withdraw(who: member, command: commanded) -> Response:
        """Withdraw the member's signatures."""

        async def verb(work: Work) -> WithdrawalAnswer:
            return WithdrawalAnswer.of(*await statement.withdraw(who.tenant, work))

        return await command(verb, by=who)

    @routes.post("/adoptions", status_code=201, response_model=AdoptionAnswer)
    async def adopt(asked: NewAdoption, who: member, command: commanded) -> Response:
        """Adopt an equivalent public protocol as the member's way through step 1."""

        async def verb(work: Work) -> AdoptionAnswer:
            return AdoptionAnswer.of(
                *await statement.adopt(who.tenant, asked.protocol_id, asked.protocol_version, work)
            )

        return await command(verb, by=who, status=201)

    @routes.get("/participation")
    async def participation(who: member) -> ParticipationAnswer:
        """Whether the member takes part, and what it is missing."""

        async def verb(work: Work) -> ParticipationAnswer:
            return ParticipationAnswer.of(await statement.participation(who.tenant, work))

        return await desk.requests.read(verb, tenant=who.tenant)
