"""One clip's way through ffmpeg: extract if need be, decode, measure, encode, check."""

from __future__ import annotations

import asyncio
import errno
import os
import re
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from toybackend.models import Sound
from toybackend.ports import Progress
from toybackend.transcoder import arguments, conversion
from toybackend.transcoder.amr import FRAME_SECONDS
from toybackend.transcoder.arguments import ENCODED, SOUND
from toybackend.transcoder.child import Outcome, Runner
from toybackend.transcoder.conversion import Prepared
from toybackend.transcoder.ffmpeg import Ffmpeg
from toybackend.transcoder.limits import ConversionLimits
from toybackend.transcoder.loudness import RATE, SAMPLE_BYTES, Measured, level_filters
from toybackend.transcoder.mpeg_audio import OUR_BYTES_PER_SECOND
from toybackend.transcoder.progress import DECODED, growing, share

_DISK_FULL = os.strerror(errno.ENOSPC)
_LENGTH = re.compile(r"^  Duration: (\d+):(\d\d):(\d\d\.\d+)", re.MULTILINE)


class Doubtful(Exception):
    """Something went wrong, and it is open whether the clip or the tool is at fault."""

    def __init__(self, why: str, sound: Sound | None = None) -> None:
        super().__init__(why)
        self.sound = sound
        """What came out all the same: all that a damaged clip has, or what a full disk left of a good one."""


@dataclass(slots=True)
class Job:
    """One conversion in one folder. Raises Doubtful, and the refusals of `conversion`."""

    ffmpeg: Ffmpeg
    run: Runner
    folder: Path
    limits: ConversionLimits
    progress: Progress | None = None
    complaints: list[str] = field(default_factory=list)
    """What the tool said when it failed and sound came out all the same."""

    async def convert(self, original: Path) -> Sound:
        prepared = await self._prepare(original)
        measured = await self._decode(prepared)
        filters = level_filters(measured, narrow_band=prepared.is_narrow_band)
        async with self._told(DECODED, 1.0, ENCODED, measured.seconds * OUR_BYTES_PER_SECOND):
            outcome = await self._child(arguments.encode_arguments(self.ffmpeg.program, filters))
        mp3 = await asyncio.to_thread(conversion.finish, measured, self.folder)
        if mp3 is None or outcome.status:
            raise Doubtful(f"encoding {outcome}")
        sound = Sound(mp3, round(measured.seconds * 1000), measured.waveform)
        if self.complaints:
            raise Doubtful("; ".join(self.complaints), sound)
        return sound

    async def _prepare(self, original: Path) -> Prepared:
        decoders = self.ffmpeg.decoders
        prepared = await asyncio.to_thread(conversion.prepare, original, self.folder, decoders, self.limits)
        if prepared is not None:
            return prepared
        outcome = await self._child(arguments.extract_amr_arguments(self.ffmpeg.program))
        prepared = await asyncio.to_thread(conversion.prepare_extracted, self.folder, decoders, self.limits)
        if prepared is None:
            raise Doubtful(f"extracting {outcome}")
        self._note(outcome)
        return prepared

    async def _decode(self, prepared: Prepared) -> Measured:
        # One second more than allowed: enough to tell a clip that is too long.
        seconds = self.limits.max_seconds + 1
        ffmpeg = self.ffmpeg
        command = arguments.decode_arguments(ffmpeg.program, prepared.source, seconds, ffmpeg.filters)
        async with self._told(0.0, DECODED, SOUND, await self._length(prepared) * RATE * SAMPLE_BYTES):
            outcome = await self._child(command)
        measured = await asyncio.to_thread(conversion.listen, prepared, self.folder, self.limits)
        if measured is None:
            raise Doubtful(f"decoding {outcome}")
        self._note(outcome)
        return measured

    def _told(self, start: float, end: float, file: str, whole: float) -> AbstractAsyncContextManager[None]:
        """While the context is open, whoever wants to know is told how this file grows."""
        if self.progress is None:
            return nullcontext()
        return growing(self.folder / file, whole, share(self.progress, start, end))

    async def _length(self, prepared: Prepared) -> float:
        """How many seconds the file says it has, for those who are told how it goes; 0 where it does not say.

        It may be wrong: browsers write none, and an MP3's is often a guess. Nothing rests on it but a number that
        people look at."""
        if self.progress is None:
            return 0.0
        if prepared.track is not None:
            return len(prepared.track.frames) * FRAME_SECONDS
        command = arguments.describe_arguments(self.ffmpeg.program, prepared.source)
        # Not by `_child`: this repeats the file's own title, which may well say that the disk is full.
        outcome = _not_killed(await self.run(command, self.folder, self.limits))
        found = _LENGTH.search(outcome.log_tail)
        hours, minutes, seconds = map(float, found.groups()) if found else (0.0, 0.0, 0.0)
        return hours * 3600 + minutes * 60 + seconds

    async def _child(self, command: Sequence[str]) -> Outcome:
        """Runs one command. One that had to be killed has no result, whatever it had written by then."""
        outcome = await self.run(command, self.folder, self.limits)
        if _DISK_FULL in outcome.log_tail:
            raise OSError(errno.ENOSPC, _DISK_FULL)
        return _not_killed(outcome)

    def _note(self, outcome: Outcome) -> None:
        if outcome.status:
            self.complaints.append(str(outcome))


def _not_killed(outcome: Outcome) -> Outcome:
    if outcome.timed_out or outcome.status < 0:
        raise Doubtful(f"ffmpeg {outcome}")
    return outcome
