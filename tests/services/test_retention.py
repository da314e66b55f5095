"""Retention: what is over goes, what comes in stays, and a wrong clock erases nothing."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

import pytest

from tests.services.conftest import Home
from tests.services.test_erasing import kept, voice
from tests.world import NOW, Clock
from toybackend.errors import Overloaded
from toybackend.models import DeliveryState, SoundId
from toybackend.ports import Looks
from toybackend.services import retention as module
from toybackend.services.erasing import Erasing
from toybackend.services.retention import DAY, HOUR, MOST_APART, PATIENCE, Retention, judge
from toybackend.settings import Keeping

KEEPING = Keeping(heard_days=30, unheard_days=90, original_days=7, sweep_minutes=60)


def test_what_is_kept_for_how_long_unless_an_operator_says_otherwise() -> None:
    usual = Keeping()
    assert (usual.heard_days, usual.unheard_days, usual.original_days) == (30, 90, 7)


def retention_of(home: Home, keeping: Keeping = KEEPING) -> Retention:
    erasing = Erasing(home.database, home.audio, home.bus)
    return Retention(home.database, home.audio, erasing, keeping=keeping, clock=home.clock)


async def live(home: Home, retention: Retention, days: int) -> None:
    """Let days pass as a server does that is on."""
    for _ in range(days):
        home.clock.pass_seconds(DAY / 1000)
        await retention.look()


def age(folder: Path, at: int) -> None:
    """As if every file had been written then."""
    for file in (folder / "audio" / "kept").rglob("*"):
        os.utime(file, ns=(at * 1_000_000, at * 1_000_000))


async def test_a_message_stays_its_days(home: Home, tmp_path: Path) -> None:
    heard, unheard = await voice(home, home.mum, home.bear), await voice(home, home.mum, home.bear)
    await home.database.advance(heard, home.bear.id, DeliveryState.HEARD, NOW)
    age(tmp_path, NOW)
    retention = retention_of(home)
    await live(home, retention, 29)
    assert kept(tmp_path) == [heard, unheard]  # without their recordings, since the 7th day
    await live(home, retention, 1)
    assert kept(tmp_path) == [unheard]
    await live(home, retention, 59)
    assert kept(tmp_path) == [unheard]
    await live(home, retention, 1)
    assert kept(tmp_path) == []


async def test_recordings_go_and_their_mp3_stays(home: Home, tmp_path: Path) -> None:
    said = await voice(home, home.mum, home.bear)
    retention = retention_of(home)
    await live(home, retention, 6)
    assert len(kept(tmp_path)) == 2
    home.clock.pass_seconds(DAY / 1000)
    assert (await retention.look())["recordings"] == 1
    assert await home.audio.mp3(said) is not None
    assert len(kept(tmp_path)) == 1
    assert (await retention.look())["recordings"] == 0


async def test_a_recording_that_waits_for_its_conversion_stays(home: Home, tmp_path: Path) -> None:
    await voice(home, home.mum, home.bear, settled=False)
    await live(home, retention_of(home), 30)
    assert len(kept(tmp_path)) == 1


async def test_many_go_in_batches(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    for _ in range(5):
        await voice(home, home.mum, home.bear)
    retention = retention_of(home, Keeping(unheard_days=1, original_days=0))
    assert (await retention.look())["recordings"] == 5
    home.clock.pass_seconds(DAY / 1000)
    assert (await retention.look())["messages"] == 5
    assert kept(tmp_path) == []


async def test_an_orphan_goes_once_it_is_old(home: Home, tmp_path: Path) -> None:
    known = await voice(home, home.mum, home.bear)
    async with home.audio.receive() as incoming:  # its row is not there yet
        await incoming.write(b"sound")
        await incoming.keep(SoundId("m_orphan"))
    age(tmp_path, NOW)
    home.clock.now = NOW + HOUR - 1
    assert (await retention_of(home).look())["orphans"] == 0
    home.clock.now = NOW + HOUR
    assert (await retention_of(home).look())["orphans"] == 1
    assert kept(tmp_path) == [known, known]


async def test_old_tokens_are_forgotten(home: Home) -> None:
    await home.tokens.give(home.mum.id, home.mum.kind)
    await live(home, retention_of(home), 31)
    rows = await home.database._engine.read(
        lambda connection: connection.exec_driver_sql("SELECT count(*) FROM tokens").scalar_one()
    )
    assert rows == 0


async def test_the_database_is_scrubbed_as_a_whole_once_a_day(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    scrub = home.database.scrub

    async def noted(*, whole: bool = False) -> bool:
        asked.append(whole)
        return await scrub(whole=whole)

    monkeypatch.setattr(home.database, "scrub", noted)
    retention = retention_of(home)
    for _ in range(25):
        await retention.look()
        home.clock.pass_seconds(HOUR / 1000)
    assert [number for number, whole in enumerate(asked) if whole] == [0, 24]


# ── the clock ──

SHORTEST = 30 * DAY


def test_a_clock_that_goes_on_is_believed() -> None:
    assert judge(Looks(), NOW, SHORTEST) == Looks(NOW)
    for passed in (0, HOUR, MOST_APART, -DAY, -MOST_APART):
        assert judge(Looks(NOW), NOW + passed, SHORTEST) == Looks(NOW + passed)


@pytest.mark.parametrize("jump", [MOST_APART + 1, SHORTEST - 2 * DAY, -30 * DAY, -1000 * DAY])
def test_a_clock_that_jumped_is_believed_after_a_day_of_patience(jump: int) -> None:
    jumped = NOW + jump
    doubted = judge(Looks(NOW), jumped, SHORTEST)
    assert doubted == Looks(NOW, jumped)
    assert judge(doubted, jumped + PATIENCE - 1, SHORTEST) == doubted
    assert judge(doubted, jumped + PATIENCE, SHORTEST) == Looks(jumped + PATIENCE)


def test_where_everything_would_be_over_no_patience_is_enough() -> None:
    jumped = NOW + SHORTEST
    looks = judge(Looks(NOW), jumped, SHORTEST)
    for passed in range(0, 100 * DAY, DAY // 2):
        looks = judge(looks, jumped + passed, SHORTEST)
        assert looks.trusted_at == NOW and looks.doubted_at is not None


def test_a_second_jump_does_not_pass_for_patience() -> None:
    doubted = Looks(NOW, NOW + 10 * DAY)
    further = NOW + 20 * DAY
    assert judge(doubted, further, SHORTEST) == Looks(NOW, further)


def test_a_clock_that_is_set_right_is_believed_at_once() -> None:
    for wrong in (1000 * DAY, -1000 * DAY):
        assert judge(Looks(NOW, NOW + wrong), NOW + HOUR, SHORTEST) == Looks(NOW + HOUR)


async def test_a_clock_that_jumps_ten_years_erases_nothing_until_somebody_says_that_it_is_right(
    home: Home, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await voice(home, home.mum, home.bear)
    retention = retention_of(home)
    await retention.look()
    assert await retention.doubt() == ""
    home.clock.pass_seconds(3650 * DAY / 1000)
    for _ in range(5):
        home.clock.pass_seconds(PATIENCE / 1000)
        assert sum((await retention.look()).values()) == 0
    assert "the clock is 3651 days ahead" in caplog.text
    assert retention.doubts_clock and "until it is set right, or somebody" in await retention.doubt()
    assert len(kept(tmp_path)) == 2
    await retention.trust_clock()
    assert await retention.doubt() == ""
    assert (await retention.look())["messages"] == 1


async def test_a_machine_that_wakes_up_in_1970_has_not_jumped_when_it_learns_the_time(
    home: Home, tmp_path: Path
) -> None:
    await voice(home, home.mum, home.bear)
    retention, right = retention_of(home), home.clock.now
    await retention.look()
    home.clock.now = HOUR
    await retention.look()
    assert "days behind" in await retention.doubt()
    home.clock.now = right + HOUR
    await retention.look()
    assert not retention.doubts_clock
    assert len(kept(tmp_path)) == 2


async def test_what_somebody_deleted_is_scrubbed_whatever_the_clock_says(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    retention = retention_of(home)
    await retention.look()
    asked: list[bool] = []
    scrub = home.database.scrub

    async def noted(*, whole: bool = False) -> bool:
        asked.append(whole)
        return await scrub(whole=whole)

    monkeypatch.setattr(home.database, "scrub", noted)
    home.clock.pass_seconds(400 * DAY / 1000)
    await retention.look()
    assert retention.doubts_clock and asked == [True]


# ── the task ──


async def test_looking_goes_on_after_a_failure(
    home: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    failures: list[Exception] = [Overloaded("the disk is full"), ZeroDivisionError()]
    looked = asyncio.Event()

    async def look(self: Retention) -> None:
        if failures:
            raise failures.pop(0)
        looked.set()

    monkeypatch.setattr(Retention, "look", look)
    async with retention_of(home, Keeping(sweep_minutes=0.0001)).running():
        async with asyncio.timeout(5):
            await looked.wait()
    assert "the disk is full" in caplog.text
    assert [one.levelno for one in caplog.records].count(logging.ERROR) == 1


async def test_it_ends_with_its_context(home: Home) -> None:
    before = asyncio.all_tasks()
    async with retention_of(home).running():
        assert len(asyncio.all_tasks() - before) == 1
    assert asyncio.all_tasks() == before


async def test_the_log_says_how_much_and_never_what(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    said = await voice(home, home.mum, home.bear)
    clock: Clock = home.clock
    clock.pass_seconds(100 * DAY / 1000)
    with caplog.at_level(logging.INFO):
        await retention_of(home).look()
    (record,) = (one for one in caplog.records if one.message == "looked at what is over")
    assert record.__dict__["messages"] == 1
    assert said not in caplog.text
