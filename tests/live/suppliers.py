"""What scenarios of requests stand on: a released list without a round before it, reports, and suppliers' patience."""

import asyncio
import base64
import json
import os
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from hashlib import sha256
from io import BytesIO
from typing import Any, Self, TypeVar
from uuid import uuid4

import httpx
import pikepdf
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from mrx_local.demo.browser import Browser, HtmlPage
from mrx_shared.kit.client import Client
from mrx_shared.kit.ids import uuid7
from mrx_shared.messages.aggregation import ReleasedEntry, ReleasePage
from mrx_shared.messages.envelope import Envelope, Message, encode
from mrx_shared.messages.topics import RELEASED_ENTRIES
from mrx_shared.refusals import Rejected

from tests.live.calls import post

T = TypeVar("T")
PATIENCE_S = 90.0
PAUSE_S = 0.2
REFERENCE = re.compile(r"MRX-[0-9A-Z]{8}")


async def until(ask: Callable[[], Awaitable[T | None]], otherwise: str) -> T:
    """What `ask` gives as soon as it gives something; a refusal is asked again, and tells why there was nothing."""
    refusal = ""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    found = await ask()
                except Rejected as error:
                    refusal = f": {error.reason}"
                else:
                    if found is not None:
                        return found
                await asyncio.sleep(PAUSE_S)
    except TimeoutError:
        raise AssertionError(f"{otherwise} within {PATIENCE_S:.0f} s{refusal}") from None


def access(kafka: Mapping[str, str], user: str, password: str) -> dict[str, Any]:
    """How somebody signs in to a stack's Kafka."""
    return {
        "bootstrap_servers": kafka["bootstrap_servers"],
        "security_protocol": kafka["security_protocol"],
        "sasl_mechanism": kafka["sasl_mechanism"],
        "sasl_plain_username": user,
        "sasl_plain_password": password,
    }


async def write(signed_in: Mapping[str, Any], topic: str, payload: bytes) -> None:
    """Put one event on a topic."""
    producer = AIOKafkaProducer(**signed_in, acks="all")
    await producer.start()
    try:
        await producer.send_and_wait(topic, payload)
    finally:
        await producer.stop()


async def read(signed_in: Mapping[str, Any], topic: str) -> list[dict[str, Any]]:
    """All events that stand on a topic now; one that was sent again after a crash is there again."""
    consumer = AIOKafkaConsumer(topic, **signed_in, auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    found: list[dict[str, Any]] = []
    try:
        places = consumer.assignment()
        ends = await consumer.end_offsets(places)
        await consumer.seek_to_beginning(*places)
        async with asyncio.timeout(PATIENCE_S):
            while any([await consumer.position(place) < ends[place] for place in places]):
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += [json.loads(record.value or b"{}") for record in records]
    finally:
        await consumer.stop()
    return found


async def release(aggregation: Mapping[str, Any], sites: int) -> list[str]:
    """Have a list released, as aggregation says it. Returns the ids of its entries, a site each."""
    page = ReleasePage(
        release_id=uuid7(datetime.now(UTC)),  # noqa: TID251
        round_id=uuid4(),
        as_of=date(2026, 6, 30),
        page=1,
        pages=1,
        entries=[
            ReleasedEntry(
                entry_id=os.urandom(32).hex(), previous_entry_id=None, site_token=os.urandom(32).hex()
            )
            for _ in range(sites)
        ],
    )
    await write(aggregation, RELEASED_ENTRIES, said("aggregation", page))
    return [one.entry_id for one in page.entries]


def said(service: str, message: Message) -> bytes:
    """A fact as a service says it."""
    envelope = Envelope[Any](
        id=uuid4(),
        source=f"/{service}",
        type=message.type,
        subject="a-correlation-id",
        time=datetime.now(UTC),  # noqa: TID251
        data=message,
        correlationid="a-correlation-id",
        sequence=1,
    )
    return encode(envelope)


def asked(entry_id: str, address: str, **changed: object) -> dict[str, Any]:
    """A request for a site's report, by HTTP."""
    return {
        "entry_id": entry_id,
        "site_number": "S-1",
        "supplier": {
            "name": "Halden Works",
            "contact_email": address,
            "contact_name": None,
            "language": "en",
        },
        "scope": "SMETA, four pillars",
        "purpose": "Approval of the site",
        "term_days": 28,
        **changed,
    }


async def ask(member: Client, request: Mapping[str, Any]) -> dict[str, Any]:
    """Ask as soon as it is known there that the member takes part, and what the list holds. Returns the request."""

    async def shown() -> dict[str, Any]:
        found: dict[str, Any] = await post(member, "report_request", "/v1/requests", dict(request))
        return found

    return await until(shown, "the request is not taken")


def report(words: str, *, pictures: Sequence[bytes] = (), script: bool = False) -> bytes:
    """A PDF of its own; with `script` one that nobody should be given."""
    out = BytesIO()
    with pikepdf.new() as made:
        made.add_blank_page()
        made.docinfo["/Title"] = words
        for picture in pictures:
            made.add_blank_page()
            drawn = pikepdf.Stream(made, picture, Filter=pikepdf.Name.DCTDecode, Subtype=pikepdf.Name.Image)
            made.pages[-1].obj.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(A=drawn))
        if script:
            made.Root.OpenAction = pikepdf.Dictionary(
                S=pikepdf.Name.JavaScript, JS=pikepdf.String("app.alert(1)")
            )
        made.save(out, compress_streams=False)
    return out.getvalue()


