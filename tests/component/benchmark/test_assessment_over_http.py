"""From a protocol to its verdict, over HTTP and into the outbox."""

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from uuid import uuid4

import asyncpg
import pytest
from mrx_benchmark.adapters.database import BenchmarkWork
from mrx_benchmark.handlers import publishing
from mrx_benchmark.ports import Work
from mrx_criteria.files import shipped_catalogue, shipped_versions
from mrx_shared.bus.once import Once
from mrx_shared.store.database import Database

from tests.component.benchmark.conftest import NOW, As
from tests.component.benchmark.submitting import WINDOW, every, facts, judged, made, protocol_of, submitted
from tests.unit.criteria.worth import answers_worth

pytestmark = pytest.mark.live


async def test_a_members_protocol_becomes_equivalent_and_the_fact_is_said(
    call_as: As, as_superuser: asyncpg.Connection
) -> None:
    member_id = uuid4()
    member = call_as("member", member_id)
    protocol_id = await protocol_of(member)
    assessment = await submitted(member, protocol_id, every("equal"))
    assert (assessment["commonality"], assessment["equivalent"], assessment["undecided"]) == (
        "100.00",
        "yes",
        91,
    )

    path = f"/v1/assessments/{assessment['assessment_id']}"
    correction = {
        "criterion_id": "C10B4.1",
        "verdict": "corrected",
        "relation": "subset",
        "rationale": "permits only",
    }
    reviewer = await judged(path, call_as, correction)
    reviewed = await made(await reviewer.get(path), 200)
    assert (reviewed["commonality"], reviewed["undecided"], reviewed["state"]) == ("98.94", 0, "in-review")
    concluded = await made(await reviewer.post(f"{path}/conclusion"), 200)
    assert (concluded["state"], concluded["recognised_until"]) == ("concluded", "2027-12-31")

    [fact] = await facts(as_superuser, "protocol-assessed")
    assert fact["about"] == f"{protocol_id}:1"
    assert fact["member_id"] == str(member_id)
    assert (fact["commonality"], fact["equivalent"], fact["public"]) == ("98.94", True, False)
    assert fact["scheme_family"] == "equivalent"
    assert (fact["recognised_from"], fact["recognised_until"]) == ("2020-01-01", "2027-12-31")
    assert [one["protocol_code"] for one in await facts(as_superuser, "protocol-submitted")] == ["ACME-1"]

    whole = await made(await member.get(path), 200)
    corrected = next(one for one in whole["answers"] if one["criterion_id"] == "C10B4.1")
    assert (corrected["relation"], corrected["corrected_to"]) == ("equal", "subset")
    assert corrected["reviewers_rationale"] == "permits only"
    assert whole["by_clause"]["10B4"]["commonality"] == "91.30"


async def test_when_criteria_get_an_end_a_verdict_is_said_again_with_it_once(
    call_as: As, once: Once[Work], database: Database, as_superuser: asyncpg.Connection
) -> None:
    await once.transact(publishing.publish_criteria)
    for owner, public in ((call_as("member", uuid4()), False), (call_as("secretariat"), True)):
        protocol_id = await protocol_of(owner, code=f"P-{public}", public=public)
        path = f"/v1/assessments/{(await submitted(owner, protocol_id, every('equal')))['assessment_id']}"
        reviewer = await judged(path, call_as)
        await made(await reviewer.post(f"{path}/conclusion"), 200)
    first = await facts(as_superuser, "protocol-assessed")
    ending = replace(shipped_catalogue("6.0-4p"), valid_until=date(2026, 12, 31))
    release: Once[Work] = Once(
        database, partial(BenchmarkWork, catalogues={"6.0-4p": ending}), service="benchmark"
    )
    for _ in range(2):
        await release.transact(publishing.publish_criteria)
    again = (await facts(as_superuser, "protocol-assessed"))[2:]
    expected = [{**one, "recognised_until": "2026-12-31"} for one in first]
    assert sorted(again, key=lambda one: one["about"]) == sorted(expected, key=lambda one: one["about"])
    assert (await facts(as_superuser, "criteria-published"))[-1]["valid_until"] == "2026-12-31"
    assert await as_superuser.fetchval("SELECT array_agg(DISTINCT recognised_until) FROM verdict") == [
        date(2026, 12, 31)
    ]


