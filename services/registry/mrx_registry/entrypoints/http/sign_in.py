"""Routes of people who sign in. All but the first may be repeated without harm, and take no Idempotency-Key."""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Response
from fastapi.responses import JSONResponse
from mrx_shared.bus.requests import Command
from mrx_shared.kit.access import Principal, Role
from mrx_shared.kit.http import problem

from mrx_registry.entrypoints.http import asked as bodies
from mrx_registry.entrypoints.http.answers import Done, SessionAnswer, SignedIn, SignInSet
from mrx_registry.entrypoints.http.desk import Desk
from mrx_registry.handlers import sign_in
from mrx_registry.handlers.access import Unproved
from mrx_registry.ports import Work

_Session = Annotated[str, Header(alias="MRX-Session", min_length=1, max_length=200)]
_NOT_STORED = {"Cache-Control": "no-store"}


def signing_in(desk: Desk) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/v1", tags=["sign-in"])
    _add_how(routes, desk)
    _add_sessions(routes, desk)
    _add_passwords(routes, desk)
    return routes


def _add_how(routes: APIRouter, desk: Desk) -> None:
    anyone = Annotated[Principal, Depends(desk.access.require(*Role))]
    commanded = Annotated[Command[Work], Depends(desk.requests.command)]

    @routes.post("/principals/{principal_id}/sign-in", response_model=SignInSet)
    async def let_sign_in(
        principal_id: UUID, asked: bodies.NewSignIn, who: anyone, command: commanded
    ) -> Response:
        """Let a person sign in with an address; without a password it is sent a link to choose one."""
        new = sign_in.NewSignIn(
            email=asked.email,
            language=asked.language,
            password_hash=await sign_in.chosen_password(
                asked.password, email=asked.email, secrets=desk.secrets
            )
            if asked.password is not None
            else None,
        )

        async def verb(work: Work) -> SignInSet:
            principal = await sign_in.set_sign_in(
                principal_id, new, work, by=who.subject, by_secretariat=who.role is Role.SECRETARIAT
            )
            return SignInSet(principal_id=principal.id, language=principal.language)

        return await command(verb, by=who)


def _add_sessions(routes: APIRouter, desk: Desk) -> None:
    @routes.post("/sign-ins", status_code=201, response_model=SessionAnswer)
    async def begin(asked: bodies.SignIn) -> Response:
        """Sign in. The session's token is shown once; it ends after 12 hours without use, and after 7 days."""
        try:
            token, seen = await sign_in.sign_in(
                asked.email, asked.password, desk.transact, secrets=desk.secrets
            )
        except Unproved as error:
            return problem(401, error.reason, field=error.field, remedy=error.remedy)
        except sign_in.TooManyGuesses as error:
            return problem(
                429,
                "too many sign-ins failed",
                field="email",
                remedy="wait a while, or use 'Forgot your password?'",
                retryable=True,
                headers={"Retry-After": str(error.seconds)},
            )
        answer = SessionAnswer.begun(seen, token=token)
        return JSONResponse(answer.model_dump(mode="json"), 201, _NOT_STORED)

    @routes.get("/sign-ins/current", response_model=SignedIn)
    async def current(session: _Session) -> Response:
        """Who is signed in; asking keeps the session alive."""
        try:
            seen = await desk.transact(partial(sign_in.who_is_signed_in, session))
        except sign_in.SignedOut as error:
            return problem(401, error.reason, field=error.field, remedy=error.remedy)
        return JSONResponse(SignedIn.of(seen).model_dump(mode="json"), headers=_NOT_STORED)

    @routes.post("/sign-ins/current/end")
    async def end(session: _Session) -> Done:
        """Sign out."""
        await desk.transact(partial(sign_in.sign_out, session))
        return Done()


def _add_passwords(routes: APIRouter, desk: Desk) -> None:
    @routes.post("/password-resets", status_code=202)
    async def forgotten(asked: bodies.Forgotten) -> Done:
        """Have a one-time link sent, if somebody signs in with this address; the answer does not tell."""
        await desk.transact(partial(sign_in.wish_for_password, asked.email))
        desk.send_links_soon()
        return Done()

    @routes.post("/password-resets/redemption")
    async def redeem(asked: bodies.Redemption) -> Done:
        """Choose a password with a one-time link; whoever is signed in with the old one no longer is."""
        await sign_in.redeem(asked.token, asked.password, desk.transact, secrets=desk.secrets)
        return Done()
