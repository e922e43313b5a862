"""What the benchmark listens to."""

from mrx_shared.bus.once import Delivery, Once
from mrx_shared.bus.subscriptions import Subscriptions
from mrx_shared.messages.registry import MemberAdmitted, SigningKeyPublished
from mrx_shared.messages.topics import Topic

from mrx_benchmark.handlers import impartiality
from mrx_benchmark.ports import Work


def build_subscriptions(once: Once[Work], *, slot: str) -> Subscriptions[Work]:
    """The registry's facts, of which the benchmark needs the keys of tokens and members' groups."""
    subscriptions = Subscriptions(once, slot=slot)
    registry = subscriptions.subscribe(
        Topic.REGISTRY, description="Keys that tokens are signed with, and the groups of members."
    )

    @registry(SigningKeyPublished)
    async def on_signing_key_published(delivery: Delivery[SigningKeyPublished]) -> None:
        await once(delivery, lambda work: work.remember_key(delivery.data))

    @registry(MemberAdmitted)
    async def on_member_admitted(delivery: Delivery[MemberAdmitted]) -> None:
        await once(delivery, lambda work: impartiality.note_group(delivery.data, work))

    return subscriptions