async def test_84_99_percent_is_not_equivalent_and_85_is(
    call_as: As, as_superuser: asyncpg.Connection
) -> None:
    for least, below_it, equivalent in (("84.99", "85", False), ("85", "85.01", True)):
        member = call_as("member", uuid4())
        relations = answers_worth(shipped_catalogue("6.0-4p"), least, below_it)
        answers = [{"criterion_id": name, "relation": relation.value} for name, relation in relations.items()]
        assessment = await submitted(member, await protocol_of(member, code=f"P{equivalent}"), answers)
        path = f"/v1/assessments/{assessment['assessment_id']}"
        reviewer = await judged(path, call_as)
        concluded = await made(await reviewer.post(f"{path}/conclusion"), 200)
        assert concluded["equivalent"] == ("yes" if equivalent else "no")
    below, at = await facts(as_superuser, "protocol-assessed")
    assert (below["commonality"], below["equivalent"], below.get("recognised_from")) == ("84.99", False, None)
    assert (at["commonality"], at["equivalent"], at["recognised_from"]) == ("85.00", True, "2020-01-01")


async def test_a_public_protocol_is_the_secretariats_and_keeps_its_family(
    call_as: As, as_superuser: asyncpg.Connection
) -> None:
    secretariat, member = call_as("secretariat"), call_as("member", uuid4())
    protocol_id = await protocol_of(secretariat, code="SMETA 6.0", public=True, effective_from="2017-06-01")
    assert (await member.get("/v1/protocols")).json()["protocols"][0]["code"] == "SMETA 6.0"
    refused = await member.post(f"/v1/protocols/{protocol_id}/versions", {"version": "2", **WINDOW})
    assert (refused.status_code, refused.json()["field"]) == (403, "protocol_id")
    assessment = await submitted(secretariat, protocol_id, every("equal"))
    path = f"/v1/assessments/{assessment['assessment_id']}"
    reviewer = await judged(path, call_as)
    await made(await reviewer.post(f"{path}/conclusion"), 200)
    [fact] = await facts(as_superuser, "protocol-assessed")
    assert (fact["scheme_family"], fact["public"], fact.get("member_id")) == ("SMETA", True, None)
    assert fact.get("recognised_until") is None


async def test_recognition_ends_with_the_transition_to_the_next_criteria(
    call_as: As, as_superuser: asyncpg.Connection
) -> None:
    member = call_as("member", uuid4())
    protocol_id = await protocol_of(member, effective_from="2015-01-01", effective_until=None)
    assessment = await submitted(member, protocol_id, every("equal"))
    today = NOW().date()
    days = {
        "newer": "6.1-4p",
        "consultation_until": str(today),
        "effective_on": str(today + timedelta(days=1)),
        "transition_until": str(today + timedelta(days=100)),
    }
    await made(await call_as("secretariat").post("/v1/criteria/6.0-4p/evolution", days))
    path = f"/v1/assessments/{assessment['assessment_id']}"
    reviewer = await judged(path, call_as)
    await made(await reviewer.post(f"{path}/conclusion"), 200)
    [fact] = await facts(as_superuser, "protocol-assessed")
    assert (fact["recognised_from"], fact["recognised_until"]) == ("2015-01-01", days["transition_until"])

    old = await protocol_of(member, code="OLD", effective_from="2015-01-01")
    refused = await member.post(
        "/v1/assessments",
        {
            "protocol_id": old,
            "version": "1",
            "criteria_version": "5.0-4p",
            "answers": every("equal", "5.0-4p"),
        },
    )
    assert "ended on 2018-05-31" in refused.json()["detail"]
    assert (refused.status_code, refused.json()["field"]) == (409, "criteria_version")


