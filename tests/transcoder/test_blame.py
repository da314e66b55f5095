"""Whose fault it is when no sound comes out: the clip's, or the tool's. Played with programs that misbehave."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.scarcity import no_descriptors
from tests.transcoder.sounds import CLIPS, until
from toybackend.errors import BadAudio, ConverterUnavailable
from toybackend.transcoder import ConversionLimits, FfmpegTranscoder, Outcome, conversion, run_child
from toybackend.transcoder.loudness import Measured

HELLO = CLIPS / "hello_nb.amr"
QUICK = ConversionLimits(deadline_seconds=1.0)
MISBEHAVIOURS = {
    "hangs": "sleep 60",
    "ignores signals and hangs": "trap '' TERM INT HUP; sleep 60 & wait; sleep 60",
    "crashes": "kill -SEGV $$",
    "exits 0 without sound": "exit 0",
    "exits 1": "echo cannot >&2; exit 1",
    "prints rubbish without end": "while :; do echo rubbish rubbish rubbish >&2; done",
    "writes rubbish": "for last; do :; done; head -c 50000 /dev/urandom > ${last#file:}; exit 0",
    "writes empty files": "for last; do :; done; : > sound.pcm; : > ${last#file:}; exit 0",
}


def fake(path: Path, misbehaviour: str, *, real: Path | None = None, only_on_clips: bool = False) -> Path:
    """A program that answers `-decoders`, then misbehaves: always, or on everything but the known-good clip."""
    answer = f'exec {real} "$@"' if real else 'echo "ffmpeg version 5.0"; echo " A....D amrnb x"; exit 0'
    lines = ["#!/bin/sh", f'case "$*" in *-decoders | *-filters) {answer};; esac']
    if only_on_clips:
        lines.append(f'case "$PWD" in *known-good-*) exec {real} "$@";; esac')
    path.write_text("\n".join([*lines, misbehaviour, ""]))
    path.chmod(0o755)
    return path


@pytest.fixture
def limits() -> ConversionLimits:
    return ConversionLimits(deadline_seconds=1.0, output_bytes=4 * 1024 * 1024)


@pytest.mark.parametrize("what", MISBEHAVIOURS)
async def test_a_sick_tool_is_not_the_clips_fault(
    what: str, tmp_path: Path, folder: Path, limits: ConversionLimits
) -> None:
    tool = fake(tmp_path / "ffmpeg", MISBEHAVIOURS[what])
    with pytest.raises(ConverterUnavailable):
        await FfmpegTranscoder(str(tool), limits).convert(HELLO, folder)


@pytest.mark.parametrize("what", MISBEHAVIOURS)
async def test_a_clip_that_upsets_a_healthy_tool_is_bad(
    what: str, tmp_path: Path, folder: Path, any_binary: Path, limits: ConversionLimits
) -> None:
    tool = fake(tmp_path / "ffmpeg", MISBEHAVIOURS[what], real=any_binary, only_on_clips=True)
    with pytest.raises(BadAudio):
        await FfmpegTranscoder(str(tool), limits).convert(HELLO, folder)


async def test_what_failed_in_passing_is_tried_again(any_binary: Path, folder: Path) -> None:
    """A disk that was full, a machine short of memory: by the time the tool is asked, it is well again."""
    runs = 0

    async def once_out_of_memory(command: Sequence[str], place: Path, limits: ConversionLimits) -> Outcome:
        nonlocal runs
        runs += "file:speech.amr" in command
        if runs == 1 and "file:speech.amr" in command:
            return Outcome(245, timed_out=False, log_tail="Resource temporarily unavailable")
        return await run_child(command, place, limits)

    sound = await FfmpegTranscoder(str(any_binary), run=once_out_of_memory).convert(HELLO, folder)
    assert sound.duration_ms == 3460


@pytest.mark.parametrize("is_everywhere", [False, True], ids=["over one clip", "over every clip"])
async def test_a_mistake_of_ours_costs_one_clip_at_most(
    is_everywhere: bool, any_binary: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be made again and again, and hold up the conversation; but where every clip fails, they all wait."""
    real = conversion.listen

    def listen(prepared: conversion.Prepared, place: Path, limits: ConversionLimits) -> Measured | None:
        if is_everywhere or "known-good-" not in place.name:
            raise IndexError("one frame too many")
        return real(prepared, place, limits)

    monkeypatch.setattr(conversion, "listen", listen)
    with pytest.raises(IndexError if is_everywhere else BadAudio):
        await FfmpegTranscoder(str(any_binary)).convert(HELLO, folder)


