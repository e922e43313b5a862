"""Who takes part, when that is said, and when it lapses by itself."""

from datetime import date, datetime, timedelta
from uuid import uuid4

import pytest
from mrx_registry.domain.members import Missing
from mrx_registry.handlers import admission, participation, statement
from mrx_shared.messages.benchmark import RecognitionLapsed
from mrx_shared.messages.registry import ParticipationChanged
from mrx_shared.refusals import Invalid, Rejected, TooEarly

from tests.unit.registry.conftest import Acts, signing, verdict
from tests.unit.registry.memory import MemoryWork


def changes(work: MemoryWork) -> list[tuple[bool, list[str]]]:
    return [
        (fact.participates, list(fact.missing))
        for fact in work.said
        if isinstance(fact, ParticipationChanged)
    ]


async def test_participation_is_said_once_at_admission_and_then_exactly_when_it_changes(
    work: MemoryWork, acts: Acts
) -> None:
    member = await acts.admitted()
    own = verdict(member.id)
    await acts.assess(own)
    await acts.assess(own)
    digest = await acts.publish()
    await statement.sign(member.id, signing(digest), work)
    await participation.judge_due(work.transact)
    await statement.withdraw(member.id, work)
    assert changes(work) == [
        (False, ["no-equivalent-protocol", "statement-not-signed"]),
        (False, ["statement-not-signed"]),
        (True, []),
        (False, ["statement-not-signed"]),
    ]


async def test_nothing_is_said_of_a_member_before_its_admission(work: MemoryWork, acts: Acts) -> None:
    member = await acts.apply()
    await acts.assess(verdict(member.id))
    assert work.said == []
    await acts.provision()
    assert changes(work) == [(False, ["statement-not-signed"])]


async def test_a_member_that_has_not_passed_step_1_cannot_sign(work: MemoryWork, acts: Acts) -> None:
    member = await acts.admitted()
    await acts.assess(verdict(member.id, equivalent=False))
    digest = await acts.publish()
    said = list(work.said)
    with pytest.raises(Rejected, match="step 1") as refused:
        await statement.sign(member.id, signing(digest), work)
    assert refused.value.remedy is not None
    assert "adopt" in refused.value.remedy
    assert work.said == said
    assert work.statements.signed == []


async def test_participation_lapses_the_day_after_recognition_ends(work: MemoryWork, acts: Acts) -> None:
    member = await acts.admitted()
    await acts.assess(verdict(member.id, until=date(2026, 7, 1)))
    await statement.sign(member.id, signing(await acts.publish()), work)
    work.moment = datetime.fromisoformat("2026-07-01T23:59:59+00:00")
    await participation.judge_due(work.transact)
    assert changes(work)[-1] == (True, [])
    work.moment = datetime.fromisoformat("2026-07-02T00:00:00+00:00")
    assert await participation.judge_due(work.transact)
    assert changes(work)[-1] == (False, ["no-equivalent-protocol"])
    assert not await participation.judge_due(work.transact)


async def test_recognition_that_starts_later_counts_from_its_first_day(work: MemoryWork, acts: Acts) -> None:
    member = await acts.admitted()
    await acts.assess(verdict(member.id, since=date(2026, 7, 2)))
    with pytest.raises(Rejected):
        await statement.sign(member.id, signing(await acts.publish()), work)
    work.moment += timedelta(days=2)
    await participation.judge_due(work.transact)
    assert changes(work)[-1] == (False, ["statement-not-signed"])


async def test_an_older_verdict_that_arrives_late_changes_nothing(work: MemoryWork, acts: Acts) -> None:
    member = await acts.admitted()
    newer = verdict(member.id)
    await participation.take_verdict(newer, work, sequence=5)
    older = verdict(member.id, equivalent=False, protocol_id=newer.protocol_id)
    await participation.take_verdict(older, work, sequence=4)
    assert changes(work)[-1] == (False, ["statement-not-signed"])


async def test_a_no_under_newer_criteria_leaves_a_yes_that_still_holds(work: MemoryWork, acts: Acts) -> None:
    member = await acts.admitted()
    held = verdict(member.id, until=date(2026, 7, 1))
    await acts.assess(held)
    await statement.sign(member.id, signing(await acts.publish()), work)
    failed = verdict(member.id, equivalent=False, protocol_id=held.protocol_id, criteria="6.0-2p")
    await acts.assess(failed)
    assert changes(work)[-1] == (True, [])
    work.moment = datetime.fromisoformat("2026-07-02T00:00:00+00:00")
    await participation.judge_due(work.transact)
    assert changes(work)[-1] == (False, ["no-equivalent-protocol"])


async def test_a_late_conclusion_under_ended_criteria_does_not_cut_off_a_running_yes(
    work: MemoryWork, acts: Acts
) -> None:
    member = await acts.admitted()
    running = verdict(member.id, criteria="6.0-2p")
    await acts.assess(running)
    await statement.sign(member.id, signing(await acts.publish()), work)
    for late in (
        verdict(member.id, protocol_id=running.protocol_id, until=date(2026, 6, 1)),
        verdict(member.id, protocol_id=running.protocol_id, equivalent=False),
    ):
        await acts.assess(late)
        assert changes(work)[-1] == (True, [])


async def test_a_public_protocol_is_adopted_where_one_of_its_verdicts_holds(
    work: MemoryWork, acts: Acts
) -> None:
    member = await acts.admitted()
    public = verdict(None, equivalent=False)
    await acts.assess(public)
    await acts.assess(verdict(None, protocol_id=public.protocol_id, criteria="6.0-2p"))
    await statement.adopt(member.id, public.protocol_id, "3", work)
    assert changes(work)[-1] == (False, ["statement-not-signed"])


