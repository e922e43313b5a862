"""A member's place on Kafka: three topics of its own, a user, and rights on nothing else."""

from datetime import timedelta
from uuid import UUID

from mrx_shared.bus.administration import KafkaAdministration, Right
from mrx_shared.messages.topics import kafka_user, lists_in, out, requests_in

KEPT = timedelta(days=30)
KEPT_REQUESTS = timedelta(days=7)


class KafkaMemberTopics:
    """See `ports.MemberTopics`."""

    def __init__(self, administration: KafkaAdministration) -> None:
        self._administration = administration

    async def open(self, member_id: UUID) -> None:
        """See `ports.MemberTopics`."""
        for topic, kept in (
            (lists_in(member_id), KEPT),
            (requests_in(member_id), KEPT_REQUESTS),
            (out(member_id), KEPT),
        ):
            milliseconds = int(kept.total_seconds() * 1000)
            await self._administration.ensure_topic(topic, 1, {"retention.ms": str(milliseconds)})
        await self._administration.ensure_acls(rights(member_id))

    async def let_in(self, member_id: UUID, password: str) -> None:
        """See `ports.MemberTopics`."""
        await self._administration.ensure_user(kafka_user(member_id), password)

    async def shut(self, member_id: UUID) -> None:
        """See `ports.MemberTopics`."""
        # Rights first: they end at once, while a removed user's live connections last until they sign in again.
        await self._administration.remove_acls(kafka_user(member_id))
        await self._administration.remove_user(kafka_user(member_id))


def rights(member_id: UUID) -> list[Right]:
    """All that a member's Kafka user may do."""
    user = kafka_user(member_id)
    return [
        Right(user=user, operation="write", resource="topic", name=lists_in(member_id)),
        Right(user=user, operation="write", resource="topic", name=requests_in(member_id)),
        Right(user=user, operation="read", resource="topic", name=out(member_id)),
        Right(user=user, operation="read", resource="group", name=f"{user}.", prefixed=True),
    ]
