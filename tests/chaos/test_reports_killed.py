"""Services that bring reports are killed in the middle of a mail, an upload, a check and a copy: nothing differs after.

Object storage and the mail server stand behind wires of the test, which know at every moment what passes; a service is
killed with -9 exactly there, the others a while later by chance.
"""

import asyncio
import os
import random
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from minio import Minio
from mrx_local.demo.mailbox import Mailbox
from mrx_local.demo.members import Actor
from mrx_local.demo.scheme import Scheme
from mrx_local.infrastructure.mail_server import Keeper
from mrx_local.infrastructure.seaweedfs import ObjectServer
from mrx_local.services import identities
from mrx_local.stack import Stack, running_stack
from mrx_local.state_files import LOOPBACK, Secrets
from mrx_local.supervisor import read_stack
from mrx_local.testing import infrastructure
from mrx_shared.messages.requests import ReportAsked
from mrx_shared.messages.topics import Topic
from typing_extensions import override

from tests.live.calls import get, post
from tests.live.member_system import event
from tests.live.suppliers import (
    AtTheDesk,
    OnThePlatform,
    access,
    ask,
    asked,
    digest,
    read,
    release,
    report,
    token_of,
    until,
    write,
)

REQUESTS, EXCHANGE, MAILS = "report_request", "exchange_adapter", "notification"
KILLED = (REQUESTS, EXCHANGE, MAILS)
BY_CHANCE = 3
CALL = re.compile(rb"(GET|PUT) /(quarantine|vault)/(?:reports/)?([0-9a-f-]{36})")
MOMENTS: dict[str, list[str]] = {
    "mail comes": [MAILS, REQUESTS],
    "mail kept": [MAILS, MAILS],
    "mail answered": [MAILS],
    "PUT quarantine comes": [EXCHANGE, REQUESTS],
    "PUT quarantine answered": [EXCHANGE],
    "GET quarantine comes": [EXCHANGE, REQUESTS],
    "check runs": [EXCHANGE],
    "PUT vault comes": [EXCHANGE],
    "PUT vault answered": [EXCHANGE, REQUESTS],
}
"""when which service is killed: before or after a mail stands in the recipient's box, before or after a file stands in
quarantine or in the vault, and while it is looked into"""


class Reaper:
    """Kills services at the moments that are stated, each at the first occasion on which it lives."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.armed = False
        self.left = {moment: list(services) for moment, services in MOMENTS.items()}
        self.kills: list[tuple[str, str]] = []
        self._dead: set[int] = set()
        self._struck: set[str] = set()

    def at(self, moment: str, *, about: str = "") -> str | None:
        """It is this moment. Returns who was killed; of one file's moments, one is the end of exchange_adapter."""
        if not self.armed:
            return None
        for service in self.left.get(moment, ()):
            if service == EXCHANGE and about and about in self._struck:
                continue
            if self.kill(service, moment):
                self.left[moment].remove(service)
                self._struck |= {about} if service == EXCHANGE else set()
                return service
        return None

    def kill(self, service: str, why: str) -> bool:
        """Kill a service if it lives."""
        pid = self.pid(service)
        if pid is None or pid in self._dead:
            return False
        self._dead.add(pid)
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        self.kills.append((service, why))
        return True

    def pid(self, service: str) -> int | None:
        """Its process now."""
        processes = read_stack(self._folder).get("processes", [])
        return next((one["pid"] for one in processes if one["name"] == service), None)

    @property
    def done(self) -> bool:
        return not any(self.left.values())


class Wire:
    """Passes everything on to object storage, and tells of each call before its first and after its last byte."""

    def __init__(self, storage: ObjectServer, reaper: Reaper) -> None:
        self._port = int(storage.endpoint.rpartition(":")[2])
        self._reaper = reaper

    async def join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, calls = await asyncio.open_connection(LOOPBACK, self._port)
        passing: list[tuple[str, str]] = []

        async def forth() -> None:
            while data := await reader.read(65536):
                if found := CALL.match(data):
                    verb, bucket, ticket = (part.decode() for part in found.groups())
                    passing.append((f"{verb} {bucket}", ticket))
                    self._reaper.at(f"{verb} {bucket} comes", about=ticket)
                calls.write(data)
                await calls.drain()

        async def back() -> None:
            while data := await answers.read(65536):
                if passing:
                    call, ticket = passing.pop()
                    self._reaper.at(f"{call} answered", about=ticket)
                writer.write(data)
                await writer.drain()

        both = {asyncio.create_task(forth()), asyncio.create_task(back())}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)
        for one in (calls, writer):
            one.close()
            with suppress(OSError):
                await one.wait_closed()


