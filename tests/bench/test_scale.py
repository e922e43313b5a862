"""How each step grows with rows and members: about in proportion, never with their square.

Seconds are printed and compared with those of the next smaller size; no limit is in seconds.
"""

import json
import subprocess
import sysconfig
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from inspect import isasyncgenfunction
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from mrx_aggregation.adapters.documents import ObjectDocuments
from mrx_aggregation.adapters.pool import SqlPool
from mrx_aggregation.adapters.resolver import SqlResolver
from mrx_aggregation.domain.rounds import Round
from mrx_aggregation.handlers.advancing import advance_rounds
from mrx_aggregation.ports import Diagnosis
from mrx_matching.generator import generate
from mrx_portal.domain.released import Search, find, page_of, read_released
from mrx_shared.messages.lists import COLUMNS

from tests.component.aggregation.conftest import (
    AS_OF,
    Aggregation,
    SentList,
    aggregation,
    aggregation_database,
    make_aggregation,
    objects,
)

__all__ = ("aggregation", "aggregation_database", "make_aggregation", "objects")  # fixtures

ROWS, MEMBERS = (10_000, 30_000, 100_000), (12, 48, 94)
MORE_THAN_LINEAR = 1.8
"""so much more than in proportion a step may take: what is quadratic takes 3.3 or 4 times as much"""
IGNORED_S = 0.5
"""seconds that a step may take at any size"""

Seconds = dict[str, float]


class Timed:
    """A port that notes how long each of its methods takes."""

    def __init__(self, name: str, port: object, seconds: Seconds) -> None:
        self._name = name
        self._port = port
        self._seconds = seconds

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any port's method
        method = getattr(self._port, name)
        called = f"{self._name}: {name.replace('_', ' ')}"

        async def timed(*arguments: object, **named: object) -> object:
            async with step(called, self._seconds):
                return await method(*arguments, **named)

        async def parts(*arguments: object, **named: object) -> AsyncGenerator[object]:
            async with aclosing(method(*arguments, **named)) as found:
                while True:
                    async with step(called, self._seconds):
                        part = await anext(found, None)
                    if part is None:
                        return
                    yield part

        return parts if isasyncgenfunction(method) else timed


@asynccontextmanager
async def step(name: str, seconds: Seconds) -> AsyncIterator[None]:
    began = time.perf_counter()
    yield
    seconds[name] += time.perf_counter() - began


async def carry_on(service: Aggregation, name: str, seconds: Seconds) -> None:
    """Let the loop carry rounds on, with each call to the database timed."""
    resolver = SqlResolver(service.database.resolver, stated_key=bytes(32))
    async with step(f"{name}, all of it", seconds):
        await advance_rounds(
            service.service.transact,
            resolver=Timed("resolver", resolver, seconds),
            writer=Timed("writer", SqlPool(service.database.writer), seconds),
            store=ObjectDocuments(service.objects),
            diagnose=raised,
        )


def raised(_: Round, error: Exception) -> Diagnosis:
    """Nothing may fail here."""
    raise error


