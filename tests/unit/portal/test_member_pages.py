import re
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest
from mrx_portal.entrypoints.forms import fresh
from mrx_portal.handlers.member import ask_many, every_request
from mrx_portal.ports import Service
from mrx_shared.refusals import Forbidden, Invalid, Rejected, Unavailable

from tests.unit.portal.reading import FORM, ONE, words
from tests.unit.portal.scheme import MEMBER, STORAGE, Scheme, entry, numbers, request

REQUESTS = Service.REPORT_REQUEST


@pytest.fixture
def scheme() -> Scheme:
    scheme = Scheme()
    scheme.releases([entry(number) for number in range(120)])
    scheme.participates()
    scheme.requests()
    scheme.numbers(numbers(avoided=3, avoided_eur=7_500, top_ups=1))
    return scheme


async def test_the_overview_tells_standing_release_and_audits_avoided(scheme: Scheme) -> None:
    page = await scheme.browser("member").get("/member")

    read = words(page.text)
    assert "You take part in mutual recognition." in read
    assert "120 audited sites" in read
    assert "EUR\xa07,500 not spent" in page.text.replace("&nbsp;", "\xa0")
    assert "1 more with a top-up" in read


async def test_who_does_not_take_part_reads_what_is_missing_and_what_to_do(scheme: Scheme) -> None:
    scheme.participates("no-equivalent-protocol", "statement-not-signed")
    scheme.gives(Service.AGGREGATION, "/v1/releases/latest", Forbidden("only participants"))

    read = words((await scheme.browser("member").get("/member")).text)

    assert "You do not take part yet." in read
    assert "Submit your protocol for assessment" in read
    assert "open to members that take part" in read


async def test_a_service_that_is_away_leaves_the_rest_of_the_overview(scheme: Scheme) -> None:
    for path in ("/v1/requests", "/v1/numbers"):
        scheme.gives(REQUESTS, path, Unavailable("report_request: it does not answer"))

    page = await scheme.browser("member").get("/member")

    assert page.status_code == 200
    assert "The report request service is not responding right now" in words(page.text)
    assert "120 audited sites" in words(page.text)


async def test_a_mail_that_came_back_comes_first_among_what_needs_the_member(scheme: Scheme) -> None:
    scheme.requests(request("available"), request("sent", mail="bounced"), request("opened"))

    read = words((await scheme.browser("member").get("/member")).text)

    assert read.index("The e-mail did not reach the supplier") < read.index("The report is ready")


