"""The whole process over HTTP on a real database: two blind reviewers, a third, an appeal, a successor, a lapse."""

import asyncio
import base64
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from mrx_benchmark.adapters.database import BenchmarkWork
from mrx_benchmark.entrypoints.kafka import listen
from mrx_benchmark.handlers import reminders
from mrx_benchmark.ports import Work
from mrx_criteria.documents import template_csv
from mrx_criteria.files import shipped_catalogue
from mrx_shared.bus.dead_letters import Record
from mrx_shared.bus.once import Once
from mrx_shared.bus.subscriptions import Subscriptions
from mrx_shared.messages.envelope import Envelope, encode
from mrx_shared.messages.registry import MemberAdmitted
from mrx_shared.store.database import Database
from typing_extensions import override

from tests.component.benchmark.conftest import NOW, As, Caller
from tests.component.benchmark.submitting import every, facts, made, protocol_of, submitted

pytestmark = pytest.mark.live
CRITERIA = "6.1-4p"


async def test_from_a_filled_template_to_a_lapse(  # noqa: PLR0915 - a whole scenario
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
            "C9.99,equal,,,=1",
            "C1.1,like",
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
    faults = [
        (99, "criterion_id"),
        (99, "rationale"),
        (100, "criterion_id"),
        (100, "relation"),
    ]
    assert [(one["row"], one["field"]) for one in refused.json()["faults"]] == faults
    taken = await made(await member.post("/v1/assessments/files", {**body, "keep_good": True}))
    assert [(one["row"], one["field"]) for one in taken["refused"]] == faults
    assert (taken["assessment"], taken["draft"]["commonality"]) == (None, "100.00")
    assert (await made(await member.get("/v1/assessments"), 200))["assessments"] == []
    draft = f"/v1/protocols/{protocol_id}/versions/1/drafts/{CRITERIA}"
    kept = await made(await member.get(draft), 200)
    assert (kept["open"], len(kept["answers"])) == (0, len(rows))
    assert (await call_as("member", uuid4()).get(draft)).status_code == 404
    assert (await ann.get(draft)).status_code == 403
    first = kept["answers"][0]
    note = {"criterion_id": first["criterion_id"], "rationale": "to be asked"}
    assert (await made(await member.post(draft, {"answers": [note]}), 200))["open"] == 1
    opened = (await made(await member.get(draft), 200))["answers"][-1]
    assert (opened["relation"], opened["rationale"]) == ("", "to be asked")
    await made(await member.post(draft, {"answers": [first]}), 200)
    begun = await made(await member.post(f"{draft}/submission"))
    assert begun["commonality"] == "100.00"
    assert (await member.get(draft)).status_code == 404
    path = f"/v1/assessments/{begun['assessment_id']}"

    wrong = {"criterion_id": "C10B4.1", "verdict": "corrected", "relation": "none", "rationale": "no"}
    more = [
        {"criterion_id": name, "verdict": "corrected", "relation": "none", "rationale": "not there"}
        for name in ("C10C.1", "C10C.2", "C10C.3", "C10B4.4", "C10B4.5", "C1.1", "C3.4", "C10C.4")
    ]
    await made(await ann.post(f"{path}/reviews", {"decisions": [wrong, *more], "confirm_rest": True}), 200)
    blind = await made(await ben.get(path), 200)
    assert (blind["agreement"], blind["reviewers"]) == (None, 1)
    assert {one["verdict"] for one in blind["answers"]} == {None}
    assert {one["verdict"] for one in (await made(await member.get(path), 200))["answers"]} == {None}
    assert (await ben.post(f"{path}/conclusion")).status_code == 409
    question = await made(
        await ben.post(f"{path}/questions", {"criterion_id": "C10B4.1", "text": "Which permits?"})
    )
    await made(await ben.post(f"{path}/reviews", {"decisions": more, "confirm_rest": True}), 200)
    both = await made(await ben.get(path), 200)
    assert [one["criterion_id"] for one in both["agreement"]["differences"]] == ["C10B4.1"]
    assert both["agreement"]["kappa"] == "0.93"  # (95/96 - 7728/9216) / (1 - 7728/9216)
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
    whole = await made(await member.get(f"/v1/criteria/{CRITERIA}"), 200)
    assert whole["valid_until"] == dates["transition_until"]
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
        await reminders.watch(watching.transact)
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


class Held(ThreadPoolExecutor):
    """Lets no work begin before it is let go."""

    def __init__(self) -> None:
        super().__init__(max_workers=2)
        self.go = threading.Event()
        self.begun: list[str] = []

    @override
    def submit(self, verb: Callable[..., Any], /, *args: Any, **named: Any) -> Future[Any]:
        self.begun.append(str(getattr(verb, "args", verb)))

        def later() -> Any:  # noqa: ANN401
            self.go.wait()
            return verb(*args, **named)

        return super().submit(later)


async def test_a_file_is_read_beside_the_event_loop_and_in_no_transaction(
    call_as: As, as_superuser: asyncpg.Connection
) -> None:
    member = call_as("member", uuid4())
    protocol_id = await protocol_of(member, effective_from="2020-01-01", effective_until=None)
    body = {
        "protocol_id": protocol_id,
        "version": "1",
        "criteria_version": CRITERIA,
        "file_name": "answers.csv",
        "content_base64": base64.b64encode(b"criterion_id,relation\nC1.1,equal\n").decode(),
    }
    held = Held()
    asyncio.get_running_loop().set_default_executor(held)
    try:
        taken = asyncio.create_task(member.post("/v1/assessments/files", body))
        async with asyncio.timeout(10):
            while not any("sifted_answers" in one for one in held.begun):  # noqa: ASYNC110 - another task's doing
                await asyncio.sleep(0.01)
        in_transaction = await as_superuser.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND state LIKE 'idle in transaction%'"
        )
        listed = await member.get("/v1/protocols")
    finally:
        held.go.set()
    assert (in_transaction, listed.status_code) == (0, 200)
    assert (await made(await taken))["refused"] == []


