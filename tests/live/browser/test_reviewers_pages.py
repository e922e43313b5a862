"""Two reviewers: an assessment clause by clause, from the first answer to the verdict."""

from uuid import uuid4

import pytest
from mrx_local.demo.scenario import OWN_FROM
from mrx_local.demo.scheme import CRITERIA, Scheme
from playwright.async_api import expect

from tests.live.browser.conftest import OTHER, Windows
from tests.live.calls import get, post
from tests.live.conftest import Running

pytestmark = [pytest.mark.live, pytest.mark.timeout(240), pytest.mark.asyncio(loop_scope="session")]


async def second_criterion(scheme: Scheme) -> str:
    catalogue = await get(scheme.secretariat, "benchmark", f"/v1/criteria/{CRITERIA}")
    return str(catalogue["criteria"][1]["id"])


async def submitted(scheme: Scheme) -> str:
    """A member's own protocol, whose answers wait for a reviewer. Returns the assessment's id."""
    owner, code = scheme.members[OTHER], f"BIR-{uuid4().hex[:6].upper()}"
    protocol = await post(
        owner, "benchmark", "/v1/protocols", {"code": code, "name": f"Birch standard {code}", "public": False}
    )
    version = {"version": "3", "effective_from": OWN_FROM.isoformat(), "effective_until": None}
    await post(owner, "benchmark", f"/v1/protocols/{protocol['protocol_id']}/versions", version)
    catalogue = await get(owner, "benchmark", f"/v1/criteria/{CRITERIA}")
    second = await second_criterion(scheme)
    made = await post(
        owner,
        "benchmark",
        "/v1/assessments",
        {
            "protocol_id": protocol["protocol_id"],
            "version": "3",
            "criteria_version": CRITERIA,
            "answers": [
                {
                    "criterion_id": one["id"],
                    "relation": "subset" if one["id"] == second else "equal",
                    "requirement_ref": f"§ {place}",
                    "requirement_text": "The site does as the criterion asks, and keeps records of it.",
                    "rationale": "",
                    "evidence": "Handbook, chapter 2",
                }
                for place, one in enumerate(catalogue["criteria"], start=1)
            ],
        },
    )
    return str(made["assessment_id"])


async def test_a_reviewer_corrects_one_answer_confirms_the_rest_and_concludes_once_another_agrees(
    window: Windows, running: Running, scheme: Scheme
) -> None:
    assessment = await submitted(scheme)
    browser = await window()
    await browser.sign_in(running.credentials.sign_ins["Reviewer"])
    await browser.sees("Assessments")
    await browser.look("reviewer overview", printed=True)
    await browser.on_a_phone("reviewer overview")
    await browser.page.locator(f"a[href='/reviewer/assessments/{assessment}']").click()
    figure = browser.page.locator(".figure").first
    before = await figure.inner_text()
    await browser.look("reviewer assessment")
    await browser.on_a_phone("reviewer assessment")

    second = browser.page.locator(".clause[open] .line").nth(1)
    await second.get_by_role("radio", name="Correct").check()
    await browser.press("Save clause 0A")
    await browser.sees("Choose the relation that the evidence shows.")
    await browser.look("reviewer correction incomplete")
    await second.get_by_label("Correct relation").select_option("equal")
    await second.get_by_label("Rationale").fill("§ 2.4 asks for all of it.")
    await browser.press("Save, and confirm the rest")
    await browser.sees("Corrected to equal", "Saved: 4 decisions.")
    assert float((await figure.inner_text()).split(" ")[0]) > float(before.split(" ")[0])
    await browser.look("reviewer clause kept", printed=True)

    go_on = browser.page.get_by_role("link", name="Continue at clause")
    while await go_on.count():
        await go_on.click()
        await browser.press("Save, and confirm the rest")
        await browser.sees("Saved:")
    await expect(figure).to_have_text("100.00 %")
    await browser.sees("You have decided every answer. Another reviewer judges them too")
    await expect(browser.page.get_by_role("button", name="Conclude")).to_have_count(0)
    await browser.look("reviewer waiting for another")

    other = await window()
    await other.sign_in(running.credentials.sign_ins["Second reviewer"])
    await other.open(f"/reviewer/assessments/{assessment}?clause=all")
    await other.sees("0 of 91 answers decided")
    await expect(other.page.get_by_text("Corrected to equal")).to_have_count(0)
    await other.look("second reviewer before she judges")
    correction = {
        "criterion_id": await second_criterion(scheme),
        "verdict": "corrected",
        "relation": "equal",
        "rationale": "all of it is in § 2.4",
    }
    reviews = f"/v1/assessments/{assessment}/reviews"
    await post(scheme.reviewers[1], "benchmark", reviews, {"decisions": [correction], "confirm_rest": True})
    await browser.page.reload()
    await browser.sees("They agree on every criterion.")
    await browser.look("reviewer before the end")
    await browser.press("Conclude")
    await browser.sees("Equivalent", "Concluded")
    await expect(browser.page.get_by_role("button", name="Save")).to_have_count(0)
    await browser.look("reviewer concluded")
    await browser.open(f"/reviewer/assessments/{assessment}?clause=all")
    await browser.print("reviewer all clauses")


async def test_one_reviewer_leaves_a_review_and_the_secretariat_releases_the_other(
    window: Windows, running: Running, scheme: Scheme
) -> None:
    assessment = await submitted(scheme)
    decided = {"criterion_id": await second_criterion(scheme), "verdict": "confirmed"}
    for reviewer in scheme.reviewers[:2]:
        await post(reviewer, "benchmark", f"/v1/assessments/{assessment}/reviews", {"decisions": [decided]})

    browser = await window()
    await browser.sign_in(running.credentials.sign_ins["Reviewer"])
    await browser.open(f"/reviewer/assessments/{assessment}")
    await browser.page.locator("summary", has_text="Leave this review").click()
    await browser.look("reviewer leaves")
    await browser.press("Leave this review")
    await browser.sees("Your decisions there no longer count")
    await browser.look("reviewer left")
    await browser.open(f"/reviewer/assessments/{assessment}")
    await browser.sees("0 of 91 answers decided")

    desk = await window()
    await desk.sign_in(running.credentials.sign_ins["First of the secretariat"])
    await desk.open("/secretariat/criteria")
    await desk.sees("Reviews in progress", "1 of 91")
    await desk.look("reviews in work", printed=True)
    await desk.on_a_phone("reviews in work")
    name = next(
        one["name"]
        for one in (await get(scheme.secretariat, "benchmark", "/v1/reviews"))["reviews"]
        if one["assessment_id"] == assessment
    )
    await desk.page.get_by_role("button", name=f"from {name} 3").click()
    await desk.sees("Done: another reviewer takes over.")
    await desk.look("reviewer released")
    left = [
        one["reviewers"]
        for one in (await get(scheme.secretariat, "benchmark", "/v1/reviews"))["reviews"]
        if one["assessment_id"] == assessment
    ]
    assert left == [[]]
