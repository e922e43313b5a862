"""Admission, suspension and what follows on Kafka, however often it is done and whatever breaks."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from mrx_registry.domain.members import TRANSITIONS, Action, State
from mrx_registry.domain.principals import Kind, Principal, Role
from mrx_registry.handlers import access, admission
from mrx_shared.api.registry import NewMember
from mrx_shared.messages.registry import MemberAdmitted, ParticipationChanged
from mrx_shared.refusals import Invalid, Rejected, Unavailable

from tests.unit.registry.conftest import Acts
from tests.unit.registry.memory import MemoryTopics, MemoryWork, PlainSeal
from tests.unit.shared.smuggled import SMUGGLED


async def state(work: MemoryWork, member_id: UUID) -> State:
    return (await work.members.get(member_id)).state


async def ask_password(work: MemoryWork, member_id: UUID, password: str) -> None:
    await admission.replace_kafka_password(member_id, password, work, seal=PlainSeal())


async def test_a_member_is_admitted_only_when_its_topics_stand(
    work: MemoryWork, acts: Acts, topics: MemoryTopics
) -> None:
    topics.away = True
    member = await acts.apply()
    for _ in range(3):
        with pytest.raises(Unavailable):
            await acts.provision()
    assert await state(work, member.id) is State.PROVISIONING
    assert work.said == []
    topics.away = False
    assert await acts.provision()
    assert await state(work, member.id) is State.ADMITTED
    assert [type(fact) for fact in work.said] == [MemberAdmitted, ParticipationChanged]
    assert not await acts.provision()


async def test_a_member_whose_topics_cannot_be_made_keeps_no_other_waiting(
    work: MemoryWork, acts: Acts, topics: MemoryTopics
) -> None:
    stuck, other = await acts.apply("Stuck"), await acts.apply("Other")
    topics.refused.add(stuck.id)
    with pytest.raises(Unavailable):
        await acts.provision()
    assert await state(work, stuck.id) is State.PROVISIONING
    assert await state(work, other.id) is State.ADMITTED


async def test_only_one_process_at_a_time_carries_out_what_is_due(work: MemoryWork, acts: Acts) -> None:
    member = await acts.apply()
    work.channels.others_at_it = True
    assert not await acts.provision()
    assert await state(work, member.id) is State.PROVISIONING


async def test_a_kafka_password_is_set_once_and_then_kept_nowhere(
    work: MemoryWork, acts: Acts, topics: MemoryTopics
) -> None:
    member = await acts.apply()
    await ask_password(work, member.id, "first")
    await ask_password(work, member.id, "second")
    assert not await admission.kafka_access_ready(member.id, work)
    await acts.provision()
    assert topics.passwords == {member.id: "second"}
    assert work.channels.kept[member.id].sealed_password is None
    assert await admission.kafka_access_ready(member.id, work)


async def test_a_password_asked_for_while_another_is_being_set_is_still_set(
    work: MemoryWork, acts: Acts, topics: MemoryTopics
) -> None:
    member = await acts.admitted()
    await ask_password(work, member.id, "first")
    async with work.concerning(member.id):
        seen = await work.channels.get(member.id)
    await ask_password(work, member.id, "second")
    await admission.settle(seen, work)
    await acts.provision()
    assert topics.passwords == {member.id: "second"}


async def test_suspension_takes_user_and_rights_and_leaves_the_topics(
    work: MemoryWork, acts: Acts, topics: MemoryTopics
) -> None:
    member = await acts.admitted()
    await ask_password(work, member.id, "pw")
    await acts.provision()
    await admission.suspend(member.id, work)
    await acts.provision()
    assert topics.open_for == set()
    assert topics.passwords == {}
    assert topics.topics_of == {member.id}
    with pytest.raises(Rejected, match="suspended"):
        await ask_password(work, member.id, "pw")
    await admission.reinstate(member.id, work)
    await acts.provision()
    assert topics.open_for == {member.id}
    assert topics.passwords == {}


async def test_a_suspension_erases_a_password_that_waits(
    work: MemoryWork, acts: Acts, topics: MemoryTopics
) -> None:
    member = await acts.admitted()
    await ask_password(work, member.id, "pw")
    await admission.suspend(member.id, work)
    await admission.reinstate(member.id, work)
    await acts.provision()
    assert topics.passwords == {}


async def test_a_suspension_while_rights_are_being_made_takes_them_away_again(
    work: MemoryWork, acts: Acts, topics: MemoryTopics
) -> None:
    member = await acts.admitted()
    await ask_password(work, member.id, "pw")
    async with work.concerning(member.id):
        seen = await work.channels.get(member.id)
    await admission.suspend(member.id, work)
    await topics.let_in(member.id, "pw")
    await admission.settle(seen, work)
    await acts.provision()
    assert topics.open_for == set()
    assert topics.passwords == {}


@pytest.mark.parametrize("at", list(State))
@pytest.mark.parametrize("step", list(Action))
async def test_no_step_is_taken_that_the_table_does_not_name(
    acts: Acts, work: MemoryWork, at: State, step: Action
) -> None:
    member = await acts.apply()
    path = {
        State.PROVISIONING: (),
        State.ADMITTED: (Action.ADMIT,),
        State.SUSPENDED: (Action.ADMIT, Action.SUSPEND),
    }
    for taken in path[at]:
        member = member.take(taken, at=work.now)
    if (at, step) in TRANSITIONS:
        assert member.take(step, at=work.now).state is TRANSITIONS[at, step]
    else:
        with pytest.raises(Rejected) as refused:
            member.take(step, at=work.now)
        assert refused.value.field == "state"
        assert refused.value.remedy


@pytest.mark.parametrize("again", ["Acme", "ACME", "  acme ", "Ａｃｍｅ"])
async def test_two_members_whose_names_read_the_same_are_refused(acts: Acts, again: str) -> None:
    await acts.apply("Acme")
    with pytest.raises(Rejected) as refused:
        await acts.apply(again, "Elsewhere")
    assert refused.value.field == "name"
    assert refused.value.remedy


@pytest.mark.parametrize("name", ["", "   ", "a\x00b", "a\nb", "a\u202eb", "a\u200bb", "x" * 201])
async def test_a_name_that_nobody_could_read_back_is_refused(acts: Acts, name: str) -> None:
    with pytest.raises(Invalid) as refused:
        await acts.apply(name, "Group")
    assert refused.value.field == "name"


@pytest.mark.parametrize("name", [SMUGGLED, "www.evil.example", "Ada (ada@evil.example)", "evil.example/pay"])
async def test_a_name_that_no_mail_may_carry_is_refused_where_it_is_given(
    work: MemoryWork, acts: Acts, name: str
) -> None:
    with pytest.raises(Invalid):
        await acts.apply(name)
    with pytest.raises(Invalid):
        await acts.apply("Acme", name)
    with pytest.raises(Invalid):
        await access.create_principal(
            access.NewPrincipal(kind=Kind.PERSON, name=name, role=Role.REVIEWER), "", work
        )


def test_a_person_who_was_let_in_under_such_a_name_is_still_read() -> None:
    kept = Principal(
        id=UUID(int=1),
        kind=Kind.PERSON,
        name="Ada (ada@firm.example)",
        role=Role.REVIEWER,
        member_id=None,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    assert kept.name == "Ada (ada@firm.example)"


async def test_a_group_that_ties_itself_is_refused_with_its_row(acts: Acts) -> None:
    await acts.apply("Other")
    with pytest.raises(Rejected) as refused:
        await acts.apply("Acme", "Acme Group", "Other Group", "ACME GROUP")
    assert (refused.value.field, refused.value.row) == ("minority_holdings", 2)


def applying(group: str, *ties: str, new_group: bool = False) -> NewMember:
    return NewMember(name="Litware", group=group, minority_holdings=ties, new_group=new_group)


async def test_a_group_that_is_not_there_is_refused_with_the_names_that_are_near(
    work: MemoryWork, acts: Acts
) -> None:
    await acts.admitted("Fabrikam Foods", "Fabrikam Holdings")
    await acts.admitted("Proseware", "Proseware Group")
    for misspelt in ("Fabricam Holding", "Fabrikam"):
        with pytest.raises(Rejected, match="'Fabrikam Holdings'") as refused:
            await admission.admit(applying(misspelt), work, member_id=UUID(int=9))
        assert refused.value.field == "group"
        assert "Proseware" not in refused.value.reason
        assert "new_group" in (refused.value.remedy or "")
    assert set(work.members.made) == {"fabrikam holdings", "proseware group"}


async def test_a_group_is_made_on_purpose_or_under_the_companys_own_name(work: MemoryWork) -> None:
    made = await admission.admit(applying("Lit Group", new_group=True), work, member_id=UUID(int=8))
    assert made.group.name == "Lit Group"
    with pytest.raises(Rejected, match="already") as refused:
        await admission.admit(applying("LIT GROUP", new_group=True), work, member_id=UUID(int=9))
    assert refused.value.field == "new_group"
    own = NewMember(name="Tailspin", group="TAILSPIN")
    assert (await admission.admit(own, work, member_id=UUID(int=9))).group.name == "TAILSPIN"


async def test_a_minority_holding_names_a_group_or_member_that_is_there(work: MemoryWork, acts: Acts) -> None:
    known = await acts.admitted("Fabrikam Foods", "Fabrikam Holdings")
    wanted = applying("Litware", "Fabrikam Foods", "Fabrikam Holding")
    with pytest.raises(Rejected, match="Fabrikam Holdings") as refused:
        await admission.admit(wanted, work, member_id=UUID(int=9))
    assert (refused.value.field, refused.value.row) == ("minority_holdings", 2)
    made = await admission.admit(applying("Litware", "fabrikam foods"), work, member_id=UUID(int=9))
    assert await work.members.tied_to(made.group.id) == {known.group.id}


async def test_members_of_one_group_share_its_id_and_its_ties(work: MemoryWork, acts: Acts) -> None:
    await acts.admitted("Owner", "Holding")
    first = await acts.admitted("First", "Group", "Holding")
    second = await acts.admitted("Second", "GROUP")
    assert first.group == second.group
    assert second.said is not None
    assert len(second.said.tied_groups) == 1
