"""Names of the Kafka topics. Kept facts: one topic a service. A member's own: three, named by its opaque id."""

import re
from enum import StrEnum
from uuid import UUID


class Topic(StrEnum):
    """Topics of kept facts, one per owning service."""

    REGISTRY = "mrx.registry.v1"
    BENCHMARK = "mrx.benchmark.v1"
    AGGREGATION = "mrx.aggregation.v1"
    REPORT_REQUEST = "mrx.report_request.v1"
    EXCHANGE_ADAPTER = "mrx.exchange_adapter.v1"
    NOTIFICATION = "mrx.notification.v1"


RELEASED_ENTRIES = "mrx.aggregation.entries.v1"
"""what a released list's entries were before; read by report_request alone"""
REQUEST_MAILS = "mrx.report_request.mails.v1"
REGISTRY_MAILS = "mrx.registry.mails.v1"
BRIEF = frozenset({REQUEST_MAILS, REGISTRY_MAILS})
"""topics that carry contacts: kept seven days, and blanked in the outbox once sent"""

LISTS_IN = "mrx.in.lists."
REQUESTS_IN = "mrx.in.requests."
OUT = "mrx.out."
CONTACTS_DAYS = 7
"""so long anything that came on a topic of contacts is kept, wherever it lies: `BRIEF`, and what members ask"""

_MEMBER_TOPIC = re.compile(
    r"mrx\.(?:in\.lists|in\.requests|out)\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
)


def lists_in(member: UUID) -> str:
    """Where a member writes its lists."""
    return f"{LISTS_IN}{member}"


def requests_in(member: UUID) -> str:
    """Where a member writes its requests and decisions."""
    return f"{REQUESTS_IN}{member}"


def out(member: UUID) -> str:
    """Where a member reads what is addressed to it."""
    return f"{OUT}{member}"


def member_of(topic: str) -> UUID | None:
    """The member whose own topic this is, or None for a topic of kept facts.

    This is a member's identity: only its principal may write there.
    """
    found = _MEMBER_TOPIC.fullmatch(topic)
    return UUID(found[1]) if found else None


def kafka_user(member: UUID) -> str:
    """The member's Kafka user; its consumer groups start with this and a dot."""
    return f"member-{member}"
