"""The secretariat's pages on the criteria."""

from typing import Any

import pytest
from mrx_portal.ports import Service
from mrx_shared.refusals import Invalid, Rejected

from tests.unit.portal.assessments import criterion
from tests.unit.portal.drafts import criteria
from tests.unit.portal.reading import words
from tests.unit.portal.scheme import ASSESSMENT, MEMBER, PROTOCOL, Scheme, a_member

PATH = "/secretariat/criteria"
ONE = f"{PATH}/6.0-4p"
API = "/v1/criteria/6.0-4p"
BENCHMARK = Service.BENCHMARK
RELEASES = f"/v1/assessments/{ASSESSMENT}/releases"
RITA = "01940000-0000-7000-8000-0000000000a0"
DATES = {
    "newer": "7.0",
    "consultation_until": "2026-12-01",
    "effective_on": "2027-01-01",
    "transition_until": "2027-06-30",
}


@pytest.fixture
def scheme() -> Scheme:
    made = Scheme()
    listed = [criteria("6.0-4p", phase="consultation", **DATES), criteria("7.0")]
    made.gives(BENCHMARK, "/v1/criteria", {"criteria": listed})
    made.gives(Service.REGISTRY, "/v1/members", {"members": [a_member()]})
    reviewers = [
        {"principal_id": RITA, "name": "Rita <b>"},
        {"principal_id": "01940000-0000-7000-8000-0000000000a1", "name": "Sam", "email": "sam@one.example"},
        {"principal_id": "01940000-0000-7000-8000-0000000000a2", "name": "Sam", "email": "sam@two.example"},
    ]
    made.gives(Service.REGISTRY, "/v1/reviewers", {"reviewers": reviewers})
    whole = {"version": "6.0-4p", "based_on": "SMETA 6.0", "gate": "85"}
    made.gives(BENCHMARK, API, {**whole, "criteria": [criterion("C1.1"), criterion("C2.1")]})
    waiver = {"clause": "C1", "reason": "disputed", "until": "2026-11-01"}
    made.gives(BENCHMARK, f"{API}/waivers", {"waivers": [waiver]})
    said = {"older": "6.0-4p", "phase": "consultation", **DATES}
    comment = {"text": "Give us a year.", "at": "2026-11-02T08:00:00Z"}
    made.gives(BENCHMARK, f"{API}/evolution", {**said, "comments": [comment]})
    figures = {"commonality": "80.00", "lower": "80.00", "upper": "91.00"}
    what = {"protocol_id": PROTOCOL, "version": "4.2", "member_id": MEMBER, "criteria_version": "5.0-4p"}
    foreseen = {**what, **figures, "equivalent": "open", "asked": 27}
    made.gives(BENCHMARK, f"{API}/what-if", {"protocols": [foreseen]})
    made.gives(BENCHMARK, "/v1/reviews", {"reviews": []})
    return made


def at_work(*judges: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "assessment_id": ASSESSMENT,
        "protocol_id": PROTOCOL,
        "code": "NB-RSP",
        "name": "Northwind Protocol",
        "version": "4.2",
        "criteria_version": "6.0-4p",
        "member_id": MEMBER,
        "submitted_at": "2026-11-01T08:00:00Z",
        "answers": 40,
        "both_done": False,
        "reviewers": [{"judged": 12, "last_at": "2026-11-03T08:00:00Z", **one} for one in judges],
        **more,
    }


async def test_a_reviewer_who_will_not_finish_is_found_and_released(scheme: Scheme) -> None:
    left, gone = {"reviewer": RITA, "releasable": True}, {"reviewer": "no-more", "releasable": False}
    scheme.gives(BENCHMARK, "/v1/reviews", {"reviews": [at_work(left, gone), at_work(member_id=None)]})
    scheme.gives(BENCHMARK, RELEASES, {"done": True})
    browser = scheme.browser("secretariat")
    page = (await browser.get(PATH)).text
    read = words(page)
    assert f"NB-RSP 4.2, {a_member()['name']}" in read
    assert "NB-RSP 4.2, public" in read
    assert "Rita <b>: 12 of 40, last 3 November 2026" in read
    assert "a former reviewer: 12 of 40" in read
    assert "Needs two" in read
    assert page.count('aria-label="Release ') == 1
    sent = await browser.send(PATH, f"{PATH}/releases", {"assessment": ASSESSMENT, "reviewer": RITA})
    assert sent.headers["location"] == f"{PATH}?kept=release#reviews"
    assert scheme.api.posted[-1].body == {"reviewer": RITA}


async def test_a_refused_release_says_why(scheme: Scheme) -> None:
    scheme.gives(BENCHMARK, "/v1/reviews", {"reviews": [at_work({"reviewer": RITA, "releasable": True})]})
    done = Rejected(
        "both reviews are finished, and each has been read", field="reviewer", remedy="let a third"
    )
    scheme.gives(BENCHMARK, RELEASES, done)
    browser = scheme.browser("secretariat")
    refused = await browser.send(PATH, f"{PATH}/releases", {"assessment": ASSESSMENT, "reviewer": RITA})
    assert (refused.status_code, "Both reviews are finished" in words(refused.text)) == (409, True)
    unknown = await browser.send(PATH, f"{PATH}/releases", {"assessment": "x", "reviewer": RITA})
    assert unknown.status_code == 404


