"""An assessment's way from answers to a verdict, and what is said of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from uuid import UUID, uuid4

import pytest
from mrx_benchmark.domain.assessments import TRANSITIONS, Decision, Judgement, State
from mrx_benchmark.domain.protocols import Protocol, ProtocolVersion, normal_code, recognition
from mrx_benchmark.handlers import assessing, protocols, publishing, reviewing
from mrx_criteria.domain.criteria import Relation
from mrx_shared.messages.benchmark import CriteriaPublished, ProtocolAssessed, ProtocolSubmitted
from mrx_shared.refusals import Forbidden, Invalid, Rejected, Unknown

from tests.unit.benchmark.assessments import ACME, WEIGHTS, assessed, catalogue, protocol, submit
from tests.unit.benchmark.in_memory import MemoryWork

CONFIRM, CORRECT = Judgement.CONFIRMED, Judgement.CORRECTED
BOTH = ("a reviewer", "another reviewer")


@pytest.fixture
def work() -> MemoryWork:
    """Work of the member Acme."""
    return MemoryWork({"own": catalogue()}, tenant=ACME)


async def review(
    work: MemoryWork, assessment_id: UUID, *decisions: Decision, rest: bool = False, by: Sequence[str] = BOTH
) -> None:
    """Let two reviewers, or those named, judge alike."""
    work.tenant = None
    for one in by:
        await reviewing.review(assessment_id, decisions, confirm_rest=rest, by=one, work=work)


async def test_a_confirmed_assessment_above_the_gate_says_when_audits_are_recognised(
    work: MemoryWork,
) -> None:
    assessment_id = await submit(work, await protocol(work), {"A": "equal", "B": "superset", "C": "none"})
    await review(work, assessment_id, rest=True)
    await assessing.conclude(assessment_id, by="a reviewer", work=work)
    fact = assessed(work)
    assert (fact.equivalent, fact.commonality, fact.member_id) == (True, Decimal("85.00"), ACME)
    assert (fact.recognised_from, fact.recognised_until) == (date(2021, 1, 1), date(2027, 12, 31))
    assert fact.scheme_family == "equivalent"
    assert work.said_about[-1][0] == f"{fact.protocol_id}:1"


async def test_a_correction_counts_instead_of_the_answer(work: MemoryWork) -> None:
    assessment_id = await submit(work, await protocol(work), {"A": "equal", "B": "equal", "C": "none"})
    correction = Decision(
        criterion_id="B", judgement=CORRECT, relation=Relation.SUBSET, rationale="half of it"
    )
    await review(work, assessment_id, correction, rest=True)
    await assessing.conclude(assessment_id, by="a reviewer", work=work)
    fact = assessed(work)
    assert (fact.equivalent, fact.commonality) == (False, Decimal("84.50"))
    assert (fact.recognised_from, fact.recognised_until) == (None, None)


async def test_a_correction_may_answer_what_the_owner_left_open(work: MemoryWork) -> None:
    of = await protocol(work)
    open_still = await submit(work, of, {"A": "equal"})
    await review(work, open_still, rest=True)
    with pytest.raises(Rejected, match="the verdict is open: 2 criteria have no answer, the heaviest is C"):
        await assessing.conclude(open_still, by="a reviewer", work=work)
    work.tenant = ACME
    assessment_id = await submit(work, of, {"A": "equal"})
    correction = Decision(criterion_id="C", judgement=CORRECT, relation=Relation.EQUAL, rationale="page 3")
    await review(work, assessment_id, correction, rest=True)
    await assessing.conclude(assessment_id, by="a reviewer", work=work)
    assert (assessed(work).lower, assessed(work).upper) == (Decimal("99.00"), Decimal("100.00"))


async def test_a_verdict_needs_a_decision_on_every_answer(work: MemoryWork) -> None:
    assessment_id = await submit(work, await protocol(work), dict.fromkeys(WEIGHTS, "equal"))
    work.tenant = None
    with pytest.raises(Rejected, match="submitted cannot become concluded"):
        await assessing.conclude(assessment_id, by="a reviewer", work=work)
    await review(work, assessment_id, Decision(criterion_id="A", judgement=CONFIRM))
    with pytest.raises(Rejected, match="needs 2 reviewers who have judged every answer"):
        await assessing.conclude(assessment_id, by="a reviewer", work=work)
    assert not any(isinstance(fact, ProtocolAssessed) for fact in work.said)


async def test_a_concluded_assessment_stays_as_it_is(work: MemoryWork) -> None:
    assessment_id = await submit(work, await protocol(work), dict.fromkeys(WEIGHTS, "equal"))
    await review(work, assessment_id, rest=True)
    await assessing.conclude(assessment_id, by="a reviewer", work=work)
    with pytest.raises(Rejected, match="concluded cannot become in-review"):
        await review(work, assessment_id, rest=True)
    with pytest.raises(Rejected, match="concluded cannot become concluded"):
        await assessing.conclude(assessment_id, by="a reviewer", work=work)


@pytest.mark.parametrize(
    ("decision", "fault"),
    [
        (Decision(criterion_id="Z", judgement=CONFIRM), "not in these criteria"),
        (Decision(criterion_id="C", judgement=CONFIRM), "no answer to confirm"),
        (
            Decision(criterion_id="A", judgement=CORRECT, relation=Relation.EQUAL, rationale="x"),
            "to what was answered",
        ),
    ],
)
async def test_a_decision_that_does_not_fit_is_refused_with_its_row(
    decision: Decision, fault: str, work: MemoryWork
) -> None:
    assessment_id = await submit(work, await protocol(work), {"A": "equal", "B": "equal"})
    with pytest.raises(Invalid, match=fault) as caught:
        await review(work, assessment_id, Decision(criterion_id="B", judgement=CONFIRM), decision)
    assert caught.value.row == 2


def test_a_correction_states_a_relation_and_a_reason() -> None:
    with pytest.raises(Invalid, match="lacks its rationale"):
        Decision(criterion_id="A", judgement=CORRECT, relation=Relation.NONE, rationale=" ")
    with pytest.raises(Invalid, match="lacks its relation"):
        Decision(criterion_id="A", judgement=CORRECT, rationale="because")
    with pytest.raises(Invalid, match="another relation is given"):
        Decision(criterion_id="A", judgement=CONFIRM, relation=Relation.NONE)


async def test_deciding_twice_in_one_review_is_refused_and_later_reviews_replace(work: MemoryWork) -> None:
    assessment_id = await submit(work, await protocol(work), dict.fromkeys(WEIGHTS, "equal"))
    twice = Decision(criterion_id="A", judgement=CONFIRM)
    with pytest.raises(Invalid, match="decided twice"):
        await review(work, assessment_id, twice, twice)
    with pytest.raises(Invalid, match="no decision"):
        await review(work, assessment_id)
    one, other = BOTH
    await review(work, assessment_id, rest=True, by=[one])
    correction = Decision(criterion_id="A", judgement=CORRECT, relation=Relation.NONE, rationale="not found")
    await review(work, assessment_id, correction, by=[one])
    await review(work, assessment_id, rest=True, by=[one])
    await review(work, assessment_id, correction, rest=True, by=[other])
    await assessing.conclude(assessment_id, by="a reviewer", work=work)
    assert assessed(work).commonality == Decimal("16.00")


async def test_a_newer_submission_replaces_the_unfinished_one(work: MemoryWork) -> None:
    of = await protocol(work)
    older = await submit(work, of, {"A": "none"})
    newer = await submit(work, of, {"A": "equal"})
    states = {one: kept.state for one, kept in work.assessments.kept.items()}
    assert states == {older: State.REPLACED, newer: State.SUBMITTED}


async def test_only_the_owner_submits_and_strangers_do_not_learn_that_a_protocol_exists(
    work: MemoryWork,
) -> None:
    own, public = await protocol(work), await protocol(work, None, "SMETA")
    work.tenant = stranger = uuid4()
    with pytest.raises(Unknown):
        await submit(work, own, {"A": "equal"}, stranger)
    with pytest.raises(Forbidden, match="SMETA is public"):
        await submit(work, public, {"A": "equal"}, stranger)


@pytest.mark.parametrize(("owner", "public"), [(ACME, True), (None, False)])
async def test_members_keep_own_protocols_and_the_secretariat_public_ones(
    owner: UUID | None, public: bool, work: MemoryWork
) -> None:
    with pytest.raises(Forbidden):
        await protocols.register_protocol(
            code="X", name="X", scheme_family="SMETA", public=public, owner=owner, work=work
        )


async def test_a_public_protocol_needs_a_family_and_its_submission_is_said(work: MemoryWork) -> None:
    with pytest.raises(Invalid, match="belongs to a family"):
        await protocols.register_protocol(
            code="X", name="X", scheme_family=None, public=True, owner=None, work=work
        )
    await protocol(work, None, "SMETA")
    fact = work.said[-1]
    assert isinstance(fact, ProtocolSubmitted)
    assert (fact.public, fact.member_id, fact.protocol_code) == (True, None, "SMETA")


@pytest.mark.parametrize("field", ["code", "name"])
@pytest.mark.parametrize("text", ["", " x", "=x", "a\nb", "a\x07", "x" * 61])
async def test_names_of_protocols_are_one_line_of_plain_text(field: str, text: str, work: MemoryWork) -> None:
    names = {"code": "X", "name": "X"} | {field: text}
    with pytest.raises(Invalid) as caught:
        await protocols.register_protocol(**names, scheme_family=None, public=False, owner=ACME, work=work)
    assert caught.value.field == field


@pytest.mark.parametrize("version", ["2024/1", "..", ".", "a\\b"])
def test_a_version_stands_in_the_address_of_a_page(version: str) -> None:
    def named(text: str) -> ProtocolVersion:
        days = {"effective_from": date(2021, 1, 1), "effective_until": None}
        return ProtocolVersion(protocol_id=ACME, version=text, **days)  # type: ignore[arg-type]

    with pytest.raises(Invalid, match="cannot be part of a page") as refused:
        named(version)
    assert refused.value.field == "version"
    assert named("2024-1, 2nd ed. (50 % more)").version == "2024-1, 2nd ed. (50 % more)"


def test_a_code_is_the_same_in_every_spelling() -> None:
    assert {normal_code(one) for one in ("Acme RSP-1.0", "ACME_RSP 10", "acmersp10", "ＡcmeRSP10")} == {
        "acmersp10"
    }


@pytest.mark.parametrize(
    "code", ["SMETA", "s-meta", "ＳＭＥＴＡ", "SMETA 6.1", "SMETA/4", "sa8000:2014", "amfori-BSCI", "RBA/VAP"]
)
async def test_a_member_does_not_register_a_code_that_is_read_as_a_well_known_scheme(
    code: str, work: MemoryWork
) -> None:
    with pytest.raises(Rejected, match="which is public") as caught:
        await protocol(work, ACME, code)
    assert caught.value.field == "code"
    assert caught.value.remedy is not None
    assert "code of your own" in caught.value.remedy
    assert work.protocols.kept == {}


@pytest.mark.parametrize("code", ["Smetana", "ICSO-1", "ACME SMETA", "WRAPPERS"])
async def test_a_code_that_only_begins_or_ends_like_a_scheme_is_a_members_own(
    code: str, work: MemoryWork
) -> None:
    assert (await protocol(work, ACME, code)).code == code


@pytest.mark.parametrize("code", ["newaudit 2", "FAMILY"])
async def test_a_member_does_not_register_the_code_or_family_of_a_public_protocol(
    code: str, work: MemoryWork
) -> None:
    work.tenant = None
    await protocols.register_protocol(
        code="New Audit", name="New Audit", scheme_family="Family", public=True, owner=None, work=work
    )
    work.tenant = ACME
    with pytest.raises(Rejected, match="which is public"):
        await protocol(work, ACME, code)


async def test_a_version_which_mails_to_reviewers_name_holds_no_link(work: MemoryWork) -> None:
    own = await protocol(work, ACME, "NEW-1")
    for words in ("evil.com", "www.evil.example", "me@evil.example"):
        version = ProtocolVersion(
            protocol_id=own.protocol_id, version=words, effective_from=date(2021, 1, 1), effective_until=None
        )
        with pytest.raises(Invalid, match="link"):
            await protocols.submit_version(version, owner=ACME, work=work)


async def test_a_public_protocol_is_registered_although_a_member_has_its_code_and_stops_that_one(
    work: MemoryWork,
) -> None:
    own = await protocol(work, ACME, "NEW-1")
    assessment_id = await submit(work, own, dict.fromkeys(WEIGHTS, "equal"))
    await review(work, assessment_id, rest=True)
    await protocol(work, None, "New 1")
    said = list(work.said)
    with pytest.raises(Rejected, match="which is public"):
        await assessing.conclude(assessment_id, by="a reviewer", work=work)
    work.tenant = ACME
    with pytest.raises(Rejected, match="which is public"):
        await submit(work, own, dict.fromkeys(WEIGHTS, "equal"))
    version = ProtocolVersion(
        protocol_id=own.protocol_id, version="2", effective_from=date(2021, 1, 1), effective_until=None
    )
    with pytest.raises(Rejected, match="which is public"):
        await protocols.submit_version(version, owner=ACME, work=work)
    assert work.said == said


@pytest.mark.parametrize(
    ("until", "criteria_end", "last"),
    [
        (None, None, None),
        (date(2027, 12, 31), None, date(2027, 12, 31)),
        (None, date(2026, 6, 30), date(2026, 6, 30)),
        (date(2027, 12, 31), date(2026, 6, 30), date(2026, 6, 30)),
        (date(2025, 12, 31), date(2026, 6, 30), date(2025, 12, 31)),
    ],
)
def test_recognition_lasts_as_long_as_the_version_and_the_criteria(
    until: date | None, criteria_end: date | None, last: date | None
) -> None:
    version = ProtocolVersion(
        protocol_id=uuid4(), version="1", effective_from=date(2021, 1, 1), effective_until=until
    )
    days = recognition(version, criteria_end)
    assert days is not None
    assert (days.first, days.last) == (date(2021, 1, 1), last)


async def test_criteria_that_ended_before_the_version_began_are_refused() -> None:
    work = MemoryWork({"own": catalogue(date(2020, 12, 31))}, tenant=ACME)
    with pytest.raises(Rejected, match="criteria own ended on 2020-12-31") as caught:
        await submit(work, await protocol(work), {"A": "equal"})
    assert caught.value.field == "criteria_version"


async def test_criteria_are_said_once_and_again_only_when_their_days_change() -> None:
    work = MemoryWork({"own": catalogue()})
    await publishing.publish_criteria(work)
    await publishing.publish_criteria(work)
    work.catalogues = {"own": catalogue(date(2026, 12, 31))}
    await publishing.publish_criteria(work)
    ends = [fact.valid_until for fact in work.said if isinstance(fact, CriteriaPublished)]
    assert ends == [None, date(2026, 12, 31)]


async def conclude(work: MemoryWork, of: Protocol, relations: Mapping[str, str]) -> ProtocolAssessed:
    work.tenant = of.owner
    assessment_id = await submit(work, of, relations, of.owner)
    await review(work, assessment_id, rest=True)
    await assessing.conclude(assessment_id, by="a reviewer", work=work)
    return assessed(work)


async def test_when_criteria_get_an_end_every_yes_under_them_is_said_again_with_it_once(
    work: MemoryWork,
) -> None:
    await publishing.publish_criteria(work)
    own = await conclude(work, await protocol(work), dict.fromkeys(WEIGHTS, "equal"))
    work.tenant = None
    public = await conclude(work, await protocol(work, None, "SMETA"), dict.fromkeys(WEIGHTS, "equal"))
    work.tenant = other = uuid4()
    await conclude(work, await protocol(work, other, "NO"), dict.fromkeys(WEIGHTS, "none"))
    work.tenant = None
    work.catalogues = {"own": catalogue(date(2026, 12, 31))}
    before = len(work.said)
    await publishing.publish_criteria(work)
    await publishing.publish_criteria(work)
    criteria, *again = work.said[before:]
    assert isinstance(criteria, CriteriaPublished)
    ended = [one.model_copy(update={"recognised_until": date(2026, 12, 31)}) for one in (own, public)]
    assert sorted(map(str, again)) == sorted(map(str, ended))
    assert work.assessments.reached[own.assessment_id].recognised_until == date(2026, 12, 31)
    work.catalogues = {"own": catalogue()}
    await publishing.publish_criteria(work)
    assert sorted(map(str, work.said[-2:])) == sorted(map(str, (own, public)))


async def test_a_yes_that_a_newer_no_replaced_is_not_said_again_when_criteria_end(work: MemoryWork) -> None:
    await publishing.publish_criteria(work)
    of = await protocol(work)
    await conclude(work, of, dict.fromkeys(WEIGHTS, "equal"))
    work.moment += timedelta(hours=1)
    await conclude(work, of, dict.fromkeys(WEIGHTS, "none"))
    work.catalogues = {"own": catalogue(date(2026, 12, 31))}
    await publishing.publish_criteria(work)
    assert isinstance(work.said[-1], CriteriaPublished)


async def test_criteria_that_end_before_a_version_begins_recognise_no_day_of_it(work: MemoryWork) -> None:
    await publishing.publish_criteria(work)
    of = await protocol(work)
    await conclude(work, of, dict.fromkeys(WEIGHTS, "equal"))
    work.tenant = ACME
    waiting = await submit(work, of, dict.fromkeys(WEIGHTS, "equal"))
    await review(work, waiting, rest=True)
    work.catalogues = {"own": catalogue(date(2020, 12, 31))}
    await publishing.publish_criteria(work)
    ended = assessed(work)
    assert ended.recognised_from is not None
    assert ended.recognised_until is not None
    assert ended.recognised_until < ended.recognised_from
    with pytest.raises(Rejected, match="criteria own ended on 2020-12-31"):
        await assessing.conclude(waiting, by="a reviewer", work=work)


async def test_published_criteria_are_never_measured_otherwise() -> None:
    work = MemoryWork({"own": catalogue()})
    await publishing.publish_criteria(work)
    work.catalogues = {"own": replace(catalogue(), gate=Fraction(80))}
    with pytest.raises(Rejected, match="published with other content"):
        await publishing.publish_criteria(work)


async def test_a_reviewer_sees_every_assessment_and_a_member_its_own(work: MemoryWork) -> None:
    assessment_id = await submit(work, await protocol(work), {"A": "equal"})
    work.tenant = uuid4()
    assert await assessing.list_assessments(for_review=False, work=work) == []
    work.tenant = None
    [seen] = await assessing.list_assessments(for_review=True, work=work)
    assert seen.assessment.assessment_id == assessment_id
    assert len(await protocols.list_protocols(for_review=True, work=work)) == 1
    assert await protocols.list_protocols(for_review=False, work=work) == []


def test_the_states_of_an_assessment_end() -> None:
    assert set(TRANSITIONS) == set(State)
    assert [state for state in State if not TRANSITIONS[state]] == [State.CONCLUDED, State.REPLACED]
