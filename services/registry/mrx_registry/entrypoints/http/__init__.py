"""The registry's HTTP API."""

from fastapi import FastAPI, Request, Response
from mrx_shared.kit.http import build_api, problem

from mrx_registry.entrypoints.http.access import principals_and_tokens
from mrx_registry.entrypoints.http.desk import Desk
from mrx_registry.entrypoints.http.membership import membership
from mrx_registry.entrypoints.http.sign_in import signing_in
from mrx_registry.entrypoints.http.statement import joint_statement
from mrx_registry.entrypoints.http.turns import Crowded


def build_http() -> FastAPI:
    """An API without routes."""
    return build_api(
        service="registry",
        title="MRX registry",
        description="Members, people and systems, tokens, the joint statement, participation.",
    )


def add_routes(api: FastAPI, desk: Desk) -> None:
    """Every route of the registry."""
    for routes in (principals_and_tokens(desk), signing_in(desk), membership(desk), joint_statement(desk)):
        api.include_router(routes)
    api.add_exception_handler(Crowded, _crowded)


async def _crowded(_request: Request, _: Exception) -> Response:
    return problem(
        503,
        "too many sign in at this moment",
        remedy="try again in a few seconds",
        retryable=True,
        headers={"Retry-After": "2"},
    )
