"""Two members ask one supplier, at one address, about one site: neither can see that the other did."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import asyncpg
import httpx
import pytest
from aiokafka import AIOKafkaConsumer
from mrx_local.demo.browser import Browser
from mrx_local.demo.mailbox import LINK, Mail, Mailbox
from mrx_local.demo.scheme import Scheme
from mrx_local.people import introduce_person, patient
from mrx_shared.kit.client import Client
from mrx_shared.refusals import Rejected, Unknown

from tests.live.calls import get, post
from tests.live.conftest import Running
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
)

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

AFTER_THE_STORY = pytest.mark.usefixtures("told")
"""of tests that ask, too: a member's lists hold all that it ever asked"""
SERVICES = ("report_request", "exchange_adapter")
SUPPLIER, STRANGER, ANYBODY = "quality@halden.example", "quality@lone.example", "quality@many.example"
ON_THE_PLATFORM = "quality@platform.example"
PAIRS = 40
SLOWER_AT_MOST = 33
"""of so many pairs; more come by chance in one run of 40,000"""
ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
VARYING: Final = {
    "<hash>": re.compile(r"\b[0-9a-f]{64}\b"),
    "<id>": ID,
    "<moment>": re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|\+00:00)"),
    "<reference>": re.compile(r"MRX-[0-9A-Z]{8}"),
    "<token>": re.compile(r"(?<=/r/)[\w-]+"),
    "<supplier>": re.compile(r"quality@\w+\.example"),
    "<member>": re.compile(r"\b(?:ash|birch|cedar)\b", re.IGNORECASE),
}


def alike(value: object) -> object:
    """What is said without what differs between any two requests."""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    for name, pattern in VARYING.items():
        text = pattern.sub(name, text)
    return text


@dataclass(frozen=True, kw_only=True)
class Seen:
    """All that one member can see."""

    pages: dict[str, Any]
    """by its own person in the portal"""
    answers: dict[str, Any]
    """to every GET of both services with its token"""
    events: list[Any]
    mails: list[str]
    """to whoever asked there"""

    @property
    def whole(self) -> str:
        return json.dumps([self.pages, self.answers, self.events, self.mails])


@dataclass(kw_only=True)
class Asker:
    """A member that asks."""

    name: str
    entry_id: str
    address: str
    request_id: str = ""
    links: list[str] = field(default_factory=list)
    shown: dict[str, Any] = field(default_factory=dict)
    report_id: str = ""

    @property
    def requester(self) -> str:
        return f"buyer@{self.name.lower()}.example"


class Watch:
    """Looks at everything as one member does."""

    def __init__(self, running: Running, client: httpx.AsyncClient, scheme: Scheme) -> None:
        self._running, self._client, self._scheme = running, client, scheme
        self.mailbox = Mailbox(running.folder / "up" / "mail" / "mails")

    def member(self, name: str) -> Client:
        return self._scheme.members[name]

    async def get(self, name: str, service: str, path: str) -> tuple[int, Any]:
        bearer = await self.member(name)._credentials.headers(service)
        answer = await self._client.get(f"{self._running.urls[service]}{path}", headers=bearer)
        return answer.status_code, answer.json()

    async def routes(self, service: str) -> list[str]:
        """Paths of every GET that is no health and no metrics."""
        document = (await self._client.get(f"{self._running.urls[service]}/openapi.json")).json()
        return [
            path for path, verbs in document["paths"].items() if "get" in verbs and path.startswith("/v1")
        ]

    async def seen(self, asker: Asker) -> Seen:
        answers = {}
        for service in SERVICES:
            for route in await self.routes(service):
                path = route.replace("{request_id}", asker.request_id)
                path = path.replace("{report_id}", asker.report_id or str(uuid4()))
                if "{" not in path and not path.startswith("/v1/operations"):
                    answers[f"{service} {route}"] = await self.get(asker.name, service, path)
        member = self._running.member(asker.name)
        own = access(self._running.kafka, member["kafka_username"], member["kafka_password"])
        events = {one["id"]: one for one in await read(own, member["topics"]["out"])}
        return Seen(
            pages=await self._pages(asker),
            answers=answers,
            events=[one for one in events.values() if one["type"].startswith("mrx.report_request.")],
            mails=sorted(mail.subject + mail.text for mail in self.mails_to(asker.requester)),
        )

    async def _pages(self, asker: Asker) -> dict[str, str]:
        person = {"email": asker.requester, "password": "an umbrella in the hall"}
        browser = Browser(self._running.urls["portal"])
        try:
            await browser.submit(await browser.open("/sign-in"), "/sign-in", **person)
            paths = ("/member", "/member/requests", f"/member/requests/{asker.request_id}", "/member/numbers")
            texts = {path: (await browser.open(path)).text for path in paths}
        finally:
            await browser.close()
        # Seals and keys of forms are drawn anew for every page.
        return {
            path: re.sub(r'(name="(?:seal|key)" value=)"[^"]*"', r"\1", text) for path, text in texts.items()
        }

    def mails_to(self, address: str) -> list[Mail]:
        return [mail for mail in self.mailbox.mails() if mail.to == address and not mail.of_a_password]

    async def calm(self) -> None:
        """Until nothing is on its way any more."""

        async def quiet() -> bool | None:
            for service in (*SERVICES, "notification"):
                status = await get(self._scheme.operator, service, "/v1/operations/status")
                if status["outbox"]["unsent"] or status["waiting"]:
                    return None
            mails = (await get(self._scheme.operator, "notification", "/v1/mails?limit=500"))["mails"]
            return True if all(one["state"] != "waiting" for one in mails) else None

        for _ in range(3):  # what one service says, the next may answer
            await until(quiet, "it does not become calm")
            await asyncio.sleep(0.5)


