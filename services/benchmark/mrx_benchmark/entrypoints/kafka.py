"""What the benchmark listens to."""

from mrx_shared.bus.keys import take_keys
from mrx_shared.bus.subscriptions import Subscriptions
from mrx_shared.messages.registry import MemberAdmitted
from mrx_shared.messages.topics import Topic

from mrx_benchmark.handlers import impartiality
from mrx_benchmark.ports import Work


def listen(subscriptions: Subscriptions[Work]) -> None:
    """Subscribe to the registry's facts, of which the benchmark needs the keys of tokens and members' groups."""
    registry = subscriptions.subscribe(
        Topic.REGISTRY, description="Keys that tokens are signed with, and the groups of members."
    )
    take_keys(registry)
    registry.handle(MemberAdmitted, impartiality.note_group)
