"""A member's assessments: answers by form or file, drafts, questions, appeal, reports, consultation."""

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from mrx_shared.refusals import Faulty, Invalid, Rejected, Unavailable

from tests.unit.portal.assessments import answer, assessment
from tests.unit.portal.drafts import API, BENCHMARK, DRAFT, HIDDEN, PATH, PLACE, criteria, draft, scheme
from tests.unit.portal.reading import words
from tests.unit.portal.scheme import ASSESSMENT, PROTOCOL, Scheme

__all__ = ["scheme"]

ONE = f"{PATH}/{ASSESSMENT}"
QUESTION = "01940000-0000-7000-8000-00000000aaaa"


async def test_a_member_sees_where_its_assessments_stand_and_until_when_they_hold(scheme: Scheme) -> None:
    read = words((await scheme.browser("member").get(PATH)).text)
    assert "Northwind Protocol version 4.2 6.0-4p With the reviewers 2 questions for you" in read
    assert "71.42 to 88.09 % 31 December 2027" in read


@pytest.mark.parametrize(
    ("until", "said"),
    [
        ("2026-11-21", "Recognition of Northwind Protocol 4.2 lapsed on 21 November 2026."),
        ("2027-02-20", "Recognition of Northwind Protocol 4.2 ends on 20 February 2027."),
        ("2027-02-21", None),
    ],
)
async def test_the_end_of_recognition_is_told_ninety_days_before(
    scheme: Scheme, until: str, said: str | None
) -> None:
    over = assessment(
        state="concluded", equivalent="yes", recognised_from="2020-01-01", recognised_until=until
    )
    scheme.gives(BENCHMARK, "/v1/assessments", {"assessments": [over]})
    read = words((await scheme.browser("member").get(PATH)).text)
    assert (said in read) if said else ("Recognition of" not in read)


async def test_a_filled_in_template_is_sent_whole(scheme: Scheme) -> None:
    scheme.gives(BENCHMARK, "/v1/assessments/files", {"assessment": assessment(), "refused": []})
    sent = await scheme.browser("member").send(
        PATH,
        PATH,
        {"protocol": f"{PROTOCOL} 4.2", "criteria": "7.0"},
        {"file": b"criterion_id,relation\nC1.1,equal\n"},
    )
    assert "Submitted: 71.42 % so far, at most 88.09 %." in words(sent.text)
    assert scheme.api.posted[-1].body["keep_good"] is False


async def test_refused_rows_are_told_and_the_good_ones_wait_in_a_draft(scheme: Scheme) -> None:
    fault = {"row": 9, "field": "relation", "reason": "'same' is not a relation", "remedy": "write one of"}
    also = {**fault, "field": "rationale"}
    scheme.gives(BENCHMARK, "/v1/assessments/files", {"draft": draft(), "refused": [fault, also]})
    sent = await scheme.browser("member").send(
        PATH,
        PATH,
        {"protocol": f"{PROTOCOL} 4.2", "criteria": "7.0", "keep_good": "yes"},
        {"file": b"criterion_id,relation\nC1.1,equal\n"},
    )
    read = words(sent.text)
    assert "1 row was refused. The others are saved as a draft: 1 answer." in read
    assert "Row 9, relation: 'same' is not a relation; write one of." in read
    assert f'href="{DRAFT.replace("&", "&amp;")}"' in sent.text or f'href="{DRAFT}"' in sent.text


async def test_faults_that_are_not_told_are_counted_beside_the_draft(scheme: Scheme) -> None:
    faults = [
        {"row": row, "field": "relation", "reason": "no", "remedy": "write one"} for row in range(2, 102)
    ]
    scheme.gives(BENCHMARK, "/v1/assessments/files", {"draft": draft(), "refused": faults, "more": 150})
    form = {"protocol": f"{PROTOCOL} 4.2", "criteria": "7.0", "keep_good": "yes"}
    sent = await scheme.browser("member").send(PATH, PATH, form, {"file": b"criterion_id,relation\n"})
    read = words(sent.text)
    assert "At least 100 rows were refused." in read
    assert "150 more" in read


