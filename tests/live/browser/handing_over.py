"""What a supplier does meanwhile, without a window: accept, send its report."""

import asyncio
from pathlib import Path

from mrx_local.demo.browser import Browser, ticket_for
from mrx_shared.kit.client import Client

from tests.live.calls import get

PATIENCE_S = 60


async def hand_over(portal: str, link: str, file: Path) -> None:
    """Follow the link, accept, and send a report as the page's script does."""
    browser = Browser(portal)
    try:
        page = await browser.submit(await browser.follow(link), "/r")
        page = await browser.submit(page, "/supplier/acceptance")
        body, wanted = await asyncio.to_thread(ticket_for, file)
        ticket = await browser.ask("/supplier/tickets", wanted, seal=page.seal)
        await browser.put(ticket["url"], body, ticket["headers"])
        await browser.ask("/supplier/arrivals", {"ticket_id": ticket["ticket_id"]}, seal=page.seal)
    finally:
        await browser.close()


async def opened(caller: Client, request_id: str) -> None:
    """Wait until it is known that the report of a request was opened."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            shown = await get(caller, "report_request", f"/v1/requests/{request_id}")
            if shown["report"] and shown["report"]["read_at"]:
                return
            await asyncio.sleep(0.2)


async def until(caller: Client, request_id: str, state: str) -> None:
    """Wait until a request stands so."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if (await get(caller, "report_request", f"/v1/requests/{request_id}"))["state"] == state:
                return
            await asyncio.sleep(0.2)
