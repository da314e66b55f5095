"""Puts the pauses of AMR recordings back where ffmpeg's own decoders leave them out.

A phone that hears nothing sends no speech frames (DTX). ffmpeg's own AMR decoders skip what it sends instead,
so a message of 20 s shrinks to 15 and its words run together. Where the opencore decoders are missing,
only the speech frames are decoded, which every version does alike, and silence is laid between them here.
"""

from __future__ import annotations

from collections.abc import Sequence

from toybackend.transcoder.amr import FRAMES_PER_SECOND, speech_runs
from toybackend.transcoder.loudness import RATE, SAMPLE_BYTES

FRAME_BYTES = RATE // FRAMES_PER_SECOND * SAMPLE_BYTES
#: What resampling may add or take at the very end of a clip: a quarter of a frame.
_TOLERANCE_BYTES = FRAME_BYTES // 4


def is_complete(pcm: bytes, frames: int) -> bool:
    """True where as much sound came out as frames went in.

    Asked before any silence is laid in: filling must never hide that speech was lost.
    """
    return abs(len(pcm) - frames * FRAME_BYTES) <= _TOLERANCE_BYTES


def with_pauses(pcm: bytes, is_speech: Sequence[bool]) -> bytes:
    """PCM of the speech frames alone → PCM of the whole recording, exactly 20 ms per frame."""
    parts: list[bytes] = []
    position = 0
    for speech, count in speech_runs(is_speech):
        size = count * FRAME_BYTES
        if speech:
            parts.append(pcm[position : position + size].ljust(size, b"\0"))
            position += size
        else:
            parts.append(bytes(size))
    return b"".join(parts)
