"""Rounds that several tests hold: their lists, their released rows, and what kills do to them."""

import json
from collections.abc import Sequence
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.component.aggregation.conftest import Aggregation, SentList, site


async def five_lists(aggregation: Aggregation, *, numbers: Sequence[int] = range(4)) -> list[UUID]:
    """Five participants send a list each: the same sites."""
    members = [uuid4() for _ in range(5)]
    for member in members:
        await aggregation.participate(member)
        await aggregation.send(member, SentList(rows=[site(number) for number in numbers]))
    return members


async def released_rows(aggregation: Aggregation, shown: dict[str, object]) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = json.loads(aggregation.objects.kept[f"{shown['release_id']}/list.json"])
    return rows


class Killed(BaseException):
    """Ends a loop where it stands, as kill -9 does."""


async def survive_kills(aggregation: Aggregation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the loop again and again, each time killed one statement later, until it comes through."""
    execute = asyncpg.Connection.execute
    statements = [0]

    async def counted(
        self: asyncpg.Connection,
        query: str,
        *args: object,
        timeout: float | None = None,  # noqa: ASYNC109 - the driver's own
    ) -> str:
        statements[0] -= 1
        if statements[0] < 0:
            raise Killed
        return str(await execute(self, query, *args, timeout=timeout))

    monkeypatch.setattr(asyncpg.Connection, "execute", counted)
    for lasting in range(1, 200, 3):
        statements[0] = lasting
        try:
            await aggregation.carry_on()
        except Killed:
            continue
        break
    else:
        pytest.fail("the loop never came through")
    monkeypatch.undo()
