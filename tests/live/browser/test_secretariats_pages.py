"""The secretariat: a round from its opening to its release, which takes two people."""

import re

import pytest
from playwright.async_api import expect

from tests.live.browser.conftest import Windows, World, publish
from tests.live.browser.window import Window
from tests.live.conftest import Running

pytestmark = [pytest.mark.live, pytest.mark.timeout(240), pytest.mark.asyncio(loop_scope="session")]
FIRST, SECOND = "First of the secretariat", "Second of the secretariat"


async def signed_in(window: Windows, running: Running, name: str) -> Window:
    browser, sign_in = await window(), running.credentials.sign_ins[name]
    await browser.sign_in(sign_in)
    return browser


async def test_a_round_is_opened_closed_and_released_by_two_people(
    window: Windows, running: Running, world: World
) -> None:
    first = await signed_in(window, running, FIRST)
    await first.look("secretariat overview")
    await first.on_a_phone("secretariat overview")
    await first.page.get_by_role("link", name="Rounds").click()
    await first.page.get_by_text("Open a round").click()
    await first.page.get_by_label("As of").fill("2026-06-30")
    await first.look("secretariat rounds")
    await first.press("Open the round")
    await first.sees("Members send their lists.")
    await first.look("secretariat round open")
    await publish(running, world)
    await first.page.reload()
    await first.press("Close the round")
    await expect(first.page.get_by_role("button", name="Propose the release")).to_be_visible(timeout=60_000)
    await first.look("secretariat round closed", printed=True)
    await first.press("Propose the release")
    await first.sees("A second person is needed.")
    await first.look("secretariat round proposed")
    await first.on_a_phone("secretariat round proposed")

    approve = re.compile("Approve")
    await expect(first.page.get_by_role("button", name=approve)).to_have_count(0)
    await first.page.eval_on_selector(
        "form[action$='/withdrawal']",
        "form => { form.action = form.action.replace('withdrawal', 'approve') }",
    )
    await first.press("Withdraw the proposal")
    await first.sees(re.compile("another person", re.IGNORECASE))
    await first.look("secretariat approving alone")

    second = await signed_in(window, running, SECOND)
    await second.sees("A release is waiting for a second person: you.")
    await second.page.get_by_role("link", name="Look at it and approve it").click()
    await second.look("secretariat second person")
    await second.press(approve)
    await expect(second.page.get_by_text("Participants can fetch the list.")).to_be_visible(timeout=60_000)
    await second.look("secretariat round released", printed=True)


async def test_a_person_of_a_member_is_let_in_and_totals_name_nobody(
    window: Windows, running: Running, world: World
) -> None:
    first = await signed_in(window, running, FIRST)
    for name in ("Members", "Requests", "Quarantine"):
        await first.page.get_by_role("link", name=name, exact=True).click()
        await first.look(f"secretariat {name.lower()}", printed=True)
        await first.on_a_phone(f"secretariat {name.lower()}")
    await first.page.get_by_role("link", name="Members", exact=True).click()
    await first.page.get_by_role("link", name="Dogwood").click()
    await first.page.get_by_text("Give a person access").click()
    await first.look("secretariat member")
    await first.on_a_phone("secretariat member")
    await first.page.get_by_label("Name").fill("Robin")
    await first.page.get_by_label("E-mail address").fill("robin@dogwood.example")
    await first.press("Give access")
    await first.sees("The person now has access.")
    await first.look("secretariat let in")
