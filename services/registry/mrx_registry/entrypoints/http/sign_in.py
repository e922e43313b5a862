"""Routes of people who sign in. All but the first two may be repeated without harm, and take no Idempotency-Key."""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Response
from fastapi.responses import JSONResponse
from mrx_shared.api import registry as api
from mrx_shared.bus.requests import Command
from mrx_shared.kit.access import Principal, Role
from mrx_shared.kit.http import problem

from mrx_registry.domain.sign_in import email_digest
from mrx_registry.entrypoints.http import answers
from mrx_registry.entrypoints.http.dependencies import Dependencies
from mrx_registry.handlers import password_links, passwords, sessions, throttling
from mrx_registry.handlers.access import Unproved
from mrx_registry.ports import Work

_Session = Annotated[str, Header(alias="MRX-Session", min_length=1, max_length=200)]
_NOT_STORED = {"Cache-Control": "no-store"}


def signing_in(deps: Dependencies) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/v1", tags=["sign-in"])
    _add_how(routes, deps)
    _add_sessions(routes, deps)
    _add_passwords(routes, deps)
    return routes


def _add_how(routes: APIRouter, deps: Dependencies) -> None:
    secretariat = Annotated[Principal, Depends(deps.access.require(Role.SECRETARIAT))]
    anyone = Annotated[Principal, Depends(deps.access.require(*Role))]
    commanded = Annotated[Command[Work], Depends(deps.requests.command)]

    @routes.post("/principals/{principal_id}/sign-in", response_model=api.SignIn)
    async def let_sign_in(
        principal_id: UUID, asked: api.NewSignIn, who: secretariat, command: commanded
    ) -> Response:
        """Let a person sign in with an address; it is sent a link to choose a password."""
        new = password_links.NewSignIn(
            email=asked.email,
            language=asked.language,
            unusable_hash=await deps.secrets.hash(deps.secrets.new()),
        )

        async def verb(work: Work) -> api.SignIn:
            principal = await password_links.set_sign_in(principal_id, new, work)
            return api.SignIn(principal_id=principal.id, language=principal.language)

        return await command(verb, by=who)

    @routes.post("/principals/{principal_id}/password", response_model=api.Done)
    async def choose_first(
        principal_id: UUID, asked: api.NewFirstPassword, who: anyone, command: commanded
    ) -> Response:
        """Choose one's first password by token, without a mailed link; only while there is none."""
        async with deps.known.enter():
            kept = await passwords.first_password(
                principal_id, asked.password, secrets=deps.secrets, by=who.subject
            )

        async def verb(work: Work) -> api.Done:
            await passwords.choose_first(principal_id, asked.password, kept, work, by=who.subject)
            return api.Done()

        return await command(verb, by=who)


def _add_sessions(routes: APIRouter, deps: Dependencies) -> None:
    @routes.post("/sign-ins", status_code=201, response_model=api.Session)
    async def begin(asked: api.NewSession) -> Response:
        """Sign in. The session's token is shown once; it ends after 12 hours without use, and after 7 days."""
        known = asked.browser is not None and deps.browsers.knows(email_digest(asked.email), asked.browser)
        try:
            async with (deps.known if known else deps.strangers).enter():
                begun = await sessions.sign_in(
                    asked.email,
                    asked.password,
                    deps.transact,
                    secrets=deps.secrets,
                    browsers=deps.browsers,
                    browser=asked.browser,
                )
        except Unproved as error:
            return problem(401, error.reason, field=error.field, remedy=error.remedy)
        except throttling.TooManyGuesses as error:
            return _too_many(error, field="email")
        answer = answers.session(begun)
        return JSONResponse(answer.model_dump(mode="json"), 201, _NOT_STORED)

    @routes.get("/sign-ins/current", response_model=api.SignedIn)
    async def current(session: _Session) -> Response:
        """Who is signed in; asking keeps the session alive."""
        try:
            seen = await deps.transact(partial(sessions.who_is_signed_in, session))
        except sessions.SignedOut as error:
            return problem(401, error.reason, field=error.field, remedy=error.remedy)
        return JSONResponse(answers.signed_in(seen).model_dump(mode="json"), headers=_NOT_STORED)

    @routes.post("/sign-ins/current/end")
    async def end(session: _Session) -> api.Done:
        """Sign out."""
        await deps.transact(partial(sessions.sign_out, session))
        return api.Done()

    @routes.post("/sign-ins/current/password", response_model=api.Done)
    async def change(session: _Session, asked: api.NewPassword) -> api.Done | Response:
        """Replace one's password by one's password; every other session of the person ends."""
        try:
            await deps.transact(partial(sessions.who_is_signed_in, session))
            async with deps.known.enter():
                await passwords.change_password(
                    session, asked.current_password, asked.password, deps.transact, secrets=deps.secrets
                )
        except sessions.SignedOut as error:
            return problem(401, error.reason, field=error.field, remedy=error.remedy)
        except throttling.TooManyGuesses as error:
            return _too_many(error, field="current_password")
        return api.Done()


def _too_many(error: throttling.TooManyGuesses, *, field: str) -> Response:
    return problem(
        429,
        "too many attempts failed",
        field=field,
        remedy="wait a while, or use 'Forgot your password?'",
        retryable=True,
        headers={"Retry-After": str(error.seconds)},
    )


def _add_passwords(routes: APIRouter, deps: Dependencies) -> None:
    @routes.post("/password-resets", status_code=202)
    async def forgotten(asked: api.NewReset) -> api.Done:
        """Have a one-time link sent, if somebody signs in with this address; the answer does not tell."""
        await deps.transact(partial(password_links.request_reset, asked.email))
        deps.send_links_soon()
        return api.Done()

    @routes.post("/password-resets/redemption")
    async def redeem(asked: api.NewRedemption) -> api.Redemption:
        """Choose a password with a one-time link; whoever is signed in with the old one no longer is."""
        mark = await password_links.redeem(
            asked.token, asked.password, deps.transact, secrets=deps.secrets, browsers=deps.browsers
        )
        return api.Redemption(browser=mark)
