"""Mails over SMTP (RFC 5321), each on a connection of its own."""

import re
import ssl
from email import message_from_bytes, message_from_string
from email.errors import MessageError
from email.header import Header, decode_header, make_header
from email.message import EmailMessage, Message
from email.policy import SMTP, compat32, default
from email.utils import format_datetime, parseaddr
from typing import Final, Literal

import aiosmtplib
from mrx_shared.kit.clock import Clock

from mrx_notification.domain.mails import Attempt, RenderedMail
from mrx_notification.ports import NotNow, Refused, Unsafe

SENDER_NAME: Final = "Mutual Recognition Exchange"
NO_ANSWER: Final = "4.4.1"
NO_UTF8: Final = "5.6.7"
_LINE: Final = 76
_PARTS: Final = ["multipart/alternative", "text/plain", "text/html"]
_SERVICE_ENDS: Final = 421
_WANTS_SIGN_IN: Final = frozenset({530, 534, 535, 538})
_PERMANENT: Final = 5
_STATUS = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")

Security = Literal["none", "starttls", "tls"]


class SmtpTransport:
    """See `ports.Transport`."""

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

    async def send(self, rendered: RenderedMail, attempt: Attempt) -> None:
        """See `ports.Transport`."""
        message = compose(rendered, attempt, sender=self._sender, date=format_datetime(self._clock()))
        try:
            await aiosmtplib.send(
                message,
                sender=self._sender,
                recipients=[attempt.address],
                mail_options=[] if attempt.address.isascii() else ["SMTPUTF8", "BODY=8BITMIME"],
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
            if attempt.address.isascii():
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


def compose(rendered: RenderedMail, attempt: Attempt, *, sender: str, date: str) -> bytes:
    """The letter as a message's bytes. Raises `Unsafe` where they say anything else than was written."""
    headers = {
        "From": f"{SENDER_NAME} <{sender}>",
        "To": "",
        "Subject": "",
        "Date": date,
        "Message-ID": f"<{attempt.letter_id}@{sender.rpartition('@')[2]}>",
        "Auto-Submitted": "auto-generated",
        "Content-Language": rendered.language,
    }
    body = EmailMessage(policy=SMTP)
    try:
        body.set_content(rendered.text, cte="quoted-printable")
        body.add_alternative(rendered.html, subtype="html", cte="quoted-printable")
        headers["To"] = _recipient(attempt)
        headers["Subject"] = _folded("Subject", rendered.subject)
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        message = head.encode() + body.as_bytes()
        as_written = _as_written(message, rendered, attempt, names=[*headers, *body.keys()])
    except (MessageError, ValueError, LookupError, AttributeError, TypeError):
        # The standard library meets what is no header or part with more kinds of error than it tells.
        raise Unsafe from None
    if not as_written:
        raise Unsafe
    return message


def _folded(name: str, value: str) -> str:
    """A header's value on lines of which none is too long: as it is where blanks part it, else as encoded words."""
    as_it_is = value.isascii() and max(map(len, value.split()), default=0) < _LINE - len(name) - len(": ")
    charset = "us-ascii" if as_it_is else "utf-8"
    return Header(value, charset, header_name=name, maxlinelen=_LINE).encode(linesep="\r\n")


def _recipient(attempt: Attempt) -> str:
    name = attempt.to_name or ""
    if not name:
        return attempt.address
    if name.isascii():
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}"\r\n <{attempt.address}>'
    return f"{_folded('To', name)}\r\n <{attempt.address}>"


def named(message: Message) -> str:
    """How a message calls its recipient. The header registry of Python leaves a blank between two encoded words."""
    raw = dict(message.raw_items())["To"]
    return str(make_header(decode_header(parseaddr(raw)[0])))


def _as_written(message: bytes, rendered: RenderedMail, attempt: Attempt, *, names: list[str]) -> bool:
    """Whether mail programs read the headers, the recipient and the parts that were written, and nothing else.

    So a word that its rule does not know, and that changes the message, is not sent.
    """
    plain = message_from_string(message.decode(), policy=default)
    as_bytes = (message_from_bytes(message, policy=policy) for policy in (default, compat32))
    for read in (plain, *as_bytes):
        if list(read.keys()) != names or [part.get_content_type() for part in read.walk()] != _PARTS:
            return False
    assert isinstance(plain, EmailMessage)
    contents = [part.get_content().replace("\r\n", "\n").rstrip() for part in plain.iter_parts()]
    return (
        [one.addr_spec for one in plain["To"].addresses] == [attempt.address]
        and named(plain) == (attempt.to_name or "")
        and plain["Subject"] == rendered.subject
        and contents == [rendered.text.rstrip(), rendered.html.rstrip()]
        and not any(part.defects for part in plain.walk())
    )