async def test_the_versions_say_what_follows_them(scheme: Scheme) -> None:
    read = words((await scheme.browser("secretariat").get(PATH)).text)
    assert "7.0 on 1 January 2027 Consultation" in read


async def test_a_version_shows_comments_waivers_and_what_protocols_would_come_to(scheme: Scheme) -> None:
    read = words((await scheme.browser("secretariat").get(ONE)).text)
    assert "Give us a year." in read
    assert "Clause C1 until 1 November 2026 (ended): disputed" in read
    assert f"{a_member()['name']} 4.2 5.0-4p Open 80.00 to 91.00 % 27" in read


async def test_a_successor_is_announced_and_a_refusal_keeps_what_was_typed(scheme: Scheme) -> None:
    browser = scheme.browser("secretariat")
    sent = await browser.send(ONE, f"{ONE}/successor", DATES)
    assert sent.headers["location"] == ONE
    assert scheme.api.posted[-1].body == DATES
    shown = scheme.api.answers[BENCHMARK, f"{API}/evolution"]
    early = Invalid("too early", field="effective_on", remedy="later")
    scheme.gives(BENCHMARK, f"{API}/evolution", lambda said: early if said else shown)
    refused = await browser.send(ONE, f"{ONE}/successor", {**DATES, "effective_on": "2026-12-02"})
    assert refused.status_code == 422
    assert "Too early. Later." in words(refused.text)
    assert 'value="2026-12-02"' in refused.text


async def test_a_clause_is_waived_and_a_reviewer_kept_away(scheme: Scheme) -> None:
    browser = scheme.browser("secretariat")
    given = {"clause": "C2", "reason": "disputed", "until": "2027-01-31"}
    sent = await browser.send(ONE, f"{ONE}/waivers", given)
    assert sent.headers["location"] == f"{ONE}#waivers"
    assert scheme.api.posted[-1].body == given
    scheme.gives(BENCHMARK, "/v1/reviewers/ties", {"done": True})
    kept = await browser.send(PATH, f"{PATH}/ties", {"reviewer": RITA, "member": MEMBER})
    assert kept.headers["location"] == f"{PATH}?kept=tie"
    assert scheme.api.posted[-1].body == {"reviewer": RITA, "member_id": MEMBER}


async def test_reviewers_are_chosen_by_name_and_two_of_one_name_are_told_apart(scheme: Scheme) -> None:
    page = (await scheme.browser("secretariat").get(PATH)).text
    assert f'<option value="{RITA}">Rita &lt;b&gt;</option>' in page
    assert "Sam (sam@one.example)" in page
    assert "Sam (sam@two.example)" in page


async def test_a_refused_waiver_says_why_and_unknown_criteria_are_no_page(scheme: Scheme) -> None:
    browser = scheme.browser("secretariat")
    waivers = scheme.api.answers[BENCHMARK, f"{API}/waivers"]
    scheme.gives(
        BENCHMARK,
        f"{API}/waivers",
        lambda said: Invalid("every clause is waived", field="clause") if said else waivers,
    )
    sent = await browser.send(
        ONE, f"{ONE}/waivers", {"clause": "C2", "reason": "disputed", "until": "2027-01-31"}
    )
    assert (sent.status_code, "Every clause is waived." in words(sent.text)) == (422, True)
    assert (await browser.get(f"{PATH}/8.0")).status_code == 404
    assert (await browser.get(f"{PATH}/..%2fx")).status_code == 404


async def test_a_refused_tie_leaves_reviewer_and_member_chosen(scheme: Scheme) -> None:
    scheme.gives(BENCHMARK, "/v1/reviewers/ties", Rejected("the reviewer is kept away already"))
    sam = "01940000-0000-7000-8000-0000000000a2"
    page = await scheme.browser("secretariat").send(PATH, f"{PATH}/ties", {"reviewer": sam, "member": MEMBER})
    assert page.status_code == 409
    assert f'<option value="{sam}" selected>' in page.text
    assert f'<option value="{MEMBER}" selected>' in page.text


async def test_a_reviewer_whom_nobody_knows_any_more_is_named_by_the_role(scheme: Scheme) -> None:
    gone = "01940000-0000-7000-8000-0000000000b7"
    judge = {"reviewer": gone, "judged": 1, "last_at": "2026-11-20T08:00:00Z", "releasable": True}
    scheme.gives(BENCHMARK, "/v1/reviews", {"reviews": [at_work(judge)]})
    page = (await scheme.browser("secretariat").get(PATH)).text
    assert "a former reviewer: 1 of" in words(page)
    assert gone not in page.replace(f'name="reviewer" value="{gone}"', "")
