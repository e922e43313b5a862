"""Routes of principals, tokens and keys."""

import base64
import binascii
import secrets
from functools import partial
from typing import Annotated
from urllib.parse import parse_qsl, unquote_plus
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.responses import JSONResponse
from mrx_shared.api import registry as api
from mrx_shared.bus.requests import Command
from mrx_shared.kit.access import Principal, Role
from mrx_shared.refusals import Forbidden

from mrx_registry.domain import principals
from mrx_registry.domain.principals import TOKEN_LIFE, Audience, Kind
from mrx_registry.entrypoints.http import answers
from mrx_registry.entrypoints.http.dependencies import Dependencies
from mrx_registry.handlers import access, sessions
from mrx_registry.ports import Work

_BY_SESSION = "urn:mrx:params:oauth:grant-type:session"
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": ["grant_type", "audience"],
                    "properties": {
                        "grant_type": {"type": "string", "enum": ["client_credentials", _BY_SESSION]},
                        "audience": {"type": "string", "enum": [one.value for one in Audience]},
                        "client_id": {"type": "string"},
                        "client_secret": {"type": "string"},
                        "session": {"type": "string"},
                    },
                }
            }
        },
    }
}


def principals_and_tokens(deps: Dependencies) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/v1", tags=["access"])
    _add_bootstrap(routes, deps)
    _add_token(routes, deps)
    _add_principals(routes, deps)
    _add_names(routes, deps)
    _add_keys(routes, deps)
    return routes


def _add_bootstrap(routes: APIRouter, deps: Dependencies) -> None:
    commanded = Annotated[Command[Work], Depends(deps.requests.command)]

    def knows_the_secret(given: Annotated[str, Header(alias="MRX-Bootstrap-Secret")]) -> None:
        if not secrets.compare_digest(given.encode(), deps.bootstrap_secret.encode()):
            raise Forbidden(
                "this is not the bootstrap secret",
                field="MRX-Bootstrap-Secret",
                remedy="ask the operator for MRX_REGISTRY_BOOTSTRAP_SECRET",
            )

    @routes.post(
        "/bootstrap",
        status_code=201,
        response_model=api.Principal,
        dependencies=[Depends(knows_the_secret)],
    )
    async def bootstrap(asked: api.NewFirstPrincipal, command: commanded) -> Response:
        """Make the first secretariat principal, once. Until it is used, asking again replaces its secret."""
        secret = deps.secrets.new()
        kept = await deps.secrets.hash(secret)

        async def verb(work: Work) -> api.Principal:
            return answers.principal(await access.bootstrap(asked.name, kept, work), secret=secret)

        return await command(verb, by=None, status=201, secrets=("client_secret",))


def _add_token(routes: APIRouter, deps: Dependencies) -> None:

    @routes.post(
        "/token",
        response_model=api.Token,
        responses={400: {"model": api.TokenRefusal}, 401: {"model": api.TokenRefusal}},
        openapi_extra=_FORM,
    )
    async def token(request: Request) -> Response:
        """A token for one service, by OAuth 2.0 client credentials (Basic, or in the form), or for a session."""
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
        client_id, client_secret = _client(request.headers.get("authorization", ""), form)
        refused = _unknown_words(form)
        if refused is not None:
            return refused
        if form["grant_type"] == _BY_SESSION:
            return await _for_session(form, deps)
        if not client_id or not client_secret:
            return _refused("invalid_client", "a client id and its secret are needed")
        try:
            async with deps.systems.enter():
                signed = await access.sign_in(
                    client_id,
                    client_secret,
                    Audience(form["audience"]),
                    deps.transact,
                    secrets=deps.secrets,
                    tokens=deps.tokens,
                )
        except access.Unproved as error:
            return _refused("invalid_client", error.reason)
        except Forbidden as error:
            return _refused("unauthorized_client", error.reason)
        return _granted(signed)


def _unknown_words(form: dict[str, str]) -> Response | None:
    if form.get("grant_type") not in ("client_credentials", _BY_SESSION):
        return _refused("unsupported_grant_type", f"grant_type is client_credentials or {_BY_SESSION} here")
    if form.get("audience") not in set(Audience):
        return _refused("invalid_target", f"audience is one of {', '.join(Audience)}")
    return None


async def _for_session(form: dict[str, str], deps: Dependencies) -> Response:
    issue = partial(
        sessions.token_from_session, form.get("session", ""), Audience(form["audience"]), tokens=deps.tokens
    )
    try:
        return _granted(await deps.transact(issue))
    except sessions.SignedOut as error:
        return _refused("invalid_grant", error.reason)


