"""Walks the boxes of an MP4, 3GP or QuickTime file (ISO/IEC 14496-12) just far enough to name its sound.

    moov ─ trak ─ mdia ┬ hdlr                handler type: `soun` for sound
                       └ minf ─ stbl ─ stsd  sample description: its first entry's name is the codec

Needed before ffmpeg starts: AMR inside 3GP must first be copied out as it is (several frames in one packet are
silently lost otherwise), and a codec that is not on our list is refused without a process. The file is a
stranger's: sizes are checked against the parent, the depth is fixed by the path, and boxes are counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from toybackend.errors import BadAudio
from toybackend.transcoder.original import Data

#: More boxes than any recorder writes beside one another, few enough to walk in a millisecond.
MAX_BOXES = 4096

_HEADER = 8
_LONG_HEADER = 16


@dataclass(frozen=True, slots=True)
class Box:
    """One box: its four-letter type and where its body lies in the file."""

    type: bytes
    start: int
    end: int


def boxes(data: Data, start: int, end: int) -> Iterator[Box]:
    """The boxes between two offsets, in order. Ends, without an error, at the first one that does not fit."""
    for _ in range(MAX_BOXES):
        if start + _HEADER > end:
            return
        size, header = int.from_bytes(data[start : start + 4], "big"), _HEADER
        if size == 1:  # the true size follows in 64 bits
            size, header = int.from_bytes(data[start + 8 : start + 16], "big"), _LONG_HEADER
        elif size == 0:  # the box runs to the end of the file
            size = end - start
        if size < header or start + size > end:
            return
        yield Box(data[start + 4 : start + 8], start + header, start + size)
        start += size


def sound_codec(data: Data) -> bytes:
    """Four-letter name of the codec of the first sound track: `samr`, `mp4a` … the one ffmpeg calls `0:a:0`.

    Raises BadAudio where the index (`moov`) is missing or cut off, or lists no sound.
    """
    moov = _first(data, Box(b"", 0, len(data)), b"moov")
    if moov is None:
        raise BadAudio("this recording is cut off: its index is missing")
    for track in boxes(data, moov.start, moov.end):
        codec = _codec_of(data, track) if track.type == b"trak" else None
        if codec is not None:
            return codec
    raise BadAudio("there is no sound track in this file")


def _codec_of(data: Data, track: Box) -> bytes | None:
    """Codec of a track if it is a sound track with a sample description."""
    media = _first(data, track, b"mdia")
    handler = _first(data, media, b"hdlr")
    if handler is None or data[handler.start + 8 : handler.start + 12] != b"soun":
        return None
    description = _first(data, _first(data, _first(data, media, b"minf"), b"stbl"), b"stsd")
    if description is None:
        return None
    # A full box: version and flags (4 bytes), number of entries (4 bytes), then the entries, boxes themselves.
    entry = next(boxes(data, description.start + 8, description.end), None)
    return entry.type if entry else None


def _first(data: Data, parent: Box | None, wanted: bytes) -> Box | None:
    if parent is None:
        return None
    return next((box for box in boxes(data, parent.start, parent.end) if box.type == wanted), None)
