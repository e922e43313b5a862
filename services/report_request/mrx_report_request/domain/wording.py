"""What a member states when it asks: each field is read here, and refused with its name and a remedy."""

import re

from mrx_shared.limits import CHARACTERS, MAIL_LANGUAGES, TERM_DAYS
from mrx_shared.refusals import Invalid
from mrx_shared.wording import check_no_links, one_line

_ENTRY_ID = re.compile(r"[0-9a-f]{64}")
_EMAIL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])"
)
_LOCAL_PART = 64


def optional_line(value: str | None, *, field: str, most: int = CHARACTERS) -> str | None:
    """As `one_line`; nothing and blanks are None."""
    return one_line(value, field=field, most=most) if value and value.strip() else None


def to_supplier(value: str, *, field: str, name: bool = False) -> str:
    """A text of one line, or a company's `name`, that a mail to a supplier carries. Raises `Invalid`."""
    text = one_line(value, field=field)
    check_no_links(text, field=field, name=name)
    return text


def optional_to_supplier(value: str | None, *, field: str) -> str | None:
    """As `to_supplier`; nothing and blanks are None."""
    return to_supplier(value, field=field) if value and value.strip() else None


def email(value: str, *, field: str) -> str:
    """A mail address that a mail server may take. Raises `Invalid`, without the address."""
    address = one_line(value, field=field)
    if not _EMAIL.fullmatch(address) or len(address.partition("@")[0]) > _LOCAL_PART:
        raise Invalid(
            "this is not an e-mail address",
            field=field,
            remedy="give one as name@domain, in ASCII, and nothing else",
        )
    return address


def language(value: str, *, field: str) -> str:
    """A language that mails are written in. Raises `Invalid`."""
    if value not in MAIL_LANGUAGES:
        raise Invalid(
            "we do not write mails in this language", field=field, remedy=f"state {', '.join(MAIL_LANGUAGES)}"
        )
    return value


def term(days: int) -> int:
    """How many days a supplier has. Raises `Invalid`."""
    if days not in TERM_DAYS:
        raise Invalid(
            "the supplier has too little or too much time",
            field="term_days",
            remedy=f"state {TERM_DAYS.start} to {TERM_DAYS.stop - 1} days",
        )
    return days


def entry_id(value: str) -> str:
    """The id of an entry of a released list. Raises `Invalid`."""
    if not _ENTRY_ID.fullmatch(value):
        raise Invalid(
            "this is not the id of an entry",
            field="entry_id",
            remedy="state the entry_id of a row of the released list: 64 hexadecimal digits",
        )
    return value
