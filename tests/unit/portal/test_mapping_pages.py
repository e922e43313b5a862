"""Suggestions that a person confirms or leaves; extensions with search."""

import base64
import re
from html import unescape
from typing import Any

import httpx
import pytest
from mrx_portal.domain.mapping import Chosen, read_choices, rows_of
from mrx_shared.refusals import Faulty, Invalid

from tests.unit.portal.drafts import API, BENCHMARK, DRAFT, HIDDEN, PATH, PLACE, scheme
from tests.unit.portal.reading import words
from tests.unit.portal.scheme import PROTOCOL, Scheme

__all__ = ["scheme"]
PAGE = f"{PATH}/suggestions?{PLACE}"
FORM = {
    "ref-0": "4.1",
    "text-0": "Workers <b> are paid on time.",
    "ref-1": "4.2",
    "text-1": "Nobody is bonded.",
}


def suggestion(number: int, criterion: str, similarity: float) -> dict[str, Any]:
    return {
        "suggestion": True,
        "requirement_ref": FORM[f"ref-{number}"],
        "requirement_text": FORM[f"text-{number}"],
        "criterion_id": criterion,
        "similarity": similarity,
    }


@pytest.fixture
def proposing(scheme: Scheme) -> Scheme:
    """The scheme with proposals for two requirements, and a third without."""
    found = {
        "suggestions": [
            suggestion(0, "C1.2", 0.61),
            suggestion(0, "C1.1", 0.4321),
            suggestion(1, "C1.2", 0.2),
        ],
        "without": [{"requirement_ref": "9", "requirement_text": "Bees are kept."}],
    }
    scheme.gives(BENCHMARK, "/v1/suggestions/files", found)
    scheme.gives(BENCHMARK, "/v1/suggestions", found)
    return scheme


async def confirm(scheme: Scheme, **choices: str) -> httpx.Response:
    """Send a file, then the form of the page that it leads to, with these choices."""
    browser = scheme.browser("member")
    shown = await browser.send(PAGE, f"{PATH}/suggestions", HIDDEN, {"file": b"x"})
    form = shown.text.split(f'action="{PATH}/suggestions/answers"', 1)[1]
    hidden = {
        name: unescape(value)
        for name, value in re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form)
    }
    assert hidden.items() >= (HIDDEN | FORM).items()
    return await browser.http.post(f"{PATH}/suggestions/answers", data={**hidden, **choices})


async def test_proposals_come_ranked_marked_as_suggestions_and_nothing_is_chosen(proposing: Scheme) -> None:
    browser = proposing.browser("member")
    sent = await browser.send(PAGE, f"{PATH}/suggestions", HIDDEN, {"file": b"requirement_text\nx\n"})
    read = words(sent.text)
    assert (
        proposing.api.posted[-1].body["content_base64"] == base64.b64encode(b"requirement_text\nx\n").decode()
    )
    assert "4.1 “Workers <b> are paid on time.”" in read
    assert read.index("C1.2 Suggestion similarity 0.61") < read.index("C1.1 Suggestion similarity 0.43")
    assert "Your draft already answers it: equal. Your choice replaces that." in read
    assert "No suggestions for 1 requirement." in read
    assert "9 Bees are kept." in read
    assert "selected" not in sent.text
    assert len(proposing.api.posted) == 1


async def test_only_what_is_confirmed_is_taken_and_what_the_draft_says_of_it_stays(proposing: Scheme) -> None:
    taken = await confirm(proposing, **{"take-0-C1.1": "subset", "take-0-C1.2": "", "take-1-C1.2": ""})
    assert taken.headers["location"] == f"{DRAFT}&saved=1"
    assert proposing.api.posted[-1].path == API
    assert proposing.api.posted[-1].body["answers"] == [
        {
            "criterion_id": "C1.1",
            "relation": "subset",
            "requirement_ref": "4.1",
            "requirement_text": "Workers <b> are paid on time.",
            "rationale": "the same words",
            "evidence": "page 7",
        }
    ]


async def test_two_requirements_that_meet_one_criterion_become_one_answer(proposing: Scheme) -> None:
    await confirm(proposing, **{"take-0-C1.2": "equal", "take-1-C1.2": "equal"})
    [row] = proposing.api.posted[-1].body["answers"]
    assert row["requirement_ref"] == "4.1; 4.2"
    assert row["requirement_text"] == "Workers <b> are paid on time.\nNobody is bonded."


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({}, "Nothing is chosen."),
        ({"take-0-C1.2": "equal", "take-1-C1.2": "subset"}, "C1.2 has two relations."),
        ({"take-0-C1.2": "likes"}, "Nothing is chosen."),
    ],
)
async def test_what_cannot_be_taken_is_told_and_the_choices_stay(
    proposing: Scheme, choices: dict[str, str], said: str
) -> None:
    sent = await confirm(proposing, **choices)
    assert sent.status_code == 422
    assert said in words(sent.text)
    assert sent.text.count(" selected") == sum(one in {"equal", "subset"} for one in choices.values())
    assert API not in {one.path for one in proposing.api.posted}


