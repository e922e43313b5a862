"""Signing in and out, and setting a password."""

import re

import pytest

from tests.unit.portal.conftest import Browser, Client
from tests.unit.portal.simulated import PASSWORD, Simulated

ADA = "ada@example.com"


@pytest.fixture
def person(browser: Browser) -> Client:
    return browser()


async def test_one_is_led_to_the_pages_of_ones_role(person: Client) -> None:
    answer = await person.enter(ADA)
    assert (answer.status_code, answer.headers["location"]) == (303, "/member")
    [session, known, visit] = answer.headers.get_list("set-cookie")
    assert "HttpOnly" in session
    assert "SameSite=lax" in session
    assert visit.startswith('mrx-visit="";')
    assert known.startswith("mrx-browser=mark-of-session-0; HttpOnly; Max-Age=15552000;")
    assert "SameSite=strict" in known
    assert (await person.get("/")).headers["location"] == "/member"


async def test_one_is_led_on_to_the_page_that_was_asked_for(person: Client) -> None:
    answer = await person.get("/reviewer?page=2")
    assert answer.headers["location"] == "/sign-in?next=/reviewer%3Fpage%3D2"
    await person.open(answer.headers["location"])
    answer = await person.fill("/sign-in", email="rita@example.com", password=PASSWORD)
    assert answer.headers["location"] == "/reviewer?page=2"


@pytest.mark.parametrize(
    "onward", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", "/a\nb"]
)
async def test_nobody_is_led_to_another_address(person: Client, onward: str) -> None:
    await person.open("/sign-in")
    answer = await person.fill("/sign-in", email=ADA, password=PASSWORD, next=onward)
    assert answer.headers["location"] == "/member"


@pytest.mark.parametrize("email", [ADA, "nobody@example.com"])
async def test_a_wrong_password_and_an_unknown_address_are_refused_alike(person: Client, email: str) -> None:
    page = await person.enter(email, "wrong")
    assert page.status_code == 403
    assert "The e-mail address and password do not match." in page.text
    assert f'value="{email}"' in page.text
    assert "wrong" not in page.text.replace('class="field wrong"', "")


async def test_too_many_tries_are_told_with_the_time_to_wait(person: Client) -> None:
    page = await person.enter("often@example.com")
    assert page.status_code == 429
    assert page.headers["retry-after"] == "900"
    assert "Too many attempts." in page.text


def signed(person: Client) -> dict[str, str]:
    """The seal of the pages that this person is shown."""
    app = person._transport.app  # type: ignore[attr-defined]
    return {"seal": app.state.web.csrf_token(person.cookies["mrx-session"])}


async def test_signing_out_ends_the_session_at_the_registry(person: Client, services: Simulated) -> None:
    await person.enter(ADA)
    kept = person.cookies["mrx-session"]
    answer = await person.fill("/sign-out", **signed(person))
    assert answer.headers["location"] == "/sign-in?done=signed-out"
    assert services.sessions == {}
    person.cookies.set("mrx-session", kept, domain="portal.local")
    assert (await person.get("/member")).headers["location"] == "/sign-in?next=/member"


async def test_a_form_that_was_drawn_before_signing_in_signs_nobody_out(
    person: Client, services: Simulated
) -> None:
    await person.enter(ADA)
    assert (await person.fill("/sign-out")).status_code == 403
    assert len(services.sessions) == 1


async def test_a_session_that_ended_leads_to_the_sign_in_page(person: Client, services: Simulated) -> None:
    person.cookies.set("mrx-session", "long-gone", domain="portal.local")
    answer = await person.get("/member")
    assert answer.headers["location"] == "/sign-in?next=/member"
    assert 'mrx-session="";' in answer.headers["set-cookie"]


async def test_a_form_of_an_ended_session_says_that_it_was_not_taken(person: Client) -> None:
    answer = await person.post("/sign-out", data={"seal": "x"}, headers={"Origin": "http://portal"})
    assert answer.headers["location"] == "/sign-in?ended=1"
    assert "What you sent last was not saved." in (await person.open("/sign-in?ended=1")).text


async def test_another_roles_pages_stay_closed(person: Client) -> None:
    await person.enter("rita@example.com")
    page = await person.get("/secretariat")
    assert page.status_code == 403
    assert "This page is for secretariat; you are signed in as reviewer." in page.text


async def test_whoever_is_signed_in_with_the_wrong_role_can_sign_out_where_it_is_refused(
    person: Client, services: Simulated
) -> None:
    await person.enter("rita@example.com")
    page = await person.open("/secretariat")
    assert re.search(r'<form method="post" action="/sign-out">.*<button>Sign out</button>', page.text)
    assert (await person.fill("/sign-out")).headers["location"] == "/sign-in?done=signed-out"
    assert services.sessions == {}


async def test_an_operator_has_no_pages_but_can_sign_out_and_change_its_password(
    person: Client, services: Simulated
) -> None:
    services.add_person("operator", "otto@example.com", "Otto Operator")
    assert (await person.enter("otto@example.com")).headers["location"] == "/no-pages"
    page = await person.open("/no-pages")
    assert 'href="/password"' in page.text
    assert (await person.fill("/sign-out")).headers["location"] == "/sign-in?done=signed-out"


