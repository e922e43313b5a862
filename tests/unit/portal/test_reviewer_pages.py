import re
from typing import Any
from uuid import uuid4

import pytest
from mrx_portal.ports import Service
from mrx_shared.refusals import Rejected

from tests.unit.portal.assessments import answer, assessment, criterion
from tests.unit.portal.reading import words
from tests.unit.portal.scheme import ASSESSMENT, PROTOCOL, Scheme

PATH = f"/reviewer/assessments/{ASSESSMENT}"
API = f"/v1/assessments/{ASSESSMENT}"
BENCHMARK = Service.BENCHMARK


@pytest.fixture
def scheme() -> Scheme:
    scheme = Scheme()
    protocol = {"protocol_id": PROTOCOL, "code": "NB-RSP", "name": "Northwind Protocol", "versions": []}
    scheme.gives(BENCHMARK, "/v1/protocols", {"protocols": [protocol]})
    scheme.gives(
        BENCHMARK,
        "/v1/criteria/6.0-4p",
        {
            "version": "6.0-4p",
            "based_on": "SMETA 6.0, 4-pillar",
            "gate": "85",
            "criteria": [criterion(name) for name in ("C1.1", "C1.2", "C2.1", "C2.2")],
        },
    )
    scheme.gives(BENCHMARK, API, assessment())
    scheme.gives(BENCHMARK, f"{API}/reviews", assessment())
    scheme.gives(BENCHMARK, f"{API}/conclusion", assessment(state="concluded"))
    return scheme


async def test_assessments_in_work_come_before_those_that_are_over(scheme: Scheme) -> None:
    over = assessment(assessment_id=str(uuid4()), state="concluded", equivalent="yes")
    scheme.gives(BENCHMARK, "/v1/assessments", {"assessments": [over, assessment()]})

    read = words((await scheme.browser("reviewer").get("/reviewer")).text)

    assert "1 assessment is waiting for a reviewer." in read
    assert read.index("In progress") < read.index("Concluded or replaced")


async def test_criterion_and_answer_stand_side_by_side(scheme: Scheme) -> None:
    read = words((await scheme.browser("reviewer").get(PATH)).text)

    assert "What C1.1 asks for. Answered: equal NB C1.1 “The site keeps records.”" in read
    assert "Rationale the same words Evidence page 7" in read
    assert "C2.2 weight 50 · requirement What C2.2 asks for. No answer" in read
    assert "71.42 % to at most 88.09 %" in read


async def test_the_first_clause_with_something_to_decide_stands_open(scheme: Scheme) -> None:
    browser = scheme.browser("reviewer")

    def opened(text: str) -> list[str]:
        return re.findall(r'<details class="clause" id="clause-(\w+)" open>', text)

    assert opened((await browser.get(PATH)).text) == ["C1"]
    assert opened((await browser.get(f"{PATH}?clause=C2")).text) == ["C2"]
    assert opened((await browser.get(f"{PATH}?clause=all")).text) == ["C1", "C2"]


async def test_a_clause_is_saved_by_itself(scheme: Scheme) -> None:
    sent = await scheme.browser("reviewer").send(
        PATH,
        f"{PATH}/clauses/C1",
        {
            "verdict-C1.1": "corrected",
            "relation-C1.1": "subset",
            "rationale-C1.1": "only managers are named",
            "verdict-C1.2": "confirmed",
            "verdict-C2.1": "confirmed",
        },
    )

    assert sent.headers["location"] == f"{PATH}?clause=C1&saved=1#clause-C1"
    assert scheme.api.posted[-1].body == {
        "decisions": [
            {
                "criterion_id": "C1.1",
                "verdict": "corrected",
                "relation": "subset",
                "rationale": "only managers are named",
            }
        ]
    }


async def test_the_rest_of_a_clause_is_confirmed_with_one_button(scheme: Scheme) -> None:
    await scheme.browser("reviewer").send(PATH, f"{PATH}/clauses/C2", {"confirm_rest": "yes"})

    assert [one["criterion_id"] for one in scheme.api.posted[-1].body["decisions"]] == ["C2.1"]


