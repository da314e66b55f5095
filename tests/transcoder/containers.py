"""Small files of every kind, put together byte by byte, so that any part of them can be a lie."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import cache

from tests.transcoder.sounds import RATE, tone

FLAC_BLOCK = 65_535
"""Most samples that one FLAC frame holds."""


@cache
def sound(seconds: float = 1.0) -> bytes:
    """A tone: 16 kHz, mono, 16 bits, the low byte first."""
    return tone(seconds).tobytes()


# ── RIFF, CAF ──


def chunk(name: bytes, body: bytes, size: int | None = None) -> bytes:
    """Of a RIFF file; `size` is what it claims, if not the truth."""
    return name + struct.pack("<I", len(body) if size is None else size) + body + bytes(len(body) % 2)


def wav(
    data: bytes, *more: bytes, channels: int = 1, rate: int = RATE, bits: int = 16, size: int | None = None
) -> bytes:
    """`more` are chunks between the format and the sound; `size` is what the sound claims to have."""
    step = channels * bits // 8
    fmt = struct.pack("<HHIIHH", 1, channels, rate, rate * step % 2**32, step % 2**16, bits)
    chunks = chunk(b"fmt ", fmt) + b"".join(more) + chunk(b"data", data, size)
    return chunk(b"RIFF", b"WAVE" + chunks)


def caf(data: bytes, *more: bytes, channels: int = 1, rate: float = RATE) -> bytes:
    """16-bit samples, the low byte first; `more` are chunks before the sound."""
    description = struct.pack(">d4sIIIII", rate, b"lpcm", 2, 2 * channels % 2**32, 1, channels, 16)
    body = caf_chunk(b"desc", description) + b"".join(more) + caf_chunk(b"data", bytes(4) + data)
    return b"caff\0\1\0\0" + body


def caf_chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack(">q", len(body)) + body


# ── ISO base media ──


def box(name: bytes, *body: bytes) -> bytes:
    whole = b"".join(body)
    return struct.pack(">I", 8 + len(whole)) + name + whole


def full_box(name: bytes, *body: bytes) -> bytes:
    return box(name, bytes(4), *body)


def counted(name: bytes, count: int, entries: bytes) -> bytes:
    """A table that claims to have so many entries."""
    return full_box(name, struct.pack(">I", count), entries)


def mp4(data: bytes, *more: bytes, first: bytes = b"", **instead: bytes) -> bytes:
    """PCM in a file whose index comes last. `more` goes into `moov`, `first` into `trak`; `instead` replaces boxes of
    the track by their names, such as `stsz`."""
    samples, start = len(data) // 2, 24
    described = struct.pack(">6xH8xHHHHI", 1, 1, 16, 0, 0, RATE << 16)
    length = struct.pack(">II", RATE, samples)
    parts = {
        "mvhd": full_box(b"mvhd", bytes(8), length, struct.pack(">I", 1 << 16), bytes(76)),
        "tkhd": full_box(b"tkhd", bytes(8), struct.pack(">III", 1, 0, samples), bytes(60)),
        "mdhd": full_box(b"mdhd", bytes(8), length, bytes(4)),
        "hdlr": full_box(b"hdlr", bytes(4), b"soun", bytes(13)),
        "dref": counted(b"dref", 1, box(b"url ", b"\0\0\0\1")),
        "stsd": counted(b"stsd", 1, box(b"sowt", described)),
        "stts": counted(b"stts", 1, struct.pack(">II", samples, 1)),
        "stsc": counted(b"stsc", 1, struct.pack(">III", 1, samples, 1)),
        "stsz": full_box(b"stsz", struct.pack(">II", 2, samples)),
        "stco": counted(b"stco", 1, struct.pack(">I", start)),
    } | instead
    table = box(b"stbl", *(parts[name] for name in ("stsd", "stts", "stsc", "stsz", "stco")))
    media = box(b"mdia", parts["mdhd"], parts["hdlr"], box(b"minf", box(b"dinf", parts["dref"]), table))
    moov = box(b"moov", parts["mvhd"], box(b"trak", parts["tkhd"], first, media), *more)
    return box(b"ftyp", b"isom", bytes(4)) + box(b"mdat", data) + moov


# ── Matroska ──

_EBML, _DOCTYPE, _SEGMENT, _INFO, _DURATION, _SCALE = 0x1A45DFA3, 0x4282, 0x18538067, 0x1549A966, 0x4489, 0x2AD7B1
_TRACKS, _TRACK, _NUMBER, _TYPE, _CODEC, _AUDIO, _HERTZ = 0x1654AE6B, 0xAE, 0xD7, 0x83, 0x86, 0xE1, 0xB5
_CHANNELS, _BITS, _ENCODINGS, _CLUSTER, _TIME, _BLOCK = 0x9F, 0x6264, 0x6D80, 0x1F43B675, 0xE7, 0xA3
SOUND_TRACK, VIDEO_TRACK = 2, 1


def element(name: int, *body: bytes, size: int | None = None) -> bytes:
    """Of EBML; `size` is what it claims to have."""
    whole = b"".join(body)
    length = len(whole) if size is None else size
    sized = bytes([0x80 | length]) if length < 0x7F else (1 << 56 | length).to_bytes(8, "big")
    return name.to_bytes((name.bit_length() + 7) // 8, "big") + sized + whole


def number(name: int, value: int) -> bytes:
    return element(name, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def mkv_track(at: int, kind: int = SOUND_TRACK, *more: bytes, channels: int = 1, rate: float = RATE) -> bytes:
    audio = element(_AUDIO, element(_HERTZ, struct.pack(">d", rate)), number(_CHANNELS, channels), number(_BITS, 16))
    head = number(_NUMBER, at) + number(0x73C5, at) + number(_TYPE, kind)
    return element(_TRACK, head, element(_CODEC, b"A_PCM/INT/LIT"), audio, *more)


def mkv_block(data: bytes, track: int = 1) -> bytes:
    return element(_BLOCK, (0x80 | track).to_bytes(1, "big"), bytes(2), b"\x80", data)


def mkv(*clusters: bytes, tracks: bytes = b"", seconds: float = 1.0, more: bytes = b"") -> bytes:
    """`more` are elements beside the clusters."""
    info = number(_SCALE, 1_000_000) + element(_DURATION, struct.pack(">d", seconds * 1000))
    body = element(_INFO, info) + element(_TRACKS, tracks or mkv_track(1)) + more
    whole = body + b"".join(element(_CLUSTER, number(_TIME, 0), one) for one in clusters)
    return element(_EBML, element(_DOCTYPE, b"matroska")) + element(_SEGMENT, whole)


def mkv_zlib() -> bytes:
    """Says of a track that its blocks are compressed."""
    return element(_ENCODINGS, element(0x6240, number(0x5031, 0), element(0x5034, number(0x4254, 0))))


# ── Ogg, FLAC ──


def crc(data: bytes, polynomial: int, bits: int) -> int:
    """The plain kind: starts at 0, the high bit first, nothing turned round."""
    table, value, top = _crc_table(polynomial, bits), 0, bits - 8
    for byte in data:
        value = (value << 8 & (1 << bits) - 1) ^ table[value >> top ^ byte]
    return value


@cache
def _crc_table(polynomial: int, bits: int) -> list[int]:
    def entry(byte: int) -> int:
        value = byte << bits - 8
        for _ in range(8):
            value = (value << 1 ^ (polynomial if value >> bits - 1 else 0)) & (1 << bits) - 1
        return value

    return [entry(byte) for byte in range(256)]


def page(body: bytes, serial: int, at: int, *, granule: int = 0, flags: int = 0) -> bytes:
    """Of Ogg, with one packet."""
    lacing = bytes([255] * (len(body) // 255) + [len(body) % 255])
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, granule, serial, at, 0, len(lacing)) + lacing
    return head[:22] + struct.pack("<I", crc(head + body, 0x04C11DB7, 32)) + head[26:] + body


def opus_head(channels: int = 1, family: int = 0) -> bytes:
    mapping = bytes([channels, 0, *range(channels)]) if family else b""
    return b"OpusHead\1" + struct.pack("<BHIhB", channels, 312, RATE, 0, family) + mapping


def opus_tags(*comments: bytes) -> bytes:
    return b"OpusTags" + vorbis_comment(*comments)


def vorbis_comment(*comments: bytes) -> bytes:
    counted_comments = b"".join(struct.pack("<I", len(one)) + one for one in comments)
    return struct.pack("<I", 0) + struct.pack("<I", len(comments)) + counted_comments


def opus(packets: Iterable[bytes], serial: int = 1, channels: int = 1, *comments: bytes, family: int = 0) -> bytes:
    """Ogg with packets of 20 ms."""
    pages = [page(opus_head(channels, family), serial, 0, flags=2), page(opus_tags(*comments), serial, 1)]
    pages += [page(one, serial, 2 + at, granule=960 * (at + 1)) for at, one in enumerate(packets)]
    return b"".join(pages)


def flac(frames: int, *blocks: bytes, channels: int = 1, rate: int = RATE, value: int = 0) -> bytes:
    """Frames that say no more than: 65,535 times the same value."""
    facts = rate << 44 | channels - 1 << 41 | 15 << 36
    info = struct.pack(">HH6xQ16x", 16, FLAC_BLOCK, facts)
    head = b"fLaC" + flac_block(0, info) + b"".join(blocks) + flac_block(0x81, bytes(16))
    return head + b"".join(_flac_frame(at, channels, value) for at in range(frames))


def flac_block(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


def _flac_frame(at: int, channels: int, value: int) -> bytes:
    head = b"\xff\xf8\x70" + bytes([channels - 1 << 4 | 4 << 1]) + chr(at).encode() + struct.pack(">H", FLAC_BLOCK - 1)
    head += bytes([crc(head, 0x07, 8)])
    frame = head + (b"\0" + struct.pack(">h", value)) * channels
    return frame + struct.pack(">H", crc(frame, 0x8005, 16))


# ── ID3 ──


def synchsafe(value: int) -> bytes:
    return bytes(value >> shift & 0x7F for shift in (21, 14, 7, 0))


def id3(*frames: bytes, size: int | None = None) -> bytes:
    """Version 2.4; `size` is what it claims to have."""
    whole = b"".join(frames)
    return b"ID3\4\0\0" + synchsafe(len(whole) if size is None else size) + whole


def id3_frame(name: bytes, body: bytes, flags: int = 0) -> bytes:
    return name + synchsafe(len(body)) + struct.pack(">H", flags) + body
