"""From the event that asks for a mail to the fact that it was sent, over a real SMTP server."""

import hashlib
from datetime import timedelta
from uuid import UUID

import pytest
from mrx_notification.app import build_post
from mrx_notification.domain.mails import Letter, Mail
from mrx_shared.refusals import Unavailable

from tests.component.notification.conftest import (
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

pytestmark = pytest.mark.live

SOON = timedelta(seconds=5)
TWO_DAYS = timedelta(days=2)


def hashes(links: list[str]) -> list[str]:
    return [hashlib.sha256(link.rpartition("/")[2].encode()).hexdigest() for link in links]


async def test_a_mail_that_is_asked_for_is_sent_once_and_said_with_the_hash_of_its_token(
    desk: Desk, mail_server: MailServer, empty_database: ServiceDatabase
) -> None:
    asked = request_mail()
    event_id = await desk.asked(asked)
    assert await desk.sending.once()
    assert not await desk.sending.once()

    (mail,) = mail_server.received
    assert mail_server.recipients == ["li.wei@mill.example"]
    assert mail["Message-ID"] == f"<{event_id}@mrx.example>"
    assert mail["To"] == "Li Wei <li.wei@mill.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    (link,) = links_in(mail)
    assert link.startswith(f"{PORTAL}/r/")
    assert len(link.rpartition("/")[2]) == 43
    (fact,) = await said(empty_database)
    assert (fact["fact"], fact["mail_id"], fact["kind"]) == ("mail-sent", str(asked.mail_id), "invitation")
    assert (fact["asked_by"], fact["about"]) == ("report_request", str(asked.request_id))
    assert fact["token_hashes"] == hashes([link])


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


class KilledAfterSending:
    """A mail server's client whose process dies when the server has taken the mail."""

    def __init__(self, post: "Sends") -> None:
        self.post = post

    async def send(self, letter: Letter, mail: Mail) -> None:
        await self.post.send(letter, mail)
        raise KeyboardInterrupt
