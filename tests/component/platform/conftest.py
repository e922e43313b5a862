"""The simulated platform as a process of its own, and the hand behind its stage."""

import asyncio
import contextlib
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from mrx_local.state_files import Ports

CLIENT_ID, CLIENT_SECRET = "exchange", "the exchange's own secret"
CONTROL_SECRET, WEBHOOK_SECRET = "behind the stage", "what events are signed with"
SITE, OTHER_SITE = "ZS1000001", "ZS1000002"
EXCHANGE, SUPPLIER = "ZC1000001", "ZC2000001"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a platform runs, and where its events go."""

    url: str
    events: str
    folder: Path
    environment: dict[str, str]


def place(folder: Path) -> Place:
    """A place for a platform, with nothing running yet."""
    ports = Ports(folder / "ports.json")
    port, events = ports.get("platform"), f"http://127.0.0.1:{ports.get('events')}/v1/platform/events"
    return Place(
        url=f"http://127.0.0.1:{port}",
        events=events,
        folder=folder,
        environment={
            "MRX_PLATFORM_HTTP_PORT": str(port),
            "MRX_PLATFORM_CLIENT_ID": CLIENT_ID,
            "MRX_PLATFORM_CLIENT_SECRET": CLIENT_SECRET,
            "MRX_PLATFORM_CONTROL_SECRET": CONTROL_SECRET,
            "MRX_PLATFORM_WEBHOOK_URL": events,
            "MRX_PLATFORM_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "MRX_PLATFORM_WEBHOOK_RETRY_S": "0.05",
            "MRX_PLATFORM_DATA": str(folder / "data"),
            "MRX_PLATFORM_LOG_LEVEL": "CRITICAL",
        },
    )


@contextlib.contextmanager
def running(where: Place) -> Iterator[None]:
    """The platform, killed without a word at the end."""
    with (
        (where.folder / "platform.log").open("ab") as log,
        subprocess.Popen(
            [sys.executable, "-m", "mrx_platform"], env=where.environment, stdout=log, stderr=log
        ) as process,
    ):
        try:
            until = time.monotonic() + 30
            while time.monotonic() < until:
                with contextlib.suppress(httpx.TransportError):
                    if httpx.get(f"{where.url}/health/ready").is_success:
                        break
                assert process.poll() is None, (where.folder / "platform.log").read_text()
            yield
        finally:
            process.kill()


class Stage:
    """The hand behind the stage: suppliers' acts and faults."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def _do(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:  # noqa: ANN401
        answer = await self.http.request(
            method, f"/control{path}", json=body, headers={"Platform-Control-Secret": CONTROL_SECRET}
        )
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def reset(self) -> None:
        """An empty platform but for two sites of one supplier."""
        await self._do("POST", "/reset")
        companies = [(EXCHANGE, "Exchange"), (SUPPLIER, "Bright Ltd")]
        await self._do(
            "POST",
            "/data",
            {
                "companies": [{"company_code": c, "name": n, "country": "BD"} for c, n in companies],
                "sites": [
                    {"site_code": s, "company_code": SUPPLIER, "name": f"Site {s}", "country": "BD"}
                    for s in (SITE, OTHER_SITE)
                ],
                "links": [{"supplier_code": SUPPLIER, "customer_code": EXCHANGE}],
            },
        )

    async def add_sites(self, *codes: str) -> None:
        """More sites of the supplier."""
        sites = [
            {"site_code": code, "company_code": SUPPLIER, "name": code, "country": "BD"} for code in codes
        ]
        await self._do("POST", "/data", {"sites": sites})

    async def grant(self, reference: str, site_code: str = SITE) -> str:
        """The supplier grants access; gives the grant's id."""
        return str(
            (await self._do("POST", "/grants", {"site_code": site_code, "reference": reference}))["grant_id"]
        )

    async def withdraw(self, grant_id: str) -> None:
        """The supplier withdraws access."""
        await self._do("POST", f"/grants/{grant_id}/withdrawal")

    async def audit(self, report: bytes | None, **stated: object) -> dict[str, Any]:
        """An audit is published."""
        body = {
            "site_code": SITE,
            "protocol_version": "6.1",
            "audit_date": "2026-03-04",
            **({"report_base64": b64encode(report).decode()} if report is not None else {}),
            **stated,
        }
        published: dict[str, Any] = await self._do("POST", "/audits", body)
        return published

    async def fault(self, *faults: dict[str, Any]) -> None:
        """Switch faults on, in place of those before."""
        await self._do("PUT", "/faults", {"faults": list(faults)})

    async def faults(self) -> list[dict[str, Any]]:
        """What is still wrong."""
        left: list[dict[str, Any]] = (await self._do("GET", ""))["faults"]
        return left

    async def calls(self) -> list[dict[str, Any]]:
        """What the exchange asked."""
        noted: list[dict[str, Any]] = (await self._do("GET", ""))["calls"]
        return noted

    async def events_are_sent(self) -> None:
        """Return when no event is queued."""
        async with asyncio.timeout(20):
            while (await self._do("GET", ""))["events_unsent"]:  # noqa: ASYNC110  (another process's state)
                await asyncio.sleep(0.02)


@pytest.fixture(scope="session")
def platform_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A running platform."""
    where = place(tmp_path_factory.mktemp("platform"))
    with running(where):
        yield where


@pytest.fixture
async def stage(platform_place: Place) -> AsyncIterator[Stage]:
    """The platform, as good as new."""
    async with httpx.AsyncClient(base_url=platform_place.url, timeout=10) as http:
        hand = Stage(http)
        await hand.reset()
        yield hand
