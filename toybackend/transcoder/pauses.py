"""Puts the pauses of AMR recordings back where ffmpeg's own decoders leave them out.

A phone that hears nothing sends no speech frames (DTX). ffmpeg's own AMR decoders skip what it sends instead,
so a message of 20 s shrinks to 15 and its words run together. Where the opencore decoders are missing,
only the speech frames are decoded, which every version does alike, and silence is laid between them here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from toybackend.transcoder.amr import FRAMES_PER_SECOND
from toybackend.transcoder.loudness import RATE, SAMPLE_BYTES

FRAME_BYTES = RATE // FRAMES_PER_SECOND * SAMPLE_BYTES
#: What resampling may add or take at the very end of a clip: a quarter of a frame.
_TOLERANCE_BYTES = FRAME_BYTES // 4
_SILENCE = bytes(FRAME_BYTES)


def is_complete(pcm_bytes: int, frames: int) -> bool:
    """True where as much sound came out as frames went in.

    Asked before any silence is laid in: filling must never hide that speech was lost.
    """
    return abs(pcm_bytes - frames * FRAME_BYTES) <= _TOLERANCE_BYTES


def lay_in_pauses(speech: BinaryIO, is_speech: Sequence[bool], whole: BinaryIO) -> None:
    """PCM of the speech frames alone → PCM of the whole recording, exactly 20 ms per frame."""
    for speaks in is_speech:
        whole.write(speech.read(FRAME_BYTES).ljust(FRAME_BYTES, b"\0") if speaks else _SILENCE)