class Box(Keeper):
    """The recipients' mail server."""

    def __init__(self, folder: Path, reaper: Reaper) -> None:
        super().__init__(folder)
        self._reaper = reaper

    @override
    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self._reaper.at("mail comes") == MAILS:
            return "451 4.4.2 the connection broke off"
        answer = await super().handle_DATA(server, session, envelope)
        self._reaper.at("mail kept")
        return answer

    async def handle_QUIT(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802
        self._reaper.at("mail answered")
        return "221 2.0.0 bye"


@dataclass(kw_only=True)
class Supplier:
    """One supplier, and what it does with its request."""

    number: int
    entry_id: str
    manner: str
    bodies: list[bytes] = field(default_factory=list)
    request_id: str = ""

    @property
    def address(self) -> str:
        return f"quality@works-{self.number}.example"

    @property
    def brings(self) -> str | None:
        """The SHA-256 of what must arrive."""
        return digest(self.bodies[-1]) if self.bodies else None

    @property
    def mails(self) -> int:
        """How many are due to it: its invitation, one for each refused file, one for the report that arrived."""
        return 1 + len(self.bodies)


MANNERS = ("upload",) * 4 + ("unsaid", "refused first", "upload", "platform", "platform", "declines")


def scenario(entries: list[str]) -> list[Supplier]:
    suppliers = []
    for number, (manner, entry_id) in enumerate(zip(MANNERS, entries, strict=True)):
        one = Supplier(number=number, entry_id=entry_id, manner=manner)
        if manner == "refused first":
            one.bodies.append(report("with a script", script=True))
        if manner != "declines":
            one.bodies.append(report(f"report {number}", pictures=[os.urandom(200_000)]))
        suppliers.append(one)
    return suppliers


async def answer(one: Supplier, stage: "Stage") -> None:
    """What a supplier does, from its mail on."""
    stack = stage.stack
    link = await stage.mailbox.link_for(one.address)
    async with AtTheDesk(stack.urls["portal"]) as desk:
        await desk.open(link)
        if one.manner == "declines":
            await desk.decline()
            return
        await desk.accept()
        if one.manner == "platform":
            secret = stack.settings["MRX_PLATFORM_CONTROL_SECRET"]
            async with OnThePlatform(stack.platform_url, secret, one.number + 1) as platform:
                await platform.publish(one.bodies[0])
                await platform.grant(await desk.name_site(platform.site_code))
            return
        verdicts = [await desk.upload(body, publishing=one.manner != "unsaid") for body in one.bodies]
        assert verdicts == ["refused", "stored"][-len(one.bodies) :]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stack whose storage and mail server are the test's."""

    stack: Stack
    storage: ObjectServer
    mailbox: Mailbox
    reaper: Reaper


@asynccontextmanager
async def staged(folder: Path) -> AsyncIterator[Stage]:
    """Everything up, with the wires in place; nobody is killed yet."""
    mails = folder / "mails"
    mails.mkdir()
    reaper = Reaper(folder / "stack")
    async with infrastructure(folder / "storage", parts={"objects"}) as servers:
        storage = servers.objects.server
        wire = await asyncio.start_server(Wire(storage, reaper).join, LOOPBACK, 0)
        box = Box(mails, reaper)
        loop = asyncio.get_running_loop()
        post = await loop.create_server(lambda: SMTP(box, hostname="box.example"), LOOPBACK, 0)
        known = identities(Secrets(folder / "storage" / "secrets.json"))
        settings = {
            "MRX_ENVIRONMENT": "demonstration",
            "MRX_S3_ENDPOINT": f"http://{LOOPBACK}:{wire.sockets[0].getsockname()[1]}",
            "MRX_PREPARE_S3_ACCESS_KEY": storage.access_key,
            "MRX_PREPARE_S3_SECRET_KEY": storage.secret_key,
            "MRX_NOTIFICATION_SMTP_HOST": LOOPBACK,
            "MRX_NOTIFICATION_SMTP_PORT": str(post.sockets[0].getsockname()[1]),
            "MRX_EXCHANGE_ADAPTER_PLATFORM_POLL_S": "1",
            "MRX_EXCHANGE_ADAPTER_SWEEP_S": "2",
        }
        settings["MRX_S3_PUBLIC_URL"] = settings["MRX_S3_ENDPOINT"]
        for name, identity in {
            "MRX_AGGREGATION_S3": "releases-writer",
            "MRX_EXCHANGE_ADAPTER_PRESIGNER": "quarantine-presigner",
            "MRX_EXCHANGE_ADAPTER_SCANNER": "quarantine-scanner",
            "MRX_EXCHANGE_ADAPTER_READER": "vault-reader",
        }.items():
            settings |= {
                f"{name}_ACCESS_KEY": known[identity].access_key,
                f"{name}_SECRET_KEY": known[identity].secret_key,
            }
        async with wire, post, running_stack(folder / "stack", settings=settings) as stack:
            yield Stage(stack=stack, storage=storage, mailbox=Mailbox(mails), reaper=reaper)


async def watch_checks(reaper: Reaper) -> None:
    """Tell of each child process that looks into a file."""
    while True:
        with suppress(psutil.Error):
            children = psutil.Process(reaper.pid(EXCHANGE)).children()
            if any("mrx_exchange_adapter.adapters.pdf" in one.cmdline() for one in children):
                reaper.at("check runs")
        await asyncio.sleep(0.02)


async def kill_by_chance(reaper: Reaper, chance: random.Random) -> None:
    for service in chance.sample(KILLED, k=BY_CHANCE):
        await asyncio.sleep(chance.uniform(4, 8))
        while not reaper.kill(service, "by chance"):  # noqa: ASYNC110
            await asyncio.sleep(0.1)


@asynccontextmanager
async def killing(reaper: Reaper) -> AsyncIterator[None]:
    """Kill at the stated moments, and by chance."""
    reaper.armed = True
    tasks = [
        asyncio.create_task(watch_checks(reaper)),
        asyncio.create_task(kill_by_chance(reaper, random.Random(5))),
    ]
    try:
        yield
        await tasks[1]
    finally:
        reaper.armed = False
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.live
@pytest.mark.timeout(420)
async def test_requests_end_as_they_would_whenever_a_service_is_killed(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage, httpx.AsyncClient(timeout=30, trust_env=False) as client:
        stack, reaper = stage.stack, stage.reaper
        scheme = Scheme(stack.services, stack.credentials)
        await take_part(scheme, "Ash")
        own = access(
            stack.kafka,
            stack.settings["MRX_AGGREGATION_KAFKA_USERNAME"],
            stack.settings["MRX_AGGREGATION_KAFKA_PASSWORD"],
        )
        suppliers = scenario(await release(own, len(MANNERS)))
        async with killing(reaper):
            await ask_all(suppliers, scheme, stack)
            gate = asyncio.Semaphore(4)

            async def served(one: Supplier) -> None:
                async with gate:
                    await answer(one, stage)

            async with asyncio.TaskGroup() as tasks:
                for one in suppliers:
                    tasks.create_task(served(one))
            brought = [one for one in suppliers if one.brings]
            ended = await settled(scheme, {one.request_id: _end(one) for one in suppliers})
            await open_all(scheme, brought)
            for number, one in enumerate(brought):
                outcome = "refused" if number == 2 else "accepted"
                decided = {"outcome": outcome, "reason": "Working hours" if number == 2 else None}
                await post(
                    scheme.members["Ash"],
                    "report_request",
                    f"/v1/requests/{one.request_id}/decision",
                    decided,
                )
        said = "\n".join(f"{service:17} {why}" for service, why in reaper.kills)
        print(f"\n{len(reaper.kills)} kills:\n{said}")
        assert reaper.done, reaper.left
        times = Counter(service for service, _ in reaper.kills)
        assert all(times[service] >= 3 for service in KILLED), times

        # Every request ended where it would have, with its own supplier's bytes.
        by_id = {one["request_id"]: one for one in ended}
        for one in suppliers:
            shown = by_id[one.request_id]["report"]
            assert (shown["sha256"] if shown else None) == one.brings
        [numbers] = (await get(scheme.members["Ash"], "report_request", "/v1/numbers"))["rounds"]
        assert (numbers["asked"], numbers["sent"], numbers["available"]) == (
            len(suppliers),
            len(suppliers),
            len(brought),
        )
        assert (numbers["declined"], numbers["avoided"]) == (1, len(brought) - 1)

        await nothing_is_left(scheme)
        await reports_stand_once(stage, scheme, brought, client)
        await mails_came_once(stage, scheme, suppliers, client)


def _end(one: Supplier) -> str:
    return "available" if one.brings else "declined"


async def take_part(scheme: Scheme, name: str) -> None:
    await scheme.admit([Actor(name=name, group=name)])
    await scheme.assess_public()
    await scheme.publish_statement()
    await scheme.adopt(name)
    await scheme.sign(name)


async def ask_all(suppliers: list[Supplier], scheme: Scheme, stack: Stack) -> None:
    """Every other one is asked over HTTP, the rest by event."""
    ash = stack.credentials.member("Ash")
    own = access(stack.kafka, ash["kafka_username"], ash["kafka_password"])
    for one in suppliers:
        one.request_id = str(uuid4())
        told = asked(one.entry_id, one.address, request_id=one.request_id, requester_email="ash@ash.example")
        if one.number % 2 == 0:
            await ask(scheme.members["Ash"], told)
        else:
            said = ReportAsked.model_validate({**told, "requester_language": "en"})
            await write(own, ash["topics"]["requests"], event(said))


async def settled(scheme: Scheme, ends: dict[str, str]) -> list[dict[str, Any]]:
    async def there() -> list[dict[str, Any]] | None:
        found: list[dict[str, Any]] = (await get(scheme.members["Ash"], "report_request", "/v1/requests"))[
            "requests"
        ]
        states = {one["request_id"]: one["state"] for one in found}
        return found if states == ends else None

    return await until(there, "not every request ended as it would have")


async def open_all(scheme: Scheme, brought: list[Supplier]) -> None:
    """Open every report that was brought, and wait until that is known."""
    ash = scheme.members["Ash"]
    for one in brought:
        path = f"/v1/requests/{one.request_id}"
        shown = await get(ash, "report_request", path)
        await post(ash, "exchange_adapter", f"/v1/reports/{shown['report']['report_id']}/links")

        async def opened(path: str = path) -> str | None:
            read_at: str | None = (await get(ash, "report_request", path))["report"]["read_at"]
            return read_at

        await until(opened, "it is not known that a report was opened")


async def nothing_is_left(scheme: Scheme) -> None:
    """Nothing waits to be said, sent or taken up, and there is no dead letter."""

    async def quiet() -> bool | None:
        for service in KILLED:
            status = await get(scheme.operator, service, "/v1/operations/status")
            assert status["dead_letters"] == 0, service
            if status["outbox"]["unsent"] or status["waiting"]:
                return None
        mails = (await get(scheme.operator, MAILS, "/v1/mails?limit=500"))["mails"]
        assert {one["state"] for one in mails} <= {"waiting", "sent"}
        return True if all(one["state"] == "sent" for one in mails) else None

    await until(quiet, "something is left to be done")


async def reports_stand_once(
    stage: Stage, scheme: Scheme, brought: list[Supplier], client: httpx.AsyncClient
) -> None:
    """In the vault, in the member's list, in what was said, and in what can be fetched: each once, byte for byte."""
    wanted = Counter(one.brings for one in brought)
    vault = Minio(
        stage.storage.endpoint.removeprefix("http://"),
        access_key=stage.storage.access_key,
        secret_key=stage.storage.secret_key,
        secure=False,
    )

    def quarantined() -> Counter[str | None]:
        versions = list(vault.list_objects("vault", recursive=True, include_version=True))
        assert not any(one.is_delete_marker for one in versions)
        kept: Counter[str | None] = Counter()
        for one in versions:
            with vault.get_object("vault", one.object_name or "", version_id=one.version_id) as answer:
                kept[sha256(answer.read()).hexdigest()] += 1
        return kept

    assert await asyncio.to_thread(quarantined) == wanted

    reports = (await get(scheme.members["Ash"], EXCHANGE, "/v1/reports"))["reports"]
    assert {one["request_id"]: one["sha256"] for one in reports} == {
        one.request_id: one.brings for one in brought
    }
    assert len(reports) == len(brought)

    for one in reports:
        link = await post(scheme.members["Ash"], EXCHANGE, f"/v1/reports/{one['report_id']}/links")
        assert digest((await client.get(link["url"])).content) == one["sha256"]

    kafka = stage.stack.servers.kafka
    everything = access(stage.stack.kafka, kafka.username, kafka.password)
    facts = await read(everything, Topic.EXCHANGE_ADAPTER)
    assert facts
    stored = {one["id"]: one["data"] for one in facts if one["type"].endswith(".report-stored.v1")}
    assert Counter(one["sha256"] for one in stored.values()) == wanted


async def mails_came_once(
    stage: Stage, scheme: Scheme, suppliers: list[Supplier], client: httpx.AsyncClient
) -> None:
    """One mail, by its Message-ID, for each that is due; the link in every copy opens its own request."""
    mails = [mail for mail in stage.mailbox.mails() if not mail.of_a_password]
    ids: dict[str, set[str]] = {}
    for mail in mails:
        ids.setdefault(mail.to, set()).add(mail.message_id)
    due = {one.address: one.mails for one in suppliers}
    due["ash@ash.example"] = sum(one.brings is not None for one in suppliers)
    assert {address: len(known) for address, known in ids.items()} == due
    listed = (await get(scheme.operator, MAILS, "/v1/mails?limit=500"))["mails"]
    listed = [one for one in listed if one["kind"] != "welcome"]
    assert len(listed) == sum(due.values())
    print(f"{len(mails)} copies of {len(listed)} mails")

    # At least the two that were killed between the mail server's taking a mail and our noting it came again.
    assert len(mails) >= len(listed) + 2
    opens = {one.address: one.request_id for one in suppliers}
    for mail in mails:
        if mail.to not in opens:
            assert mail.link is None
            continue
        assert mail.link is not None
        for service in (REQUESTS, EXCHANGE):
            page = await client.get(
                f"{stage.stack.urls[service]}/v1/pages", headers={"MRX-Page-Token": token_of(mail.link)}
            )
            assert (page.status_code, page.json().get("request_id")) == (200, opens[mail.to]), mail.subject
