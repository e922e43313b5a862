"""Step 4 of the demo: a member asks for reports, suppliers answer each in its own way, the member decides."""

import asyncio
import base64
import csv
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pikepdf
from mrx_shared.api.notification import Mail, Mails
from mrx_shared.api.report_request import NewRequest, NewSupplier, Numbers, Request, Requests
from mrx_shared.kit.client import Client

from mrx_local.demo.browser import Browser, HtmlPage, ticket_for
from mrx_local.demo.mailbox import Mailbox
from mrx_local.demo.reports import write_report
from mrx_local.demo.scheme import until

TERM_DAYS = 28
PAST_THE_TERM = timedelta(days=TERM_DAYS + 1)
AUDIT_COSTS_EUR = 2500
"""source: AIM-PROGRESS on mutual recognition"""
LANGUAGES = ("en", "zh", "es")
SCOPE = "Labour, health and safety, environment, business ethics"
PURPOSE = "To accept your audit in place of one of our own"
AT_ONCE = 4
PLACE = ("site_name", "address", "city", "region", "country", "os_id", "lei")
"""what tells a released site from another, whatever was audited there when"""
REFERENCE = re.compile(r"MRX-[0-9A-Z]{8}")
REQUEST_COLUMNS = ("supplier_ref", "entry_id", "supplier_name", "contact_email", "contact_name", "language")


class Behaviour(StrEnum):
    """What a supplier does with the request."""

    UPLOADS = "uploads"
    REFUSED_FIRST = "uploads a file that is refused, then the right one"
    PLATFORM = "shares on the platform"
    DECLINES = "declines"
    SILENT = "never answers"


MANNERS = (
    *[Behaviour.UPLOADS] * 12,
    *[Behaviour.PLATFORM] * 4,
    *[Behaviour.DECLINES] * 2,
    Behaviour.SILENT,
    Behaviour.REFUSED_FIRST,
)
UPLOADING = (Behaviour.UPLOADS, Behaviour.REFUSED_FIRST)
OUTCOMES = ("accepted", "accepted-with-top-up", "refused")
BRINGING = (*UPLOADING, Behaviour.PLATFORM)


@dataclass(slots=True, kw_only=True)
class Asked:
    """One supplier that is asked."""

    ref: str
    entry: Mapping[str, str]
    manner: Behaviour
    language: str
    way: str
    """http, event or command"""
    request_id: UUID | None = None
    report: Path | None = None
    outcome: str = ""

    @property
    def email(self) -> str:
        """Its contact, in the member's own supplier base."""
        return f"audits@{self.ref.lower()}.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Where step 4 takes place."""

    seed: int
    member: str
    caller: Client
    operator: Client
    run: Callable[..., Any]
    """runs `mrx member …` as the member"""
    portal: str
    platform: str
    platform_secret: str = field(repr=False)
    mailbox: Mailbox
    move_clock: Callable[[timedelta], Any]
    out: Path
    work: Path
    say: Callable[[str], None]
    patience_s: float


def choose(seed: int, check: Path, release: Path) -> list[Asked]:
    """Draw whom to ask: sites that the member uses and has not audited, each place once; the manners are dealt out."""
    entries: dict[str, dict[str, str]] = {
        entry["entry_id"]: entry for entry in json.loads((release / "list.json").read_text(encoding="utf-8"))
    }
    with check.open(encoding="utf-8-sig", newline="") as file:
        found = [
            row
            for row in csv.DictReader(file)
            if row["decision"] == "match" and row["audited_by_us"] == "false"
        ]
    places: dict[tuple[str, ...], tuple[str, dict[str, str]]] = {}
    for row in found:
        entry = entries[row["entry_id"]]
        places.setdefault(tuple(entry[part] for part in PLACE), (row["supplier_ref"], entry))
    drawn = random.Random(f"requests {seed}")  # noqa: S311 - invents, hides nothing
    candidates = [places[place] for place in sorted(places)]
    chosen = drawn.sample(candidates, k=min(len(MANNERS), len(candidates)))
    return [
        Asked(
            ref=ref,
            entry=entry,
            manner=MANNERS[number],
            language=LANGUAGES[number % len(LANGUAGES)],
            way=("command", "http", "event")[number % 3],
        )
        for number, (ref, entry) in enumerate(chosen)
    ]