async def test_a_file_that_is_refused_as_a_whole_says_why_on_the_page(scheme: Scheme) -> None:
    refusal = Invalid("criterion 'Z' is not there", field="criterion_id", row=4, remedy="take it out")
    scheme.gives(BENCHMARK, "/v1/assessments/files", refusal)
    sent = await scheme.browser("member").send(
        PATH, PATH, {"protocol": f"{PROTOCOL} 4.2", "criteria": "7.0"}, {"file": b"x"}
    )
    assert sent.status_code == 422
    assert "riterion 'Z' is not there" in words(sent.text)


async def test_every_fault_of_a_refused_file_stands_on_the_page(scheme: Scheme) -> None:
    faults = [
        Invalid(f"'same{row}' is not a relation", field="relation", row=row, remedy="write equal")
        for row in range(2, 105)
    ]
    scheme.gives(BENCHMARK, "/v1/assessments/files", Faulty(faults))
    sent = await scheme.browser("member").send(
        PATH, PATH, {"protocol": f"{PROTOCOL} 4.2", "criteria": "7.0"}, {"file": b"x"}
    )
    read = words(sent.text)
    assert sent.status_code == 422
    assert "Nothing was saved: 103 errors." in read
    assert "Row 2, relation: 'same2' is not a relation; write equal." in read
    assert "Row 101, relation: 'same101'" in read
    assert "And 3 more." in read


async def test_a_file_of_fifty_megabytes_is_refused_before_it_is_read(scheme: Scheme) -> None:
    sent = await scheme.browser("member").send(
        PATH, PATH, {"protocol": f"{PROTOCOL} 4.2", "criteria": "7.0"}, {"file": b"x" * 50 * 1024 * 1024}
    )
    assert sent.status_code == 413
    assert "too large" in words(sent.text)
    assert scheme.api.posted == []


async def test_answering_begins_with_an_earlier_assessments_answers(scheme: Scheme) -> None:
    begun = await scheme.browser("member").send(
        PATH,
        f"{PATH}/drafts",
        {"protocol": f"{PROTOCOL} 4.2", "criteria": "6.0-4p", "start_from": ASSESSMENT},
    )
    assert parse_qs(urlsplit(begun.headers["location"]).query) == parse_qs(PLACE)
    assert scheme.api.posted[-1].path == API
    assert scheme.api.posted[-1].body == {"answers": [], "start_from": ASSESSMENT}


async def test_a_draft_opens_where_something_is_to_be_answered_and_says_what_it_comes_to(
    scheme: Scheme,
) -> None:
    page = (await scheme.browser("member").get(DRAFT)).text
    read = words(page)
    assert 'id="clause-C1" open' in page
    assert 'id="clause-C2" open' not in page
    assert "50.00 % to at most 100.00 %" in read
    assert "The shortest way to the gate is to meet these in full: C1.2, C2.1." in read
    assert "1 answer, 3 to go" in read


async def test_words_about_an_open_criterion_are_shown_and_are_no_answer(scheme: Scheme) -> None:
    noted = [answer("C1.1"), answer("C1.2", relation="", rationale="who knows?")]
    scheme.gives(BENCHMARK, API, draft(answers=noted))
    page = (await scheme.browser("member").get(DRAFT)).text
    assert "who knows?" in page
    assert "All answered" not in page


async def test_a_clause_is_kept_by_itself_and_only_what_is_new(scheme: Scheme) -> None:
    kept = {f"{name}-C1.1": value for name, value in answer("C1.1").items() if isinstance(value, str)}
    saved = await scheme.browser("member").send(
        DRAFT,
        f"{PATH}/drafts/clauses/C1",
        {**HIDDEN, **kept, "relation-C1.2": "subset", "rationale-C1.2": "less", "relation-C2.1": "equal"},
    )
    assert saved.headers["location"] == f"{DRAFT}&clause=C1&saved=1#clause-C1"
    [row] = scheme.api.posted[-1].body["answers"]
    assert (row["criterion_id"], row["relation"], row["rationale"]) == ("C1.2", "subset", "less")


