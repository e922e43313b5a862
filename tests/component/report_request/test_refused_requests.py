"""What cannot be asked, or not yet: over HTTP a problem, by event an answer on the member's own topic."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from mrx_report_request.entrypoints.kafka import SentSupplier
from mrx_shared.messages.requests import RecognitionDecided, RequestWithdrawn
from mrx_shared.messages.topics import requests_in

from tests.component.report_request.conftest import NOW, ReportRequests, asked, entry

pytestmark = pytest.mark.live

GOOD_SUPPLIER = asked()["supplier"]
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"entry_id": "f" * 64}, "entry_id"),
    ({"entry_id": "row 7"}, "entry_id"),
    ({"site_number": " "}, "site_number"),
    ({"supplier": {**GOOD_SUPPLIER, "contact_email": "not an address"}}, "supplier.contact_email"),
    ({"supplier": {**GOOD_SUPPLIER, "contact_email": "a@x.example\r\nBcc: b"}}, "supplier.contact_email"),
    ({"supplier": {**GOOD_SUPPLIER, "language": "tlh"}}, "supplier.language"),
    ({"supplier": {**GOOD_SUPPLIER, "name": "Works\x00"}}, "supplier.name"),
    ({"supplier": {**GOOD_SUPPLIER, "contact_name": "Li\nNa"}}, "supplier.contact_name"),
    ({"scope": "SMETA\u202e"}, "scope"),
    ({"purpose": "x" * 201}, "purpose"),
    ({"term_days": 6}, "term_days"),
    ({"term_days": 91}, "term_days"),
    ({"requester_email": "nobody"}, "requester_email"),
    ({"requester_language": "fr"}, "requester_language"),
]


@pytest.mark.parametrize(("wrong", "field"), WRONG)
async def test_a_bad_field_is_named_over_http_and_nothing_is_said(
    wrong: dict[str, Any], field: str, service: ReportRequests, member: UUID
) -> None:
    answer = await service.member(member).post("/v1/requests", asked(**wrong))
    assert answer.status_code in (404, 422), answer.text
    assert (answer.json()["field"], bool(answer.json()["remedy"])) == (field, True)
    assert await service.statuses(member) == []
    assert await service.sql.fetchval("SELECT count(*) FROM request_owner") == 0


@pytest.mark.parametrize(("wrong", "field"), WRONG)
async def test_a_bad_field_is_named_on_the_members_own_topic(
    wrong: dict[str, Any], field: str, service: ReportRequests, member: UUID
) -> None:
    if "supplier" in wrong:
        wrong = {"supplier": SentSupplier(**wrong["supplier"])}
    request_id = await service.report_asked(member, at=NOW() - timedelta(hours=1), **wrong)
    [told] = await service.statuses(member)
    assert (told.request_id, told.state, told.field) == (request_id, "refused", field)
    assert told.reason
    assert told.remedy
    assert await service.mails() == []
    assert await service.dead() == []


async def test_an_event_that_states_another_member_is_refused(service: ReportRequests, member: UUID) -> None:
    from mrx_report_request.entrypoints.kafka import SentRequest  # noqa: PLC0415

    good = asked()
    sent = SentRequest.model_validate(
        {**good, "supplier": good["supplier"], "request_id": uuid4(), "term_days": 28}
        | {"requester_language": None, "member_id": uuid4()}
    )
    await service.hear(requests_in(member), sent)
    [told] = await service.statuses(member)
    assert (told.state, told.field) == ("refused", "member_id")


async def test_who_takes_no_part_asks_for_nothing(service: ReportRequests) -> None:
    outsider = uuid4()
    await service.participate(outsider, missing=["statement-not-signed"])
    answer = await service.member(outsider).post("/v1/requests", asked())
    assert (answer.status_code, "statement-not-signed" in answer.json()["detail"]) == (403, True)
    await service.report_asked(outsider)
    assert [one.state for one in await service.statuses(outsider)] == ["refused"]


async def test_unknown_participation_is_waited_for(service: ReportRequests) -> None:
    newcomer = uuid4()
    answer = await service.member(newcomer).post("/v1/requests", asked())
    assert (answer.status_code, answer.json()["retryable"]) == (409, True)
    request_id = await service.report_asked(newcomer)
    assert await service.statuses(newcomer) == []
    assert await service.look_into_waiting_room() == 0
    await service.participate(newcomer)
    assert await service.look_into_waiting_room() == 1
    assert [(one.request_id, one.state) for one in await service.statuses(newcomer)] == [
        (request_id, "drafted")
    ]


async def test_an_entry_whose_release_is_still_coming_is_waited_for(
    service: ReportRequests, member: UUID
) -> None:
    await service.release([11, 12], release=2, pages=[1], of=2)
    body = asked(entry_id=entry(11, release=2))
    answer = await service.member(member).post("/v1/requests", body)
    assert (answer.status_code, answer.json()["retryable"]) == (409, True)
    await service.report_asked(member, entry_id=entry(11, release=2))
    assert await service.statuses(member) == []
    await service.release([13], release=2, pages=[2], of=2)
    assert await service.look_into_waiting_room() == 1
    assert [one.state for one in await service.statuses(member)] == ["drafted"]


async def test_an_event_about_an_entry_that_is_not_known_yet_waits_a_while_and_is_answered_then(
    service: ReportRequests, member: UUID
) -> None:
    await service.report_asked(member, entry_id=entry(30, release=3))
    assert await service.statuses(member) == []
    await service.release([30], release=3)
    assert await service.look_into_waiting_room() == 1
    assert [one.state for one in await service.statuses(member)] == ["drafted"]
    await service.report_asked(member, entry_id="f" * 64, at=NOW() - timedelta(seconds=61))
    assert [one.state for one in await service.statuses(member)] == ["drafted", "refused"]


async def test_an_entry_of_an_older_release_is_led_to_its_sites_entry_in_the_newest(
    service: ReportRequests, member: UUID
) -> None:
    await service.release([1, 2], release=2)
    shown = await service.member(member).done("/v1/requests", asked(1), 201)
    assert shown["entry_id"] == entry(1, release=2)
    gone = await service.member(member).post("/v1/requests", asked(3))
    assert (gone.status_code, gone.json()["detail"]) == (409, "the site is no longer listed")
    assert gone.json()["field"] == "entry_id"


async def test_a_release_counts_as_the_newest_once_it_is_whole_in_whatever_order_it_comes(
    service: ReportRequests, member: UUID
) -> None:
    await service.release([1], release=3, pages=[2], of=2)
    await service.release([1, 5], release=2)
    shown = await service.member(member).done("/v1/requests", asked(1), 201)
    assert shown["entry_id"] == entry(1, release=2)
    await service.release([5], release=3, pages=[1, 1], of=2)
    shown = await service.member(member).done("/v1/requests", asked(5), 201)
    assert shown["entry_id"] == entry(5, release=3)


async def test_a_site_has_one_open_request_which_the_refusal_names(
    service: ReportRequests, member: UUID
) -> None:
    first = await service.member(member).done("/v1/requests", asked(), 201)
    again = await service.member(member).post("/v1/requests", asked())
    assert (again.status_code, again.json()["field"]) == (409, "entry_id")
    assert first["request_id"] in again.json()["detail"]
    await service.member(member).done(f"/v1/requests/{first['request_id']}/withdrawal")
    await service.member(member).done("/v1/requests", asked(), 201)


async def test_of_many_requests_the_good_ones_are_taken_and_the_others_named_by_row(
    service: ReportRequests, member: UUID
) -> None:
    rows = [
        asked(1),
        asked(2, term_days=3),
        asked(1),
        {"entry_id": entry(4)},
        asked(4, **{"no table holds \x00": "x"}),
        asked(5, term_days="soon"),
        asked(6),
    ]
    answer = await service.member(member).done("/v1/requests/bulk", {"requests": rows})
    assert (answer["taken"], answer["refused"]) == (2, 5)
    assert [row["row"] for row in answer["rows"] if row["request"]] == [1, 7]
    named = {row["row"]: row["refused"]["field"] for row in answer["rows"] if row["refused"]}
    assert named == {
        2: "term_days",
        3: "entry_id",
        4: "site_number",
        5: r"no table holds \x00",
        6: "term_days",
    }
    assert all(row["refused"]["remedy"] for row in answer["rows"] if row["refused"])
    assert len(await service.mails("invitation")) == 2
    too_many = await service.member(member).post("/v1/requests/bulk", {"requests": [asked()] * 501})
    assert too_many.status_code == 422


async def test_of_many_requests_one_that_comes_too_early_is_refused_alone_and_may_come_again(
    service: ReportRequests, member: UUID
) -> None:
    await service.release([1, 2], release=2, pages=[1], of=2)
    rows = [asked(1), asked(2, entry_id=entry(2, release=2)), asked(3, term_days=3)]
    answer = await service.member(member).done("/v1/requests/bulk", {"requests": rows})
    assert (answer["taken"], answer["refused"]) == (1, 2)
    refused = [row["refused"] and row["refused"]["retryable"] for row in answer["rows"]]
    assert refused == [None, True, False]
    await service.release([], release=2, pages=[2], of=2)
    again = await service.member(member).done("/v1/requests/bulk", {"requests": rows[1:2]})
    assert again["taken"] == 1


async def test_of_many_requests_all_are_too_early_before_any_release_or_participation(
    service: ReportRequests, member: UUID
) -> None:
    unknown = await service.member(uuid4()).post("/v1/requests/bulk", {"requests": [asked(1)]})
    assert (unknown.status_code, unknown.json()["retryable"]) == (409, True)
    await service.sql.execute("TRUNCATE release CASCADE")
    early = await service.member(member).post("/v1/requests/bulk", {"requests": [asked(1)]})
    assert (early.status_code, early.json()["retryable"]) == (409, True)


async def test_of_many_requests_one_with_an_id_that_is_taken_holds_up_no_other(
    service: ReportRequests, member: UUID
) -> None:
    other, mine = uuid4(), str(uuid4())
    await service.participate(other, "Beta Brands")
    taken = await service.member(other).done("/v1/requests", asked(1), 201)
    rows = [
        asked(1),
        asked(2, request_id=taken["request_id"]),
        asked(3, request_id=mine),
        asked(3, request_id=mine),
        asked(4, request_id=mine),
    ]
    answer = await service.member(member).done("/v1/requests/bulk", {"requests": rows})
    named = [(row["refused"] or {}).get("field") for row in answer["rows"]]
    assert named == [None, "request_id", None, None, "request_id"]
    assert answer["rows"][2]["request"] == answer["rows"][3]["request"]
    assert len(await service.mails("invitation")) == 3
    count = "SELECT count(*) FROM request_owner WHERE member_id = $1"
    assert await service.sql.fetchval(count, member) == 2


async def test_an_impossible_step_is_409_and_says_what_is_possible(
    service: ReportRequests, member: UUID
) -> None:
    shown, token = await service.sent(member)
    early = await service.member(member).post(
        f"/v1/requests/{shown['request_id']}/decision", {"outcome": "accepted"}
    )
    assert early.status_code == 409
    assert "is sent" in early.json()["detail"]
    assert early.json()["remedy"] == "possible now: withdrawal, contact"
    supplier = service.supplier(token)
    await supplier.done("/v1/pages/refusal", {"reason": "no-recent-audit", "comment": "The last was in 2019"})
    late = await supplier.post("/v1/pages/acceptance")
    assert (late.status_code, late.json()["remedy"]) == (409, "possible now: nothing more")
    page = (await supplier.get("/v1/pages")).json()
    assert (page["state"], page["reason"]) == ("declined", "no-recent-audit: The last was in 2019")
    unknown = await supplier.post("/v1/pages/refusal", {"reason": "because"})
    assert (unknown.status_code, unknown.json()["field"]) == (422, "reason")


async def test_decisions_and_withdrawals_by_event_are_answered_too(
    service: ReportRequests, member: UUID
) -> None:
    shown = await service.available(member)
    request_id = UUID(shown["request_id"])
    before = len(await service.statuses(member))

    async def decide(outcome: str, about: UUID = request_id, **changed: Any) -> Any:  # noqa: ANN401
        fact = RecognitionDecided(request_id=about, outcome="accepted", reason=None, valid_until=None)
        await service.hear(requests_in(member), fact, outcome=outcome, **changed)
        return (await service.statuses(member))[-1]

    wrong = await decide("perhaps")
    assert (wrong.state, wrong.field) == ("available", "outcome")
    assert (await decide("refused")).field == "reason"
    assert (await decide("accepted", uuid4())).field == "request_id"
    assert (await decide("accepted-with-top-up")).outcome == "accepted-with-top-up"
    assert (await decide("accepted-with-top-up")).reason is None  # said again: answered again
    assert "is decided" in (await decide("accepted")).reason
    await service.hear(requests_in(member), RequestWithdrawn(request_id=request_id, reason=None))
    assert "is decided" in ((await service.statuses(member))[-1].reason or "")
    assert len(await service.statuses(member)) == before + 7
    [numbers] = (await service.member(member).get("/v1/numbers")).json()["rounds"]
    assert (numbers["top_ups"], numbers["accepted"], numbers["avoided"]) == (1, 0, 0)
    assert await service.dead() == []


async def test_a_file_of_requests_that_is_sent_again_asks_nobody_again_unless_its_rows_say_so(
    service: ReportRequests, member: UUID
) -> None:
    first = await service.member(member).done("/v1/requests/bulk", {"requests": [asked(1), asked(2)]})
    assert (first["taken"], first["refused"]) == (2, 0)
    over = first["rows"][0]["request"]["request_id"]
    await service.member(member).done(f"/v1/requests/{over}/withdrawal", {})
    again = await service.member(member).done(
        "/v1/requests/bulk",
        {"requests": [asked(1), asked(1, purpose="Another purpose"), asked(2, again=True)]},
    )
    assert [(row["refused"] or {}).get("field") for row in again["rows"]] == ["again", None, "entry_id"]
    assert over in again["rows"][0]["refused"]["reason"]
    assert again["rows"][0]["refused"]["retryable"] is False
    other = again["rows"][1]["request"]["request_id"]
    await service.member(member).done(f"/v1/requests/{other}/withdrawal", {})
    once_more = await service.member(member).done("/v1/requests/bulk", {"requests": [asked(1, again=True)]})
    assert once_more["taken"] == 1
    # Two were withdrawn before their slot.
    assert len(await service.mails("invitation")) == 2