@dataclass(frozen=True, kw_only=True)
class Told:
    """The scenario, as it was seen."""

    ash: Asker
    birch: Asker
    cedar: Asker
    before: Seen
    """what Ash saw when it alone had asked"""
    after: Seen
    """and after Birch had asked, got its report and decided"""
    second: Seen
    """what Birch saw at the end, the second to ask"""
    first: Seen
    """what Cedar saw at the same point of its scenario, the first and only one to ask of another site"""


@asynccontextmanager
async def watching(running: Running) -> AsyncIterator[Watch]:
    async with patient(running.urls) as services, httpx.AsyncClient(timeout=30, trust_env=False) as client:
        yield Watch(running, client, Scheme(services, running.credentials))


@pytest.fixture(scope="module")
def told(running: Running) -> Told:
    """Ash asks; Birch asks the same supplier, gets its report and decides; Cedar does so elsewhere."""
    return asyncio.run(tell(running))


async def tell(running: Running) -> Told:
    async with watching(running) as watch:
        shared, lone = await release(running.aggregation, 2)
        ash = Asker(name="Ash", entry_id=shared, address=SUPPLIER)
        birch = Asker(name="Birch", entry_id=shared, address=SUPPLIER)
        cedar = Asker(name="Cedar", entry_id=lone, address=STRANGER)
        for one in (ash, birch, cedar):
            await let_in(one, running)
        await asks(ash, watch)
        await watch.calm()
        before = await watch.seen(ash)
        await whole(birch, watch, running)
        await watch.calm()
        after = await watch.seen(ash)
        second = await watch.seen(birch)
        await whole(cedar, watch, running)
        await watch.calm()
        first = await watch.seen(cedar)
    return Told(ash=ash, birch=birch, cedar=cedar, before=before, after=after, second=second, first=first)


async def let_in(one: Asker, running: Running) -> None:
    """A person of the member may look at the portal."""
    async with patient(running.urls) as services:
        await introduce_person(
            services,
            f"Buyer of {one.name}",
            member_id=running.member(one.name)["member_id"],
            email=one.requester,
            password="an umbrella in the hall",
            credentials=running.credentials,
        )


async def asks(one: Asker, watch: Watch) -> None:
    """Ask; the supplier's link is the one in the first mail that names who asks."""
    one.shown = await ask(
        watch.member(one.name), asked(one.entry_id, one.address, requester_email=one.requester)
    )
    one.request_id = one.shown["request_id"]

    async def mailed() -> str | None:
        for mail in watch.mails_to(one.address):
            named = re.search(rf"\b{one.name}\b", mail.text)
            link = LINK.search(mail.text, named.end()) if named else None
            if link:
                return link[0]
        return None

    one.links.append(await until(mailed, "no mail came"))