async def test_a_file_without_one_good_row_leaves_no_draft(call_as: As) -> None:
    member = call_as("member", uuid4())
    protocol_id = await protocol_of(member, effective_from="2020-01-01", effective_until=None)
    content = base64.b64encode(b"criterion_id,relation\nC9.99,equal\n").decode()
    refused = await member.post(
        "/v1/assessments/files",
        {
            "protocol_id": protocol_id,
            "version": "1",
            "criteria_version": CRITERIA,
            "file_name": "answers.csv",
            "content_base64": content,
            "keep_good": True,
        },
    )
    assert (refused.status_code, refused.json()["row"]) == (422, 2)
    assert (await made(await member.get("/v1/drafts"), 200))["drafts"] == []


async def test_a_reviewer_is_kept_off_her_groups_protocols_as_the_registry_tells_of_it(
    call_as: As, once: Once[Work]
) -> None:
    member_id, sister, cousin, stranger = (uuid4() for _ in range(4))
    group, tied_group = uuid4(), uuid4()
    subscriptions = Subscriptions(once)
    listen(subscriptions)
    registry = subscriptions.of("benchmark:mrx.registry.v1")
    for offset, (admitted, of, ties) in enumerate(
        [
            (member_id, group, []),
            (sister, group, []),
            (cousin, tied_group, [group]),
            (stranger, uuid4(), []),
        ]
    ):
        fact = MemberAdmitted(member_id=admitted, group_id=of, tied_groups=ties, admitted_at=NOW())
        letter = Envelope[MemberAdmitted](
            id=uuid4(),
            source="/registry",
            type=MemberAdmitted.type,
            subject=str(admitted),
            time=NOW(),
            data=fact,
            correlationid="a-correlation-id",
            sequence=1,
        )
        await registry.take(
            Record(topic="mrx.registry.v1", partition=0, offset=1 + offset, payload=encode(letter))
        )
    member, secretariat = call_as("member", member_id), call_as("secretariat")
    protocol_id = await protocol_of(member, effective_from="2020-01-01", effective_until=None)
    assessment = await submitted(member, protocol_id, every("equal"))
    path = f"/v1/assessments/{assessment['assessment_id']}"
    for of, status in ((member_id, 403), (sister, 403), (cousin, 403), (stranger, 200)):
        reviewer = call_as("reviewer")
        tie = {"reviewer": reviewer.subject, "member_id": str(of)}
        await made(await secretariat.post("/v1/reviewers/ties", tie))
        for what in (path, f"{path}/report.json"):
            assert (await reviewer.get(what)).status_code == status
        listed = [
            len((await reviewer.get(f"/v1/{kind}")).json()[kind]) for kind in ("assessments", "protocols")
        ]
        assert listed == ([1, 1] if status == 200 else [0, 0])
        assert (await reviewer.post(f"{path}/reviews", {"confirm_rest": True})).status_code == status


