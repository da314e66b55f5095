"""Back-off: how long, and that it is spread out."""

from __future__ import annotations

from toybackend.client.waiting import Backoff


async def waits(backoff: Backoff, slept: list[float], count: int) -> list[float]:
    slept.clear()
    for _ in range(count):
        await backoff.wait()
    return list(slept)


async def test_the_ceiling_doubles_up_to_the_most() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    backoff = Backoff(first=1.0, most=10.0, chance=lambda: 1.0, sleep=sleep)
    assert await waits(backoff, slept, 6) == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    assert (await waits(backoff, slept, 2000))[-1] == 10.0
    backoff.reset()
    assert await waits(backoff, slept, 1) == [1.0]


async def test_the_jitter_is_full_and_what_the_server_asks_comes_on_top() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    chances = iter([0.0, 0.5, 0.25])
    backoff = Backoff(first=1.0, most=10.0, chance=lambda: next(chances), sleep=sleep)
    assert await waits(backoff, slept, 2) == [0.0, 1.0]
    await backoff.wait(at_least=30)
    assert slept[-1] == 31.0
