"""The mails that the sink keeps, as their recipients would find them."""

import asyncio
import email
import email.policy
import re
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

from mrx_shared.refusals import Unavailable

LINK = re.compile(r"https?://\S+/(?:r|reset)/[\w-]+")
PATIENCE_S = 60.0
LOOK_EVERY_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail as it was delivered."""

    message_id: str
    to: str
    subject: str
    text: str = field(repr=False)

    @property
    def link(self) -> str | None:
        """The link to the recipient's page, if there is one."""
        found = LINK.search(self.text)
        return found[0] if found else None

    @property
    def of_a_password(self) -> bool:
        """Whether it lets its recipient choose a password: as when somebody is let in, which no request asks for."""
        return self.link is not None and "/reset/" in self.link


class Mailbox:
    """All mails in the sink's folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, Mail] = {}

    def mails(self) -> Collection[Mail]:
        """Every mail that came, in the order of its arrival; one that was sent twice is there twice."""
        for path in sorted(self._folder.glob("*.eml")):
            if path.name not in self._read:
                self._read[path.name] = _mail(path.read_bytes())
        return self._read.values()

    def delivered(self) -> int:
        """How many mails about requests came; one sent again after a crash has the same Message-ID and counts once."""
        return len({mail.message_id for mail in self.mails() if not mail.of_a_password})

    async def link_for(self, address: str, *, subject: str = "") -> str:
        """The link in the newest mail to an address, with such a subject; waits for one. Raises `Unavailable`."""
        give_up = time.monotonic() + PATIENCE_S
        while time.monotonic() < give_up:
            links = [
                mail.link
                for mail in await asyncio.to_thread(self.mails)
                if mail.to == address and mail.link and subject in mail.subject
            ]
            if links:
                return links[-1]
            await asyncio.sleep(LOOK_EVERY_S)
        raise Unavailable(f"no mail with a link came to {address} within {PATIENCE_S:.0f} s")


def _mail(raw: bytes) -> Mail:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    body = message.get_body(preferencelist=("plain",))
    return Mail(
        message_id=str(message["Message-ID"]),
        to=message["To"].addresses[0].addr_spec,
        subject=str(message["Subject"]),
        text=body.get_content() if body else "",
    )