async def test_a_released_reviewers_decisions_go_and_a_third_leaves_a_criterion_open(call_as: As) -> None:
    member, secretariat = call_as("member", uuid4()), call_as("secretariat")
    ann, ben, cem, dot = (call_as("reviewer") for _ in range(4))
    protocol_id = await protocol_of(member, effective_from="2020-01-01", effective_until=None)
    answers = [one for one in every("equal", CRITERIA) if one["criterion_id"] != "C1.1"]
    assessment = await submitted(member, protocol_id, answers, CRITERIA)
    path = f"/v1/assessments/{assessment['assessment_id']}"
    answered = {"criterion_id": "C1.1", "verdict": "corrected", "relation": "equal", "rationale": "page 1"}
    await made(await ann.post(f"{path}/reviews", {"confirm_rest": True}), 200)
    await made(await ben.post(f"{path}/reviews", {"decisions": [answered]}), 200)
    assert (await cem.post(f"{path}/reviews", {"confirm_rest": True})).status_code == 409
    assert (await cem.post(f"{path}/releases", {"reviewer": ben.subject})).status_code == 403
    assert (await member.post(f"{path}/releases", {"reviewer": ben.subject})).status_code == 403
    await made(await secretariat.post(f"{path}/releases", {"reviewer": ben.subject}))
    assert (await made(await ben.get(path), 200))["reviewers"] == 1
    await made(await cem.post(f"{path}/reviews", {"decisions": [answered], "confirm_rest": True}), 200)
    both = await made(await ann.get(path), 200)
    assert [one["criterion_id"] for one in both["agreement"]["differences"]] == ["C1.1"]
    open_still = {"criterion_id": "C1.1", "verdict": "left-open"}
    await made(await dot.post(f"{path}/reviews", {"decisions": [open_still]}), 200)
    verdict = await made(await dot.post(f"{path}/conclusion"), 200)
    assert (verdict["upper"], verdict["equivalent"]) == ("100.00", "yes")
    assert verdict["lower"] != "100.00"


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


async def test_the_words_of_a_submitted_file_about_open_criteria_wait_in_a_draft(call_as: As) -> None:
    member = call_as("member", uuid4())
    protocol_id = await protocol_of(member, effective_from="2020-01-01", effective_until=None)
    filled = "criterion_id,relation,rationale\nC1.1,equal,as ours\nC1.2,,to be asked\n"
    body = {
        "protocol_id": protocol_id,
        "version": "1",
        "criteria_version": CRITERIA,
        "file_name": "answers.csv",
        "content_base64": base64.b64encode(filled.encode()).decode(),
    }
    taken = await made(await member.post("/v1/assessments/files", body))
    assert (taken["draft"], taken["refused"]) == (None, [])
    draft = await made(await member.get(f"/v1/protocols/{protocol_id}/versions/1/drafts/{CRITERIA}"), 200)
    assert [(one["criterion_id"], one["rationale"]) for one in draft["answers"]] == [("C1.2", "to be asked")]


@pytest.mark.parametrize("bad", [[], ["C9.99,equal,"]])
async def test_a_file_of_words_alone_is_kept_as_a_draft_where_that_was_asked_for(
    call_as: As, bad: list[str]
) -> None:
    member = call_as("member", uuid4())
    protocol_id = await protocol_of(member, effective_from="2020-01-01", effective_until=None)
    content = "\n".join(["criterion_id,relation,rationale", "C1.2,,to be asked", *bad, ""])
    body = {
        "protocol_id": protocol_id,
        "version": "1",
        "criteria_version": CRITERIA,
        "file_name": "answers.csv",
        "content_base64": base64.b64encode(content.encode()).decode(),
    }
    assert (await member.post("/v1/assessments/files", body)).status_code == 422
    assert (await made(await member.get("/v1/drafts"), 200))["drafts"] == []
    taken = await made(await member.post("/v1/assessments/files", {**body, "keep_good": True}))
    assert [one["row"] for one in taken["refused"]] == ([3] if bad else [None])
    draft = await made(await member.get(f"/v1/protocols/{protocol_id}/versions/1/drafts/{CRITERIA}"), 200)
    assert [(one["criterion_id"], one["rationale"]) for one in draft["answers"]] == [("C1.2", "to be asked")]


async def test_answers_that_are_saved_at_the_same_time_are_all_kept(
    call_as: As, as_superuser: asyncpg.Connection
) -> None:
    member = call_as("member", uuid4())
    protocol_id = await protocol_of(member, effective_from="2020-01-01", effective_until=None)
    path = f"/v1/protocols/{protocol_id}/versions/1/drafts/{CRITERIA}"
    first, second = ({"answers": [{"criterion_id": name, "relation": "equal"}]} for name in ("C1.1", "C1.2"))
    async with as_superuser.transaction():
        await as_superuser.execute("LOCK TABLE draft IN SHARE MODE")
        saving = asyncio.create_task(member.post(path, first))
        await stopped(as_superuser, 1, unless=saving)
        beside = asyncio.create_task(member.post(path, second))
        await stopped(as_superuser, 2, unless=beside)
    for done in (saving, beside):
        await made(await done, 200)
    kept = (await made(await member.get(path), 200))["answers"]
    assert [one["criterion_id"] for one in kept] == ["C1.1", "C1.2"]


