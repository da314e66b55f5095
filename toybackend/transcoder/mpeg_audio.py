"""Frame headers of MPEG audio: told apart when a stranger's file comes in, checked when our own MP3 goes out.

    layer III   11 bits sync, 2 version, 2 layer (never 00), protection, 4 bit rate, 2 sample rate, padding …
    ADTS (AAC)  12 bits sync, version, 2 layer (always 00), protection, …, 13 bits frame length

The two share their sync bits, so one header proves nothing: several in a row, each where the one before said
it would be, do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from toybackend.transcoder.original import Data

#: Frames in a row that make a stream. A short file may end before, but not before the second.
CONSISTENT_FRAMES = 4
#: Zeros that some writers leave behind a tag.
MOST_PADDING = 64 << 10

_LAYER_III = 0b01
_MPEG_1, _MPEG_2 = 0b11, 0b10
_KBITS_MPEG_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0)
_KBITS_MPEG_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0)
_RATES = {_MPEG_1: (44100, 48000, 32000), _MPEG_2: (22050, 24000, 16000), 0b00: (11025, 12000, 8000)}

#: What we write: every frame 36 ms, 144 bytes. The bits that say so, and those that may vary, by mask.
OUR_FRAME_SAMPLES = 576
OUR_FRAME_BYTES = 144
OUR_BYTES_PER_SECOND = 4000
_OUR_HEADER = 0xFFF3_48C0
_OUR_MASK = 0xFFFF_FFC0


def mp3_frame_bytes(data: Data, at: int) -> int:
    """Length of the layer III frame at this offset, or 0 where none can start."""
    head = int.from_bytes(data[at : at + 4], "big")
    version, layer = head >> 19 & 3, head >> 17 & 3
    bit_rate, rate = head >> 12 & 15, head >> 10 & 3
    if head >> 21 != 0x7FF or layer != _LAYER_III or version not in _RATES or rate == 3:
        return 0
    kbits = (_KBITS_MPEG_1 if version == _MPEG_1 else _KBITS_MPEG_2)[bit_rate]
    factor = 144_000 if version == _MPEG_1 else 72_000
    return factor * kbits // _RATES[version][rate] + (head >> 9 & 1) if kbits else 0


def adts_frame_bytes(data: Data, at: int) -> int:
    """Length of the ADTS frame at this offset, or 0 where none can start."""
    head = int.from_bytes(data[at : at + 7], "big")
    if len(data) < at + 7 or head >> 44 != 0xFFF or head >> 41 & 3 or head >> 34 & 15 > 12:
        return 0
    size = head >> 13 & 0x1FFF
    return size if size > 7 else 0


def is_stream(data: Data, at: int, frame_bytes: Callable[[Data, int], int]) -> bool:
    """True where several frames follow one another from this offset."""
    for count in range(CONSISTENT_FRAMES):
        size = frame_bytes(data, at)
        if not size:
            return count >= 2 and at >= len(data) - 4
        at += size
    return True


def after_id3(data: Data) -> int:
    """Offset behind a leading ID3v2 tag and its zero padding; 0 without a tag."""
    if data[:3] != b"ID3" or len(data) < 10:
        return 0
    size = sum((byte & 0x7F) << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=True))
    at = 10 + size + (10 if data[5] & 0x10 else 0)
    padding = data[at : at + MOST_PADDING]
    return at + len(padding) - len(padding.lstrip(b"\0"))


@dataclass(frozen=True, slots=True)
class OurMp3:
    """An MP3 of ours, checked frame by frame."""

    frames: int

    @property
    def samples(self) -> int:
        return self.frames * OUR_FRAME_SAMPLES


def check_our_mp3(data: bytes) -> OurMp3 | None:
    """Counts the frames where all are MPEG-2 layer III, 16 kHz, mono, 32 kbit/s; None if anything else is in it."""
    count, rest = divmod(len(data), OUR_FRAME_BYTES)
    heads = (int.from_bytes(data[at : at + 4], "big") for at in range(0, len(data), OUR_FRAME_BYTES))
    if rest or not count or any(head & _OUR_MASK != _OUR_HEADER for head in heads):
        return None
    return OurMp3(count)
