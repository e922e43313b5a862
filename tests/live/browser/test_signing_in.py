"""Signing in and out, and a forgotten password, in a real browser."""

import asyncio

import pytest
from mrx_local.demo.mailbox import Mailbox

from tests.live.browser.conftest import ASKING, Windows, let_in
from tests.live.conftest import Running

pytestmark = [pytest.mark.live, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]


async def test_a_forgotten_password_is_replaced_by_a_link_that_works_once(
    window: Windows, running: Running, mailbox: Mailbox
) -> None:
    sign_in = await let_in(running, ASKING)
    browser = await window()
    await browser.open("/member/requests")
    await browser.look("sign in")
    await browser.on_a_phone("sign in")

    async def try_with(password: str) -> None:
        await browser.page.get_by_label("E-mail address").fill(sign_in["email"])
        await browser.page.get_by_label("Password", exact=True).fill(password)
        await browser.press("Sign in")

    await try_with("not the password")
    await browser.sees("The e-mail address and password do not match.")
    await browser.look("sign in refused")
    await try_with(sign_in["password"])
    await browser.sees("Sign out")
    assert browser.page.url.endswith("/member/requests"), "one is led to the page that was asked for"
    await browser.press("Sign out")
    await browser.sees("You are signed out.")
    await browser.look("signed out")
    await browser.open("/member")
    await browser.sees("Forgot your password?")

    await browser.page.get_by_role("link", name="Forgot your password?").click()
    await browser.look("forgotten")
    await browser.page.get_by_label("E-mail address").fill(sign_in["email"])
    await browser.press("Send the link")
    await browser.sees("Check your e-mail.")
    await browser.look("forgotten sent")
    link = await mailbox.link_for(sign_in["email"], subject="Choose a new password")
    await browser.open(link)
    await browser.look("reset")
    await browser.on_a_phone("reset")
    new = "several words that are easy to keep"
    for label in ("New password", "Repeat the new password"):
        await browser.page.get_by_label(label, exact=True).fill(new)
    await browser.press("Set the password")
    await browser.sees("Your new password is set.")

    await try_with(sign_in["password"])
    await browser.sees("The e-mail address and password do not match.")
    await try_with(new)
    await browser.sees("Sign out")
    await browser.open(link)
    for label in ("New password", "Repeat the new password"):
        await browser.page.get_by_label(label, exact=True).fill("another try with the same link")
    await browser.press("Set the password")
    assert await browser.page.locator("#error").inner_text()
    await browser.look("reset refused")
    token = link.rpartition("/")[2]
    for one in browser.asked:
        assert one.url == link or token not in one.url
        assert not (await one.all_headers()).get("referer")


async def test_a_signed_in_person_changes_its_password_and_is_signed_out_elsewhere(
    window: Windows, running: Running
) -> None:
    sign_in = await let_in(running, ASKING)
    elsewhere, browser = await window(), await window()
    for one in (elsewhere, browser):
        await one.sign_in(sign_in)
    await browser.page.get_by_role("link", name="Change password").click()
    await browser.look("change password")
    await browser.on_a_phone("change password")

    async def change(current: str, new: str) -> None:
        for label, words in (
            ("Current password", current),
            ("New password", new),
            ("Repeat the new password", new),
        ):
            await browser.page.get_by_label(label, exact=True).fill(words)
        await browser.press("Change the password")

    new = "several words that are easy to keep"
    await change("not the password", new)
    await browser.sees("This is not your password")
    await browser.look("change password refused")
    await change(sign_in["password"], new)
    await browser.sees("Your new password is set.", "Sign out")
    async with asyncio.timeout(30):  # the portal remembers whose session it is for ten seconds
        while "/sign-in" not in elsewhere.page.url:
            await elsewhere.open("/member")
    await elsewhere.sees("Forgot your password?")
    await elsewhere.sign_in({**sign_in, "password": new})


async def test_a_members_session_opens_no_page_of_the_secretariat(window: Windows, running: Running) -> None:
    browser = await window()
    await browser.sign_in(await let_in(running, ASKING))
    for path in ("/secretariat", "/secretariat/members", "/reviewer"):
        answer = await browser.open(path)
        assert answer.status == 403
        await browser.sees("You do not have access to this")
    await browser.look("do not have access to this")
    await browser.on_a_phone("do not have access to this")
    await browser.press("Sign out")
    await browser.sees("You are signed out.")
