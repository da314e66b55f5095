"""Every hostile file of `tests/transcoder/hostile.py` through every ffmpeg there is: our build, the wheel's, the one on
PATH. Each must be refused for a reason of its own, or come out as sound with nothing beside it; must cost little CPU,
memory, time and disk; and must leave nothing behind. Goal: no fault.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import shutil
import sys
import tempfile
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.server import CLIPS
from tests.transcoder import hostile
from toybackend.errors import Refused
from toybackend.models import Sound
from toybackend.transcoder import ConversionLimits, FoundFfmpeg, Outcome, run_child
from toybackend.transcoder.arguments import ENCODED, ORIGINAL, SOUND, SPEECH, TRACK, WEIGHTED
from toybackend.transcoder.child import LOG
from toybackend.transcoder.conversion import CODEC_PADDING_SECONDS, MP3, MP3_TOLERANCE_SECONDS
from toybackend.transcoder.ffmpeg import Ffmpeg, _from_path, _from_wheel, _our_build, examine
from toybackend.transcoder.job import Doubtful, Job
from toybackend.transcoder.loudness import RATE
from toybackend.transcoder.mpeg_audio import check_our_mp3

LIMITS = ConversionLimits()
FILES = {ORIGINAL, TRACK, SPEECH, SOUND, WEIGHTED, ENCODED, MP3, LOG}
OUR_MEMORY = 16 << 20
"""What of one file may be in the server's own memory at once, whatever it claims."""
CHILD_CPU_SECONDS = 5.0
TOLERANCE_MS = 60

TOO_LONG = {
    "AMR of nothing but pauses",
    "AMR-WB of nothing but pauses",
    "bare AMR, then pauses",
    "FLAC of one value for a day",
    "Opus of pauses for two minutes and more",
}
HEARD = {
    "MP4 whose sound is at an address": 1000,
    "Matroska that goes on in another file": 1000,
    "FLAC of one value in 8 channels, 655,350 Hz": 3000,
    "WAV that claims 4 GiB": 1000,
    "FLAC of 655,350 Hz": 200,
    "Matroska of a thousand million seconds": 1000,
    "Matroska of 10³⁰⁰ seconds": 1000,
    "Matroska of 10³⁰⁰ Hz": 2000,
    "MP4 of no Hz": 1000,
    "MP4 of 65,535 bits": 1000,
    "MP3 that says it has 2³² frames": 3500,
    "MP4, edits of 2³² - 1 samples": 2000,
    "MP4, 2³² - 1 samples of one size": 1000,
    "MP4, two million sizes": 1000,
    "MP4, a time of 2³² - 1 for 2³² - 1 samples": 1000,
    "MP4, two hundred thousand times": 1000,
    "MP4, 65,535 fragments": 1000,
    "Matroska, elements in elements": 1000,
    "Matroska, a tag of 2⁵⁰ bytes": 1000,
    "Matroska, twenty thousand blocks": 1250,
    "Ogg, two thousand links": 27_000,
    "ID3, a hundred thousand frames": 3450,
    "WAV, a hundred thousand chunks": 1000,
    "ID3, frames that unpack a thousandfold": 3450,
    "WAV with tags": 1000,
    "CAF with tags": 1000,
    "MP3 with tags": 3450,
    "ADTS with tags": 3483,
    "MP4 with tags": 1000,
    "Matroska with tags": 1000,
    "Opus with tags": 994,
    "FLAC with tags": 4096,
}
"""In these the sound is as good as any; how many milliseconds of it there are."""
EITHER = {
    "WAV of one sample a second",
    "MP4, 2³⁰ chunks claimed",
    "MP4, a million chunks",
    "Matroska, two thousand tracks",
    "Matroska, blocks that unpack a thousandfold",
    "MP4, an index that unpacks a thousandfold",
    "MP3 with a cover of 30 MB",
    "M4A with a cover of 30 MB",
    "FLAC with two covers of 15 MB",
    "Matroska with a cover of 30 MB",
}
"""One ffmpeg reads these, where another refuses, or runs out of the memory that it may have."""
SHARE_OF_A_FRAME = 20
"""Milliseconds. An AMR magic and a text behind it: the first letters may pass for one frame."""


@dataclass(slots=True)
class Judged:
    """What came of one file with one ffmpeg, in one try. Whose fault a failure is, and the second try, are tested
    elsewhere."""

    name: str
    answer: str = ""
    """Code of the refusal, or `heard`."""
    milliseconds: int = 0
    cpu_seconds: float = 0.0
    """Of all children together."""
    children: int = 0
    complaints: list[str] = field(default_factory=list)
    """What children said that did not end well."""
    faults: list[str] = field(default_factory=list)

    async def run(self, command: Sequence[str], folder: Path, limits: ConversionLimits) -> Outcome:
        """A child, which must end by itself and after little work."""
        before = _cpu_of_children()
        outcome = await run_child(command, folder, limits)
        used = _cpu_of_children() - before
        self.cpu_seconds += used
        self.children += 1
        if not outcome.clean:
            self.complaints.append(str(outcome))
        if outcome.timed_out or outcome.status < 0:
            self.faults.append(f"a child was killed: {outcome}")
        if used > CHILD_CPU_SECONDS:
            self.faults.append(f"a child took {used:.1f} s of CPU")
        return outcome


