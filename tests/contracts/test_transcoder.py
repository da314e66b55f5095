"""The contract of `ports.Transcoder`; what one adapter does beyond it has tests of its own."""

from __future__ import annotations

import asyncio
import filecmp
import os
import shutil
from pathlib import Path

import pytest

from toybackend.errors import AudioTooLong, BadAudio
from toybackend.models import WAVEFORM_BARS
from toybackend.ports import Transcoder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Empty, and the clip's own."""
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def is_mp3(file: Path) -> bool:
    """Does it begin with an MPEG audio frame header (layer III), and not with a tag?"""
    head = file.read_bytes()[:2]
    return head[0] == 0xFF and head[1] & 0xE6 == 0xE2


@pytest.mark.parametrize(("clip", "seconds"), [("hello_nb.amr", 3.48), ("hello.m4a", 3.46), ("hello.webm", 3.46)])
async def test_a_recording_becomes_an_mp3(
    transcoder: Transcoder, clips: Path, folder: Path, clip: str, seconds: float
) -> None:
    sound = await transcoder.convert(clips / clip, folder)
    assert folder in sound.file.parents
    assert is_mp3(sound.file)
    assert sound.duration_ms == pytest.approx(seconds * 1000, abs=120)
    assert (len(sound.waveform), min(sound.waveform) >= 0, max(sound.waveform)) == (WAVEFORM_BARS, True, 100)


@pytest.mark.parametrize(
    "junk", [b"x", b"<html></html>", b"#!AMR\n", b"ffconcat version 1.0\nfile a.amr\n", b"\0" * 999]
)
async def test_what_holds_no_sound_is_refused(
    transcoder: Transcoder, tmp_path: Path, folder: Path, junk: bytes
) -> None:
    original = tmp_path / "original.amr"
    original.write_bytes(junk)
    with pytest.raises(BadAudio):
        await transcoder.convert(original, folder)


async def test_what_lasts_too_long_is_refused(transcoder: Transcoder, clips: Path, folder: Path) -> None:
    """The fixtures' transcoders take ten seconds; the story has eleven."""
    with pytest.raises(AudioTooLong):
        await transcoder.convert(clips / "story_nb.amr", folder)


async def test_the_original_stays_as_it_is(transcoder: Transcoder, clips: Path, tmp_path: Path, folder: Path) -> None:
    original = Path(shutil.copy(clips / "hello_nb.amr", tmp_path / "original"))
    await transcoder.convert(original, folder)
    assert filecmp.cmp(original, clips / "hello_nb.amr", shallow=False)
    assert set(os.listdir(tmp_path)) == {"original", "work"}


async def test_whoever_wants_to_know_is_told_how_far_it_is(transcoder: Transcoder, clips: Path, folder: Path) -> None:
    told: list[float] = []
    await transcoder.convert(clips / "hello.m4a", folder, told.append)
    assert told
    assert told == sorted(told)
    assert (min(told) >= 0, told[-1]) == (True, 1.0)


async def test_clips_are_converted_side_by_side(transcoder: Transcoder, clips: Path, tmp_path: Path) -> None:
    folders = [tmp_path / str(number) for number in range(3)]
    for one in folders:
        one.mkdir()
    sounds = await asyncio.gather(*(transcoder.convert(clips / "hello_nb.amr", one) for one in folders))
    assert len({one.file.read_bytes() for one in sounds}) == 1


async def test_the_tool_says_what_it_is(transcoder: Transcoder) -> None:
    assert await transcoder.check()
