"""Recordings of any length, and what becomes of recordings."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from toybackend.models import Sound
from toybackend.transcoder import FfmpegTranscoder

AMR_MAGIC = b"#!AMR\n"
AMR_FRAME = 32
"""Bytes of a frame at 12.2 kbit/s; it lasts 20 ms."""
FRAMES_PER_SECOND = 50


def joined(clip: Path, seconds: float) -> bytes:
    """The frames of this AMR recording (narrow-band, 12.2 kbit/s throughout), again and again, for so long."""
    frames = clip.read_bytes().removeprefix(AMR_MAGIC)
    wanted = int(seconds * FRAMES_PER_SECOND) * AMR_FRAME
    return AMR_MAGIC + (frames * (wanted // len(frames) + 1))[:wanted]


async def converted(blob: bytes) -> tuple[int, bytes]:
    """What a toy hears of it: milliseconds, and the MP3."""
    with tempfile.TemporaryDirectory() as folder:
        source, place = Path(folder) / "source", Path(folder) / "place"
        await asyncio.to_thread(place.mkdir)
        await asyncio.to_thread(source.write_bytes, blob)
        sound: Sound = await FfmpegTranscoder().convert(source, place)
        return sound.duration_ms, await asyncio.to_thread(sound.file.read_bytes)
