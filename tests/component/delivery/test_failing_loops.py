"""A loop that fails again and again: what a supervisor and an operator see of it."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from mrx_shared.bus.operations import operations
from mrx_shared.bus.relay import RelayStatus
from mrx_shared.bus.service import Loop
from mrx_shared.bus.subscriptions import Subscriptions
from mrx_shared.kit.http import build_api
from mrx_shared.refusals import ServerRefused, Unavailable
from mrx_shared.store.database import Database
from structlog.testing import capture_logs

from tests.component.delivery.conftest import TallyWork

pytestmark = pytest.mark.live


class Shelving:
    """A step that fails until its storage is mended."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.tries = 0
        self._tried = asyncio.Condition()

    async def once(self) -> bool:
        self.tries += 1
        async with self._tried:
            self._tried.notify_all()
        if self.error:
            raise self.error
        return False

    async def until_tried(self, claim: Callable[[], bool]) -> None:
        """Return when the claim holds as a try begins: the tries before it are over."""
        async with self._tried, asyncio.timeout(10):
            await self._tried.wait_for(claim)


async def seen(loop: Loop, database: Database, subscriptions: Subscriptions[TallyWork]) -> Any:  # noqa: ANN401 - JSON
    """Health with its status code, and the operator's status."""
    parts = SimpleNamespace(
        database=database,
        subscriptions=subscriptions,
        broker=SimpleNamespace(subscribers=[]),
        relay=SimpleNamespace(status=RelayStatus()),
        loops=[loop],
        listening=True,
    )
    access = SimpleNamespace(require=lambda *_: lambda: None)
    api = build_api(service="tallying", title="Tallying", description="Counts.")
    api.include_router(operations(cast("Any", parts), cast("Any", access)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=api), base_url="http://tallying") as http:
        health = await http.get("/health/ready")
        return health.status_code, health.json(), (await http.get("/v1/operations/status")).json()


async def test_a_loop_that_fails_degrades_its_service_with_the_cause_until_it_succeeds(
    database: Database, subscriptions: Subscriptions[TallyWork]
) -> None:
    shelving = Shelving()
    shelving.error = ServerRefused("object storage refused: InvalidRequest")
    loop = Loop(name="shelve", once=shelving.once, every_s=0.01)
    with capture_logs() as logs:
        running = asyncio.create_task(loop.run())
        try:
            await shelving.until_tried(lambda: shelving.tries == 3)
            code, health, status = await seen(loop, database, subscriptions)
            assert (code, health["status"], health["faults"]) == (200, "degraded", [])
            [told] = health["troubles"]
            assert (told["step"], told["permanent"]) == ("shelve", True)
            assert told["attempts"] >= 2
            assert told["cause"] == "object storage refused: InvalidRequest"
            assert told["since"] < told["next_try_at"]
            assert (status["faults"], status["troubles"]) == ([], health["troubles"])
            assert status["loops"] == [{"name": "shelve", "error": "object storage refused: InvalidRequest"}]

            shelving.error = Unavailable("object storage is away: ReadTimeoutError")
            await shelving.until_tried(lambda: shelving.tries == 5)
            shelving.error = None
            # Whoever begins a try again has succeeded before.
            tries = shelving.tries
            await shelving.until_tried(lambda: shelving.tries == tries + 2)
            code, health, _ = await seen(loop, database, subscriptions)
            assert (code, health["status"], health["troubles"]) == (200, "ready", [])
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
    failures = [(one["event"], one["log_level"]) for one in logs if one["event"].startswith("loop.")]
    assert ("loop.refused", "error") in failures
    assert ("loop.again", "warning") in failures


async def test_a_failure_that_might_hold_a_payload_is_told_by_type_and_place(
    database: Database, subscriptions: Subscriptions[TallyWork]
) -> None:
    shelving = Shelving()
    shelving.error = ValueError("someone@example.com")
    loop = Loop(name="shelve", once=shelving.once, every_s=0.01)
    running = asyncio.create_task(loop.run())
    try:
        await shelving.until_tried(lambda: shelving.tries == 2)
        _, health, status = await seen(loop, database, subscriptions)
    finally:
        running.cancel()
    assert health["troubles"][0]["cause"] == "ValueError at once (test_failing_loops.py)"
    assert "someone" not in str(status)
