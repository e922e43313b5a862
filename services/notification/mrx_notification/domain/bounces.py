"""Mails that come back: delivery status notifications (RFC 3464), read from bytes that anybody may have made."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from typing import Final
from uuid import UUID

from mrx_shared.refusals import Invalid

_LONGEST: Final = 1024 * 1024
_MESSAGE_ID = re.compile(
    r"<([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})@[^<>\s]+>", re.IGNORECASE
)
_STATUS = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")
_REMEDY = "post a delivery status notification as it came, message/rfc822 with a part message/delivery-status"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounce:
    """What a notification says: of which mails it may speak, likeliest first, and whether one of them is lost."""

    letter_ids: tuple[UUID, ...]
    failed: bool
    status: str


def read_bounce(raw: bytes) -> Bounce:
    """Read a notification. Raises `Invalid`."""
    if len(raw) > _LONGEST:
        raise Invalid("a notification is at most 1 MiB", field="body", remedy=_REMEDY)
    try:
        parts = list(BytesParser().parsebytes(raw).walk())
        status_parts = [part for part in parts if part.get_content_type() == "message/delivery-status"]
        fields = [block for part in status_parts for block in _blocks(part)]
        letter_ids = tuple(dict.fromkeys(_letter_ids(parts, fields)))
    except (RecursionError, LookupError, ValueError, AttributeError, TypeError) as error:
        # The standard library's parser meets broken input with more kinds of error than it tells.
        raise Invalid("this is not a readable mail", field="body", remedy=_REMEDY) from error
    if not status_parts:
        raise Invalid("there is no part message/delivery-status", field="body", remedy=_REMEDY)
    if not letter_ids:
        raise Invalid("it does not say which mail it is about", field="body", remedy=_REMEDY)
    outcomes = [(_word(block, "Action"), _word(block, "Status")) for block in fields if "Action" in block]
    if not outcomes:
        raise Invalid("it does not say what happened to the mail", field="Action", remedy=_REMEDY)
    lost = [status for action, status in outcomes if action.lower() == "failed"]
    found = _STATUS.match(lost[0]) if lost else None
    return Bounce(letter_ids=letter_ids, failed=bool(lost), status=found[1] if found else "5.0.0")


def _blocks(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []


def _word(block: Message, name: str) -> str:
    return str(block.get(name, "")).strip()


def _letter_ids(parts: list[Message], fields: list[Message]) -> Iterator[UUID]:
    """The returned mail's own Message-ID first, then where else a mail server may name it."""
    notice, *within = parts
    told = []
    for part in within:
        told.append(_word(part, "Message-ID"))
        if part.get_content_type() == "text/rfc822-headers":
            payload = part.get_payload(decode=True)
            headers = BytesParser().parsebytes(
                payload if isinstance(payload, bytes) else b"", headersonly=True
            )
            told.append(_word(headers, "Message-ID"))
    told += [
        _word(block, name) for block in fields for name in ("Original-Message-ID", "X-Original-Message-ID")
    ]
    told += [_word(notice, name) for name in ("In-Reply-To", "References")]
    for words in told:
        yield from (UUID(found) for found in _MESSAGE_ID.findall(words))
