"""The connector against the running platform, in every way in which it can be faulty."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from mrx_exchange_adapter.adapters.circuit_breaker import CircuitBreaker
from mrx_exchange_adapter.adapters.platform import HttpPlatform, RetryPolicy
from mrx_exchange_adapter.domain.platform import Grant, PlatformAudit, latest_report
from mrx_exchange_adapter.ports import AccessEnded, PlatformUnavailable, ReportTooLarge

from tests.component.platform.conftest import SITE, Place, Stage
from tests.component.platform.connecting import PASSING, called, connect

pytestmark = pytest.mark.live

REPORT = b"%PDF-1.7 " + bytes(range(256)) * 2000
MAX = 16 * 1024 * 1024
SHORT = RetryPolicy(tries=2, first_pause_s=0.01, longest_pause_s=0.02, answer_s=0.3, report_s=0.3, page=3)

OPERATION = {"knows_site": "sites", "grants": "grants", "audits": "audits", "fetch": "report"}
"""each call of the port, and the operation of the platform behind it"""
GIVES = {
    "knows_site": True,
    "grants": 1,
    "audits": 3,
    "fetch": hashlib.sha256(REPORT).hexdigest(),
}
LASTING: list[dict[str, Any]] = [
    {"kind": "rate-limited", "seconds": 0},
    {"kind": "rate-limited", "seconds": 3600},
    {"kind": "server-error"},
    {"kind": "silent"},
    {"kind": "truncated"},
    {"kind": "trickling", "seconds": 0.2},
    {"kind": "expired-token"},
    {"kind": "wrong-content-type"},
]

Calls = dict[str, Callable[[], Awaitable[object]]]


@pytest.fixture
async def connector(platform_place: Place) -> AsyncIterator[HttpPlatform]:
    """A connector with little time."""
    made = connect(platform_place)
    yield made
    await made.close()


@pytest.fixture
async def granted(stage: Stage, connector: HttpPlatform) -> tuple[Grant, PlatformAudit]:
    """The exchange was granted access to a site with three audits, the newest of which has no report."""
    await stage.audit(b"%PDF-1.7 older", audit_date="2025-01-01")
    await stage.audit(REPORT)
    await stage.audit(None, audit_date="2026-05-05")
    await stage.grant("MRX-ABCD1234")
    grant = (await connector.grants())[0]
    audit = latest_report(await connector.audits(grant))
    assert audit
    return grant, audit


def calls_of(connector: HttpPlatform, granted: tuple[Grant, PlatformAudit], folder: Path) -> Calls:
    """Every call of the port, brought down to what can be compared."""
    grant, audit = granted
    file = folder / "report"

    async def grants() -> int:
        return len(await connector.grants())

    async def audits() -> int:
        return len(await connector.audits(grant))

    async def fetch() -> str:
        with file.open("w+b") as body:
            fetched = await connector.fetch(grant, audit, into=body, at_most=MAX)
        assert fetched.sha256 == fetched.promised(audit)
        assert fetched.size == audit.size == len(REPORT)
        return hashlib.sha256(file.read_bytes()).hexdigest()

    return {
        "knows_site": lambda: connector.knows_site(SITE),
        "grants": grants,
        "audits": audits,
        "fetch": fetch,
    }


@pytest.mark.parametrize("call", OPERATION)
@pytest.mark.parametrize("fault", PASSING, ids=called)
async def test_a_passing_fault_is_sat_out(
    fault: dict[str, Any],
    call: str,
    stage: Stage,
    connector: HttpPlatform,
    granted: tuple[Grant, PlatformAudit],
    tmp_path: Path,
) -> None:
    if call == "fetch" and fault["kind"] in {"trickling", "endless"}:
        pytest.skip("a report may trickle; an endless one has a test of its own")
    await stage.fault({**fault, "on": OPERATION[call]})
    assert await calls_of(connector, granted, tmp_path)[call]() == GIVES[call]
    assert await stage.faults() == ([] if "times" in fault else [{**fault, "on": OPERATION[call]} | NEVER])


NEVER = {"after": 0, "times": None}


@pytest.mark.parametrize("call", OPERATION)
@pytest.mark.parametrize("fault", LASTING, ids=called)
async def test_a_lasting_fault_is_said_to_be_one_and_is_over_when_it_ends(
    fault: dict[str, Any],
    call: str,
    stage: Stage,
    platform_place: Place,
    granted: tuple[Grant, PlatformAudit],
    tmp_path: Path,
) -> None:
    await stage.fault({**fault, "on": OPERATION[call]})
    impatient = connect(platform_place, patience=SHORT)
    with pytest.raises(PlatformUnavailable):
        await calls_of(impatient, granted, tmp_path)[call]()
    await impatient.close()
    await stage.fault()
    again = connect(platform_place)
    assert await calls_of(again, granted, tmp_path)[call]() == GIVES[call]
    await again.close()


@pytest.mark.parametrize("kind", ["rate-limited", "server-error", "silent", "truncated", "slow"])
async def test_a_fault_in_signing_in_is_sat_out_as_well(
    kind: str, stage: Stage, platform_place: Place, granted: tuple[Grant, PlatformAudit], tmp_path: Path
) -> None:
    await stage.fault({"kind": kind, "on": "token", "times": 2, "seconds": 0.1})
    fresh = connect(platform_place)
    assert await calls_of(fresh, granted, tmp_path)["fetch"]() == GIVES["fetch"]
    await fresh.close()


async def test_wrong_credentials_are_not_tried_again(stage: Stage, platform_place: Place) -> None:
    stranger = connect(platform_place, secret="guessed")
    with pytest.raises(PlatformUnavailable, match="credentials"):
        await stranger.grants()
    assert len(await stage.calls()) == 1
    await stranger.close()


async def test_one_token_serves_many_calls(
    stage: Stage, connector: HttpPlatform, granted: tuple[Grant, PlatformAudit]
) -> None:
    await asyncio.gather(*(connector.knows_site(SITE) for _ in range(10)))
    assert [one["path"] for one in await stage.calls()].count("/oauth2/token") == 1


async def test_a_token_that_expires_in_the_middle_of_a_list_is_renewed(
    stage: Stage, connector: HttpPlatform
) -> None:
    references = {f"MRX-{number:08d}" for number in range(8)}
    for reference in references:
        await stage.grant(reference)
    await stage.fault({"kind": "expired-token", "on": "grants", "after": 1, "times": 1})
    assert {one.reference for one in await connector.grants()} == references
    assert [one["path"] for one in await stage.calls()].count("/oauth2/token") == 2


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_a_list_that_shifts_between_its_pages_is_read_until_nothing_is_missing(
    times: int, stage: Stage, connector: HttpPlatform
) -> None:
    references = {f"MRX-{number:08d}" for number in range(10)}
    for reference in references:
        await stage.grant(reference)
    await stage.fault({"kind": "shifting-pages", "on": "grants", "times": times})
    found = await connector.grants()
    assert sorted(one.reference for one in found) == sorted(references)


async def test_a_list_that_never_stands_still_is_not_believed(stage: Stage, connector: HttpPlatform) -> None:
    for number in range(5):
        await stage.grant(f"MRX-{number:08d}")
    await stage.fault({"kind": "shifting-pages", "on": "grants"})
    with pytest.raises(PlatformUnavailable, match="changed"):
        await connector.grants()


@pytest.mark.parametrize("kind", ["wrong-checksum", "wrong-bytes"])
async def test_a_platform_that_lies_about_a_checksum_is_found_out(
    kind: str, stage: Stage, connector: HttpPlatform, granted: tuple[Grant, PlatformAudit], tmp_path: Path
) -> None:
    grant, audit = granted
    await stage.fault({"kind": kind, "on": "report"})
    with (tmp_path / "report").open("w+b") as body:
        fetched = await connector.fetch(grant, audit, into=body, at_most=MAX)
    assert fetched.sha256 != fetched.promised(audit)
    assert fetched.sha256 == hashlib.sha256((tmp_path / "report").read_bytes()).hexdigest()


async def test_a_report_without_end_is_cut_at_the_limit_and_fills_no_memory(
    stage: Stage, connector: HttpPlatform, granted: tuple[Grant, PlatformAudit], tmp_path: Path
) -> None:
    grant, audit = granted
    await stage.fault({"kind": "endless", "on": "report", "times": 1})
    before = psutil.Process().memory_info().rss
    with (tmp_path / "report").open("w+b") as body, pytest.raises(ReportTooLarge):
        await connector.fetch(grant, audit, into=body, at_most=MAX)
    assert (tmp_path / "report").stat().st_size <= MAX
    assert psutil.Process().memory_info().rss - before < MAX


async def test_a_report_may_be_slow_and_still_come(
    stage: Stage, connector: HttpPlatform, granted: tuple[Grant, PlatformAudit], tmp_path: Path
) -> None:
    small = await stage.audit(b"%PDF-1.7 small", audit_date="2026-06-06")
    grant, _ = granted
    audit = next(one for one in await connector.audits(grant) if one.audit_id == small["audit_id"])
    await stage.fault({"kind": "trickling", "on": "report", "seconds": 0.1})
    with (tmp_path / "report").open("w+b") as body:
        fetched = await connector.fetch(grant, audit, into=body, at_most=MAX)
    assert fetched.sha256 == fetched.promised(audit)


async def test_an_unknown_site_and_a_withdrawn_grant_are_answers_and_not_faults(
    stage: Stage, platform_place: Place, granted: tuple[Grant, PlatformAudit], tmp_path: Path
) -> None:
    connector = connect(platform_place, breaker=CircuitBreaker(limit=1))
    grant, audit = granted
    assert not await connector.knows_site("ZS9999999")
    await stage.withdraw(grant.grant_id)
    with pytest.raises(AccessEnded):
        await connector.audits(grant)
    with (tmp_path / "report").open("w+b") as body, pytest.raises(AccessEnded):
        await connector.fetch(grant, audit, into=body, at_most=MAX)
    assert [one.active for one in await connector.grants()] == [False]
    await connector.close()


async def test_a_failing_platform_is_left_alone_and_tried_with_one_call_later(
    stage: Stage, platform_place: Place
) -> None:
    now = [100.0]
    connector = connect(
        platform_place, patience=SHORT, breaker=CircuitBreaker(limit=3, pause_s=30, clock=lambda: now[0])
    )
    await connector.knows_site(SITE)
    await stage.fault({"kind": "server-error"})
    for _ in range(5):
        with pytest.raises(PlatformUnavailable):
            await connector.knows_site(SITE)
    sites = f"/v1/sites/{SITE}"
    assert [one["path"] for one in await stage.calls()].count(sites) == 1 + 3

    now[0] += 31
    with pytest.raises(PlatformUnavailable):
        await connector.knows_site(SITE)
    assert [one["path"] for one in await stage.calls()].count(sites) == 1 + 3 + 1

    await stage.fault()
    with pytest.raises(PlatformUnavailable, match="left alone"):
        await connector.knows_site(SITE)
    now[0] += 31
    assert await connector.knows_site(SITE)
    assert await connector.knows_site(SITE)
    await connector.close()


async def test_a_pause_that_the_platform_asks_for_is_kept(stage: Stage, platform_place: Place) -> None:
    now = [100.0]
    connector = connect(platform_place, breaker=CircuitBreaker(clock=lambda: now[0]))
    await stage.fault({"kind": "rate-limited", "on": "sites", "seconds": 600, "times": 1})
    with pytest.raises(PlatformUnavailable):
        await connector.knows_site(SITE)
    calls = len(await stage.calls())
    now[0] += 599
    with pytest.raises(PlatformUnavailable, match="left alone"):
        await connector.knows_site(SITE)
    assert len(await stage.calls()) == calls
    now[0] += 2
    assert await connector.knows_site(SITE)
    await connector.close()