def questioned(state: str = "in-review", **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """An assessment of the member's on which two questions wait for its reply."""
    figures = {"lower": "80", "upper": "90", "commonality": "80"}
    known = {
        "assessment_id": str(uuid4()),
        "protocol_id": str(uuid4()),
        "version": "4.2",
        "criteria_version": "6.1-4p",
        "member_id": MEMBER,
        "state": state,
        "submitted_at": "2026-05-01T09:00:00Z",
        "equivalent": "open",
        "undecided": 3,
        "questions_open": 2,
    }
    return figures | known | more


async def test_a_reviewers_question_is_the_thing_to_do_on_the_first_page(scheme: Scheme) -> None:
    one = questioned()
    scheme.assessments(one, questioned("concluded"), questioned(member_id=None), questioned(questions_open=0))

    page = await scheme.browser("member").get("/member")

    assert words(page.text).count("questions from reviewers are waiting for your reply") == 1
    assert f'href="/member/assessments/{one["assessment_id"]}#questions"' in page.text
    assert "Nothing right now" not in page.text


async def test_nothing_to_do_is_not_said_while_questions_cannot_be_read(scheme: Scheme) -> None:
    assert "Nothing right now." in words((await scheme.browser("member").get("/member")).text)
    scheme.gives(Service.BENCHMARK, "/v1/assessments", Unavailable("benchmark: it does not answer"))
    read = words((await scheme.browser("member").get("/member")).text)
    assert "The benchmark service is not responding right now" in read
    assert "Nothing right now" not in read


async def test_two_services_that_are_away_are_told_as_two(scheme: Scheme) -> None:
    scheme.gives(Service.REPORT_REQUEST, "/v1/numbers", Unavailable("report_request: it does not answer"))
    scheme.gives(Service.BENCHMARK, "/v1/assessments", Unavailable("benchmark: it does not answer"))
    read = words((await scheme.browser("member").get("/member")).text)
    assert "The report request and benchmark services are not responding right now" in read


async def test_the_list_is_fetched_once_verified_and_searched(scheme: Scheme) -> None:
    browser = scheme.browser("member")

    first = await browser.get("/member/list?words=site&page=2")
    await browser.get("/member/list?words=TIRUPPUR&country=IN")

    assert "51–100 of 120 sites" in words(first.text)
    assert scheme.fetched == [f"{STORAGE}/releases/list.json?signed"]


async def test_a_list_that_is_not_the_released_one_is_not_shown(scheme: Scheme) -> None:
    scheme.documents[f"{STORAGE}/releases/list.json?signed"] += b" "

    page = await scheme.browser("member").get("/member/list")

    assert page.status_code == 503
    assert "Site 1" not in page.text


async def test_a_document_of_the_release_is_a_fresh_link_at_each_press(scheme: Scheme) -> None:
    browser = scheme.browser("member")

    answers = [await browser.send("/member/list", "/member/list/documents/list.xlsx") for _ in range(2)]

    assert [one.headers["location"] for one in answers] == [f"{STORAGE}/releases/list.xlsx?signed"] * 2
    minted = [one.key for one in scheme.api.posted if one.body == {"document": "list.xlsx"}]
    assert len(set(minted)) == 2


async def test_a_page_whose_form_leads_to_storage_lets_the_browser_go_there(scheme: Scheme) -> None:
    scheme.requests(one := request("available"))
    browser = scheme.browser("member")

    for path in ("/member/list", f"/member/requests/{one['request_id']}"):
        policy = (await browser.get(path)).headers["content-security-policy"]
        assert f"form-action 'self' {STORAGE};" in policy


@pytest.mark.parametrize(
    ("state", "mail", "said"),
    [
        ("drafted", "unsent", "We e-mail the supplier on Wednesday 2 December."),
        ("opened", "sent", "We remind the supplier on Wednesday 2 December."),
        ("opened", "unsent", "We e-mail the supplier on Wednesday 2 December."),
    ],
)
async def test_a_request_says_on_which_day_its_next_mail_leaves(
    scheme: Scheme, state: str, mail: str, said: str
) -> None:
    scheme.requests(one := request(state, mail=mail, mail_leaves_at="2026-12-02T07:00:00Z"))
    scheme.requests(later := request(state, mail=mail))
    browser = scheme.browser("member")
    assert said in words((await browser.get(f"/member/requests/{one['request_id']}")).text)
    assert said not in words((await browser.get(f"/member/requests/{later['request_id']}")).text)


async def test_one_request_is_asked_as_the_form_says(scheme: Scheme) -> None:
    made = request("drafted")
    scheme.gives(REQUESTS, "/v1/requests", lambda said: made if "entry_id" in said else {"requests": []})

    answer = await scheme.browser("member").send(
        f"/member/requests/new?entry={ONE}", "/member/requests/new", FORM
    )

    assert answer.headers["location"] == f"/member/requests/{made['request_id']}"
    body = scheme.api.posted[-1].body
    assert body["entry_id"] == ONE
    assert body["supplier"] == {
        "name": "Blue River",
        "contact_name": None,
        "contact_email": "qa@blue.example",
        "language": "zh",
    }
    assert (body["term_days"], body["requester_email"]) == (28, None)


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("site_number", "  ", "Enter your own number"),
        ("contact_email", "li na", "not an e-mail address"),
        ("term_days", "6", "from 7 to 90"),
        ("term_days", "²", "from 7 to 90"),
        ("language", "tlh", "Choose one of the languages"),
        ("requester_email", "me@", "not an e-mail address"),
    ],
)
async def test_a_fault_stands_beside_its_field_and_nothing_is_asked(
    scheme: Scheme, name: str, value: str, fault: str
) -> None:
    answer = await scheme.browser("member").send(
        f"/member/requests/new?entry={ONE}", "/member/requests/new", {**FORM, name: value}
    )

    assert answer.status_code == 422
    assert fault in answer.text or name == "language"
    assert 'value="qa@blue.example"' in answer.text or name == "contact_email"
    assert not [one for one in scheme.api.posted if one.service is REQUESTS]


