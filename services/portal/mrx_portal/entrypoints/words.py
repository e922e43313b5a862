"""Refusals as sentences for people: the field by the name that pages give it, what is wrong, what to do."""

import re
from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Final

from babel.dates import format_date
from mrx_shared.refusals import Rejected

_FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "entry": "the list entry",
        "entry_id": "the list entry",
        "as_of": "the round's day",
        "contact_email": "the contact's e-mail address",
        "contact_name": "the contact's name",
        "requester_email": "the address to notify",
        "current_password": "the current password",
        "email": "the e-mail address",
        "term_days": "the number of days to answer",
        "site_number": "your site number",
        "group": "the corporate group",
        "minority_holdings": "the list of groups with a minority holding",
        "valid_until": "the last day of the decision's validity",
        "outcome": "the decision",
        "text": "the text",
        "q": "the search",
        "requirement_ref": "the requirement's reference",
        "requirement_text": "the requirement",
        "criterion_id": "the criterion",
        "effective_from": "the first day of audits",
        "effective_until": "the last day of audits",
        "consultation_until": "the last day of the consultation",
        "effective_on": "the day on which it takes effect",
        "transition_until": "the last day of the transition",
        "newer": "the newer version",
        "until": "the last day",
        "page": "the page's number",
        "body": "what was sent",
    }
)
"""fields whose own name is not what pages call them"""
_DAY: Final = re.compile(r"(?<!write it as )\b[0-9]{4}-[0-9]{2}-[0-9]{2}\b(?!T)")
"""a day in a service's words, unless they show how a day is typed"""


def field_said(field: str) -> str:
    """A field as pages name it: `supplier.contact_email` is the contact's e-mail address."""
    name = field.rpartition(".")[2]
    return _FIELDS.get(name) or f"the {name.replace('_', ' ').replace('-', ' ')}"


def said(error: Rejected) -> tuple[str, str]:
    """What is wrong, and what to do, as one sentence each; the second is empty where there is no remedy."""
    reason = error.reason
    if error.field and reason.startswith(f"{error.field} "):
        reason = field_said(error.field) + reason.removeprefix(error.field)
    return sentence(with_days(reason)), sentence(with_days(error.remedy or ""))


def words(error: Rejected) -> str:
    """Why, and what to do about it, in one line."""
    return " ".join(part for part in said(error) if part)


def with_days(text: str) -> str:
    """The text with its days as pages write them: 2027-01-26 is 26 January 2027."""
    return _DAY.sub(_day, text)


def _day(found: re.Match[str]) -> str:
    try:
        return format_date(date.fromisoformat(found[0]), format="long", locale="en_GB")
    except ValueError:
        return found[0]


def sentence(text: str) -> str:
    """With a capital letter and an end."""
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?', '!', '…')) else '.'}" if text else ""