async def whole(one: Asker, watch: Watch, running: Running) -> None:
    """Ask, be answered with a report, fetch it, accept it."""
    await asks(one, watch)
    async with AtTheDesk(running.urls["portal"]) as web:
        await web.open(one.links[0])
        await web.accept()
        assert await web.upload(report(f"for {one.name}")) == "stored"
    member = watch.member(one.name)

    async def available() -> str | None:
        shown = await get(member, "report_request", f"/v1/requests/{one.request_id}")
        return str(shown["report"]["report_id"]) if shown["state"] == "available" else None

    one.report_id = await until(available, "the report is not there")
    await watch.calm()
    await post(member, "exchange_adapter", f"/v1/reports/{one.report_id}/links")

    async def opened() -> str | None:
        shown = await get(member, "report_request", f"/v1/requests/{one.request_id}")
        return str(shown["report"]["read_at"]) if shown["report"]["read_at"] else None

    await until(opened, "it is not known that the report was opened")
    await post(
        member,
        "report_request",
        f"/v1/requests/{one.request_id}/decision",
        {"outcome": "accepted", "reason": None},
    )


def test_nothing_that_the_first_can_see_changes_when_the_second_asks_and_decides(told: Told) -> None:
    """By page, by API with its lists, numbers and counts, by event, and by mail."""
    assert told.after.answers == told.before.answers
    assert told.after.events == told.before.events
    assert told.after.mails == told.before.mails
    assert told.after.pages == told.before.pages


def test_the_second_sees_what_it_would_see_had_nobody_asked_before(told: Told) -> None:
    assert alike(told.second.answers) == alike(told.first.answers)
    assert alike([one["data"] for one in told.second.events]) == alike(
        [one["data"] for one in told.first.events]
    )
    assert alike(told.second.mails) == alike(told.first.mails)
    assert alike(told.birch.shown) == alike(told.cedar.shown)


def test_nothing_that_one_can_see_names_the_other_or_any_id_of_its(told: Told, running: Running) -> None:
    for mine, other, seen in (
        (told.ash, told.birch, [told.before, told.after]),
        (told.birch, told.ash, [told.second]),
    ):
        text = "".join(one.whole for one in seen)
        assert mine.request_id in text
        for trace in (
            other.request_id,
            other.shown["reference"],
            running.member(other.name)["member_id"],
            *([other.report_id] if other.report_id else []),
        ):
            assert trace not in text
        assert not re.search(rf"\b{other.name}\b", text)


async def test_an_id_of_the_others_opens_as_little_as_an_invented_one(told: Told, running: Running) -> None:
    async with watching(running) as watch:
        tried = 0
        for service in SERVICES:
            for route in await watch.routes(service):
                if "{request_id}" not in route and "{report_id}" not in route:
                    continue
                theirs = route.replace("{request_id}", told.birch.request_id)
                theirs = theirs.replace("{report_id}", told.birch.report_id)
                unknown = re.sub(r"\{\w+\}", str(uuid4()), route)
                status, answer = await watch.get("Ash", service, theirs)
                assert status == 404
                assert (status, alike(answer)) == alike_answer(await watch.get("Ash", service, unknown))
                tried += 1
        assert tried >= 2
        ash = watch.member("Ash")
        for service, path, body in (
            ("report_request", "/v1/requests/{id}/withdrawal", {}),
            ("report_request", "/v1/requests/{id}/contact", {"contact_email": "x@y.example"}),
            ("report_request", "/v1/requests/{id}/decision", {"outcome": "accepted"}),
            ("exchange_adapter", "/v1/reports/{id}/links", None),
        ):
            its = told.birch.report_id if "reports" in path else told.birch.request_id
            refusals = []
            for one in (its, str(uuid4())):
                with pytest.raises(Unknown) as refusal:
                    await post(ash, service, path.replace("{id}", one), body)
                refusals.append(alike(refusal.value.reason))
            assert refusals[0] == refusals[1]


def alike_answer(answer: tuple[int, Any]) -> tuple[int, object]:
    return answer[0], alike(answer[1])


async def test_a_member_sees_no_topics_but_its_own(running: Running) -> None:
    ash = running.member("Ash")
    consumer = AIOKafkaConsumer(**access(running.kafka, ash["kafka_username"], ash["kafka_password"]))
    await consumer.start()
    try:
        assert await consumer.topics() == set(ash["topics"].values())
    finally:
        await consumer.stop()