async def test_words_without_a_relation_are_kept_beside_the_answers(scheme: Scheme) -> None:
    words_alone = {"relation-C1.1": "equal", "rationale-C1.2": "chapter 9 <b>"}
    saved = await scheme.browser("member").send(DRAFT, f"{PATH}/drafts/clauses/C1", {**HIDDEN, **words_alone})
    assert saved.status_code == 303
    kept = {one["criterion_id"]: one for one in scheme.api.posted[-1].body["answers"]}
    assert (kept["C1.2"]["relation"], kept["C1.2"]["rationale"]) == ("", "chapter 9 <b>")


async def test_what_was_typed_waits_on_the_page_while_a_service_is_away(scheme: Scheme) -> None:
    away = Unavailable("benchmark: it does not answer")
    scheme.gives(BENCHMARK, API, lambda said: away if said else draft())
    browser = scheme.browser("member")
    typed = {**HIDDEN, "relation-C1.1": "none", "rationale-C1.1": "two lines\nof <words>"}
    waiting = await browser.send(DRAFT, f"{PATH}/drafts/clauses/C1", typed)
    assert (waiting.status_code, "What you entered is still on this page." in waiting.text) == (503, True)
    fields = {
        unescape(name): unescape(value)
        for name, value in re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', waiting.text)
    }
    assert fields.items() >= typed.items()
    scheme.gives(BENCHMARK, API, draft())
    sent = await browser.http.post(f"{PATH}/drafts/clauses/C1", data=fields)
    assert sent.status_code == 303
    first, second = [one for one in scheme.api.posted if one.path == API]
    assert (first.key, first.body) == (second.key, second.body), "done once, also if the first was taken"


async def test_a_file_does_not_wait_on_the_page(scheme: Scheme) -> None:
    scheme.gives(BENCHMARK, "/v1/assessments/files", Unavailable("benchmark: it does not answer"))
    chosen = {"protocol": f"{PROTOCOL} 4.2", "criteria": "6.0-4p"}
    waiting = await scheme.browser("member").send(PATH, PATH, chosen, {"file": b"criterion_id,relation\n"})
    assert (waiting.status_code, "What you sent may not have been saved." in waiting.text) == (503, True)
    assert "Send it again</button>" not in waiting.text


async def test_a_draft_is_submitted_and_a_refusal_leaves_it(scheme: Scheme) -> None:
    browser = scheme.browser("member")
    scheme.gives(BENCHMARK, f"{API}/submission", assessment())
    sent = await browser.send(DRAFT, f"{PATH}/drafts/submission", HIDDEN)
    assert sent.headers["location"] == ONE
    early = Rejected("criteria 7.0 take effect on 2027-01-01", field="criteria_version", remedy="wait")
    scheme.gives(BENCHMARK, f"{API}/submission", early)
    refused = await browser.send(DRAFT, f"{PATH}/drafts/submission", HIDDEN)
    assert (refused.status_code, "Criteria 7.0 take effect on" in words(refused.text)) == (409, True)


@pytest.mark.parametrize(
    "place", ["protocol=x&version=1&criteria=7.0", f"protocol={PROTOCOL}&version=&criteria=.."]
)
async def test_a_draft_that_cannot_be_is_not_looked_for(scheme: Scheme, place: str) -> None:
    assert (await scheme.browser("member").get(f"{PATH}/drafts?{place}")).status_code in {404, 422}


async def test_the_owner_replies_to_a_question_on_the_assessments_page(scheme: Scheme) -> None:
    asked = {"question_id": QUESTION, "criterion_id": "C1.2", "text": "Which permits?", "reply": ""}
    one = assessment(questions=[{**asked, "asked_at": "2026-11-02T08:00:00Z", "replied_at": None}])
    scheme.gives(BENCHMARK, f"/v1/assessments/{ASSESSMENT}", one)
    scheme.gives(BENCHMARK, f"/v1/assessments/{ASSESSMENT}/questions/{QUESTION}/reply", {})
    browser = scheme.browser("member")
    assert "Which permits?" in words((await browser.get(ONE)).text)
    sent = await browser.send(ONE, f"{ONE}/questions/{QUESTION}", {"reply": "All of them."})
    assert sent.headers["location"] == f"{ONE}#questions"
    assert scheme.api.posted[-1].body == {"text": "All of them."}


