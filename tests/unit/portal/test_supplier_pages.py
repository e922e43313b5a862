"""A supplier, from the mail's link to a shared report."""

import re
from typing import Any

import pytest
from mrx_shared.kit.http import problem

from tests.unit.portal.conftest import TOKEN, Browser, Client
from tests.unit.portal.simulated import NOW, Simulated, SimulatedRequest

OTHER = "another-token-0123456789"
FILE: dict[str, Any] = {"sha256": "a" * 64, "size": 4711}


def without_seals(text: str) -> str:
    """A page but for what is made for each, and for the address that was asked for."""
    return re.sub(r'(value|href)="[^"]*"', "", text)


async def test_following_a_link_changes_nothing_however_often(supplier: Client, services: Simulated) -> None:
    for _ in range(2):
        await supplier.open(f"/r/{TOKEN}")
    page = await supplier.open(f"/r/{TOKEN}")
    assert page.status_code == 200
    assert "Northwind Brands asks you" in page.text
    assert services.said == []
    assert services.requests[TOKEN].state == "sent"
    assert "mrx-page" not in supplier.cookies


async def test_the_button_opens_the_request_and_takes_the_token_out_of_every_address(
    supplier: Client, services: Simulated
) -> None:
    await supplier.open(f"/r/{TOKEN}")
    answer = await supplier.fill("/r")
    assert (answer.status_code, answer.headers["location"]) == (303, "/supplier")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert services.requests[TOKEN].state == "opened"
    page = await supplier.open("/supplier")
    assert TOKEN not in page.text
    assert page.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "token", ["unknown-token-0123456789", "short", "with%20blanks%20in%20the%20token", "x" * 300]
)
async def test_every_link_that_opens_nothing_shows_one_page(supplier: Client, token: str) -> None:
    page = await supplier.open(f"/r/{token}")
    first = await supplier.open("/r/a-token-that-was-never-sent")
    assert page.status_code == 404
    assert "It can have one sent at any time" in page.text
    assert without_seals(page.text) == without_seals(first.text)


async def test_without_a_link_the_page_says_the_same(supplier: Client) -> None:
    page = await supplier.open("/supplier")
    assert page.status_code == 404
    assert "This link does not open a request" in page.text


async def test_a_request_is_accepted(supplier: Client, services: Simulated) -> None:
    await supplier.follow()
    answer = await supplier.fill("/supplier/acceptance")
    assert (answer.status_code, answer.headers["location"]) == (303, "/supplier")
    assert services.requests[TOKEN].state == "accepted"
    assert "Send the report as a file" in (await supplier.open("/supplier")).text


async def test_a_button_pressed_twice_asks_with_the_same_key(supplier: Client, services: Simulated) -> None:
    await supplier.follow()
    await supplier.fill("/supplier/acceptance")
    await supplier.fill("/supplier/acceptance")
    first, second = services.keys[-2:]
    assert first == second


async def test_a_request_is_declined_with_reason_and_comment(supplier: Client, services: Simulated) -> None:
    await supplier.follow()
    await supplier.fill("/supplier/refusal", reason="not-our-site", comment="sold in spring")
    assert services.requests[TOKEN].state == "declined"
    services.requests[TOKEN].reason = "not-our-site: sold in spring"
    page = await supplier.open("/supplier")
    assert "This is not our site (sold in spring)" in page.text


@pytest.mark.parametrize("fields", [{}, {"reason": "   "}, {"reason": "because"}])
async def test_declining_needs_one_of_the_reasons(
    supplier: Client, services: Simulated, fields: dict[str, str]
) -> None:
    await supplier.follow()
    page = await supplier.fill("/supplier/refusal", **fields)
    assert page.status_code == 422
    assert "Please choose a reason." in page.text
    assert services.requests[TOKEN].state == "opened"


async def test_a_step_that_is_not_possible_any_more_shows_how_the_request_stands(
    supplier: Client, services: Simulated
) -> None:
    await supplier.follow()
    services.requests[TOKEN].state = "withdrawn"
    page = await supplier.fill("/supplier/acceptance")
    assert page.status_code == 409
    assert "That is no longer possible." in page.text
    assert "Northwind Brands no longer needs the report" in page.text


async def test_a_site_code_is_read_as_people_write_it(supplier: Client, services: Simulated) -> None:
    services.requests[TOKEN].state = "accepted"
    await supplier.follow()
    await supplier.fill("/supplier/platform", site_code=" zs 123-4567 ")
    platform = services.requests[TOKEN].platform
    assert platform is not None
    assert platform["site_code"] == "ZS1234567"
    page = await supplier.open("/supplier")
    assert "Grant access on the platform" in page.text
    assert "MRX-7Q4KD2XM" in page.text


