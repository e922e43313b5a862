"""The secretariat admits, suspends and reinstates members; their topics, users and rights follow on Kafka."""

import asyncio
from typing import Final
from uuid import UUID

from mrx_shared.api.registry import NewMember
from mrx_shared.messages.registry import MemberReinstated, MemberSuspended
from mrx_shared.refusals import Rejected

from mrx_registry.domain.channels import Channel
from mrx_registry.domain.groups import Groups
from mrx_registry.domain.members import Action, Group, Member, State
from mrx_registry.domain.names import folded, mailed_name_from, name_from
from mrx_registry.handlers import facts
from mrx_registry.handlers.participation import judge
from mrx_registry.ports import MemberTopics, Seal, Transact, Work

AT_ONCE: Final = 4


async def admit(asked: NewMember, work: Work, *, member_id: UUID) -> Member:
    """Take the member on as provisioning. `provision` admits it when its topics and rights stand.

    `member_id` is random, not ordered by time: it names topics and must not tell who joined when.
    """
    name = mailed_name_from(asked.name, field="name")
    member = Member(
        id=member_id,
        name=name,
        group=await _place(name, asked, work),
        state=State.PROVISIONING,
        created_at=work.now,
    )
    if not await work.members.add(member):
        raise Rejected(
            f"there is already a member named {member.name!r}",
            field="name",
            remedy="choose another name, or use the existing member",
        )
    async with work.concerning(member.id):
        await work.channels.keep(Channel(member_id=member.id, open=True))
    return member


async def _place(name: str, asked: NewMember, work: Work) -> Group:
    """The member's corporate group, tied to those of its minority holdings."""
    own = name_from(asked.group, field="group")
    others = [name_from(one, field="minority_holdings") for one in asked.minority_holdings]
    for row, other in enumerate(others, start=1):
        if folded(other) == folded(own):
            raise _own_share(row)
    groups = await work.members.groups()
    if groups.named(own) is None:
        mailed_name_from(own, field="group")
    _check_group(own, groups, new=asked.new_group, may_be_new=folded(own) == folded(name))
    holders = [_held(other, groups, row=row) for row, other in enumerate(others, start=1)]
    group = await work.members.group_named(own, new_id=work.new_id())
    for row, holder in enumerate(holders, start=1):
        if holder.id == group.id:
            raise _own_share(row)
    # In one order, so that two admissions do not wait for each other.
    for other_id in sorted({holder.id for holder in holders}):
        await work.members.add_holding(group.id, other_id)
    return group


def _check_group(own: str, groups: Groups, *, new: bool, may_be_new: bool) -> None:
    """A group that is not known is made on purpose alone: a misspelt one would count as independent."""
    known = groups.named(own)
    if known is None and not new and not may_be_new:
        raise Rejected(
            f"there is no corporate group {own!r}{_near(own, groups)}",
            field="group",
            remedy="name an existing group, or create this one with new_group",
        )
    if known is not None and new:
        raise Rejected(
            f"there is already a corporate group {known.name!r}",
            field="new_group",
            remedy="leave out new_group, or give the new group another name",
        )


def _held(name: str, groups: Groups, *, row: int) -> Group:
    found = groups.named(name) or groups.of_member(name)
    if found is None:
        raise Rejected(
            f"there is no corporate group or member {name!r}{_near(name, groups)}",
            field="minority_holdings",
            row=row,
            remedy="name an existing group or member; state a later one's holding when it is admitted",
        )
    return found


def _near(name: str, groups: Groups) -> str:
    near = groups.near(name)
    return f"; there is {' or '.join(repr(one) for one in near)}" if near else ""


def _own_share(row: int) -> Rejected:
    return Rejected(
        "a group cannot have a minority holding in itself",
        field="minority_holdings",
        row=row,
        remedy="leave out the member's own group",
    )


