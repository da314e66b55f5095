"""What people see when files and folders break. Real files, really deleted, moved away and cut.

                                 the mother's phone                           the toy
  folder of audio away           «overloaded» for a voice; texts go through;  the voice, once the folder is back
                                 «delayed» for what was accepted before
  folder of audio deleted        «overloaded» for a voice; texts go through   everything sent after the next start
  work, incoming deleted         nothing                                      nothing: they are made again
  everything deleted             «overloaded», for texts as well              what it has
  a recording gone or cut that   «failed»                                     nothing of it; later voices come
  waits for its conversion
  an MP3 gone or cut             nothing                                      «try again» for a moment, then all of it:
                                                                              it is made again from the recording
  both of them                   nothing                                      «try again», after a while «gone»

What a toy gets is all of a message or nothing. `/readyz` names the audio store where no voice can be taken.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from tests.end_to_end.breakable import MISSING, BreakableFfmpeg
from tests.end_to_end.faults import at_home, is_refused
from tests.end_to_end.line import Line, until
from tests.end_to_end.observing import everything, ids, sound_of, until_not_well
from toybackend.app import serving
from toybackend.settings import Settings

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("cheap_hashes")]


def kept(settings: Settings) -> Path:
    return settings.storage.data_dir / "audio" / "kept"


def file_of(settings: Settings, message_id: str, suffix: str) -> Path:
    (found,) = kept(settings).rglob(f"{message_id}{suffix}")
    return found


# ── folders ──


async def test_the_folder_of_audio_goes_and_comes_back(
    breakable: Settings, tool: BreakableFfmpeg, clip: bytes, tmp_path: Path
) -> None:
    """As when a volume is unmounted for a while: what was accepted before is not given up."""
    away = tmp_path / "away"
    tool.fall_ill(MISSING)
    async with serving(breakable) as house, at_home(house) as (family, mum, bear):
        before = await mum.voice(family.bear.id, clip)
        await mum.hear("notice", event="delayed", id=before)
        kept(breakable).rename(away)
        tool.repair()
        await is_refused(mum, family, "refused", clip)
        text = await mum.text(family.bear.id, "are you there?")
        assert ids(await everything(mum, 2.5), "failed") == []  # long enough for more tries

        away.rename(kept(breakable))
        await bear.hear("voice", id=before)
        await bear.hear("text", id=text)
        await bear.hear("voice", id=await mum.voice(family.bear.id, clip, ref="refused"))


async def test_the_folder_of_audio_is_deleted(settings: Settings, clip: bytes) -> None:
    async with serving(settings) as house, at_home(house) as (family, mum, bear):
        shutil.rmtree(kept(settings))
        await is_refused(mum, family, "refused", clip)
        await until_not_well(house, "audio_store")
        await bear.hear("text", id=await mum.text(family.bear.id, "are you there?"))
    async with serving(settings) as house, at_home(house, family) as (_, mum, bear):  # which makes the folder anew
        await bear.hear("voice", id=await mum.voice(family.bear.id, clip, ref="refused"))


async def test_folders_that_hold_nothing_of_worth_are_deleted(
    breakable: Settings, tool: BreakableFfmpeg, clip: bytes
) -> None:
    """Even while a voice is being converted in one of them."""
    audio = kept(breakable).parent
    patient = replace(breakable, conversion=replace(breakable.conversion, deadline_seconds=20.0))
    async with serving(patient) as house, at_home(house) as (family, mum, bear):
        tool.slow_down(0.3)
        first = await mum.voice(family.bear.id, clip)
        await until(lambda: tool.has_started)
        for room in ("work", "incoming"):
            shutil.rmtree(audio / room)
        tool.repair()
        second = await mum.voice(family.bear.id, clip)
        large = await mum.voice(family.bear.id, clip + clip[6:] * 11)  # written down before it is whole
        for message_id in (first, second, large):
            await bear.hear("voice", id=message_id)
        assert ids(await everything(mum, 0.1), "failed") == []


async def test_everything_is_deleted(settings: Settings, clip: bytes) -> None:
    async with serving(settings) as house, at_home(house) as (family, mum, bear):
        before = await mum.text(family.bear.id, "hello")
        shutil.rmtree(settings.storage.data_dir)
        await is_refused(mum, family, "voice", clip)
        await is_refused(mum, family, "text")
        for part in ("database", "audio_store"):
            await until_not_well(house, part)
        await bear.hear("text", id=before)
        assert not settings.storage.data_dir.exists()


# ── files ──


@pytest.mark.parametrize("left", [None, 0, 3000], ids=["gone", "empty", "cut"])
async def test_a_recording_is_not_what_it_was(
    left: int | None, breakable: Settings, tool: BreakableFfmpeg, clip: bytes
) -> None:
    tool.fall_ill(MISSING)
    async with serving(breakable) as house, at_home(house) as (family, mum, bear):
        lost = await mum.voice(family.bear.id, clip)
        await mum.hear("notice", event="delayed", id=lost)
        leave(file_of(breakable, lost, ".original"), left)
        tool.repair()
        await mum.hear("failed", id=lost, code="internal")
        good = await mum.voice(family.bear.id, clip)
        assert (await bear.next())["id"] == good


def leave(file: Path, size: int | None) -> None:
    """What a power cut leaves of a file: so many bytes, or None for nothing at all."""
    if size is None:
        file.unlink()
    else:
        with file.open("r+b") as opened:
            opened.truncate(size)


@pytest.mark.parametrize("left", [None, 0, 5000], ids=["gone", "empty", "cut"])
async def test_an_mp3_is_not_what_it_was(left: int | None, settings: Settings, clip: bytes) -> None:
    async with serving(settings) as house, at_home(house) as (family, mum, bear):
        said = await mum.voice(family.bear.id, clip)
        voice = await bear.hear("voice", id=said)
        whole = await sound_of(voice)
        leave(file_of(settings, said, ".mp3"), left)
        status, _ = await fetch(voice["url"])
        assert status == 503
        answers = [await fetch(voice["url"]) for _ in range(2)]
        while answers[-1][0] == 503:
            answers.append(await fetch(voice["url"]))
        assert answers[-1] == (200, whole)
        await says_nothing(mum, bear)


async def test_an_mp3_and_its_recording_are_not_what_they_were(settings: Settings, clip: bytes) -> None:
    async with serving(settings) as house, at_home(house) as (family, mum, bear):
        said = await mum.voice(family.bear.id, clip)
        voice = await bear.hear("voice", id=said)
        for suffix in (".mp3", ".original"):
            leave(file_of(settings, said, suffix), 2000)
        statuses = {(await fetch(voice["url"]))[0]}
        while 410 not in statuses:
            statuses.add((await fetch(voice["url"]))[0])
        assert statuses == {503, 410}
        await says_nothing(mum, bear)
        await bear.hear("voice", id=await mum.voice(family.bear.id, clip))


async def fetch(url: str) -> tuple[int, bytes]:
    """Status and body; where it says to come again, it says when."""
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        assert (answer.status == 503) == ("Retry-After" in answer.headers)
        return answer.status, await answer.read()


async def says_nothing(*lines: Line) -> None:
    for line in lines:
        assert await everything(line, 0.1) == []
