"""Whoever looks something up finds the way back to what was looked up."""

import re
from html import unescape

import pytest

from tests.unit.portal.scheme import Browser, Scheme, entry, request

SEARCH = "/member/list?words=mill&country=IN&page=2"


@pytest.fixture
def scheme() -> Scheme:
    scheme = Scheme()
    scheme.releases([entry(number, country="IN" if number < 110 else "CN") for number in range(120)])
    scheme.requests()
    return scheme


def crumb(page: str) -> str:
    """Where the breadcrumb of a page leads."""
    found = re.search(r'<p class="crumb screen"><a href="([^"]*)"', page)
    assert found, page
    return unescape(found[1])


async def followed(browser: Browser, page: str, start: str) -> str:
    """The page behind the first link of a page that starts so."""
    found = re.search(rf'href="({re.escape(start)}[^"]*)"', (await browser.get(page)).text)
    assert found, f"no link to {start}"
    return (await browser.get(unescape(found[1]))).text


async def test_the_breadcrumb_of_an_entry_leads_back_to_the_search_and_its_page(scheme: Scheme) -> None:
    page = await followed(scheme.browser("member"), SEARCH, "/member/requests/new?entry=")
    assert crumb(page) == SEARCH


async def test_a_form_that_is_shown_again_still_leads_back_and_so_does_the_request_that_it_made(
    scheme: Scheme,
) -> None:
    browser = scheme.browser("member")
    listed = re.search(r'href="(/member/requests/new[^"]*)"', (await browser.get(SEARCH)).text)
    assert listed
    fields = {"entry": entry(60)["entry_id"], "back": SEARCH}
    refused = await browser.send(unescape(listed[1]), "/member/requests/new", {**fields, "name": ""})
    assert refused.status_code == 422
    assert crumb(refused.text) == SEARCH
    assert f'name="back" value="{SEARCH.replace("&", "&amp;")}"' in refused.text


async def test_a_request_leads_back_to_the_requests_of_the_state_that_was_looked_at(scheme: Scheme) -> None:
    made = [
        request("sent", request_id=f"01940000-0000-7000-8000-{number:012}", site_number=f"S-{number}")
        for number in range(60)
    ]
    scheme.requests(*made)
    page = await followed(
        scheme.browser("member"), "/member/requests?state=sent&page=2", "/member/requests/01940000"
    )
    assert crumb(page) == "/member/requests?state=sent&page=2"


@pytest.mark.parametrize(
    "back", ["https://evil.example/member/list", "//evil.example", "/sign-out", "/member"]
)
async def test_a_page_leads_back_to_a_list_of_ours_and_nowhere_else(scheme: Scheme, back: str) -> None:
    page = await scheme.browser("member").get(
        f"/member/requests/new?entry={entry(1)['entry_id']}&back={back}"
    )
    assert crumb(page.text) == "/member/list"