async def test_a_browser_that_was_signed_in_from_says_so_with_the_next_sign_in(
    person: Client, services: Simulated
) -> None:
    await person.enter(ADA)
    await person.fill("/sign-out", **signed(person))
    await person.enter(ADA)
    await person.open("/reset/reset-token-0123456789")
    await person.fill("/reset", password="several easy words", again="several easy words")
    await person.enter(ADA)
    assert services.browsers == [None, "mark-of-session-0", "mark-of-the-link"]


async def test_people_sign_in_with_a_registry_that_gives_no_marks(
    person: Client, services: Simulated
) -> None:
    services.marks = False
    await person.open("/reset/reset-token-0123456789")
    done = await person.fill("/reset", password="several easy words", again="several easy words")
    assert done.headers["location"] == "/sign-in?done=password-set"
    answer = await person.enter(ADA)
    assert (answer.status_code, "mrx-browser" in str(answer.headers)) == (303, False)


async def test_a_signed_in_person_changes_its_password_with_the_one_that_it_has(
    person: Client, services: Simulated
) -> None:
    assert (await person.open("/password")).headers["location"] == "/sign-in?next=/password"
    await person.enter(ADA)
    assert '<a href="/password">Change password</a>' in (await person.open("/password")).text
    new = {"password": "several easy words", "again": "several easy words"}
    page = await person.fill("/password", current_password=PASSWORD, **{**new, "again": "other words here"})
    assert (page.status_code, "The two passwords differ" in page.text) == (422, True)
    page = await person.fill("/password", current_password="wrong", **new)
    assert (page.status_code, "This is not your password" in page.text) == (422, True)
    page = await person.fill("/password", current_password="tried too often", **new)
    assert (page.status_code, page.headers["retry-after"]) == (429, "900")
    assert "several easy words" not in page.text
    assert services.chosen == []
    answer = await person.fill("/password", current_password=PASSWORD, **new)
    assert services.chosen == ["several easy words"]
    assert "Your new password is set." in (await person.open(answer.headers["location"])).text


async def test_a_password_does_not_wait_on_the_page_while_the_registry_is_away(
    person: Client, services: Simulated
) -> None:
    await person.enter(ADA)
    await person.open("/password")
    services.away.add("registry")
    new = {"password": "several easy words", "again": "several easy words"}
    page = await person.fill("/password", current_password=PASSWORD, **new)
    assert (page.status_code, "What you sent may not have been saved." in page.text) == (503, True)
    assert ("several easy words" in page.text, PASSWORD in page.text) == (False, False)


async def test_nobody_elses_page_changes_a_password(person: Client, services: Simulated) -> None:
    await person.enter(ADA)
    await person.open("/password")
    new = {"password": "several easy words", "again": "several easy words"}
    for headers, seal in (({"Origin": "https://evil.example"}, person.seal()), ({}, {"seal": "0" * 64})):
        page = await person.fill("/password", headers, **{**seal, **new, "current_password": PASSWORD})
        assert page.status_code == 403
    assert services.chosen == []


@pytest.mark.parametrize("email", [ADA, "nobody@example.com"])
async def test_a_forgotten_password_is_answered_alike_for_every_address(
    person: Client, services: Simulated, email: str
) -> None:
    await person.open("/forgotten")
    page = await person.fill("/forgotten", email=email)
    assert page.status_code == 200
    assert "If this address has an account, a link is on its way." in page.text
    assert services.forgotten == [email]


async def test_opening_the_link_of_a_reset_uses_nothing_up(person: Client, services: Simulated) -> None:
    await person.open("/reset/reset-token-0123456789")
    page = await person.open("/reset/reset-token-0123456789")
    assert page.status_code == 200
    assert services.said == []


async def test_a_password_is_set_once_both_are_the_same(person: Client, services: Simulated) -> None:
    await person.open("/reset/reset-token-0123456789")
    page = await person.fill("/reset", password="several easy words", again="several other words")
    assert page.status_code == 422
    assert "he two passwords differ" in page.text
    assert services.said == []
    answer = await person.fill("/reset", password="several easy words", again="several easy words")
    assert answer.headers["location"] == "/sign-in?done=password-set"


async def test_a_link_that_was_used_says_so(person: Client) -> None:
    await person.open("/reset/used")
    page = await person.fill("/reset", password="several easy words", again="several easy words")
    assert page.status_code == 422
    assert "his link is not valid any more" in page.text
    assert "Ask for a new link." in page.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_a_form_sent_from_another_address_is_refused(
    person: Client, services: Simulated, headers: dict[str, str]
) -> None:
    await person.open("/sign-in")
    page = await person.fill("/sign-in", headers, email=ADA, password=PASSWORD)
    assert page.status_code == 403
    assert "Open http://portal and do it there" in page.text
    assert services.sessions == {}


async def test_a_form_without_its_seal_is_refused(person: Client, services: Simulated) -> None:
    await person.open("/sign-in")
    page = await person.fill("/sign-in", email=ADA, password=PASSWORD, seal="0" * 64)
    assert page.status_code == 403
    assert services.sessions == {}
