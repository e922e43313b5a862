"""What aggregation listens to."""

from typing import Annotated
from uuid import UUID

from mrx_shared.bus.keys import take_keys
from mrx_shared.bus.once import Delivery
from mrx_shared.bus.subscriptions import Subscriptions
from mrx_shared.messages.benchmark import ProtocolAssessed
from mrx_shared.messages.lists import ListManifest, ListPage, ListRow
from mrx_shared.messages.registry import ParticipationChanged
from mrx_shared.messages.topics import LISTS_IN, Topic
from pydantic import Field

from mrx_aggregation.handlers import facts, intake
from mrx_aggregation.ports import Work

PAGES_PER_BATCH = 20
"""pages of a member's list that are kept in one transaction"""
Count = Annotated[int, Field(ge=1, lt=2**31)]


class SentPage(ListPage):
    """A page as it may really come: too large a one still gets a receipt."""

    revision: Count
    page: Count
    rows: list[ListRow]
    member_id: UUID | None = None


class SentManifest(ListManifest):
    """A manifest as it may really come: with numbers that fit a table."""

    revision: Count
    pages: Count
    rows: Count


def listen(subscriptions: Subscriptions[Work]) -> None:
    """Subscribe to members' lists, and to the facts that bear on them."""
    _listen_to_members(subscriptions)
    registry = subscriptions.subscribe(
        Topic.REGISTRY, description="Who takes part, and the keys that tokens are signed with."
    )
    benchmark = subscriptions.subscribe(
        Topic.BENCHMARK, description="Which protocol versions are recognised, and when."
    )
    take_keys(registry)
    registry.handle_event(
        ParticipationChanged,
        lambda event, work: facts.note_participation(event.data, work, sequence=event.sequence),
    )
    benchmark.handle_event(
        ProtocolAssessed,
        lambda event, work: facts.note_assessment(event.data, work, sequence=event.sequence),
    )


def _listen_to_members(subscriptions: Subscriptions[Work]) -> None:
    once = subscriptions.once
    lists = subscriptions.subscribe(
        LISTS_IN, description="Members' lists: pages and manifests.", batch_size=PAGES_PER_BATCH
    )

    @lists(SentPage)
    async def on_list_page(delivery: Delivery[SentPage]) -> None:
        page, member_id = delivery.data, delivery.sender
        await once(
            delivery,
            lambda work: intake.take_page(page, work, stated_member=page.member_id, member_id=member_id),
        )

    @lists(SentManifest)
    async def on_list_manifest(delivery: Delivery[SentManifest]) -> None:
        member_id = delivery.sender
        await once(delivery, lambda work: intake.take_manifest(delivery.data, work, member_id=member_id))
