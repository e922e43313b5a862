"""From the event that asks for a mail to the fact that it was sent, over a real SMTP server."""

import asyncio
import hashlib
import re
from datetime import timedelta

import pytest
from mrx_notification.app import build_transport
from mrx_notification.domain.mails import Attempt, RenderedMail
from mrx_notification.ports import Transport
from mrx_shared.refusals import Unavailable

from tests.component.notification.conftest import (
    NOW,
    PORTAL,
    Desk,
    MailServer,
    OpenDesk,
    connected,
    links_in,
    said,
    settings_for,
)
from tests.conftest import ServiceDatabase
from tests.unit.notification.asked import password_mail, request_mail
from tests.unit.notification.bounces import notification

pytestmark = pytest.mark.live

SOON = timedelta(seconds=5)


def hashes(links: list[str]) -> list[str]:
    return [hashlib.sha256(link.rpartition("/")[2].encode()).hexdigest() for link in links]


async def test_a_mail_that_is_asked_for_is_sent_once_and_said_with_the_hash_of_its_token(
    desk: Desk, mail_server: MailServer, empty_database: ServiceDatabase
) -> None:
    asked = request_mail()
    await desk.asked(asked)
    assert await desk.sending.once()
    assert not await desk.sending.once()

    (mail,) = mail_server.received
    assert mail_server.recipients == ["li.wei@mill.example"]
    assert re.fullmatch(r"<[0-9a-f-]{36}@mrx\.example>", mail["Message-ID"])
    assert mail["To"] == "Li Wei <li.wei@mill.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    (link,) = links_in(mail)
    assert link.startswith(f"{PORTAL}/r/")
    assert len(link.rpartition("/")[2]) == 43
    (fact,) = await said(empty_database)
    assert (fact["fact"], fact["mail_id"], fact["kind"]) == ("mail-sent", str(asked.mail_id), "invitation")
    assert (fact["asked_by"], fact["about"]) == ("report_request", str(asked.request_id))
    assert fact["token_hashes"] == hashes([link])


async def test_requests_to_one_mailbox_leave_as_one_mail_and_come_back_as_one(
    open_desk: OpenDesk, mail_server: MailServer, empty_database: ServiceDatabase
) -> None:
    slot, desk = NOW() + timedelta(hours=1), open_desk()
    asked = [
        request_mail(to=to, asks=asks, leaves_at=slot)
        for to, asks in (("li.wei@mill.example", "Acme Brands"), ("Li.Wei+b@Mill.example", "Birch Foods"))
    ]
    for mail in asked:
        await desk.asked(mail)
    assert not await desk.sending.once()
    later = open_desk(later=timedelta(hours=2))
    assert await later.sending.once()
    assert not await later.sending.once()

    (merged,) = mail_server.received
    assert mail_server.recipients == ["li.wei@mill.example"]
    assert merged["Subject"] == "2 requests for audit reports on your sites"
    facts = {fact["mail_id"]: fact for fact in await said(empty_database)}
    assert set(facts) == {str(one.mail_id) for one in asked}
    assert sorted(one for fact in facts.values() for one in fact["token_hashes"]) == sorted(
        hashes(mail_server.links())
    )
    returned = notification(returned=f"Message-ID: {merged['Message-ID']}\r\n")
    assert (await later.bounced(returned)).json()["state"] == "failed"
    failed = [fact["mail_id"] for fact in await said(empty_database) if fact["fact"] == "mail-failed"]
    assert sorted(failed) == sorted(facts)


async def test_a_repeated_event_makes_no_second_mail(desk: Desk, mail_server: MailServer) -> None:
    asked = request_mail()
    await desk.asked(asked)
    await desk.asked(asked)
    while await desk.sending.once():
        pass
    assert len(mail_server.received) == 1


async def test_a_password_mail_links_to_the_page_for_passwords(
    desk: Desk, mail_server: MailServer, empty_database: ServiceDatabase
) -> None:
    await desk.asked_by_registry(password_mail())
    await desk.sending.once()
    (link,) = mail_server.links()
    assert link.startswith(f"{PORTAL}/reset/")
    (fact,) = await said(empty_database)
    assert (fact["asked_by"], fact["token_hashes"]) == ("registry", hashes([link]))


class Killed(Exception):
    """The process is gone."""


