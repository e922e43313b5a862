"""A window of a real browser: what it shows, and everything that it asked for and complained of."""

import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import ConsoleMessage, Dialog, Page, Request, Response, ViewportSize, expect

PHONE: ViewportSize = {"width": 360, "height": 740}
DESK: ViewportSize = {"width": 1280, "height": 900}
GRAVE = {"serious", "critical"}
OWN_STATUS = re.compile(r"Failed to load resource: the server responded with a status of (\d+)")


class Window:
    """One page of a browser that has its own cookies."""

    def __init__(self, page: Page, pictures: Path, portal: str) -> None:
        self.page = page
        self.portal = portal
        self.asked: list[Request] = []
        """every request that the browser made"""
        self.complaints: list[str] = []
        """what the browser reports: errors of scripts, what the content policy stopped, what did not load"""
        self.pictures = pictures
        self._refused_pages: set[tuple[str, str]] = set()
        page.on("request", self._note_request)
        page.on("response", self._note_answer)
        page.on("console", self._note_console)
        page.on("pageerror", lambda error: self.complaints.append(f"script: {error.message}"))
        page.on("dialog", _leave)

    async def open(self, path: str) -> Response:
        """Go to a page of the portal, or to a full address."""
        answer = await self.page.goto(path if "://" in path else f"{self.portal}{path}")
        assert answer is not None
        return answer

    async def sign_in(self, sign_in: dict[str, str]) -> None:
        """Sign in as a person does."""
        await self.open("/sign-in")
        await self.page.get_by_label("E-mail address").fill(sign_in["email"])
        await self.page.get_by_label("Password", exact=True).fill(sign_in["password"])
        await self.press("Sign in")
        await expect(self.page.get_by_role("button", name="Sign out")).to_be_visible()

    async def press(self, name: str | re.Pattern[str]) -> None:
        """Press a button."""
        await self.page.get_by_role("button", name=name).click()

    async def sees(self, *words: str | re.Pattern[str]) -> None:
        """Wait until the page says so."""
        for one in words:
            await expect(self.page.get_by_text(one).locator("visible=true").first).to_be_visible(
                timeout=20_000
            )

    async def look(self, name: str, *, printed: bool = False) -> None:
        """The page can be used by everybody and fits its window; a picture of it is kept."""
        await self.page.wait_for_load_state("load")
        found = await Axe().run(self.page)
        grave = [
            f"{one['id']}: {', '.join(str(node['target']) for node in one['nodes'])}"
            for one in found.response["violations"]
            if one["impact"] in GRAVE
        ]
        assert not grave, f"{name}: {grave}"
        await self._fits(name)
        await self.picture(name)
        if printed:
            await self.print(name)

    async def print(self, name: str) -> None:
        """On paper the page has its words and no buttons."""
        await self.page.emulate_media(media="print")
        assert (await self.page.locator("main").inner_text()).strip()
        assert await self.page.locator("main button:visible").count() == 0, f"{name} prints buttons"
        await self.picture(f"{name} printed")
        await self.page.emulate_media(media="screen")

    async def on_a_phone(self, name: str) -> None:
        """The same page fits a window of 360 px, too."""
        await self.page.set_viewport_size(PHONE)
        await self._fits(name)
        await self.picture(f"{name} on a phone")
        await self.page.set_viewport_size(DESK)

    def sent_to(self, origin: str) -> Sequence[Request]:
        """What was asked of one server."""
        host = urlsplit(origin).netloc
        return [one for one in self.asked if urlsplit(one.url).netloc == host]

    async def picture(self, name: str) -> None:
        await self.page.screenshot(path=self.pictures / f"{name.replace(' ', '-')}.png", full_page=True)

    async def _fits(self, name: str) -> None:
        wide: int = await self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wide <= 0, f"{name} is {wide} px wider than its window"

    def _note_request(self, request: Request) -> None:
        self.asked.append(request)

    def _note_answer(self, answer: Response) -> None:
        if not answer.request.is_navigation_request():
            return
        if answer.status >= 400:
            self._refused_pages.add((answer.url, str(answer.status)))
        policy = answer.headers.get("content-security-policy", "")
        if answer.url.startswith(self.portal) and not policy.startswith("default-src 'none'; "):
            self.complaints.append(f"no content policy ({answer.url})")

    def _note_console(self, said: ConsoleMessage) -> None:
        if said.type not in {"error", "warning"}:
            return
        url = str(said.location.get("url", ""))
        status = OWN_STATUS.match(said.text)
        # A page that says why it refuses carries a status of 400 and above, which the browser reports as well.
        if status is None or (url, status[1]) not in self._refused_pages:
            self.complaints.append(f"{said.text} ({url})")


async def _leave(dialog: Dialog) -> None:
    """Yes, leave the page."""
    await dialog.accept()
