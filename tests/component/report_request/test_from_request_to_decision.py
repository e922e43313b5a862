"""A request's way over HTTP and events, on a real database."""

from datetime import timedelta
from uuid import UUID

import pytest
from mrx_shared.messages.report_request import RequestChanged

from tests.component.report_request.conftest import NOW, ReportRequests, asked, entry, site

pytestmark = pytest.mark.live


async def test_a_report_is_asked_for_shared_and_accepted_and_an_audit_is_avoided(
    service: ReportRequests, member: UUID
) -> None:
    shown, token = await service.sent(member)
    assert (shown["state"], shown["mail"]) == ("drafted", "unsent")
    supplier = service.supplier(token)
    page = (await supplier.get("/v1/pages")).json()
    assert (page["state"], page["asks"], page["site"]) == ("sent", "Acme Brands", "Works 1")
    assert page["possible"] == ["opening", "acceptance", "refusal"]
    assert (await supplier.done("/v1/pages/opening"))["state"] == "opened"
    assert (await supplier.done("/v1/pages/acceptance"))["possible"] == ["refusal", "upload"]
    await service.begin_upload(shown, member)
    await service.receive(shown, member)
    await service.store(shown, member)

    seen = await service.state(shown, member)
    assert (seen["state"], seen["possible"]) == ("available", ["decision"])
    assert (seen["report"]["size"], seen["report"]["channel"]) == (1234, "upload")
    decided = await service.member(member).done(
        f"/v1/requests/{shown['request_id']}/decision", {"outcome": "accepted"}
    )
    assert decided["decision"]["avoided"] is True
    way = ["drafted", "sent", "opened", "accepted", "uploading", "checking", "available", "decided"]
    assert [one["state"] for one in decided["history"]] == way
    assert await service.states(shown["request_id"]) == way
    told = await service.statuses(member)
    assert [one.state for one in told] == way
    assert told[-2].links_path == f"/v1/reports/{seen['report']['report_id']}/links"
    assert [one.kind for one in await service.mails()] == ["invitation", "ready", "received"]
    numbers = (await service.member(member).get("/v1/numbers")).json()["rounds"]
    assert len(numbers) == 1
    counts = ("asked", "sent", "available", "accepted", "avoided", "avoided_eur", "declined")
    assert [numbers[0][one] for one in counts] == [1, 1, 1, 1, 1, 2500, 0]
    assert await service.dead() == []


async def test_the_same_file_or_audit_avoids_no_second_audit_when_its_short_period_is_over(
    service: ReportRequests, member: UUID
) -> None:
    audit = NOW().date() - timedelta(days=200)
    for sha256, audit_date, avoided in (
        ("aa" * 32, None, True),
        ("aa" * 32, None, False),
        ("bb" * 32, audit, True),
        ("cc" * 32, audit, False),
        ("dd" * 32, audit + timedelta(days=1), True),
    ):
        shown, _ = await service.sent(member)
        await service.store(shown, member, sha256=sha256, audit_date=audit_date)
        decided = await service.member(member).done(
            f"/v1/requests/{shown['request_id']}/decision",
            {"outcome": "accepted", "valid_until": NOW().date().isoformat()},
        )
        assert decided["report"]["audit_date"] == (audit_date and audit_date.isoformat())
        assert decided["decision"]["avoided"] is avoided
        # The next day:
        await service.sql.execute("UPDATE request SET valid_until = valid_until - 1")
    [numbers] = (await service.member(member).get("/v1/numbers")).json()["rounds"]
    assert (numbers["accepted"], numbers["avoided"]) == (5, 3)


async def test_a_kept_fact_holds_no_name_and_no_contact(service: ReportRequests, member: UUID) -> None:
    await service.available(member)
    rows = await service.sql.fetch("SELECT payload FROM outbox WHERE topic = 'mrx.report_request.v1'")
    assert len(rows) == 7
    for row in rows:
        for secret in (b"works1.example", b"Li Na", b"Acme", b"Works 1", b"buyer.example", b"S-1"):
            assert secret not in row["payload"]
    facts = await service.said(RequestChanged)
    assert {one.site_token for one in facts} == {site(1)}


async def test_a_request_by_event_is_answered_on_the_members_own_topic(
    service: ReportRequests, member: UUID
) -> None:
    request_id = await service.report_asked(member, 2)
    told = await service.statuses(member)
    assert [(one.request_id, one.state, one.entry_id) for one in told] == [(request_id, "drafted", entry(2))]
    assert [one.to for one in await service.mails("invitation")] == ["quality@works2.example"]


async def test_the_same_id_asks_once(service: ReportRequests, member: UUID) -> None:
    shown = await service.member(member).done("/v1/requests", asked(), 201)
    same = asked(request_id=shown["request_id"])
    assert (await service.member(member).done("/v1/requests", same, 201))["request_id"] == shown["request_id"]
    assert len(await service.mails()) == 1
    other = await service.member(member).post("/v1/requests", asked(2, request_id=shown["request_id"]))
    assert (other.status_code, other.json()["field"]) == (409, "request_id")


async def test_a_repeated_post_is_answered_again_and_asks_once(service: ReportRequests, member: UUID) -> None:
    first = await service.member(member).post("/v1/requests", asked(), key="one and the same")
    again = await service.member(member).post("/v1/requests", asked(), key="one and the same")
    assert again.status_code == 409  # another principal of the same member has keys of its own
    assert "is open" in again.json()["detail"]
    assert first.json()["request_id"] in again.json()["detail"]