@pytest.mark.parametrize("code", ["", "ZC1234567", "our mill", "ZS12"])
async def test_what_is_no_site_code_is_not_asked_for(
    supplier: Client, services: Simulated, code: str
) -> None:
    services.requests[TOKEN].state = "accepted"
    await supplier.follow()
    page = await supplier.fill("/supplier/platform", site_code=code)
    assert page.status_code == 422
    assert "A site code is ZS followed by digits" in page.text
    assert services.requests[TOKEN].platform is None


async def test_a_ticket_needs_the_seal_of_this_page(supplier: Client, services: Simulated) -> None:
    services.requests[TOKEN].state = "accepted"
    await supplier.follow()
    seal = supplier.seal()["seal"]
    script = {"Accept": "application/json", "Origin": "http://portal", "Sec-Fetch-Site": "same-origin"}
    for headers in (
        script,
        {**script, "MRX-Seal": "0" * 64},
        {**script, "MRX-Seal": seal, "Origin": "https://evil.example"},
        {**script, "MRX-Seal": seal, "Sec-Fetch-Site": "cross-site"},
    ):
        answer = await supplier.post("/supplier/tickets", json=FILE, headers=headers)
        assert answer.status_code == 403
        assert answer.headers["content-type"] == "application/problem+json"
    assert services.requests[TOKEN].uploads == []
    answer = await supplier.post("/supplier/tickets", json=FILE, headers={**script, "MRX-Seal": seal})
    assert answer.status_code == 200
    assert answer.json()["method"] == "PUT"
    assert answer.json()["url"].startswith(f"{services.origin}/quarantine/")


async def test_a_file_that_was_given_for_another_site_gets_a_ticket_once_it_is_meant(
    supplier: Client, services: Simulated
) -> None:
    services.requests[TOKEN].state = "accepted"
    services.requests[TOKEN].same_file = {FILE["sha256"]: ["Works 7"]}
    page = await supplier.follow()
    assert "You sent the same file for {sites}." in page.text
    headers = {
        "Accept": "application/json",
        "Origin": "http://portal",
        "Sec-Fetch-Site": "same-origin",
        "MRX-Seal": supplier.seal()["seal"],
    }
    answer = await supplier.post("/supplier/tickets", json=FILE, headers=headers)
    assert answer.json() == {"same_file": ["Works 7"]}
    assert services.requests[TOKEN].uploads == []
    answer = await supplier.post("/supplier/tickets", json={**FILE, "meant": True}, headers=headers)
    assert answer.json()["method"] == "PUT"


async def test_another_requests_page_in_the_same_browser_makes_the_first_ones_forms_stale(
    supplier: Client, services: Simulated
) -> None:
    services.requests[OTHER] = SimulatedRequest(asks="Southwind Brands")
    await supplier.follow()
    first = supplier.seal()
    await supplier.follow(OTHER)
    page = await supplier.post("/supplier/acceptance", data=first, headers={"Origin": "http://portal"})
    assert page.status_code == 403
    assert "Another request may have been opened in this browser." in page.text
    assert {services.requests[token].state for token in (TOKEN, OTHER)} == {"opened"}


async def test_a_refused_file_is_told_with_what_to_do(supplier: Client, services: Simulated) -> None:
    request = services.requests[TOKEN]
    request.state = "accepted"
    request.uploads = [
        {
            "ticket_id": "0192f0c1-0000-7000-8000-000000000002",
            "state": "refused",
            "reasons": ["encrypted"],
            "remedy": None,
        }
    ]
    page = await supplier.follow()
    assert "The PDF is protected with a password or encrypted." in page.text
    assert "Save the report as a PDF without a password" in page.text
    assert 'id="upload"' in page.text


async def test_what_was_shared_with_whom_and_when_it_was_read_stays_readable(
    supplier: Client, services: Simulated
) -> None:
    request = services.requests[TOKEN]
    request.state, request.days = "decided", -40
    request.report = {
        "report_id": "0192f0c1-0000-7000-8000-000000000003",
        "sha256": "b" * 64,
        "size": 5 * 1024 * 1024,
        "stored_at": NOW.isoformat(),
    }
    request.accesses = [{"at": "2026-11-03T10:12:00+00:00"}]
    page = await supplier.follow()
    assert "Northwind Brands, and nobody else" in page.text
    assert "b" * 64 in page.text
    assert "3 Nov 2026, 10:12 UTC" in page.text
    assert '<form method="post" action="/supplier/refusal"' not in page.text


async def test_the_request_is_shown_while_its_facts_are_still_on_their_way_to_the_exchange(
    supplier: Client, services: Simulated
) -> None:
    services.requests[TOKEN].state = "accepted"
    services.requests[TOKEN].known_to_exchange = False
    page = await supplier.follow()
    assert page.status_code == 200
    assert "Sharing is being prepared." in page.text


