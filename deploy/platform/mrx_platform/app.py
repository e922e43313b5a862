"""The simulated platform, put together."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from mrx_shared.kit.clock import system_clock
from mrx_shared.kit.http import build_api

from mrx_platform.api import Tokens, build_router, build_token_router
from mrx_platform.control import CALLS, Calls, build_control
from mrx_platform.faults import Faults, Spoil
from mrx_platform.settings import Settings
from mrx_platform.store import Store
from mrx_platform.webhooks import Webhooks


def build_app(settings: Settings) -> FastAPI:
    """The platform; its folder is read at once, events are sent once it is served."""
    clock = system_clock()
    store, faults, tokens = Store(settings.data, clock), Faults(), Tokens(clock)
    webhooks = Webhooks(settings, store, faults, clock)
    noted: deque[dict[str, Any]] = deque(maxlen=CALLS)
    api = build_api(
        service="platform",
        title="MRX simulated platform",
        description="A data-sharing platform, SEDEX-style: suppliers decide there who sees their audits.",
    )
    api.include_router(build_token_router(settings, tokens))
    api.include_router(build_router(settings, store, tokens, faults))
    api.include_router(build_control(settings, store, webhooks, faults, noted))

    @api.get("/health/ready", include_in_schema=False)
    async def ready() -> dict[str, bool]:
        return {"ready": True}

    api.add_middleware(Spoil, faults=faults, forget_tokens=tokens.forget)
    api.add_middleware(Calls, noted=noted)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(webhooks.run(), name="webhooks")
            yield
            sending.cancel()

    api.router.lifespan_context = lifespan
    return api
