"""A real browser on the real stack: a released list of five members' sites, people who sign in, mails that arrive."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from mrx_local.demo.browser import Browser as Follower
from mrx_local.demo.mailbox import Mailbox
from mrx_local.demo.scenario import AS_OF, PUBLIC, PUBLIC_VERSIONS
from mrx_local.demo.scheme import Scheme
from mrx_local.people import introduce_person, patient
from mrx_local.state_files import typed_password
from mrx_matching.generator import STYLES, ProtocolChoice, generate, suppliers, write_list, write_suppliers
from playwright.async_api import Browser, ViewportSize, async_playwright

from tests.live.browser.window import DESK, Window
from tests.live.calls import post
from tests.live.conftest import Running, serving

ASKING = "Ash"
"""the member whose person uses the pages"""
OTHER = "Birch"
"""the member that suppliers hear of"""
MEMBERS = (ASKING, OTHER, "Cedar", "Dogwood", "Elm")
"""five groups, as a release needs them"""
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
SMETA = [
    ProtocolChoice(
        protocol=PUBLIC,
        version=version,
        recognised_from=first,
        recognised_until=last + timedelta(days=1) if last else None,
    )
    for version, first, last in PUBLIC_VERSIONS
]
SignIn = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class World:
    """Lists of five members, and the supplier base of `ASKING`."""

    lists: Mapping[str, Path]
    suppliers: Path
    released: Path
    """the folder of the list that was released first"""


@dataclass(frozen=True, kw_only=True)
class Invitation:
    """A request whose mail has arrived."""

    request_id: str
    reference: str
    link: str
    address: str
    entry: Mapping[str, str]

    @property
    def token(self) -> str:
        return self.link.rpartition("/")[2]


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A stack for the browser's scenarios alone: they release lists, which requests elsewhere would notice."""
    with serving(tmp_path_factory.mktemp("stack"), MEMBERS) as made:
        yield made


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """Debian's Chromium; `deploy/local/browser` sees to it that there is one."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert found, "there is no Chromium; run deploy/local/browser"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found, args=list(QUIET))
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures of the pages go."""
    return tmp_path_factory.mktemp("pictures")


Windows = Callable[..., Awaitable[Window]]


@pytest_asyncio.fixture(loop_scope="session")
async def window(chromium: Browser, pictures: Path, running: Running) -> AsyncIterator[Windows]:
    """Open a window of a browser of its own. At the end none of them has complained of anything."""
    opened: list[Window] = []

    async def open_window(size: ViewportSize = DESK, *, script: bool = True) -> Window:
        context = await chromium.new_context(
            viewport=size, locale="en-GB", timezone_id="UTC", java_script_enabled=script
        )
        context.set_default_timeout(15_000)
        opened.append(Window(await context.new_page(), pictures, running.urls["portal"]))
        return opened[-1]

    yield open_window
    for one in opened:
        await one.page.context.close()
    assert [complaint for one in opened for complaint in one.complaints] == []


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(running: Running, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Five members that take part sent their lists, and a list was released."""
    folder = tmp_path_factory.mktemp("world")
    made = generate(
        5, members=list(MEMBERS), rows_total=300, as_of=AS_OF, protocols=dict.fromkeys(MEMBERS, SMETA)
    )
    world = World(
        lists={one.member: write_list(one.rows, folder / one.member, STYLES[0]) for one in made.lists},
        suppliers=folder / "suppliers.csv",
        released=folder / "released",
    )
    write_suppliers(suppliers(5, made, ASKING, count=60), world.suppliers)
    async with patient(running.urls) as services:
        scheme = Scheme(services, running.credentials)
        round_id = await scheme.open_round(AS_OF)
        await publish(running, world)
        await scheme.close_round(round_id)
        await scheme.release(round_id)
    await as_member(running, OTHER, "fetch", "--out", str(world.released))
    return world


async def publish(running: Running, world: World) -> None:
    """Every member sends its list."""
    for name, path in world.lists.items():
        await as_member(running, name, "publish", str(path))


async def as_member(running: Running, name: str, *arguments: str) -> str:
    """Run `mrx member …` as a member's machine does. Returns what it prints."""
    profile = ("member", "--profile", str(running.credentials.profile(name)))
    done = await asyncio.to_thread(partial(running.mrx, *profile, *arguments))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def mailbox(running: Running) -> Mailbox:
    """The mails as they arrived."""
    return Mailbox(running.folder / "up" / "mail" / "mails")


@pytest.fixture(scope="session")
def sites(world: World) -> Iterator[Mapping[str, str]]:
    """Released sites, each once: a member has one open request a site."""
    return iter(json.loads((world.released / "list.json").read_text(encoding="utf-8")))


Invite = Callable[..., Awaitable[Invitation]]


@pytest_asyncio.fixture(loop_scope="session")
async def scheme(running: Running) -> AsyncIterator[Scheme]:
    """Everybody's calls to the services themselves."""
    async with patient(running.urls) as services:
        yield Scheme(services, running.credentials)


@pytest.fixture
def invite(running: Running, scheme: Scheme, mailbox: Mailbox, sites: Iterator[Mapping[str, str]]) -> Invite:
    """Have a supplier asked for its report by `OTHER`; returns when it has its mail and the link in it leads there."""

    async def ask(language: str = "en") -> Invitation:
        entry = next(sites)
        address = f"audits-{uuid4().hex[:12]}@supplier.example"
        made = await post(
            scheme.members[OTHER],
            "report_request",
            "/v1/requests",
            {
                "entry_id": entry["entry_id"],
                "site_number": "B-17",
                "supplier": {
                    "name": entry["site_name"],
                    "contact_email": address,
                    "contact_name": None,
                    "language": language,
                },
                "scope": "Latest SMETA report, four pillars, with its corrective actions",
                "purpose": "To accept this audit in place of one of our own",
                "term_days": 28,
            },
        )
        link = await mailbox.link_for(address)
        supplier = Follower(running.urls["portal"])
        try:
            await supplier.follow(link)
        finally:
            await supplier.close()
        return Invitation(
            request_id=made["request_id"],
            reference=made["reference"],
            link=link,
            address=address,
            entry=entry,
        )

    return ask


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def person(running: Running) -> SignIn:
    """How a person of `ASKING` signs in."""
    return await let_in(running, ASKING)


async def let_in(running: Running, member: str) -> SignIn:
    """Let one more person of a member sign in."""
    name = f"Robin of {member} {uuid4().hex[:8]}"
    sign_in = {"email": f"{uuid4().hex[:12]}@mrx.example", "password": typed_password()}
    async with patient(running.urls) as services:
        await introduce_person(
            services,
            name,
            member_id=running.member(member)["member_id"],
            **sign_in,
            credentials=running.credentials,
        )
    return sign_in