class KilledAfterSending:
    """The way to the mail server, in a process that dies as soon as the server has taken the mail."""

    def __init__(self, post: Transport) -> None:
        self.post = post

    async def send(self, letter: RenderedMail, attempt: Attempt) -> None:
        await self.post.send(letter, attempt)
        raise Killed


async def test_a_crash_between_server_and_commit_leads_to_the_same_mail_whose_every_link_works(
    open_desk: OpenDesk, mail_server: MailServer, empty_database: ServiceDatabase
) -> None:
    post = build_transport(settings_for(empty_database, mail_server, timedelta(0)))
    dying = open_desk(post=KilledAfterSending(post))
    await dying.asked(request_mail())
    with pytest.raises(Killed):
        await dying.sending.once()
    assert await said(empty_database) == []

    assert await open_desk(later=SOON).sending.once()
    first, second = mail_server.received
    assert first["Message-ID"] == second["Message-ID"]
    links = mail_server.links()
    assert links[0] != links[1]
    (fact,) = await said(empty_database)
    assert (fact["fact"], fact["token_hashes"]) == ("mail-sent", hashes(links))


async def test_a_connection_lost_before_the_answer_leads_to_the_same_mail_again(
    open_desk: OpenDesk, mail_server: MailServer, empty_database: ServiceDatabase
) -> None:
    mail_server.hangs_up_after_data = 1
    desk = open_desk()
    await desk.asked(request_mail())
    with pytest.raises(Unavailable):
        await desk.sending.once()
    await open_desk(later=SOON).sending.once()
    assert len({mail["Message-ID"] for mail in mail_server.received}) == 1
    (fact,) = await said(empty_database)
    assert fact["token_hashes"] == hashes(mail_server.links())
    assert len(fact["token_hashes"]) == 2


async def test_a_link_that_came_through_before_the_connection_was_lost_is_said_though_the_server_then_refuses(
    open_desk: OpenDesk, mail_server: MailServer, empty_database: ServiceDatabase
) -> None:
    mail_server.hangs_up_after_data = 1
    desk = open_desk()
    await desk.asked(request_mail())
    with pytest.raises(Unavailable):
        await desk.sending.once()
    mail_server.on_recipient = ["550 5.1.1 no such user"]
    await open_desk(later=SOON).sending.once()
    (fact,) = await said(empty_database)
    assert (fact["fact"], fact["cause"]) == ("mail-failed", "refused")
    assert hashes(mail_server.links())[0] in fact["token_hashes"]


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        ({"on_mail": ["550 5.7.1 not from you"]}, "5.7.1"),
        ({"on_recipient": ["550 5.1.1 no such user li.wei@mill.example"]}, "5.1.1"),
        ({"on_recipient": ["553 what is that"]}, "5.0.0"),
        ({"on_data": ["554 5.6.0 not this"]}, "5.6.0"),
    ],
)
async def test_what_the_server_refuses_is_said_by_its_code_alone(
    desk: Desk,
    mail_server: MailServer,
    empty_database: ServiceDatabase,
    answers: dict[str, list[str]],
    status: str,
) -> None:
    for name, values in answers.items():
        setattr(mail_server, name, values)
    asked = request_mail()
    await desk.asked(asked)
    await desk.sending.once()
    assert mail_server.received == []
    (fact,) = await said(empty_database)
    assert len(fact.pop("token_hashes")) == 1
    assert fact == {
        "fact": "mail-failed",
        "mail_id": str(asked.mail_id),
        "kind": "invitation",
        "asked_by": "report_request",
        "about": str(asked.request_id),
        "cause": "refused",
        "status": status,
        "failed_at": fact["failed_at"],
    }


@pytest.mark.parametrize("command", ["on_mail", "on_recipient", "on_data"])
async def test_a_greylisting_server_gets_the_mail_a_little_later_and_others_meanwhile(
    open_desk: OpenDesk, mail_server: MailServer, empty_database: ServiceDatabase, command: str
) -> None:
    setattr(mail_server, command, ["451 4.7.1 come back later"])
    desk = open_desk()
    await desk.asked(request_mail())
    assert await desk.sending.once()
    await desk.asked(request_mail(to="other@mill.example"))
    assert await desk.sending.once()
    assert mail_server.recipients == ["other@mill.example"]
    assert not await desk.sending.once()
    await open_desk(later=SOON).sending.once()
    assert mail_server.recipients == ["other@mill.example", "li.wei@mill.example"]
    assert [fact["fact"] for fact in await said(empty_database)] == ["mail-sent"] * 2


