"""The registry's HTTP API."""

from fastapi import FastAPI
from mrx_shared.kit.http import build_api

from mrx_registry.entrypoints.http.access import principals_and_tokens
from mrx_registry.entrypoints.http.desk import Desk
from mrx_registry.entrypoints.http.membership import membership
from mrx_registry.entrypoints.http.sign_in import signing_in
from mrx_registry.entrypoints.http.statement import joint_statement


def build_http(desk: Desk) -> FastAPI:
    """Every route of the registry."""
    api = build_api(
        service="registry",
        title="MRX registry",
        description="Members, people and systems, tokens, the joint statement, participation.",
    )
    for routes in (principals_and_tokens(desk), signing_in(desk), membership(desk), joint_statement(desk)):
        api.include_router(routes)
    return api
