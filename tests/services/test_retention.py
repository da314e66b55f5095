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
from toybackend.services.retention import DAY, HOUR, MOST_AHEAD, PATIENCE, Retention, judge
from toybackend.settings import Keeping

KEEPING = Keeping(heard_days=30, unheard_days=90, original_days=7, sweep_minutes=60)


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


def test_a_clock_that_goes_on_is_believed() -> None:
    assert judge(Looks(), NOW) == Looks(NOW)
    for passed in (0, HOUR, MOST_AHEAD, -DAY, -1000 * DAY):
        assert judge(Looks(NOW), NOW + passed) == Looks(NOW + passed)


def test_a_clock_far_ahead_is_believed_after_a_day_of_patience() -> None:
    jumped = NOW + MOST_AHEAD + 1
    doubted = judge(Looks(NOW), jumped)
    assert doubted == Looks(NOW, jumped)
    assert judge(doubted, jumped + PATIENCE - 1) == doubted
    assert judge(doubted, jumped + PATIENCE) == Looks(jumped + PATIENCE)


def test_a_second_jump_does_not_pass_for_patience() -> None:
    doubted = Looks(NOW, NOW + 100 * DAY)
    further = NOW + 1000 * DAY
    assert judge(doubted, further) == Looks(NOW, further)


def test_a_clock_that_is_set_right_is_believed_at_once() -> None:
    assert judge(Looks(NOW, NOW + 1000 * DAY), NOW + HOUR) == Looks(NOW + HOUR)


async def test_a_clock_that_jumps_erases_nothing(home: Home, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    await voice(home, home.mum, home.bear)
    await retention_of(home).look()
    home.clock.pass_seconds(400 * DAY / 1000)
    assert sum((await retention_of(home).look()).values()) == 0
    assert "the clock is 400 days ahead" in caplog.text
    assert len(kept(tmp_path)) == 2
    home.clock.pass_seconds(PATIENCE / 1000)
    assert (await retention_of(home).look())["messages"] == 1


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