async def test_a_verdict_for_a_member_not_known_here_waits(work: MemoryWork) -> None:
    stranger = uuid4()
    with pytest.raises(TooEarly) as early:
        await participation.take_verdict(verdict(stranger), work, sequence=1)
    assert early.value.waiting_for == f"member/{stranger}"


async def test_a_private_protocol_without_owner_is_refused_rather_than_taken_for_public(
    work: MemoryWork,
) -> None:
    orphan = verdict(None).model_copy(update={"public": False})
    with pytest.raises(Invalid):
        await participation.take_verdict(orphan, work, sequence=1)


async def test_an_adopted_public_protocol_carries_its_adopters_and_lets_them_fall_together(
    work: MemoryWork, acts: Acts
) -> None:
    first, second = await acts.admitted("First"), await acts.admitted("Second")
    public = verdict(None)
    await acts.assess(public)
    for member in (first, second):
        await statement.adopt(member.id, public.protocol_id, "3", work)
    digest = await acts.publish()
    await statement.sign(first.id, signing(digest), work)
    assert (await work.members.get(first.id)).said.participates  # type: ignore[union-attr]
    await acts.assess(verdict(None, equivalent=False, protocol_id=public.protocol_id))
    await participation.judge_due(work.transact)
    for member in (first, second):
        assert Missing.PROTOCOL in (await work.members.get(member.id)).said.missing  # type: ignore[union-attr]


async def test_another_members_protocol_cannot_be_adopted_and_is_not_told_apart_from_none(
    work: MemoryWork, acts: Acts
) -> None:
    owner, other = await acts.admitted("Owner"), await acts.admitted("Other")
    own = verdict(owner.id)
    await acts.assess(own)
    answers = []
    for protocol_id in (own.protocol_id, uuid4()):
        with pytest.raises(TooEarly) as early:
            await statement.adopt(other.id, protocol_id, "3", work)
        answers.append(early.value.reason)
    assert answers[0] == answers[1]


async def test_a_public_protocol_that_is_not_recognised_today_is_not_adopted(
    work: MemoryWork, acts: Acts
) -> None:
    member = await acts.admitted()
    for public in (verdict(None, equivalent=False), verdict(None, until=date(2026, 6, 29))):
        await acts.assess(public)
        with pytest.raises(Rejected) as refused:
            await statement.adopt(member.id, public.protocol_id, "3", work)
        assert refused.value.field == "protocol_version"


async def test_a_signature_is_bound_to_the_text_that_was_read(work: MemoryWork, acts: Acts) -> None:
    member = await acts.passed_step_1()
    await acts.publish("2026-1", "We accept.")
    other = await acts.publish("2026-2", "We accept everything.")
    with pytest.raises(Rejected) as refused:
        await statement.sign(member.id, signing(other, "2026-1"), work)
    assert refused.value.field == "text_sha256"


async def test_a_second_signature_under_the_same_version_is_refused_until_the_first_is_withdrawn(
    work: MemoryWork, acts: Acts
) -> None:
    member = await acts.participating()
    current = await work.statements.current()
    assert current is not None
    with pytest.raises(Rejected, match="already signed"):
        await statement.sign(member.id, signing(current.sha256), work)
    await statement.withdraw(member.id, work)
    await statement.sign(member.id, signing(current.sha256), work)
    assert changes(work)[-1] == (True, [])


async def test_no_fact_carries_the_signatorys_name_or_title_and_one_alone_the_members_name(
    work: MemoryWork, acts: Acts
) -> None:
    await acts.participating("Acme Secret Name")
    told = "".join(fact.model_dump_json(exclude={"company_names"}) for fact in work.said)
    for word in ("Ada", "Byron", "Chief", "Acme"):
        assert word not in told


async def test_suspension_and_its_end_are_said_with_the_participation_they_change(
    work: MemoryWork, acts: Acts
) -> None:
    member = await acts.participating()
    await admission.suspend(member.id, work)
    await admission.reinstate(member.id, work)
    assert [fact.type.removeprefix("mrx.registry.") for fact in work.said[-4:]] == [
        "member-suspended.v1",
        "participation-changed.v1",
        "member-reinstated.v1",
        "participation-changed.v1",
    ]
    assert changes(work)[-2:] == [(False, ["suspended"]), (True, [])]


async def test_a_member_that_joins_with_a_minority_holding_changes_what_is_said_of_the_group_it_ties(
    work: MemoryWork, acts: Acts
) -> None:
    older = await acts.admitted("Older", "Older Group")
    before = older.said
    work.moment += timedelta(hours=1)
    newer = await acts.admitted("Newer", "Newer Group", "older group")
    await participation.judge_due(work.transact)
    fact = work.said[-1]
    assert isinstance(fact, ParticipationChanged)
    assert fact.member_id == older.id
    assert fact.tied_groups == [newer.group.id]
    assert before is not None
    assert fact.since == before.since


async def test_a_lapse_ends_a_members_part_without_waiting_for_the_days_own_judging(acts: Acts) -> None:
    last = acts.work.now.date() + timedelta(days=1)
    member = await acts.admitted()
    known = verdict(member.id, until=last)
    await acts.assess(known)
    await statement.sign(member.id, signing(await acts.publish()), acts.work)
    assert acts.work.said[-1].participates  # type: ignore[attr-defined]
    acts.work.moment += timedelta(days=2)
    lapsed = RecognitionLapsed(
        assessment_id=known.assessment_id,
        protocol_id=known.protocol_id,
        protocol_version=known.protocol_version,
        public=False,
        member_id=member.id,
        criteria_version=known.criteria_version,
        recognised_until=last,
        noticed_at=acts.work.now,
    )
    await participation.judge_after_lapse(lapsed, acts.work)
    assert not acts.work.said[-1].participates  # type: ignore[attr-defined]
