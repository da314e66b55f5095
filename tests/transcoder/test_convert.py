"""The whole way, with every ffmpeg there is: what comes out, for whatever goes in."""

from __future__ import annotations

import array
import asyncio
import time
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx

from tests.transcoder.sounds import (
    CLIPS,
    RATE,
    at_peak,
    decoded,
    loudness_and_true_peak,
    noise,
    rms,
    speech,
    tone,
    write_wav,
)
from toybackend.errors import AudioTooLarge, AudioTooLong, BadAudio
from toybackend.models import WAVEFORM_BARS, Sound
from toybackend.transcoder import ConversionLimits, FfmpegTranscoder, Outcome, progress, run_child
from toybackend.transcoder.arguments import SOUND, SOURCES, WEIGHTED
from toybackend.transcoder.conversion import Prepared, listen
from toybackend.transcoder.limits import pcm_bytes
from toybackend.transcoder.mpeg_audio import check_our_mp3
from toybackend.transcoder.sniffing import Content

NB = b"#!AMR\n"
SPEECH_CLIPS = (
    "hello_nb.amr",
    "hello_wb.amr",
    "hello.m4a",
    "hello.aac",
    "hello.webm",
    "hello.ogg",
    "hello.caf",
    "hello.flac",
)
HELLO_SECONDS = len(speech()) / RATE


async def convert_bytes(transcoder: FfmpegTranscoder, data: bytes, folder: Path) -> Sound:
    original = folder.parent / "original"
    original.write_bytes(data)
    return await transcoder.convert(original, folder)


def seconds_of(sound: Sound, ear: Path) -> float:
    return len(decoded(sound.file, ear)) / RATE


@pytest.mark.parametrize("clip", [*SPEECH_CLIPS, "hello.wav", "hello.mp3"])
async def test_every_kind_of_recording(clip: str, transcoder: FfmpegTranscoder, ear: Path, folder: Path) -> None:
    sound = await transcoder.convert(CLIPS / clip, folder)
    assert sound.duration_ms / 1000 == pytest.approx(HELLO_SECONDS, abs=0.1)
    assert seconds_of(sound, ear) == pytest.approx(sound.duration_ms / 1000, abs=0.1)
    assert sound.file.parent == folder
    assert len(sound.waveform) == WAVEFORM_BARS
    assert max(sound.waveform) == 100
    loudness, true_peak = loudness_and_true_peak(sound.file, ear)
    assert loudness == pytest.approx(-18, abs=2)
    assert true_peak <= -1.5