async def test_the_owner_appeals_against_a_verdict_and_sees_what_came_of_it(scheme: Scheme) -> None:
    over = {"state": "concluded", "equivalent": "no", "concluded_at": "2026-11-02T08:00:00Z"}
    scheme.gives(BENCHMARK, f"/v1/assessments/{ASSESSMENT}", assessment(**over))
    scheme.gives(BENCHMARK, f"/v1/assessments/{ASSESSMENT}/appeal", {})
    browser = scheme.browser("member")
    sent = await browser.send(ONE, f"{ONE}/appeal", {"reason": "C1.2 stands in chapter 9"})
    assert sent.headers["location"] == f"{ONE}#appeal"
    assert scheme.api.posted[-1].body == {"reason": "C1.2 stands in chapter 9"}
    decided = {"granted": False, "rationale": "it does not", "decided_at": "2026-11-05T08:00:00Z"}
    made = {"reason": "C1.2 stands in chapter 9", "appealed_at": "2026-11-03T08:00:00Z", **decided}
    scheme.gives(BENCHMARK, f"/v1/assessments/{ASSESSMENT}", assessment(**over, appeal=made))
    page = (await browser.get(ONE)).text
    assert "Dismissed 5 November 2026: it does not" in words(page)
    assert f'action="{ONE}/appeal"' not in page


async def test_a_late_appeal_is_told_beside_its_words(scheme: Scheme) -> None:
    scheme.gives(BENCHMARK, f"/v1/assessments/{ASSESSMENT}", assessment(state="concluded", equivalent="no"))
    late = Rejected(
        "an appeal is possible for 30 days", field="assessment_id", remedy="submit a new assessment"
    )
    scheme.gives(BENCHMARK, f"/v1/assessments/{ASSESSMENT}/appeal", late)
    sent = await scheme.browser("member").send(ONE, f"{ONE}/appeal", {"reason": "chapter 9"})
    assert sent.status_code == 409
    assert "chapter 9 An appeal is possible for 30 days. Submit a new assessment." in words(sent.text)


@pytest.mark.parametrize("path", [ONE, f"/reviewer/assessments/{ASSESSMENT}"])
async def test_the_gap_report_opens_walled_in_and_other_kinds_are_files(scheme: Scheme, path: str) -> None:
    role = path.split("/")[1]
    for kind in ("html", "pdf"):
        scheme.gives(BENCHMARK, f"/v1/assessments/{ASSESSMENT}/report.{kind}", kind.encode())
    browser = scheme.browser(role)
    page = await browser.get(f"{path}/report.html")
    assert page.headers["content-security-policy"].startswith(
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'"
    )
    paper = await browser.get(f"{path}/report.pdf")
    assert (paper.content, paper.headers["content-disposition"]) == (
        b"pdf",
        'attachment; filename="gap-report.pdf"',
    )
    assert (await browser.get(f"{path}/report.exe")).status_code == 404


async def test_an_empty_template_is_handed_on(scheme: Scheme) -> None:
    scheme.gives(BENCHMARK, "/v1/criteria/7.0/template.csv", b"# criteria 7.0\n")
    browser = scheme.browser("member")
    found = await browser.get(f"{PATH}/templates/7.0.csv")
    assert (found.content, found.headers["content-disposition"]) == (
        b"# criteria 7.0\n",
        'attachment; filename="answers-7.0.csv"',
    )
    assert (await browser.get(f"{PATH}/templates/7.0.exe")).status_code == 404


