"""Suppliers: from the mail's link to a shared report, in a real browser, on a desk and on a phone."""

import base64
import json
import re
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from mrx_local.demo.scheme import Scheme
from playwright.async_api import ViewportSize, expect

from tests.live.browser.conftest import OTHER, Invitation, Invite, Windows
from tests.live.browser.papers import picture_named_pdf, report, with_script
from tests.live.browser.window import DESK, PHONE, Window
from tests.live.calls import get
from tests.live.conftest import Running

pytestmark = [pytest.mark.live, pytest.mark.timeout(240), pytest.mark.asyncio(loop_scope="session")]

HALF_A_MEGABYTE_A_SECOND = {
    "offline": False,
    "latency": 5,
    "downloadThroughput": -1,
    "uploadThroughput": 512 * 1024,
}


async def opened(window: Windows, invitation: Invitation, size: ViewportSize = DESK) -> Window:
    """A window in which the supplier followed its link and opened the request."""
    browser = await window(size)
    await browser.open(invitation.link)
    await browser.press("Open the request")
    await browser.sees(invitation.reference)
    return browser


async def choose(browser: Window, file: Path) -> None:
    await browser.page.get_by_label("Audit report (PDF)").set_input_files(file)


async def slow(browser: Window) -> None:
    """From here on the line is slow, so that there is something to see."""
    line = await browser.page.context.new_cdp_session(browser.page)
    await line.send("Network.emulateNetworkConditions", HALF_A_MEGABYTE_A_SECOND)


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
async def test_a_report_goes_straight_to_the_store_and_is_shared_once_it_was_checked(
    window: Windows, invite: Invite, running: Running, tmp_path: Path, size: ViewportSize
) -> None:
    invitation, where = await invite(), "phone" if size is PHONE else "desk"
    file = report(tmp_path / "report.pdf", mebibytes=1.5)
    browser = await window(size)
    await browser.open(invitation.link)
    await browser.sees("Birch asks you for an audit report")
    await browser.look(f"supplier link {where}")
    await browser.press("Open the request")
    await browser.sees("Will you share a report?", "28 days left")
    await browser.look(f"supplier asked {where}", printed=True)
    await browser.press("Yes, continue")
    await browser.sees("Send the report as a file")
    await browser.look(f"supplier sharing {where}")

    await slow(browser)
    await choose(browser, file)
    await browser.press("Send the report")
    said = browser.page.locator("#said")
    await expect(said).to_have_text(re.compile(r"Sending… [1-9]\d? %"))
    await browser.look(f"supplier sending {where}")
    await browser.sees("What you shared", sha256(file.read_bytes()).hexdigest(), "Birch, and nobody else")
    await browser.look(f"supplier shared {where}", printed=True)

    [put] = [one for one in browser.asked if one.method == "PUT"]
    assert put in browser.sent_to(json.loads((running.folder / "stack.json").read_text())["s3"]["url"])
    for one in browser.sent_to(running.urls["portal"]):
        assert len(one.post_data_buffer or b"") < 2_000, "a file passed through the portal"
    await no_address_but_the_first_holds_the_token(browser, invitation)


async def no_address_but_the_first_holds_the_token(browser: Window, invitation: Invitation) -> None:
    for one in browser.asked:
        assert one.url == invitation.link or invitation.token not in one.url
        headers = await one.all_headers()
        assert not headers.get("referer"), f"{one.url} was told whence one came"


async def test_a_wrong_file_is_refused_in_words_and_the_right_one_is_taken_after_it(
    window: Windows, invite: Invite, tmp_path: Path
) -> None:
    browser = await opened(window, await invite(), PHONE)
    await browser.press("Yes, continue")
    await choose(browser, picture_named_pdf(tmp_path / "picture.pdf"))
    await browser.sees("This file is not a PDF.")
    await browser.press("Send the report")
    await browser.look("supplier no pdf")
    assert not [one for one in browser.asked if one.method == "PUT"]

    await choose(browser, with_script(tmp_path / "script.pdf"))
    await browser.press("Send the report")
    await browser.sees(
        "Your file could not be accepted.",
        "The PDF contains scripts",
        "This file was not passed on to anyone.",
    )
    await browser.look("supplier refused file")

    await choose(browser, report(tmp_path / "right.pdf"))
    await browser.press("Send the report")
    await browser.sees("What you shared")


async def test_a_page_that_is_loaded_again_in_the_middle_of_sending_begins_again(
    window: Windows, invite: Invite, tmp_path: Path
) -> None:
    browser = await opened(window, await invite())
    await browser.press("Yes, continue")
    file = report(tmp_path / "long.pdf", mebibytes=4)
    await slow(browser)
    await choose(browser, file)
    await browser.press("Send the report")
    await expect(browser.page.locator("#said")).to_have_text(re.compile(r"Sending… [1-9]\d? %"))
    await browser.page.reload()
    await browser.sees("Send the report as a file")
    await browser.look("supplier after a reload")
    await choose(browser, report(tmp_path / "again.pdf"))
    await browser.press("Send the report")
    await browser.sees("What you shared")


async def test_a_supplier_declines_with_a_reason(window: Windows, invite: Invite) -> None:
    browser = await opened(window, await invite())
    await browser.page.get_by_text("Decline the request").click()
    await browser.look("supplier declining")
    await browser.on_a_phone("supplier declining")
    await browser.page.get_by_label("This is not our site").check()
    await browser.press("Decline")
    await browser.sees("You declined", "This is not our site")
    await browser.look("supplier declined", printed=True)