async def test_nothing_is_kept_while_something_is_wrong_and_nothing_typed_is_lost(scheme: Scheme) -> None:
    page = await scheme.browser("reviewer").send(
        PATH,
        f"{PATH}/clauses/C1",
        {
            "verdict-C1.1": "corrected",
            "relation-C1.1": "none",
            "verdict-C1.2": "corrected",
            "rationale-C1.2": "half of it is missing",
        },
    )

    assert page.status_code == 422
    assert scheme.api.posted == []
    assert 'id="rationale-C1.1-error"' in page.text
    assert 'id="relation-C1.2-error"' in page.text
    assert "half of it is missing" in page.text
    assert '<option value="none" selected>' in page.text


async def test_saving_a_clause_untouched_says_nothing_to_the_service(scheme: Scheme) -> None:
    sent = await scheme.browser("reviewer").send(PATH, f"{PATH}/clauses/C1", {"verdict-C1.2": "confirmed"})

    assert "saved=0" in sent.headers["location"]
    assert scheme.api.posted == []


async def test_concluding_is_offered_when_every_answer_is_decided_and_the_verdict_stands(
    scheme: Scheme,
) -> None:
    browser = scheme.browser("reviewer")
    assert "/conclusion" not in (await browser.get(PATH)).text
    scheme.gives(
        BENCHMARK,
        API,
        assessment(
            undecided=0,
            equivalent="yes",
            answers=[answer(name, verdict="confirmed") for name in ("C1.1", "C1.2", "C2.1")],
            agreement={"kappa": "1.00", "compared": 3, "differences": []},
        ),
    )

    sent = await browser.send(PATH, f"{PATH}/conclusion")

    assert sent.headers["location"] == PATH
    assert scheme.api.posted[-1].path == f"{API}/conclusion"


async def test_who_has_judged_every_answer_hears_that_the_verdict_waits_for_another_reviewer(
    scheme: Scheme,
) -> None:
    scheme.gives(BENCHMARK, API, assessment(undecided=0, equivalent="yes"))

    page = await scheme.browser("reviewer").get(PATH)

    assert "Another reviewer judges them too" in words(page.text)
    assert "/conclusion" not in page.text


async def test_a_third_reviewer_is_led_to_an_unanswered_criterion_that_two_differ_on(scheme: Scheme) -> None:
    difference = {"criterion_id": "C2.2", "first": "equal", "second": None, "resolved": False}
    agreement = {"kappa": "0.66", "compared": 4, "differences": [difference]}
    decided = [answer(name, verdict="confirmed") for name in ("C1.1", "C1.2", "C2.1")]
    scheme.gives(BENCHMARK, API, assessment(agreement=agreement, undecided=1, answers=decided))

    read = words((await scheme.browser("reviewer").get(PATH)).text)
    assert "Continue at clause C2" in read
    assert re.search(r"Clause C2 [^C]*Disputed", read)


@pytest.mark.parametrize("done", [True, False])
async def test_who_may_not_judge_reads_why_and_has_no_form(scheme: Scheme, done: bool) -> None:
    differing = {"criterion_id": "C2.1", "first": "none", "second": "equal", "resolved": False}
    agreement = {"kappa": "0.90", "compared": 3, "differences": [differing]}
    scheme.gives(
        BENCHMARK,
        API,
        assessment(agreement=agreement if done else None, undecided=1, may_judge=False, reviewers=2),
    )

    page = await scheme.browser("reviewer").get(f"{PATH}?clause=all")

    said = (
        "A third reviewer decides where the two differ"
        if done
        else "Two reviewers are judging it and have not finished"
    )
    assert said in words(page.text)
    assert "Continue at clause" not in page.text
    assert "/clauses/" not in page.text


async def test_who_is_left_of_a_pair_that_was_done_reads_that_hers_stands(scheme: Scheme) -> None:
    scheme.gives(BENCHMARK, API, assessment(undecided=1, may_judge=False, reviewers=1))
    page = await scheme.browser("reviewer").get(f"{PATH}?clause=all")
    assert "Your decisions stand, as you may have read the other's" in words(page.text)
    assert ("/clauses/" in page.text, "/release" in page.text) == (False, False)


