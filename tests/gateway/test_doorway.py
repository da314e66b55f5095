"""One after the other, with a pause in between."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from toybackend.gateway.doorway import Doorway

pytestmark = pytest.mark.asyncio

PAUSE = 0.02


async def come(doorway: Doorway, let_in: list[int], number: int) -> float:
    await doorway.turn()
    let_in.append(number)
    return asyncio.get_running_loop().time()


async def test_alone_nobody_waits() -> None:
    doorway = Doorway(3600)
    async with asyncio.timeout(1):
        await doorway.turn()


async def test_many_come_in_one_after_the_other() -> None:
    doorway, let_in = Doorway(PAUSE), list[int]()
    times = await asyncio.gather(*(come(doorway, let_in, number) for number in range(5)))
    assert let_in == [0, 1, 2, 3, 4]
    assert all(after - before > PAUSE / 2 for before, after in itertools.pairwise(times))
    await asyncio.sleep(2 * PAUSE)
    async with asyncio.timeout(PAUSE / 2):  # the crowd is over
        await doorway.turn()


async def test_who_went_away_holds_nobody_up() -> None:
    doorway, let_in = Doorway(PAUSE), list[int]()
    coming = [asyncio.create_task(come(doorway, let_in, number)) for number in range(100)]
    await asyncio.sleep(0)
    for one in coming[1:99]:
        one.cancel()
    async with asyncio.timeout(50 * PAUSE):
        await asyncio.wait(coming)
    assert let_in == [0, 99]
