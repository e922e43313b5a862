"""No page shows a word of the library that reads forms and addresses, nor a field by its inner name."""

import pytest
from mrx_portal.entrypoints.words import said as refusal_said
from mrx_portal.ports import Service
from mrx_shared.refusals import Invalid

from tests.unit.portal.reading import FORM, words
from tests.unit.portal.scheme import Scheme, entry, request

LIBRARY = ("Field required", "Input should", "String should", "valid UUID", "“", "openapi")


@pytest.fixture
def scheme() -> Scheme:
    made = Scheme()
    made.releases([entry(number) for number in range(3)])
    made.requests()
    return made


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("/member/requests/new", "The list entry is missing."),
        ("/member/list?page=two", "The page's number is not a whole number."),
        ("/member/assessments/drafts?version=1&criteria=7.0", "The protocol is missing."),
        ("/member/assessments/drafts?protocol=x&version=1&criteria=7.0", "The protocol is not an id."),
        ("/member/assessments/extensions?q=" + "x" * 201, "The search is longer than 200 characters."),
    ],
)
async def test_an_address_that_is_not_whole_is_told_in_plain_words(
    scheme: Scheme, address: str, told: str
) -> None:
    page = await scheme.browser("member").get(address)
    assert page.status_code == 422
    read = words(page.text)
    assert f"{told} What to do: Go back to the page that led here and follow its link again." in read
    assert [one for one in LIBRARY if one in page.text] == []


@pytest.mark.parametrize(
    "address", ["/member/requests/nothing", "/member/assessments/nothing", "/secretariat/rounds/nothing"]
)
async def test_an_address_that_names_nothing_is_no_page(scheme: Scheme, address: str) -> None:
    page = await scheme.browser(address.split("/")[1]).get(address)
    assert page.status_code == 404
    assert "Page not found" in page.text


async def test_a_field_that_a_service_names_is_told_by_the_name_that_pages_give_it(scheme: Scheme) -> None:
    one = request("sent")
    scheme.requests(one)
    path = f"/member/requests/{one['request_id']}"
    scheme.gives(
        Service.REPORT_REQUEST,
        f"/v1/requests/{one['request_id']}/contact",
        Invalid("contact_email is missing", field="contact_email", remedy="fill it in"),
    )
    page = await scheme.browser("member").send(path, f"{path}/contact", {"contact_email": ""})
    assert "The contact&#39;s e-mail address is missing. Fill it in." in page.text


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "2030-01-26 is not between today and 2027-06-30",
            "26 January 2030 is not between today and 30 June 2027.",
        ),
        ("write it as 2026-06-30", "Write it as 2026-06-30."),
        ("the order 2026-99-99 is unknown", "The order 2026-99-99 is unknown."),
    ],
)
def test_a_day_in_a_refusal_is_written_as_on_pages(said: str, told: str) -> None:
    assert refusal_said(Invalid(said, remedy=said)) == (told, told)


async def test_a_refusal_stands_on_its_page_as_sentences(scheme: Scheme) -> None:
    scheme.gives(
        Service.REPORT_REQUEST,
        "/v1/requests",
        lambda _: (_ for _ in ()).throw(
            Invalid("term_days is above 90", field="term_days", remedy="give at most 90")
        ),
    )
    page = await scheme.browser("member").send(
        f"/member/requests/new?entry={FORM['entry']}", "/member/requests/new", FORM
    )
    assert "The number of days to answer is above 90. Give at most 90." in page.text
