"""Who takes part: judged after every change, and every day, because recognition has a last day."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from mrx_shared.messages.benchmark import ProtocolAssessed, RecognitionLapsed
from mrx_shared.refusals import Invalid, TooEarly

from mrx_registry.domain.members import Member, Recognition, Standing, State
from mrx_registry.handlers import facts
from mrx_registry.ports import Transact, Work


async def judge(member: Member, work: Work) -> Member:
    """Store the member, and say whether it takes part when that differs from what was said last.

    Nothing is said of a member before its admission.
    """
    if member.state is State.PROVISIONING:
        await work.members.keep(member, judged_on=None)
        return member
    standing = await _standing(member, work)
    if standing != member.said:
        work.emit(facts.participation_changed(member, standing), about=str(member.id))
    judged = replace(member, said=standing)
    await work.members.keep(judged, judged_on=work.now.date())
    return judged


async def _standing(member: Member, work: Work) -> Standing:
    async with work.concerning(member.id):
        return member.stand(
            protocols=await work.recognitions.counting_for(member.id),
            signed=bool(await work.statements.signatures(member.id)),
            tied_groups=await work.members.tied_to(member.group.id),
            at=work.now,
        )


async def take_verdict(assessed: ProtocolAssessed, work: Work, *, sequence: int) -> None:
    """Keep the benchmark's verdict under one version of the criteria, if newer, and judge whom it may touch."""
    if not assessed.public and assessed.member_id is None:
        raise Invalid(
            "a protocol that is not public belongs to a member", field="member_id", remedy="name its owner"
        )
    verdict = Recognition(
        protocol_id=assessed.protocol_id,
        protocol_version=assessed.protocol_version,
        criteria_version=assessed.criteria_version,
        owner=None if assessed.public else assessed.member_id,
        equivalent=assessed.equivalent,
        recognised_from=assessed.recognised_from,
        recognised_until=assessed.recognised_until,
    )
    if verdict.owner is None:
        if await work.recognitions.apply(verdict, sequence=sequence):
            await work.members.judge_again()  # who adopted it is known to each member's own rows only
        return
    if await work.members.find(verdict.owner) is None:
        raise TooEarly("this protocol's owner is not a member yet", waiting_for=f"member/{verdict.owner}")
    member = await work.members.get(verdict.owner)
    async with work.concerning(member.id):
        newer = await work.recognitions.apply(verdict, sequence=sequence)
    if newer:
        await judge(member, work)


async def judge_after_lapse(lapsed: RecognitionLapsed, work: Work) -> None:
    """Judge whom a lapse may touch, without waiting for the day's own judging."""
    if lapsed.public or lapsed.member_id is None:
        await work.members.judge_again()
    elif await work.members.find(lapsed.member_id) is not None:
        await judge(await work.members.get(lapsed.member_id), work)


async def judge_due(transact: Transact) -> bool:
    """Judge every member that is due today, each in a transaction of its own. Says whether one was."""

    async def find(work: Work) -> Sequence[UUID]:
        return await work.members.to_judge(work.now.date())

    due = await transact(find)
    for member_id in due:

        async def judge_one(work: Work, member_id: UUID = member_id) -> None:
            await judge(await work.members.get(member_id), work)

        await transact(judge_one)
    return bool(due)
