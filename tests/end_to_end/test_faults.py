"""What people see when something under the server breaks. Real sockets, real SQLite, real files, real processes.

                                 the mother's phone                           the toy
  ffmpeg missing, hanging,       «accepted», then «delayed»; texts go         nothing yet; the voice after the repair,
  mad, mute, killed              through; never «failed» for a good clip      in order, once
  a bad clip meanwhile           «failed» after the repair                    nothing
  database locked for long       «overloaded» with retry_after; the socket    everything sent after the lock is gone;
                                 stays, the same `ref` goes through later     what it acknowledged meanwhile stalls nothing
  folder of audio gone           «overloaded» for a voice; texts go through;  the voice, once the folder is back
                                 «delayed» for what was accepted before
  original gone for good         «failed»                                     nothing; later voices come
  server told to stop while      nothing, or the voice's «delivered»          the voice once, before or after the restart
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
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.end_to_end.breakable import FAULTS, MISSING, BreakableFfmpeg
from tests.end_to_end.household import Household, Line, line, parts_not_well, settle, settle_in_folder, sound_of
from toybackend.app import House, serving
from toybackend.settings import Conversion, Settings

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("cheap_passwords")]

BAD_CLIP = b"#!AMR\n"
"""The magic of AMR, and not one frame of sound."""
SICKNESSES = [MISSING, *FAULTS]


@pytest.fixture
def clip(clips: Path) -> bytes:
    return (clips / "hello_nb.amr").read_bytes()


@pytest.fixture
def tool(tmp_path: Path) -> BreakableFfmpeg:
    return BreakableFfmpeg(tmp_path)


@pytest.fixture
def settings(settings: Settings, tool: BreakableFfmpeg) -> Settings:
    """Short deadlines, and an ffmpeg that can be broken."""
    return replace(settings, conversion=Conversion(ffmpeg=str(tool.file), deadline_seconds=1.5, retry_seconds=1))


@asynccontextmanager
async def at_home(house: House) -> AsyncIterator[tuple[Household, Line, Line]]:
    """A household, and the sockets of phone and toy."""
    family, ws_url = await settle(house), house.listeners.bound().ws_url
    async with line(ws_url, "/app", family.mum_token) as mum, line(ws_url, "/toy", family.bear_token) as bear:
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
        assert await parts_not_well(house.listeners.bound().http_url) == []
        tool.fall_ill(how, only_when_converting=True)
        await _voices_wait_for_the_repair(house, tool, clip)


async def _voices_wait_for_the_repair(house: House, tool: BreakableFfmpeg, clip: bytes) -> None:
    async with at_home(house) as (family, mum, bear):
        bad = await mum.voice_accepted(family.bear, BAD_CLIP, "bad")
        good = await mum.voice_accepted(family.bear, clip, "good")
        await mum.wait_for("notice", event="delayed", id=good)
        await _others_are_served(house)
        await mum.text_accepted(family.bear, "are you there?", "text")
        assert "ffmpeg" in await parts_not_well(house.listeners.bound().http_url)
        assert bear.ids("voice") == mum.ids("failed") == []

        tool.repair()
        voice = await bear.wait_for("voice", id=good)
        assert len(await sound_of(voice)) > 4000
        await bear.send(type="ack", id=good)
        await mum.wait_for("delivered", id=good)
        await mum.wait_for("failed", id=bad, code="bad_audio")
        await bear.wait_for("text")
        assert bear.ids("voice") == [good] and mum.ids("failed") == [bad]
        assert [frame["type"] for frame in bear.seen[1:]] == ["voice", "text"]  # in the order of acceptance


async def _others_are_served(house: House) -> None:
    """Another family comes, and talks by text, within what nobody would call a wait."""
    ws_url = house.listeners.bound().ws_url
    family = await settle(house, "dad")
    async with asyncio.timeout(3), AsyncExitStack() as stack:
        dad = await stack.enter_async_context(line(ws_url, "/app", family.mum_token))
        toy = await stack.enter_async_context(line(ws_url, "/toy", family.bear_token))
        await dad.text_accepted(family.bear, "good night", "text")
        await toy.wait_for("text", msg="good night")


async def test_a_sick_ffmpeg_is_no_reason_to_refuse_for_long(
    settings: Settings, tool: BreakableFfmpeg, clip: bytes
) -> None:
    """`delayed` is said once a voice, however often it is tried in vain."""
    tool.fall_ill(MISSING)
    async with serving(settings) as house, at_home(house) as (family, mum, _):
        ids = [await mum.voice_accepted(family.bear, clip, f"{number}") for number in range(3)]
        await mum.listen(2.5)
        assert sorted(mum.ids("notice")) == sorted(ids)


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
            await mum.send_voice(family.bear, clip, "voice")
            await mum.send(to_user=family.bear, msg="hello", ref="text")
            for ref in ("voice", "text"):
                refused = await mum.wait_for("error", code="overloaded", ref=ref)
                assert refused["retry_after"] > 0
            assert _kept(settings) == []
        voice = await mum.voice_accepted(family.bear, clip, "voice")
        text = await mum.text_accepted(family.bear, "hello", "text")
        await bear.wait_for("text", id=text)
        assert bear.ids("voice") == [voice]


@pytest.mark.usefixtures("short_patience")
async def test_acknowledgements_that_meet_a_locked_database_stall_nothing(settings: Settings) -> None:
    async with serving(settings) as house, at_home(house) as (family, mum, bear):
        window = settings.sockets.unacknowledged
        sent = [await mum.text_accepted(family.bear, "hello", f"{number}") for number in range(window)]
        await bear.wait_for("text", id=sent[-1])
        with locked(settings):
            for message_id in sent:
                await bear.send(type="ack", id=message_id)
            await bear.listen(window * 0.3 + 1)
        last = await mum.text_accepted(family.bear, "still there?", "last")
        await bear.wait_for("text", id=last)


# ── the files ──


def _kept(settings: Settings) -> list[str]:
    return sorted(found.name for found in (settings.storage.data_dir / "audio").rglob("*") if found.is_file())


async def test_the_folder_of_audio_goes_and_comes_back(
    settings: Settings, tool: BreakableFfmpeg, clip: bytes, tmp_path: Path
) -> None:
    """As when a volume is unmounted for a while: what was accepted before is not given up."""
    kept, away = settings.storage.data_dir / "audio" / "kept", tmp_path / "away"
    tool.fall_ill(MISSING)
    async with serving(settings) as house, at_home(house) as (family, mum, bear):
        before = await mum.voice_accepted(family.bear, clip, "before")
        await mum.wait_for("notice", event="delayed", id=before)
        kept.rename(away)
        tool.repair()
        await mum.send_voice(family.bear, clip, "meanwhile")
        refused = await mum.wait_for("error", code="overloaded", ref="meanwhile")
        assert refused["retry_after"] > 0
        await mum.text_accepted(family.bear, "are you there?", "text")
        await mum.listen(2.5)  # long enough for more tries
        assert mum.ids("failed") == []

        away.rename(kept)
        await bear.wait_for("voice", id=before)
        await bear.wait_for("voice", id=await mum.voice_accepted(family.bear, clip, "meanwhile"))


async def test_the_folder_of_audio_is_deleted(settings: Settings, clip: bytes) -> None:
    kept = settings.storage.data_dir / "audio" / "kept"
    async with serving(settings) as house, at_home(house) as (family, mum, bear):
        shutil.rmtree(kept)
        await mum.send_voice(family.bear, clip, "voice")
        await mum.wait_for("error", code="overloaded", ref="voice")
        assert "audio_store" in await parts_not_well(house.listeners.bound().http_url)
        await bear.wait_for("text", id=await mum.text_accepted(family.bear, "are you there?", "text"))
    async with serving(settings) as house:  # a restart makes the folder anew
        ws_url = house.listeners.bound().ws_url
        async with line(ws_url, "/app", family.mum_token) as mum, line(ws_url, "/toy", family.bear_token) as bear:
            await bear.wait_for("voice", id=await mum.voice_accepted(family.bear, clip, "voice"))


async def test_an_original_is_gone_for_good(settings: Settings, tool: BreakableFfmpeg, clip: bytes) -> None:
    tool.fall_ill(MISSING)
    async with serving(settings) as house, at_home(house) as (family, mum, bear):
        lost = await mum.voice_accepted(family.bear, clip, "lost")
        await mum.wait_for("notice", event="delayed", id=lost)
        house.audio.path(lost, ".original").unlink()  # type: ignore[attr-defined]
        tool.repair()
        await mum.wait_for("failed", id=lost)
        await bear.wait_for("voice", id=await mum.voice_accepted(family.bear, clip, "next"))
        assert lost not in bear.ids("voice")


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


async def _send_until_it_is_converted(ws_url: str, family: Household, tool: BreakableFfmpeg, clip: bytes) -> str:
    async with line(ws_url, "/app", family.mum_token) as mum:
        sent = await mum.voice_accepted(family.bear, clip, "voice")
        async with asyncio.timeout(10):
            while not tool.has_started:
                await asyncio.sleep(0.01)
        return sent


async def _arrives_once(ws_url: str, family: Household, sent: str) -> None:
    async with line(ws_url, "/toy", family.bear_token) as bear:
        assert len(await sound_of(await bear.wait_for("voice", id=sent))) > 4000
        await bear.send(type="ack", id=sent)
        await bear.listen(0.5)
        assert bear.ids("voice") == [sent]
    async with line(ws_url, "/toy", family.bear_token) as bear:
        await bear.listen(0.3)
        assert bear.ids("voice") == []


@pytest.mark.parametrize(("stop_seconds", "slowness"), [(10.0, 0.5), (0.2, 60.0)], ids=["finishes", "hands over"])
async def test_sigterm_while_converting(
    stop_seconds: float, slowness: float, settings: Settings, tool: BreakableFfmpeg, clip: bytes
) -> None:
    family = await settle_in_folder(settings)
    tool.slow_down(slowness)
    async with server_process(settings, stop_seconds) as (process, ws_url):
        sent = await _send_until_it_is_converted(ws_url, family, tool, clip)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 8) == 0
    assert (f"{sent}.mp3" in _kept(settings)) is (stop_seconds > slowness)
    tool.repair()
    async with server_process(settings) as (_, ws_url):
        await _arrives_once(ws_url, family, sent)


async def test_kill_9_while_converting(settings: Settings, tool: BreakableFfmpeg, clip: bytes) -> None:
    family = await settle_in_folder(settings)
    tool.slow_down(1.0)
    async with server_process(settings) as (process, ws_url):
        sent = await _send_until_it_is_converted(ws_url, family, tool, clip)
        process.kill()
        await process.wait()
    tool.repair()
    async with server_process(settings) as (_, ws_url):
        await _arrives_once(ws_url, family, sent)
    assert [name for name in _kept(settings) if name.startswith(sent)] == [f"{sent}.mp3", f"{sent}.original"]