async def test_a_refusal_of_the_service_stands_beside_the_field_that_it_names(scheme: Scheme) -> None:
    refusal = Invalid("no mail goes to this address", field="supplier.contact_email", remedy="give another")
    scheme.gives(REQUESTS, "/v1/requests", lambda said: refusal)

    answer = await scheme.browser("member").send(
        f"/member/requests/new?entry={ONE}", "/member/requests/new", FORM
    )

    assert answer.status_code == 422
    beside = answer.text.partition('id="contact_email-error">')[2]
    assert beside.startswith("No mail goes to this address. Give another.")


async def test_a_site_that_is_no_longer_listed_is_said_plainly(scheme: Scheme) -> None:
    refusal = Rejected(
        "the site is no longer listed", field="entry_id", remedy="look for it in the latest list"
    )
    scheme.gives(REQUESTS, "/v1/requests", lambda said: refusal)

    answer = await scheme.browser("member").send(
        f"/member/requests/new?entry={ONE}", "/member/requests/new", FORM
    )

    assert answer.status_code == 409
    assert "The site is no longer listed. Look for it in the latest list." in words(answer.text)


async def test_the_findings_are_used_for_the_page_and_sent_nowhere(scheme: Scheme) -> None:
    check = "supplier_ref,entry_id,score,decision,audited_by_us\n" + "".join(
        f"V-{number},{entry(number)['entry_id']},0.9,match,{'true' if number == 2 else 'false'}\n"
        for number in range(4)
    )
    scheme.requests(request("opened", entry_id=entry(3)["entry_id"]))

    page = await scheme.browser("member").send(
        "/member/list/check", "/member/list/check", files={"findings": check.encode()}
    )

    assert re.findall(r'name="ask" value="(\w+)"', page.text) == [entry(0)["entry_id"], ONE]
    assert 'value="V-0"' in page.text
    assert not [one for one in scheme.api.posted if "V-0" in str(one.body)]


async def test_a_larger_findings_file_than_other_pages_take_is_read(scheme: Scheme) -> None:
    row = f"V,{'0' * 64},0.9,none,false\n"
    check = "supplier_ref,entry_id,score,decision,audited_by_us\n" + row * 20_000

    page = await scheme.browser("member").send(
        "/member/list/check", "/member/list/check", files={"findings": check.encode()}
    )

    assert "20,000 suppliers" in words(page.text)


async def test_a_wrong_findings_file_is_refused_with_row_and_remedy(scheme: Scheme) -> None:
    check = f"supplier_ref,entry_id,score,decision,audited_by_us\nV,{ONE},0.9,maybe,false\n".encode()

    page = await scheme.browser("member").send(
        "/member/list/check", "/member/list/check", files={"findings": check}
    )

    assert page.status_code == 422
    assert "(row 2)" in words(page.text)


def bulk_form(ticked: list[str], **more: str) -> dict[str, str | list[str]]:
    fields: dict[str, str | list[str]] = {
        "scope": "Latest report",
        "purpose": "To avoid an audit",
        "term_days": "30",
        "requester_email": "",
        "entry": [entry(number)["entry_id"] for number in range(3)],
        "ask": ticked,
    }
    for number in range(3):
        row = entry(number)["entry_id"]
        fields |= {
            f"site_number-{row}": f"V-{number}",
            f"name-{row}": f"Supplier {number}",
            f"contact_email-{row}": f"qa@{number}.example",
            f"contact_name-{row}": "",
            f"language-{row}": "en",
        }
    return fields | more