async def test_a_protocol_is_registered_with_its_first_version(scheme: Scheme) -> None:
    scheme.gives(BENCHMARK, "/v1/protocols", lambda said: {"protocol_id": PROTOCOL, "protocols": []})
    scheme.gives(BENCHMARK, f"/v1/protocols/{PROTOCOL}/versions", {})
    sent = await scheme.browser("member").send(
        PATH, f"{PATH}/protocols", {"code": "NB", "name": "Ours", "version": "1", "first": "2024-01-01"}
    )
    assert sent.status_code == 303, sent.text
    taken, version = scheme.api.posted
    assert taken.body == {"code": "NB", "name": "Ours", "public": False}
    assert version.body == {"version": "1", "effective_from": "2024-01-01", "effective_until": None}
    assert taken.key != version.key


async def test_who_uses_criteria_that_give_way_is_told_and_may_comment(scheme: Scheme) -> None:
    dates = {
        "newer": "7.0",
        "phase": "consultation",
        "consultation_until": "2026-12-01",
        "effective_on": "2027-01-01",
        "transition_until": "2027-06-30",
    }
    scheme.gives(BENCHMARK, "/v1/criteria", {"criteria": [criteria("6.0-4p", **dates), criteria("7.0")]})
    scheme.gives(BENCHMARK, "/v1/criteria/6.0-4p/evolution", {"older": "6.0-4p", **dates, "comments": []})
    scheme.gives(BENCHMARK, "/v1/criteria/6.0-4p/comments", {"done": True})
    browser = scheme.browser("member")
    read = words((await browser.get(PATH)).text)
    assert "Criteria 6.0-4p are replaced by 7.0." in read
    assert "Verdicts under 6.0-4p stand until 30 June 2027." in read
    where = f"{PATH}/criteria/6.0-4p"
    sent = await browser.send(where, where, {"text": "Give us a year."})
    assert sent.headers["location"] == f"{where}#comments"
    assert scheme.api.posted[-1].body == {"text": "Give us a year."}


async def test_a_refused_version_of_a_new_protocol_is_corrected_in_the_same_form(scheme: Scheme) -> None:
    listed = {"protocols": [{"protocol_id": PROTOCOL, "code": "NB", "name": "Ours", "versions": []}]}
    scheme.gives(BENCHMARK, "/v1/protocols", lambda said: {"protocol_id": PROTOCOL, **listed})
    early = Invalid("2020-01-01 is before 2024-01-01", field="effective_until", remedy="state a later day")
    scheme.gives(
        BENCHMARK,
        f"/v1/protocols/{PROTOCOL}/versions",
        lambda said: early if said["effective_until"] else {},
    )
    browser = scheme.browser("member")
    given = {"code": "NB", "name": "Ours", "version": "1", "first": "2024-01-01", "last": "2020-01-01"}
    refused = await browser.send(PATH, f"{PATH}/protocols", given)
    assert refused.status_code == 422
    chosen = re.search(r'<option value="([^"]+)" selected>Ours</option>', refused.text)
    assert chosen is not None
    corrected = {**given, "last": "", "protocol_id": chosen[1]}
    assert (await browser.send(PATH, f"{PATH}/protocols", corrected)).status_code == 303
    assert [one.path for one in scheme.api.posted].count("/v1/protocols") == 1


async def test_a_recognition_that_ended_before_it_began_says_so(scheme: Scheme) -> None:
    over = {"state": "concluded", "equivalent": "yes", "concluded_at": "2026-11-02T08:00:00Z"}
    days = {"recognised_from": "2027-01-22", "recognised_until": "2026-12-13"}
    scheme.gives(BENCHMARK, f"/v1/assessments/{ASSESSMENT}", assessment(**over, **days))
    read = words((await scheme.browser("member").get(ONE)).text)
    assert "No audit is recognised: the criteria ended on 13 December 2026" in read
    assert "Audits are recognised from" not in read


def chosen(page: str, select: str) -> list[str]:
    """What is chosen in a list of a page; nothing where the browser would take the first."""
    options = page.partition(f'<select id="{select}"')[2].partition("</select>")[0]
    return re.findall(r'<option value="([^"]*)" selected', options)