async def judge(name: str, ffmpeg: Ffmpeg, folder: Path) -> Judged:
    """Convert one file in a new folder, which is left there to look at."""
    judged, place, original = Judged(name), folder / "work", folder / "original"
    place.mkdir()
    data, before = hostile.EVERY[name](), _most_of_a_child()
    await asyncio.to_thread(_lay_out, folder, data)
    tracemalloc.start()
    try:
        await _convert(judged, ffmpeg, original, place)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    judged.faults += [*_faults_of_answer(judged), *_faults_of_files(folder, data)]
    if most > OUR_MEMORY:
        judged.faults.append(f"{most} bytes of our own memory were used")
    if _most_of_a_child() > max(before, _most_of_ours(), LIMITS.memory_bytes):
        judged.faults.append("a child had more memory than it may")
    return judged


def _most_of_a_child() -> int:
    """Bytes of memory that the largest child so far had, be it ours or of somebody else in this process."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10


def _most_of_ours() -> int:
    """Bytes of memory that this process had. To the system a child had them too, until it became another program."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def _lay_out(folder: Path, data: bytes) -> None:
    """The original, and beside it what it may be after: another family's clip."""
    (folder / "original").write_bytes(data)
    neighbour = folder / "work" / hostile.NEIGHBOUR
    (folder / "neighbour").mkdir()
    shutil.copy(CLIPS / "hello_nb.amr", neighbour)


async def _convert(judged: Judged, ffmpeg: Ffmpeg, original: Path, place: Path) -> None:
    sound: Sound | None = None
    try:
        sound = await Job(ffmpeg, judged.run, place, LIMITS).convert(original)
    except Doubtful as doubt:
        sound = doubt.sound
        judged.answer = "bad_audio"
    except Refused as refused:
        judged.answer = refused.code
    if sound is not None:
        judged.answer, judged.milliseconds = "heard", sound.duration_ms
        judged.faults += _faults_of_sound(sound)


def _faults_of_sound(sound: Sound) -> Iterator[str]:
    mp3 = sound.file.read_bytes()
    checked = check_our_mp3(mp3)
    if checked is None:
        yield "not every byte of the MP3 belongs to a frame of ours"
        return
    if hostile.SECRET in mp3:
        yield "a tag came out"
    if not 0 <= checked.samples / RATE - sound.duration_ms / 1000 <= MP3_TOLERANCE_SECONDS + 0.001:
        yield f"{sound.duration_ms} ms, and {checked.samples} samples"
    if not 0 < sound.duration_ms <= (LIMITS.max_seconds + CODEC_PADDING_SECONDS) * 1000:
        yield f"it lasts {sound.duration_ms} ms"


def _faults_of_answer(judged: Judged) -> Iterator[str]:
    name, is_heard = judged.name, judged.answer == "heard"
    if name in EITHER:
        return
    if name in hostile.LISTS and is_heard:
        if judged.milliseconds != SHARE_OF_A_FRAME:
            yield f"{judged.milliseconds} ms were heard"
    elif name in HEARD:
        if not is_heard or abs(judged.milliseconds - HEARD[name]) > TOLERANCE_MS:
            wanted, said = f"it should be heard, {HEARD[name]} ms", "; ".join(judged.complaints) or "no complaint"
            yield f"{judged.answer}, {judged.milliseconds} ms; {wanted}; {said}"
    elif judged.answer != ("audio_too_long" if name in TOO_LONG else "bad_audio"):
        yield f"it was answered by {judged.answer}"


def _faults_of_files(folder: Path, data: bytes) -> Iterator[str]:
    if (folder / "original").read_bytes() != data:
        yield "the original was changed"
    if {path.name for path in folder.iterdir()} != {"original", "work", "neighbour"}:
        yield "a file lies outside the folder of the clip"
    for path in (folder / "work").iterdir():
        if path.name not in FILES:
            yield f"{path.name} was left"
        elif path.name != ORIGINAL and path.stat().st_size > LIMITS.output_bytes:
            yield f"{path.name} has {path.stat().st_size} bytes"


def _cpu_of_children() -> float:
    used = os.times()
    return used.children_user + used.children_system


# ── the run ──


async def run(folder: Path, found: FoundFfmpeg) -> list[Judged]:
    """Every file through one ffmpeg."""
    ffmpeg = await examine(found, run_child, folder, LIMITS)
    results = []
    for number, name in enumerate(hostile.EVERY):
        place = folder / str(number)
        place.mkdir()
        results.append(await judge(name, ffmpeg, place))
    return results


def programs() -> list[FoundFfmpeg]:
    """Those of this machine."""
    places = {"our build": _our_build(), "wheel": _from_wheel(), "PATH": _from_path()}
    return [FoundFfmpeg(path, origin) for origin, path in places.items() if path]  # type: ignore[arg-type]


def report(found: FoundFfmpeg, results: Sequence[Judged], seconds: float) -> list[str]:
    """Print what came of it; returns the faults."""
    answers = Counter(one.answer for one in results)
    most = max(results, key=lambda one: one.cpu_seconds)
    faults = [f"{found.origin}: {one.name}: {fault}" for one in results for fault in one.faults]
    counted = "   ".join(f"{answer} {count}" for answer, count in sorted(answers.items()))
    print(f"{found.origin:10} {len(results)} files in {seconds:.0f} s   {counted}   faults {len(faults)}")
    print(f"{'':10} most CPU: {most.cpu_seconds:.2f} s, {most.name}")
    return faults


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    faults: list[str] = []
    for found in programs():
        with tempfile.TemporaryDirectory(prefix="toybackend-bombs-") as folder:
            started = time.monotonic()
            results = asyncio.run(run(Path(folder), found))
            faults += report(found, results, time.monotonic() - started)
    print("\n".join([f"faults {len(faults)}   must be 0", *faults]))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
