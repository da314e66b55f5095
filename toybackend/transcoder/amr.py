"""Reads AMR in the storage format of RFC 4867, section 5, frame by frame. No I/O, no child process.

    #!AMR\\n      then NB frames        #!AMR-WB\\n   then WB frames

    frame  = header byte, then speech bits padded to whole bytes; always 20 ms
    header = P FT FT FT FT Q P P        FT frame type, Q good frame, P padding, always 0

Why not let ffmpeg find its own way: its duration of raw AMR is a guess; a megabyte of one-byte NO_DATA frames
is five hours to it; and it stops, or goes on with noise, where a recording is damaged. After this walk the
duration is exact and every frame that ffmpeg is handed is whole.

What is done with damage, and why:
- The last frame cut short: dropped. A phone died while recording; the rest is what the child said.
- A byte that cannot be a header (reserved type, padding set): the walk ends there. The length of a reserved
  frame is unknown, and to hunt for the next header would play noise into a child's ear. RFC 4867 asks
  receivers to ignore padding bits; no encoder sets them, and this is what tells rubbish from frames.
- The magic again where a frame should start: two recordings joined. Read on, the second is speech as well.
- Frames of the other band under the magic: the band that walks to the very end is the true one.
- No speech frame at all (only pauses): refused, there is nothing to hear.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from toybackend.errors import AudioTooLong, BadAudio
from toybackend.transcoder.original import Data

FRAME_SECONDS = 0.02
FRAMES_PER_SECOND = 50

#: Fewest frames that make a headerless file AMR: less is a coincidence.
HEADERLESS_FRAMES = 5
#: What never stands at the start of speech: sixteen letters and signs. A page may begin with what would be a header.
_TEXT = re.compile(rb"[\t\n\r\x20-\x7e]{16}")
#: And so many, two minutes of them, are proof whatever follows: a stranger's millions need not all be walked.
PROOF_FRAMES = 6000
#: More recordings than anybody joins.
MOST_JOINED = 1000

_PADDING_BITS = 0b1000_0011
_GOOD_BIT = 0b0000_0100
_NO_DATA = 15


class Band(Enum):
    """The two codecs: their magic, their sample rate, and bytes per frame (header included) by frame type."""

    NB = (b"#!AMR\n", 8000, {0: 13, 1: 14, 2: 16, 3: 18, 4: 20, 5: 21, 6: 27, 7: 32, 8: 6, 15: 1})
    WB = (b"#!AMR-WB\n", 16000, {0: 18, 1: 24, 2: 33, 3: 37, 4: 41, 5: 47, 6: 51, 7: 59, 8: 61, 9: 6, 14: 1, 15: 1})

    def __init__(self, magic: bytes, sample_rate: int, sizes: dict[int, int]) -> None:
        self.magic = magic
        self.sample_rate = sample_rate
        self.size_by_type = sizes
        #: Bytes of the frame that this header byte opens; 0 where no frame can open with it.
        self.size_by_header = [sizes.get(h >> 3 & 15, 0) if not h & _PADDING_BITS else 0 for h in range(256)]

    @property
    def last_speech_type(self) -> int:
        return 7 if self is Band.NB else 8

    @property
    def other(self) -> Band:
        return Band.WB if self is Band.NB else Band.NB


@dataclass(frozen=True, slots=True)
class AmrTrack:
    """Whole frames in order, pauses (SID, NO_DATA, SPEECH_LOST) included."""

    band: Band
    frames: tuple[bytes, ...]

    @property
    def seconds(self) -> float:
        return len(self.frames) * FRAME_SECONDS

    def is_speech(self) -> list[bool]:
        """One flag per frame: True where the frame carries speech bits, False in a pause."""
        last = self.band.last_speech_type
        return [frame[0] >> 3 & 15 <= last for frame in self.frames]

    def storage(self, *, with_pauses: bool) -> bytes:
        """The track as a clean file: one magic, whole frames, nothing else."""
        if with_pauses:
            return self.band.magic + b"".join(self.frames)
        kept = [frame for frame, speech in zip(self.frames, self.is_speech(), strict=True) if speech]
        return self.band.magic + b"".join(kept)


@dataclass(frozen=True, slots=True)
class _Walk:
    """How far one band's frames led."""

    frames: tuple[bytes, ...]
    reached_end: bool
    """Nothing but whole frames up to the last byte, or up to a last frame cut short."""


