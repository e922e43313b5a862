"""What the benchmark listens to."""

from mrx_shared.bus.once import Delivery, Once
from mrx_shared.bus.subscriptions import Subscriptions
from mrx_shared.messages.registry import SigningKeyPublished
from mrx_shared.messages.topics import Topic

from mrx_benchmark.ports import Work


def build_subscriptions(once: Once[Work], *, slot: str) -> Subscriptions[Work]:
    """The registry's facts, of which the benchmark needs the keys of tokens."""
    subscriptions = Subscriptions(once, slot=slot)
    registry = subscriptions.subscribe(Topic.REGISTRY, description="Keys that tokens are signed with.")

    @registry(SigningKeyPublished)
    async def on_signing_key_published(delivery: Delivery[SigningKeyPublished]) -> None:
        await once(delivery, lambda work: work.remember_key(delivery.data))

    return subscriptions
