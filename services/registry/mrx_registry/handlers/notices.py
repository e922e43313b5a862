"""Mails about what the benchmark told: recognition that ends or lapsed, new criteria, questions and their replies."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from mrx_shared.messages.benchmark import (
    AssessmentMoved,
    CriteriaEvolving,
    RecognitionEnding,
    RecognitionLapsed,
)
from mrx_shared.messages.registry import NoticeMailAsked, QuestionMailAsked

from mrx_registry.domain.members import State
from mrx_registry.domain.principals import Principal, Role
from mrx_registry.ports import Work

STALE: Final = timedelta(days=7)
"""so old a fact is history that a rebuilt service reads, and news to nobody"""


async def tell_of_recognition(fact: RecognitionEnding | RecognitionLapsed, work: Work) -> None:
    """Tell the people of a protocol's owner; of a public one, those of the members that adopted this version."""
    ending = isinstance(fact, RecognitionEnding)
    if work.now - (fact.reminded_at if isinstance(fact, RecognitionEnding) else fact.noticed_at) > STALE:
        return
    told = {
        "kind": "recognition-ending" if ending else "recognition-lapsed",
        "criteria_version": fact.criteria_version,
        "protocol_version": fact.protocol_version,
        "successor": None,
        "consultation_until": None,
        "effective_on": None,
        "recognised_until": fact.recognised_until,
    }
    if fact.member_id is not None:
        await _tell([fact.member_id], told, work)
        return
    adopted = []
    for member in await work.members.every():
        async with work.concerning(member.id):
            if any(
                (one.protocol_id, one.protocol_version) == (fact.protocol_id, fact.protocol_version)
                for one in await work.statements.adoptions(member.id)
            ):
                adopted.append(member.id)
    await _tell(adopted, told, work)


async def tell_of_criteria(fact: CriteriaEvolving, work: Work) -> None:
    """Tell every member's people that criteria give way to others, and by when."""
    if work.now - fact.announced_at > STALE:
        return
    told = {
        "kind": "criteria-evolving",
        "criteria_version": fact.criteria_version,
        "protocol_version": None,
        "successor": fact.successor,
        "consultation_until": fact.consultation_until,
        "effective_on": fact.effective_on,
        "recognised_until": fact.transition_until,
    }
    await _tell([one.id for one in await work.members.every()], told, work)


async def tell_of_question(fact: AssessmentMoved, work: Work) -> None:
    """Tell the owner of a reviewer's first open question, and the asker that nothing more waits for a reply.

    So a reviewer who asks twenty questions at once is one mail, and their replies another.
    """
    news = {("asked", 1): "question-asked", ("replied", 0): "question-replied"}
    kind = news.get((fact.step, -1 if fact.open_questions is None else fact.open_questions))
    if kind is None or work.now - fact.at > STALE:
        return
    for person in await _askers(fact, work) if fact.step == "replied" else await _owners(fact, work):
        mail = {
            "mail_id": work.new_id(),
            "kind": kind,
            "principal_id": person.id,
            "to": person.email,
            "to_name": person.name,
            "language": person.language,
            "criteria_version": fact.criteria_version,
            "protocol_version": fact.protocol_version,
            "criterion_id": fact.criterion_id,
        }
        work.emit(QuestionMailAsked.model_validate(mail), about=str(person.id))


async def _owners(fact: AssessmentMoved, work: Work) -> Sequence[Principal]:
    """The people of the member whose protocol it is; of a public protocol, the secretariat's."""
    if fact.member_id is None:
        return await work.principals.people(None, role=Role.SECRETARIAT)
    member = await work.members.find(fact.member_id)
    if member is None or member.state is not State.ADMITTED:
        return ()
    async with work.concerning(member.id):
        return await work.principals.people(member.id)


async def _askers(fact: AssessmentMoved, work: Work) -> Sequence[Principal]:
    reviewers = await work.principals.people(None, role=Role.REVIEWER)
    return [one for one in reviewers if str(one.id) == fact.asked_by]


async def _tell(members: Sequence[UUID], told: dict[str, Any], work: Work) -> None:
    for member_id in members:
        member = await work.members.find(member_id)
        if member is None or member.state is not State.ADMITTED:
            continue
        async with work.concerning(member_id):
            for person in await work.principals.people(member_id):
                mail = {
                    "mail_id": work.new_id(),
                    "principal_id": person.id,
                    "to": person.email,
                    "to_name": person.name,
                    "language": person.language,
                }
                work.emit(NoticeMailAsked.model_validate(told | mail), about=str(person.id))
