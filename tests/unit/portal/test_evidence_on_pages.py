"""Evidence files on the pages: sent by the owner, chosen at answers, read by owner and reviewer as attachments."""

import re

import pytest
from mrx_portal.domain.evidence import EvidenceFile, apart, joined, named_in
from mrx_portal.ports import Service
from mrx_shared.refusals import Forbidden, Invalid

from tests.unit.portal.assessments import answer, assessment
from tests.unit.portal.drafts import API, BENCHMARK, DRAFT, HIDDEN, PATH, draft, scheme
from tests.unit.portal.reading import words
from tests.unit.portal.scheme import ASSESSMENT, PROTOCOL, Scheme

__all__ = ["scheme"]
HANDBOOK, PLAN = "ab" * 32, "cd" * 32
FILES = {
    "files": [
        {"sha256": HANDBOOK, "name": "Hand<b>ook.pdf", "size": 20_400},
        {"sha256": PLAN, "name": "plan ž.png", "size": 3},
    ]
}
EVIDENCE = f"/v1/protocols/{PROTOCOL}/evidence"
KNOWN = [EvidenceFile(**one) for one in FILES["files"]]  # type: ignore[arg-type]


@pytest.fixture
def kept(scheme: Scheme) -> Scheme:
    """The scheme with two files, one of which stands behind an answer."""
    answers = [answer("C1.1", evidence=f"page 7 sha256:{HANDBOOK}"), answer("C1.2", evidence="on the wall")]
    scheme.gives(BENCHMARK, EVIDENCE, FILES)
    scheme.gives(BENCHMARK, f"{EVIDENCE}/{PLAN}", b"\x89PNG")
    scheme.gives(BENCHMARK, API, draft(answers=answers))
    scheme.gives(BENCHMARK, f"/v1/assessments/{ASSESSMENT}", assessment(answers=answers))
    return scheme


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (f"page 7 sha256:{HANDBOOK}", ("page 7", HANDBOOK)),
        (f"sha256:{HANDBOOK}", ("", HANDBOOK)),
        (f"sha256:{HANDBOOK} and sha256:{PLAN}", (f"sha256:{HANDBOOK} and", PLAN)),
        (f"sha256:{'ef' * 32}", (f"sha256:{'ef' * 32}", "")),
        (f"sha256:{HANDBOOK}, page 7", (f"sha256:{HANDBOOK}, page 7", "")),
        ("page 7", ("page 7", "")),
    ],
)
def test_words_and_the_file_at_their_end_come_apart_and_together_again(
    text: str, parts: tuple[str, str]
) -> None:
    assert apart(text, KNOWN) == parts
    assert joined(*parts) == text


def test_a_file_is_named_by_its_hash_alone_in_any_case_of_letters() -> None:
    assert [one.name for one in named_in(f"{HANDBOOK.upper()}  handbook.pdf", KNOWN)] == ["Hand<b>ook.pdf"]


async def test_a_file_is_sent_as_it_is_and_the_draft_shows_it(kept: Scheme) -> None:
    kept.gives(BENCHMARK, EVIDENCE, FILES)
    sent = await kept.browser("member").send(DRAFT, f"{PATH}/evidence", HIDDEN, {"file": b"%PDF-1.7 x"})
    assert sent.headers["location"] == f"{DRAFT}#evidence"
    assert kept.api.posted[-1].body["content"] == b"%PDF-1.7 x"
    assert kept.api.posted[-1].body["file_name"]


async def test_two_files_from_one_page_are_two_requests(kept: Scheme) -> None:
    browser = kept.browser("member")
    await browser.send(DRAFT, f"{PATH}/evidence", HIDDEN, {"file": b"one"})
    page = (await browser.get(DRAFT)).text
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page))
    kept.api.posted.clear()
    for content in (b"one", b"two"):
        await browser.http.post(f"{PATH}/evidence", data=hidden, files={"file": ("a.pdf", content)})
    first, second = kept.api.posted
    assert first.key != second.key


async def test_why_a_file_was_refused_stands_beside_its_field(kept: Scheme) -> None:
    def refuse(said: object) -> object:
        return Invalid("no PDF", field="file", remedy="print it") if "content" in dict(said) else FILES  # type: ignore[call-overload]

    kept.gives(BENCHMARK, EVIDENCE, refuse)
    sent = await kept.browser("member").send(DRAFT, f"{PATH}/evidence", HIDDEN, {"file": b"MZ"})
    assert sent.status_code == 422
    assert '<p class="fault" id="file-error">No PDF. Print it.</p>' in sent.text
    missing = await kept.browser("member").send(DRAFT, f"{PATH}/evidence", HIDDEN)
    assert "The file is missing. Choose it and send it again." in words(missing.text)


async def test_an_answer_chooses_a_file_and_keeps_its_words(kept: Scheme) -> None:
    browser = kept.browser("member")
    page = (await browser.get(f"{DRAFT}&clause=all")).text
    assert f'<option value="{HANDBOOK}" selected>Hand&lt;b&gt;ook.pdf</option>' in page
    kept_fields = {
        f"{name}-{one}": value
        for one in ("C1.1", "C1.2")
        for name, value in answer(one).items()
        if isinstance(value, str)
    }
    form = {
        **HIDDEN,
        **kept_fields,
        "evidence-C1.1": "page 7",
        "evidence_file-C1.1": HANDBOOK,
        "evidence-C1.2": "on the wall",
        "evidence_file-C1.2": PLAN,
    }
    await browser.send(DRAFT, f"{PATH}/drafts/clauses/C1", form)
    [row] = kept.api.posted[-1].body["answers"]
    assert (row["criterion_id"], row["evidence"]) == ("C1.2", f"on the wall sha256:{PLAN}")


@pytest.mark.parametrize(
    ("role", "page", "link"),
    [
        ("reviewer", f"/reviewer/assessments/{ASSESSMENT}", f"/reviewer/evidence/{PROTOCOL}"),
        ("member", f"/member/assessments/{ASSESSMENT}", f"/member/assessments/evidence/{PROTOCOL}"),
    ],
)
async def test_a_file_behind_an_answer_is_linked_and_leaves_as_an_attachment(
    kept: Scheme, role: str, page: str, link: str
) -> None:
    browser = kept.browser(role)
    shown = (await browser.get(page)).text
    assert f'<a href="{link}/{HANDBOOK}">Hand&lt;b&gt;ook.pdf</a> <small>20.4 kB</small>' in shown
    assert "<p>page 7</p>" in shown
    assert f"{link}/{PLAN}" not in shown
    came = await browser.get(f"{link}/{PLAN}")
    assert came.content == b"\x89PNG"
    assert came.headers["content-type"] == "application/octet-stream"
    assert came.headers["content-disposition"] == "attachment; filename*=UTF-8''plan%20%C5%BE.png"
    assert came.headers["x-content-type-options"] == "nosniff"
    assert (await browser.get(f"{link}/{'ef' * 32}")).status_code == 404


async def test_a_reviewer_who_may_not_read_the_files_still_sees_the_answers(kept: Scheme) -> None:
    kept.gives(Service.BENCHMARK, EVIDENCE, Forbidden("you are tied to this group"))
    shown = await kept.browser("reviewer").get(f"/reviewer/assessments/{ASSESSMENT}")
    assert shown.status_code == 200
    assert f"page 7 sha256:{HANDBOOK}" in words(shown.text)
