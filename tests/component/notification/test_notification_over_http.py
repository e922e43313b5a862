"""What an operator sees of mails, and how the mail server brings back those that came back."""

from uuid import UUID, uuid4

import pytest

from tests.component.notification.conftest import Desk, MailServer, said
from tests.conftest import ServiceDatabase
from tests.unit.notification.asked import password_mail, request_mail
from tests.unit.notification.bounces import EVENT, notification

pytestmark = pytest.mark.live


def about(letter_id: UUID, **other: str) -> bytes:
    """A notification about the mail of this id."""
    return notification(**other).replace(str(EVENT).encode(), str(letter_id).encode())


def letter_of(mail_server: MailServer) -> UUID:
    """The id in the Message-ID of the only mail."""
    (mail,) = mail_server.received
    return UUID(mail["Message-ID"][1:37])


async def test_a_mail_that_comes_back_is_said_once(
    desk: Desk, mail_server: MailServer, empty_database: ServiceDatabase
) -> None:
    asked = request_mail()
    await desk.asked(asked)
    await desk.sending.once()
    for _ in range(2):
        taken = await desk.bounced(about(letter_of(mail_server)))
        assert (taken.status_code, taken.json()) == (
            200,
            {"mail_id": str(asked.mail_id), "state": "failed"},
        )
    facts = await said(empty_database)
    assert [fact["fact"] for fact in facts] == ["mail-sent", "mail-failed"]
    assert (facts[1]["cause"], facts[1]["status"]) == ("bounced", "5.1.1")


async def test_a_mail_comes_back_by_what_the_mail_server_was_given(
    desk: Desk, mail_server: MailServer
) -> None:
    await desk.asked(request_mail())
    await desk.sending.once()
    sent = mail_server.received[0]["Message-ID"]
    raw = notification(returned=f"Message-ID: {sent}\r\n")
    assert (await desk.bounced(raw)).json()["state"] == "failed"


async def test_garbage_strangers_and_other_peoples_mails_are_refused(
    desk: Desk, empty_database: ServiceDatabase
) -> None:
    event_id = await desk.asked(request_mail())
    await desk.sending.once()
    garbage = await desk.bounced(b"\xff\x00 garbage")
    assert (garbage.status_code, garbage.json()["field"]) == (422, "body")
    assert garbage.json()["remedy"]
    assert (await desk.bounced(about(uuid4()))).status_code == 404
    assert (await desk.bounced(about(event_id), secret="a wrong secret")).status_code == 403
    assert (await desk.http("POST", "/v1/bounces", content=about(event_id))).status_code == 422
    assert [fact["fact"] for fact in await said(empty_database)] == ["mail-sent"]


async def test_a_delay_is_no_failure(
    desk: Desk, mail_server: MailServer, empty_database: ServiceDatabase
) -> None:
    await desk.asked(request_mail())
    await desk.sending.once()
    taken = await desk.bounced(about(letter_of(mail_server), action="delayed", status="4.4.7"))
    assert taken.json()["state"] == "sent"
    assert [fact["fact"] for fact in await said(empty_database)] == ["mail-sent"]


async def test_an_operator_sees_mails_page_by_page_with_masked_addresses(
    desk: Desk, mail_server: MailServer
) -> None:
    mail_server.on_recipient = ["550 5.1.1 no"]
    await desk.asked(request_mail())
    await desk.sending.once()
    await desk.asked_by_registry(password_mail())
    await desk.sending.once()
    await desk.asked(request_mail("reminder"))
    response = await desk.as_role("operator", "/v1/mails")
    assert response.status_code == 200
    for hidden in ("li.wei", "mill", "Li Wei", "Acme", "acme", "Sunrise", "ada@"):
        assert hidden not in response.text
    mails = response.json()["mails"]
    assert {(mail["kind"], mail["state"], mail["to"]) for mail in mails} == {
        ("invitation", "failed", "l***@m***.example"),
        ("password-reset", "sent", "a***@a***.example"),
        ("reminder", "waiting", "l***@m***.example"),
    }
    first = await desk.as_role("operator", "/v1/mails?limit=2")
    rest = await desk.as_role("operator", f"/v1/mails?limit=2&after={first.json()['mails'][1]['mail_id']}")
    assert [*first.json()["mails"], *rest.json()["mails"]] == mails
    failed = await desk.as_role("operator", "/v1/mails?state=failed")
    assert [mail["status"] for mail in failed.json()["mails"]] == ["5.1.1"]


async def test_mails_are_for_operators_alone(desk: Desk) -> None:
    for role in ("secretariat", "reviewer"):
        assert (await desk.as_role(role, "/v1/mails")).status_code == 403
    assert (await desk.as_role("member", "/v1/mails", member=uuid4())).status_code == 403
    assert (await desk.http("GET", "/v1/mails")).status_code == 401
