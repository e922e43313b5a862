"""A member's self-assessment in a browser: template, draft, question, verdict, gap report, appeal; new criteria."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from mrx_criteria.documents import template_csv
from mrx_criteria.files import shipped_catalogue
from mrx_local.demo.scheme import CRITERIA, Scheme
from mrx_shared.kit.client import Client
from playwright.async_api import expect

from tests.live.browser.conftest import ASKING, SignIn, Windows
from tests.live.browser.window import Window
from tests.live.calls import post
from tests.live.conftest import Running

pytestmark = [pytest.mark.live, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="session")]
LACKING = tuple(
    one.id for clause in ("10C", "4") for one in shipped_catalogue(CRITERIA).criteria if one.clause == clause
)
"""More than 15 % of the weight; less without the first three."""


def filled(folder: Path) -> Path:
    """A template with an answer in every row but those of clause 11, and one row too many."""
    marked, header, *rows = template_csv(shipped_catalogue(CRITERIA)).splitlines()
    answered = [
        row if row.startswith("C11.") else row.replace(",", ",equal,", 1).replace(",equal,,", ",equal,", 1)
        for row in rows
    ]
    path = folder / "answers.csv"
    path.write_text("\n".join([marked, header, *answered, "C99.1,equal"]), encoding="utf-8")
    return path


async def reviewer(scheme: Scheme) -> Client:
    """Somebody other than the reviewer who signs in."""
    asked = {"kind": "system", "name": f"reviewer {uuid4().hex[:6]}", "role": "reviewer"}
    made = await post(scheme.secretariat, "registry", "/v1/principals", asked)
    return scheme.acting_as(made)


async def submitted(scheme: Scheme) -> tuple[str, str]:
    """An assessment of the member's with an answer to every criterion. Returns its protocol's name, and its id."""
    owner, code = scheme.members[ASKING], f"ASH-{uuid4().hex[:6].upper()}"
    name = f"Ash standard {code}"
    protocol = await post(owner, "benchmark", "/v1/protocols", {"code": code, "name": name, "public": False})
    version = {"version": "4", "effective_from": "2024-01-01", "effective_until": None}
    await post(owner, "benchmark", f"/v1/protocols/{protocol['protocol_id']}/versions", version)
    place = {"protocol_id": protocol["protocol_id"], "version": "4", "criteria_version": CRITERIA}
    answers = [{"criterion_id": one.id, "relation": "equal"} for one in shipped_catalogue(CRITERIA).criteria]
    made = await post(owner, "benchmark", "/v1/assessments", {**place, "answers": answers})
    return name, str(made["assessment_id"])


async def test_a_member_completes_what_a_file_began_and_submits_it(
    window: Windows, person: SignIn, tmp_path: Path
) -> None:
    browser = await window()
    await browser.sign_in(person)
    await browser.page.get_by_role("link", name="Assessments").click()
    code = f"ASH-{uuid4().hex[:6].upper()}"
    page = browser.page
    if not await page.get_by_label("Code").is_visible():
        await page.get_by_text("Register a protocol or a version of one").click()
    await page.get_by_label("Code").fill(code)
    await page.get_by_label("Name", exact=True).fill(f"Ash standard {code}")
    await page.get_by_label("Version", exact=True).fill("4")
    await page.get_by_label("First day of audits under this version").fill("2024-01-01")
    await browser.look("assessments registering")
    await browser.press("Register")

    await page.get_by_text("Upload a completed template").click()
    await page.locator("#file-protocol").select_option(label=f"Ash standard {code}, 4")
    await page.locator("#file-criteria").select_option(CRITERIA)
    await page.get_by_label("Completed template", exact=True).set_input_files(filled(tmp_path))
    await page.get_by_text("save the others as a draft").click()
    await browser.press("Send")
    await browser.sees("1 row was refused.", re.compile("criterion 'C99.1' is not in catalogue"))
    await browser.look("assessments draft kept", printed=True)
    await browser.on_a_phone("assessments draft kept")
    await page.get_by_role("link", name="Complete the draft and submit it").click()
    await browser.sees("If every answer were confirmed", "The gate would be reached.")
    await browser.look("draft")
    await browser.on_a_phone("draft")
    clause = page.locator("#clause-11")
    await expect(clause).to_have_attribute("open", "")
    for number, place in enumerate(await clause.get_by_label("Reference in the protocol").all()):
        if number:
            await place.fill(f"§ 11.{number}")
    await browser.press("Save clause 11")
    await browser.sees("3 to answer")
    await expect(clause.get_by_label("Reference in the protocol").nth(1)).to_have_value("§ 11.1")
    await browser.look("draft incomplete")
    for relation in await clause.get_by_label("Your protocol compared with this criterion").all():
        await relation.select_option("subset")
    await browser.press("Save clause 11")
    await browser.sees(re.compile(r"Saved: \d+ answers\."))
    await expect(clause.get_by_text("All answered")).to_be_visible()
    await browser.look("draft complete", printed=True)
    await browser.press("Submit to the reviewers")
    await browser.sees("With the reviewers", "Gap report")
    await browser.look("assessment submitted")


async def test_a_member_answers_with_suggestions_and_evidence_that_a_reviewer_reads(
    window: Windows, running: Running, scheme: Scheme, person: SignIn, tmp_path: Path
) -> None:
    owner, code = scheme.members[ASKING], f"ASH-{uuid4().hex[:6].upper()}"
    name = f"Ash standard {code}"
    protocol = await post(owner, "benchmark", "/v1/protocols", {"code": code, "name": name, "public": False})
    version = {"version": "5", "effective_from": "2024-01-01", "effective_until": None}
    await post(owner, "benchmark", f"/v1/protocols/{protocol['protocol_id']}/versions", version)
    browser = await window()
    await browser.sign_in(person)
    page = browser.page
    await browser.open("/member/assessments")
    await page.locator("#draft-protocol").select_option(label=f"{name}, 5")
    await page.locator("#draft-criteria").select_option(CRITERIA)
    await browser.press("Answer")

    await _suggested(browser, tmp_path)
    broken = tmp_path / "handbook.pdf"
    broken.write_bytes(b"MZ\x90\x00")
    await page.get_by_label("Document").set_input_files(broken)
    await browser.press("Upload the file")
    await browser.sees("not a PDF, PNG, JPEG, XLSX or")
    await browser.look("evidence refused")
    handbook = tmp_path / "Handbook ž.pdf"
    content = b"%PDF-1.7\nhandbook of " + code.encode() + b" " * 3_000_000
    handbook.write_bytes(content)
    await page.get_by_label("Document").set_input_files(handbook)
    await browser.press("Upload the file")
    await browser.sees("Handbook ž.pdf", "3.0 MB")
    await page.get_by_role("link", name="Open all, for printing").click()
    relation = page.locator("select[id^=relation-]:has(option[value=equal][selected])")
    criterion = str(await relation.get_attribute("id")).removeprefix("relation-")
    await page.locator(f"[id='evidence-{criterion}']").fill("Chapter 4")
    await page.locator(f"[id='evidence_file-{criterion}']").select_option(label="Handbook ž.pdf")
    await browser.press(re.compile(f"^Save clause {criterion[1:].partition('.')[0]}$"))
    await browser.sees("Saved: 1 answer.")
    await browser.look("draft with evidence", printed=True)
    await browser.on_a_phone("draft with evidence")
    await browser.press("Submit to the reviewers")
    await browser.sees("With the reviewers")

    judge = await window()
    await judge.sign_in(running.credentials.sign_ins["Reviewer"])
    await judge.page.get_by_role("link", name=name).click()
    await _read_evidence(judge, content)


async def _suggested(browser: Window, folder: Path) -> None:
    page = browser.page
    await page.get_by_role("link", name="Get suggestions").click()
    await browser.look("suggestions empty")
    asked = folder / "protocol.csv"
    asked.write_text(
        "requirement_ref,requirement_text\n4.1,No form of forced or bonded labour is used.\n9.9,zzz qqq\n"
    )
    wrong = folder / "wrong.csv"
    wrong.write_text("requirement_ref,requirement_text\n=4.1,fine\n2,=1+1\n")
    await page.get_by_label("Your requirements, one per row").set_input_files(wrong)
    await browser.press("Suggest criteria")
    await browser.sees("Nothing was read: 2 errors.")
    await browser.look("suggestions refused")
    await page.get_by_label("Your requirements, one per row").set_input_files(asked)
    await browser.press("Suggest criteria")
    await browser.sees("Suggestion", "No suggestions for 1 requirement.")
    await browser.look("suggestions", printed=True)
    await browser.on_a_phone("suggestions")
    await page.get_by_label("Your requirement compared with").first.select_option("equal")
    await browser.press("Add the confirmed ones to the draft")
    await browser.sees("Saved: 1 answer.")


async def _read_evidence(judge: Window, content: bytes) -> None:
    await judge.page.get_by_role("link", name="Open all, for printing").click()
    link = judge.page.get_by_role("link", name="Handbook ž.pdf")
    await expect(link).to_be_visible()
    await link.scroll_into_view_if_needed()
    await judge.look("reviewer with evidence")
    async with judge.page.expect_download() as coming:
        await link.click()
    came = await coming.value
    assert came.suggested_filename == "Handbook ž.pdf"
    kept = judge.pictures / "came.pdf"
    await came.save_as(kept)
    assert kept.read_bytes() == content


async def test_a_member_keeps_and_searches_extensions(
    window: Windows, scheme: Scheme, person: SignIn
) -> None:
    await submitted(scheme)
    browser = await window()
    await browser.sign_in(person)
    page = browser.page
    await browser.open("/member/assessments")
    await page.get_by_role("link", name="What you ask for beyond the criteria").click()
    await browser.look("extensions empty")
    await page.get_by_text("Add an extension").click()
    await page.get_by_label("Topic").fill("Land rights")
    await page.get_by_label("The requirement, word for word").fill("Neighbours consent before land is used.")
    await browser.press("Add")
    await browser.sees("Neighbours consent before land is used.")
    await page.get_by_label("Search").fill("bees")
    await browser.press("Search")
    await browser.sees("No extension matches these words.")
    await page.get_by_label("Search").fill("neighbour land")
    await browser.press("Search")
    await browser.sees("1 extension")
    await browser.look("extensions", printed=True)
    await browser.on_a_phone("extensions")


async def test_a_member_is_asked_reads_its_gaps_and_appeals(
    window: Windows, running: Running, scheme: Scheme, person: SignIn
) -> None:
    name, assessment = await submitted(scheme)
    path = f"/v1/assessments/{assessment}"
    ann, ben = await reviewer(scheme), await reviewer(scheme)
    await post(ann, "benchmark", f"{path}/questions", {"criterion_id": "C10C.1", "text": "Which policy?"})
    browser = await window()
    await browser.sign_in(person)
    page = browser.page
    await browser.open("/member/assessments")
    await browser.sees("1 question for you")
    await page.get_by_role("link", name=name).click()
    await browser.sees("Which policy?")
    await browser.look("assessment asked")
    await page.get_by_label("Your reply").fill("Chapter 9, all of it.")
    await browser.press("Reply")
    await browser.sees("Chapter 9, all of it.")
    none = {"verdict": "corrected", "relation": "none", "rationale": "not in the text"}
    lacking = [{"criterion_id": name, **none} for name in LACKING]
    for judging in (ann, ben):
        await post(judging, "benchmark", f"{path}/reviews", {"decisions": lacking, "confirm_rest": True})
    await post(ann, "benchmark", f"{path}/conclusion")
    await page.reload()
    await browser.sees("Not equivalent", "Appeal")
    await browser.look("assessment concluded", printed=True)
    await browser.on_a_phone("assessment concluded")
    await _report(browser)
    await page.get_by_label("Which answers were judged wrongly, and why?").fill(
        "C10C.1 to C10C.3: chapter 9."
    )
    await browser.press("Appeal")
    await browser.sees("You objected on", "Appealed")

    judge = await window()
    await judge.sign_in(running.credentials.sign_ins["Reviewer"])
    await judge.look("reviewer with an appeal")
    await judge.page.get_by_role("link", name=name).click()
    await judge.page.get_by_label("Grant it, with the changes chosen below").check()
    await judge.page.locator("#appeal-rationale").fill("Chapter 9 asks for all three.")
    await judge.page.get_by_text("What is not met in full").click()
    for name in LACKING[:3]:
        await judge.page.get_by_label(
            re.compile(rf"^{name}: answered equal, corrected to none")
        ).select_option("confirmed")
    await judge.look("reviewer deciding an appeal")
    await judge.on_a_phone("reviewer deciding an appeal")
    await judge.press("Decide the appeal")
    await judge.sees("Granted", "Equivalent")
    await page.reload()
    await browser.sees("Granted", "Equivalent", "Appeal granted")
    await browser.look("assessment appeal granted")
    await page.get_by_role("link", name="Assessments").first.click()
    await browser.look("assessments")
    await browser.on_a_phone("assessments")


async def _report(browser: Window) -> None:
    page = browser.page
    here = page.url
    async with page.expect_download() as coming:
        await page.get_by_role("link", name="PDF").click()
    paper = await coming.value
    kept = browser.pictures / "gap-report.pdf"
    await paper.save_as(kept)
    assert kept.read_bytes().startswith(b"%PDF")
    await page.get_by_role("link", name="Page", exact=True).click()
    await browser.sees("Gap report:", "The shortest way to the gate", "Every gap, the heaviest first")
    await browser.look("gap report", printed=False)
    await browser.on_a_phone("gap report")
    await page.goto(here)


async def test_the_secretariat_announces_a_successor_and_members_comment(
    window: Windows, running: Running, person: SignIn
) -> None:
    first = await window()
    await first.sign_in(running.credentials.sign_ins["First of the secretariat"])
    await first.page.get_by_role("link", name="Criteria").click()
    await first.page.get_by_text("Record a conflict of interest").click()
    await first.page.locator("#reviewer").select_option(label="Reviewer")
    await first.look("secretariat criteria", printed=True)
    await first.on_a_phone("secretariat criteria")
    await first.page.get_by_role("link", name="6.1-2p").click()
    today = datetime.now(UTC).date()  # noqa: TID251 - the stack's own clock
    await first.page.get_by_text("Announce a successor").click()
    await first.page.get_by_label("Newer version").select_option("7.0")
    await first.page.get_by_label("Last day of the consultation").fill(str(today + timedelta(days=30)))
    await first.page.get_by_label("Takes effect on").fill(str(today))
    await first.page.get_by_label("Last day of the transition").fill(str(today + timedelta(days=200)))
    await first.press("Announce")
    await first.sees(re.compile("order the dates", re.IGNORECASE))
    await first.look("secretariat successor refused")
    await first.page.get_by_label("Takes effect on").fill(str(today + timedelta(days=60)))
    await first.press("Announce")
    await first.sees("Consultation", "Change the dates")
    await first.page.get_by_text("Leave a clause out for a time").click()
    await first.page.get_by_label("Clause").select_option("11")
    await first.page.get_by_label("Reason").fill("Two readings of it are disputed.")
    await first.page.locator("#until").fill(str(today + timedelta(days=90)))
    await first.press("Waive")
    await first.sees("Clause 11")
    await first.look("secretariat criteria version", printed=True)
    await first.on_a_phone("secretariat criteria version")

    browser = await window()
    await browser.sign_in(person)
    await browser.page.get_by_role("link", name="Assessments").click()
    await browser.sees("Criteria 6.1-2p are replaced by 7.0")
    await browser.page.get_by_role("link", name="Read and comment").click()
    await browser.page.get_by_label("What should change?").fill("Give us half a year more.")
    await browser.press("Comment")
    await browser.sees("Give us half a year more.")
    await browser.look("consultation", printed=True)
    await first.page.reload()
    await first.sees("Give us half a year more.")
