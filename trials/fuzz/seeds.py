"""What mutation starts from: our own clips, the corpus of real recordings where it is there, and small files of every
kind that a grammar makes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from random import Random

from bench.server import CLIPS, REPOSITORY
from tests.transcoder import hostile
from toybackend.transcoder.amr import Band
from trials.fuzz.shapes import BOX_TYPES, ogg_checksum

CORPUS = Path(os.environ.get("TOYBACKEND_CORPUS") or REPOSITORY / "../shared/corpus")
_TEXTS = frozenset({".md", ".sh", ".py", ".tsv"})
MOST_HOSTILE_BYTES = 128 << 10
SMALL = 3000
"""A parser needs no more to show what it does; the whole conversion gets whole files."""


@cache
def recordings() -> dict[str, bytes]:
    """Every clip of ours and of the corpus, whole, by its path; nothing empty."""
    files = sorted(file for place in (CLIPS, CORPUS) for file in place.rglob("*") if file.suffix not in _TEXTS)
    found = {str(file.relative_to(file.parents[1])): file.read_bytes() for file in files if file.is_file()}
    return {name: data for name, data in found.items() if data and "__pycache__" not in name}


def hostile_files() -> dict[str, bytes]:
    """What somebody made to hurt, as far as it is small. Takes half a minute: the others are made, too."""
    made = {name: make() for name, make in hostile.EVERY.items()}
    return {name: data for name, data in made.items() if len(data) <= MOST_HOSTILE_BYTES}


@cache
def small_recordings() -> tuple[bytes, ...]:
    """The first bytes of each; of an MP4 its index with a little sound, wherever the index stands."""
    return tuple(
        _without_mdat(data)[:SMALL] if data[4:8] == b"ftyp" else data[:SMALL] for data in recordings().values()
    )


def _without_mdat(data: bytes) -> bytes:
    kept, at = b"", 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big") or len(data) - at
        if size < 8:
            break
        kept += data[at : at + (24 if data[at + 4 : at + 8] == b"mdat" else size)]
        at += size
    return kept


# ── made by a grammar ──


@cache
def grown(seed: int = 1, each: int = 12) -> tuple[bytes, ...]:
    """Small files of every kind, some with mistakes in them that a grammar knows to make."""
    dice = Random(seed)
    return tuple(make(dice) for make in (amr, boxes, ebml, ogg, riff, bare_frames) for _ in range(each))


def amr(dice: Random) -> bytes:
    """The magic, and frames of all kinds under it; now and then the magic again, or rubbish."""
    band = dice.choice(list(Band))
    body = b"".join(_amr_part(band if dice.random() < 0.95 else band.other, dice) for _ in range(dice.randrange(30)))
    return band.magic + body + dice.randbytes(dice.choice((0, 0, 0, 1, 40)))


def _amr_part(band: Band, dice: Random) -> bytes:
    return band.magic if dice.random() < 0.03 else amr_frame(band, dice)


def amr_frame(band: Band, dice: Random) -> bytes:
    kind = dice.choice(list(band.size_by_type)) if dice.random() < 0.98 else dice.randrange(16)
    good = 4 if dice.random() < 0.95 else 0
    return bytes([kind << 3 | good]) + dice.randbytes(band.size_by_type.get(kind, 1) - 1)


def bare_frames(dice: Random) -> bytes:
    """AMR-NB, all marked good, without a magic."""
    kinds = [dice.randrange(9) for _ in range(dice.randrange(3, 30))]
    return b"".join(bytes([kind << 3 | 4]) + dice.randbytes(Band.NB.size_by_type[kind] - 1) for kind in kinds)


def boxes(dice: Random) -> bytes:
    tracks = b"".join(_track(dice) for _ in range(dice.randrange(4)))
    moov = box(b"moov", box(b"mvhd", bytes(100)) + tracks)
    mdat = box(b"mdat", dice.randbytes(dice.randrange(60)), is_long=dice.random() < 0.2)
    rest = [moov, mdat, box(dice.choice(BOX_TYPES), dice.randbytes(dice.randrange(20)))]
    dice.shuffle(rest)
    return box(b"ftyp", b"isom" + bytes(4)) + b"".join(rest)


def box(kind: bytes, body: bytes, *, is_long: bool = False) -> bytes:
    if is_long:
        return (1).to_bytes(4, "big") + kind + (16 + len(body)).to_bytes(8, "big") + body
    return (8 + len(body)).to_bytes(4, "big") + kind + body


def _track(dice: Random) -> bytes:
    codec = dice.choice((b"samr", b"sawb", b"mp4a", b"avc1", b"Opus", b"alac"))
    handler = b"vide" if codec == b"avc1" else dice.choice((b"soun", b"soun", b"soun", b"text"))
    described = box(b"stsd", bytes(7) + b"\1" + box(codec, bytes(28)))
    tables = b"".join(box(name, bytes(8)) for name in (b"stts", b"stsz", b"stsc", b"stco"))
    media = box(b"hdlr", bytes(8) + handler + bytes(12)) + box(b"minf", box(b"stbl", described + tables))
    return box(b"trak", box(b"tkhd", bytes(84)) + box(b"mdia", media))


def ebml(dice: Random) -> bytes:
    doctype = dice.choice((b"webm", b"webm", b"matroska", b"whatever"))
    head = [b"\x42\x86\x81\1", b"\x42\xf7\x81\1", b"\x42\x82" + _vint(len(doctype)) + doctype, b"\xec\x83abc"]
    dice.shuffle(head)
    body = b"".join(head)
    segment = b"\x18\x53\x80\x67\x01" + b"\xff" * 7 + dice.randbytes(dice.randrange(40))
    return b"\x1a\x45\xdf\xa3" + _vint(len(body)) + body + segment


def _vint(number: int) -> bytes:
    return bytes([0x80 | number])


def ogg(dice: Random) -> bytes:
    serial = dice.randbytes(4)
    bodies = [b"OpusHead\1\1\x38\1\x80\xbb\0\0\0\0\0", b"OpusTags" + bytes(8)]
    bodies += [dice.randbytes(dice.randrange(255)) for _ in range(dice.randrange(5))]
    return b"".join(_page(body, number, serial) for number, body in enumerate(bodies))


def _page(body: bytes, number: int, serial: bytes) -> bytes:
    start = b"OggS\0" + bytes([2 if not number else 0]) + (number * 960).to_bytes(8, "little") + serial
    start += number.to_bytes(4, "little")
    rest = bytes([1, len(body)]) + body
    return start + ogg_checksum(start + bytes(4) + rest).to_bytes(4, "little") + rest


def riff(dice: Random) -> bytes:
    channels, rate, bits = dice.choice((1, 2, 0, 65535)), dice.choice((8000, 48000, 0)), dice.choice((8, 16, 24))
    step = channels * bits // 8
    fmt = b"".join(
        number.to_bytes(width, "little")
        for number, width in ((1, 2), (channels, 2), (rate, 4), (rate * step % 2**32, 4), (step % 2**16, 2), (bits, 2))
    )
    return wav(fmt, dice.randbytes(dice.randrange(400)), kind=dice.choice((b"RIFF", b"RIFF", b"RF64")))


def wav(fmt: bytes, sound: bytes, *more: tuple[bytes, bytes], kind: bytes = b"RIFF") -> bytes:
    """`more` are chunks between the format and the sound."""
    parts = ((b"fmt ", fmt), *more, (b"data", sound))
    chunks = b"".join(name + len(body).to_bytes(4, "little") + body + bytes(len(body) % 2) for name, body in parts)
    return kind + (4 + len(chunks)).to_bytes(4, "little") + b"WAVE" + chunks


def spread(seeds: Sequence[bytes], count: int, dice: Random) -> list[bytes]:
    """So many of them, each as often as the others."""
    rounds = [dice.sample(seeds, len(seeds)) for _ in range(count // len(seeds) + 1)]
    return [one for each in rounds for one in each][:count]
