"""Where a kind of file comes apart, so that it can be made wrong without falling apart altogether.

A shape splits bytes into pieces that joined give the same bytes again, whatever the bytes are: what it does not
understand is one last piece. Damage is done to one piece: a field of its head, its type, its body, or what stands
inside it; and checksums that a reader would look at first are set right again afterwards.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

from toybackend.transcoder.amr import Band
from toybackend.transcoder.mpeg_audio import adts_frame_bytes, after_id3, mp3_frame_bytes

MOST_PIECES = 2000
"""A file comes apart into so many at most; the rest stays in one."""
_SMALL = (0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 127, 128, 255, 256, 1000, 10_000)
NUMBERS = (*_SMALL, *(2**bits + off for bits in (15, 16, 24, 31, 32, 63, 64) for off in (-1, 0)))
"""Where counting goes wrong."""


class Shape(Protocol):
    """One kind of file."""

    def split(self, data: bytes) -> list[bytes]: ...

    def damage(self, piece: bytes, dice: Random) -> bytes:
        """The piece with something in it made wrong."""
        ...

    def mend(self, data: bytes) -> bytes:
        """The same with its checksums right."""
        ...


def some_number(dice: Random, width: int) -> bytes:
    """A number where counting goes wrong, in so many bytes of either order."""
    number = dice.choice(NUMBERS) if dice.random() < 0.8 else dice.getrandbits(width * 8)
    return (number % (1 << 8 * width)).to_bytes(width, "big" if dice.random() < 0.5 else "little")


def with_number(data: bytes, dice: Random, within: int | None = None) -> bytes:
    """A number overwritten somewhere in the first `within` bytes."""
    end = len(data) if within is None else min(within, len(data))
    width = dice.choice((1, 2, 4, 8))
    at = dice.randrange(0, max(1, end - width + 1), 1 if dice.random() < 0.3 else width)
    return data[:at] + some_number(dice, width)[: len(data) - at] + data[at + width :]


# ── frame after frame ──


@dataclass(frozen=True, slots=True)
class Frames:
    """Sound in frames that say their own length, such as AMR, MP3 and ADTS."""

    frame_bytes: Callable[[bytes, int], int]
    """Length of the frame, or of a head, at this offset; 0 where there is none."""
    heads: Sequence[bytes]
    """First bytes of frames of every kind."""
    head_bytes: int

    def split(self, data: bytes) -> list[bytes]:
        pieces, at = list[bytes](), 0
        while at < len(data) and len(pieces) < MOST_PIECES and (size := self.frame_bytes(data, at)) > 0:
            pieces.append(data[at : at + size])
            at += size
        return [*pieces, data[at:]] if at < len(data) else pieces

    def damage(self, piece: bytes, dice: Random) -> bytes:
        head = self.head_bytes
        match dice.randrange(4):
            case 0:  # another kind of frame in the same room
                return dice.choice(self.heads) + piece[head:]
            case 1:
                return with_number(piece, dice, head)
            case 2:
                return piece[:head] + dice.randbytes(max(0, len(piece) - head))
            case _:
                return piece[: dice.randrange(len(piece) + 1)] + bytes(dice.randrange(3))

    def mend(self, data: bytes) -> bytes:
        return data


def _amr_frame_bytes(band: Band) -> Callable[[bytes, int], int]:
    def frame_bytes(data: bytes, at: int) -> int:
        if data[at] == band.magic[0]:
            return next((len(one.magic) for one in Band if data.startswith(one.magic, at)), 0)
        return band.size_by_header[data[at]]

    return frame_bytes


def _tagged(frame_bytes: Callable[[bytes, int], int]) -> Callable[[bytes, int], int]:
    return lambda data, at: (at == 0 and after_id3(data)) or frame_bytes(data, at)


AMR_HEADS = tuple(bytes([kind << 3 | good]) for kind in range(16) for good in (0, 4))
AMR_NB = Frames(_amr_frame_bytes(Band.NB), AMR_HEADS, 1)
AMR_WB = Frames(_amr_frame_bytes(Band.WB), AMR_HEADS, 1)
_MP3_HEADS = tuple(bytes.fromhex(head) for head in ("fff348c4", "fffb9064", "ffe318c4", "fffa1000", "fffbf0ff"))
_ADTS_HEADS = tuple(bytes.fromhex(head) for head in ("fff15080", "fff94c40", "fff1fc00", "fff05080"))
MP3 = Frames(_tagged(mp3_frame_bytes), _MP3_HEADS, 4)
ADTS = Frames(_tagged(adts_frame_bytes), _ADTS_HEADS, 7)


# ── chunk after chunk, and chunks within ──


@dataclass(frozen=True, slots=True)
class Chunks:
    """Files of parts that have a type, a size and a body; the body of some is such parts again."""

    opening: int
    """Bytes before the first part."""
    measure: Callable[[bytes, int], tuple[int, int]]
    """Bytes of the head and of the whole part at this offset; (0, 0) where there is none."""
    resized: Callable[[bytes, bytes], bytes] = lambda head, body: head
    """The head with the size of this body in it."""
    first_child: Callable[[bytes], int | None] = lambda head: None
    """Where in the body of a part with this head the first part within begins; None where there is none."""
    types: Sequence[bytes] = ()
    type_at: int = 0
    """Where in the head the type stands."""
    mended: Callable[[bytes], bytes] = lambda piece: piece
    """One part with its checksum right."""

    def split(self, data: bytes) -> list[bytes]:
        return [data[: self.opening], *self._parts(data, self.opening)] if self.opening else self._parts(data, 0)

    def _parts(self, data: bytes, at: int) -> list[bytes]:
        parts = list[bytes]()
        while at < len(data) and len(parts) < MOST_PIECES and (whole := self.measure(data, at)[1]) > 0:
            parts.append(data[at : at + whole])
            at += whole
        return [*parts, data[at:]] if at < len(data) else parts

    def damage(self, piece: bytes, dice: Random) -> bytes:
        size = self.measure(piece, 0)[0] if piece else 0
        head, body = piece[:size], piece[size:]
        if not head or not body:
            return with_number(piece, dice)
        child = self.first_child(head)
        if child is not None and dice.random() < 0.8:
            body = body[:child] + self._inner(body[child:], dice)
            return (self.resized(head, body) if dice.random() < 0.9 else head) + body
        match dice.randrange(6):
            case 0:
                return with_number(head, dice) + body
            case 1 if self.types:
                kind = dice.choice(self.types)
                return head[: self.type_at] + kind + head[self.type_at + len(kind) :] + body
            case 2:  # shorter or longer, and honest about it
                body = body[: dice.randrange(len(body) + 1)] + bytes(dice.choice((0, 0, 1, 4, 100)))
                return self.resized(head, body) + body
            case 3:
                return head + dice.randbytes(min(len(body), 64)) + body[64:]
            case 4:
                return head + with_number(body, dice)
            case _:  # most fields stand first
                return head + with_number(body, dice, 64)

    def _inner(self, body: bytes, dice: Random) -> bytes:
        """The parts inside a part, one of them damaged, dropped, doubled or moved."""
        parts = self._parts(body, 0)
        at, other = dice.randrange(len(parts) or 1), dice.randrange(len(parts) or 1)
        match dice.randrange(8) if parts else 9:
            case 0:
                del parts[at]
            case 1:
                parts[at] *= dice.choice((2, 3, 50))
            case 2:
                parts[at], parts[other] = parts[other], parts[at]
            case 9:
                pass
            case _:
                parts[at] = self.damage(parts[at], dice)
        return b"".join(parts)

    def mend(self, data: bytes) -> bytes:
        return b"".join(self.mended(piece) for piece in self.split(data))


def _measure_box(data: bytes, at: int) -> tuple[int, int]:
    if len(data) < at + 8:
        return 0, 0
    size = int.from_bytes(data[at : at + 4], "big")
    if size == 1:
        return 16, max(16, int.from_bytes(data[at + 8 : at + 16], "big"))
    return 8, max(8, size) if size else len(data) - at


def _resized_box(head: bytes, body: bytes) -> bytes:
    if len(head) == 16:
        return head[:8] + (16 + len(body)).to_bytes(8, "big")
    return (8 + len(body)).to_bytes(4, "big") + head[4:]


_BOX_PARENTS = {b"moov": 0, b"trak": 0, b"mdia": 0, b"minf": 0, b"stbl": 0, b"dinf": 0, b"udta": 0, b"edts": 0}
_BOX_PARENTS |= {b"stsd": 8, b"dref": 8, b"meta": 4, b"mp4a": 28, b"samr": 28, b"moof": 0, b"traf": 0, b"mvex": 0}
_BOXES = b"ftyp moov mdat free skip wide trak mdia minf stbl stsd stsz stsc stts stco co64 ctts hdlr mdhd mvhd tkhd"
_BOXES += (
    b" smhd dinf dref url alis rmra cmov moof traf trun elst esds damr samr sawb mp4a Opus lpcm twos enca sinf ilst"
)
BOX_TYPES = tuple(name.ljust(4) for name in _BOXES.split())
BOXES = Chunks(0, _measure_box, _resized_box, lambda head: _BOX_PARENTS.get(head[4:8]), BOX_TYPES, 4)


def _measure_riff(data: bytes, at: int) -> tuple[int, int]:
    size = int.from_bytes(data[at + 4 : at + 8], "little")
    return (8, 8 + size + size % 2) if len(data) >= at + 8 else (0, 0)


_CHUNK_TYPES = (
    b"fmt ",
    b"data",
    b"LIST",
    b"fact",
    b"ds64",
    b"bext",
    b"id3 ",
    b"cue ",
    b"JUNK",
    b"VP8 ",
    b"VP8X",
    b"ALPH",
)
RIFF = Chunks(12, _measure_riff, lambda head, body: head[:4] + len(body).to_bytes(4, "little"), types=_CHUNK_TYPES)


def _measure_caf(data: bytes, at: int) -> tuple[int, int]:
    size = int.from_bytes(data[at + 4 : at + 12], "big", signed=True)
    return (12, 12 + (size if size >= 0 else len(data))) if len(data) >= at + 12 else (0, 0)


def _resized_caf(head: bytes, body: bytes) -> bytes:
    return head[:4] + len(body).to_bytes(8, "big")


CAF = Chunks(
    8, _measure_caf, _resized_caf, types=(b"desc", b"data", b"pakt", b"kuki", b"chan", b"info", b"free", b"uuid")
)


def _measure_flac(data: bytes, at: int) -> tuple[int, int]:
    if data[at] == 0xFF:  # a frame of sound: to where the next one seems to begin
        next_at = data.find(data[at : at + 2], at + 2)
        return 4, (next_at if next_at > 0 else len(data)) - at
    return (4, 4 + int.from_bytes(data[at + 1 : at + 4], "big")) if len(data) >= at + 4 else (0, 0)


FLAC = Chunks(
    4, _measure_flac, types=tuple(bytes([last | kind]) for kind in (0, 1, 3, 4, 6, 126) for last in (0, 0x80))
)


def vint_bytes(first: int) -> int:
    """How many bytes a number of EBML has that begins with this one; 0 where none does."""
    return 9 - first.bit_length() if first else 0


def _measure_ebml(data: bytes, at: int) -> tuple[int, int]:
    id_bytes = vint_bytes(data[at])
    size_at = at + id_bytes
    if not id_bytes or size_at >= len(data) or not (size_bytes := vint_bytes(data[size_at])):
        return 0, 0
    bits = 7 * size_bytes
    size = int.from_bytes(data[size_at : size_at + size_bytes], "big") & ((1 << bits) - 1)
    head = id_bytes + size_bytes
    return head, head + (size if size != (1 << bits) - 1 else len(data))


def _resized_ebml(head: bytes, body: bytes) -> bytes:
    name = vint_bytes(head[0])
    width = len(head) - name
    if len(body) >= (1 << 7 * width) - 1:
        width = 8
    return head[:name] + (1 << 7 * width | len(body)).to_bytes(width, "big")


_EBML_PARENTS = "1a45dfa3 18538067 1549a966 1654ae6b ae e1 1f43b675 a0 114d9b74 4dbb 6d80 1254c367 7373"
_EBML_LEAVES = (
    "4282 4286 4287 42f2 42f3 d7 73c5 83 86 63a2 b5 9f 6264 e7 a3 a1 fb 2ad7b1 ec bf 56aa 56bb 5031 4255 536e"
)
_EBML_IDS = tuple(bytes.fromhex(name) for name in f"{_EBML_PARENTS} {_EBML_LEAVES}".split())
_EBML_INNER = frozenset(bytes.fromhex(name) for name in _EBML_PARENTS.split())


def _ebml_child(head: bytes) -> int | None:
    return 0 if head[: vint_bytes(head[0])] in _EBML_INNER else None


EBML = Chunks(0, _measure_ebml, _resized_ebml, _ebml_child, _EBML_IDS)


# ── with checksums ──


def _measure_ogg(data: bytes, at: int) -> tuple[int, int]:
    if data[at : at + 4] != b"OggS" or len(data) < at + 27:
        return 0, 0
    head = 27 + data[at + 26]
    return head, head + sum(data[at + 27 : at + head])


_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def ogg_checksum(page: bytes) -> int:
    """As RFC 3533 has it, over the page with zeros in the checksum's place. It is the CRC of zlib seen in a mirror:
    each byte and the result back to front, begun with zeros and not inverted."""
    crc = zlib.crc32(page.translate(_MIRRORED), 0xFFFF_FFFF) ^ 0xFFFF_FFFF
    return int(f"{crc:032b}"[::-1], 2)


def _mended_ogg(page: bytes) -> bytes:
    if page[:4] != b"OggS" or len(page) < 27:
        return page
    return page[:22] + ogg_checksum(page[:22] + bytes(4) + page[26:]).to_bytes(4, "little") + page[26:]


OGG = Chunks(0, _measure_ogg, mended=_mended_ogg)


def _measure_png(data: bytes, at: int) -> tuple[int, int]:
    return (8, 12 + int.from_bytes(data[at : at + 4], "big")) if len(data) >= at + 8 else (0, 0)


def _resized_png(head: bytes, body: bytes) -> bytes:
    return max(0, len(body) - 4).to_bytes(4, "big") + head[4:]


def _mended_png(piece: bytes) -> bytes:
    return piece[:-4] + zlib.crc32(piece[4:-4]).to_bytes(4, "big") if len(piece) >= 12 and piece[0] == 0 else piece


_PNG_TYPES = (
    b"IHDR",
    b"PLTE",
    b"IDAT",
    b"IEND",
    b"tRNS",
    b"zTXt",
    b"iTXt",
    b"iCCP",
    b"eXIf",
    b"acTL",
    b"fcTL",
    b"fdAT",
)
PNG = Chunks(8, _measure_png, _resized_png, types=_PNG_TYPES, type_at=4, mended=_mended_png)


def _measure_jpeg(data: bytes, at: int) -> tuple[int, int]:
    if data[at] != 0xFF or len(data) < at + 4:
        return 0, 0
    return 4, 2 + max(2, int.from_bytes(data[at + 2 : at + 4], "big"))


def _resized_jpeg(head: bytes, body: bytes) -> bytes:
    return head[:2] + ((2 + len(body)) % 65536).to_bytes(2, "big")


_JPEG_TYPES = tuple(
    bytes([0xFF, mark]) for mark in (0xC0, 0xC1, 0xC2, 0xC4, 0xD9, 0xDA, 0xDB, 0xDD, 0xE0, 0xE1, 0xE2, 0xEE)
)
JPEG = Chunks(2, _measure_jpeg, _resized_jpeg, types=_JPEG_TYPES)


_BY_MAGIC: tuple[tuple[bytes, int, Shape], ...] = (
    (b"#!AMR-WB\n", 0, AMR_WB),
    (b"OggS", 0, OGG),
    (b"RIFF", 0, RIFF),
    (b"RF64", 0, RIFF),
    (b"caff", 0, CAF),
    (b"fLaC", 0, FLAC),
    (b"\x1a\x45\xdf\xa3", 0, EBML),
    (b"\x89PNG", 0, PNG),
    (b"\xff\xd8", 0, JPEG),
    (b"ID3", 0, MP3),
    *((name, 4, BOXES) for name in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")),
)


def shape_of(data: bytes) -> Shape:
    """How to take these bytes apart, by their first ones; as AMR-NB where they say nothing."""
    known = next((shape for magic, at, shape in _BY_MAGIC if data.startswith(magic, at)), None)
    if known is not None:
        return known
    if len(data) > 4 and mp3_frame_bytes(data, 0):
        return MP3
    return ADTS if len(data) > 7 and adts_frame_bytes(data, 0) else AMR_NB