async def test_every_fault_of_a_file_of_requirements_is_told(proposing: Scheme) -> None:
    faults = [Invalid("starts with '='", field="requirement_text", row=row, remedy="write") for row in (2, 7)]
    proposing.gives(BENCHMARK, "/v1/suggestions/files", Faulty(faults))
    sent = await proposing.browser("member").send(PAGE, f"{PATH}/suggestions", HIDDEN, {"file": b"x"})
    read = words(sent.text)
    assert (sent.status_code, "Nothing was read: 2 errors." in read) == (422, True)
    assert "Row 7, requirement_text: starts with '='; write." in read


async def test_a_draft_leads_to_suggestions_and_assessments_to_extensions(scheme: Scheme) -> None:
    browser = scheme.browser("member")
    assert f'href="{PAGE}"' in (await browser.get(DRAFT)).text.replace("&amp;", "&")
    assert f'href="{PATH}/extensions"' in (await browser.get(PATH)).text


def test_a_relation_that_is_none_of_ours_and_a_field_without_its_requirement_choose_nothing() -> None:
    assert read_choices({"take-0-A": "equal"}) == ([], [])
    assert read_choices({"text-0": "x", "take-0-A": "like", "take-1-B": "equal"}) == ([("", "x")], [])


def test_a_row_keeps_no_words_of_another_answer() -> None:
    chosen = [Chosen(criterion_id="B", relation="none", requirement_ref="", requirement_text="x")]
    [row] = rows_of(chosen, {"A": {"rationale": "of A"}})
    assert "rationale" not in row


EXTENSIONS = {
    "extensions": [{"topic": "Land rights", "requirement_ref": "7", "requirement_text": "Consent <i>."}]
}


async def test_extensions_are_searched_with_the_words_as_typed(scheme: Scheme) -> None:
    asked: list[object] = []

    def found(said: Any) -> object:  # noqa: ANN401
        asked.append(said["q"])
        return EXTENSIONS if said["q"] != "bees" else {"extensions": []}

    scheme.gives(BENCHMARK, "/v1/extensions", found)
    browser = scheme.browser("member")
    page = await browser.get(f"{PATH}/extensions?q=land%20%3Cb%3E")
    assert asked == ["land <b>"]
    assert "1 extension" in words(page.text)
    assert "Land rights 7 Consent <i>." in words(page.text)
    assert "<i>" not in page.text
    assert "No extension matches these words." in words((await browser.get(f"{PATH}/extensions?q=bees")).text)


async def test_an_extension_is_kept_for_a_version_and_a_refusal_keeps_its_words(scheme: Scheme) -> None:
    scheme.gives(BENCHMARK, "/v1/extensions", EXTENSIONS)
    kept = f"/v1/protocols/{PROTOCOL}/versions/4.2/extensions"
    scheme.gives(BENCHMARK, kept, {"done": True})
    browser = scheme.browser("member")
    form = {
        "protocol": f"{PROTOCOL} 4.2",
        "topic": "Land",
        "requirement_ref": "7",
        "requirement_text": "Ask.",
    }
    sent = await browser.send(f"{PATH}/extensions", f"{PATH}/extensions", form)
    assert sent.headers["location"] == f"{PATH}/extensions?q=Land"
    assert scheme.api.posted[-1].body == {
        "topic": "Land",
        "requirement_ref": "7",
        "requirement_text": "Ask.",
    }
    scheme.gives(BENCHMARK, kept, Invalid("starts with '='", field="topic", remedy="write plain text"))
    refused = await browser.send(f"{PATH}/extensions", f"{PATH}/extensions", form)
    assert (refused.status_code, "Starts with '='." in words(refused.text)) == (422, True)
    assert 'value="Land"' in refused.text


async def test_suggestions_without_a_draft_yet_are_shown_all_the_same(proposing: Scheme) -> None:
    del proposing.api.answers[BENCHMARK, API]
    sent = await proposing.browser("member").send(PAGE, f"{PATH}/suggestions", HIDDEN, {"file": b"x"})
    assert sent.status_code == 200
    assert "answers it already" not in sent.text
