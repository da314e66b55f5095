"""What must be true of a conversion: of its answer, of the folder it worked in, and of the children it started."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from toybackend.errors import AudioTooLarge, AudioTooLong, BadAudio
from toybackend.models import WAVEFORM_BARS, Sound
from toybackend.transcoder import ConversionLimits, Outcome, run_child
from toybackend.transcoder.amr import read_amr
from toybackend.transcoder.arguments import ENCODED, ORIGINAL, SOUND, SPEECH, TRACK, WEIGHTED
from toybackend.transcoder.child import LOG
from toybackend.transcoder.conversion import CODEC_PADDING_SECONDS, MP3, MP3_TOLERANCE_SECONDS
from toybackend.transcoder.loudness import RATE
from toybackend.transcoder.mpeg_audio import check_our_mp3
from toybackend.transcoder.sniffing import Content, sniff

KINDS = (BadAudio, AudioTooLong, AudioTooLarge)
"""How a recording may be refused."""
FILES = frozenset({ORIGINAL, TRACK, SPEECH, SOUND, WEIGHTED, ENCODED, MP3, LOG})
GRACE_SECONDS = 5.0
"""How late a busy machine may be in ending a child."""
LOOK_SECONDS = 0.25


def faults_of_sound(sound: Sound, data: bytes, folder: Path, limits: ConversionLimits) -> Iterator[str]:
    """What is wrong with what came out of these bytes."""
    checked = check_our_mp3(sound.file.read_bytes())
    if checked is None:
        yield "the MP3 is not all frames of ours"
        return
    longer = checked.samples / RATE - sound.duration_ms / 1000
    if not -0.001 <= longer <= MP3_TOLERANCE_SECONDS + 0.001:
        yield f"the MP3 is {longer:.3f} s longer than it says"
    if not 0 < sound.duration_ms <= (limits.max_seconds + CODEC_PADDING_SECONDS) * 1000:
        yield f"it says it lasts {sound.duration_ms} ms"
    if sniff(data) is Content.AMR and sound.duration_ms != round(read_amr(data, limits.max_seconds).seconds * 1000):
        yield f"it lasts {sound.duration_ms} ms, which is not 20 ms for every frame"
    if len(sound.waveform) != WAVEFORM_BARS or not all(0 <= bar <= 100 for bar in sound.waveform):
        yield "the waveform is none"
    if sound.file != folder / MP3:
        yield "the MP3 is somewhere else"


def faults_of_folder(folder: Path, limits: ConversionLimits) -> Iterator[str]:
    """What is in the folder of a clip and should not be: other files, or more than a child may write."""
    for path in folder.rglob("*"):
        if path.is_dir():
            if not path.name.startswith("known-good-"):
                yield f"a folder {path.name} was left"
        elif path.name not in FILES:
            yield f"a file {path.name} was left"
        elif path.name != ORIGINAL and path.stat().st_size > limits.output_bytes:
            yield f"{path.name} has {path.stat().st_size} bytes"


# ── children ──


@dataclass(slots=True)
class Children:
    """Runs children as the transcoder does, counts how they end, and watches that none outlives its deadline."""

    limits: ConversionLimits
    ends: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    """Seconds of wall time."""
    faults: list[str] = field(default_factory=list)
    _sessions: dict[int, float] = field(default_factory=dict)
    """When each session of a child was first seen."""
    _others: frozenset[int] = frozenset()
    """Sessions of whoever was here before."""

    async def run(self, command: Sequence[str], folder: Path, limits: ConversionLimits) -> Outcome:
        """A `Runner`."""
        started = time.monotonic()
        outcome = await run_child(command, folder, limits)
        seconds = time.monotonic() - started
        self.slowest = max(self.slowest, seconds)
        self.ends[_end(outcome)] += 1
        if seconds > limits.deadline_seconds + GRACE_SECONDS:
            self.faults.append(f"a child took {seconds:.1f} s")
        if len(outcome.log_tail) > 4096:
            self.faults.append(f"{len(outcome.log_tail)} characters of log were read")
        return outcome

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """While the context is open, look at all processes; at its end none of ours may be left."""
        others = (one.session for one in processes() if one.parent == os.getpid())
        self._others = frozenset([os.getsid(0), *others])  # a child that has just begun is in our own for a moment
        watching = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching
            self.faults += [f"process {one.id} is left" for one in self._ours()]

    def _ours(self) -> list[Process]:
        """A child leads a session of its own: whatever it might start belongs to it too."""
        return [
            one
            for one in processes()
            if one.session in self._sessions or (one.parent == os.getpid() and one.session not in self._others)
        ]

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self._look(time.monotonic())

    def _look(self, now: float) -> None:
        alive = self._ours()
        self._sessions = {one.session: self._sessions.get(one.session, now) for one in alive}
        for one in alive:
            if now - self._sessions[one.session] > self.limits.deadline_seconds + GRACE_SECONDS:
                self._sessions[one.session] = math.inf  # said once
                self.faults.append(f"process {one.id} outlives its deadline")


def _end(outcome: Outcome) -> str:
    if outcome.timed_out:
        return "timed out"
    return "killed" if outcome.status < 0 else "ended with 0" if outcome.status == 0 else "ended with a complaint"


@dataclass(frozen=True, slots=True)
class Process:
    """One line of /proc."""

    id: int
    parent: int
    session: int


def processes() -> Iterator[Process]:
    """All that run on this machine."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
        yield Process(int(path.parent.name), parent=int(fields[1]), session=int(fields[3]))


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))
