"""Samples for the operator's charts, and how much there is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.services.conftest import Home
from tests.world import NOW, Clock, add_person
from toybackend.errors import Overloaded
from toybackend.ports import Counts
from toybackend.services import observing as module
from toybackend.services.observing import COUNTS_MS, MOST_SAMPLES, Gauges, Observing, Sample

QUIET = Gauges(toys_online=0, people_online=0, accepted=0, waiting_voices=0, waiting_shelf=0)
SOME = Counts(1, 2, 1, 4, 0)
SOON = 10.0


@dataclass
class House:
    """What there is to see and to count, as the test says."""

    gauges: Gauges = QUIET
    found: Counts = SOME
    asked: int = 0

    def look(self) -> Gauges:
        return self.gauges

    async def counts(self) -> Counts:
        self.asked += 1
        await asyncio.sleep(0)  # others come in between
        return self.found


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def observing(house: House, clock: Clock) -> Observing:
    return Observing(house, house.look, seconds=10, clock=clock)


# ── samples ──


def test_a_sample_is_what_there_is_and_what_happened_since_the_last_one(
    house: House, observing: Observing, clock: Clock
) -> None:
    house.gauges = Gauges(toys_online=3, people_online=2, accepted=7, waiting_voices=4, waiting_shelf=1)
    observing.note_conversion(0.25)
    observing.sample()
    clock.pass_seconds(10)
    house.gauges = replace(house.gauges, toys_online=1, accepted=9)
    observing.sample()
    assert observing.samples() == (
        Sample(NOW, 3, 2, 7, 4, 1, conversion_ms_median=250, conversion_ms_p95=250),
        Sample(NOW + 10_000, 1, 2, 2, 4, 1, conversion_ms_median=None, conversion_ms_p95=None),
    )


def test_a_look_in_between_takes_nothing_from_the_next_sample(house: House, observing: Observing, clock: Clock) -> None:
    house.gauges = replace(QUIET, accepted=5)
    observing.note_conversion(1)
    seen = observing.now()
    assert (seen.accepted, seen.conversion_ms_median, observing.samples()) == (5, 1000, ())
    observing.sample()
    assert observing.samples() == (seen,)
    clock.pass_seconds(1)
    assert (observing.now().accepted, observing.now().conversion_ms_median) == (0, None)


def test_the_oldest_samples_go(observing: Observing, clock: Clock) -> None:
    for _ in range(MOST_SAMPLES + 2):
        observing.sample()
        clock.pass_seconds(10)
    taken = [one.at for one in observing.samples()]
    assert taken == [NOW + 10_000 * number for number in range(2, MOST_SAMPLES + 2)]


@pytest.mark.parametrize(
    ("seconds", "median", "p95"),
    [
        ([0.1], 100, 100),
        ([0.3, 0.1], 100, 300),
        ([0.3, 0.1, 0.2], 200, 300),
        ([number / 1000 for number in range(20, 0, -1)], 10, 19),
        ([number / 1000 for number in range(100)], 49, 94),
        ([0.0004], 0, 0),
    ],
)
def test_conversion_times(observing: Observing, seconds: list[float], median: int, p95: int) -> None:
    for one in seconds:
        observing.note_conversion(one)
    assert (observing.now().conversion_ms_median, observing.now().conversion_ms_p95) == (median, p95)


@given(st.lists(st.integers(0, 10_000), min_size=1))
def test_half_are_within_the_median_and_nearly_all_within_the_other(durations: list[int]) -> None:
    observing = Observing(House(), lambda: QUIET, seconds=10, clock=Clock())
    for one in durations:
        observing.note_conversion(one / 1000)
    seen = observing.now()
    assert seen.conversion_ms_median in durations
    for found, percent in ((seen.conversion_ms_median, 50), (seen.conversion_ms_p95, 95)):
        assert found is not None
        assert sum(one <= found for one in durations) * 100 >= len(durations) * percent
        assert sum(one < found for one in durations) * 100 < len(durations) * percent


def test_no_flood_of_conversions_fills_the_memory(observing: Observing, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(module.MOST_DURATIONS + 10):
        observing.note_conversion(number)
    assert len(observing._durations) == module.MOST_DURATIONS
    assert observing.now().conversion_ms_p95 == 1000 * (10 + module.MOST_DURATIONS * 95 // 100 - 1)


# ── at a steady pace ──


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON):
        while not condition():
            await asyncio.sleep(0.005)


async def test_samples_are_taken_while_it_runs_and_not_after(house: House, clock: Clock) -> None:
    observing = Observing(house, house.look, seconds=0.01, clock=clock)
    before = asyncio.all_tasks()
    async with observing.running():
        assert observing.samples() == ()
        await until(lambda: len(observing.samples()) >= 3)
    assert asyncio.all_tasks() == before
    taken = observing.samples()
    await asyncio.sleep(0.05)
    assert observing.samples() == taken


async def test_a_look_that_fails_costs_one_sample(house: House, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    failures = [ZeroDivisionError()]

    def look() -> Gauges:
        if failures:
            raise failures.pop()
        return house.gauges

    observing = Observing(house, look, seconds=0.01, clock=clock)
    with caplog.at_level(logging.ERROR):
        async with observing.running():
            await until(lambda: len(observing.samples()) >= 1)
    assert [one.message for one in caplog.records] == ["no sample could be taken"]


def test_since_when(observing: Observing, clock: Clock) -> None:
    clock.pass_seconds(100)
    assert (observing.started_at, observing.seconds) == (NOW, 10)


# ── how much there is ──


async def test_a_count_is_good_for_a_minute(house: House, observing: Observing, clock: Clock) -> None:
    first = await observing.counts()
    house.found = Counts(9, 9, 9, 9, 9)
    clock.now = NOW + COUNTS_MS - 1
    assert await observing.counts() == first
    assert house.asked == 1
    clock.now = NOW + COUNTS_MS
    assert await observing.counts() == house.found
    clock.now = NOW  # the clock was set back: nobody knows how old it is
    await observing.counts()
    assert house.asked == 3


async def test_many_who_ask_at_once_count_once(house: House, observing: Observing) -> None:
    assert set(await asyncio.gather(*(observing.counts() for _ in range(20)))) == {house.found}
    assert house.asked == 1


async def test_a_count_that_failed_is_not_remembered(
    house: House, observing: Observing, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy() -> Counts:
        raise Overloaded("the database cannot take this now", retry_after=5)

    with monkeypatch.context() as patched:
        patched.setattr(house, "counts", busy)
        with pytest.raises(Overloaded):
            await observing.counts()
    assert await observing.counts() == house.found


async def test_what_is_counted_is_what_the_database_has(home: Home) -> None:
    observing = Observing(home.database, lambda: QUIET, seconds=10, clock=home.clock)
    assert await observing.counts() == Counts(accounts=2, toys=1, bound_toys=1, licences=1, revoked_licences=0)
    await add_person(home.database, "Gran")
    assert (await observing.counts()).accounts == 2
    home.clock.pass_seconds(60)
    assert (await observing.counts()).accounts == 3