async def test_the_supplier_has_a_page_for_each_and_no_token_does_anything_on_the_others(
    told: Told, running: Running
) -> None:
    async with watching(running) as watch, httpx.AsyncClient(timeout=30, trust_env=False) as client:
        texts = {}
        for one in (told.ash, told.birch):
            token = {"MRX-Page-Token": token_of(one.links[0])}
            answers = [await client.get(f"{running.urls[name]}/v1/pages", headers=token) for name in SERVICES]
            assert {answer.status_code for answer in answers} == {200}
            async with AtTheDesk(running.urls["portal"]) as web:
                page = await web.open(one.links[0])
            texts[one.name] = page.text + "".join(answer.text for answer in answers)
            assert one.shown["reference"] in texts[one.name]
        for mine, other in ((told.ash, told.birch), (told.birch, told.ash)):
            assert other.request_id not in texts[mine.name]
            assert other.shown["reference"] not in texts[mine.name]
            assert not re.search(rf"\b{other.name}\b", texts[mine.name])
        assert digest(report("for Birch")) not in texts["Ash"]

        # Birch's ticket, by its number, with the link that Ash's request brought.
        exchange = running.urls["exchange_adapter"]
        theirs = await client.get(
            f"{exchange}/v1/pages", headers={"MRX-Page-Token": token_of(told.birch.links[0])}
        )
        ticket = theirs.json()["uploads"][0]["ticket_id"]
        refused = [
            await client.post(
                f"{exchange}/v1/pages/tickets/{one}/arrival",
                headers={"MRX-Page-Token": token_of(told.ash.links[0]), "Idempotency-Key": str(uuid4())},
            )
            for one in (ticket, uuid4())
        ]
        assert [one.status_code for one in refused] == [404, 404]
        assert alike(refused[0].text) == alike(refused[1].text)

        # One browser, two links: what was drawn for one request does nothing on the other.
        async with AtTheDesk(running.urls["portal"]) as web:
            page = await web.open(told.ash.links[0])
            await web.open(told.birch.links[0])
            with pytest.raises(Rejected, match="403"):
                await web.browser.submit(page, "/supplier/refusal", reason="not-shared", comment="")
        assert (await watch.get("Ash", "report_request", f"/v1/requests/{told.ash.request_id}"))[1][
            "state"
        ] == "opened"


def test_the_mails_to_their_supplier_have_nothing_in_common_but_the_supplier(
    told: Told, running: Running
) -> None:
    raw = [
        path.read_text(encoding="utf-8", errors="replace")
        for path in sorted(Path(running.folder / "up" / "mail" / "mails").glob("*.eml"))
    ]
    to_it = [mail for mail in raw if SUPPLIER in mail]
    of = {
        one.name: [mail for mail in to_it if re.search(rf"\b{one.name}\b", mail)]
        for one in (told.ash, told.birch)
    }
    assert len(of["Ash"]) + len(of["Birch"]) == len(to_it)
    for mine, other in ((told.ash, told.birch), (told.birch, told.ash)):
        for mail in of[mine.name]:
            assert not re.search(rf"\b{other.name}\b", mail)
            assert other.shown["reference"] not in mail
            assert not re.search(r"^(References|In-Reply-To|Thread-\w+|X-[\w-]+):", mail, re.MULTILINE)
            # Of ids there is the one that the Message-ID was made of.
            assert len(set(ID.findall(mail))) == 1


