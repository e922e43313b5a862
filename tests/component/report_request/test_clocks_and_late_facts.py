"""Reminders, expiry, erasure; and facts that come late, again, or in another order than they happened."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID, uuid4

import pytest
from mrx_report_request.handlers.clock import AT_ONCE
from mrx_shared.messages.exchange_adapter import (
    AccessRenewed,
    AccessWithdrawn,
    ReportRead,
    ReportRefused,
    UploadLapsed,
)
from mrx_shared.messages.notification import MailFailed
from mrx_shared.messages.report_request import MailAsked, RequestChanged
from mrx_shared.messages.topics import Topic
from mrx_shared.refusals import Unknown

from tests.component.report_request.conftest import NOW, ReportRequests, asked

pytestmark = pytest.mark.live

DAY = timedelta(days=1)


async def test_a_supplier_is_reminded_twice_and_the_request_expires(
    service: ReportRequests, member: UUID
) -> None:
    shown, _ = await service.sent(member)
    await service.clock(13 * DAY)
    assert await service.mails("reminder") == []
    for later, reminders in ((14.1, 1), (24.9, 1), (25.1, 2), (27.9, 2)):
        await service.clock(later * DAY)
        for mail in await service.mails("reminder"):
            await service.deliver_mail(mail)
        assert len(await service.mails("reminder")) == reminders
    await service.clock(28.1 * DAY)
    assert (await service.state(shown, member))["state"] == "expired"
    assert [one.kind for one in await service.mails()] == ["invitation", "reminder", "reminder", "closed"]
    assert (await service.mails("closed"))[0].with_link is False
    await service.clock(30 * DAY)
    assert (await service.states(shown["request_id"]))[-1] == "expired"
    assert len(await service.mails()) == 4


async def test_a_supplier_whose_upload_never_arrives_is_reminded_and_its_contact_can_be_replaced(
    service: ReportRequests, member: UUID
) -> None:
    shown, token = await service.sent(member)
    await service.begin_upload(shown, member)
    await service.clock(14.1 * DAY)
    [reminder] = await service.mails("reminder")
    await service.deliver_mail(reminder)
    seen = await service.state(shown, member)
    assert (seen["state"], "contact" in seen["possible"]) == ("uploading", True)
    path = f"/v1/requests/{shown['request_id']}/contact"
    again = await service.member(member).done(path, {"contact_email": "li@works1.example"})
    assert again["state"] == "uploading"
    assert (await service.mails("invitation"))[-1].to == "li@works1.example"
    assert (await service.supplier(token).get("/v1/pages")).status_code == 404
    await service.clock(25.1 * DAY)
    assert [one.to for one in await service.mails("reminder")][1:] == ["li@works1.example"]


async def test_a_supplier_that_never_got_its_mail_is_not_told_that_nothing_is_asked(
    service: ReportRequests, member: UUID
) -> None:
    await service.member(member).done("/v1/requests", asked(), 201)
    await service.clock(29 * DAY)
    await service.clock(33 * DAY)
    assert await service.mails() == []


async def test_nobody_is_reminded_for_a_member_that_takes_no_part_any_more(
    service: ReportRequests, member: UUID
) -> None:
    await service.sent(member)
    await service.participate(member, missing=["suspended"], sequence=2)
    await service.clock(15 * DAY)
    await service.clock(15 * DAY)
    assert await service.mails("reminder") == []


async def test_contacts_are_erased_ninety_days_after_the_end(service: ReportRequests, member: UUID) -> None:
    shown, token = await service.sent(member)
    assert (await service.state(shown, member))["supplier"]["contact_email"] == "quality@works1.example"
    await service.supplier(token).done("/v1/pages/refusal", {"reason": "other"})
    await service.clock(89 * DAY)
    assert (await service.state(shown, member))["supplier"]["contact_email"] is not None
    await service.clock(91 * DAY)
    seen = await service.state(shown, member)
    assert (seen["supplier"]["contact_email"], seen["supplier"]["contact_name"]) == (None, None)
    for table in ("request", "idempotency"):
        rows = await service.sql.fetch(f"SELECT {table}::text AS line FROM {table}")
        assert not any("@" in row["line"] or "Li Na" in row["line"] for row in rows)


async def test_a_report_of_an_upload_that_began_in_time_counts_although_the_term_ended(
    service: ReportRequests, member: UUID
) -> None:
    shown, _ = await service.sent(member)
    await service.begin_upload(shown, member)
    await service.clock(28.1 * DAY)
    assert (await service.state(shown, member))["state"] == "expired"
    await service.receive(shown, member)
    await service.store(shown, member)
    assert (await service.state(shown, member))["state"] == "available"


async def test_a_late_report_does_not_take_up_a_request_whose_member_asked_anew(
    service: ReportRequests, member: UUID
) -> None:
    shown, _ = await service.sent(member)
    await service.begin_upload(shown, member)
    await service.clock(28.1 * DAY)
    await service.member(member).done("/v1/requests", asked(), 201)
    await service.receive(shown, member)
    report_id = uuid4()
    for _ in range(2):
        await service.store(shown, member, report_id=report_id)
    seen = await service.state(shown, member)
    assert seen["state"] == "expired"
    assert f"/v1/reports/{report_id}" in seen["reason"]
    told = [one for one in await service.statuses(member) if one.reason == seen["reason"]]
    assert len(told) == 1
    assert await service.dead() == []


@pytest.mark.parametrize("ends_before", ["upload-begun", "report-received", "report-stored", "nothing"])
@pytest.mark.parametrize("minutes", [-1, 1], ids=["begun-in-time", "begun-too-late"])
async def test_a_stored_report_is_available_whenever_the_clock_came_by(
    service: ReportRequests, member: UUID, minutes: int, ends_before: str
) -> None:
    shown, _ = await service.sent(member)
    begun_at = datetime.fromisoformat(shown["term_ends_at"]) + timedelta(minutes=minutes)
    facts: dict[str, Callable[[], Awaitable[None]]] = {
        "upload-begun": lambda: service.begin_upload(shown, member, at=begun_at),
        "report-received": lambda: service.receive(shown, member),
        "report-stored": lambda: service.store(shown, member),
        "nothing": lambda: service.clock(timedelta(0)),
    }
    for fact, tell in facts.items():
        if fact == ends_before:
            await service.clock(28.1 * DAY)
        await tell()
    assert (await service.state(shown, member))["state"] == "available"
    assert (await service.statuses(member))[-1].links_path
    assert len(await service.mails("ready")) == 1


async def test_a_refused_file_does_not_forget_another_upload_that_began_meanwhile(
    service: ReportRequests, member: UUID
) -> None:
    shown, _ = await service.sent(member)
    ends = datetime.fromisoformat(shown["term_ends_at"])
    await service.begin_upload(shown, member, at=ends - timedelta(minutes=20))
    await service.receive(shown, member)
    await service.begin_upload(shown, member, at=ends - timedelta(minutes=10))
    await service.hear(Topic.EXCHANGE_ADAPTER, _refused(shown, member))
    assert (await service.state(shown, member))["state"] == "uploading"
    await service.clock(28 * DAY + timedelta(minutes=15))
    assert (await service.state(shown, member))["state"] == "uploading"
    await service.hear(Topic.EXCHANGE_ADAPTER, _refused(shown, member))
    seen = await service.state(shown, member)
    assert (seen["state"], seen["reason"]) == ("accepted", "a file was refused: encrypted, not-a-pdf")
    assert len(await service.mails("file-refused")) == 2


async def test_what_comes_after_the_end_changes_nothing_and_is_no_dead_letter(
    service: ReportRequests, member: UUID
) -> None:
    shown, token = await service.sent(member)
    await service.member(member).done(f"/v1/requests/{shown['request_id']}/withdrawal", {"reason": "closed"})
    before = await service.state(shown, member)
    await service.begin_upload(shown, member)
    await service.receive(shown, member)
    await service.store(shown, member)
    await service.hear(Topic.EXCHANGE_ADAPTER, _refused(shown, member))
    await service.hear(Topic.EXCHANGE_ADAPTER, _read(shown, member, uuid4()))
    await service.hear(Topic.EXCHANGE_ADAPTER, _access_withdrawn(shown, member, None))
    [invitation] = await service.mails("invitation")
    await service.deliver_mail(invitation, token)
    assert await service.state(shown, member) == {**before, "mail": "unsent"}
    assert await service.states(shown["request_id"]) == ["drafted", "sent", "withdrawn"]
    assert await service.dead() == []
    assert (await service.supplier(token).get("/v1/pages")).json()["state"] == "withdrawn"


async def test_requests_at_which_the_clock_fails_step_aside_for_those_behind_them(
    service: ReportRequests, member: UUID
) -> None:
    shown, _ = await service.sent(member)
    await service.sql.execute(
        """
        INSERT INTO request_owner (request_id, member_id, due_at)
        SELECT gen_random_uuid(), $1, now() - interval '1 day' FROM generate_series(1, $2)
        """,
        member,
        2 * AT_ONCE + 1,
    )
    failures = 0
    for _ in range(4):
        try:
            await service.clock(28.1 * DAY)
        except Unknown:
            failures += 1
    assert (await service.state(shown, member))["state"] == "expired"
    assert failures == 3
    await service.clock(28.1 * DAY)  # nothing is due
    with pytest.raises(Unknown):
        await service.clock(28.2 * DAY)


async def test_a_request_that_is_looked_at_too_early_is_due_when_it_should_be(
    service: ReportRequests, member: UUID
) -> None:
    await service.sent(member)
    due = "SELECT due_at FROM request_owner"
    before = await service.sql.fetchval(due)
    await service.sql.execute("UPDATE request_owner SET due_at = now()")
    await service.clock(timedelta(0))
    assert await service.sql.fetchval(due) == before


async def test_a_request_that_was_put_off_is_looked_at_again(service: ReportRequests, member: UUID) -> None:
    shown, _ = await service.sent(member)
    await service.sql.execute("UPDATE request_owner SET put_off_until = now() + interval '15 days'")
    await service.clock(14.1 * DAY)
    assert await service.mails("reminder") == []
    await service.clock(15.1 * DAY)
    assert len(await service.mails("reminder")) == 1
    assert await service.sql.fetchval("SELECT put_off_until FROM request_owner") is None
    await service.clock(28.1 * DAY)
    assert (await service.state(shown, member))["state"] == "expired"


async def test_a_fact_that_is_told_again_under_a_new_id_changes_nothing(
    service: ReportRequests, member: UUID
) -> None:
    shown = await service.available(member)
    before, said = await service.state(shown, member), len(await service.said(RequestChanged))
    await service.begin_upload(shown, member)
    await service.receive(shown, member)
    await service.store(shown, member)
    assert await service.state(shown, member) == before
    assert len(await service.said(RequestChanged)) == said
    assert [one.kind for one in await service.mails()] == ["invitation", "ready", "received"]


async def test_an_upload_that_is_known_before_its_mail_was_is_taken_up(
    service: ReportRequests, member: UUID
) -> None:
    shown = await service.member(member).done("/v1/requests", asked(), 201)
    await service.begin_upload(shown, member)
    await service.deliver_mail((await service.mails())[0], "a token")
    seen = await service.state(shown, member)
    assert (seen["state"], seen["mail"]) == ("uploading", "sent")
    assert (await service.supplier("a token").get("/v1/pages")).status_code == 200


async def test_a_refused_file_leads_back_and_the_right_one_is_taken(
    service: ReportRequests, member: UUID
) -> None:
    shown, _ = await service.sent(member)
    await service.begin_upload(shown, member)
    await service.receive(shown, member)
    await service.hear(Topic.EXCHANGE_ADAPTER, _refused(shown, member))
    seen = await service.state(shown, member)
    assert (seen["state"], seen["reason"]) == ("accepted", "a file was refused: encrypted, not-a-pdf")
    assert [one.detail for one in await service.mails("file-refused")] == ["encrypted, not-a-pdf"]
    await service.begin_upload(shown, member)
    await service.receive(shown, member)
    await service.store(shown, member)
    assert (await service.state(shown, member))["state"] == "available"


async def test_a_supplier_whose_upload_lapsed_is_reminded_and_its_contact_can_be_replaced(
    service: ReportRequests, member: UUID
) -> None:
    shown, _ = await service.sent(member)
    await service.begin_upload(shown, member)
    lapsed = UploadLapsed(
        request_id=UUID(shown["request_id"]),
        member_id=member,
        ticket_id=uuid4(),
        channel="upload",
        lapsed_at=NOW(),
    )
    await service.hear(Topic.EXCHANGE_ADAPTER, lapsed)
    seen = await service.state(shown, member)
    assert (seen["state"], seen["reason"]) == ("accepted", "nothing came of the upload that had begun")
    await service.clock(14.1 * DAY)
    assert len(await service.mails("reminder")) == 1
    path = f"/v1/requests/{shown['request_id']}/contact"
    await service.member(member).done(path, {"contact_email": "li@works1.example"})


async def test_access_withdrawn_on_the_platform_takes_the_links_path_away_until_it_is_granted_again(
    service: ReportRequests, member: UUID
) -> None:
    shown = await service.available(member)
    report_id = UUID((await service.state(shown, member))["report"]["report_id"])
    await service.hear(Topic.EXCHANGE_ADAPTER, _read(shown, member, report_id))
    await service.hear(Topic.EXCHANGE_ADAPTER, _access_withdrawn(shown, member, report_id))
    seen = await service.state(shown, member)
    assert seen["state"] == "available"
    assert seen["report"]["read_at"]
    assert seen["report"]["access_withdrawn_at"]
    assert (await service.statuses(member))[-1].links_path is None

    renewed = AccessRenewed(
        report_id=report_id, request_id=UUID(shown["request_id"]), member_id=member, renewed_at=NOW()
    )
    await service.hear(Topic.EXCHANGE_ADAPTER, renewed)
    assert (await service.state(shown, member))["report"]["access_withdrawn_at"] is None
    assert (await service.statuses(member))[-1].links_path == f"/v1/reports/{report_id}/links"


async def test_a_fact_about_anothers_request_is_put_aside(service: ReportRequests, member: UUID) -> None:
    shown, _ = await service.sent(member)
    await service.store(shown, uuid4(), opened=False)
    await service.store({"request_id": str(uuid4())}, member, opened=False)
    assert len(await service.dead()) == 2
    assert (await service.state(shown, member))["state"] == "sent"


async def test_a_mail_that_came_back_is_told_and_another_contact_gets_a_link_of_its_own(
    service: ReportRequests, member: UUID
) -> None:
    shown, token = await service.sent(member)
    [first] = await service.mails("invitation")
    await service.hear(Topic.NOTIFICATION, _failed(first))
    seen = await service.state(shown, member)
    assert (seen["state"], seen["mail"]) == ("sent", "bounced")
    told = (await service.statuses(member))[-1]
    assert (told.mail, told.field) == ("bounced", "supplier.contact_email")
    assert told.remedy
    [undelivered] = await service.mails("undelivered")
    assert (undelivered.to, undelivered.detail) == ("sourcing@buyer.example", "bounced 5.1.1")

    path = f"/v1/requests/{shown['request_id']}/contact"
    wrong = await service.member(member).post(path, {"contact_email": "nobody"})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "contact_email")
    again = await service.member(member).done(path, {"contact_email": "li@works1.example", "language": "zh"})
    assert again["mail"] == "unsent"
    assert (await service.supplier(token).get("/v1/pages")).status_code == 404
    second = (await service.mails("invitation"))[-1]
    assert (second.to, second.language) == ("li@works1.example", "zh")
    assert (await service.said(RequestChanged))[-1].revoked_mails == [first.mail_id]
    await service.deliver_mail(first, token)  # sent again after a crash: its link stays closed
    assert (await service.supplier(token).get("/v1/pages")).status_code == 404
    await service.deliver_mail(second, "another token")
    assert (await service.supplier("another token").get("/v1/pages")).status_code == 200
    assert (await service.state(shown, member))["mail"] == "sent"


async def test_a_link_of_a_failed_mail_that_arrived_nevertheless_opens_the_page_until_its_contact_is_replaced(
    service: ReportRequests, member: UUID
) -> None:
    shown = await service.member(member).done("/v1/requests", asked(), 201)
    [mail] = await service.mails("invitation")
    failed = _failed(mail).model_copy(
        update={"cause": "refused", "token_hashes": [sha256(b"a link that arrived").hexdigest()]}
    )
    await service.hear(Topic.NOTIFICATION, failed)
    assert (await service.state(shown, member))["mail"] == "refused"
    supplier = service.supplier("a link that arrived")
    assert (await supplier.done("/v1/pages/opening"))["state"] == "opened"
    path = f"/v1/requests/{shown['request_id']}/contact"
    await service.member(member).done(path, {"contact_email": "li@works1.example"})
    await service.hear(Topic.NOTIFICATION, failed)
    assert (await supplier.get("/v1/pages")).status_code == 404


async def test_every_token_of_a_mail_that_was_sent_again_opens_the_page(
    service: ReportRequests, member: UUID
) -> None:
    shown, token = await service.sent(member)
    [mail] = await service.mails()
    await service.deliver_mail(mail, token, "a newer token")
    for one in (token, "a newer token"):
        assert (await service.supplier(one).get("/v1/pages")).json()["request_id"] == shown["request_id"]
    assert (await service.states(shown["request_id"])).count("sent") == 1


async def test_looking_at_the_page_changes_nothing_and_opening_it_twice_is_once(
    service: ReportRequests, member: UUID
) -> None:
    shown, token = await service.sent(member)
    said = len(await service.said(RequestChanged))
    for _ in range(3):
        assert (await service.supplier(token).get("/v1/pages")).json()["state"] == "sent"
    assert len(await service.said(RequestChanged)) == said
    for _ in range(2):
        assert (await service.supplier(token).done("/v1/pages/opening"))["state"] == "opened"
    assert (await service.states(shown["request_id"])).count("opened") == 1


def _refused(shown: dict[str, str], member_id: UUID) -> ReportRefused:
    return ReportRefused(
        request_id=UUID(shown["request_id"]),
        member_id=member_id,
        ticket_id=uuid4(),
        channel="upload",
        reasons=["encrypted", "not-a-pdf"],
        remedy="send a PDF without a password",
        refused_at=NOW(),
    )


def _read(shown: dict[str, str], member_id: UUID, report_id: UUID) -> ReportRead:
    return ReportRead(
        report_id=report_id, request_id=UUID(shown["request_id"]), member_id=member_id, read_at=NOW()
    )


def _access_withdrawn(shown: dict[str, str], member_id: UUID, report_id: UUID | None) -> AccessWithdrawn:
    return AccessWithdrawn(
        report_id=report_id, request_id=UUID(shown["request_id"]), member_id=member_id, withdrawn_at=NOW()
    )


def _failed(mail: MailAsked) -> MailFailed:
    return MailFailed(
        mail_id=mail.mail_id,
        kind=mail.kind,
        asked_by="report_request",
        about=mail.request_id,
        cause="bounced",
        status="5.1.1",
        failed_at=NOW(),
    )
