"""Mails that come back."""

from uuid import UUID

EVENT = UUID("0197c0de-1111-7000-8000-000000000001")
RETURNED = f"Message-ID: <{EVENT}@mrx.example>\r\nSubject: hello\r\n"


def notification(
    *,
    action: str = "failed",
    status: str = "5.1.1",
    returned: str = RETURNED,
    kind: str = "message/rfc822",
    extra: str = "",
    headers: str = "",
) -> bytes:
    """A delivery status notification, as Postfix makes it."""
    lines = f"""\
From: MAILER-DAEMON@mx.example
To: no-reply@mrx.example
Subject: Undelivered Mail Returned to Sender
{headers}MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=-1"

--=-1
Content-Type: text/plain

It could not be delivered.

--=-1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
{extra}
Final-Recipient: rfc822; li.wei@mill.example
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 no such user <li.wei@mill.example>

--=-1
Content-Type: {kind}

"""
    return lines.replace("\n", "\r\n").encode() + returned.encode() + b"\r\nbody\r\n--=-1--\r\n"
