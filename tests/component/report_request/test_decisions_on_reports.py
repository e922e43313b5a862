"""What a member may decide on a report: once it was opened, on its own file, and for how long."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from mrx_report_request.domain.decisions import later
from mrx_shared.messages.requests import RecognitionDecided
from mrx_shared.messages.topics import requests_in

from tests.component.report_request.conftest import NOW, ReportRequests, asked, entry

pytestmark = pytest.mark.live
ACCEPTED = {"outcome": "accepted"}


async def unopened(service: ReportRequests, member: UUID, number: int = 1) -> tuple[dict[str, Any], UUID]:
    shown, _ = await service.sent(member, number)
    report_id = uuid4()
    await service.store(shown, member, report_id=report_id, opened=False)
    return shown, report_id


@pytest.mark.parametrize("outcome", ["accepted", "accepted-with-top-up"])
async def test_a_report_that_nobody_opened_is_not_accepted_and_avoids_no_audit(
    service: ReportRequests, member: UUID, outcome: str
) -> None:
    shown, report_id = await unopened(service, member)
    path = f"/v1/requests/{shown['request_id']}/decision"
    refused = await service.member(member).post(path, {"outcome": outcome})
    assert (refused.status_code, refused.json()["field"]) == (409, "outcome")
    assert "not been opened" in refused.json()["detail"]
    assert "download the report" in refused.json()["remedy"]
    [numbers] = (await service.member(member).get("/v1/numbers")).json()["rounds"]
    assert (numbers["accepted"], numbers["avoided"]) == (0, 0)
    await service.open(shown, member, report_id)
    assert (await service.member(member).done(path, {"outcome": outcome}))["state"] == "decided"


async def test_a_report_that_nobody_opened_may_be_refused(service: ReportRequests, member: UUID) -> None:
    shown, _ = await unopened(service, member)
    path = f"/v1/requests/{shown['request_id']}/decision"
    decided = await service.member(member).done(path, {"outcome": "refused", "reason": "too late"})
    assert decided["decision"]["outcome"] == "refused"


@pytest.mark.parametrize("ahead", [0, 20])
async def test_a_decision_by_event_that_overtakes_the_opening_waits_for_it_whatever_the_members_clock_says(
    service: ReportRequests, member: UUID, ahead: int
) -> None:
    shown, report_id = await unopened(service, member)
    fact = RecognitionDecided(
        request_id=UUID(shown["request_id"]), outcome="accepted", reason=None, valid_until=None
    )
    await service.hear(requests_in(member), fact, at=NOW() + timedelta(seconds=ahead))
    assert (await service.state(shown, member))["state"] == "available"
    assert await service.sql.fetchval("SELECT count(*) FROM waiting") == 1
    await service.open(shown, member, report_id)
    await service.look_into_waiting_room()
    assert (await service.state(shown, member))["decision"]["avoided"] is True


async def test_a_decision_by_event_waits_a_minute_at_most_and_is_refused_then(
    service: ReportRequests, member: UUID
) -> None:
    shown, _ = await unopened(service, member)
    fact = RecognitionDecided(
        request_id=UUID(shown["request_id"]), outcome="accepted", reason=None, valid_until=None
    )
    await service.hear(requests_in(member), fact, at=NOW() - timedelta(seconds=61))
    told = (await service.statuses(member))[-1]
    assert (told.state, told.field) == ("available", "outcome")
    assert "not been opened" in (told.reason or "")
    assert await service.sql.fetchval("SELECT count(*) FROM waiting") == 0
    assert await service.dead() == []


async def test_a_file_that_came_for_two_sites_is_remarked_and_accepted_only_with_a_confirmation(
    service: ReportRequests, member: UUID
) -> None:
    first = await service.available(member, 1)
    path = f"/v1/requests/{first['request_id']}/decision"
    assert (await service.member(member).done(path, ACCEPTED))["decision"]["avoided"] is True
    second = await service.available(member, 2)
    seen = await service.state(second, member)
    assert seen["same_file"] == [
        {"request_id": first["request_id"], "site_number": "S-1", "supplier": "Works 1"}
    ]
    listed = (await service.member(member).get("/v1/requests")).json()["requests"]
    assert [len(one["same_file"]) for one in listed] == [1, 1]
    path = f"/v1/requests/{second['request_id']}/decision"
    refused = await service.member(member).post(path, ACCEPTED)
    assert (refused.status_code, refused.json()["field"]) == (409, "same_file_confirmed")
    assert "Works 1 (S-1)" in refused.json()["detail"]
    decided = await service.member(member).done(path, {**ACCEPTED, "same_file_confirmed": True})
    assert decided["decision"]["avoided"] is False  # one file is one audit
    [numbers] = (await service.member(member).get("/v1/numbers")).json()["rounds"]
    assert (numbers["accepted"], numbers["avoided"]) == (2, 1)


async def test_a_file_that_came_for_two_sites_is_confirmed_by_event_too(
    service: ReportRequests, member: UUID
) -> None:
    await service.available(member, 1)
    request_id = UUID((await service.available(member, 2))["request_id"])
    fact = RecognitionDecided(request_id=request_id, outcome="accepted", reason=None, valid_until=None)
    await service.hear(requests_in(member), fact)
    assert (await service.statuses(member))[-1].field == "same_file_confirmed"
    await service.hear(requests_in(member), fact, same_file_confirmed=True)
    assert (await service.statuses(member))[-1].outcome == "accepted"


async def test_the_same_file_at_another_member_or_for_the_same_site_is_not_remarked(
    service: ReportRequests, member: UUID
) -> None:
    other = uuid4()
    await service.participate(other, "Borealis Foods")
    await service.available(other, 2)
    first = await service.available(member, 1)
    path = f"/v1/requests/{first['request_id']}/decision"
    assert (await service.member(member).done(path, ACCEPTED))["same_file"] == []
    again = await service.available(member, 1)
    assert (await service.state(again, member))["same_file"] == []


async def test_a_supplier_is_told_of_its_own_other_site_for_which_it_gave_the_file_and_of_no_other(
    service: ReportRequests, member: UUID
) -> None:
    """Own is what the same member asked at the same address."""
    other = uuid4()
    await service.participate(other, "Borealis Foods")
    works = asked()["supplier"]
    same_contact = {"supplier": {**works, "name": "Works 2", "contact_email": "Quality@Works1.example"}}
    await service.available(member, 2, **same_contact)
    await service.available(member, 3)  # another contact of the same member
    await service.available(other, 4, supplier=works)  # the same contact, asked by another member
    _, token = await service.sent(member, 1)
    file = {"sha256": "ab" * 32}
    told = await service.supplier(token).get("/v1/pages/same-file", **file)
    assert (told.status_code, told.json()) == (200, {"sites": ["Works 2"]})
    told = await service.supplier(token).get("/v1/pages/same-file", sha256="cd" * 32)
    assert told.json() == {"sites": []}
    assert (await service.supplier("wrong").get("/v1/pages/same-file", **file)).status_code == 404


async def test_a_report_stands_in_for_36_months_from_the_end_of_the_listed_half_year_at_most(
    service: ReportRequests, member: UUID
) -> None:
    today = NOW().date()
    year = today.year - 1
    await service.release([1], release=2, half_year=f"{year}-H2")
    shown, _ = await service.sent(member, 1, entry_id=entry(1, release=2))
    assert shown["half_year"] == f"{year}-H2"
    await service.store(shown, member)
    seen = await service.state(shown, member)
    assert seen["validity"]["most"] == f"{year + 3}-12-31"
    assert seen["validity"]["default"] == f"{year + 2}-12-31"
    path = f"/v1/requests/{shown['request_id']}/decision"
    refused = await service.member(member).post(path, {**ACCEPTED, "valid_until": f"{year + 4}-01-01"})
    assert (refused.status_code, refused.json()["field"]) == (422, "valid_until")
    assert f"to {year + 3}-12-31" in refused.json()["remedy"]
    decided = await service.member(member).done(path, ACCEPTED)
    assert decided["decision"]["valid_until"] == f"{year + 2}-12-31"


async def test_the_reports_own_audit_date_counts_before_the_listed_half_year(
    service: ReportRequests, member: UUID
) -> None:
    await service.release([1], release=2, half_year=f"{NOW().year - 1}-H2")
    shown, _ = await service.sent(member, 1, entry_id=entry(1, release=2))
    audit = NOW().date() - timedelta(days=100)
    await service.store(shown, member, audit_date=audit)
    seen = await service.state(shown, member)
    assert seen["validity"] == {
        "since": f"the audit of {audit}",
        "default": later(audit, months=24).isoformat(),
        "most": later(audit, months=36).isoformat(),
    }


async def test_a_request_from_before_half_years_were_known_is_reckoned_from_its_reports_arrival(
    service: ReportRequests, member: UUID
) -> None:
    shown = await service.member(member).done("/v1/requests", asked(), 201)
    assert (shown["half_year"], shown["validity"]) == (None, None)
    await service.store(shown, member)
    most = (await service.state(shown, member))["validity"]["most"]
    assert most == later(NOW().date(), months=36).isoformat()
