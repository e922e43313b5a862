"""A mail server on loopback that delivers nothing: it keeps every mail in a folder, for a person or a test to read."""

import asyncio
import smtplib
import sys
from pathlib import Path

from mrx_local.process import ProcessSpec
from mrx_local.state_files import LOOPBACK, Ports

ANSWER_WITHIN = 2.0


class MailSink:
    """The server's port and the folder of its mails, one `.eml` file each."""

    def __init__(self, folder: Path, *, ports: Ports) -> None:
        self.mails = folder.resolve() / "mails"
        self.port = ports.get("smtp")

    async def ready(self) -> bool:
        """It greets."""
        return await asyncio.to_thread(self._greets)

    def spec(self) -> ProcessSpec:
        self.mails.mkdir(parents=True, exist_ok=True)
        return ProcessSpec(
            name="mail-sink",
            kind="infrastructure",
            url=f"smtp://{LOOPBACK}:{self.port}",
            argv=(
                *(sys.executable, "-m", "mrx_local.infrastructure.mail_server"),
                *(LOOPBACK, str(self.port), str(self.mails)),
            ),
            ready=self.ready,
            cwd=self.mails,
        )

    def _greets(self) -> bool:
        try:
            with smtplib.SMTP(LOOPBACK, self.port, timeout=ANSWER_WITHIN):
                return True
        except (OSError, smtplib.SMTPException):
            return False
