"""Work that costs much is done a few at a time, and nobody waits for long."""

import asyncio

import pytest
from mrx_registry.entrypoints.http.bulkhead import Bulkhead, BulkheadFull


async def test_so_many_at_once_so_many_waiting_and_the_rest_are_sent_away_at_once() -> None:
    bulkhead, end = Bulkhead(at_once=2, waiting=3), asyncio.Event()
    busy, most = 0, 0

    async def work() -> None:
        nonlocal busy, most
        async with bulkhead.enter():
            busy += 1
            most = max(most, busy)
            await end.wait()
            busy -= 1

    tasks = [asyncio.create_task(work()) for _ in range(7)]
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    assert len(done) == 2
    assert all(isinstance(one.exception(), BulkheadFull) for one in done)
    end.set()
    left = await asyncio.gather(*(one for one in tasks if one not in done))
    assert (len(left), most) == (5, 2)


async def test_whoever_waits_too_long_is_sent_away_and_the_turn_is_not_lost() -> None:
    bulkhead = Bulkhead(at_once=1, waiting=1, within_s=0.01)
    async with bulkhead.enter():
        for _ in range(2):
            with pytest.raises(BulkheadFull):
                async with bulkhead.enter():
                    pytest.fail("it is not free")
    async with bulkhead.enter():
        pass


async def test_a_turn_whose_work_fails_is_free_again() -> None:
    bulkhead = Bulkhead(at_once=1, waiting=0)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            async with bulkhead.enter():
                raise ZeroDivisionError
