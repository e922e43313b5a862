"""A page's heading and title say what was done, and ask no more."""

import re

import httpx

from tests.unit.portal.conftest import Client
from tests.unit.portal.simulated import PASSWORD


def heading(page: httpx.Response) -> str:
    """The heading, which the title says, too."""
    [said] = re.findall(r"<h1>([^<]*)</h1>", page.text)
    assert f"<title>{said} · " in page.text
    return str(said)


async def test_a_link_that_was_asked_for_is_looked_for_in_the_mail(supplier: Client) -> None:
    assert heading(await supplier.open("/forgotten")) == "Forgot your password?"
    page = await supplier.fill("/forgotten", email="ada@example.com")
    assert heading(page) == "Check your e-mail."
    assert 'type="email"' not in page.text


async def test_a_password_that_was_changed_is_set(supplier: Client) -> None:
    await supplier.enter("ada@example.com")
    assert heading(await supplier.open("/password")) == "Change your password"
    new = "four plain words here"
    await supplier.fill("/password", current_password=PASSWORD, password=new, again=new)
    page = await supplier.open("/password?done=changed")
    assert heading(page) == "Your new password is set."
    assert 'type="password"' not in page.text
