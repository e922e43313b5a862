"""What aggregation listens to."""

from typing import Annotated
from uuid import UUID

from mrx_shared.bus.keys import remember_key
from mrx_shared.bus.once import Delivery, Once
from mrx_shared.bus.subscriptions import Subscriptions
from mrx_shared.bus.work import SqlWork
from mrx_shared.messages.benchmark import ProtocolAssessed
from mrx_shared.messages.envelope import Unreadable
from mrx_shared.messages.lists import ListManifest, ListPage, ListRow
from mrx_shared.messages.registry import ParticipationChanged, SigningKeyPublished
from mrx_shared.messages.topics import LISTS_IN, Topic
from pydantic import Field

from mrx_aggregation.handlers import facts, intake
from mrx_aggregation.ports import Work

PAGES_TOGETHER = 20
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


def build_subscriptions(once: Once[Work], *, slot: str) -> Subscriptions[Work]:
    """Members' lists, and the facts that bear on them."""
    subscriptions = Subscriptions(once, slot=slot)
    _listen_to_members(subscriptions, once)
    _listen_to_registry(subscriptions, once)
    _listen_to_benchmark(subscriptions, once)
    return subscriptions


def _listen_to_members(subscriptions: Subscriptions[Work], once: Once[Work]) -> None:
    lists = subscriptions.subscribe(
        LISTS_IN, description="Members' lists: pages and manifests.", together=PAGES_TOGETHER
    )

    @lists(SentPage)
    async def on_list_page(delivery: Delivery[SentPage]) -> None:
        page, member_id = delivery.data, _member(delivery.member)
        await once(
            delivery,
            lambda work: intake.take_page(page, work, stated_member=page.member_id, member_id=member_id),
        )

    @lists(SentManifest)
    async def on_list_manifest(delivery: Delivery[SentManifest]) -> None:
        member_id = _member(delivery.member)
        await once(delivery, lambda work: intake.take_manifest(delivery.data, work, member_id=member_id))


def _listen_to_registry(subscriptions: Subscriptions[Work], once: Once[Work]) -> None:
    registry = subscriptions.subscribe(
        Topic.REGISTRY, description="Who takes part, and the keys that tokens are signed with."
    )

    @registry(ParticipationChanged)
    async def on_participation_changed(delivery: Delivery[ParticipationChanged]) -> None:
        sequence = delivery.envelope.sequence
        await once(delivery, lambda work: facts.note_participation(delivery.data, work, sequence=sequence))

    @registry(SigningKeyPublished)
    async def on_signing_key_published(delivery: Delivery[SigningKeyPublished]) -> None:
        async def remember(work: Work) -> None:
            assert isinstance(work, SqlWork)
            await remember_key(work.session, delivery.data)

        await once(delivery, remember)


def _listen_to_benchmark(subscriptions: Subscriptions[Work], once: Once[Work]) -> None:
    benchmark = subscriptions.subscribe(
        Topic.BENCHMARK, description="Which protocol versions are recognised, and when."
    )

    @benchmark(ProtocolAssessed)
    async def on_protocol_assessed(delivery: Delivery[ProtocolAssessed]) -> None:
        sequence = delivery.envelope.sequence
        await once(delivery, lambda work: facts.note_assessment(delivery.data, work, sequence=sequence))


def _member(member: UUID | None) -> UUID:
    if member is None:
        raise Unreadable("the topic is no member's")
    return member
