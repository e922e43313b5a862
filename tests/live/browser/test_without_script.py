"""Pages in a browser that runs no script: everything works but the upload, which says so."""

from pathlib import Path

import pytest
from mrx_local.demo.scheme import Scheme
from playwright.async_api import expect

from tests.live.browser.conftest import OTHER, Invite, Windows, let_in
from tests.live.browser.handing_over import hand_over, opened, until
from tests.live.browser.papers import report
from tests.live.browser.window import PHONE
from tests.live.conftest import Running

pytestmark = [pytest.mark.live, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]


async def test_a_supplier_accepts_and_declines_and_is_told_what_sending_needs(
    window: Windows, invite: Invite
) -> None:
    invitation = await invite()
    browser = await window(PHONE, script=False)
    await browser.open(invitation.link)
    await browser.press("Open the request")
    await browser.press("Yes, continue")
    told = browser.page.locator("noscript .notice")
    await expect(told).to_be_visible()
    await expect(told).to_contain_text("Sending a file needs JavaScript.")
    await expect(browser.page.get_by_role("button", name="Send the report")).to_have_count(0)
    await browser.picture("without script sharing")
    await browser.page.get_by_text("Decline the request").click()
    await browser.page.get_by_label("We do not share this report").check()
    await browser.press("Decline")
    await browser.sees("You declined", "We do not share this report")


async def test_a_member_decides(
    window: Windows, invite: Invite, running: Running, scheme: Scheme, tmp_path: Path
) -> None:
    invitation = await invite()
    await hand_over(running.urls["portal"], invitation.link, report(tmp_path / "report.pdf"))
    await until(scheme.members[OTHER], invitation.request_id, "available")
    browser = await window(script=False)
    await browser.sign_in(await let_in(running, OTHER))
    await browser.open(f"/member/requests/{invitation.request_id}")
    async with browser.page.expect_download() as downloading:
        await browser.press("Download the report")
    await (await downloading.value).path()
    await opened(scheme.members[OTHER], invitation.request_id)
    await browser.page.get_by_role("link", name="reload this page").click()
    await browser.page.get_by_role("radio", name="Accepted with top-up").check()
    await browser.page.get_by_label("Reason", exact=True).fill("Working hours are looked at again")
    await browser.press("Record the decision")
    await browser.sees("Accepted with top-up", "a top-up")
    await browser.picture("without script decided")
