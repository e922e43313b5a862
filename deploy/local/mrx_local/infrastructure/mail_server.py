"""The mail sink's own process: `python -m mrx_local.infrastructure.mail_server HOST PORT FOLDER`."""

import asyncio
import os
import sys
import time
from pathlib import Path
from uuid import uuid4

from aiosmtpd.smtp import SMTP, Envelope, Session

NOBODY = ".invalid"
"""mail to such a domain is refused, as RFC 2606 has it that it does not exist"""
MAIL_BYTES = 5 * 1024 * 1024


class Keeper:
    """Keeps mails, each in a file that is there whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take a recipient, unless its domain cannot exist."""
        if address.lower().endswith(NOBODY):
            return "550 5.1.2 no such domain"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep the mail, then say that it is kept."""
        body = envelope.content if isinstance(envelope.content, bytes) else b""
        await asyncio.to_thread(self._keep, body)
        return "250 2.0.0 kept"

    def _keep(self, body: bytes) -> None:
        name = f"{time.time_ns()}-{uuid4().hex}"
        draft = self._folder / f".{name}"
        with draft.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(self._folder / f"{name}.eml")


async def serve(host: str, port: int, folder: Path) -> None:
    """Serve until the process is ended."""
    keeper = Keeper(folder)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(
            keeper, hostname="mail-sink.mrx.example", enable_SMTPUTF8=True, data_size_limit=MAIL_BYTES
        ),
        host,
        port,
    )
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])))