async def bulk(scheme: Scheme, fields: Mapping[str, str | list[str]]) -> Any:  # noqa: ANN401
    check = "supplier_ref,entry_id,score,decision,audited_by_us\n" + "".join(
        f"V-{number},{entry(number)['entry_id']},0.9,match,false\n" for number in range(3)
    )
    browser = scheme.browser("member")
    page = await browser.send("/member/list/check", "/member/list/check", files={"findings": check.encode()})
    seal, key = (re.findall(rf'name="{name}" value="([^"]+)"', page.text)[-1] for name in ("seal", "key"))
    return await browser.http.post("/member/requests/bulk", data={"seal": seal, "key": key, **fields})


async def test_what_is_good_of_many_is_sent_and_the_rest_comes_back_with_its_reason(scheme: Scheme) -> None:
    taken = request("drafted", request_id=str(uuid4()))
    refused = {"field": "entry_id", "reason": "you have an open request", "remedy": "look at it"}
    scheme.gives(
        REQUESTS,
        "/v1/requests/bulk",
        {
            "taken": 1,
            "refused": 1,
            "rows": [
                {"row": 1, "request": taken, "refused": None},
                {"row": 2, "request": None, "refused": refused},
            ],
        },
    )

    page = await bulk(scheme, bulk_form([entry(0)["entry_id"], entry(2)["entry_id"]]))

    sent = scheme.api.posted[-1].body["requests"]
    assert [(one["site_number"], one["term_days"]) for one in sent] == [("V-0", 30), ("V-2", 30)]
    assert f"/member/requests/{taken['request_id']}" in page.text
    assert "You have an open request. Look at it." in words(page.text)
    assert re.findall(r'name="ask" value="(\w+)"( checked)?', page.text) == [
        (ONE, ""),
        (entry(2)["entry_id"], " checked"),
    ]


async def test_a_row_that_nobody_ticked_holds_nothing_back_whatever_stands_in_it(scheme: Scheme) -> None:
    answer = {"taken": 1, "refused": 0, "rows": [{"row": 1, "request": request("drafted"), "refused": None}]}
    scheme.gives(REQUESTS, "/v1/requests/bulk", answer)
    other = entry(2)["entry_id"]

    page = await bulk(scheme, bulk_form([ONE], **{f"contact_email-{other}": "nowhere"}))

    assert page.status_code == 200
    assert [one["site_number"] for one in scheme.api.posted[-1].body["requests"]] == ["V-1"]
    assert 'value="nowhere"' in page.text
    assert "This is not an e-mail address." not in page.text
    # Else the browser itself would hold the form back.
    assert re.search(r'action="/member/requests/bulk" novalidate', page.text)


async def test_every_ticked_row_with_a_fault_is_named_and_the_others_are_kept(scheme: Scheme) -> None:
    rows = {f"contact_email-{entry(number)['entry_id']}": "nowhere" for number in (0, 2)}

    page = await bulk(scheme, bulk_form([entry(0)["entry_id"], entry(2)["entry_id"]], **rows))

    assert page.status_code == 422
    assert "2 of your requests could not be sent: Supplier 0, Supplier 2" in words(page.text)
    assert page.text.count("This is not an e-mail address.") == 2
    assert 'value="qa@1.example"' in page.text


CHECKED = "supplier_ref,entry_id,score,decision,audited_by_us\n" + "".join(
    f"V-{number},{entry(number)['entry_id']},0.9,match,false\n" for number in range(2)
)
CONTACTS = "supplier_ref,contact_email\nV-0,a@a.example\nV-1,b@b.example\n"