def read_amr(data: Data, max_seconds: int) -> AmrTrack:
    """The frames of an AMR file that opens with its magic.

    Raises AudioTooLong past `max_seconds` (counted, never decoded) and BadAudio where no frame carries speech.
    """
    band = band_of(data)
    if band is None:
        raise BadAudio("this is not an AMR recording")
    start, most = len(band.magic), max_seconds * FRAMES_PER_SECOND + 1
    walk = _walk(data, start, band, most)
    track = AmrTrack(band, walk.frames)
    if not walk.reached_end:
        other = _walk(data, start, band.other, most)
        mislabelled = AmrTrack(band.other, other.frames)
        if other.reached_end and len(other.frames) >= HEADERLESS_FRAMES and any(mislabelled.is_speech()):
            track = mislabelled
    return _judged(track, max_seconds)


def read_headerless(data: Data, max_seconds: int) -> AmrTrack:
    """The frames of an AMR-NB recording that lost its magic. Raises as `read_amr` does."""
    return _judged(AmrTrack(Band.NB, _walk(data, 0, Band.NB, max_seconds * FRAMES_PER_SECOND + 1).frames), max_seconds)


def is_headerless(data: Data) -> bool:
    """True where bare AMR-NB frames, all marked good, fill the file to its last byte.

    Without a magic the proof must come from the frames, so this is stricter than the reader: at least
    five frames, more than NO_DATA in the first ones already, none marked bad, and no last frame cut short, unless
    there are very many. A text is none, even one whose letters stand where frames would begin.
    """
    if _TEXT.match(data[:16]):
        return False
    sizes, position, count, filled = Band.NB.size_by_header, 0, 0, 0
    while position < len(data) and count < PROOF_FRAMES:
        header = data[position]
        size = sizes[header]
        if not size or not header & _GOOD_BIT:
            return False
        filled += size > sizes[_NO_DATA << 3]
        count += 1
        position += size
        if count == HEADERLESS_FRAMES and not filled:
            return False
    return count >= HEADERLESS_FRAMES and (position == len(data) or count == PROOF_FRAMES)


def band_of(data: Data) -> Band | None:
    """Which single-channel AMR magic the bytes open with, if any."""
    return next((band for band in Band if _opens_with(band.magic, data, 0)), None)


def _opens_with(magic: bytes, data: Data, at: int) -> bool:
    return data[at : at + len(magic)] == magic


def _walk(data: Data, start: int, band: Band, most: int) -> _Walk:
    """Up to `most` whole frames from `start` on; the magic met between two frames is stepped over."""
    frames: list[bytes] = []
    position, end, sizes, joined = start, len(data), band.size_by_header, 0
    while position < end and len(frames) < most:
        size = sizes[data[position]]
        if size:
            frames.append(data[position : position + size])
            position += size
        elif joined < MOST_JOINED and _opens_with(band.magic, data, position):
            position += len(band.magic)
            joined += 1
        else:
            return _Walk(tuple(frames), reached_end=False)
    if position > end:
        frames.pop()
    return _Walk(tuple(frames), reached_end=True)


def _judged(track: AmrTrack, max_seconds: int) -> AmrTrack:
    if len(track.frames) > max_seconds * FRAMES_PER_SECOND:
        raise AudioTooLong(f"the recording lasts longer than {max_seconds} seconds")
    if not any(track.is_speech()):
        raise BadAudio("this AMR recording has no speech in it")
    return track
