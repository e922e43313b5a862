"""The whole process over HTTP on a real database: two blind reviewers, a third, an appeal, a successor, a lapse."""

import base64
from datetime import timedelta
from functools import partial
from uuid import uuid4

import asyncpg
import pytest
from mrx_benchmark.adapters.database import BenchmarkWork
from mrx_benchmark.entrypoints.documents import template_csv
from mrx_benchmark.entrypoints.files import shipped_catalogue
from mrx_benchmark.handlers import evolution
from mrx_benchmark.ports import Work
from mrx_shared.bus.once import Once
from mrx_shared.store.database import Database

from tests.component.benchmark.conftest import NOW, As
from tests.component.benchmark.test_assessment_over_http import every, facts, made, protocol_of, submitted

pytestmark = pytest.mark.live
CRITERIA = "6.1-4p"


async def test_from_a_filled_template_to_a_lapse(  # noqa: PLR0915 - a story
    call_as: As, once: Once[Work], as_superuser: asyncpg.Connection, benchmark_database: object
) -> None:
    member, secretariat = call_as("member", uuid4()), call_as("secretariat")
    ann, ben, cem, dot = (call_as("reviewer") for _ in range(4))
    protocol_id = await protocol_of(member, effective_from="2020-01-01", effective_until=None)

    template = await member.get(f"/v1/criteria/{CRITERIA}/template.csv")
    assert template.text == template_csv(shipped_catalogue(CRITERIA))
    marked, header, *rows = template.text.splitlines()
    filled = "\n".join(
        [
            marked,
            header,
            *(row.replace(",", ",equal,", 1).replace(",equal,,", ",equal,", 1) for row in rows),
            "C9.99,equal",
        ]
    )
    body = {
        "protocol_id": protocol_id,
        "version": "1",
        "criteria_version": CRITERIA,
        "file_name": "answers.csv",
        "content_base64": base64.b64encode(filled.encode()).decode(),
    }
    refused = await member.post("/v1/assessments/files", body)
    assert (refused.status_code, refused.json()["row"], refused.json()["field"]) == (422, 99, "criterion_id")
    taken = await made(await member.post("/v1/assessments/files", {**body, "keep_good": True}))
    assert [one["row"] for one in taken["refused"]] == [99]
    assert (taken["assessment"], taken["draft"]["commonality"]) == (None, "100.00")
    assert (await made(await member.get("/v1/assessments"), 200))["assessments"] == []
    draft = f"/v1/protocols/{protocol_id}/versions/1/drafts/{CRITERIA}"
    kept = await made(await member.get(draft), 200)
    assert (kept["open"], len(kept["answers"])) == (0, len(rows))
    assert (await call_as("member", uuid4()).get(draft)).status_code == 404
    assert (await ann.get(draft)).status_code == 403
    begun = await made(await member.post(f"{draft}/submission"))
    assert begun["commonality"] == "100.00"
    assert (await member.get(draft)).status_code == 404
    path = f"/v1/assessments/{begun['assessment_id']}"

    wrong = {"criterion_id": "C10B4.1", "verdict": "corrected", "relation": "none", "rationale": "no"}
    more = [
        {"criterion_id": name, "verdict": "corrected", "relation": "none", "rationale": "not there"}
        for name in ("C10C.1", "C10C.2", "C10C.3", "C10B4.4", "C10B4.5")
    ]
    await made(await ann.post(f"{path}/reviews", {"decisions": [wrong, *more], "confirm_rest": True}), 200)
    blind = await made(await ben.get(path), 200)
    assert (blind["agreement"], blind["reviewers"]) == (None, 0)
    assert {one["verdict"] for one in blind["answers"]} == {None}
    assert {one["verdict"] for one in (await made(await member.get(path), 200))["answers"]} == {None}
    assert (await ben.post(f"{path}/conclusion")).status_code == 409
    question = await made(
        await ben.post(f"{path}/questions", {"criterion_id": "C10B4.1", "text": "Which permits?"})
    )
    await made(await ben.post(f"{path}/reviews", {"decisions": more, "confirm_rest": True}), 200)
    both = await made(await ben.get(path), 200)
    assert [one["criterion_id"] for one in both["agreement"]["differences"]] == ["C10B4.1"]
    assert both["agreement"]["kappa"] == "0.90"  # (95/96 - 8220/9216) / (1 - 8220/9216)
    assert (await ann.post(f"{path}/reviews", {"decisions": [wrong]})).status_code == 409
    await made(await cem.post(f"{path}/reviews", {"decisions": [wrong]}), 200)
    assert "no reply" in (await cem.post(f"{path}/conclusion")).json()["detail"]
    await made(await member.post(f"{path}/questions/{question['question_id']}/reply", {"text": "All."}), 200)
    verdict = await made(await cem.post(f"{path}/conclusion"), 200)
    assert verdict["equivalent"] == "no"

    await made(await member.post(f"{path}/appeal", {"reason": "C10C.1 to C10C.3 stand in chapter 9"}))
    decision = {
        "granted": True,
        "rationale": "they do",
        "decisions": [{"criterion_id": f"C10C.{number}", "verdict": "confirmed"} for number in (1, 2, 3)],
    }
    assert (await cem.post(f"{path}/appeal/decision", decision)).status_code == 403
    granted = await made(await dot.post(f"{path}/appeal/decision", decision), 200)
    assert granted["equivalent"] == "yes"
    assert [one["equivalent"] for one in await facts(as_superuser, "protocol-assessed")] == [False, True]

    today = NOW().date()
    dates = {
        "newer": "7.0",
        "consultation_until": str(today),
        "effective_on": str(today + timedelta(days=1)),
        "transition_until": str(today + timedelta(days=20)),
    }
    await made(await secretariat.post(f"/v1/criteria/{CRITERIA}/evolution", dates))
    await made(await member.post(f"/v1/criteria/{CRITERIA}/comments", {"text": "Give us a year."}))
    announced = await made(await call_as("member", uuid4()).get(f"/v1/criteria/{CRITERIA}/evolution"), 200)
    assert (announced["phase"], announced["comments"][0]["text"]) == ("consultation", "Give us a year.")
    assert (await made(await member.get(path), 200))["recognised_until"] == dates["transition_until"]
    [what] = (await made(await secretariat.get("/v1/criteria/7.0/what-if"), 200))["protocols"]
    assert (what["equivalent"], what["asked"]) == ("open", 27)
    carried = await made(await member.get(f"{path}/carried?criteria_version=7.0"), 200)
    assert len(carried["asked"]) == 27
    begun = await made(
        await member.post(
            f"/v1/protocols/{protocol_id}/versions/1/drafts/7.0", {"start_from": path.rpartition("/")[2]}
        ),
        200,
    )
    assert (begun["open"], begun["answers"]) == (27, carried["answers"])
    early = await member.post(f"/v1/protocols/{protocol_id}/versions/1/drafts/7.0/submission")
    assert (early.status_code, early.json()["field"]) == (409, "criteria_version")

    later = Database(
        benchmark_database.app,  # type: ignore[attr-defined]
        benchmark_database.relay,  # type: ignore[attr-defined]
        clock_offset=timedelta(days=21),
    )
    catalogues = {version: shipped_catalogue(version) for version in (CRITERIA, "7.0")}
    then: Once[Work] = Once(later, partial(BenchmarkWork, catalogues=catalogues), service="benchmark")
    for watching in (once, once, then, then):
        await evolution.watch(watching.alone)
    await later.close()
    assert [one["days"] for one in await facts(as_superuser, "recognition-ending")] == [30]
    [lapsed] = await facts(as_superuser, "recognition-lapsed")
    assert (lapsed["about"], lapsed["recognised_until"]) == (f"{protocol_id}:1", dates["transition_until"])

    history = (await made(await member.get(path), 200))["history"]
    assert [one["step"] for one in history] == [
        "submitted",
        "reviewed",
        "asked",
        "reviewed",
        "settled",
        "resolved",
        "replied",
        "concluded",
        "appealed",
        "appeal-granted",
        "reminded",
        "lapsed",
    ]
    assert all(one["by"] and one["at"] for one in history)
    report = await member.get(f"{path}/report.html")
    assert (report.status_code, report.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "Gap report: ACME-1 1" in report.text
    assert "Gap report: ACME-1 1" in (await ann.get(f"{path}/report.html")).text
    assert (await call_as("member", uuid4()).get(f"{path}/report.html")).status_code == 404


async def test_a_tied_reviewer_is_kept_out_and_a_waiver_and_extensions_are_kept(call_as: As) -> None:
    member_id = uuid4()
    member, reviewer = call_as("member", member_id), call_as("reviewer")
    secretariat = call_as("secretariat")
    protocol_id = await protocol_of(member)
    assessment = await submitted(member, protocol_id, every("equal"))
    subject = reviewer.subject
    await made(
        await secretariat.post("/v1/reviewers/ties", {"reviewer": subject, "member_id": str(member_id)})
    )
    path = f"/v1/assessments/{assessment['assessment_id']}"
    assert (await reviewer.post(f"{path}/reviews", {"confirm_rest": True})).status_code == 403
    assert (
        await member.post("/v1/reviewers/ties", {"reviewer": "x", "member_id": str(member_id)})
    ).status_code == 403

    waiver = {"clause": "10B4", "reason": "disputed", "until": str(NOW().date() + timedelta(days=9))}
    await made(await secretariat.post("/v1/criteria/6.0-4p/waivers", waiver))
    whole = await made(await member.get(path), 200)
    assert [one["clause"] for one in whole["waived"]] == ["10B4"]
    assert "10B4" not in whole["by_clause"]

    land = {"topic": "Land rights", "requirement_ref": "12", "requirement_text": "Free and prior consent."}
    await made(await member.post(f"/v1/protocols/{protocol_id}/versions/1/extensions", land))
    assert (await made(await member.get("/v1/extensions?q=consent"), 200))["extensions"] == [land]
    assert (await made(await call_as("member", uuid4()).get("/v1/extensions"), 200))["extensions"] == []
