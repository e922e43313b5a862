"""Calls that come at the same moment, and many at once."""

import asyncio
import time
from uuid import UUID

import pytest

from tests.component.report_request.conftest import ReportRequests, asked, entry

pytestmark = pytest.mark.live


async def test_of_two_requests_for_a_site_at_the_same_moment_one_is_taken(
    service: ReportRequests, member: UUID
) -> None:
    answers = await asyncio.gather(*(service.member(member).post("/v1/requests", asked()) for _ in range(4)))
    assert sorted(one.status_code for one in answers) == [201, 409, 409, 409]
    assert {one.json()["field"] for one in answers if one.status_code == 409} == {"entry_id"}
    assert len(await service.mails()) == 1


async def test_of_two_decisions_at_the_same_moment_one_counts(service: ReportRequests, member: UUID) -> None:
    shown = await service.available(member)
    path = f"/v1/requests/{shown['request_id']}/decision"
    answers = await asyncio.gather(
        *(service.member(member).post(path, {"outcome": "accepted"}) for _ in range(3))
    )
    assert sorted(one.status_code for one in answers) == [200, 409, 409]
    [numbers] = (await service.member(member).get("/v1/numbers")).json()["rounds"]
    assert (numbers["accepted"], numbers["avoided"], numbers["avoided_eur"]) == (1, 1, 2500)


async def test_a_site_that_is_recognised_again_within_its_period_avoids_one_audit(
    service: ReportRequests, member: UUID
) -> None:
    for sha256, avoided in (("aa" * 32, True), ("bb" * 32, False)):
        shown, _ = await service.sent(member)
        await service.store(shown, member, sha256=sha256)
        decided = await service.member(member).done(
            f"/v1/requests/{shown['request_id']}/decision", {"outcome": "accepted"}
        )
        assert decided["decision"]["avoided"] is avoided
    [numbers] = (await service.member(member).get("/v1/numbers")).json()["rounds"]
    assert (numbers["accepted"], numbers["avoided"]) == (2, 1)


async def test_requests_are_listed_page_by_page_newest_first_and_by_state(
    service: ReportRequests, member: UUID
) -> None:
    made = [
        (await service.member(member).done("/v1/requests", asked(number), 201))["request_id"]
        for number in range(1, 6)
    ]
    await service.member(member).done(f"/v1/requests/{made[0]}/withdrawal", {"reason": "closed"})
    caller = service.member(member)
    first = (await caller.get("/v1/requests", limit=2)).json()["requests"]
    rest = (await caller.get("/v1/requests", after=first[-1]["request_id"])).json()["requests"]
    assert [one["request_id"] for one in first + rest] == made[::-1]
    withdrawn = (await caller.get("/v1/requests", state="withdrawn")).json()["requests"]
    assert [(one["request_id"], one["reason"]) for one in withdrawn] == [(made[0], "closed")]


@pytest.mark.timeout(120)
async def test_five_hundred_are_asked_at_once(service: ReportRequests, member: UUID) -> None:
    await service.release(range(1, 501), release=2)
    rows = [asked(number, entry_id=entry(number, release=2)) for number in range(1, 501)]
    began = time.monotonic()
    answer = await service.member(member).done("/v1/requests/bulk", {"requests": rows})
    took = time.monotonic() - began
    print(f"500 requests in one call: {took:.1f} s")
    assert took < 10, "a statement for every row again?"
    assert (answer["taken"], answer["refused"]) == (500, 0)
    assert len({row["request"]["reference"] for row in answer["rows"]}) == 500
