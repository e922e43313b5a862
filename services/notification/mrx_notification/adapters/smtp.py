"""Letters over SMTP (RFC 5321), each on a connection of its own."""

import re
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from typing import Final, Literal

import aiosmtplib
from mrx_shared.kit.clock import Clock

from mrx_notification.domain.mails import Letter, Mail
from mrx_notification.ports import NotNow, Refused

SENDER_NAME: Final = "Mutual Recognition Exchange"
NO_ANSWER: Final = "4.4.1"
NO_UTF8: Final = "5.6.7"
_SERVICE_ENDS: Final = 421
_WANTS_SIGN_IN: Final = frozenset({530, 534, 535, 538})
_PERMANENT: Final = 5
_STATUS = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")

Security = Literal["none", "starttls", "tls"]


class SmtpPost:
    """See `ports.Post`."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        security: Security,
        sender: str,
        clock: Clock,
        username: str | None = None,
        password: str | None = None,
        timeout_s: float = 30,
    ) -> None:
        self._host = host
        self._port = port
        self._security = security
        self._sender = sender
        self._clock = clock
        self._username = username
        self._password = password
        self._timeout_s = timeout_s

    async def send(self, letter: Letter, mail: Mail) -> None:
        """See `ports.Post`."""
        assert mail.address is not None
        message = compose(letter, mail, sender=self._sender, date=format_datetime(self._clock()))
        try:
            await aiosmtplib.send(
                message,
                sender=self._sender,
                recipients=[mail.address],
                hostname=self._host,
                port=self._port,
                username=self._username,
                password=self._password,
                timeout=self._timeout_s,
                use_tls=self._security == "tls",
                start_tls=self._security == "starttls",
                tls_context=ssl.create_default_context() if self._security != "none" else None,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _verdict(error.recipients[0]) from None
        except (
            aiosmtplib.SMTPSenderRefused,
            aiosmtplib.SMTPRecipientRefused,
            aiosmtplib.SMTPDataError,
        ) as error:
            raise _verdict(error) from None
        except aiosmtplib.SMTPNotSupported as error:
            if mail.address.isascii():
                raise NotNow(NO_ANSWER, away=True) from error
            raise Refused(NO_UTF8) from None
        except (aiosmtplib.SMTPException, OSError) as error:
            raise NotNow(NO_ANSWER, away=True) from error


def _verdict(error: aiosmtplib.SMTPResponseException) -> Refused | NotNow:
    """What an answer to MAIL, RCPT or DATA means. The cause is cut off: it names the address."""
    told = _STATUS.match(error.message)
    status = told[1] if told else f"{error.code // 100}.0.0"
    if error.code in _WANTS_SIGN_IN:
        return NotNow(NO_ANSWER, away=True)
    if error.code // 100 == _PERMANENT:
        return Refused(status)
    return NotNow(status, away=error.code == _SERVICE_ENDS)


def compose(letter: Letter, mail: Mail, *, sender: str, date: str) -> EmailMessage:
    """The letter as a message. A header that held a line end would be refused here, with ValueError."""
    assert mail.address is not None
    local, _, domain = mail.address.rpartition("@")
    message = EmailMessage(policy=SMTP if mail.address.isascii() else SMTPUTF8)
    message["From"] = Address(display_name=SENDER_NAME, addr_spec=sender)
    message["To"] = Address(display_name=mail.words.get("to_name") or "", username=local, domain=domain)
    message["Subject"] = letter.subject
    message["Date"] = date
    message["Message-ID"] = f"<{mail.event_id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text, cte="quoted-printable")
    message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    message["Content-Language"] = letter.language
    return message