async def exchange(asked: Sequence[Asked], at: Setting) -> dict[str, Any]:
    """Ask, let the suppliers answer, download, decide, let the last term pass. Returns what the services say of it."""
    await _ask(asked, at)
    gate = asyncio.Semaphore(AT_ONCE)

    refused_first = 0

    async def answer(one: Asked) -> None:
        nonlocal refused_first
        async with gate:
            refused_first += await _answer(one, at)

    try:
        async with asyncio.TaskGroup() as tasks:
            for one in asked:
                tasks.create_task(answer(one))
    except ExceptionGroup as failed:
        # One supplier's failure ends the demo; the first says why.
        raise failed.exceptions[0] from None
    await _settled(asked, at, {Behaviour.SILENT: {"sent"}})
    at.say(
        f"{_count(asked, *BRINGING)} reports are in the vault, {_count(asked, Behaviour.DECLINES)} declined"
    )
    downloads = at.out / "reports"
    told = await at.run("download", "--all-available", "--out", str(downloads))
    downloaded = len(told["reports"])
    equal = await asyncio.to_thread(_equal, asked, downloads)
    await _decide(asked, at)
    at.say(f"{downloaded} reports downloaded and decided on; now the clock moves past the last term")
    await at.move_clock(PAST_THE_TERM)
    ended = await _settled(asked, at, {Behaviour.SILENT: {"expired"}})
    numbers = (await at.caller.get("report_request", "/v1/numbers", Numbers)).rounds
    mails = await _mails(asked, at)
    reports = [one.report for one in ended if one.report]
    outcomes = Counter(one.decision.outcome for one in ended if one.decision)
    states = Counter(one.state for one in ended)
    channels = Counter(report.channel for report in reports)
    return {
        "requests": {
            "sent": len(ended),
            "uploaded": channels["upload"],
            "platform": channels["platform"],
            "declined": states["declined"],
            "expired": states["expired"],
            "refused_first": refused_first,
        },
        "reports": {
            "stored": len(reports),
            "downloaded": downloaded,
            "sha256_equal": equal,
        },
        "decisions": {outcome: outcomes[outcome] for outcome in OUTCOMES},
        "avoided": sum(one.avoided for one in numbers),
        "avoided_eur": sum(one.avoided_eur for one in numbers),
        "mails": mails,
    }


def implied(asked: Sequence[Asked], mails_delivered: int) -> dict[str, Any]:
    """What must come of it, from what each supplier does and the member decides; the mails as their server has them."""
    outcomes = Counter(one.outcome for one in asked if one.outcome)
    brought = _count(asked, *BRINGING)
    return {
        "requests": {
            "sent": len(asked),
            "uploaded": _count(asked, *UPLOADING),
            "platform": _count(asked, Behaviour.PLATFORM),
            "declined": _count(asked, Behaviour.DECLINES),
            "expired": _count(asked, Behaviour.SILENT),
            "refused_first": _count(asked, Behaviour.REFUSED_FIRST),
        },
        "reports": {"stored": brought, "downloaded": brought, "sha256_equal": brought},
        "decisions": {outcome: outcomes[outcome] for outcome in OUTCOMES},
        # Every place is asked once, so every acceptance is its first.
        "avoided": outcomes["accepted"],
        "avoided_eur": outcomes["accepted"] * AUDIT_COSTS_EUR,
        "mails": mails_delivered,
    }