@AFTER_THE_STORY
async def test_the_second_to_ask_waits_for_nothing_that_the_first_holds(running: Running) -> None:
    """All rows of the first are locked, and a further request of it for the same site is being written."""
    async with watching(running) as watch:
        [site] = await release(running.aggregation, 1)
        first = await ask(watch.member("Ash"), asked(site, ANYBODY))
        await watch.calm()
        ash = running.member("Ash")["member_id"]
        database = (
            f"postgresql://postgres:{running.known('secrets')['postgres_superuser_password']}"
            f"@127.0.0.1:{running.known('ports')['postgres']}/report_request"
        )
        connection = await asyncpg.connect(database)
        try:
            holding = connection.transaction()
            await holding.start()
            for table in ("request", "request_owner", "mail", "page_token"):
                await connection.execute(f"SELECT 1 FROM {table} WHERE member_id = $1 FOR UPDATE", ash)
            await connection.execute(
                "UPDATE request SET state = 'withdrawn' WHERE request_id = $1", first["request_id"]
            )
            columns = [
                row["column_name"]
                for row in await connection.fetch(
                    "SELECT column_name FROM information_schema.columns WHERE table_name = 'request'"
                )
            ]
            again = {"request_id": "$2", "reference": "'MRX-00000000'", "state": "'drafted'"}
            await connection.execute(
                "INSERT INTO request_owner (request_id, member_id) VALUES ($1, $2)", (anew := uuid4()), ash
            )
            await connection.execute(
                f"INSERT INTO request ({', '.join(columns)}) SELECT "
                f"{', '.join(again.get(one, one) for one in columns)} FROM request WHERE request_id = $1",
                first["request_id"],
                anew,
            )
            async with asyncio.timeout(10):
                second = await post(
                    watch.member("Birch"), "report_request", "/v1/requests", asked(site, ANYBODY)
                )
            assert second["state"] == "drafted"
            await holding.rollback()
        finally:
            await connection.close()


@AFTER_THE_STORY
async def test_asking_takes_as_long_whether_or_not_another_asked_before(running: Running) -> None:
    async with watching(running) as watch:
        sites = await release(running.aggregation, 2 * PAIRS)
        asked_before, asked_by_nobody = sites[:PAIRS], sites[PAIRS:]
        for site in asked_before:
            await ask(watch.member("Ash"), asked(site, ANYBODY))
        await watch.calm()

        async def seconds(site: str) -> float:
            began = time.perf_counter()
            await post(watch.member("Birch"), "report_request", "/v1/requests", asked(site, ANYBODY))
            return time.perf_counter() - began

        await ask(watch.member("Birch"), asked(asked_before.pop(), ANYBODY))
        await seconds(asked_by_nobody.pop())
        slower = 0
        for number, (before, by_nobody) in enumerate(zip(asked_before, asked_by_nobody, strict=True)):
            in_turn = (before, by_nobody) if number % 2 else (by_nobody, before)
            took = {site: await seconds(site) for site in in_turn}
            slower += took[before] > took[by_nobody]
        print(f"\n{slower} of {len(asked_before)} were slower where another member had asked before")
        assert PAIRS - SLOWER_AT_MOST <= slower <= SLOWER_AT_MOST


@AFTER_THE_STORY
async def test_the_platform_learns_of_no_member(running: Running) -> None:
    """Both members' requests are answered there, with one site; neither's report is the other's."""
    async with watching(running) as watch:
        [site] = await release(running.aggregation, 1)
        askers = [Asker(name=name, entry_id=site, address=ON_THE_PLATFORM) for name in ("Ash", "Birch")]
        url, secret = platform_of(running)
        body = report("on the platform")
        async with OnThePlatform(url, secret, 7) as platform:
            await platform.publish(body)
            for one in askers:
                await asks(one, watch)
                async with AtTheDesk(running.urls["portal"]) as web:
                    await web.open(one.links[0])
                    await web.accept()
                    await platform.grant(await web.name_site(platform.site_code))

                async def available(one: Asker = one) -> dict[str, Any] | None:
                    shown = await get(
                        watch.member(one.name), "report_request", f"/v1/requests/{one.request_id}"
                    )
                    return shown["report"] if shown["state"] == "available" else None

                stored = await until(available, "the platform's report does not come")
                assert stored["sha256"] == digest(body)
            calls = json.dumps(await platform.calls())
        assert "/report" in calls
        for one in askers:
            for trace in (
                one.request_id,
                one.shown["reference"],
                running.member(one.name)["member_id"],
                one.requester,
            ):
                assert trace not in calls
            assert not re.search(rf"\b{one.name}\b", calls, re.IGNORECASE)
        ids = {one["report_id"] for name in ("Ash", "Birch") for one in await reports(watch, name)}
        assert len(ids) == sum([len(await reports(watch, name)) for name in ("Ash", "Birch")])


async def reports(watch: Watch, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await get(watch.member(name), "exchange_adapter", "/v1/reports"))[
        "reports"
    ]
    return found


def platform_of(running: Running) -> tuple[str, str]:
    port = running.known("ports")["platform"]
    return f"http://127.0.0.1:{port}", running.known("secrets")["platform_control_secret"]
