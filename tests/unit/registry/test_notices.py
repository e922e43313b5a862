"""Members' people hear of dates that concern their protocols; nobody else does, and nobody hears old news."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from mrx_registry.domain.members import Member, State
from mrx_registry.domain.principals import Credential, Kind, Principal, Role
from mrx_registry.domain.statement import Adoption
from mrx_registry.handlers import notices
from mrx_shared.messages.benchmark import (
    AssessmentMoved,
    CriteriaEvolving,
    RecognitionEnding,
    RecognitionLapsed,
)
from mrx_shared.messages.registry import NoticeMailAsked, QuestionMailAsked

from tests.unit.registry.conftest import Acts
from tests.unit.registry.memory import MemoryWork

UNTIL = date(2027, 3, 31)
PROTOCOL = UUID(int=7)


async def person(work: MemoryWork, member: Member, name: str, **how: object) -> None:
    """Somebody of the member's."""
    one = Principal(
        id=uuid4(),
        kind=Kind(str(how.get("kind", "person"))),
        name=name,
        role=Role.MEMBER,
        member_id=member.id,
        created_at=work.now,
        email=None if how.get("nowhere") else f"{name.lower()}@acme.example",
        language="es",
    )
    credential = Credential(
        client_id=str(one.id),
        principal_id=one.id,
        role=one.role,
        member_id=member.id,
        secret_hash="",
        disabled=bool(how.get("disabled")),
    )
    async with work.concerning(member.id):
        await work.principals.add(one, credential)


@pytest.fixture
async def acme(work: MemoryWork, acts: Acts) -> Member:
    """A member with a person, and with principals that get no mail; and another member with a person."""
    member = await acts.admitted("Acme")
    await person(work, member, "Ada")
    await person(work, member, "Bob", disabled=True)
    await person(work, member, "Machine", kind="system")
    await person(work, member, "Cid", nowhere=True)
    await person(work, await acts.admitted("Birch"), "Bea")
    return member


def ending(work: MemoryWork, owner: UUID | None, **more: object) -> RecognitionEnding:
    return RecognitionEnding.model_validate({**told(owner), "days": 30, "reminded_at": work.now, **more})


def told(owner: UUID | None) -> dict[str, object]:
    return {
        "assessment_id": uuid4(),
        "protocol_id": PROTOCOL,
        "protocol_version": "3",
        "public": owner is None,
        "member_id": owner,
        "criteria_version": "6.1-4p",
        "recognised_until": UNTIL,
    }


def mails(work: MemoryWork) -> list[NoticeMailAsked]:
    return [fact for fact in work.said if isinstance(fact, NoticeMailAsked)]


async def test_the_owners_people_are_told_and_no_others(work: MemoryWork, acme: Member) -> None:
    await notices.tell_of_recognition(ending(work, acme.id), work)
    [mail] = mails(work)
    assert (mail.to, mail.to_name, mail.language) == ("ada@acme.example", "Ada", "es")
    assert (mail.kind, mail.protocol_version, mail.recognised_until) == ("recognition-ending", "3", UNTIL)


async def test_a_lapse_is_told_as_one(work: MemoryWork, acme: Member) -> None:
    lapsed = RecognitionLapsed.model_validate({**told(acme.id), "noticed_at": work.now})
    await notices.tell_of_recognition(lapsed, work)
    assert [mail.kind for mail in mails(work)] == ["recognition-lapsed"]


async def test_of_a_public_protocol_those_are_told_who_adopted_that_version(
    work: MemoryWork, acme: Member
) -> None:
    await notices.tell_of_recognition(ending(work, None), work)
    assert mails(work) == []
    adoption = Adoption(
        id=uuid4(), member_id=acme.id, protocol_id=PROTOCOL, protocol_version="3", adopted_at=work.now
    )
    async with work.concerning(acme.id):
        await work.statements.adopt(adoption)
    await notices.tell_of_recognition(ending(work, None, protocol_version="2"), work)
    assert mails(work) == []
    await notices.tell_of_recognition(ending(work, None), work)
    assert [mail.to_name for mail in mails(work)] == ["Ada"]