@pytest_asyncio.fixture(loop_scope="session")
async def platform(running: Running) -> AsyncIterator[httpx.AsyncClient]:
    """The data-sharing platform, as its own people reach it."""
    stack = json.loads((running.folder / "stack.json").read_text(encoding="utf-8"))
    [url] = [one["url"] for one in stack["processes"] if one["name"] == "platform"]
    secrets = json.loads((running.folder / "up" / "secrets.json").read_text(encoding="utf-8"))
    headers = {"Platform-Control-Secret": secrets["platform_control_secret"]}
    async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as client:
        yield client


async def test_a_report_on_the_platform_is_fetched_when_access_is_granted(
    window: Windows, invite: Invite, platform: httpx.AsyncClient, tmp_path: Path
) -> None:
    invitation = await invite()
    file = report(tmp_path / "platform.pdf", title=invitation.reference)
    number = int(sha256(invitation.reference.encode()).hexdigest()[:7], 16)
    site, company = f"ZS{number:09d}", f"ZC{number:09d}"
    named = {"name": invitation.entry["site_name"], "country": invitation.entry["country"]}
    await told(
        platform,
        "/control/data",
        {
            "companies": [{"company_code": company, **named}],
            "sites": [{"site_code": site, "company_code": company, **named}],
        },
    )
    await told(
        platform,
        "/control/audits",
        {
            "site_code": site,
            "protocol_version": "7.0",
            "audit_date": "2025-11-03",
            "report_base64": base64.b64encode(file.read_bytes()).decode(),
        },
    )
    browser = await opened(window, invitation)
    await browser.press("Yes, continue")
    await browser.page.get_by_text("The report is on a data-sharing platform").click()
    await browser.page.get_by_label("Site code on the platform").fill("Halden 7")
    await browser.press("Share on the platform")
    await browser.sees("This is not a valid site code.")
    await expect(browser.page.get_by_label("Site code on the platform")).to_have_value("Halden 7")
    await browser.look("supplier wrong site code")
    await browser.page.get_by_role("link", name="English").click()
    await browser.page.get_by_text("The report is on a data-sharing platform").click()
    await browser.page.get_by_label("Site code on the platform").fill(site)
    await browser.press("Share on the platform")
    await browser.sees("Grant access on the platform", invitation.reference)
    await browser.look("supplier platform")
    await browser.on_a_phone("supplier platform")
    await told(platform, "/control/grants", {"site_code": site, "reference": invitation.reference})
    await browser.sees("What you shared", sha256(file.read_bytes()).hexdigest())


async def told(platform: httpx.AsyncClient, path: str, body: dict[str, Any]) -> None:
    (await platform.post(path, json=body)).raise_for_status()


@pytest.mark.parametrize(
    ("language", "tag", "words"),
    [("zh", "zh-Hans", "审核报告"), ("es", "es", "informe de auditoría")],
)
async def test_pages_are_in_the_language_of_the_request(
    window: Windows, invite: Invite, language: str, tag: str, words: str
) -> None:
    invitation = await invite(language=language)
    browser = await window(PHONE)
    await browser.open(invitation.link)
    await expect(browser.page.locator("html")).to_have_attribute("lang", tag)
    await browser.look(f"supplier link {language}")
    await browser.page.locator("form[action='/r'] button").click()
    await expect(browser.page.get_by_role("heading", level=1)).to_contain_text(words)
    await browser.look(f"supplier asked {language}")
    await browser.page.locator("form[action='/supplier/acceptance'] button").click()
    await expect(browser.page.locator("#send")).to_be_visible()
    await browser.look(f"supplier sharing {language}")
    await browser.page.get_by_role("link", name="English").click()
    await browser.sees("Send the report as a file")


async def test_a_mail_scanner_changes_nothing_and_a_link_opens_in_another_browser_too(
    window: Windows, invite: Invite, scheme: Scheme
) -> None:
    invitation = await invite()
    async with httpx.AsyncClient(trust_env=False) as scanner:
        for _ in range(3):
            assert (await scanner.get(invitation.link)).status_code == 200
    request = f"/v1/requests/{invitation.request_id}"
    assert (await get(scheme.members[OTHER], "report_request", request))["state"] == "sent"
    first = await opened(window, invitation)
    assert (await get(scheme.members[OTHER], "report_request", request))["state"] == "opened"
    await first.press("Yes, continue")
    second = await opened(window, invitation)
    await second.sees("Send the report as a file")
    await second.page.get_by_role("button", name="Close this request in this browser").click()
    await second.sees("The request is closed in this browser")
    await second.look("supplier left")
    await first.page.reload()
    await first.sees("Send the report as a file")


async def test_a_link_that_nobody_was_sent_opens_one_page_that_says_what_to_do(
    window: Windows, invite: Invite
) -> None:
    invitation = await invite()
    browser = await window(PHONE)
    answer = await browser.open(invitation.link[:-6] + "AAAAAA")
    assert answer.status == 404
    await browser.sees("This link does not open a request", "It can have one sent at any time")
    await browser.look("supplier gone link")
    answer = await browser.open("/supplier")
    assert answer.status == 404