def digest(body: bytes) -> str:
    """What a file is known by."""
    return sha256(body).hexdigest()


def token_of(link: str) -> str:
    """The token at the end of a mailed link."""
    return link.rpartition("/")[2]


class AtTheDesk:
    """A supplier before its browser; what is away is waited for, as people do."""

    def __init__(self, portal: str) -> None:
        self.browser = Browser(portal)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.browser.close()

    async def open(self, link: str) -> HtmlPage:
        """Follow the mail's link, and press its button."""

        async def opened() -> HtmlPage:
            return await self.browser.submit(await self.browser.open(link), "/r")

        return await until(opened, "the link opens nothing")

    async def accept(self) -> None:
        await self._until_state("accepted", "/supplier/acceptance")

    async def decline(self) -> None:
        await self._until_state("declined", "/supplier/refusal", reason="not-shared", comment="")

    async def upload(self, body: bytes, *, publishing: bool = True) -> str:
        """Send a file as the page's script does; without `telling`, the page is closed when the last byte is sent.

        Returns what became of it.
        """
        wanted = {"sha256": digest(body), "size": len(body)}

        async def room() -> tuple[dict[str, Any], str] | None:
            if (page := await self._page("/supplier/platform")) is None:
                return None
            return await self.browser.ask("/supplier/tickets", wanted, seal=page.seal), page.seal

        ticket, seal = await until(room, "there is no ticket")
        await self.browser.put(ticket["url"], body, ticket["headers"])
        if publishing:
            await self.browser.ask("/supplier/arrivals", {"ticket_id": ticket["ticket_id"]}, seal=seal)

        async def verdict() -> str | None:
            tickets = (await self.browser.read("/supplier/state"))["tickets"]
            state = tickets.get(ticket["ticket_id"])
            return state if state in {"stored", "refused", "lapsed"} else None

        return await until(verdict, "a file is not judged")

    async def name_site(self, site_code: str) -> str:
        """Name the site on the platform. Returns the reference that the page says."""

        async def named() -> str | None:
            if (page := await self._page("/supplier/platform")) is None:
                return None
            page = await self.browser.submit(page, "/supplier/platform", site_code=site_code)
            found = REFERENCE.search(page.text)
            return found[0] if found and site_code in page.text else None

        return await until(named, "the site cannot be named")

    async def _page(self, action: str) -> HtmlPage | None:
        """The request's page, once it offers this."""
        page = await self.browser.open("/supplier")
        return page if any(form.action.endswith(action) for form in page.forms) else None

    async def _until_state(self, state: str, action: str, **filled: str) -> None:
        async def done() -> bool | None:
            if (await self.browser.read("/supplier/state"))["state"] == state:
                return True
            if page := await self._page(action):
                await self.browser.submit(page, action, **filled)
            return None

        await until(done, f"the request is not {state}")


class OnThePlatform:
    """A supplier's account on the simulated platform."""

    def __init__(self, url: str, secret: str, site: int) -> None:
        self._client = httpx.AsyncClient(
            base_url=f"{url}/control", headers={"Platform-Control-Secret": secret}, trust_env=False
        )
        self.site_code, self._company = f"ZS{site:09d}", f"ZC{site:09d}"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def publish(self, body: bytes) -> None:
        """Have a site there, with an audit and its report."""
        named = {"company_code": self._company, "name": "Halden Works", "country": "PL"}
        await self._tell("/data", {"companies": [named], "sites": [{**named, "site_code": self.site_code}]})
        audit = {"site_code": self.site_code, "protocol_version": "7.0", "audit_date": "2025-11-03"}
        await self._tell("/audits", {**audit, "report_base64": base64.b64encode(body).decode()})

    async def grant(self, reference: str) -> None:
        """Give the exchange access, naming a request."""
        await self._tell("/grants", {"site_code": self.site_code, "reference": reference})

    async def calls(self) -> list[dict[str, Any]]:
        """All that the exchange has asked the platform."""
        answer = await self._client.get("", follow_redirects=True)
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()["calls"]
        return found

    async def _tell(self, path: str, told: Mapping[str, Any]) -> None:
        (await self._client.post(path, json=dict(told))).raise_for_status()