async def test_the_secretariat_sees_who_judges_and_nothing_of_what_they_wrote(call_as: As) -> None:
    member_id = uuid4()
    member, secretariat = call_as("member", member_id), call_as("secretariat")
    ann, ben = call_as("reviewer"), call_as("reviewer")
    protocol_id = await protocol_of(member, effective_from="2020-01-01", effective_until=None)
    one = await submitted(member, protocol_id, every("equal", CRITERIA), CRITERIA)
    path = f"/v1/assessments/{one['assessment_id']}"
    asked = {"criterion_id": "C1.1", "verdict": "corrected", "relation": "none", "rationale": "a secret word"}
    await made(await ann.post(f"{path}/reviews", {"decisions": [asked]}), 200)

    listed = await made(await secretariat.get("/v1/reviews"), 200)
    (at_work,) = listed["reviews"]
    assert at_work["member_id"] == str(member_id)
    assert [(judge["reviewer"], judge["judged"], judge["releasable"]) for judge in at_work["reviewers"]] == [
        (ann.subject, 1, True)
    ]
    assert (at_work["both_done"], "secret" in str(listed), "none" in str(listed)) == (False, False, False)
    for stranger in (member, ann):
        assert (await stranger.get("/v1/reviews")).status_code == 403
    await made(await secretariat.post(f"{path}/releases", {"reviewer": ann.subject}))
    (at_work,) = (await made(await secretariat.get("/v1/reviews"), 200))["reviews"]
    assert at_work["reviewers"] == []
    for judge in (ann, ben):
        await made(await judge.post(f"{path}/reviews", {"confirm_rest": True}), 200)
    (at_work,) = (await made(await secretariat.get("/v1/reviews"), 200))["reviews"]
    assert (at_work["both_done"], [one["releasable"] for one in at_work["reviewers"]]) == (True, [False] * 2)
    await made(await ben.post(f"{path}/conclusion"), 200)
    assert (await made(await secretariat.get("/v1/reviews"), 200))["reviews"] == []


async def test_kappa_is_not_shown_where_one_of_two_may_have_read_an_earlier_pair(call_as: As) -> None:
    member_id = uuid4()
    member, secretariat = call_as("member", member_id), call_as("secretariat")
    ann, ben, cem = (call_as("reviewer") for _ in range(3))
    protocol_id = await protocol_of(member, effective_from="2020-01-01", effective_until=None)
    one = await submitted(member, protocol_id, every("equal", CRITERIA), CRITERIA)
    path = f"/v1/assessments/{one['assessment_id']}"
    for judge in (ann, ben):
        await made(await judge.post(f"{path}/reviews", {"confirm_rest": True}), 200)
    agreement = (await made(await cem.get(path), 200))["agreement"]
    assert (agreement["kappa"], agreement["independent"]) == ("1.00", True)
    await made(
        await secretariat.post("/v1/reviewers/ties", {"reviewer": ann.subject, "member_id": str(member_id)})
    )
    left = await made(await ben.get(path), 200)
    assert (left["agreement"], left["may_judge"], left["reviewers"]) == (None, False, 1)
    await made(await cem.post(f"{path}/reviews", {"confirm_rest": True}), 200)
    agreement = (await made(await cem.get(path), 200))["agreement"]
    assert (agreement["kappa"], agreement["independent"]) == (None, False)
    verdict = await made(await cem.post(f"{path}/conclusion"), 200)
    assert verdict["equivalent"] == "yes"


async def judged_by_two(call_as: As, path: str) -> Caller:
    reviewers = call_as("reviewer"), call_as("reviewer")
    for reviewer in reviewers:
        await made(await reviewer.post(f"{path}/reviews", {"confirm_rest": True}), 200)
    return reviewers[0]