def ticks(text: str) -> dict[str, bool]:
    return {one: bool(on) for one, on in re.findall(r'name="ask" value="(\w+)"( checked)?', text)}


async def test_a_file_uploaded_again_asks_nobody_again_unless_the_row_is_ticked(scheme: Scheme) -> None:
    scheme.requests(request("declined", entry_id=ONE))
    files = {"findings": CHECKED.encode(), "contacts": CONTACTS.encode()}
    browser = scheme.browser("member")

    page = await browser.send("/member/list/check", "/member/list/check", files=files)

    assert ticks(page.text) == {entry(0)["entry_id"]: True, ONE: False}
    assert "Requested before: declined on" in words(page.text)
    # A form that was drawn before the request was over does not ask again either.
    refused = await bulk(scheme, bulk_form([ONE]))
    assert refused.status_code == 422
    assert not [one for one in scheme.api.posted if one.path.endswith("/bulk")]
    assert "Tick it to ask its supplier again." in words(refused.text)
    assert ticks(refused.text)[ONE] is False
    answer = {"taken": 1, "refused": 0, "rows": [{"row": 1, "request": request("drafted"), "refused": None}]}
    scheme.gives(REQUESTS, "/v1/requests/bulk", answer)
    await bulk(scheme, bulk_form([ONE], again=ONE))
    assert scheme.api.posted[-1].body["requests"][0]["again"] is True


async def test_a_language_that_is_unknown_is_told_with_its_row_and_has_to_be_chosen(scheme: Scheme) -> None:
    contacts = "supplier_ref;contact_email;Sprache\nV-0;a@a.example;de\nV-1;b@b.example;es-MX\n"
    files = {"findings": CHECKED.encode(), "contacts": contacts.encode()}

    page = await scheme.browser("member").send("/member/list/check", "/member/list/check", files=files)

    assert page.status_code == 200
    assert "Mails are not available in 'de'. Write one of en, zh, es. (row 2)" in words(page.text)
    assert ticks(page.text) == {entry(0)["entry_id"]: False, ONE: True}
    chosen = re.findall(r'<option value="(\w*)" selected>', page.text)
    assert chosen == ["", "es"]


async def test_many_are_asked_for_in_parts_that_the_service_answers_in_time(scheme: Scheme) -> None:
    one = request("drafted")
    answer = {"taken": 1, "refused": 0, "rows": [{"row": 1, "request": one, "refused": None}]}
    scheme.gives(REQUESTS, "/v1/requests/bulk", answer)
    filled = fresh(**{name: value for name, value in FORM.items() if name != "entry"})
    asked = [filled.asked(entry(number)["entry_id"]) for number in range(250)]
    found = await ask_many(asked, scheme.api, key="one-press-of-a-button")
    parts = [one for one in scheme.api.posted if one.path.endswith("/bulk")]
    assert [len(one.body["requests"]) for one in parts] == [100, 100, 50]
    assert len({one.key for one in parts}) == 3
    assert [row.row for row in found] == [1, 101, 201]


@pytest.mark.parametrize("name", ["scope", "purpose", "site_number", "name", "contact_email", "contact_name"])
async def test_a_text_that_is_too_long_for_the_service_is_named_beside_its_field(
    name: str, scheme: Scheme
) -> None:
    field = name if name in {"scope", "purpose"} else f"{name}-{ONE}"
    page = await bulk(scheme, bulk_form([ONE], **{field: "x" * 195 + "@x.example"}))
    assert page.status_code == 422
    assert "Write at most 200 characters." in page.text
    assert not [one for one in scheme.api.posted if one.path.endswith("/bulk")]


async def test_a_row_with_a_fault_is_not_sent_and_keeps_what_was_typed(scheme: Scheme) -> None:
    page = await bulk(scheme, bulk_form([ONE], **{f"contact_email-{ONE}": "nowhere"}))

    assert page.status_code == 422
    assert 'value="nowhere"' in page.text
    assert "This is not an e-mail address." in page.text
    assert not [one for one in scheme.api.posted if one.path.endswith("/bulk")]


