"""Mails as a mail program shows them, on a phone and on a desk."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from mrx_notification.adapters.letters import JinjaLetters
from mrx_notification.domain.mails import Attempt, Kind, Letter, Mail
from playwright.async_api import Browser

pytestmark = [pytest.mark.live, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]
NOW = datetime(2026, 7, 1, 9, tzinfo=UTC)
LONG_WORD = "Hauptbetriebswerkbauunterbeamtengesellschaft" * 3
LETTERS = JinjaLetters(portal_url="https://mutual-recognition.a-long-name-of-a-company.example")


def invitation(language: str, times: int) -> Letter:
    """An invitation, or several as one, whose names hold no place to break, with a link as long as they are."""
    mail = Mail(
        mail_id=UUID(int=7),
        event_id=UUID(int=7),
        letter_id=UUID(int=7),
        story="a story",
        kind=Kind.INVITATION,
        asked_by="report_request",
        about=UUID(int=7),
        language=language,
        with_link=True,
        address="li.wei@mill.example",
        words={
            "to_name": "Li Wei",
            "asks": "Acme Brands",
            "site": LONG_WORD,
            "site_number": "S-0042",
            "scope": "SMETA 4-pillar",
            "purpose": "W" * 200,
            "reference": "MRX-ABCDEFGH",
            "detail": None,
            "term_ends_on": "2026-07-28",
        },
        asked_at=NOW,
        due_at=NOW,
    )
    token = "k7-Qz_0123456789abcdefghijklmnopqrstuvwxyzA"
    attempt = Attempt(
        letter_id=mail.letter_id,
        address="li.wei@mill.example",
        language=language,
        mails=(mail,) * times,
        tokens=(token,) * times,
    )
    return LETTERS.write(attempt)


@pytest.mark.parametrize("language", ["en", "es", "zh"])
@pytest.mark.parametrize("width", [360, 600])
@pytest.mark.parametrize("times", [1, 3])
async def test_a_mail_fits_its_window_whatever_its_names_are_and_its_button_leads_on(
    chromium: Browser, pictures: Path, language: str, width: int, times: int
) -> None:
    letter = invitation(language, times)
    page = await chromium.new_page(viewport={"width": width, "height": 740})
    try:
        await page.set_content(letter.html)
        await page.screenshot(path=pictures / f"mail-{language}-{width}-{times}.png", full_page=True)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        button = page.get_by_role("link").first
        assert await button.get_attribute("href") in letter.text.split()
        held = await button.bounding_box()
        assert held is not None
        assert held["height"] >= 44, "too small for a thumb"
    finally:
        await page.close()
