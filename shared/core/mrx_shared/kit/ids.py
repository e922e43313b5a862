"""Ids that sort by the time they were made."""

import secrets
from datetime import datetime
from uuid import UUID


def uuid7(moment: datetime) -> UUID:
    """UUID version 7 for a moment: 48 bits of Unix milliseconds, then random. Source: RFC 9562, 5.7."""
    milliseconds = int(moment.timestamp() * 1000)
    value = milliseconds << 80 | 0x7 << 76 | secrets.randbits(12) << 64 | 0b10 << 62 | secrets.randbits(62)
    return UUID(int=value)