async def test_a_refused_template_leaves_chosen_what_was_chosen(scheme: Scheme) -> None:
    scheme.gives(BENCHMARK, "/v1/assessments/files", Invalid("row 3: no such relation", field="relation"))
    typed = {"protocol": f"{PROTOCOL} 4.2", "criteria": "6.0-4p", "keep_good": "yes"}
    page = (await scheme.browser("member").send(PATH, PATH, typed, {"file": b"x"})).text
    assert chosen(page, "file-criteria") == ["6.0-4p"]
    assert chosen(page, "file-protocol") == [f"{PROTOCOL} 4.2"]
    assert 'name="keep_good" value="yes" checked' in page
    assert chosen(page, "draft-criteria") == []


async def test_a_draft_that_cannot_begin_says_why_in_its_form_with_what_was_chosen(scheme: Scheme) -> None:
    scheme.gives(BENCHMARK, API, Rejected("the criteria are not in force", remedy="choose others"))
    typed = {"protocol": f"{PROTOCOL} 4.2", "criteria": "6.0-4p", "start_from": ASSESSMENT}
    answer = await scheme.browser("member").send(PATH, f"{PATH}/drafts", typed)
    assert answer.status_code == 409
    assert "The criteria are not in force. Choose others." in words(answer.text)
    assert chosen(answer.text, "draft-criteria") == ["6.0-4p"]
    assert chosen(answer.text, "start_from") == [ASSESSMENT]


async def test_a_refused_reply_comment_or_appeal_is_still_there(scheme: Scheme) -> None:
    question = {
        "question_id": QUESTION,
        "criterion_id": "C1.1",
        "text": "Where?",
        "asked_at": "2026-11-20T08:00:00Z",
        "reply": "",
        "replied_at": None,
    }
    scheme.gives(
        BENCHMARK,
        f"/v1/assessments/{ASSESSMENT}",
        assessment(questions=[question], questions_open=1),
    )
    path = f"{ONE}/questions/{QUESTION}"
    scheme.gives(BENCHMARK, path.replace("/member", "/v1") + "/reply", Rejected("this is not open"))
    page = (await scheme.browser("member").send(ONE, path, {"reply": "On page 9 <b>"})).text
    assert "On page 9 &lt;b&gt;</textarea>" in page

    at = f"{PATH}/criteria/6.0-4p"
    scheme.gives(
        BENCHMARK,
        "/v1/criteria/6.0-4p/evolution",
        {
            "older": "6.0-4p",
            "newer": "7.0",
            "phase": "consultation",
            "consultation_until": "2026-12-01",
            "effective_on": "2027-01-01",
            "transition_until": "2027-07-01",
            "comments": [],
        },
    )
    scheme.gives(BENCHMARK, "/v1/criteria/6.0-4p/comments", Rejected("the consultation is over"))
    page = (await scheme.browser("member").send(at, at, {"text": "Give us a year."})).text
    assert "Give us a year.</textarea>" in page


async def test_an_empty_draft_is_discarded_at_one_press(scheme: Scheme) -> None:
    scheme.gives(BENCHMARK, API, draft(answers=[], answered=0))
    scheme.gives(BENCHMARK, f"{API}/discard", draft())
    answer = await scheme.browser("member").send(DRAFT, f"{PATH}/drafts/discard", HIDDEN)
    assert answer.headers["location"] == f"{PATH}?discarded=yes"
    assert [one.path for one in scheme.api.posted] == [f"{API}/discard"]
    assert "The draft is discarded." in (await scheme.browser("member").get(f"{PATH}?discarded=yes")).text


async def test_a_draft_that_holds_something_is_discarded_only_when_that_was_confirmed(scheme: Scheme) -> None:
    scheme.gives(BENCHMARK, f"{API}/discard", draft())
    browser = scheme.browser("member")
    refused = await browser.send(DRAFT, f"{PATH}/drafts/discard", HIDDEN)
    assert refused.status_code == 422
    assert "The box was not ticked" in refused.text
    assert scheme.api.posted == []
    done = await browser.send(DRAFT, f"{PATH}/drafts/discard", {**HIDDEN, "sure": "yes"})
    assert done.status_code == 303