async def test_kappa_of_a_pair_that_is_not_independent_is_not_shown(scheme: Scheme) -> None:
    agreement: dict[str, Any] = {"independent": False, "kappa": None, "compared": 3, "differences": []}
    scheme.gives(BENCHMARK, API, assessment(agreement=agreement, undecided=0))
    read = words((await scheme.browser("reviewer").get(PATH)).text)
    assert "so no kappa is shown." in read
    assert "without seeing" not in read


async def test_a_reviewer_leaves_a_review_that_she_has_begun(scheme: Scheme) -> None:
    scheme.gives(BENCHMARK, f"{API}/releases", {"done": True})
    browser = scheme.browser("reviewer", "rita")
    left = await browser.send(PATH, f"{PATH}/release")
    assert (left.status_code, left.headers["location"]) == (303, "/reviewer?left=yes")
    assert scheme.api.posted[-1].body == {"reviewer": "rita"}
    scheme.gives(BENCHMARK, "/v1/assessments", {"assessments": []})
    assert "Your decisions there no longer count" in words((await browser.get("/reviewer?left=yes")).text)


async def test_a_refused_leave_says_why_and_who_has_begun_nothing_sees_no_form(scheme: Scheme) -> None:
    done = Rejected(
        "both reviews are finished, and each has been read", field="reviewer", remedy="let a third"
    )
    scheme.gives(BENCHMARK, f"{API}/releases", done)
    refused = await scheme.browser("reviewer").send(PATH, f"{PATH}/release")
    assert (refused.status_code, "Both reviews are finished" in words(refused.text)) == (409, True)
    scheme.gives(BENCHMARK, API, assessment(answers=[answer("C1.1")]))
    assert "Leave this review" not in (await scheme.browser("reviewer").get(PATH)).text


async def test_an_assessment_that_was_replaced_meanwhile_says_so(scheme: Scheme) -> None:
    scheme.gives(
        BENCHMARK,
        f"{API}/reviews",
        Rejected("an assessment that is replaced cannot become in-review", remedy="submit a new assessment"),
    )

    page = await scheme.browser("reviewer").send(PATH, f"{PATH}/clauses/C2", {"confirm_rest": "yes"})

    assert page.status_code == 409
    assert "An assessment that is replaced cannot become in-review." in words(page.text)


async def test_two_reviewers_agreement_and_what_they_differ_on_are_shown(scheme: Scheme) -> None:
    differing = {"criterion_id": "C2.1", "first": "none", "second": "equal", "resolved": False}
    agreement = {"kappa": "0.90", "compared": 3, "differences": [differing]}
    scheme.gives(BENCHMARK, API, assessment(agreement=agreement, undecided=1))

    read = words((await scheme.browser("reviewer").get(PATH)).text)

    assert "Cohen's kappa is 0.90 over 3 criteria" in read
    assert "A third reviewer resolves the differences." in read
    assert "C2.1 none or equal" in read


async def test_a_third_reviewer_may_leave_open_what_one_of_two_answered(scheme: Scheme) -> None:
    browser = scheme.browser("reviewer")
    assert "Leave it open" not in words((await browser.get(PATH)).text)
    difference = {"criterion_id": "C2.2", "first": "equal", "second": None, "resolved": False}
    agreement = {"kappa": "0.66", "compared": 4, "differences": [difference]}
    scheme.gives(BENCHMARK, API, assessment(agreement=agreement))
    assert words((await browser.get(PATH)).text).count("Leave it open") == 1

    answer = await browser.send(
        PATH, f"{PATH}/clauses/C2", {"verdict-C2.1": "left-open", "verdict-C2.2": "left-open"}
    )
    assert "There is an answer; confirm or correct it." in answer.text
    sent = await browser.send(PATH, f"{PATH}/clauses/C2", {"verdict-C2.2": "left-open"})
    assert sent.headers["location"] == f"{PATH}?clause=C2&saved=1#clause-C2"
    [decision] = scheme.api.posted[-1].body["decisions"]
    assert (decision["criterion_id"], decision["verdict"]) == ("C2.2", "left-open")