async def test_every_member_hears_of_criteria_that_give_way(work: MemoryWork, acme: Member) -> None:
    fact = CriteriaEvolving(
        criteria_version="6.1-4p",
        successor="7.0",
        consultation_until=date(2026, 8, 1),
        effective_on=date(2026, 9, 1),
        transition_until=UNTIL,
        announced_at=work.now,
    )
    await notices.tell_of_criteria(fact, work)
    assert sorted(mail.to_name or "" for mail in mails(work)) == ["Ada", "Bea"]
    assert {(mail.kind, mail.successor) for mail in mails(work)} == {("criteria-evolving", "7.0")}
    assert len({mail.mail_id for mail in mails(work)}) == 2


async def test_a_suspended_member_is_not_written_to(work: MemoryWork, acme: Member) -> None:
    async with work.concerning(acme.id):
        await work.members.keep(replace(acme, state=State.SUSPENDED), judged_on=None)
    await notices.tell_of_recognition(ending(work, acme.id), work)
    assert mails(work) == []


async def test_history_is_no_news(work: MemoryWork, acme: Member) -> None:
    await notices.tell_of_recognition(ending(work, acme.id, reminded_at=work.now - timedelta(days=8)), work)
    await notices.tell_of_recognition(ending(work, uuid4()), work)
    assert mails(work) == []


async def staff(work: MemoryWork, name: str, role: Role) -> UUID:
    """Somebody who belongs to no member."""
    one = Principal(
        id=uuid4(),
        kind=Kind.PERSON,
        name=name,
        role=role,
        member_id=None,
        created_at=work.now,
        email=f"{name.lower()}@scheme.example",
    )
    credential = Credential(
        client_id=str(one.id), principal_id=one.id, role=role, member_id=None, secret_hash="", disabled=False
    )
    await work.principals.add(one, credential)
    return one.id


def moved(work: MemoryWork, step: str, owner: UUID | None, **more: object) -> AssessmentMoved:
    known = {
        "step": step,
        "by": str(uuid4()),
        "at": work.now,
        "criterion_id": "8.1",
        "asked_by": str(uuid4()),
    }
    return AssessmentMoved.model_validate({**told(owner), **known, **more})


def questions(work: MemoryWork) -> list[tuple[str, str]]:
    return [(one.kind, one.to) for one in work.said if isinstance(one, QuestionMailAsked)]


async def test_a_reviewers_question_reaches_the_owners_people_once_while_it_is_open(
    work: MemoryWork, acme: Member
) -> None:
    for waiting in (1, 2, 3):
        await notices.tell_of_question(moved(work, "asked", acme.id, open_questions=waiting), work)
    assert questions(work) == [("question-asked", "ada@acme.example")]
    [mail] = [one for one in work.said if isinstance(one, QuestionMailAsked)]
    assert (mail.criteria_version, mail.protocol_version, mail.criterion_id) == ("6.1-4p", "3", "8.1")


async def test_a_question_about_a_public_protocol_reaches_the_secretariat(
    work: MemoryWork, acme: Member
) -> None:
    await staff(work, "Sue", Role.SECRETARIAT)
    await notices.tell_of_question(moved(work, "asked", None, open_questions=1), work)
    assert questions(work) == [("question-asked", "sue@scheme.example")]


async def test_the_reply_to_the_last_open_question_reaches_who_asked_and_nobody_else(
    work: MemoryWork, acme: Member
) -> None:
    asker = await staff(work, "Rita", Role.REVIEWER)
    await staff(work, "Rob", Role.REVIEWER)
    for waiting in (1, 0):
        fact = moved(work, "replied", acme.id, asked_by=str(asker), open_questions=waiting)
        await notices.tell_of_question(fact, work)
    assert questions(work) == [("question-replied", "rita@scheme.example")]


async def test_other_steps_old_questions_and_those_of_a_suspended_member_are_no_mail(
    work: MemoryWork, acme: Member
) -> None:
    old = work.now - timedelta(days=8)
    await notices.tell_of_question(moved(work, "reviewed", acme.id), work)
    await notices.tell_of_question(moved(work, "asked", acme.id), work)
    await notices.tell_of_question(moved(work, "asked", acme.id, open_questions=1, at=old), work)
    async with work.concerning(acme.id):
        await work.members.keep(replace(acme, state=State.SUSPENDED), judged_on=None)
    await notices.tell_of_question(moved(work, "asked", acme.id, open_questions=1), work)
    assert questions(work) == []