async def test_a_ticked_site_that_the_latest_list_does_not_have_is_named_and_not_lost(scheme: Scheme) -> None:
    old = "0" * 64
    page = await bulk(scheme, bulk_form([old], **{"entry": old, f"name-{old}": "Lost Mill"}))

    assert page.status_code == 422
    assert "Not requested: Lost Mill. A new list has been released since." in words(page.text)
    assert not [one for one in scheme.api.posted if one.path.endswith("/bulk")]


async def test_a_fault_in_what_is_common_sends_nothing(scheme: Scheme) -> None:
    page = await bulk(scheme, bulk_form([ONE], term_days="900"))

    assert page.status_code == 422
    assert "Nothing was sent" in words(page.text)
    assert not [one for one in scheme.api.posted if one.path.endswith("/bulk")]


async def test_requests_are_listed_by_state(scheme: Scheme) -> None:
    scheme.requests(request("available"), request("opened"), request("opened", site_number="S-7"))

    page = await scheme.browser("member").get("/member/requests?state=opened")

    read = words(page.text)
    assert "All 3 Opened 2 Report ready 1" in read
    assert "S-7" in read
    assert "2 requests" in read


async def test_every_request_is_counted_however_many_pages_there_are(scheme: Scheme) -> None:
    many = [request("sent", request_id=str(uuid4())) for _ in range(1_201)]
    scheme.requests(*many)

    found = await every_request(scheme.api)

    assert [str(one.request_id) for one in found] == [one["request_id"] for one in many]


async def test_a_mail_that_came_back_is_shown_plainly_with_the_form_to_correct_it(scheme: Scheme) -> None:
    scheme.requests(one := request("sent", mail="bounced"))
    path = f"/member/requests/{one['request_id']}"
    scheme.gives(REQUESTS, f"/v1/requests/{one['request_id']}/contact", one)
    browser = scheme.browser("member")

    page = await browser.get(path)
    await browser.send(
        path, f"{path}/contact", {"contact_email": "new@blue.example", "contact_name": "", "language": "zh"}
    )

    assert "Came back: the supplier has not been reached." in words(page.text)
    assert "The supplier has the e-mail" not in page.text
    assert scheme.api.posted[-1].body == {"contact_email": "new@blue.example", "language": "zh"}


async def test_the_report_comes_by_a_fresh_link_at_each_press(scheme: Scheme) -> None:
    scheme.requests(one := request("available"))
    path, url = f"/member/requests/{one['request_id']}", f"{STORAGE}/vault/1?signed"
    scheme.gives(Service.EXCHANGE_ADAPTER, f"/v1/reports/{one['report']['report_id']}/links", {"url": url})
    browser = scheme.browser("member")

    answers = [await browser.send(path, f"{path}/download") for _ in range(2)]

    assert {(one.status_code, one.headers["location"]) for one in answers} == {(303, url)}
    assert len({one.key for one in scheme.api.posted if one.service is Service.EXCHANGE_ADAPTER}) == 2


async def test_a_report_whose_access_was_withdrawn_is_offered_no_more(scheme: Scheme) -> None:
    one = request("available")
    one["report"]["access_withdrawn_at"] = "2026-11-21T10:00:00Z"
    scheme.requests(one)

    page = await scheme.browser("member").get(f"/member/requests/{one['request_id']}")

    assert "The supplier withdrew access." in words(page.text)
    assert "/download" not in page.text


async def decided(scheme: Scheme, **given: str) -> tuple[Any, str]:
    scheme.requests(one := request("available"))
    path = f"/member/requests/{one['request_id']}"
    return await scheme.browser("member").send(path, f"{path}/decision", given), one["request_id"]


