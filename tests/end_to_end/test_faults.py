"""What people see when something under the server breaks. Real sockets, real SQLite, real files, real processes.

                                 the mother's phone                           the toy
  ffmpeg missing, hanging,       «accepted», then «delayed»; texts go         nothing yet; the voice after the repair,
  mad, mute, killed              through; never «failed» for a good clip      in order, once
  a bad clip meanwhile           «failed» after the repair                    nothing
  database locked for long       «overloaded» with retry_after; the socket    everything sent after the lock is gone;
                                 stays, the same `ref` goes through later     what it said meanwhile stalls nothing
  folder of audio gone           «overloaded» for a voice; texts go through;  the voice, once the folder is back
                                 «delayed» for what was accepted before
  original gone for good         «failed»                                     nothing; later voices come
  server told to stop while      nothing, or the voice's «delivered»          the voice once, sooner or later
  it converts
  server killed while it         nothing; the line drops                      the voice once, after the restart
  converts

A full disk is in `test_full_disk.py`. A server is in this process where it can be, and a process of its own where it
has to die.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.end_to_end.breakable import FAULTS, MISSING, BreakableFfmpeg
from tests.end_to_end.family import Family, add_family, files
from tests.end_to_end.line import Line, line, until
from tests.end_to_end.observing import everything, ids, parts_not_well, sound_of, until_not_well
from toybackend.app import House, open_house, serving
from toybackend.settings import Conversion, Settings

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("cheap_hashes")]

BAD_CLIP = b"#!AMR\n"
"""The magic of AMR, and not one frame of sound."""
SICKNESSES = [MISSING, *FAULTS]


@pytest.fixture
def tool(tmp_path: Path) -> BreakableFfmpeg:
    return BreakableFfmpeg(tmp_path)


@pytest.fixture
def settings(settings: Settings, tool: BreakableFfmpeg) -> Settings:
    """Short deadlines, and an ffmpeg that can be broken."""
    return replace(settings, conversion=Conversion(ffmpeg=str(tool.file), deadline_seconds=1.0, retry_seconds=1))


@asynccontextmanager
async def at_home(house: House) -> AsyncIterator[tuple[Family, Line, Line]]:
    """A family, and the sockets of phone and toy."""
    family = await add_family(house)
    async with family.mum.line() as mum, family.bear.line() as bear:
        yield family, mum, bear


# ── ffmpeg ──


@pytest.mark.parametrize("how", SICKNESSES)
async def test_ffmpeg_is_sick_at_start(how: str, settings: Settings, tool: BreakableFfmpeg, clip: bytes) -> None:
    tool.fall_ill(how)
    async with serving(settings) as house:
        await _voices_wait_for_the_repair(house, tool, clip)


@pytest.mark.parametrize("how", SICKNESSES)
async def test_ffmpeg_falls_ill(how: str, settings: Settings, tool: BreakableFfmpeg, clip: bytes) -> None:
    async with serving(settings) as house:
        assert await parts_not_well(house) == []
        tool.fall_ill(how, only_when_converting=True)
        await _voices_wait_for_the_repair(house, tool, clip)


async def _voices_wait_for_the_repair(house: House, tool: BreakableFfmpeg, clip: bytes) -> None:
    async with at_home(house) as (family, mum, bear):
        bad = await mum.voice(family.bear.id, BAD_CLIP)
        good = await mum.voice(family.bear.id, clip)
        await mum.hear("notice", event="delayed", id=good)
        await _others_are_served(house)
        text = await mum.text(family.bear.id, "are you there?")
        await until_not_well(house, "ffmpeg")

        tool.repair()
        first = await bear.next()  # not the text: it was accepted later
        assert (first["type"], first["id"]) == ("voice", good)
        assert len(await sound_of(first)) > 4000
        await bear.ack(good)
        await mum.hear("delivered", id=good)
        await bear.hear("text", id=text)
        assert ids(await everything(mum, 0.1), "failed") == [bad]
        assert await everything(bear, 0.1) == []


async def _others_are_served(house: House) -> None:
    """Another family comes, and talks by text, within what nobody would call a wait."""
    async with asyncio.timeout(3), at_home(house) as (family, dad, toy):
        await toy.hear("text", id=await dad.text(family.bear.id, "good night"))


async def test_delayed_is_said_once_a_voice(settings: Settings, tool: BreakableFfmpeg, clip: bytes) -> None:
    tool.fall_ill(MISSING)
    async with serving(settings) as house, at_home(house) as (family, mum, _):
        sent = {await mum.voice(family.bear.id, clip) for _ in range(3)}
        told = ids(await everything(mum, 2.5), "notice")  # long enough for more tries
        assert set(told) == sent and len(told) == len(sent)


# ── the database ──


@pytest.fixture
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite waits for somebody else's lock for as long as this; five seconds in life."""
    monkeypatch.setattr("toybackend.databases.engine.BUSY_MS", 300)


