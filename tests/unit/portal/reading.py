"""What a member reads and fills in."""

import re
from html import unescape

from tests.unit.portal.scheme import entry

ONE = entry(1)["entry_id"]
FORM = {
    "entry": ONE,
    "site_number": "S-1",
    "name": "Blue River",
    "contact_email": "qa@blue.example",
    "contact_name": "",
    "language": "zh",
    "scope": "Latest report",
    "purpose": "To avoid an audit",
    "term_days": "28",
    "requester_email": "",
}


def words(text: str) -> str:
    """What a person reads of a page."""
    body = re.sub(r"<(script|style|select).*?</\1>", " ", text.partition("<main")[2], flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", body)))