async def suspend(member_id: UUID, work: Work) -> Member:
    """The member takes part no more; tokens and sessions end now, its Kafka user and rights when Kafka answers."""
    member = (await work.members.get(member_id)).take(Action.SUSPEND, at=work.now)
    await _set_desired(member, work, access=False)
    await work.sessions.end_of_member(member_id)
    work.emit(MemberSuspended(member_id=member.id, suspended_at=work.now), about=str(member.id))
    return await judge(member, work)


async def reinstate(member_id: UUID, work: Work) -> Member:
    """The suspension ends. Rights come back by themselves; a Kafka password has to be asked for again."""
    member = (await work.members.get(member_id)).take(Action.REINSTATE, at=work.now)
    await _set_desired(member, work, access=True)
    work.emit(MemberReinstated(member_id=member.id, reinstated_at=work.now), about=str(member.id))
    return await judge(member, work)


async def _set_desired(member: Member, work: Work, *, access: bool) -> None:
    async with work.concerning(member.id):
        channel = await work.channels.get(member.id)
        await work.channels.keep(channel.with_access(open=access))


async def replace_kafka_password(member_id: UUID, password: str, work: Work, *, seal: Seal) -> None:
    """Have this password set for the member's Kafka user, in place of the one before."""
    member = await work.members.get(member_id)
    if member.state is State.SUSPENDED:
        raise Rejected(
            "a suspended member has no access to Kafka",
            field="state",
            remedy="reinstate the member first",
        )
    async with work.concerning(member_id):
        channel = await work.channels.get(member_id)
        sealed = seal.close(password, belongs_to=str(member_id))
        await work.channels.keep(channel.with_password(sealed))


async def kafka_access_ready(member_id: UUID, work: Work) -> bool:
    """Whether everything that was asked for stands on Kafka."""
    async with work.concerning(member_id):
        channel = await work.channels.get(member_id)
    return channel.open and not channel.due


async def provision(transact: Transact, topics: MemberTopics, seal: Seal) -> bool:
    """Carry out on Kafka what is due for each member, then admit it where that was waited for.

    Done again after a crash or an outage, it does no harm, and one member's trouble does not keep another waiting.
    Says whether anything was due. Raises the first error, `Unavailable` while Kafka is away.
    """
    few = asyncio.Semaphore(AT_ONCE)

    async def provide(member_id: UUID) -> None:
        async with few:
            await _provide(member_id, transact, topics, seal)

    async def alone(work: Work) -> bool:
        if not await work.channels.alone():
            return False
        due = await work.channels.due()
        outcomes = await asyncio.gather(*map(provide, due), return_exceptions=True)
        for error in outcomes:
            if error is not None:
                raise error
        return bool(due)

    return await transact(alone)


async def _provide(member_id: UUID, transact: Transact, topics: MemberTopics, seal: Seal) -> None:
    async def read(work: Work) -> Channel:
        async with work.concerning(member_id):
            return await work.channels.get(member_id)

    seen = await transact(read)
    await _carry_out(seen, topics, seal)
    await transact(lambda work: settle(seen, work))


async def _carry_out(channel: Channel, topics: MemberTopics, seal: Seal) -> None:
    if not channel.open:
        await topics.shut(channel.member_id)
        return
    if channel.done < channel.revision:
        await topics.open(channel.member_id)
    if channel.sealed_password is not None:
        password = seal.open(channel.sealed_password, belongs_to=str(channel.member_id))
        await topics.let_in(channel.member_id, password)


async def settle(seen: Channel, work: Work) -> None:
    """What `seen` asked for stands on Kafka: note it, and admit a member that waited for it."""
    member = await work.members.get(seen.member_id)
    async with work.concerning(member.id):
        channel = await work.channels.get(member.id)
        await work.channels.keep(channel.carried_out(seen))
    if member.state is State.PROVISIONING and seen.open:
        member = member.take(Action.ADMIT, at=work.now)
        tied = await work.members.tied_to(member.group.id)
        work.emit(facts.member_admitted(member, tied, at=work.now), about=str(member.id))
        await judge(member, work)
