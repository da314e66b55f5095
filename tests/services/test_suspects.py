"""Over which clip the server dies is found out, and nobody else pays for it."""

from __future__ import annotations

import asyncio

import pytest

from toybackend.errors import ConverterUnavailable
from toybackend.models import MessageId, PartyId
from toybackend.ports import Unconverted
from toybackend.services.conversion import MOST_RETRY_SECONDS, NotNow
from toybackend.services.suspects import Suspects

MOST = 3


def job(crashes: int, name: str = "m_1") -> Unconverted:
    return Unconverted(MessageId(name), PartyId("p_1"), "p_1", crashes=crashes)


class Bench:
    """What is done with clips, in order."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.is_well = True
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.suspects = Suspects(
            self.convert, self.give_up, self.make_sure, alone=asyncio.Lock(), most=MOST, retry_seconds=5
        )

    async def convert(self, one: Unconverted) -> None:
        self.done.append("converted")
        await self.go_on.wait()

    async def give_up(self, one: Unconverted) -> None:
        self.done.append("given up")

    async def make_sure(self) -> None:
        self.done.append("known-good clip")
        if not self.is_well:
            raise ConverterUnavailable

    async def puts_off(self, one: Unconverted) -> float:
        """For how many seconds."""
        with pytest.raises(NotNow) as later:
            await self.suspects.convert(one)
        return later.value.seconds


@pytest.mark.parametrize("crashes", [0, 1])
async def test_one_crash_says_nothing(crashes: int) -> None:
    bench = Bench()
    await bench.suspects.convert(job(crashes))
    assert bench.done == ["converted"]


async def test_a_suspect_waits_and_is_tried() -> None:
    bench = Bench()
    assert await bench.puts_off(job(2)) == 5
    await bench.suspects.convert(job(2))
    assert bench.done == ["converted"]


async def test_before_its_last_try_the_machine_proves_itself() -> None:
    bench = Bench()
    assert await bench.puts_off(job(MOST)) == 10
    bench.is_well = False
    with pytest.raises(ConverterUnavailable):
        await bench.suspects.convert(job(MOST))
    assert bench.done == ["known-good clip"]
    bench.is_well = True
    await bench.suspects.convert(job(MOST))
    assert bench.done == ["known-good clip", "known-good clip", "converted"]


async def test_after_that_it_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    await bench.suspects.convert(job(MOST + 1))
    assert bench.done == ["given up"]
    assert "died 4 times" in caplog.text


async def test_a_suspect_is_tried_while_no_other_is() -> None:
    bench = Bench()
    one, other = job(2, "m_1"), job(2, "m_2")
    for suspect in (one, other):
        await bench.puts_off(suspect)
    bench.go_on.clear()
    first = asyncio.create_task(bench.suspects.convert(one))
    await asyncio.sleep(0)
    assert await bench.puts_off(other) == 5
    bench.go_on.set()
    await first
    await bench.suspects.convert(other)
    assert bench.done == ["converted"] * 2


async def test_the_pause_has_a_limit() -> None:
    bench = Bench()
    bench.suspects = Suspects(
        bench.convert, bench.give_up, bench.make_sure, alone=asyncio.Lock(), most=99, retry_seconds=5
    )
    assert await bench.puts_off(job(50)) == MOST_RETRY_SECONDS