async def _ask(asked: Sequence[Asked], at: Setting) -> None:
    by_way = {way: [one for one in asked if one.way == way] for way in ("command", "http", "event")}
    for way in ("command", "event"):
        path = at.work / f"requests-{way}.csv"
        await asyncio.to_thread(_write_requests, path, by_way[way])
        if by_way[way]:
            await at.run(
                *("request", str(path), "--by", "event" if way == "event" else "http"),
                *("--scope", SCOPE, "--purpose", PURPOSE, "--term-days", str(TERM_DAYS)),
            )
    for one in by_way["http"]:
        await at.caller.post(
            "report_request",
            "/v1/requests",
            NewRequest(
                entry_id=one.entry["entry_id"],
                site_number=one.ref,
                supplier=NewSupplier(
                    name=one.entry["site_name"], contact_email=one.email, language=one.language
                ),
                scope=SCOPE,
                purpose=PURPOSE,
                term_days=TERM_DAYS,
            ),
        )
    known = {one.site_number: one for one in await _requests(at)}
    for one in asked:
        one.request_id = known[one.ref].request_id
    at.say(
        f"{len(asked)} suppliers are asked: {len(by_way['command'])} by command, {len(by_way['http'])} over HTTP, "
        f"{len(by_way['event'])} by event"
    )