async def test_a_decision_is_recorded_as_it_was_chosen(scheme: Scheme) -> None:
    one = request("available")
    scheme.gives(REQUESTS, f"/v1/requests/{one['request_id']}/decision", one)

    answer, request_id = await decided(scheme, outcome="accepted", reason="", valid_until="2027-05-31")

    assert answer.headers["location"] == f"/member/requests/{request_id}"
    assert scheme.api.posted[-1].body == {
        "outcome": "accepted",
        "reason": None,
        "valid_until": "2027-05-31",
        "same_file_confirmed": False,
    }


def choices(text: str) -> list[str]:
    return re.findall(r'name="outcome" value="([a-z-]+)"', text)


async def test_a_report_that_was_not_opened_can_only_be_refused_and_the_page_says_why(scheme: Scheme) -> None:
    one = request("available")
    one["report"]["read_at"] = None
    scheme.requests(one)

    page = await scheme.browser("member").get(f"/member/requests/{one['request_id']}")

    assert choices(page.text) == ["refused"]
    assert "Nobody in your company has opened the report yet." in words(page.text)
    assert "reload this page" in words(page.text)
    scheme.requests(one := request("available"))
    page = await scheme.browser("member").get(f"/member/requests/{one['request_id']}")
    assert choices(page.text) == ["accepted", "accepted-with-top-up", "refused"]


async def test_the_page_tells_until_when_a_report_may_stand_in(scheme: Scheme) -> None:
    scheme.requests(one := request("available"))
    page = await scheme.browser("member").get(f"/member/requests/{one['request_id']}")
    assert "If left empty: 31 December 2027" in words(page.text)
    assert (
        "At the latest 31 December 2028: 36 months after the end of the listed half-year 2025-H2."
        in words(page.text)
    )


async def test_a_report_that_is_too_old_is_not_offered_for_acceptance(scheme: Scheme) -> None:
    one = request("available")
    one["validity"] |= {"default": "2026-01-01", "most": "2026-01-01"}
    scheme.requests(one)
    page = await scheme.browser("member").get(f"/member/requests/{one['request_id']}")
    assert choices(page.text) == ["refused"]
    assert "This report can only be refused." in words(page.text)


async def test_the_audit_that_a_validity_is_reckoned_from_has_its_day_as_on_pages(scheme: Scheme) -> None:
    one = request("available")
    one["validity"] |= {"since": "the audit of 2026-01-26"}
    scheme.requests(one)
    page = await scheme.browser("member").get(f"/member/requests/{one['request_id']}")
    assert "36 months after the audit of 26 January 2026." in words(page.text)


async def test_a_file_that_came_for_another_site_too_is_remarked_and_confirmed_by_a_tick(
    scheme: Scheme,
) -> None:
    other = str(uuid4())
    one = request("available")
    one["same_file"] = [{"request_id": other, "site_number": "S-7", "supplier": "Works 7"}]
    scheme.requests(one)
    refusal = Rejected(
        "the received the same file for another site: Works 7 (S-7)",
        field="same_file_confirmed",
        remedy="check that the report covers this site",
    )
    scheme.gives(
        REQUESTS,
        f"/v1/requests/{one['request_id']}/decision",
        lambda said: one if said["same_file_confirmed"] else refusal,
    )
    path = f"/member/requests/{one['request_id']}"
    browser = scheme.browser("member")

    page = await browser.get(path)
    assert "You received the same file for another site." in words(page.text)
    assert f'href="/member/requests/{other}"' in page.text
    refused = await browser.send(path, f"{path}/decision", {"outcome": "accepted"})
    assert refused.status_code == 409
    assert 'id="same_file_confirmed-error"' in refused.text
    done = await browser.send(path, f"{path}/decision", {"outcome": "accepted", "same_file_confirmed": "yes"})
    assert done.status_code == 303


async def test_a_refusal_takes_no_last_day_along(scheme: Scheme) -> None:
    one = request("available")
    scheme.gives(REQUESTS, f"/v1/requests/{one['request_id']}/decision", one)
    await decided(scheme, outcome="refused", reason="too thin", valid_until="2027-05-31")
    assert scheme.api.posted[-1].body["valid_until"] is None


