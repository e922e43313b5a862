"""Members' access to their topics on PostgreSQL."""

from collections.abc import Sequence
from uuid import UUID

from mrx_shared.bus.repository import Repository
from mrx_shared.refusals import Unknown
from mrx_shared.store.tables import domain, upsert, values
from sqlalchemy import delete, func, or_
from sqlmodel import col, select

from mrx_registry.adapters.tables import ChannelRow, KafkaPasswordRow
from mrx_registry.domain.channels import Channel


class SqlChannels(Repository):
    """See `ports.Channels`. What is due is told without a tenant; a waiting password only to its own."""

    async def get(self, member_id: UUID) -> Channel:
        password = col(KafkaPasswordRow.member_id) == ChannelRow.member_id
        of_member = select(ChannelRow, KafkaPasswordRow.sealed).outerjoin(KafkaPasswordRow, password)
        found = await self._first(
            of_member.where(ChannelRow.member_id == member_id).with_for_update(of=ChannelRow)
        )
        if found is None:
            raise Unknown("there is no such member", field="member_id")
        row, sealed = found
        return domain(Channel, row, sealed_password=sealed)

    async def keep(self, channel: Channel) -> None:
        row = {
            **values(channel, "sealed_password"),
            "password_waits": channel.sealed_password is not None,
            "since": func.now(),
        }
        await self._do(upsert(ChannelRow, row, key=["member_id"]))
        password = {"member_id": channel.member_id, "sealed": channel.sealed_password}
        if channel.sealed_password is None:
            of_member = col(KafkaPasswordRow.member_id) == channel.member_id
            await self._do(delete(KafkaPasswordRow).where(of_member))
            return
        await self._do(upsert(KafkaPasswordRow, password, key=["member_id"]))

    async def alone(self) -> bool:
        return await self._hold_alone("channels")

    async def due(self) -> Sequence[UUID]:
        waiting = or_(col(ChannelRow.done) < ChannelRow.revision, col(ChannelRow.password_waits))
        ordered = select(ChannelRow.member_id).order_by(col(ChannelRow.since), col(ChannelRow.member_id))
        return await self._all(ordered.where(waiting))