def _write_requests(path: Path, asked: Sequence[Asked]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(REQUEST_COLUMNS)
        for one in asked:
            table.writerow(
                [one.ref, one.entry["entry_id"], one.entry["site_name"], one.email, "", one.language]
            )


async def _answer(one: Asked, at: Setting) -> int:
    """What one supplier does, from its mail on. Returns how many of its files were refused."""
    link = await at.mailbox.link_for(one.email)
    if one.manner is Behaviour.SILENT:
        return 0
    refused = 0
    browser = Browser(at.portal)
    try:
        page = await browser.submit(await browser.follow(link), "/r")
        if one.manner is Behaviour.DECLINES:
            await browser.submit(page, "/supplier/refusal", reason="not-shared", comment="")
            at.say(f"{one.ref} declines")
            return refused
        page = await browser.submit(page, "/supplier/acceptance")
        one.report = await asyncio.to_thread(
            write_report, at.seed, one.entry, at.work / "reports" / f"{one.ref}.pdf"
        )
        if one.manner is Behaviour.PLATFORM:
            await _share(one, browser, page, at)
            return refused
        if one.manner is Behaviour.REFUSED_FIRST:
            spoilt = await asyncio.to_thread(_with_script, one.report)
            refused += await _upload(spoilt, browser, page, at.patience_s) == "refused"
            at.say(f"{one.ref} uploads a file with a script in it, which is refused")
        refused += await _upload(one.report, browser, page, at.patience_s) == "refused"
        at.say(f"{one.ref} uploads its report")
    finally:
        await browser.close()
    return refused


async def _upload(file: Path, browser: Browser, page: HtmlPage, patience_s: float) -> str:
    """Send a file as the page's script does. Returns `stored` or `refused`."""
    body, wanted = await asyncio.to_thread(ticket_for, file)
    ticket = await browser.ask("/supplier/tickets", wanted, seal=page.seal)
    await browser.put(ticket["url"], body, ticket["headers"])
    await browser.ask("/supplier/arrivals", {"ticket_id": ticket["ticket_id"]}, seal=page.seal)

    async def state() -> str:
        found: str = (await browser.read("/supplier/state"))["tickets"].get(ticket["ticket_id"], "")
        return found

    return await until(
        f"a verdict on {file.name}", state, lambda found: found in {"stored", "refused"}, seconds=patience_s
    )


def _with_script(report: Path) -> Path:
    spoilt = report.with_suffix(".spoilt.pdf")
    with pikepdf.open(report) as document:
        document.Root.OpenAction = pikepdf.Dictionary(
            S=pikepdf.Name.JavaScript, JS=pikepdf.String("app.alert('hello')")
        )
        document.save(spoilt)
    return spoilt


async def _share(one: Asked, browser: Browser, page: HtmlPage, at: Setting) -> None:
    """The supplier names its site on the page, then gives the exchange access on the platform."""
    assert one.report is not None
    number = int(sha256(one.ref.encode()).hexdigest()[:10], 16) % 10**9
    site, company = f"ZS{number:09d}", f"ZC{number:09d}"
    headers = {"Platform-Control-Secret": at.platform_secret}
    async with httpx.AsyncClient(base_url=at.platform, headers=headers, trust_env=False) as platform:
        country = one.entry["country"]
        await _told(
            platform,
            "/control/data",
            {
                "companies": [{"company_code": company, "name": one.entry["site_name"], "country": country}],
                "sites": [
                    {
                        "site_code": site,
                        "company_code": company,
                        "name": one.entry["site_name"],
                        "country": country,
                    }
                ],
            },
        )
        await _told(
            platform,
            "/control/audits",
            {
                "site_code": site,
                "protocol_version": "7.0",
                "audit_date": "2025-11-03",
                "report_base64": base64.b64encode(await asyncio.to_thread(one.report.read_bytes)).decode(),
            },
        )
        page = await browser.submit(page, "/supplier/platform", site_code=site)
        reference = REFERENCE.search(page.text)
        assert reference is not None, "the page says which reference to give on the platform"
        await _told(platform, "/control/grants", {"site_code": site, "reference": reference[0]})
    at.say(f"{one.ref} gives access on the platform")


async def _told(platform: httpx.AsyncClient, path: str, body: Mapping[str, Any]) -> None:
    (await platform.post(path, json=body)).raise_for_status()


async def _requests(at: Setting) -> Sequence[Request]:
    return (await at.caller.get("report_request", "/v1/requests", Requests, limit=500)).requests


async def _settled(
    asked: Sequence[Asked], at: Setting, ends: Mapping[Behaviour, set[str]]
) -> Sequence[Request]:
    """Wait until every request is where its supplier brings it. Returns them."""
    by_manner = {
        **{key: {"available", "decided"} for key in BRINGING},
        Behaviour.DECLINES: {"declined"},
        **ends,
    }
    wanted = {one.request_id: by_manner[one.manner] for one in asked}

    return await until(
        "every request to end as its supplier has it",
        lambda: _requests(at),
        lambda found: all(one.state in wanted[one.request_id] for one in found),
        seconds=at.patience_s,
    )


async def _decide(asked: Sequence[Asked], at: Setting) -> None:
    """Accept most; ask for a top-up now and then; refuse a few."""
    brought = [one for one in asked if one.manner in BRINGING]
    path = at.work / "decisions.csv"
    for number, one in enumerate(brought):
        one.outcome = {5: "accepted-with-top-up", 9: "refused"}.get(number % 10, "accepted")

    def write() -> None:
        with path.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(("request_id", "outcome", "reason", "valid_until"))
            for one in brought:
                reason = "" if one.outcome == "accepted" else "Working hours are not covered in full"
                table.writerow((one.request_id, one.outcome, reason, ""))

    await asyncio.to_thread(write)
    await at.run("decide", str(path))


def _equal(asked: Sequence[Asked], downloads: Path) -> int:
    """How many of the suppliers' files lie among the downloads, byte for byte."""
    sent = Counter(
        sha256(one.report.read_bytes()).hexdigest() for one in asked if one.report and one.manner in BRINGING
    )
    got = Counter(sha256(path.read_bytes()).hexdigest() for path in downloads.glob("*.pdf"))
    return (sent & got).total()


async def _mails(asked: Sequence[Asked], at: Setting) -> int:
    """How many mails about requests notification says that it has sent, once none waits; merged ones count once.

    The last to leave tell the silent that their requests have ended: they wait for a slot.
    """
    silent = {one.request_id for one in asked if one.manner is Behaviour.SILENT}

    async def look() -> list[Mail]:
        told = (await at.operator.get("notification", "/v1/mails", Mails, limit=500)).mails
        return [mail for mail in told if mail.asked_by == "report_request"]

    def all_sent(ours: list[Mail]) -> bool:
        ended = {mail.about for mail in ours if mail.kind == "closed"}
        return silent <= ended and all(mail.state == "sent" for mail in ours)

    sent = await until("all mails to leave", look, all_sent, seconds=at.patience_s)
    return len({mail.letter_id for mail in sent})


def _count(asked: Sequence[Asked], *manners: Behaviour) -> int:
    return sum(one.manner in manners for one in asked)