async def test_a_service_that_is_away_is_told_in_the_readers_language(
    supplier: Client, services: Simulated
) -> None:
    services.away.add("report_request")
    page = await supplier.open(f"/r/{TOKEN}", **{"Accept-Language": "es-MX,es;q=0.9"})
    assert page.status_code == 503
    assert "No se ha perdido nada" in page.text


async def test_the_page_speaks_the_requests_language_until_another_is_chosen(
    supplier: Client, services: Simulated
) -> None:
    services.requests[TOKEN].language = "zh"
    page = await supplier.open(f"/r/{TOKEN}", **{"Accept-Language": "en"})
    assert '<html lang="zh-Hans">' in page.text
    await supplier.open(f"/r/{TOKEN}?language=es")
    page = await supplier.open(f"/r/{TOKEN}")
    assert '<html lang="es">' in page.text
    assert "le pide un informe de auditoría" in page.text


@pytest.mark.parametrize(
    ("days", "words"), [(18.4, "19 days left"), (0.2, "1 day left"), (-1, "0 days left")]
)
async def test_days_left_count_the_last_one_begun(
    supplier: Client, services: Simulated, days: float, words: str
) -> None:
    services.requests[TOKEN].days = days
    assert words in (await supplier.follow()).text


async def test_names_from_other_peoples_files_are_text_and_never_markup(
    supplier: Client, services: Simulated
) -> None:
    services.requests[TOKEN].asks = services.requests[TOKEN].site = "<script>alert(1)</script>"
    for page in (await supplier.open(f"/r/{TOKEN}"), await supplier.follow()):
        assert "<script>alert" not in page.text
        assert "&lt;script&gt;alert" in page.text


async def test_only_the_page_with_the_upload_may_reach_object_storage(
    supplier: Client, services: Simulated
) -> None:
    link = await supplier.open(f"/r/{TOKEN}")
    page = await supplier.follow()
    assert services.origin not in link.headers["content-security-policy"]
    assert f"connect-src 'self' {services.origin};" in page.headers["content-security-policy"]


async def test_closing_takes_the_cookie_away(supplier: Client) -> None:
    await supplier.follow()
    page = await supplier.fill("/supplier/leave")
    assert "The request is closed in this browser" in page.text
    assert (await supplier.open("/supplier")).status_code == 404


async def test_on_https_cookies_are_bound_to_the_host(browser: Browser) -> None:
    supplier = browser(public_url="https://mrx.example")
    await supplier.open(f"/r/{TOKEN}")
    answer = await supplier.fill("/r")
    [cookie] = answer.headers.get_list("set-cookie")
    assert cookie.startswith(f"__Host-mrx-page={TOKEN};")
    assert "Secure" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie


@pytest.mark.parametrize("held", ["not a token", "ü" * 20, "x" * 400])
async def test_a_cookie_that_is_no_token_is_no_token(supplier: Client, held: str) -> None:
    page = await supplier.get("/supplier", headers={b"Cookie": b"mrx-page=" + held.encode()})
    assert page.status_code == 404


async def test_a_browser_that_keeps_no_cookies_is_told_so(supplier: Client) -> None:
    await supplier.open(f"/r/{TOKEN}")
    supplier.cookies.clear()
    page = await supplier.fill("/r")
    assert page.status_code == 403
    assert "This browser did not keep our cookie." in page.text


@pytest.mark.parametrize(
    ("standing", "says"),
    [
        ({"state": "opened"}, "Northwind Brands asks you for an audit report"),
        ({"state": "accepted"}, "You accepted: share your report with Northwind Brands"),
        ({"state": "checking"}, "Your report has arrived and is being checked"),
        ({"state": "decided"}, "You shared your report with Northwind Brands"),
        ({"state": "declined"}, "You declined the request from Northwind Brands"),
        ({"state": "expired"}, "The request from Northwind Brands has expired"),
        ({"state": "withdrawn"}, "Northwind Brands no longer needs the report"),
    ],
)
async def test_heading_and_title_say_how_the_request_stands(
    supplier: Client, services: Simulated, standing: dict[str, str], says: str
) -> None:
    services.requests[TOKEN] = SimulatedRequest(**standing)  # type: ignore[arg-type]
    for page in (await supplier.open(f"/r/{TOKEN}"), await supplier.follow()):
        assert re.findall(r"<h1>([^<]*)</h1>", page.text) == [says]
        assert f"<title>{says} · " in page.text


async def test_a_refused_refusal_keeps_what_was_chosen_and_typed(
    supplier: Client, services: Simulated
) -> None:
    await supplier.follow()
    services.refusals["/report_request/v1/pages/refusal"] = lambda: problem(
        422, "this holds a link", field="comment"
    )
    page = await supplier.fill("/supplier/refusal", reason="not-our-site", comment="see www.mill.example")
    assert "Your comment could not be accepted." in page.text
    assert 'value="not-our-site" checked' in page.text
    assert 'value="see www.mill.example"' in page.text
    assert "this holds a link" not in page.text