def _granted(signed: str) -> Response:
    answer = api.Token(access_token=signed, expires_in=int(TOKEN_LIFE.total_seconds()))
    return JSONResponse(answer.model_dump(), headers={"Cache-Control": "no-store"})


def _client(authorization: str, form: dict[str, str]) -> tuple[str, str]:
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() != "basic":
        return form.get("client_id", ""), form.get("client_secret", "")
    try:
        client_id, _, client_secret = base64.b64decode(given, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return unquote_plus(client_id), unquote_plus(client_secret)


def _refused(error: str, description: str) -> Response:
    unproved = error == "invalid_client"
    return JSONResponse(
        {"error": error, "error_description": description},
        401 if unproved else 400,
        {"Cache-Control": "no-store", **({"WWW-Authenticate": "Basic"} if unproved else {})},
    )


def _add_principals(routes: APIRouter, deps: Dependencies) -> None:
    secretariat = Annotated[Principal, Depends(deps.access.require(Role.SECRETARIAT))]
    anyone = Annotated[Principal, Depends(deps.access.require(*Role))]
    commanded = Annotated[Command[Work], Depends(deps.requests.command)]

    @routes.post("/principals", status_code=201, response_model=api.Principal)
    async def create(asked: api.NewPrincipal, who: secretariat, command: commanded) -> Response:
        """Let a person or a system in; its secret is shown once."""
        secret = deps.secrets.new()
        kept = await deps.secrets.hash(secret)
        new = access.NewPrincipal(
            kind=Kind(asked.kind),
            name=asked.name,
            role=principals.Role(asked.role),
            member_id=asked.member_id,
        )

        async def verb(work: Work) -> api.Principal:
            return answers.principal(await access.create_principal(new, kept, work), secret=secret)

        return await command(verb, by=who, status=201, secrets=("client_secret",))

    @routes.post("/principals/{principal_id}/secret", response_model=api.Principal)
    async def replace_secret(principal_id: UUID, who: anyone, command: commanded) -> Response:
        """A new secret, shown once, in place of the old one; for the secretariat and the principal itself."""
        secret = deps.secrets.new()
        kept = await deps.secrets.hash(secret)

        async def verb(work: Work) -> api.Principal:
            replaced = await access.replace_secret(
                principal_id, kept, work, by=who.subject, by_secretariat=who.role is Role.SECRETARIAT
            )
            return answers.principal(replaced, secret=secret)

        return await command(verb, by=who, secrets=("client_secret",))

    @routes.post("/principals/{principal_id}/disabling", response_model=api.Principal)
    async def disable(principal_id: UUID, who: secretariat, command: commanded) -> Response:
        """Give a principal no token any more."""

        async def verb(work: Work) -> api.Principal:
            return answers.principal(await access.disable(principal_id, who.subject, work))

        return await command(verb, by=who)


def _add_names(routes: APIRouter, deps: Dependencies) -> None:
    secretariat = Annotated[Principal, Depends(deps.access.require(Role.SECRETARIAT))]

    @routes.get("/reviewers", response_model_exclude_none=True)
    async def reviewers(who: secretariat) -> api.Reviewers:  # noqa: ARG001
        """Who may judge protocols, by name."""

        async def verb(work: Work) -> api.Reviewers:
            return answers.reviewers(await work.principals.reviewers())

        return await deps.requests.read(verb)

    @routes.get("/secretariat")
    async def people(who: secretariat) -> api.Secretariat:  # noqa: ARG001
        """Who is or was of the secretariat: names for those who propose and approve."""

        async def verb(work: Work) -> api.Secretariat:
            people = await work.principals.secretariat()
            return api.Secretariat(
                people=tuple(api.Person(principal_id=one.id, name=one.name) for one in people)
            )

        return await deps.requests.read(verb)


def _add_keys(routes: APIRouter, deps: Dependencies) -> None:
    keeper = Annotated[Principal, Depends(deps.access.require(Role.SECRETARIAT, Role.OPERATOR))]
    commanded = Annotated[Command[Work], Depends(deps.requests.command)]

    @routes.get("/keys")
    async def keys() -> api.SigningKeys:
        """The public keys that tokens are signed with, newest first."""

        async def verb(work: Work) -> api.SigningKeys:
            return api.SigningKeys(keys=tuple(map(answers.signing_key, await work.keys.every())))

        return await deps.requests.read(verb)

    @routes.post("/signing-keys", status_code=201, response_model=api.SigningKey)
    async def rotate(who: keeper, command: commanded) -> Response:
        """Sign with a new key from now on; tokens signed before hold until they expire."""

        async def verb(work: Work) -> api.SigningKey:
            return answers.signing_key(await access.rotate_key(work, tokens=deps.tokens))

        return await command(verb, by=who, status=201)