def lists_of(rows: int, members: int) -> Sequence[SentList]:
    """Lists on which each site stands twice on average."""
    world = generate(5, members=members, rows_total=rows, as_of=AS_OF, sites_about=rows // 2)
    return [
        SentList(rows=[{name: row.values.get(name, "") for name in COLUMNS} for row in one.rows])
        for one in world.lists
    ]


async def a_round(service: Aggregation, who: Sequence[UUID], lists: Sequence[SentList]) -> Seconds:
    """The seconds of each step from the first page to the released list, on a portal page too."""
    seconds: Seconds = defaultdict(float)
    secretariat = service.caller("secretariat")
    round_id = await service.open_round()
    async with step("intake", seconds):
        for member, sent in zip(who, lists, strict=True):
            await service.send(member, sent)
    async with step("receipts", seconds):
        receipts = [await service.receipt(member) for member in who]
    assert sum(one.rows for one in receipts) == sum(len(one.rows) for one in lists)
    assert {one.state for one in receipts} == {"accepted"}
    await secretariat.post(f"/v1/rounds/{round_id}/close", {"leave_waiting": False})
    await carry_on(service, "close", seconds)
    for subject, verb in (("first", "release"), ("second", "approve")):
        await service.caller("secretariat", subject=subject).post(f"/v1/rounds/{round_id}/{verb}")
    await carry_on(service, "release", seconds)
    async with step("look at the round", seconds):
        shown = await service.round(round_id)
    assert shown["state"] == "released"
    document = service.objects.kept[f"{shown['release_id']}/list.json"]
    async with step("read the list on a page", seconds):
        listed = read_released(document)
    async with step("a page of a search", seconds):
        page_of(find(listed, Search(words="ltd", country="CN")), 3)
    return seconds


async def two_rounds(service: Aggregation, who: Sequence[UUID], lists: Sequence[SentList]) -> Seconds:
    """The seconds of the second of two rounds with the same rows: it is compared with a release of its own size."""
    await a_round(service, who, lists)
    return await a_round(service, who, [SentList(rows=one.rows) for one in lists])


def compare(found: Mapping[int, Seconds], what: str) -> None:
    """Print the seconds of each step by size. Fails where a step grows much more than in proportion."""
    sizes = sorted(found)
    print(f"\n{what:32}" + "".join(f"{size:>12,}" for size in sizes))
    worse = []
    for name in found[sizes[-1]]:
        print(f"{name:32}" + "".join(f"{found[size][name]:>10.2f} s" for size in sizes))
        for less, more in pairwise(sizes):
            most = IGNORED_S + found[less][name] * more / less * MORE_THAN_LINEAR
            if found[more][name] > most:
                worse.append(
                    f"{name}: {found[less][name]:.2f} s at {less:,}, {found[more][name]:.2f} s at {more:,}"
                )
    assert not worse


async def joined(service: Aggregation, members: int) -> Sequence[UUID]:
    who = [uuid4() for _ in range(members)]
    for number, member in enumerate(who):
        await service.participate(member, names=[f"Company Number {number}", f"Group {number}"])
    await service.assess(version="7.0")
    return who


@pytest.mark.scale
@pytest.mark.timeout(3600)
async def test_a_round_grows_no_more_than_in_proportion_to_its_rows(aggregation: Aggregation) -> None:
    found = {}
    who = await joined(aggregation, 24)
    for rows in ROWS:
        found[rows] = await two_rounds(aggregation, who, lists_of(rows, len(who)))
    compare(found, "rows, of 24 members")


@pytest.mark.scale
@pytest.mark.timeout(3600)
async def test_a_round_grows_no_more_than_in_proportion_to_its_members(aggregation: Aggregation) -> None:
    found = {}
    who = await joined(aggregation, MEMBERS[-1])
    for members in MEMBERS:
        found[members] = await two_rounds(aggregation, who[:members], lists_of(30_000, members))
    compare(found, "members, of 30,000 rows")


def demo(folder: Path, *, members: int, rows: int) -> Seconds:
    """The seconds of each step of a demo, which must end well."""
    out = folder / f"{members}-{rows}"
    mrx = str(Path(sysconfig.get_path("scripts")) / "mrx")
    size = ("--members", str(members), "--rows", str(rows), "--sites", str(rows // 2))
    played = subprocess.run(
        [mrx, "local", "demo", "--folder", str(folder / "var"), "--out", str(out), *size],
        capture_output=True,
        text=True,
        check=False,
    )
    assert played.returncode == 0, played.stdout[-4000:] + played.stderr[-4000:]
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    print(f"\n{members} members, {rows:,} rows, {summary['released']:,} sites released; peak MiB:")
    print(json.dumps(summary["peak_memory_mib"]))
    return dict(summary["seconds"])


@pytest.mark.scale
@pytest.mark.timeout(7200)
def test_a_demo_grows_no_more_than_in_proportion_to_its_rows(tmp_path: Path) -> None:
    compare({rows: demo(tmp_path, members=24, rows=rows) for rows in ROWS}, "rows, of 24 members")


@pytest.mark.scale
@pytest.mark.timeout(7200)
def test_a_demo_grows_no_more_than_in_proportion_to_its_members(tmp_path: Path) -> None:
    compare(
        {members: demo(tmp_path, members=members, rows=10_000) for members in MEMBERS},
        "members, of 10,000 rows",
    )
