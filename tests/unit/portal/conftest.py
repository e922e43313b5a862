"""A portal before simulated services, and browsers that open it."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
import pytest_asyncio
from mrx_portal.app import build_app

from tests.unit.portal.simulated import PASSWORD, Simulated, SimulatedRequest

TOKEN = "k7-Qz_0123456789abcdefghijklmnopqrstuvwxyzA"


class Client(httpx.AsyncClient):
    """A browser without scripts: it keeps cookies and sends the forms that it was shown."""

    shown: httpx.Response

    async def open(self, path: str, **headers: str) -> httpx.Response:
        self.shown = await self.get(path, headers=headers)
        return self.shown

    def seal(self) -> dict[str, str]:
        """The hidden fields of the page that is shown."""
        found = re.findall(
            r'<input type="hidden" name="(seal|key|token|next)" value="([^"]*)">', self.shown.text
        )
        return dict(found)

    async def fill(
        self, path: str, headers: dict[str, str] | None = None, /, **fields: str
    ) -> httpx.Response:
        """Send a form of the page that is shown."""
        own = {"Origin": str(self.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin"}
        answer = await self.post(path, data={**self.seal(), **fields}, headers={**own, **(headers or {})})
        self.shown = answer if answer.text else self.shown
        return answer

    async def follow(self, token: str = TOKEN) -> httpx.Response:
        """Open a mail's link and press its button."""
        await self.open(f"/r/{token}")
        answer = await self.fill("/r")
        assert answer.status_code == 303, answer.text
        return await self.open("/supplier")

    async def enter(self, email: str, password: str = PASSWORD) -> httpx.Response:
        """Sign in."""
        await self.open("/sign-in")
        return await self.fill("/sign-in", email=email, password=password)


Browser = Callable[..., Client]


@pytest.fixture
def services() -> Simulated:
    services = Simulated()
    services.requests[TOKEN] = SimulatedRequest()
    services.add_person("member", "ada@example.com", "Ada Lovelace", "Northwind Brands")
    services.add_person("reviewer", "rita@example.com", "Rita Reviewer")
    return services


@pytest_asyncio.fixture
async def browser(services: Simulated) -> AsyncIterator[Browser]:
    """Open a browser on a portal; every setting may be stated."""
    async with AsyncExitStack() as stack:
        clients: list[Client] = []

        def opened(**settings: Any) -> Client:  # noqa: ANN401
            told = services.settings(**settings)
            app = build_app(told, transport=services.transport(), patience_s=0.3)
            client = Client(transport=httpx.ASGITransport(app), base_url=told.public_url)
            stack.push_async_callback(client.aclose)
            stack.push_async_callback(app.state.web.services.close)
            clients.append(client)
            return client

        yield opened


@pytest_asyncio.fixture
async def supplier(browser: Browser) -> Client:
    return browser()
