"""What a demo says while it runs, how long it waits, and what it measures."""

import asyncio
import os
import re
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from mrx_local.credentials import Credentials
from mrx_local.demo.progress import ProgressLog
from mrx_local.demo.scheme import Scheme, TimeLimits
from mrx_local.memory import peak_mib
from mrx_shared.api.aggregation import Numbers, Round, Trouble
from mrx_shared.kit.client import Services
from mrx_shared.refusals import Unavailable

PERSON = {"name": "A. Person", "client_id": "c", "client_secret": "s"}
MIB = 1024 * 1024


async def test_a_long_step_says_that_it_still_runs_and_how_far_it_is() -> None:
    said: list[str] = []
    heard = asyncio.Event()

    def write(line: str) -> None:
        said.append(line)
        if "…" in line:
            heard.set()

    progress = ProgressLog(write=write, every_s=0.01)
    async with progress.step("lists") as step:
        step.so_far = "2 of 94 lists"
        await heard.wait()
    assert re.search(r"… lists for \d+ s: 2 of 94 lists", said[0])
    assert list(progress.seconds) == ["lists"]


def test_the_table_names_every_step_and_process() -> None:
    said: list[str] = []
    progress = ProgressLog(write=said.append, seconds={"close": 58.25, "release": 4.0})
    progress.table({"kafka": 312.4, "aggregation": 1234.5})
    drawn = "".join(said)
    for figure in ("close", "58.2", "release", "4.0", "kafka", "312", "aggregation", "1,234"):
        assert figure in drawn


def test_patience_grows_with_the_size() -> None:
    small, large = TimeLimits.of(members=12, rows=8200), TimeLimits.of(members=94, rows=100_000)
    assert small.members_s < large.members_s
    assert small.round_s < large.round_s
    assert small.request_s < large.request_s


ROUND = UUID("6a1c1f38-0f2f-4b0e-9a54-8a7c9f1d2e3b")


class Aggregation:
    """Answers for a round as it is told to, one answer after the other; the last stays."""

    def __init__(self, *rounds: Round) -> None:
        self.rounds = iter(rounds)
        self.asked = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/token":
            return httpx.Response(200, json={"access_token": "t", "expires_in": 600})
        if request.method == "POST":
            return httpx.Response(200, json={})
        self.asked += 1
        return httpx.Response(200, content=next(self.rounds).model_dump_json())


def scheme(folder: Path, aggregation: Aggregation) -> Scheme:
    credentials = Credentials(folder)
    for key in ("secretariat", "secretariat", "reviewer", "second_reviewer", "operator"):
        credentials.keep_person(key, PERSON)
    urls = {"registry": "http://registry", "aggregation": "http://aggregation"}
    return Scheme(Services(urls, transport=httpx.MockTransport(aggregation)), credentials)


def a_round(state: str, trouble: Trouble | None = None) -> Round:
    return Round(
        round_id=ROUND,
        as_of=date(2026, 6, 30),
        state=state,
        proposed_by=None,
        approved_by=None,
        release_id=None,
        numbers=Numbers(**dict.fromkeys(Numbers.model_fields, 0)),
        trouble=trouble,
    )


def failing(attempts: int, *, permanent: bool = False) -> Round:
    since = datetime(2026, 11, 30, 12, tzinfo=UTC)
    trouble = Trouble(
        step="closing",
        cause="the storage refuses",
        permanent=permanent,
        since=since,
        attempts=attempts,
        next_try_at=since,
    )
    return a_round("closing", trouble)


@pytest.mark.parametrize(("last", "asked"), [(failing(1, permanent=True), 2), (failing(3), 4)])
async def test_a_round_that_keeps_failing_ends_the_wait_with_its_cause(
    tmp_path: Path, last: Round, asked: int
) -> None:
    passing = [failing(1), failing(2)][: asked - 2]
    aggregation = Aggregation(a_round("closing"), *passing, last)
    told = f"the storage refuses; it has failed {asked - 1} times since 2026-11-30T12:00:00"
    with pytest.raises(Unavailable, match=told):
        await scheme(tmp_path, aggregation).close_round(ROUND)
    assert aggregation.asked == asked


async def test_a_round_that_failed_once_or_says_nothing_is_waited_for(tmp_path: Path) -> None:
    aggregation = Aggregation(a_round("closing"), failing(1), a_round("closed"))
    assert (await scheme(tmp_path, aggregation).close_round(ROUND)).state == "closed"


def test_the_peak_stays_when_memory_was_given_back() -> None:
    before = peak_mib(os.getpid(), children=False)
    held = b"x" * (int(before) + 64) * MIB
    del held
    assert peak_mib(os.getpid(), children=False) > before + 60


FAMILY = """
import mmap, os, sys
shared = mmap.mmap(-1, int(sys.argv[1]))
shared.write(b"x" * len(shared))
for _ in range(3):
    if os.fork() == 0:
        touched = sum(shared[place] for place in range(0, len(shared), mmap.PAGESIZE))
        break
print(flush=True)
sys.stdin.read()
"""


def test_memory_that_a_family_shares_is_counted_once() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", FAMILY, str(64 * MIB)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as family:
        assert family.stdin
        assert family.stdout
        for _ in range(4):
            family.stdout.readline()
        together, root = peak_mib(family.pid), peak_mib(family.pid, children=False)
        family.stdin.close()
    assert root > 64
    assert root < together < root + 3 * 32


def test_a_process_that_is_gone_held_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    assert peak_mib(gone.pid) == 0
