"""Two reviewers judge independently, a third resolves; questions, appeals, ties, waivers, evolution and lapse."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mrx_benchmark.domain.agreement import cohens_kappa
from mrx_benchmark.domain.assessments import Decision, Judgement
from mrx_benchmark.domain.consultation import Phase
from mrx_benchmark.domain.extensions import Extension
from mrx_benchmark.domain.history import EventKind
from mrx_benchmark.handlers import (
    appeals,
    assessing,
    carry_over,
    consultation,
    extensions,
    impartiality,
    protocols,
    publishing,
    questions,
    reminders,
    reviewing,
    waivers,
)
from mrx_criteria.domain.commonality import Equivalent
from mrx_criteria.domain.criteria import Relation
from mrx_criteria.domain.lineage import How, lineage_between
from mrx_criteria.domain.lineage import LineageStep as StepOn
from mrx_shared.messages.benchmark import (
    AssessmentMoved,
    ProtocolAssessed,
    RecognitionEnding,
    RecognitionLapsed,
)
from mrx_shared.messages.registry import MemberAdmitted
from mrx_shared.refusals import Forbidden, Invalid, Rejected

from tests.unit.benchmark.assessments import ACME, WEIGHTS, assessed, catalogue, protocol, submit
from tests.unit.benchmark.in_memory import MemoryWork

ANN, BEN, CEM, DOT = "ann", "ben", "cem", "dot"


@pytest.fixture
def work() -> MemoryWork:
    """Work of the member Acme."""
    return MemoryWork({"own": catalogue()}, tenant=ACME)


async def submitted(work: MemoryWork, **relations: str) -> UUID:
    return await submit(work, await protocol(work), relations or dict.fromkeys(WEIGHTS, "equal"))


async def judge(work: MemoryWork, one: UUID, by: str, *decisions: Decision, rest: bool = True) -> object:
    return await reviewing.review(one, decisions, confirm_rest=rest, by=by, work=work)


async def both(work: MemoryWork, one: UUID, *decisions: Decision) -> None:
    """Let two reviewers judge alike."""
    for by in (ANN, BEN):
        await judge(work, one, by, *decisions)


def correct(name: str, relation: Relation = Relation.NONE) -> Decision:
    return Decision(
        criterion_id=name, judgement=Judgement.CORRECTED, relation=relation, rationale="not in the text"
    )


def confirm(name: str) -> Decision:
    return Decision(criterion_id=name, judgement=Judgement.CONFIRMED)


async def steps(work: MemoryWork, one: UUID) -> list[EventKind]:
    return [event.step for event in (await work.history.of([one]))[one]]


async def test_two_who_agree_need_no_third_and_one_alone_reaches_no_verdict(work: MemoryWork) -> None:
    one = await submitted(work)
    await judge(work, one, ANN)
    with pytest.raises(Rejected, match="needs 2 reviewers"):
        await assessing.conclude(one, by=ANN, work=work)
    await judge(work, one, BEN)
    await assessing.conclude(one, by=BEN, work=work)
    assert assessed(work).equivalent
    assert await steps(work, one) == [
        EventKind.SUBMITTED,
        EventKind.REVIEWED,
        EventKind.REVIEWED,
        EventKind.SETTLED,
        EventKind.CONCLUDED,
    ]


async def test_neither_sees_the_others_answers_before_both_are_done_nor_does_the_owner(
    work: MemoryWork,
) -> None:
    one = await submitted(work)
    await judge(work, one, ANN, correct("A"))

    async def seen(by: str, *, review: bool = True) -> set[str]:
        found = await assessing.show_assessment(one, for_review=review, by=by, work=work)
        assert found.assessment.reviews == {}
        return set(found.assessment.decisions)

    assert await seen(ANN) == set(WEIGHTS)
    assert await seen(BEN) == set()
    assert await seen(CEM) == set()
    assert await seen("", review=False) == set()
    listed = await assessing.list_assessments(for_review=True, by=BEN, work=work)
    assert [dict(found.assessment.decisions) for found in listed] == [{}]
    await judge(work, one, BEN, confirm("A"), rest=False)
    assert await seen(BEN) == {"A"}
    await judge(work, one, BEN)
    both = await assessing.show_assessment(one, for_review=True, by=BEN, work=work)
    assert set(both.assessment.reviews) == {ANN, BEN}
    assert both.assessment.differences() == {"A": (Relation.NONE, Relation.EQUAL)}


async def test_it_is_told_of_a_question_who_asked_and_how_many_of_hers_are_open(work: MemoryWork) -> None:
    one = await submitted(work)
    first = await questions.ask(one, "A", "Does page 3 hold it?", by=ANN, work=work)
    second = await questions.ask(one, "B", "And page 4?", by=ANN, work=work)
    await questions.ask(one, "A", "On which page?", by=BEN, work=work)
    for question in (first, second):
        await questions.reply(one, question.question_id, "It does.", owner=ACME, by="acme", work=work)
    told = [fact for fact in work.said if isinstance(fact, AssessmentMoved) and fact.asked_by]
    assert [(fact.step, fact.criterion_id, fact.asked_by, fact.open_questions) for fact in told] == [
        ("asked", "A", ANN, 1),
        ("asked", "B", ANN, 2),
        ("asked", "A", BEN, 1),
        ("replied", "A", ANN, 1),
        ("replied", "B", ANN, 0),
    ]


async def test_what_one_reviewer_asks_is_hidden_from_the_other_until_both_are_done(work: MemoryWork) -> None:
    one = await submitted(work)
    question = await questions.ask(one, "A", "Does page 3 hold it?", by=ANN, work=work)

    async def seen(by: str, *, review: bool = True) -> tuple[int, set[EventKind], int]:
        found = await assessing.show_assessment(one, for_review=review, by=by, work=work)
        return len(found.questions), {event.step for event in found.history}, found.reviewers

    assert await seen(ANN) == (1, {EventKind.SUBMITTED}, 0)
    assert await seen(BEN) == (0, {EventKind.SUBMITTED}, 0)
    assert await seen("", review=False) == (1, {EventKind.SUBMITTED, EventKind.ASKED}, 0)
    await judge(work, one, BEN)
    with pytest.raises(Rejected, match="needs 2 reviewers"):
        await assessing.conclude(one, by=BEN, work=work)
    await questions.reply(one, question.question_id, "It does.", owner=ACME, by="acme", work=work)
    assert await seen(BEN) == (0, {EventKind.SUBMITTED, EventKind.REVIEWED}, 1)
    assert await seen(CEM) == (0, {EventKind.SUBMITTED, EventKind.REVIEWED}, 1)
    await judge(work, one, ANN)
    everything = {
        EventKind.SUBMITTED,
        EventKind.ASKED,
        EventKind.REVIEWED,
        EventKind.REPLIED,
        EventKind.SETTLED,
    }
    assert await seen(BEN) == (1, everything, 2)
    owners = await assessing.show_assessment(one, for_review=False, work=work)
    assert [event.by for event in owners.history if event.step is EventKind.ASKED] == ["a reviewer"]


async def test_a_third_resolves_what_two_differ_on_and_nothing_else(work: MemoryWork) -> None:
    one = await submitted(work)
    await judge(work, one, ANN, correct("C"))
    with pytest.raises(Rejected, match="needs 2 reviewers"):
        await assessing.conclude(one, by=ANN, work=work)
    await judge(work, one, BEN, confirm("A"), rest=False)
    with pytest.raises(Rejected, match="not finished"):
        await judge(work, one, CEM)
    await judge(work, one, BEN)
    with pytest.raises(Rejected, match="1 answer has no decision, the first is C"):
        await assessing.conclude(one, by=ANN, work=work)
    with pytest.raises(Rejected, match="between them"):
        await judge(work, one, ANN, confirm("C"), rest=False)
    with pytest.raises(Invalid, match="agree on A"):
        await judge(work, one, CEM, correct("A"), rest=False)
    with pytest.raises(Invalid, match="one by one"):
        await judge(work, one, CEM)
    await judge(work, one, CEM, correct("C", Relation.SUBSET), rest=False)
    await assessing.conclude(one, by=CEM, work=work)
    assert assessed(work).commonality == Decimal("92.50")
    assert EventKind.RESOLVED in await steps(work, one)


async def test_who_may_judge_is_told(work: MemoryWork) -> None:
    one = await submitted(work)

    async def may() -> str:
        told = ""
        for by in (ANN, BEN, CEM):
            shown = await assessing.show_assessment(one, for_review=True, by=by, work=work)
            told += by[0] if shown.may_judge else "-"
        owners = await assessing.show_assessment(one, for_review=False, work=work)
        assert not owners.may_judge
        return told

    assert await may() == "abc"
    await judge(work, one, ANN, correct("C"))
    assert await may() == "abc"
    await judge(work, one, BEN, confirm("A"), rest=False)
    assert await may() == "ab-"
    await judge(work, one, BEN)
    assert await may() == "--c"
    await judge(work, one, CEM, confirm("C"), rest=False)
    await assessing.conclude(one, by=CEM, work=work)
    assert await may() == "---"


async def test_what_one_alone_answered_for_the_owner_is_a_difference(work: MemoryWork) -> None:
    one = await submitted(work, A="equal", B="equal")
    await judge(work, one, ANN, correct("C", Relation.EQUAL))
    await judge(work, one, BEN)
    shown = await assessing.show_assessment(one, for_review=True, by=ANN, work=work)
    assert shown.assessment.undecided() == ("C",)


def test_kappa_is_what_cohen_reckoned() -> None:
    yes, no = Relation.EQUAL, Relation.NONE
    pairs = [(yes, yes)] * 20 + [(yes, no)] * 5 + [(no, yes)] * 10 + [(no, no)] * 15
    assert cohens_kappa(pairs) == Fraction(2, 5)  # observed 0.7, by chance 0.5
    assert cohens_kappa([(yes, yes)] * 3) == 1
    assert cohens_kappa([]) is None


@given(st.lists(st.tuples(*[st.sampled_from(list(Relation))] * 2), min_size=1))
def test_kappa_is_at_most_1_and_1_only_for_full_agreement(pairs: list[tuple[Relation, Relation]]) -> None:
    kappa = cohens_kappa(pairs)
    assert kappa is not None
    assert -1 <= kappa <= 1
    assert (kappa == 1) is all(one is two for one, two in pairs)


async def test_a_reviewer_who_is_tied_to_the_owners_group_is_kept_out_at_every_step(work: MemoryWork) -> None:
    sister, group = uuid4(), uuid4()
    for member in (ACME, sister):
        await impartiality.note_group(
            MemberAdmitted(member_id=member, group_id=group, tied_groups=[], admitted_at=work.now), work
        )
    await impartiality.declare_conflict(ANN, sister, work=work)
    one = await submitted(work)
    for attempt in (
        judge(work, one, ANN),
        assessing.conclude(one, by=ANN, work=work),
        questions.ask(one, "A", "where?", by=ANN, work=work),
        appeals.decide_appeal(one, [], granted=True, rationale="x", by=ANN, work=work),
        assessing.show_assessment(one, for_review=True, by=ANN, work=work),
    ):
        with pytest.raises(Forbidden, match="conflict of interest"):
            await attempt
    assert await assessing.list_assessments(for_review=True, by=ANN, work=work) == []
    assert await protocols.list_protocols(for_review=True, by=ANN, work=work) == []
    await judge(work, one, BEN)
    assert len(await assessing.list_assessments(for_review=True, by=BEN, work=work)) == 1
    assert len(await protocols.list_protocols(for_review=True, by=BEN, work=work)) == 1


async def test_the_decisions_of_a_reviewer_who_is_tied_later_count_no_more(work: MemoryWork) -> None:
    one = await submitted(work)
    await judge(work, one, ANN, correct("C"))
    await judge(work, one, BEN)
    await judge(work, one, CEM, correct("C"), rest=False)
    await impartiality.declare_conflict(ANN, ACME, work=work)
    with pytest.raises(Rejected, match="needs 2 reviewers"):
        await assessing.conclude(one, by=BEN, work=work)
    shown = await assessing.show_assessment(one, for_review=False, work=work)
    assert (shown.reviewers, dict(shown.assessment.decisions)) == (1, {})
    with pytest.raises(Rejected, match="you may have read the other; yours stands"):
        await judge(work, one, BEN, confirm("A"), rest=False)
    assert not (await assessing.show_assessment(one, for_review=True, by=BEN, work=work)).may_judge
    assert (await assessing.show_assessment(one, for_review=True, by=DOT, work=work)).may_judge
    await judge(work, one, DOT, confirm("A"), rest=False)
    assert (await assessing.show_assessment(one, for_review=True, by=DOT, work=work)).may_judge
    with pytest.raises(Rejected, match="this one stands"):
        await reviewing.unassign(one, BEN, by="s", work=work)
    (at_work,) = await reviewing.list_reviews(work=work)
    assert (set(at_work.assessment.reviews), at_work.releasable) == ({BEN, DOT}, (DOT,))
    await judge(work, one, DOT, correct("C", Relation.SUBSET))
    assert not (await assessing.show_assessment(one, for_review=True, by=CEM, work=work)).independent
    assert [
        (event.by, event.detail) for event in work.history.kept[one] if event.step is EventKind.RELEASED
    ] == [("benchmark", ANN)]
    assert set((await work.assessments.get(one)).reviews) == {BEN, DOT}
    await judge(work, one, CEM, correct("C", Relation.SUBSET), rest=False)
    await impartiality.declare_conflict(CEM, ACME, work=work)
    with pytest.raises(Rejected, match="1 answer has no decision, the first is C"):
        await assessing.conclude(one, by=BEN, work=work)
    await judge(work, one, "eve", correct("C", Relation.SUBSET), rest=False)
    await assessing.conclude(one, by=BEN, work=work)
    await impartiality.declare_conflict(BEN, ACME, work=work)
    assert assessed(work).commonality == Decimal("92.50")
    after = await assessing.show_assessment(one, for_review=False, work=work)
    assert after.score.overall.commonality == Fraction(185, 2), "a verdict that was reached stands"


async def test_a_reviewer_who_never_returns_is_released_and_another_judges_in_her_place(
    work: MemoryWork,
) -> None:
    one = await submitted(work)
    await judge(work, one, ANN, correct("A"), rest=False)
    await judge(work, one, BEN)
    with pytest.raises(Rejected, match="not finished"):
        await judge(work, one, CEM)
    with pytest.raises(Invalid, match="has judged nothing"):
        await reviewing.unassign(one, CEM, by="s", work=work)
    await reviewing.unassign(one, ANN, by="s", work=work)
    assert [found.releasable for found in await reviewing.list_reviews(work=work)] == [(BEN,)]
    await judge(work, one, CEM)
    assert [found.releasable for found in await reviewing.list_reviews(work=work)] == [()]
    assert (await assessing.show_assessment(one, for_review=True, by=CEM, work=work)).independent
    with pytest.raises(Rejected, match="both reviews are finished"):
        await reviewing.unassign(one, CEM, by="s", work=work)
    await assessing.conclude(one, by=CEM, work=work)
    assert await reviewing.list_reviews(work=work) == []
    assert assessed(work).commonality == 100
    assert EventKind.RELEASED in await steps(work, one)
    with pytest.raises(Rejected, match="cannot become"):
        await reviewing.unassign(one, CEM, by="s", work=work)


def leave_open(name: str) -> Decision:
    return Decision(criterion_id=name, judgement=Judgement.LEFT_OPEN)


async def test_a_third_may_leave_open_what_one_of_two_answered_and_kappa_counts_the_difference(
    work: MemoryWork,
) -> None:
    one = await submitted(work, A="equal", B="equal")
    with pytest.raises(Invalid, match="left open by leaving it out"):
        await judge(work, one, ANN, leave_open("C"))
    half = correct("A", Relation.SUBSET)
    await judge(work, one, ANN, half, correct("C", Relation.EQUAL))
    await judge(work, one, BEN, half, correct("B"))
    reviewed = await work.assessments.get(one)
    assert reviewed.compared() == {
        "A": (Relation.SUBSET, Relation.SUBSET),
        "B": (Relation.EQUAL, Relation.NONE),
        "C": (Relation.EQUAL, None),
    }
    assert reviewed.kappa() == Fraction(1, 4)  # observed 1/3, by chance 1/9: subset alone is said by both
    with pytest.raises(Invalid, match="B has an answer"):
        await judge(work, one, CEM, leave_open("B"), rest=False)
    await judge(work, one, CEM, leave_open("C"), confirm("B"), rest=False)
    resolved = await work.assessments.get(one)
    assert (resolved.undecided(), {answer.criterion_id for answer in resolved.judged()}) == ((), {"A", "B"})
    await assessing.conclude(one, by=CEM, work=work)
    assert (assessed(work).lower, assessed(work).upper) == (Decimal("43.00"), Decimal("58.00"))


async def test_a_question_stops_the_verdict_until_the_owner_replies(work: MemoryWork) -> None:
    one = await submitted(work)
    question = await questions.ask(one, "A", "On which page?", by=ANN, work=work)
    await judge(work, one, ANN)
    await judge(work, one, BEN)
    with pytest.raises(Rejected, match="no reply, the first is on A"):
        await assessing.conclude(one, by=ANN, work=work)
    await questions.reply(one, question.question_id, "Page 3.", owner=ACME, by="acme", work=work)
    with pytest.raises(Rejected, match="has been answered"):
        await questions.reply(one, question.question_id, "Page 4.", owner=ACME, by="acme", work=work)
    await assessing.conclude(one, by=ANN, work=work)


async def concluded(work: MemoryWork, *decisions: Decision) -> UUID:
    one = await submitted(work)
    await both(work, one, *decisions)
    await assessing.conclude(one, by=ANN, work=work)
    return one


async def test_an_appeal_is_decided_by_somebody_without_a_part_and_changes_the_verdict(
    work: MemoryWork,
) -> None:
    one = await concluded(work, correct("A"))
    assert not assessed(work).equivalent
    await appeals.appeal(one, "A stands on page 3", owner=ACME, by="acme", work=work)
    for partial in (ANN, BEN):
        with pytest.raises(Forbidden, match="cannot decide"):
            await appeals.decide_appeal(
                one, [confirm("A")], granted=True, rationale="x", by=partial, work=work
            )
    await appeals.decide_appeal(one, [confirm("A")], granted=True, rationale="it does", by=DOT, work=work)
    assert (assessed(work).equivalent, assessed(work).commonality) == (True, Decimal("100.00"))
    with pytest.raises(Rejected, match="has been decided"):
        await appeals.decide_appeal(one, [confirm("A")], granted=True, rationale="again", by="eve", work=work)
    with pytest.raises(Rejected, match="already been appealed"):
        await appeals.appeal(one, "again", owner=ACME, by="acme", work=work)


async def test_a_dismissed_appeal_changes_nothing_and_a_late_one_is_not_heard(work: MemoryWork) -> None:
    one = await concluded(work, correct("A"))
    verdict = work.assessments.reached[one]
    work.moment += timedelta(days=31)
    with pytest.raises(Rejected, match="possible for 30 days"):
        await appeals.appeal(one, "late", owner=ACME, by="acme", work=work)
    work.moment -= timedelta(days=2)
    await appeals.appeal(one, "in time", owner=ACME, by="acme", work=work)
    await appeals.decide_appeal(one, [], granted=False, rationale="it is not there", by=DOT, work=work)
    assert work.assessments.reached[one] == verdict


async def test_an_appeal_changes_no_verdict_that_a_newer_submission_has_overtaken(work: MemoryWork) -> None:
    of = await protocol(work)

    async def verdict_on(*decisions: Decision) -> UUID:
        work.moment += timedelta(hours=1)
        one = await submit(work, of, dict.fromkeys(WEIGHTS, "equal"))
        for by in (ANN, BEN):
            await judge(work, one, by, *decisions)
        await assessing.conclude(one, by=ANN, work=work)
        return one

    first = await verdict_on(correct("A"))
    await appeals.appeal(first, "A stands on page 3", owner=ACME, by="acme", work=work)
    second = await verdict_on()
    work.moment += timedelta(hours=1)
    with pytest.raises(Rejected, match="a newer verdict"):
        await appeals.decide_appeal(first, [confirm("A")], granted=True, rationale="x", by=DOT, work=work)
    await appeals.decide_appeal(first, [], granted=False, rationale="overtaken", by=DOT, work=work)
    assert [told for told in work.said if isinstance(told, ProtocolAssessed)][-1].equivalent

    third = await verdict_on(correct("B"))
    with pytest.raises(Rejected, match="a newer verdict"):
        await appeals.appeal(second, "late", owner=ACME, by="acme", work=work)
    await appeals.appeal(third, "B stands on page 4", owner=ACME, by="acme", work=work)


async def test_who_concluded_does_not_decide_the_appeal_and_a_dismissal_states_no_decisions(
    work: MemoryWork,
) -> None:
    one = await submitted(work)
    for by in (ANN, BEN):
        await judge(work, one, by, correct("A"))
    await assessing.conclude(one, by=CEM, work=work)
    await appeals.appeal(one, "A stands on page 3", owner=ACME, by="acme", work=work)
    with pytest.raises(Forbidden, match="cannot decide"):
        await appeals.decide_appeal(one, [confirm("A")], granted=True, rationale="x", by=CEM, work=work)
    with pytest.raises(Invalid, match="1 decisions are given"):
        await appeals.decide_appeal(one, [confirm("A")], granted=False, rationale="x", by=DOT, work=work)
    assert (await work.appeals.of([one]))[one].granted is None


async def test_a_yes_that_only_a_waiver_makes_possible_ends_with_it() -> None:
    criteria = catalogue()
    second = replace(criteria.criteria[0], clause="2")
    work = MemoryWork({"own": replace(criteria, criteria=(second, *criteria.criteria[1:]))}, tenant=ACME)
    await waivers.waive("own", "2", "disputed", date(2026, 12, 31), by="s", work=work)
    one = await submitted(work, A="none", B="equal", C="equal")
    await both(work, one)
    await assessing.conclude(one, by=ANN, work=work)
    assert (assessed(work).commonality, assessed(work).equivalent) == (Decimal("100.00"), True)
    assert assessed(work).recognised_until == date(2026, 12, 31)


async def test_a_yes_that_needs_no_waiver_does_not_end_with_one() -> None:
    criteria = catalogue()
    second = replace(criteria.criteria[0], clause="2")
    work = MemoryWork({"own": replace(criteria, criteria=(second, *criteria.criteria[1:]))}, tenant=ACME)
    await waivers.waive("own", "2", "disputed", date(2026, 12, 31), by="s", work=work)
    one = await submitted(work)
    await both(work, one)
    await assessing.conclude(one, by=ANN, work=work)
    assert assessed(work).recognised_until == date(2027, 12, 31)


async def test_a_successor_ends_a_yes_by_waiver_no_later_than_its_waiver() -> None:
    work = evolving()
    second = replace(work.catalogues["own"].criteria[0], clause="2")
    older = replace(work.catalogues["own"], criteria=(second, *work.catalogues["own"].criteria[1:]))
    work.catalogues = {**work.catalogues, "own": older}
    today = work.moment.date()
    ends = today + timedelta(days=50)
    await waivers.waive("own", "2", "disputed", ends, by="s", work=work)
    one = await submitted(work, A="none", B="equal", C="equal")
    await both(work, one)
    await assessing.conclude(one, by=ANN, work=work)
    await consultation.announce("own", "next", **days(today, 10, 20, 200), by="s", work=work)
    assert work.assessments.reached[one].recognised_until == ends
    work.moment += timedelta(days=60)
    shown = await assessing.show_assessment(one, for_review=False, work=work)
    assert [waiver.clause for waiver in shown.score.waived] == ["2"], "a verdict keeps its waivers"
    assert shown.score.equivalent is Equivalent.YES


async def test_a_waiver_holds_on_its_last_day_and_not_after_it() -> None:
    criteria = catalogue()
    second = replace(criteria.criteria[0], clause="2")
    work = MemoryWork({"own": replace(criteria, criteria=(second, *criteria.criteria[1:]))}, tenant=ACME)
    today = work.moment.date()
    await waivers.waive("own", "2", "disputed", today, by="s", work=work)
    one = await submitted(work, A="none", B="equal", C="equal")

    async def waived() -> int:
        return len((await assessing.show_assessment(one, for_review=False, work=work)).score.waived)

    assert await waived() == 1
    work.moment += timedelta(days=1)
    assert await waived() == 0


async def test_no_assessment_is_begun_under_criteria_that_gave_way_or_ended() -> None:
    work = evolving()
    today = work.moment.date()
    await consultation.announce("own", "next", **days(today, 10, 20, 200), by="s", work=work)
    work.moment += timedelta(days=19)
    before = await submitted(work)
    work.moment += timedelta(days=1)
    fresh = await protocol(work, code="ACME-2")
    with pytest.raises(Rejected, match=f"own were replaced by next on {today + timedelta(days=20)}"):
        await submit(work, fresh, {"A": "equal"})
    again = await submit(work, work.protocols.kept[work.assessments.kept[before].protocol_id], {"A": "equal"})
    assert await steps(work, before) == [EventKind.SUBMITTED, EventKind.REPLACED]
    await both(work, again, correct("B", Relation.EQUAL), correct("C", Relation.EQUAL))
    await assessing.conclude(again, by=ANN, work=work)
    assert assessed(work).recognised_until == today + timedelta(days=200)

    work.consultation.announced.clear()
    last = work.moment.date()
    work.catalogues = {"own": catalogue(valid_until=last)}
    await submit(work, fresh, {"A": "equal"})
    work.moment += timedelta(days=1)
    third = await protocol(work, code="ACME-3")
    with pytest.raises(Rejected, match=f"own ended on {last}"):
        await submit(work, third, {"A": "equal"})


async def test_who_began_before_an_announcement_goes_on_under_the_announced_version() -> None:
    work = evolving()
    of = await protocol(work)
    rows = [{"criterion_id": "A", "relation": "equal"}]
    place = {"protocol_id": of.protocol_id, "version": "1", "criteria_version": "next"}
    await assessing.submit_answers(rows, **place, owner=ACME, by=ANN, work=work)  # type: ignore[arg-type]
    await consultation.announce("own", "next", **days(work.moment.date(), 10, 20, 200), by="s", work=work)
    await assessing.submit_answers(rows, **place, owner=ACME, by=ANN, work=work)  # type: ignore[arg-type]


async def test_what_follows_two_versions_is_begun_with_from_the_earlier_of_its_days_on() -> None:
    work = evolving()
    work.catalogues = {**work.catalogues, "side": replace(catalogue(), version="side")}
    work.lineages = {
        **work.lineages,
        ("side", "next"): lineage_between(work.catalogues["side"], work.catalogues["next"], []),
    }
    today = work.moment.date()
    await consultation.announce("own", "next", **days(today, 10, 20, 200), by="s", work=work)
    await consultation.announce("side", "next", **days(today, 10, 60, 200), by="s", work=work)
    of = await protocol(work)
    rows = [{"criterion_id": "A", "relation": "equal"}]
    place = {"protocol_id": of.protocol_id, "version": "1", "criteria_version": "next"}
    work.moment += timedelta(days=20)
    await assessing.submit_answers(rows, **place, owner=ACME, by=ANN, work=work)  # type: ignore[arg-type]


async def test_the_last_clause_is_not_waived(work: MemoryWork) -> None:
    with pytest.raises(Invalid, match="every clause is waived"):
        await waivers.waive("own", "1", "disputed", date(2030, 12, 31), by="s", work=work)
    assert not work.waivers.kept


async def test_a_successor_is_answered_from_its_effective_day_on_and_takes_effect_no_earlier_than_it_holds() -> (
    None
):
    work = evolving()
    today = work.moment.date()
    await consultation.announce("own", "next", **days(today, 10, 20, 200), by="s", work=work)
    made = await protocol(work)

    async def submit_next() -> object:
        rows = [{"criterion_id": "A", "relation": "equal"}]
        place = {"protocol_id": made.protocol_id, "version": "1", "criteria_version": "next"}
        return await assessing.submit_answers(rows, **place, owner=ACME, by=ANN, work=work)  # type: ignore[arg-type]

    work.moment += timedelta(days=19)
    with pytest.raises(Rejected, match=f"take effect on {today + timedelta(days=20)}"):
        await submit_next()
    work.moment += timedelta(days=1)
    await submit_next()

    late = replace(work.catalogues["next"], valid_from=today + timedelta(days=400))
    work.catalogues = {**work.catalogues, "next": late}
    work.consultation.announced.clear()
    made = await protocol(work, code="ACME-2")
    with pytest.raises(Rejected, match="take effect on"):
        await submit_next()
    with pytest.raises(Invalid, match="in force from"):
        await consultation.announce("own", "next", **days(today, 30, 40, 200), by="s", work=work)


def days(today: date, consultation: int, effective: int, transition: int) -> dict[str, date]:
    names = ("consultation_until", "effective_on", "transition_until")
    return {
        name: today + timedelta(days=count)
        for name, count in zip(names, (consultation, effective, transition), strict=True)
    }


def evolving() -> MemoryWork:
    older, newer = catalogue(), replace(catalogue(), version="next")
    work = MemoryWork({"own": older, "next": newer}, tenant=ACME)
    work.lineages = {("own", "next"): lineage_between(older, newer, [])}
    return work


async def test_an_announced_successor_ends_recognition_with_its_transition_with_reminders_and_a_lapse() -> (
    None
):
    work = evolving()
    await publishing.publish_criteria(work)
    one = await submitted(work)
    await both(work, one)
    await assessing.conclude(one, by=ANN, work=work)
    today = work.moment.date()
    made = await consultation.announce(
        "own",
        "next",
        consultation_until=today + timedelta(days=10),
        effective_on=today + timedelta(days=20),
        transition_until=today + timedelta(days=200),
        by="s",
        work=work,
    )
    fact = [told for told in work.said if isinstance(told, ProtocolAssessed)][-1]
    assert fact.recognised_until == today + timedelta(days=200)
    await publishing.publish_criteria(work)  # a restart changes nothing
    assert [told for told in work.said if isinstance(told, ProtocolAssessed)][-1] is fact
    phases = [made.phase(today + timedelta(days=days)) for days in (10, 11, 20, 200, 201)]
    assert phases == [Phase.CONSULTATION, Phase.DECIDED, Phase.TRANSITION, Phase.TRANSITION, Phase.OVER]

    async def transact(verb: object) -> None:
        await verb(work)  # type: ignore[operator]

    told: list[tuple[int, str]] = []
    for days in range(90, 203):
        work.moment = type(work.moment).combine(today + timedelta(days=days), work.moment.timetz())
        before = len(work.said)
        await reminders.watch(transact)
        told += [
            (days, type(fact).__name__)
            for fact in work.said[before:]
            if isinstance(fact, RecognitionEnding | RecognitionLapsed)
        ]
    assert told == [
        (110, "RecognitionEnding"),
        (170, "RecognitionEnding"),
        (193, "RecognitionEnding"),
        (201, "RecognitionLapsed"),
    ]
    with pytest.raises(Rejected, match="took effect"):
        await consultation.announce(
            "own",
            "next",
            consultation_until=date(2030, 1, 1),
            effective_on=date(2030, 2, 1),
            transition_until=date(2030, 3, 1),
            by="s",
            work=work,
        )


async def test_dates_that_do_not_follow_one_another_and_versions_without_lineage_are_refused() -> None:
    work = evolving()
    day = work.moment.date() + timedelta(days=5)
    with pytest.raises(Invalid) as caught:
        await consultation.announce(
            "own", "next", consultation_until=day, effective_on=day, transition_until=day, by="s", work=work
        )
    assert caught.value.field == "effective_on"
    with pytest.raises(Invalid, match="there is no lineage from next to own"):
        await consultation.announce(
            "next", "own", consultation_until=day, effective_on=day, transition_until=day, by="s", work=work
        )


async def test_what_if_tells_what_each_protocol_would_come_to_under_the_next_version() -> None:
    work = evolving()
    one = await submitted(work)
    await both(work, one, correct("C"))
    await assessing.conclude(one, by=ANN, work=work)
    work.tenant = None
    [found] = await carry_over.what_if("next", work=work)
    outcome = found.outcome
    assert (found.owner, outcome.figures.commonality, outcome.asked) == (ACME, Fraction(85), 0)
    assert outcome.equivalent is Equivalent.YES
    work.tenant = ACME
    answers, asked = await carry_over.carry_over(one, "next", work=work)
    assert ({answer.criterion_id: answer.relation for answer in answers}["C"], asked) == (Relation.NONE, ())


async def test_what_if_carries_answers_tells_each_version_once_and_leaves_out_waived_clauses() -> None:
    older = catalogue()
    first, second, third = older.criteria
    parts = (replace(first, id="A1", weight=40), replace(first, id="A2", weight=44))
    asked = replace(third, id="D", clause="2", weight=16)
    newer = replace(older, version="next", criteria=(*parts, second, asked))
    work = MemoryWork({"own": older, "next": newer}, tenant=ACME)
    changes = [
        StepOn(how=How.SPLIT, before=("A",), after=("A1", "A2")),
        StepOn(how=How.CHANGED, before=("C",), after=("D",)),
    ]
    work.lineages = {("own", "next"): lineage_between(older, newer, changes)}
    of = await protocol(work)
    one = await submit(work, of, dict.fromkeys(WEIGHTS, "equal"))
    await both(work, one)
    await assessing.conclude(one, by=ANN, work=work)

    async def reckoned(by: str = "") -> list[tuple[str, Fraction, Fraction, Equivalent, int]]:
        return [
            (
                found.criteria_version,
                found.outcome.figures.lower,
                found.outcome.figures.upper,
                found.outcome.equivalent,
                found.outcome.asked,
            )
            for found in await carry_over.what_if("next", work=work, by=by)
        ]

    hundred = Fraction(100)
    assert await reckoned() == [("own", 100 * Fraction(85, 101), hundred, Equivalent.OPEN, 1)]
    await waivers.waive("next", "2", "disputed", work.moment.date(), by="s", work=work)
    assert await reckoned() == [("own", hundred, hundred, Equivalent.YES, 0)]
    await impartiality.declare_conflict(DOT, ACME, work=work)
    assert (await reckoned(DOT), len(await reckoned(ANN))) == ([], 1)

    rows = [
        {"criterion_id": name, "relation": "none" if name == "A1" else "equal"}
        for name in ("A1", "A2", "B", "D")
    ]
    place = {"protocol_id": of.protocol_id, "version": "1", "criteria_version": "next"}
    work.moment += timedelta(hours=1)
    shown = await assessing.submit_answers(rows, **place, owner=ACME, by="acme", work=work)  # type: ignore[arg-type]
    await both(work, shown.assessment.assessment_id)
    await assessing.conclude(shown.assessment.assessment_id, by=ANN, work=work)
    assert await reckoned() == [("next", 100 * Fraction(45, 85), 100 * Fraction(45, 85), Equivalent.NO, 0)]
    assert assessed(work).commonality == Decimal("52.94"), "the verdict itself"


async def test_a_comment_is_heard_while_the_consultation_is_open() -> None:
    work = evolving()
    with pytest.raises(Rejected, match="no consultation"):
        await consultation.comment("own", "too strict", by="acme", work=work)
    day = work.moment.date()
    await consultation.announce(
        "own",
        "next",
        consultation_until=day,
        effective_on=day + timedelta(days=1),
        transition_until=day + timedelta(days=1),
        by="s",
        work=work,
    )
    await consultation.comment("own", "too strict", by="acme", work=work)
    assert [one.text for one in await work.consultation.comments("own")] == ["too strict"]


async def test_extensions_are_kept_and_found(work: MemoryWork) -> None:
    of = await protocol(work)
    land = Extension(topic="land rights", requirement_ref="9.1", requirement_text="Free, prior consent.")
    await extensions.keep_extension(of.protocol_id, "1", land, owner=ACME, work=work)
    assert await extensions.find_extensions("consent", work=work) == [land]
    assert await extensions.find_extensions("water", work=work) == []