async def test_a_full_disk_is_never_the_clips_fault(any_binary: Path, folder: Path) -> None:
    async def full(command: Sequence[str], place: Path, limits: ConversionLimits) -> Outcome:
        if "file:encoded.mp3" in command:
            return Outcome(228, timed_out=False, log_tail="av_interleaved_write_frame(): No space left on device")
        return await run_child(command, place, limits)

    with pytest.raises(ConverterUnavailable, match="No space left on device"):
        await FfmpegTranscoder(str(any_binary), run=full).convert(HELLO, folder)


@pytest.mark.parametrize("name", ["hello.wav", "hello.3gp"])
async def test_on_a_full_disk_no_clip_is_whole(
    name: str, any_binary: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came out may lack its last second, with exit status 0."""
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_bavail=100, f_frsize=4096))
    with pytest.raises(ConverterUnavailable, match="No space left on device"):
        await FfmpegTranscoder(str(any_binary)).convert(CLIPS / name, folder)


@pytest.mark.parametrize("free_mib", [31, 33])
async def test_on_a_nearly_full_disk_no_clip_is_bad(
    free_mib: int, any_binary: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long clip fails for want of room and the short known-good one does not; nor is there room to say so."""

    async def mute(command: Sequence[str], place: Path, limits: ConversionLimits) -> Outcome:
        if "known-good-" not in place.name and "file:encoded.mp3" in command:
            return Outcome(1, timed_out=False, log_tail="")
        return await run_child(command, place, limits)

    room = SimpleNamespace(f_bavail=free_mib << 8, f_frsize=4096)
    monkeypatch.setattr(os, "statvfs", lambda path: room)
    with pytest.raises(ConverterUnavailable if free_mib < 32 else BadAudio):
        await FfmpegTranscoder(str(any_binary), run=mute).convert(HELLO, folder)


async def test_a_title_that_speaks_of_a_full_disk_is_a_title(any_binary: Path, folder: Path) -> None:
    """Whoever wants to see how far it is has ffmpeg describe the file first, and it repeats what stands in it."""
    title = b"No space left on device\0"
    info = b"INFOINAM" + len(title).to_bytes(4, "little") + title
    clip = (CLIPS / "hello.wav").read_bytes()
    sound_at = clip.index(b"data")
    original = folder.parent / "original"
    original.write_bytes(clip[:sound_at] + b"LIST" + len(info).to_bytes(4, "little") + info + clip[sound_at:])
    told: list[float] = []
    assert (await FfmpegTranscoder(str(any_binary)).convert(original, folder, told.append)).duration_ms == 3452
    assert told[-1] == 1.0


async def test_clips_that_fail_together_share_a_probe(any_binary: Path, folder: Path) -> None:
    probes = 0

    async def counting(command: Sequence[str], place: Path, limits: ConversionLimits) -> Outcome:
        nonlocal probes
        probes += "known-good-" in place.name and "file:encoded.mp3" in command
        return await run_child(command, place, limits)

    transcoder = FfmpegTranscoder(str(any_binary), run=counting)
    bad = folder / "bad"
    bad.write_bytes((CLIPS / "hello.wav").read_bytes()[:44])
    places = [folder / str(number) for number in range(8)]
    for place in places:
        place.mkdir()
    answers = await asyncio.gather(*(transcoder.convert(bad, place) for place in places), return_exceptions=True)
    assert all(isinstance(answer, BadAudio) for answer in answers)
    assert probes < len(places) / 2  # whoever fails after a probe began shares the next one


async def test_the_tool_is_found_again_once_it_is_well(tmp_path: Path, folder: Path, any_binary: Path) -> None:
    path = tmp_path / "ffmpeg"
    transcoder = FfmpegTranscoder(str(path))
    places = [folder / str(number) for number in range(4)]
    for place in places:
        place.mkdir()
    with pytest.raises(ConverterUnavailable):
        await transcoder.convert(HELLO, places[0])
    fake(path, "exit 0")
    with pytest.raises(ConverterUnavailable):
        await transcoder.convert(HELLO, places[1])
    fake(path, f'exec {any_binary} "$@"', real=any_binary)
    assert (await transcoder.convert(HELLO, places[2])).duration_ms > 0
    path.unlink()
    with pytest.raises(ConverterUnavailable):
        await transcoder.convert(HELLO, places[3])


async def test_sound_with_a_complaint_counts_if_the_tool_is_well(
    tmp_path: Path, folder: Path, any_binary: Path
) -> None:
    complain = f'{any_binary} "$@"; case "$*" in *weighted*) exit 69;; esac'
    moody = fake(tmp_path / "moody", complain, real=any_binary, only_on_clips=True)
    assert (await FfmpegTranscoder(str(moody)).convert(HELLO, folder)).duration_ms > 0


async def test_sound_with_a_complaint_from_a_sick_tool_may_lack_words(
    tmp_path: Path, folder: Path, any_binary: Path
) -> None:
    complain = f'{any_binary} "$@"; case "$*" in *weighted*) echo disk full; exit 1;; esac'
    sick = fake(tmp_path / "sick", complain, real=any_binary)
    with pytest.raises(ConverterUnavailable, match="disk full"):
        await FfmpegTranscoder(str(sick)).convert(HELLO, folder)


async def test_lost_speech_is_never_hidden(tmp_path: Path, folder: Path, any_binary: Path) -> None:
    """Half the sound of an AMR clip, exit 0: not a shorter message, and no silence laid over the hole."""
    halve = f'{any_binary} "$@"; for f in sound.pcm weighted.pcm; do [ -f $f ] && truncate -s 50000 $f; done; exit 0'
    tool = fake(tmp_path / "ffmpeg", halve, real=any_binary, only_on_clips=True)
    with pytest.raises(BadAudio):
        await FfmpegTranscoder(str(tool)).convert(HELLO, folder)


@pytest.mark.parametrize("what", ["exits 0 without sound", "exits 1", "writes rubbish", "writes empty files"])
@pytest.mark.parametrize("healthy", [True, False], ids=["the clip", "the tool"])
async def test_an_mp3_that_is_none_is_noticed(
    what: str, healthy: bool, tmp_path: Path, folder: Path, any_binary: Path
) -> None:
    only_encoding = f'case "$*" in *encoded.mp3*) {MISBEHAVIOURS[what]};; esac; exec {any_binary} "$@"'
    tool = fake(tmp_path / "ffmpeg", only_encoding, real=any_binary, only_on_clips=healthy)
    with pytest.raises(BadAudio if healthy else ConverterUnavailable):
        await FfmpegTranscoder(str(tool)).convert(HELLO, folder)


async def test_nothing_extracted_from_3gp(tmp_path: Path, folder: Path, any_binary: Path) -> None:
    tool = fake(tmp_path / "ffmpeg", "exit 0", real=any_binary, only_on_clips=True)
    with pytest.raises(BadAudio):
        await FfmpegTranscoder(str(tool)).convert(CLIPS / "hello.3gp", folder)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EMFILE, errno.ENOMEM, errno.EAGAIN])