async def test_while_the_server_is_away_mails_wait_and_then_go(
    open_desk: OpenDesk, mail_server: MailServer
) -> None:
    await mail_server.stop()
    desk = open_desk()
    await desk.asked(request_mail())
    with pytest.raises(Unavailable):
        await desk.sending.once()
    await mail_server.start()
    await open_desk(later=SOON).sending.once()
    assert len(mail_server.received) == 1


@pytest.mark.parametrize("answer", ["530 5.7.0 sign in first", "421 4.3.2 closing"])
async def test_a_server_that_wants_another_sign_in_or_closes_counts_as_away(
    desk: Desk, mail_server: MailServer, empty_database: ServiceDatabase, answer: str
) -> None:
    mail_server.on_mail = [answer]
    await desk.asked(request_mail())
    with pytest.raises(Unavailable):
        await desk.sending.once()
    assert await said(empty_database) == []


async def test_a_mail_that_never_goes_is_given_up_after_about_a_day(
    open_desk: OpenDesk, mail_server: MailServer, empty_database: ServiceDatabase
) -> None:
    await open_desk().asked(request_mail())
    async with connected(empty_database.superuser_url) as connection:
        await connection.execute("UPDATE mail SET tries = 56, status = '4.7.1'")
    mail_server.on_recipient = ["450 4.2.2 mailbox full"]
    await open_desk().sending.once()
    await open_desk(later=timedelta(hours=1)).sending.once()
    (fact,) = await said(empty_database)
    assert (fact["cause"], fact["status"]) == ("given-up", "4.2.2")


async def test_a_server_that_offers_no_encryption_is_not_spoken_to_where_it_is_wanted(
    open_desk: OpenDesk, mail_server: MailServer, empty_database: ServiceDatabase
) -> None:
    settings = settings_for(empty_database, mail_server, timedelta(0))
    desk = open_desk(post=build_transport(settings.model_copy(update={"smtp_security": "starttls"})))
    await desk.asked(request_mail())
    with pytest.raises(Unavailable):
        await desk.sending.once()
    assert mail_server.received == []


@pytest.mark.parametrize("knows_utf8", [True, False])
async def test_an_address_in_another_script_goes_where_servers_know_it_and_is_refused_where_not(
    open_desk: OpenDesk, mail_server: MailServer, empty_database: ServiceDatabase, knows_utf8: bool
) -> None:
    mail_server.knows_utf8 = knows_utf8
    desk = open_desk()
    await desk.asked(request_mail(to="李伟@mill.example", to_name="李伟", language="zh"))
    await desk.sending.once()
    (fact,) = await said(empty_database)
    if knows_utf8:
        (mail,) = mail_server.received
        assert mail["Subject"] == "Acme Brands 请求 Sunrise Mill No. 3 的审核报告"
        assert mail_server.recipients == ["李伟@mill.example"]
    else:
        assert (fact["cause"], fact["status"]) == ("refused", "5.6.7")


async def test_two_processes_send_each_mail_once(open_desk: OpenDesk, mail_server: MailServer) -> None:
    first, second = open_desk(), open_desk()
    for number in range(12):
        await first.asked(request_mail(to=f"quality@mill{number}.example"))

    async def work_off(desk: Desk) -> None:
        while len(mail_server.received) < 12:
            await desk.sending.once()

    await asyncio.gather(work_off(first), work_off(second))
    assert len({mail["Message-ID"] for mail in mail_server.received}) == len(mail_server.received) == 12


async def test_nothing_of_a_token_and_after_the_end_no_word_and_later_no_address_is_kept(
    open_desk: OpenDesk, mail_server: MailServer, empty_database: ServiceDatabase
) -> None:
    desk = open_desk()
    await desk.asked(request_mail())
    await desk.sending.once()
    (link,) = mail_server.links()

    async def dump() -> str:
        async with connected(empty_database.superuser_url) as connection:
            names = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            tables = [await connection.fetch(f"SELECT * FROM {row['tablename']}") for row in names]
        return repr([list(row.values()) for table in tables for row in table])

    kept = await dump()
    for gone in (link.rpartition("/")[2], "Li Wei", "Sunrise", "Acme", "S-0042"):
        assert gone not in kept
    assert "li.wei@mill.example" in kept
    assert await open_desk(later=timedelta(days=8)).parts.loop("forgetting").once()
    assert "mill.example" not in await dump()