async def stopped(connection: asyncpg.Connection, count: int, *, unless: asyncio.Task[Any]) -> None:
    """Wait until so many statements wait for a lock, or until what should be one of them is done."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    async with asyncio.timeout(20):
        while not unless.done() and await connection.fetchval(asked) < count:
            await connection.execute("SELECT pg_stat_clear_snapshot()")


async def test_a_verdict_that_is_reached_while_its_criteria_get_an_end_ends_with_them(
    call_as: As, as_superuser: asyncpg.Connection
) -> None:
    member, secretariat = call_as("member", uuid4()), call_as("secretariat")
    protocol_id = await protocol_of(member, effective_from="2020-01-01", effective_until=None)
    one = await submitted(member, protocol_id, every("equal", CRITERIA), CRITERIA)
    path = f"/v1/assessments/{one['assessment_id']}"
    reviewer = await judged_by_two(call_as, path)
    today = NOW().date()
    days = {
        "newer": "7.0",
        "consultation_until": str(today),
        "effective_on": str(today + timedelta(days=1)),
        "transition_until": str(today + timedelta(days=20)),
    }
    async with as_superuser.transaction():
        await as_superuser.execute("LOCK TABLE verdict IN SHARE MODE")
        concluding = asyncio.create_task(reviewer.post(f"{path}/conclusion"))
        await stopped(as_superuser, 1, unless=concluding)
        announcing = asyncio.create_task(secretariat.post(f"/v1/criteria/{CRITERIA}/evolution", days))
        await stopped(as_superuser, 2, unless=announcing)
    await made(await concluding, 200)
    await made(await announcing)
    assert (await made(await member.get(path), 200))["recognised_until"] == days["transition_until"]
    assert (await facts(as_superuser, "protocol-assessed"))[-1]["recognised_until"] == days[
        "transition_until"
    ]


async def test_an_appeal_that_is_decided_while_a_newer_verdict_is_reached_does_not_come_after_it(
    call_as: As, as_superuser: asyncpg.Connection
) -> None:
    member = call_as("member", uuid4())
    protocol_id = await protocol_of(member)
    older = await submitted(member, protocol_id, every("none", CRITERIA), CRITERIA)
    path = f"/v1/assessments/{older['assessment_id']}"
    await made(await (await judged_by_two(call_as, path)).post(f"{path}/conclusion"), 200)
    await made(await member.post(f"{path}/appeal", {"reason": "page 3"}))
    newer = await submitted(member, protocol_id, every("equal", CRITERIA), CRITERIA)
    after = f"/v1/assessments/{newer['assessment_id']}"
    reviewer, judge = await judged_by_two(call_as, after), call_as("reviewer")
    confirmed = {"criterion_id": "C1.1", "verdict": "corrected", "relation": "equal", "rationale": "it does"}
    granted = {"granted": True, "rationale": "it does", "decisions": [confirmed]}
    async with as_superuser.transaction():
        await as_superuser.execute("LOCK TABLE appeal IN SHARE MODE")
        deciding = asyncio.create_task(judge.post(f"{path}/appeal/decision", granted))
        await stopped(as_superuser, 1, unless=deciding)
        concluding = asyncio.create_task(reviewer.post(f"{after}/conclusion"))
        await stopped(as_superuser, 2, unless=concluding)
    await made(await deciding, 200)
    await made(await concluding, 200)
    said = [fact["equivalent"] for fact in await facts(as_superuser, "protocol-assessed")]
    assert said == [False, False, True]


async def test_an_appeal_is_not_granted_where_no_verdict_could_be_reached(call_as: As) -> None:
    member, secretariat = call_as("member", uuid4()), call_as("secretariat")
    today = NOW().date()
    later = str(today + timedelta(days=60))
    ended = await protocol_of(member, effective_from=later, effective_until=None)
    named = await protocol_of(member, code="ZETA-1")
    paths = {}
    for protocol_id in (ended, named):
        one = await submitted(member, protocol_id, every("equal", CRITERIA), CRITERIA)
        path = paths[protocol_id] = f"/v1/assessments/{one['assessment_id']}"
        await made(await (await judged_by_two(call_as, path)).post(f"{path}/conclusion"), 200)
        await made(await member.post(f"{path}/appeal", {"reason": "page 3"}))
    days = {
        "newer": "7.0",
        "consultation_until": str(today),
        "effective_on": str(today + timedelta(days=1)),
        "transition_until": str(today + timedelta(days=20)),
    }
    await made(await secretariat.post(f"/v1/criteria/{CRITERIA}/evolution", days))
    await protocol_of(secretariat, code="ZETA", public=True)
    half = {"criterion_id": "C1.1", "verdict": "corrected", "relation": "subset", "rationale": "half"}
    granted = {"granted": True, "rationale": "it does", "decisions": [half]}
    for protocol_id, said in ((ended, "criteria 6.1-4p ended on"), (named, "which is public")):
        answer = await call_as("reviewer").post(f"{paths[protocol_id]}/appeal/decision", granted)
        assert (answer.status_code, said in answer.json()["detail"]) == (409, True), answer.text
