"""Addresses of mails, and words on one line."""

import re

from mrx_shared.wording import breaks_a_line

_LONGEST_ADDRESS = 254
_LONGEST_LOCAL_PART = 64
_LOCAL_PART = re.compile(r"[^\s\x00-\x1f\x7f\"(),:;<>@\[\]\\.]+(\.[^\s\x00-\x1f\x7f\"(),:;<>@\[\]\\.]+)*")
_DOMAIN = re.compile(
    r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
)


def deliverable(address: str) -> str | None:
    """The address as a mail server takes it, its domain in ASCII; None where it is none."""
    if len(address) > _LONGEST_ADDRESS:
        return None
    local, _, domain = address.strip().rpartition("@")
    try:
        ascii_domain = domain.encode("idna").decode().lower()
    except UnicodeError:
        return None
    if not _LOCAL_PART.fullmatch(local) or not _DOMAIN.fullmatch(ascii_domain):
        return None
    whole = f"{local}@{ascii_domain}"
    too_long = len(local.encode()) > _LONGEST_LOCAL_PART or len(whole.encode()) > _LONGEST_ADDRESS
    return None if too_long else whole


def masked(address: str) -> str:
    """The address for an operator's eyes: enough to tell two apart, not enough to write to anybody."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}***@{domain[:1]}***.{domain.rpartition('.')[2]}"


def one_line(words: str) -> str:
    """The words without line ends, control characters, or signs that turn the direction of what follows.

    Whatever starts a new line for a mail program could start a header or a paragraph that we did not write.
    """
    return " ".join("".join(" " if breaks_a_line(sign) else sign for sign in words).split())