async def test_a_repeated_request_is_done_once_and_answered_alike(
    call_as: As, as_superuser: asyncpg.Connection
) -> None:
    member = call_as("member", uuid4())
    asked = {"code": "ACME", "name": "Acme"}
    first = await member.post("/v1/protocols", asked, key="the same key")
    again = await member.post("/v1/protocols", asked, key="the same key")
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert (await member.post("/v1/protocols", {**asked, "name": "x"}, key="the same key")).status_code == 422

    assessment = await submitted(member, await protocol_of(member), every("equal"))
    path = f"/v1/assessments/{assessment['assessment_id']}"
    reviewer = await judged(path, call_as)
    one, two = [await reviewer.post(f"{path}/conclusion", key="conclude it") for _ in range(2)]
    assert one.status_code == two.status_code == 200
    assert len(await facts(as_superuser, "protocol-assessed")) == 1
    assert (await reviewer.post(f"{path}/conclusion")).status_code == 409


async def test_a_newer_submission_replaces_the_one_under_review(call_as: As) -> None:
    member, reviewer = call_as("member", uuid4()), call_as("reviewer")
    protocol_id = await protocol_of(member)
    older = await submitted(member, protocol_id, every("none"))
    path = f"/v1/assessments/{older['assessment_id']}"
    await made(await reviewer.post(f"{path}/reviews", {"confirm_rest": True}), 200)
    newer = await submitted(member, protocol_id, every("equal"))
    refused = await reviewer.post(f"{path}/conclusion")
    assert (refused.status_code, refused.json()["field"]) == (409, "state")
    listed = (await reviewer.get("/v1/assessments")).json()["assessments"]
    assert [(one["assessment_id"], one["state"]) for one in listed] == [
        (newer["assessment_id"], "submitted"),
        (older["assessment_id"], "replaced"),
    ]


async def test_members_do_not_see_each_others_protocols_and_a_reviewer_sees_all(call_as: As) -> None:
    acme, other, reviewer = call_as("member", uuid4()), call_as("member", uuid4()), call_as("reviewer")
    secretariat = call_as("secretariat")
    protocol_id = await protocol_of(acme)
    assessment = await submitted(acme, protocol_id, every("equal"))
    path = f"/v1/assessments/{assessment['assessment_id']}"
    for stranger in (other, secretariat):
        assert (await stranger.get("/v1/protocols")).json() == {"protocols": []}
        assert (await stranger.get("/v1/assessments")).json() == {"assessments": []}
        assert (await stranger.get(path)).status_code == 404
        version = await stranger.post(f"/v1/protocols/{protocol_id}/versions", {"version": "2", **WINDOW})
        assert version.status_code == 404
        assert (await stranger.post(f"{path}/reviews", {"confirm_rest": True})).status_code == 403
    assert len((await reviewer.get("/v1/protocols")).json()["protocols"]) == 1
    assert len((await reviewer.get("/v1/assessments")).json()["assessments"]) == 1
    assert (await reviewer.get(path)).status_code == 200
    assert (await acme.post(f"{path}/reviews", {"confirm_rest": True})).status_code == 403


async def test_a_code_is_taken_in_every_spelling(call_as: As) -> None:
    await protocol_of(call_as("member", uuid4()), code="ACME RSP-1.0")
    refused = await call_as("member", uuid4()).post("/v1/protocols", {"code": "acme_rsp 10", "name": "Acme"})
    assert (refused.status_code, refused.json()["field"]) == (409, "code")