async def test_a_question_goes_to_the_owner_and_stands_on_the_page_until_it_is_answered(
    scheme: Scheme,
) -> None:
    question = {
        "question_id": str(uuid4()),
        "criterion_id": "C1.1",
        "text": "On which page?",
        "asked_at": "2026-11-02T08:00:00Z",
        "reply": "",
        "replied_at": None,
    }
    scheme.gives(BENCHMARK, f"{API}/questions", question)
    browser = scheme.browser("reviewer")
    sent = await browser.send(PATH, f"{PATH}/questions", {"criterion": "C1.1", "question": "On which page?"})
    assert sent.status_code == 303
    scheme.gives(BENCHMARK, API, assessment(questions=[question]))
    assert "On which page? No reply yet" in words((await browser.get(PATH)).text)


async def test_a_concluded_assessment_has_no_form(scheme: Scheme) -> None:
    scheme.gives(
        BENCHMARK,
        API,
        assessment(
            state="concluded",
            equivalent="yes",
            undecided=0,
            may_judge=False,
            concluded_at="2026-11-20T08:00:00Z",
        ),
    )

    text = (await scheme.browser("reviewer").get(f"{PATH}?clause=all")).text

    assert "/clauses/" not in text
    assert "/conclusion" not in text


async def test_a_catalogue_whose_gate_is_the_essential_criteria_is_drawn_without_a_gate(
    scheme: Scheme,
) -> None:
    found = scheme.api.answers[BENCHMARK, "/v1/criteria/6.0-4p"]
    scheme.gives(BENCHMARK, "/v1/criteria/6.0-4p", {**found, "gate": "essential"})

    page = await scheme.browser("reviewer").get(PATH)

    assert page.status_code == 200
    assert 'class="gate"' not in page.text


@pytest.mark.parametrize("role", ["member", "secretariat"])
async def test_reviewers_pages_are_closed_to_others(scheme: Scheme, role: str) -> None:
    assert (await scheme.browser(role).get(PATH)).status_code == 403


async def test_an_appeal_is_decided_with_what_it_puts_in_place(scheme: Scheme) -> None:
    made = {"reason": "C1.2 stands in chapter 9", "appealed_at": "2026-11-03T08:00:00Z"}
    lacking = answer("C1.2", verdict="corrected", corrected_to="none", reviewers_rationale="not there")
    over = assessment(
        state="concluded", equivalent="no", appealed="open", appeal=made, answers=[answer("C1.1"), lacking]
    )
    scheme.gives(BENCHMARK, API, over)
    scheme.gives(BENCHMARK, "/v1/assessments", {"assessments": [over]})
    scheme.gives(BENCHMARK, f"{API}/appeal/decision", over)
    browser = scheme.browser("reviewer")
    assert "1 assessment is waiting for a reviewer." in words((await browser.get("/reviewer")).text)
    read = words((await browser.get(PATH)).text)
    assert "C1.2 stands in chapter 9" in read
    assert "C1.2: answered equal, corrected to none" in read
    empty = await browser.send(PATH, f"{PATH}/appeal", {"granted": "yes", "rationale": "it does"})
    assert (empty.status_code, "changes no decision" in words(empty.text)) == (422, True)
    given = {"appeal-C1.2": "confirmed", "appeal-C2.1": "subset", "appeal-C1.1": "none"}
    sent = await browser.send(PATH, f"{PATH}/appeal", {"granted": "yes", "rationale": "it does", **given})
    assert sent.headers["location"] == f"{PATH}#appeal"
    assert scheme.api.posted[-1].body == {
        "granted": True,
        "rationale": "it does",
        "decisions": [
            {"criterion_id": "C1.2", "verdict": "confirmed", "relation": None, "rationale": ""},
            {"criterion_id": "C2.1", "verdict": "corrected", "relation": "subset", "rationale": "it does"},
        ],
    }
    await browser.send(PATH, f"{PATH}/appeal", {"granted": "no", "rationale": "it does not", **given})
    assert scheme.api.posted[-1].body == {"granted": False, "rationale": "it does not", "decisions": []}
