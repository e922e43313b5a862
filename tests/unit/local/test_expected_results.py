"""What a demo reckons from its lists is what aggregation publishes of them, and nothing else."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID, uuid5

import mrx_matching
import pytest
from mrx_aggregation.domain.pool import Audited, PoolSite
from mrx_aggregation.domain.resolution import Sourced, resolve_pool
from mrx_local.demo.expected_results import _record, reckon
from mrx_local.demo.scenario import AS_OF, PUBLIC, Scenario, Size, invent

NAMESPACE = UUID(int=0)


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    folder = tmp_path_factory.mktemp("demo")
    return invent(5, folder, folder, size=Size(members=8, rows=1200))


def refused(scenario: Scenario) -> dict[str, set[str]]:
    return {one.member: {row.values["row_ref"] for row in one.rows if row.fault} for one in scenario.lists}


def published(scenario: Scenario, key: bytes) -> set[tuple[str, ...]]:
    groups = {actor.name: uuid5(NAMESPACE, actor.group) for actor in scenario.actors}
    heard = [
        Sourced(
            groups[one.member],
            Audited(
                record=_record(0, row),
                audit_date=date.fromisoformat(row.values["audit_date"]),
                scheme_family="SMETA" if row.values["protocol"] == PUBLIC else "equivalent",
            ),
        )
        for one in scenario.lists
        for row in one.rows
        if not row.fault
    ]
    return {content(site) for site in resolved(heard, key)}


def resolved(heard: Sequence[Sourced], key: bytes) -> list[PoolSite]:
    return resolve_pool(
        heard,
        match=mrx_matching.resolve,
        published=mrx_matching.published,
        agreed=mrx_matching.agreed,
        key=key,
        as_of=AS_OF,
    )


def content(site: PoolSite) -> tuple[str, ...]:
    return (*site.place, site.scheme_family, site.audit_half_year)


@pytest.mark.parametrize("number", range(3))
def test_every_released_row_is_one_that_the_lists_imply_whatever_the_secret(
    scenario: Scenario, number: int
) -> None:
    rows = published(scenario, bytes([number]) * 32)
    assert reckon(scenario, refused(scenario)).holders(rows).keys() == rows


def test_a_row_that_a_minority_wrote_is_found_out(scenario: Scenario) -> None:
    rows = published(scenario, bytes(32))
    wrong = min(rows)
    forged = {*rows - {wrong}, (wrong[0] + " International", *wrong[1:])}
    assert reckon(scenario, refused(scenario)).holders(forged).keys() != forged


def test_most_sites_leave_no_choice(scenario: Scenario) -> None:
    sites = reckon(scenario, refused(scenario)).sites
    assert sum(len(rows) == 1 for rows, _ in sites) > 0.7 * len(sites)
    assert max(len(rows) for rows, _ in sites) < 50
