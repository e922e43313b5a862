"""How fast a whole portfolio is re-scored against a new version, against a plain matrix product of the same numbers."""

import random
import time
from datetime import date
from uuid import uuid4

import numpy as np
import pytest
from mrx_benchmark.domain.protocols import Protocol
from mrx_benchmark.handlers import carry_over
from mrx_benchmark.ports import Measured
from mrx_criteria.domain.answers import Answer
from mrx_criteria.domain.commonality import percent, score
from mrx_criteria.domain.criteria import Catalogue, Criterion, Kind, Relation
from mrx_criteria.domain.lineage import How, LineageStep, carry, lineage_between
from typing_extensions import override

from tests.unit.benchmark.in_memory import MemoryAssessments, MemoryWork

CRITERIA = PROTOCOLS = 1_000
MOST_S = 5.0


class Portfolio(MemoryAssessments):
    """Conclusions that stand ready, as the database's answer does."""

    ready: tuple[Measured, ...] = ()

    @override
    async def portfolio(self) -> list[Measured]:
        return list(self.ready)


def catalogue(version: str, first: int) -> Catalogue:
    return Catalogue(
        version=version,
        based_on="invented",
        valid_from=date(2026, 1, 1),
        valid_until=None,
        criteria=tuple(
            Criterion(
                id=f"K{number}",
                clause=str(number % 17),
                pillar="labour",
                statement=f"criterion {number}",
                essential=number % 3 == 0,
                weight=1 + number % 97,
                kind=Kind.REQUIREMENT,
            )
            for number in range(first, first + CRITERIA)
        ),
    )


@pytest.mark.bench
@pytest.mark.timeout(120)
async def test_a_thousand_protocols_are_rescored_against_a_thousand_criteria_in_under_five_seconds() -> None:
    drawn = random.Random(6)
    older, newer = catalogue("old", 0), catalogue("new", 50)
    # Of the older fifty, most were dropped; ten were split into two each, ten merged into five, five changed.
    fresh = [f"K{number}" for number in range(CRITERIA, CRITERIA + 50)]
    steps = [
        *(
            LineageStep(how=How.SPLIT, before=(f"K{n}",), after=(fresh[2 * n], fresh[2 * n + 1]))
            for n in range(10)
        ),
        *(
            LineageStep(how=How.MERGED, before=(f"K{10 + 2 * n}", f"K{11 + 2 * n}"), after=(fresh[20 + n],))
            for n in range(5)
        ),
        *(LineageStep(how=How.CHANGED, before=(f"K{20 + n}",), after=(fresh[25 + n],)) for n in range(5)),
        LineageStep(how=How.DROPPED, before=tuple(f"K{number}" for number in range(25, 50)), after=()),
        LineageStep(how=How.NEW, before=(), after=tuple(fresh[30:])),
    ]
    lineage = lineage_between(older, newer, steps)
    relations = list(Relation)
    owner = uuid4()
    portfolio = [
        Measured(
            protocol_id=uuid4(),
            version="1",
            owner=owner,
            criteria_version="old",
            relations={one.id: drawn.choice(relations) for one in older.criteria},
        )
        for _ in range(PROTOCOLS)
    ]
    work = MemoryWork({"old": older, "new": newer}, tenant=owner)
    work.lineages = {("old", "new"): lineage}
    work.assessments = Portfolio(work)
    work.assessments.ready = tuple(portfolio)
    await work.protocols.add(
        Protocol(protocol_id=uuid4(), owner=owner, code="ACME", name="Acme", scheme_family="equivalent")
    )

    began = time.perf_counter()
    found = await carry_over.what_if("new", work=work)
    took = time.perf_counter() - began

    carried = [
        carry(lineage, [Answer(criterion_id=name, relation=one) for name, one in measured.relations.items()])
        for measured in sorted(portfolio, key=lambda one: one.protocol_id)
    ]
    told = [{answer.criterion_id: answer.relation for answer in one.answers} for one in carried]
    worth = np.array(
        [[float(newer.credits[one[c.id]]) if c.id in one else 0.0 for c in newer.criteria] for one in told]
    )
    weights = np.array([float(one.weight) for one in newer.criteria])
    began = time.perf_counter()
    floor = worth @ weights
    plain = time.perf_counter() - began

    figures = [one.outcome.figures for one in found]
    assert len(figures) == PROTOCOLS
    assert np.allclose([float(one.commonality) for one in figures], 100 * floor / newer.weight)
    for place in (0, PROTOCOLS // 2, PROTOCOLS - 1):
        alone = score(newer, carried[place].answers)
        assert (figures[place], found[place].outcome.equivalent) == (alone.overall, alone.equivalent)
        assert found[place].outcome.asked == len(carried[place].asked)
    print(
        f"\n{PROTOCOLS} protocols x {CRITERIA} criteria: {took:.2f} s for the service's what-if, exact, with carrying "
        f"over, without the database; a NumPy product of the ready numbers: {plain * 1000:.2f} ms; "
        f"ratio {took / plain:,.0f}; first: {percent(figures[0].commonality)} %"
    )
    assert took < MOST_S
