"""Any sound in, one kind of MP3 out, and whose fault it is when there is none.

    sniff ─► (extract AMR from 3GP) ─► decode ─► measure ─► encode ─► check          see job.py

Two short ffmpeg processes with the PCM between them, rather than one: the gain must be known before the encoder
starts, and one gain computed from the whole clip is what keeps it from pumping. With our build both together,
levelled and limited, take about 1.5 times the CPU of one process that only decodes and encodes.

Whose fault: a hang, a crash or exit 0 without a sound may come from the clip or from a sick tool (an upgrade
that lost a decoder, a full disk). The answer decides whether a message is lost, so it is asked, not guessed:
a clip known to be good, shipped with us, goes the same way. If that comes out, the clip is bad; if not,
the tool is, and the message waits. A good answer counts for all clips that failed before it was asked for, so that
a flood of bad clips shares one, and for none that fails later; and the clip gets a second try after it, for what it
failed of may have passed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from toybackend.errors import BadAudio, ConverterUnavailable, Refused, ToybackendError
from toybackend.models import Sound
from toybackend.ports import Progress
from toybackend.transcoder.child import Runner, run_child
from toybackend.transcoder.ffmpeg import Ffmpeg, examine, find_ffmpeg
from toybackend.transcoder.job import Doubtful, Job
from toybackend.transcoder.limits import ConversionLimits

log = logging.getLogger(__name__)

KNOWN_GOOD = Path(__file__).with_name("known_good.amr")
"""One second of synthetic speech, AMR-NB 12.2 kbit/s."""
KNOWN_GOOD_MS = 1000

ROOM = 2
"""Of the largest files that a child may write: what must be free before a clip is called bad."""

_PROBE_DEADLINE_SECONDS = 5.0
"""The known-good clip takes a few milliseconds; a tool that needs longer than this is sick."""


class FfmpegTranscoder:
    """Converts clips with ffmpeg. Opens nothing until it is used, and looks for its tool again after a failure.

    `setting` names a program, or is None to look for one (see `find_ffmpeg`). `run` starts the child processes:
    a wrapper around `run_child` sees every argument list of a conversion.
    """

    def __init__(
        self, setting: str | None = None, limits: ConversionLimits | None = None, *, run: Runner = run_child
    ) -> None:
        self._setting = setting
        self._limits = limits or ConversionLimits()
        self._run = run
        self._ffmpeg: Ffmpeg | None = None
        self._probing = asyncio.Lock()
        self._well_at = float("-inf")
        """When the known-good clip was last sent through that came out well."""

    async def convert(self, original: Path, folder: Path, progress: Progress | None = None) -> Sound:
        """The original as MP3, inside `folder`: this clip's own, empty; its owner deletes it, whatever happened.
        Where somebody wants to see how it goes, a second try begins at 0 again.

        Raises BadAudio (nothing to play; the message says why), AudioTooLong, AudioTooLarge, and
        ConverterUnavailable where the clip may be fine and the tool, or the machine under it, is not.
        """
        try:
            return await self._convert(original, folder, progress)
        except OSError as error:
            # No file, process, memory or room on the disk: never the clip's fault.
            raise ConverterUnavailable(f"this machine cannot convert now: {error.strerror or error}") from error

    async def check(self) -> str:
        """Converts the known-good clip. Returns version, origin and path; raises ConverterUnavailable."""
        self._ffmpeg = None
        try:
            place = await asyncio.to_thread(tempfile.TemporaryDirectory, prefix="toybackend-check-")
            try:
                await self._require_well(Path(place.name), since=time.monotonic())
                return str(await self._tool(Path(place.name)))
            finally:
                await asyncio.to_thread(place.cleanup)
        except OSError as error:
            raise ConverterUnavailable(f"this machine cannot convert now: {error}") from error

    async def _convert(self, original: Path, folder: Path, progress: Progress | None) -> Sound:
        try:
            return await self._attempt(original, folder, progress)
        except Doubtful:
            await self._require_well(folder, since=time.monotonic())
        # The tool is well now, but was it when the clip failed? Memory and room on the disk come and go.
        await asyncio.to_thread(self._check_room, folder)
        try:
            return await self._attempt(original, folder, progress)
        except Doubtful as doubt:
            await asyncio.to_thread(self._check_room, folder)
            if doubt.sound is not None:
                return doubt.sound
            raise BadAudio from doubt

    async def _attempt(self, original: Path, folder: Path, progress: Progress | None) -> Sound:
        job = Job(await self._tool(folder), self._run, folder, self._limits, progress)
        try:
            return await job.convert(original)
        except (Doubtful, ToybackendError, OSError, MemoryError):
            raise
        except Exception as mistake:
            # Ours, and it would be made again and again: as with the tool, the known-good clip says what it is about.
            log.exception("a mistake of ours over a clip")
            raise Doubtful(f"a {type(mistake).__name__} of ours") from mistake

    def _check_room(self, folder: Path) -> None:
        """On a disk that is nearly full a tool fails of a long clip and not of the known-good one, and has no room to
        say why. Raises ConverterUnavailable."""
        found = os.statvfs(folder)
        if found.f_bavail * found.f_frsize < ROOM * self._limits.output_bytes:
            raise ConverterUnavailable("the disk has too little room to convert")

    async def _tool(self, folder: Path) -> Ffmpeg:
        """The tool, looked for and examined on first use, and again after it was found sick."""
        if self._ffmpeg is None:
            found = await asyncio.to_thread(find_ffmpeg, self._setting)
            self._ffmpeg = await examine(found, self._run, folder, self._probe_limits())
        return self._ffmpeg

    def _probe_limits(self) -> ConversionLimits:
        return replace(self._limits, deadline_seconds=min(_PROBE_DEADLINE_SECONDS, self._limits.deadline_seconds))

    async def _require_well(self, folder: Path, *, since: float) -> None:
        """Converts the known-good clip, unless it came out well after `since` already; raises ConverterUnavailable
        if it fails.

        It works inside the clip's folder, so that a full disk is met there too.
        """
        async with self._probing:
            if self._well_at >= since:
                return
            asked_at = time.monotonic()
            try:
                await self._convert_known_good(folder)
            except (Doubtful, Refused) as error:
                self._ffmpeg = None
                raise ConverterUnavailable(f"ffmpeg fails on a clip known to be good: {error}") from error
            self._well_at = asked_at

    async def _convert_known_good(self, folder: Path) -> None:
        """Raises Doubtful unless exactly the known second of sound comes out, without a complaint."""
        place = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="known-good-", dir=folder))
        job = Job(await self._tool(place), self._run, place, self._probe_limits())
        sound = await job.convert(KNOWN_GOOD)
        if sound.duration_ms != KNOWN_GOOD_MS or not any(sound.waveform):
            raise Doubtful(f"it made {sound.duration_ms} ms of sound")