@pytest.mark.parametrize(
    ("answers", "field", "row"),
    [
        (
            [{"criterion_id": "C1.1", "relation": "equal"}, {"criterion_id": "C99", "relation": "equal"}],
            "criterion_id",
            2,
        ),
        ([{"criterion_id": "C1.1", "relation": "same"}], "relation", 1),
        ([{"criterion_id": "C1.1", "relation": "equal"}] * 2, "criterion_id", 2),
        (
            [
                {"criterion_id": "C10B4.1", "relation": "none"},
                {"criterion_id": "C10B2.1", "relation": "none"},
            ],
            "criterion_id",
            2,
        ),
        ([{"criterion_id": "C1.1", "relation": "equal", "evidence": "=HYPERLINK(1)"}], "evidence", 1),
        ([{"criterion_id": "C1.1", "relation": "equal", "rationale": "a\u0000b"}], "rationale", 1),
        ([{"criterion_id": "C1.1"}], "answers", None),
        ([], "answers", None),
        ([{"criterion_id": "C1.1", "relation": "equal", "why": "x"}], "answers.0.why", 1),
    ],
)
async def test_bad_answers_are_refused_with_row_and_field_and_nothing_is_kept(
    answers: list[dict[str, str]], field: str, row: int | None, call_as: As, as_superuser: asyncpg.Connection
) -> None:
    member = call_as("member", uuid4())
    protocol_id = await protocol_of(member)
    refused = await member.post(
        "/v1/assessments",
        {"protocol_id": protocol_id, "version": "1", "criteria_version": "6.0-4p", "answers": answers},
    )
    problem = refused.json()
    assert refused.status_code == 422
    assert (problem["field"], problem.get("row")) == (field, row)
    assert problem["remedy"]
    assert await as_superuser.fetchval("SELECT count(*) FROM assessment") == 0


@pytest.mark.parametrize("version", ["", "a\u0000b", "1\n2", "x" * 61])
async def test_a_version_is_one_line_of_plain_text(version: str, call_as: As) -> None:
    member = call_as("member", uuid4())
    protocol_id = await protocol_of(member)
    asked = {
        "protocol_id": protocol_id,
        "version": version,
        "criteria_version": "6.0-4p",
        "answers": every("equal"),
    }
    for refused in (
        await member.post("/v1/assessments", asked),
        await member.post(f"/v1/protocols/{protocol_id}/versions", {"version": version, **WINDOW}),
    ):
        assert (refused.status_code, refused.json()["field"]) == (422, "version")


async def test_a_token_for_another_service_does_not_hold_here(call_as: As) -> None:
    assert (await call_as("reviewer", audience="mrx.registry").get("/v1/assessments")).status_code == 401


async def test_the_criteria_are_read_over_http_as_they_are_printed(call_as: As) -> None:
    operator = call_as("operator")
    listed = (await operator.get("/v1/criteria")).json()["criteria"]
    assert [one["version"] for one in listed] == list(shipped_versions())
    assert (await operator.get("/v1/criteria/6.0-2p")).json() == shipped_catalogue("6.0-2p").document()
    assert (await operator.get("/v1/criteria/9")).status_code == 404


async def test_criteria_are_published_once_however_often_the_service_starts(
    once: Once[Work], as_superuser: asyncpg.Connection
) -> None:
    for _ in range(3):
        await once.transact(publishing.publish_criteria)
    said = await facts(as_superuser, "criteria-published")
    assert {one["criteria_version"]: one["weight"] for one in said} == {
        "5.0-2p": 4413,
        "5.0-4p": 5493,
        "6.0-2p": 4623,
        "6.0-4p": 5703,
        "6.1-2p": 4783,
        "6.1-4p": 5943,
        "7.0": 7004,
    }
    assert len(said) == len(shipped_versions())


async def test_two_services_that_start_at_once_publish_once(
    once: Once[Work], as_superuser: asyncpg.Connection
) -> None:
    await asyncio.gather(*(once.transact(publishing.publish_criteria) for _ in range(4)))
    assert len(await facts(as_superuser, "criteria-published")) == len(shipped_versions())