@pytest.mark.parametrize(
    ("given", "field"), [({"outcome": ""}, "outcome"), ({"outcome": "refused", "reason": " "}, "reason")]
)
async def test_a_decision_that_lacks_something_is_not_sent(
    scheme: Scheme, given: dict[str, str], field: str
) -> None:
    answer, _ = await decided(scheme, **given)

    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert not scheme.api.posted or scheme.api.posted[-1].service is not REQUESTS


async def test_a_step_that_is_not_possible_any_more_says_what_is(scheme: Scheme) -> None:
    one = request("available")
    scheme.gives(
        REQUESTS,
        f"/v1/requests/{one['request_id']}/decision",
        Rejected(
            "the request is decided: no decision now", field="state", remedy="possible now: nothing more"
        ),
    )

    answer, _ = await decided(scheme, outcome="accepted")

    assert answer.status_code == 409
    assert "The request is decided: no decision now. Possible now: nothing more." in words(answer.text)


async def test_a_form_sent_twice_is_one_command_and_a_changed_one_another(scheme: Scheme) -> None:
    one = request("sent")
    scheme.requests(one)
    path = f"/member/requests/{one['request_id']}"
    scheme.gives(REQUESTS, f"/v1/requests/{one['request_id']}/withdrawal", one)
    browser = scheme.browser("member")
    text = (await browser.get(path)).text
    form = {name: re.findall(rf'name="{name}" value="([^"]+)"', text)[0] for name in ("seal", "key")}

    for reason in ("no longer needed", "no longer needed", "sold"):
        await browser.http.post(f"{path}/withdrawal", data={**form, "reason": reason})

    keys = [one.key for one in scheme.api.posted if one.service is REQUESTS]
    assert keys[0] == keys[1] != keys[2]


async def test_a_suppliers_reason_is_told_in_words_in_the_requests_life(scheme: Scheme) -> None:
    one = request("declined")
    one["history"][-1]["reason"] = "not-a-customer"
    scheme.requests(one)

    page = await scheme.browser("member").get(f"/member/requests/{one['request_id']}")

    assert "The supplier does not know you as a customer." in words(page.text)
    assert "to come" not in words(page.text)


async def test_numbers_are_shown_by_round_and_together_and_drawn_oldest_first(scheme: Scheme) -> None:
    scheme.numbers(
        numbers("2026-09-30", avoided=6, avoided_eur=15_000),
        numbers("2026-03-31", avoided=2, avoided_eur=5_000),
    )
    browser = scheme.browser("member")

    read = words((await browser.get("/member/numbers")).text)
    plot = await browser.get("/member/avoided.svg")

    assert "Total" in read
    assert "20,000" in read
    assert plot.headers["content-type"].startswith("image/svg+xml")
    assert [one.label for one in scheme.drawn[0]] == ["2026-03-31", "2026-09-30"]


@pytest.mark.parametrize("role", ["secretariat", "reviewer"])
async def test_members_pages_are_closed_to_others(scheme: Scheme, role: str) -> None:
    assert (await scheme.browser(role).get("/member/requests")).status_code == 403


async def test_a_form_of_another_origin_changes_nothing(scheme: Scheme) -> None:
    browser = scheme.browser("member")

    answer = await browser.http.post(
        "/member/requests/new", data=FORM, headers={"origin": "https://elsewhere.example"}
    )

    assert answer.status_code == 403
    assert scheme.api.posted == []


async def test_no_page_holds_a_script_or_a_style_of_its_own(scheme: Scheme) -> None:
    scheme.requests(one := request("available"))
    browser = scheme.browser("member")

    for path in (
        "/member",
        "/member/list",
        "/member/list/check",
        "/member/requests",
        f"/member/requests/{one['request_id']}",
        f"/member/requests/new?entry={ONE}",
        "/member/numbers",
    ):
        text = (await browser.get(path)).text
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:", text), path