@contextmanager
def locked(settings: Settings) -> Iterator[None]:
    """Another program writes, and does not come to an end."""
    other = sqlite3.connect(settings.storage.data_dir / "toybackend.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.rollback()
        other.close()


@pytest.mark.usefixtures("short_patience")
async def test_the_database_is_locked_for_long(settings: Settings, clip: bytes) -> None:
    async with serving(settings) as house, at_home(house) as (family, mum, bear):
        with locked(settings):
            await mum.say(to_user=family.bear.id, ref="voice")
            await mum.write(clip)
            await mum.say(to_user=family.bear.id, msg="hello", ref="text")
            for ref in ("voice", "text"):
                refused = await mum.hear("error", code="overloaded", ref=ref)
                assert refused["retry_after"] > 0
            assert files(house)["kept"] == set()
        voice = await mum.voice(family.bear.id, clip, ref="voice")
        text = await mum.text(family.bear.id, "hello", ref="text")
        assert [(await bear.next())["id"] for _ in range(2)] == [voice, text]


@pytest.mark.usefixtures("short_patience")
async def test_acknowledgements_that_meet_a_locked_database_stall_nothing(settings: Settings) -> None:
    async with serving(settings) as house, at_home(house) as (family, mum, bear):
        window = settings.sockets.unacknowledged
        sent = [await mum.text(family.bear.id, "hello") for _ in range(window)]
        for message_id in sent:
            await bear.hear("text", id=message_id)
        with locked(settings):
            for message_id in sent:
                await bear.ack(message_id)
            await everything(bear, window * 0.3 + 1)
        await bear.hear("text", id=await mum.text(family.bear.id, "still there?"))


# ── the files ──


async def _refused_voice(mum: Line, family: Family, clip: bytes) -> None:
    await mum.say(to_user=family.bear.id, ref="refused")
    await mum.write(clip)
    refused = await mum.hear("error", code="overloaded", ref="refused")
    assert refused["retry_after"] > 0


async def test_the_folder_of_audio_goes_and_comes_back(
    settings: Settings, tool: BreakableFfmpeg, clip: bytes, tmp_path: Path
) -> None:
    """As when a volume is unmounted for a while: what was accepted before is not given up."""
    kept, away = settings.storage.data_dir / "audio" / "kept", tmp_path / "away"
    tool.fall_ill(MISSING)
    async with serving(settings) as house, at_home(house) as (family, mum, bear):
        before = await mum.voice(family.bear.id, clip)
        await mum.hear("notice", event="delayed", id=before)
        kept.rename(away)
        tool.repair()
        await _refused_voice(mum, family, clip)
        text = await mum.text(family.bear.id, "are you there?")
        assert ids(await everything(mum, 2.5), "failed") == []  # long enough for more tries

        away.rename(kept)
        await bear.hear("voice", id=before)
        await bear.hear("text", id=text)
        await bear.hear("voice", id=await mum.voice(family.bear.id, clip, ref="refused"))


async def test_the_folder_of_audio_is_deleted(settings: Settings, clip: bytes) -> None:
    async with serving(settings) as house, at_home(house) as (family, mum, bear):
        shutil.rmtree(settings.storage.data_dir / "audio" / "kept")
        await _refused_voice(mum, family, clip)
        await until_not_well(house, "audio_store")
        await bear.hear("text", id=await mum.text(family.bear.id, "are you there?"))
    async with serving(settings) as house:  # a restart makes the folder anew
        again = family.at(house)
        async with again.mum.line() as mum, again.bear.line() as bear:
            await bear.hear("voice", id=await mum.voice(family.bear.id, clip, ref="refused"))


async def test_an_original_is_gone_for_good(settings: Settings, tool: BreakableFfmpeg, clip: bytes) -> None:
    tool.fall_ill(MISSING)
    async with serving(settings) as house, at_home(house) as (family, mum, bear):
        lost = await mum.voice(family.bear.id, clip)
        await mum.hear("notice", event="delayed", id=lost)
        for original in (settings.storage.data_dir / "audio" / "kept").rglob(f"{lost}.*"):
            original.unlink()
        tool.repair()
        await mum.hear("failed", id=lost)
        good = await mum.voice(family.bear.id, clip)
        assert (await bear.next())["id"] == good


# ── the server itself ──


@asynccontextmanager
async def server_process(settings: Settings, stop_seconds: float = 10.0) -> AsyncIterator[tuple[Process, str]]:
    """`toybackend serve` as operators run it, and its WebSocket address."""
    environment = {
        **os.environ,
        "TOYBACKEND_FFMPEG": settings.conversion.ffmpeg,
        "TOYBACKEND_STOP_SECONDS": str(stop_seconds),
    }
    arguments = ["--data", str(settings.storage.data_dir), "--http-port", "0", "--ws-port", "0"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "toybackend", "serve", *arguments, stdout=PIPE, env=environment
    )
    try:
        assert process.stdout is not None
        ready = (await process.stdout.readline()).decode()
        yield process, ready.rpartition("ws=")[2].strip()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _settle(settings: Settings) -> Family:
    async with open_house(settings) as house:
        return await add_family(house)


async def _send_until_it_is_converted(ws_url: str, family: Family, tool: BreakableFfmpeg, clip: bytes) -> str:
    async with line(f"{ws_url}/app", family.mum.token) as mum:
        sent = await mum.voice(family.bear.id, clip)
        await until(lambda: tool.has_started)
        return sent


async def _arrives_once(ws_url: str, family: Family, sent: str) -> None:
    async with line(f"{ws_url}/toy", family.bear.token) as bear:
        assert len(await sound_of(await bear.hear("voice", id=sent))) > 4000
        await bear.ack(sent)
        assert await everything(bear, 0.5) == []
    async with line(f"{ws_url}/toy", family.bear.token) as bear:
        assert await everything(bear, 0.3) == []


def _files_of(settings: Settings, message_id: str) -> list[str]:
    kept = settings.storage.data_dir / "audio" / "kept"
    return sorted(found.name.removeprefix(message_id) for found in kept.rglob(f"{message_id}*"))


@pytest.mark.parametrize(("stop_seconds", "slowness"), [(10.0, 0.5), (0.2, 60.0)], ids=["finishes", "hands over"])
async def test_sigterm_while_converting(
    stop_seconds: float, slowness: float, settings: Settings, tool: BreakableFfmpeg, clip: bytes
) -> None:
    family = await _settle(settings)
    tool.slow_down(slowness)
    async with server_process(settings, stop_seconds) as (process, ws_url):
        sent = await _send_until_it_is_converted(ws_url, family, tool, clip)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 8) == 0
    is_finished = stop_seconds > slowness
    assert _files_of(settings, sent) == ([".mp3"] if is_finished else []) + [".original"]
    tool.repair()
    async with server_process(settings) as (_, ws_url):
        await _arrives_once(ws_url, family, sent)


async def test_kill_9_while_converting(settings: Settings, tool: BreakableFfmpeg, clip: bytes) -> None:
    family = await _settle(settings)
    tool.slow_down(1.0)
    async with server_process(settings) as (process, ws_url):
        sent = await _send_until_it_is_converted(ws_url, family, tool, clip)
        process.kill()
        await process.wait()
    tool.repair()
    async with server_process(settings) as (_, ws_url):
        await _arrives_once(ws_url, family, sent)
    assert _files_of(settings, sent) == [".mp3", ".original"]