async def test_a_machine_out_of_room_is_not_the_clips_fault(number: int, any_binary: Path, folder: Path) -> None:
    async def failing(command: Sequence[str], place: Path, limits: ConversionLimits) -> Outcome:
        raise OSError(number, "no room")

    with pytest.raises(ConverterUnavailable, match="no room"):
        await FfmpegTranscoder(str(any_binary), run=failing).convert(HELLO, folder)
    with pytest.raises(ConverterUnavailable, match="no room"):
        await FfmpegTranscoder(str(any_binary), run=failing).check()


async def test_a_folder_that_cannot_be_written_is_not_the_clips_fault(any_binary: Path, tmp_path: Path) -> None:
    with pytest.raises(ConverterUnavailable):
        await FfmpegTranscoder(str(any_binary)).convert(HELLO, tmp_path / "missing")


async def test_cancelling_a_conversion_leaves_nothing_running(tmp_path: Path, folder: Path, any_binary: Path) -> None:
    tool = fake(tmp_path / "ffmpeg", "touch started; sleep 60", real=any_binary)
    task = asyncio.create_task(FfmpegTranscoder(str(tool)).convert(HELLO, folder))
    await until((folder / "started").exists)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_check_names_the_tool(binary: Path) -> None:
    answer = await FfmpegTranscoder(str(binary)).check()
    assert answer.startswith("ffmpeg ")
    assert answer.endswith(f"(setting) {binary}")


async def test_check_notices_a_tool_that_fell_ill(tmp_path: Path, any_binary: Path) -> None:
    tool = fake(tmp_path / "ffmpeg", f'exec {any_binary} "$@"', real=any_binary)
    transcoder = FfmpegTranscoder(str(tool), QUICK)
    await transcoder.check()
    fake(tool, "exit 0", real=any_binary)
    with pytest.raises(ConverterUnavailable, match="known to be good"):
        await transcoder.check()


async def test_a_missing_tool_is_told_when_asked_and_not_before(tmp_path: Path) -> None:
    transcoder = FfmpegTranscoder(str(tmp_path / "nothing"))
    with pytest.raises(ConverterUnavailable, match="FFMPEG setting"):
        await transcoder.check()


# ── no file descriptors ──


@pytest.mark.parametrize("but", range(0, 12))
async def test_without_descriptors_the_clip_waits(but: int, any_binary: Path, folder: Path) -> None:
    transcoder = FfmpegTranscoder(str(any_binary))
    await transcoder.check()  # as a server does at its start
    with no_descriptors(but=but):
        try:
            assert (await transcoder.convert(HELLO, folder)).duration_ms > 3000
        except ConverterUnavailable as waits:
            assert "Too many open files" in str(waits)
    assert (await transcoder.convert(HELLO, folder)).duration_ms > 3000
