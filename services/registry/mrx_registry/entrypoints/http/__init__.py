"""The registry's HTTP API."""

from fastapi import FastAPI, Request, Response
from mrx_shared.kit.http import build_api, problem

from mrx_registry.entrypoints.http.access import principals_and_tokens
from mrx_registry.entrypoints.http.bulkhead import BulkheadFull
from mrx_registry.entrypoints.http.dependencies import Dependencies
from mrx_registry.entrypoints.http.membership import membership
from mrx_registry.entrypoints.http.sign_in import signing_in
from mrx_registry.entrypoints.http.statement import joint_statement


def build_http() -> FastAPI:
    """An API without routes."""
    return build_api(
        service="registry",
        title="MRX registry",
        description="Members, people and systems, tokens, the joint statement, participation.",
    )


def add_routes(api: FastAPI, deps: Dependencies) -> None:
    """Every route of the registry."""
    for routes in (principals_and_tokens(deps), signing_in(deps), membership(deps), joint_statement(deps)):
        api.include_router(routes)
    api.add_exception_handler(BulkheadFull, _bulkhead_full)


async def _bulkhead_full(_request: Request, _: Exception) -> Response:
    return problem(
        503,
        "too many people are signing in at the moment",
        remedy="try again in a few seconds",
        retryable=True,
        headers={"Retry-After": "2"},
    )
