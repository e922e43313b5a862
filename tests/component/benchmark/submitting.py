"""An assessment over HTTP, step by step, up to the reviewers' judgement."""

import json
from collections.abc import Mapping
from typing import Any

import asyncpg
import httpx
from mrx_criteria.files import shipped_catalogue

from tests.component.benchmark.conftest import As, Caller

WINDOW = {"effective_from": "2020-01-01", "effective_until": "2027-12-31"}


def every(relation: str, version: str = "6.0-4p") -> list[dict[str, str]]:
    """An answer to every criterion of a version."""
    return [
        {"criterion_id": one.id, "relation": relation, "rationale": "as written"}
        for one in shipped_catalogue(version).criteria
    ]


async def made(answered: httpx.Response, status: int = 201) -> dict[str, Any]:
    assert answered.status_code == status, answered.text
    shown: dict[str, Any] = answered.json()
    return shown


async def protocol_of(
    owner: Caller, *, code: str = "ACME-1", public: bool = False, **window: str | None
) -> str:
    """A registered protocol with a version 1."""
    asked = {"code": code, "name": code, "public": public, "scheme_family": "SMETA" if public else None}
    protocol_id = (await made(await owner.post("/v1/protocols", asked)))["protocol_id"]
    await made(
        await owner.post(f"/v1/protocols/{protocol_id}/versions", {"version": "1", **(window or WINDOW)})
    )
    return str(protocol_id)


async def submitted(
    owner: Caller, protocol_id: str, answers: list[dict[str, str]], version: str = "6.0-4p"
) -> dict[str, Any]:
    return await made(
        await owner.post(
            "/v1/assessments",
            {"protocol_id": protocol_id, "version": "1", "criteria_version": version, "answers": answers},
        )
    )


async def judged(path: str, call_as: As, *decisions: Mapping[str, str]) -> Caller:
    """Let two reviewers judge alike; returns one of them."""
    body = {"decisions": list(decisions), "confirm_rest": True}
    one, other = call_as("reviewer"), call_as("reviewer")
    for reviewer in (one, other):
        await made(await reviewer.post(f"{path}/reviews", body), 200)
    return other


async def facts(connection: asyncpg.Connection, kind: str) -> list[dict[str, Any]]:
    rows = await connection.fetch(
        "SELECT key, payload FROM outbox WHERE type = $1 ORDER BY entry", f"mrx.benchmark.{kind}.v1"
    )
    return [{"about": row["key"], **json.loads(row["payload"])["data"]} for row in rows]
