"""What the handlers are promised, by PostgreSQL and by the work in memory alike."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType
from uuid import UUID, uuid4

import asyncpg
import pytest
from mrx_benchmark.domain.assessments import Assessment, Decided, Decision, Judgement, State
from mrx_benchmark.domain.protocols import Protocol, ProtocolVersion
from mrx_benchmark.handlers import assessing
from mrx_benchmark.ports import Published, Verdict, Work
from mrx_criteria.domain.answers import Answer
from mrx_criteria.domain.criteria import Relation
from mrx_shared.bus.once import Once
from mrx_shared.bus.work import Moment
from mrx_shared.refusals import Rejected, Unknown
from mrx_shared.store.database import Database
from sqlalchemy import event

from tests.unit.benchmark.in_memory import MemoryWork

pytestmark = pytest.mark.live

ACME, OTHER = UUID(int=1), UUID(int=2)
AT = datetime(2026, 6, 30, 12, tzinfo=UTC)
OpenWork = Callable[[UUID | None], AbstractAsyncContextManager[Work]]


@pytest.fixture(params=["memory", "postgresql"])
def open_work(request: pytest.FixtureRequest) -> OpenWork:
    """Opens one transaction after the other, each for a tenant."""
    if request.param == "memory":
        kept = MemoryWork({})

        @asynccontextmanager
        async def in_memory(tenant: UUID | None) -> AsyncIterator[Work]:
            kept.tenant = tenant
            yield kept

        return in_memory
    once: Once[Work] = request.getfixturevalue("once")

    @asynccontextmanager
    async def on_postgresql(tenant: UUID | None) -> AsyncIterator[Work]:
        async with once.database.transaction(tenant) as (session, now):
            moment = Moment(now=now, service="benchmark", tenant=tenant, correlation_id="a-correlation-id")
            yield once.make_work(session, moment)

    return on_postgresql


@dataclass(frozen=True)
class Kept:
    """A protocol with a version and an assessment."""

    protocol: Protocol
    version: ProtocolVersion
    assessment: Assessment


async def keep(open_work: OpenWork, owner: UUID | None, code: str = "ACME") -> Kept:
    protocol = Protocol(
        protocol_id=uuid4(), owner=owner, code=code, name="A protocol", scheme_family="equivalent"
    )
    version = ProtocolVersion(
        protocol_id=protocol.protocol_id,
        version="1",
        effective_from=date(2021, 1, 1),
        effective_until=date(2027, 12, 31),
    )
    assessment = Assessment(
        assessment_id=uuid4(),
        protocol_id=protocol.protocol_id,
        owner=owner,
        version="1",
        criteria_version="6.0-4p",
        submitted_by="somebody",
        submitted_at=AT,
        answers=(
            Answer(criterion_id="C2.1", relation=Relation.SUBSET, evidence="page 2"),
            Answer(criterion_id="C1.1", relation=Relation.EQUAL, rationale="as «written»\nhere"),
        ),
    )
    async with open_work(owner) as work:
        await work.protocols.add(protocol)
        await work.protocols.add_version(version, owner=owner)
        await work.assessments.add(assessment)
    return Kept(protocol, version, assessment)


async def test_what_was_kept_is_given_back(open_work: OpenWork) -> None:
    kept = await keep(open_work, ACME)
    async with open_work(ACME) as work:
        assert await work.protocols.get(kept.protocol.protocol_id) == kept.protocol
        assert await work.protocols.version(kept.protocol.protocol_id, "1") == kept.version
        assert await work.protocols.visible() == [(kept.protocol, [kept.version])]
        assert await work.assessments.get(kept.assessment.assessment_id) == kept.assessment
        assert await work.assessments.visible() == [kept.assessment]
        assert await work.assessments.verdict(kept.assessment.assessment_id) is None


@pytest.mark.parametrize("stranger", [OTHER, None])
async def test_a_members_own_is_unknown_to_everyone_else(stranger: UUID | None, open_work: OpenWork) -> None:
    kept = await keep(open_work, ACME)
    async with open_work(stranger) as work:
        assert await work.protocols.visible() == []
        assert await work.assessments.visible() == []
        with pytest.raises(Unknown):
            await work.protocols.get(kept.protocol.protocol_id)
        with pytest.raises(Unknown):
            await work.protocols.version(kept.protocol.protocol_id, "1")
        with pytest.raises(Unknown):
            await work.assessments.get_to_change(kept.assessment.assessment_id)


async def test_what_is_public_is_seen_by_everyone(open_work: OpenWork) -> None:
    kept = await keep(open_work, None)
    for tenant in (None, ACME):
        async with open_work(tenant) as work:
            assert await work.protocols.visible() == [(kept.protocol, [kept.version])]
            assert await work.assessments.get(kept.assessment.assessment_id) == kept.assessment


async def test_inside_acting_for_an_owner_its_rows_are_seen_and_afterwards_not(open_work: OpenWork) -> None:
    kept = await keep(open_work, ACME)
    async with open_work(None) as work:
        owner = await work.owners.of_assessment(kept.assessment.assessment_id)
        async with work.acting_for(owner):
            assert await work.assessments.visible() == [kept.assessment]
        assert await work.assessments.visible() == []
        assert await work.owners.all() == [ACME]
        with pytest.raises(Unknown):
            await work.owners.of_assessment(uuid4())


async def test_a_code_or_a_version_that_is_there_is_refused(open_work: OpenWork) -> None:
    kept = await keep(open_work, ACME, "ACME RSP")
    async with open_work(OTHER) as work:
        with pytest.raises(Rejected) as caught:
            await work.protocols.add(
                replace(kept.protocol, protocol_id=uuid4(), owner=OTHER, code="acme_rsp")
            )
        assert caught.value.field == "code"
    async with open_work(ACME) as work:
        with pytest.raises(Rejected) as caught:
            await work.protocols.add_version(kept.version, owner=ACME)
        assert caught.value.field == "version"


async def test_a_public_protocol_and_a_members_own_may_have_one_code_and_two_public_ones_not(
    open_work: OpenWork,
) -> None:
    own = (await keep(open_work, ACME, "ACME RSP")).protocol
    public = replace(own, protocol_id=uuid4(), owner=None, code="Acme-RSP", scheme_family="A family")
    async with open_work(None) as work:
        await work.protocols.add(public)
    async with open_work(None) as work:
        with pytest.raises(Rejected):
            await work.protocols.add(replace(public, protocol_id=uuid4()))
    for tenant in (None, ACME, OTHER):
        async with open_work(tenant) as work:
            assert await work.protocols.public_names() == ["A family", "Acme-RSP"]


async def test_an_assessment_is_unfinished_until_it_is_concluded_or_replaced(open_work: OpenWork) -> None:
    kept = await keep(open_work, ACME)
    kind = (kept.protocol.protocol_id, "1", "6.0-4p")
    for state, unfinished in (
        (State.SUBMITTED, True),
        (State.IN_REVIEW, True),
        (State.CONCLUDED, False),
        (State.REPLACED, False),
    ):
        async with open_work(ACME) as work:
            await work.assessments.save(replace(kept.assessment, state=state))
            found = await work.assessments.unfinished(*kind)
            assert (found is not None) is unfinished
            assert await work.assessments.unfinished(kind[0], "2", "6.0-4p") is None


async def test_decisions_and_the_verdict_are_kept_whole(open_work: OpenWork) -> None:
    kept = await keep(open_work, ACME)
    correction = Decision(
        criterion_id="C1.1", judgement=Judgement.CORRECTED, relation=Relation.NONE, rationale="not found"
    )
    confirmation = Decision(criterion_id="C1.1", judgement=Judgement.CONFIRMED)
    verdict = Verdict(
        assessment_id=kept.assessment.assessment_id,
        equivalent=True,
        commonality=Decimal("85.00"),
        lower=Decimal("85.00"),
        upper=Decimal("100.00"),
        recognised_from=date(2021, 1, 1),
        recognised_until=None,
        concluded_by="a reviewer",
        concluded_at=AT,
    )
    reviewed = kept.assessment
    for decision in (correction, confirmation):
        reviewed = replace(
            kept.assessment,
            state=State.IN_REVIEW,
            decisions=MappingProxyType({"C1.1": Decided(decision=decision, by="a reviewer", at=AT)}),
        )
        async with open_work(ACME) as work:
            await work.assessments.save(reviewed)
        async with open_work(ACME) as work:
            assert await work.assessments.get(kept.assessment.assessment_id) == reviewed
    concluded = replace(reviewed, state=State.CONCLUDED)
    async with open_work(ACME) as work:
        await work.assessments.conclude(concluded, verdict)
    async with open_work(ACME) as work:
        assert await work.assessments.get(kept.assessment.assessment_id) == concluded
        assert await work.assessments.verdict(kept.assessment.assessment_id) == verdict


async def test_the_last_conclusion_on_a_version_is_found_and_its_end_changes(open_work: OpenWork) -> None:
    kept = await keep(open_work, ACME)
    await keep(open_work, OTHER, "OTHER")
    verdicts = []
    later = replace(kept.assessment, assessment_id=uuid4(), submitted_at=AT.replace(hour=13))
    for hour, submitted in (
        (15, kept.assessment),
        (14, later),
    ):  # an appeal changed the first one's verdict last
        verdicts.append(
            Verdict(
                assessment_id=submitted.assessment_id,
                equivalent=True,
                commonality=Decimal("85.00"),
                lower=Decimal("85.00"),
                upper=Decimal("100.00"),
                recognised_from=date(2021, 1, 1),
                recognised_until=date(2027, 12, 31),
                concluded_by="a reviewer",
                concluded_at=AT.replace(hour=hour),
            )
        )
        async with open_work(ACME) as work:
            if submitted is not kept.assessment:
                await work.assessments.add(submitted)
            await work.assessments.conclude(replace(submitted, state=State.CONCLUDED), verdicts[-1])
    ended = replace(verdicts[-1], recognised_until=date(2026, 1, 1))
    async with open_work(ACME) as work:
        [(found, verdict)] = await work.assessments.last_concluded("6.0-4p")
        assert (found.assessment_id, verdict) == (ended.assessment_id, verdicts[-1])
        await work.assessments.change_end(ended)
        assert [await work.assessments.overtaken(one) for one in (kept.assessment, later)] == [True, False]
        assert not await work.assessments.overtaken(replace(kept.assessment, version="2"))
    async with open_work(ACME) as work:
        assert await work.assessments.verdict(ended.assessment_id) == ended
        assert await work.assessments.verdict(kept.assessment.assessment_id) == verdicts[0]
        assert await work.assessments.last_concluded("6.0-2p") == []
    async with open_work(None) as work:
        assert await work.assessments.last_concluded("6.0-4p") == []


async def test_an_end_is_told_unless_other_criteria_recognise_the_version_beyond_it(
    open_work: OpenWork,
) -> None:
    kept = (await keep(open_work, ACME)).assessment
    newer = replace(kept, assessment_id=uuid4(), criteria_version="6.1-4p", submitted_at=AT.replace(hour=13))
    last = date(2026, 12, 31)

    async def conclude(one: Assessment, *, equivalent: bool, until: date | None) -> None:
        verdict = Verdict(
            assessment_id=one.assessment_id,
            equivalent=equivalent,
            commonality=Decimal("85.00"),
            lower=Decimal("85.00"),
            upper=Decimal("100.00"),
            recognised_from=date(2021, 1, 1) if equivalent else None,
            recognised_until=until,
            concluded_by="a reviewer",
            concluded_at=AT,
        )
        async with open_work(ACME) as work:
            if one is not kept:
                await work.assessments.add(one)
            await work.assessments.conclude(replace(one, state=State.CONCLUDED), verdict)

    async def ending(by: date) -> list[UUID]:
        async with open_work(ACME) as work:
            found = [
                *await work.assessments.ending("6.0-4p", by),
                *await work.assessments.ending("6.1-4p", by),
            ]
            return [one.assessment_id for one, _ in found]

    await conclude(kept, equivalent=True, until=last)
    assert await ending(date(2026, 12, 30)) == []
    assert await ending(last) == [kept.assessment_id]
    await conclude(newer, equivalent=False, until=None)
    assert await ending(last) == [kept.assessment_id]
    again = replace(newer, assessment_id=uuid4(), submitted_at=AT.replace(hour=14))
    await conclude(again, equivalent=True, until=date(2027, 12, 31))
    assert await ending(last) == []
    assert await ending(date(2028, 1, 1)) == [again.assessment_id]
    without_end = replace(newer, assessment_id=uuid4(), submitted_at=AT.replace(hour=15))
    await conclude(without_end, equivalent=True, until=None)
    assert await ending(date(2028, 1, 1)) == []


async def test_a_portfolio_holds_the_last_conclusions_as_they_were_decided(open_work: OpenWork) -> None:
    kept = (await keep(open_work, ACME)).assessment
    await keep(open_work, OTHER, "OTHER")
    decisions = {
        "C1.1": Decision(
            criterion_id="C1.1", judgement=Judgement.CORRECTED, relation=Relation.NONE, rationale="not found"
        ),
        "C2.1": Decision(criterion_id="C2.1", judgement=Judgement.CONFIRMED),
        "C3.1": Decision(
            criterion_id="C3.1", judgement=Judgement.CORRECTED, relation=Relation.EQUAL, rationale="page 3"
        ),
    }
    later = replace(
        kept,
        assessment_id=uuid4(),
        submitted_at=AT.replace(hour=13),
        decisions=MappingProxyType(
            {name: Decided(decision=one, by="a reviewer", at=AT) for name, one in decisions.items()}
        ),
    )
    other = replace(kept, assessment_id=uuid4(), submitted_at=AT.replace(hour=14), criteria_version="6.1-4p")
    for one in (kept, later, other):
        verdict = Verdict(
            assessment_id=one.assessment_id,
            equivalent=False,
            commonality=Decimal("5.00"),
            lower=Decimal("5.00"),
            upper=Decimal("5.00"),
            recognised_from=None,
            recognised_until=None,
            concluded_by="a reviewer",
            concluded_at=AT,
        )
        async with open_work(ACME) as work:
            if one is not kept:
                await work.assessments.add(one)
            await work.assessments.conclude(replace(one, state=State.CONCLUDED), verdict)
    async with open_work(ACME) as work:
        found = await work.assessments.portfolio()
    assert [(one.criteria_version, one.relations) for one in found] == [
        ("6.0-4p", {"C2.1": Relation.SUBSET, "C1.1": Relation.NONE, "C3.1": Relation.EQUAL}),
        ("6.1-4p", {"C2.1": Relation.SUBSET, "C1.1": Relation.EQUAL}),
    ]
    assert {(one.protocol_id, one.version, one.owner) for one in found} == {(kept.protocol_id, "1", ACME)}


async def test_who_is_to_change_an_assessment_keeps_others_waiting(
    once: Once[Work], as_superuser: asyncpg.Connection
) -> None:
    @asynccontextmanager
    async def open_work(tenant: UUID | None) -> AsyncIterator[Work]:
        async with once.database.transaction(tenant) as (session, now):
            moment = Moment(now=now, service="benchmark", tenant=tenant, correlation_id="a-correlation-id")
            yield once.make_work(session, moment)

    kept = (await keep(open_work, ACME)).assessment
    asked = "SELECT 1 FROM assessment WHERE assessment_id = $1 FOR UPDATE NOWAIT"
    for fetched, free in (("get", True), ("get_to_change", False), ("unfinished", False)):
        async with open_work(ACME) as work:
            if fetched == "unfinished":
                await work.assessments.unfinished(kept.protocol_id, "1", "6.0-4p")
            else:
                await getattr(work.assessments, fetched)(kept.assessment_id)
            if free:
                await as_superuser.execute(asked, kept.assessment_id)
            else:
                with pytest.raises(asyncpg.LockNotAvailableError):
                    await as_superuser.execute(asked, kept.assessment_id)


async def test_published_criteria_are_kept_and_only_their_days_change(open_work: OpenWork) -> None:
    first = Published(version="1", digest="d", valid_from=date(2020, 1, 1), valid_until=None)
    async with open_work(None) as work:
        assert await work.criteria.published("1") is None
        await work.criteria.keep(first)
        await work.criteria.keep(replace(first, valid_until=date(2026, 1, 1)))
    async with open_work(None) as work:
        assert await work.criteria.published("1") == replace(first, valid_until=date(2026, 1, 1))


@pytest.mark.parametrize("open_work", ["postgresql"], indirect=True)
@pytest.mark.parametrize("for_review", [False, True])
async def test_a_list_takes_no_more_queries_for_many_assessments_than_for_one(
    for_review: bool, open_work: OpenWork, database: Database
) -> None:
    asked: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(database.app.sync_engine, "before_cursor_execute", count)
    taken: set[int] = set()
    for number in range(3):
        await keep(open_work, ACME, f"ACME {number}")
        asked.clear()
        async with open_work(None if for_review else ACME) as work:
            listed = await assessing.list_assessments(for_review=for_review, by="a reviewer", work=work)
        assert len(listed) == number + 1
        taken.add(len(asked))
    assert len(taken) == 1
