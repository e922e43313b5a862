"""Mails as a mail program shows them, on a phone and on a desk."""

from pathlib import Path

import pytest
from mrx_notification.adapters.rendering import JinjaRenderer
from mrx_notification.domain.mails import Kind
from playwright.async_api import Browser

from tests.unit.notification.rendering import attempt_of, mail_of

pytestmark = [pytest.mark.live, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]
RENDERER = JinjaRenderer(portal_url="https://mutual-recognition.a-long-name-of-a-company.example")
LONG = {"site": "Hauptbetriebswerkbauunterbeamtengesellschaft" * 3, "purpose": "W" * 200}
"""names that hold no place to break"""


@pytest.mark.parametrize("language", ["en", "es", "zh"])
@pytest.mark.parametrize("width", [360, 600])
@pytest.mark.parametrize("kinds", [[Kind.INVITATION], [Kind.INVITATION, Kind.REMINDER]])
async def test_a_mail_fits_its_window_whatever_its_names_are_and_its_buttons_lead_on(
    chromium: Browser, pictures: Path, language: str, width: int, kinds: list[Kind]
) -> None:
    letter = RENDERER.render(attempt_of(*(mail_of(kind, language, **LONG) for kind in kinds)))
    page = await chromium.new_page(viewport={"width": width, "height": 740})
    try:
        await page.set_content(letter.html)
        await page.screenshot(
            path=pictures / f"mail-{'-'.join(kinds)}-{language}-{width}.png", full_page=True
        )
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        buttons = await page.locator("td > a").all()
        assert len(buttons) == len(kinds)
        for button in buttons:
            assert await button.get_attribute("href") in letter.text.split()
            held = await button.bounding_box()
            assert held is not None
            assert held["height"] >= 44, "too small for a thumb"
    finally:
        await page.close()