@pytest.mark.parametrize("clip", ["hello.3gp", "hello_packed.3gp"])
async def test_3gp_loses_no_frame(clip: str, transcoder: FfmpegTranscoder, ear: Path, folder: Path) -> None:
    sound = await transcoder.convert(CLIPS / clip, folder)
    assert sound.duration_ms == 3000
    halves = decoded(sound.file, ear)[: RATE * 5 // 2], decoded(sound.file, ear)[RATE * 3 // 2 :]
    assert min(map(rms, halves)) > 500, "speech to the end, not silence laid over lost frames"


@pytest.mark.parametrize("clip", ["video.webm", "video.mp4"])
async def test_the_sound_of_a_video(clip: str, transcoder: FfmpegTranscoder, folder: Path) -> None:
    sound = await transcoder.convert(CLIPS / clip, folder)
    assert sound.duration_ms == pytest.approx(2000, abs=100)


async def test_pauses_stay_as_long_as_they_were(transcoder: FfmpegTranscoder, ear: Path, folder: Path) -> None:
    data = (CLIPS / "dtx_nb.amr").read_bytes()
    sound = await transcoder.convert(CLIPS / "dtx_nb.amr", folder)
    frames, at = 0, len(NB)
    while at < len(data):
        at += {7: 32, 8: 6, 15: 1}[data[at] >> 3 & 15]
        frames += 1
    assert sound.duration_ms == frames * 20
    assert seconds_of(sound, ear) == pytest.approx(frames / 50, abs=0.1)
    # "Hello" twice: loud at both ends, quiet between.
    third = WAVEFORM_BARS // 3
    assert max(sound.waveform[:third]) > 50
    assert max(sound.waveform[-third:]) > 50
    assert min(sound.waveform[third:-third]) < 5


@pytest.mark.parametrize(("clip", "secret"), [("hello.m4a", b"+51.4769"), ("hello.mp3", b"A tester")])
async def test_nothing_but_sound_comes_out(
    clip: str, secret: bytes, transcoder: FfmpegTranscoder, folder: Path
) -> None:
    assert secret in (CLIPS / clip).read_bytes()
    mp3 = (await transcoder.convert(CLIPS / clip, folder)).file.read_bytes()
    assert check_our_mp3(mp3) is not None, "every byte belongs to a frame: no tag, no cover, no location"
    assert not any(mark in mp3 for mark in (secret, b"Hello", b"ID3", b"TAG", b"Lavf", b"Lavc", b"Xing", b"Info"))


@pytest.mark.parametrize("peak_dbfs", [-6, -40])
@pytest.mark.parametrize("kind", ["speech", "tone"])
async def test_any_level_comes_out_alike(
    kind: str, peak_dbfs: float, transcoder: FfmpegTranscoder, ear: Path, folder: Path
) -> None:
    sound = speech() if kind == "speech" else tone(2)
    original = write_wav(folder.parent / "original", at_peak(sound, peak_dbfs))
    converted = await transcoder.convert(original, folder)
    loudness, true_peak = loudness_and_true_peak(converted.file, ear)
    assert loudness == pytest.approx(-18, abs=2)
    assert true_peak <= -1.5


async def test_bangs_stay_under_the_ceiling(transcoder: FfmpegTranscoder, ear: Path, folder: Path) -> None:
    """Bursts of white noise over a whisper: the worst there is between samples, and for the encoder."""
    burst, whisper = noise(0.025, 1.0), noise(0.475, 0.03)
    original = write_wav(folder.parent / "original", (burst + whisper) * 6)
    converted = await transcoder.convert(original, folder)
    assert loudness_and_true_peak(converted.file, ear)[1] <= -1.5


async def test_nothing_pumps(transcoder: FfmpegTranscoder, ear: Path, folder: Path) -> None:
    words = at_peak(speech(), -12)
    room = noise(3, 10 ** (-50 / 20))
    original = write_wav(folder.parent / "original", words + room + words)
    heard = decoded((await transcoder.convert(original, folder)).file, ear)
    start, end = len(words) + RATE // 4, len(words) + len(room) - RATE // 4
    delay = 529
    before = rms(words) / rms(room)
    after = rms(heard[delay : delay + len(words)]) / rms(heard[start:end])
    assert 0.89 <= after / before <= 1.12, "within 1 dB"


async def test_the_first_and_the_last_word_are_whole(transcoder: FfmpegTranscoder, ear: Path, folder: Path) -> None:
    """A tone from the first sample to the last, with nothing around it, keeps its energy at both ends."""
    original = write_wav(folder.parent / "original", tone(1.0, 0.3))
    heard = decoded((await transcoder.convert(original, folder)).file, ear)
    delay, tenth = 529, RATE // 10
    middle = rms(heard[RATE // 2 : RATE // 2 + tenth])
    assert rms(heard[delay : delay + tenth]) == pytest.approx(middle, rel=0.1)
    assert rms(heard[delay + RATE - tenth : delay + RATE]) == pytest.approx(middle, rel=0.1)
    assert rms(heard[delay + RATE + 600 :]) < middle / 10


@pytest.mark.parametrize("quiet", [False, True], ids=["limited", "not limited"])
async def test_the_limiter_moves_nothing(quiet: bool, transcoder: FfmpegTranscoder, ear: Path, folder: Path) -> None:
    """A click in a tone is heard where it was, to the millisecond, with a limiter in the way and without."""
    sound = tone(1.0, 0.05)
    sound[RATE // 2 : RATE // 2 + 8] = array.array("h", [3000 if quiet else 32000, -3000 if quiet else -32000] * 4)
    converted = await transcoder.convert(write_wav(folder.parent / "original", sound), folder)
    heard = decoded(converted.file, ear)
    loudest = max(range(len(heard)), key=lambda i: abs(heard[i]))
    assert loudest - 529 == pytest.approx(RATE // 2 + 4, abs=RATE // 500)


@pytest.mark.parametrize("seconds", [0.02, 0.08, 0.16, 0.3])
async def test_a_tap_is_taken_as_it_is(seconds: float, transcoder: FfmpegTranscoder, ear: Path, folder: Path) -> None:
    converted = await transcoder.convert(write_wav(folder.parent / "original", tone(seconds)), folder)
    assert converted.duration_ms == round(seconds * 1000)
    assert 0 <= seconds_of(converted, ear) - seconds <= 0.1


async def test_silence_is_a_message_too(transcoder: FfmpegTranscoder, folder: Path) -> None:
    silence = array.array("h", bytes(RATE * 2))
    converted = await transcoder.convert(write_wav(folder.parent / "original", silence), folder)
    assert converted.duration_ms == 1000
    assert converted.waveform == (0,) * WAVEFORM_BARS


HELLO = (CLIPS / "hello_nb.amr").read_bytes()
FRAMES = (len(HELLO) - len(NB)) // 32


@pytest.mark.parametrize(
    ("data", "frames"),
    [
        (HELLO[:-10], FRAMES - 1),
        (HELLO + HELLO, 2 * FRAMES),
        (HELLO[len(NB) :], FRAMES),
        (b"#!AMR-WB\n" + HELLO[len(NB) :], FRAMES),
        (HELLO + b"\xff\xd8 trailing rubbish", FRAMES),
        (HELLO[: len(NB)] + bytes([15 << 3 | 4]) * 50 + HELLO[len(NB) :], FRAMES + 50),
        (HELLO.replace(b"\x3c", b"\x38", 1), FRAMES),
    ],
    ids=["cut short", "joined", "no magic", "wrong magic", "rubbish behind", "pause in front", "a frame marked bad"],
)
async def test_damaged_amr_keeps_its_true_length(
    data: bytes, frames: int, transcoder: FfmpegTranscoder, ear: Path, folder: Path
) -> None:
    sound = await convert_bytes(transcoder, data, folder)
    assert sound.duration_ms == frames * 20
    assert seconds_of(sound, ear) == pytest.approx(frames / 50, abs=0.1)


@pytest.mark.parametrize(
    "data",
    [
        (CLIPS / "hello.wav").read_bytes()[:44],
        (CLIPS / "hello.ogg").read_bytes()[:120],
        (CLIPS / "hello.m4a").read_bytes()[:300],
        b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0" + bytes(16),
        (CLIPS / "hello.m4a").read_bytes().replace(b"mp4a", b"alac"),
        (CLIPS / "hello.3gp").read_bytes().replace(b"samr", b"sqcp"),
        b"OggS\0" + bytes(300),
    ],
    ids=["wav head", "ogg head", "m4a head", "wav of 0 Hz", "alac", "qcelp", "ogg of zeros"],
)
async def test_what_holds_no_sound_is_refused(data: bytes, transcoder: FfmpegTranscoder, folder: Path) -> None:
    with pytest.raises(BadAudio):
        await convert_bytes(transcoder, data, folder)


async def test_a_truncated_recording_gives_what_there_is(transcoder: FfmpegTranscoder, ear: Path, folder: Path) -> None:
    data = (CLIPS / "hello.ogg").read_bytes()
    sound = await convert_bytes(transcoder, data[: len(data) * 2 // 3], folder)
    assert 1000 < sound.duration_ms < HELLO_SECONDS * 1000
    assert seconds_of(sound, ear) == pytest.approx(sound.duration_ms / 1000, abs=0.1)


async def never(command: Sequence[str], folder: Path, limits: ConversionLimits) -> Outcome:
    """Answers what the tool is asked about itself, and lets nothing else start."""
    if command[-1] in ("-decoders", "-filters"):
        return await run_child(command, folder, limits)
    raise AssertionError(f"a process was started: {command}")


@pytest.mark.parametrize(
    "data",
    [
        b"ffconcat version 1.0\nfile other.amr\n",
        b"#EXTM3U\n#EXTINF:10,\nother.amr\n",
        b"<html>hello</html>",
        b"\x7fELF\2\1\1" + bytes(100),
        b"PK\3\4" + bytes(100),
        b"\x02#!SILK_V3" + bytes(100),
        b"#!AMR_MC1.0\n\xff\xff\xff\xff",
        b"#!AMR\r\n" + HELLO[len(NB) :],
        NB,
        b"",
    ],
)
async def test_strangers_are_refused_before_a_process_starts(data: bytes, any_binary: Path, folder: Path) -> None:
    transcoder = FfmpegTranscoder(str(any_binary), run=never)
    with pytest.raises(BadAudio):
        await convert_bytes(transcoder, data, folder)


async def test_a_no_data_bomb_starts_no_process(any_binary: Path, folder: Path) -> None:
    started = time.process_time()
    with pytest.raises(AudioTooLong):
        await convert_bytes(FfmpegTranscoder(str(any_binary), run=never), NB + b"\x7c" * 1_000_000, folder)
    assert time.process_time() - started < 1


async def test_another_familys_clip_is_out_of_reach(any_binary: Path, folder: Path) -> None:
    """A playlist in a MP4's clothes, with somebody's clip beside it under the names it would look for."""
    for name in ("other.amr", "original.amr"):
        (folder / name).write_bytes(HELLO)
    with pytest.raises(BadAudio):
        await convert_bytes(FfmpegTranscoder(str(any_binary)), b"ffconcat version 1.0\nfile other.amr\n", folder)


async def test_too_long_and_too_large(transcoder: FfmpegTranscoder, binary: Path, folder: Path) -> None:
    short = FfmpegTranscoder(str(binary), ConversionLimits(max_seconds=2))
    for number, clip in enumerate(("hello_nb.amr", "hello.webm", "hello.wav")):
        place = folder / str(number)
        place.mkdir()
        with pytest.raises(AudioTooLong):
            await short.convert(CLIPS / clip, place)
    with pytest.raises(AudioTooLarge):
        await FfmpegTranscoder(str(binary), ConversionLimits(input_bytes=1000)).convert(CLIPS / "hello_nb.amr", folder)


async def test_two_minutes_are_taken_within_the_default_limits(transcoder: FfmpegTranscoder, folder: Path) -> None:
    frames = HELLO[len(NB) :]
    sound = await convert_bytes(transcoder, NB + (frames * 36)[: 6000 * 32], folder)
    assert sound.duration_ms == 120_000


# ── songs and stories: longer than any voice message ──

LONG_SECONDS = 1200
LONG = ConversionLimits(max_seconds=LONG_SECONDS, deadline_seconds=60, output_bytes=pcm_bytes(LONG_SECONDS))
AAC = (CLIPS / "hello.aac").read_bytes()


async def test_twenty_minutes_of_music(any_binary: Path, folder: Path) -> None:
    told: list[float] = []
    original = folder.parent / "original"
    original.write_bytes(AAC * 340)
    sound = await FfmpegTranscoder(str(any_binary), LONG).convert(original, folder, told.append)
    assert sound.duration_ms / 1000 == pytest.approx(340 * HELLO_SECONDS, rel=0.02)
    assert (len(sound.waveform), max(sound.waveform)) == (WAVEFORM_BARS, 100)
    assert told == sorted(told)
    assert (0 < told[0] < 1, told[-1]) == (True, 1.0)


async def test_a_little_more_is_too_long(any_binary: Path, folder: Path) -> None:
    original = folder.parent / "original"
    original.write_bytes(AAC * 352)
    with pytest.raises(AudioTooLong):
        await FfmpegTranscoder(str(any_binary), LONG).convert(original, folder)


def test_an_hour_is_measured_in_little_memory(folder: Path) -> None:
    hour = ConversionLimits(max_seconds=3600)
    for name in (SOUND, WEIGHTED):
        with (folder / name).open("wb") as pcm:
            pcm.truncate(3600 * RATE * 2)  # 115 MB, of which the disk has none
    tracemalloc.start()
    try:
        measured = listen(Prepared(SOURCES[Content.MP3]), folder, hour)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert measured is not None
    assert measured.seconds == 3600
    assert most < 16 << 20


@pytest.mark.parametrize("clip", [*SPEECH_CLIPS, "hello.3gp", "hello.wav", "hello.mp3"])
async def test_whoever_wants_to_know_is_told_how_far_it_is(
    clip: str, transcoder: FfmpegTranscoder, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LOOK_SECONDS", 0.001)
    told: list[float] = []
    await transcoder.convert(CLIPS / clip, folder, told.append)
    assert told == sorted(told)
    assert all(0 <= part <= 1 for part in told)
    assert {progress.DECODED, 1.0} <= set(told)


async def test_a_file_of_unknown_length_is_converted_all_the_same(any_binary: Path, folder: Path) -> None:
    """A browser's recorder writes no length: then nothing is told until it is decoded."""
    told: list[float] = []
    sound = await FfmpegTranscoder(str(any_binary)).convert(CLIPS / "hello.webm", folder, told.append)
    assert sound.duration_ms > 3000
    assert told[0] == progress.DECODED


@pytest.mark.parametrize(
    "name", ["concat:a.amr|b.amr", "-version", "%d.amr", "http:evil.m3u8", "a\n b.sdp", "|cat", "'"]
)
async def test_the_name_of_a_file_says_nothing(name: str, any_binary: Path, folder: Path) -> None:
    original = folder.parent / name
    original.write_bytes((CLIPS / "hello.m4a").read_bytes())
    sound = await FfmpegTranscoder(str(any_binary)).convert(original, folder)
    assert sound.duration_ms / 1000 == pytest.approx(HELLO_SECONDS, abs=0.1)


async def test_every_byte_is_written_inside_the_folder(transcoder: FfmpegTranscoder, folder: Path) -> None:
    before = {path for path in folder.parent.rglob("*") if folder not in path.parents}
    await transcoder.convert(CLIPS / "hello_packed.3gp", folder)
    assert {path for path in folder.parent.rglob("*") if folder not in path.parents} == before


async def test_a_second_try_in_the_same_folder_starts_afresh(any_binary: Path, folder: Path) -> None:
    transcoder = FfmpegTranscoder(str(any_binary))
    await transcoder.convert(CLIPS / "hello.webm", folder)
    with pytest.raises(BadAudio):
        await convert_bytes(transcoder, (CLIPS / "hello.wav").read_bytes()[:44], folder)
    assert (await transcoder.convert(CLIPS / "hello.3gp", folder)).duration_ms == 3000


async def test_clips_at_the_same_time_do_not_meet(any_binary: Path, folder: Path) -> None:
    transcoder = FfmpegTranscoder(str(any_binary))
    clips = ["hello_nb.amr", "dtx_nb.amr", "story_nb.amr"] * 4
    places = [folder / str(number) for number in range(len(clips))]
    for place in places:
        place.mkdir()
    sounds = await asyncio.gather(
        *(transcoder.convert(CLIPS / clip, place) for clip, place in zip(clips, places, strict=True))
    )
    for clip in set(clips):
        made = [sound.file.read_bytes() for sound, name in zip(sounds, clips, strict=True) if name == clip]
        assert len(set(made)) == 1


async def test_the_event_loop_never_waits(any_binary: Path, folder: Path) -> None:
    transcoder = FfmpegTranscoder(str(any_binary))
    with blockbuster_ctx():
        await transcoder.check()
        await transcoder.convert(CLIPS / "hello.3gp", folder)
        with pytest.raises(BadAudio):
            await transcoder.convert(CLIPS / "README.md", folder)


async def test_what_is_run_can_be_recorded(any_binary: Path, folder: Path) -> None:
    seen: list[list[str]] = []

    async def recording(command: Sequence[str], place: Path, limits: ConversionLimits) -> Outcome:
        seen.append(list(command))
        return await run_child(command, place, limits)

    await FfmpegTranscoder(str(any_binary), run=recording).convert(CLIPS / "hello.3gp", folder)
    assert [command[-1] for command in seen] == [
        "-decoders",
        "-filters",
        "file:track.amr",
        "file:weighted.pcm",
        "file:encoded.mp3",
    ]


async def test_the_memory_that_a_child_needs_is_no_chance(binary: Path, folder: Path) -> None:
    little = ConversionLimits(memory_bytes=400 << 20)
    for attempt in range(3):
        place = folder / str(attempt)
        place.mkdir()
        sound = await FfmpegTranscoder(str(binary), little).convert(CLIPS / "story_nb.amr", place)
        assert sound.duration_ms > 11_000
