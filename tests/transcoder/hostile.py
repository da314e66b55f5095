"""Files that somebody made to hurt: to make the converter read elsewhere, work for hours, fill memory or disk, or carry
something else than sound into a toy. Pure, and made when asked for: some have megabytes."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable
from functools import cache, partial

from tests.transcoder.containers import (
    box,
    caf,
    caf_chunk,
    chunk,
    counted,
    element,
    flac,
    flac_block,
    full_box,
    id3,
    id3_frame,
    mkv,
    mkv_block,
    mkv_track,
    mkv_zlib,
    mp4,
    number,
    opus,
    opus_head,
    page,
    sound,
    synchsafe,
    vorbis_comment,
    wav,
)
from tests.transcoder.sounds import CLIPS, RATE
from toybackend.transcoder.mpeg_audio import after_id3

Files = dict[str, Callable[[], bytes]]

NEIGHBOUR = "../neighbour/original"
"""Where another family's clip is, seen from the folder of a clip."""
SECRET = b"Emma, 51.4769"
"""What stands in every tag, and must not come out."""
MIB = 1 << 20
NB, WB = b"#!AMR\n", b"#!AMR-WB\n"
SPEECH = bytes([7 << 3 | 4]) + bytes(31)
NO_DATA = bytes([15 << 3 | 4])
OPUS_PAUSE = b"\xf8"
"""A packet of 20 ms in which nothing is coded."""


def _mp3() -> bytes:
    """A good one, without its tag."""
    data = (CLIPS / "hello.mp3").read_bytes()
    return data[after_id3(data) :]


# ── to make it read elsewhere ──

_LISTS = {
    "ffconcat": "ffconcat version 1.0\nfile {}\n",
    "M3U8": "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{}\n#EXT-X-ENDLIST\n",
    "M3U8 with a key": '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{}"\n#EXTINF:10,\n{}\n',
    "DASH": '<?xml version="1.0"?><MPD type="static"><Period><BaseURL>{}</BaseURL></Period></MPD>',
    "PLS": "[playlist]\nNumberOfEntries=1\nFile1={}\n",
    "XSPF": '<?xml version="1.0"?><playlist><trackList><track><location>{}</location></track></trackList></playlist>',
    "SDP": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns={}\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
    "CUE": 'FILE "{}" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n',
    "SMIL": '<smil><body><audio src="{}"/></body></smil>',
    "SVG": '<svg xmlns:xlink="http://www.w3.org/1999/xlink"><image xlink:href="{}"/></svg>',
}
_CLOTHES = {"plain": b"", "after a byte order mark": b"\xef\xbb\xbf", "after the AMR magic": NB, "after WB's": WB}


def _listed(form: str, clothes: bytes) -> bytes:
    return clothes + form.replace("{}", NEIGHBOUR).encode()


LISTS: Files = {
    f"{name}, {how}": partial(_listed, form, clothes)
    for name, form in _LISTS.items()
    for how, clothes in _CLOTHES.items()
}
"""Playlists: never more than the neighbour's clip, and that not either."""


def _sound_elsewhere(kind: bytes) -> bytes:
    """QuickTime may keep its sound in another file."""
    path = NEIGHBOUR.encode()
    alias = bytes(150) + struct.pack(">HH", 2, len(path)) + path + struct.pack(">hH", -1, 0)
    body = alias if kind == b"alis" else path + b"\0"
    return mp4(sound(), dref=counted(b"dref", 1, box(kind, bytes(4), body)), stco=counted(b"stco", 1, bytes(4)))


ELSEWHERE: Files = {
    "MP4 whose sound is in another file": partial(_sound_elsewhere, b"alis"),
    "MP4 whose sound is at an address": partial(_sound_elsewhere, b"url "),
    "Matroska that goes on in another file": lambda: mkv(
        mkv_block(sound()), more=element(0x1549A966, element(0x3EB923, bytes(16)), element(0x3E83BB, SECRET))
    ),
}
"""Containers that name others. They have sound of their own, and that may come out."""


# ── to make it work, or remember, without end ──

BOMBS: Files = {
    "AMR of nothing but pauses": lambda: NB + NO_DATA * MIB,
    "AMR-WB of nothing but pauses": lambda: WB + NO_DATA * MIB,
    "bare AMR, then pauses": lambda: SPEECH * 5 + NO_DATA * MIB,
    "AMR, its magic again and again": lambda: NB * 100_000 + SPEECH,
    "AMR of 33 million channels": lambda: b"#!AMR_MC1.0\n\xff\xff\xff\xff" + SPEECH * 10,
    "FLAC of one value for a day": lambda: flac(20_000),
    "FLAC of one value in 8 channels, 655,350 Hz": lambda: flac(30, channels=8, rate=655_350),
    "Opus of pauses for two minutes and more": lambda: opus([OPUS_PAUSE] * 6_100),
    "WAV that claims 4 GiB": lambda: wav(sound(), size=2**32 - 1),
    "WAV of ten thousand channels": lambda: wav(bytes(200_000), channels=10_000),
    "WAV of 65,535 channels": lambda: wav(bytes(655_350), channels=65_535, bits=8),
    "WAV of one sample a second": lambda: wav(sound()[:2_000], rate=1),
    "WAV of 2³¹ Hz": lambda: wav(sound(), rate=2**31),
    "WAV of 2³² - 1 Hz": lambda: wav(sound(), rate=2**32 - 1),
    "WAV of 0 Hz": lambda: wav(sound(), rate=0),
    "WAV of no channel": lambda: wav(sound(), channels=0),
    "WAV of no bits": lambda: wav(sound(), bits=0),
    "WAV of 65,535 bits": lambda: wav(sound(), bits=65_535),
    "CAF of ten thousand channels": lambda: caf(bytes(200_000), channels=10_000),
    "CAF of 2³² - 1 channels": lambda: caf(sound(), channels=2**32 - 1),
    "CAF of 10³⁰⁰ Hz": lambda: caf(sound(), rate=1e300),
    "CAF of no number of Hz": lambda: caf(sound(), rate=float("nan")),
    "CAF of less than 0 Hz": lambda: caf(sound(), rate=-16_000.0),
    "CAF of a sample in an hour": lambda: caf(sound(), rate=1 / 3600),
    "FLAC of 655,350 Hz": lambda: flac(2, rate=655_350),
    "Opus of 255 channels": lambda: opus([OPUS_PAUSE] * 50, 1, 255, family=255),
    "Opus of 0 channels": lambda: opus([OPUS_PAUSE] * 50, 1, 0, family=1),
    "Matroska of a thousand million seconds": lambda: mkv(mkv_block(sound()), seconds=1e9),
    "Matroska of 10³⁰⁰ seconds": lambda: mkv(mkv_block(sound()), seconds=1e300),
    "Matroska of ten thousand channels": lambda: mkv(mkv_block(bytes(MIB)), tracks=mkv_track(1, channels=10_000)),
    "Matroska of 10³⁰⁰ Hz": lambda: mkv(mkv_block(sound()), tracks=mkv_track(1, rate=1e300)),
    "MP4 of 65,535 channels": lambda: mp4(sound(), stsd=_described(65_535, 16, RATE)),
    "MP4 of no Hz": lambda: mp4(sound(), stsd=_described(1, 16, 0)),
    "MP4 of 65,535 bits": lambda: mp4(sound(), stsd=_described(1, 65_535, RATE)),
    "MP3 that says it has 2³² frames": lambda: _xing() + _mp3(),
}
"""Counts and rates that are out of all proportion, and long sound in few bytes."""


def _described(channels: int, bits: int, rate: int) -> bytes:
    entry = struct.pack(">6xH8xHHHHI", 1, channels, bits, 0, 0, rate << 16)
    return counted(b"stsd", 1, box(b"sowt", entry))


def _xing() -> bytes:
    """An MPEG-1 frame of 128 kbit/s, mono, 44.1 kHz, that claims to lead so many others."""
    frame = b"\xff\xfb\x90\xc4" + bytes(17) + b"Xing" + struct.pack(">III", 3, 2**32 - 1, 2**32 - 1)
    return frame.ljust(417, b"\0")


TABLES: Files = {
    "MP4, a million empty edits": lambda: mp4(
        sound(), first=box(b"edts", counted(b"elst", 10**6, struct.pack(">IiI", 1, -1, 1 << 16) * 10**6))
    ),
    "MP4, edits of 2³² - 1 samples": lambda: mp4(
        sound(), first=box(b"edts", counted(b"elst", 2, struct.pack(">IiI", 2**32 - 1, 0, 1 << 16) * 2))
    ),
    "MP4, 2³² - 1 sizes claimed": lambda: mp4(sound(), stsz=full_box(b"stsz", struct.pack(">II", 0, 2**32 - 1))),
    "MP4, 2³² - 1 samples of one size": lambda: mp4(sound(), stsz=full_box(b"stsz", struct.pack(">II", 2, 2**32 - 1))),
    "MP4, two million sizes": lambda: mp4(
        sound(), stsz=full_box(b"stsz", struct.pack(">II", 0, 2 * 10**6), bytes(8 * 10**6))
    ),
    "MP4, 2³⁰ chunks claimed": lambda: mp4(sound(), stco=counted(b"co64", 2**30, bytes(8))),
    "MP4, a million chunks": lambda: mp4(sound(), stco=counted(b"co64", 10**6, struct.pack(">Q", 24) * 10**6)),
    "MP4, chunks of 2³¹ samples": lambda: mp4(sound(), stsc=counted(b"stsc", 1, struct.pack(">III", 1, 2**31, 1))),
    "MP4, a time of 2³² - 1 for 2³² - 1 samples": lambda: mp4(
        sound(), stts=counted(b"stts", 1, struct.pack(">II", 2**32 - 1, 2**32 - 1))
    ),
    "MP4, two hundred thousand times": lambda: mp4(
        sound(), stts=counted(b"stts", 200_000, struct.pack(">II", 1, 1) * 200_000)
    ),
    "MP4, 65,535 fragments": lambda: mp4(sound()) + box(b"moof", full_box(b"mfhd", bytes(4))) * 65_535,
    "MP4, a run of 2³² - 1 samples": lambda: mp4(sound(), _fragments()) + _run(2**32 - 1),
    "MP4, boxes in boxes": lambda: mp4(sound(), _nested(box, b"udta", 5_000)),
    "MP4, two thousand tracks": lambda: mp4(sound(), *[_another_track()] * 2_000),
    "Matroska, two thousand tracks": lambda: mkv(
        mkv_block(sound()), tracks=b"".join(mkv_track(at) for at in range(1, 2_001))
    ),
    "Matroska, elements in elements": lambda: mkv(mkv_block(sound()), more=_nested(element, 0x1254C367, 5_000)),
    "Matroska, a tag of 2⁵⁰ bytes": lambda: mkv(mkv_block(sound()), more=element(0x1254C367, size=2**50)),
    "Matroska, twenty thousand blocks": lambda: mkv(mkv_block(b"\0\0") * 20_000),
    "Ogg, two thousand links": lambda: b"".join(opus([OPUS_PAUSE], serial) for serial in range(2_000)),
    "Ogg, twenty thousand streams at once": lambda: b"".join(
        page(opus_head(), serial, 0, flags=2) for serial in range(20_000)
    ),
    "Ogg, a comment of 4 GiB": lambda: opus([OPUS_PAUSE] * 50).replace(
        b"OpusTags\0\0\0\0", b"OpusTags\xff\xff\xff\xff"
    ),
    "ID3 of 256 MB claimed": lambda: id3(size=2**28 - 1) + _mp3(),
    "ID3, ten thousand of them": lambda: id3() * 10_000 + _mp3(),
    "ID3, a hundred thousand frames": lambda: id3(id3_frame(b"TXXX", b"\0a\0b") * 100_000) + _mp3(),
    "WAV, a hundred thousand chunks": lambda: wav(sound(), chunk(b"junk", b"") * 100_000),
    "WAV, a list of 4 GiB claimed": lambda: wav(sound(), chunk(b"LIST", b"INFO", 2**32 - 1)),
    "CAF, a packet table of 2⁶⁰ claimed": lambda: caf(
        sound(), caf_chunk(b"pakt", struct.pack(">qqii", 2**60, 0, 0, 0))
    ),
}
"""Tables, nesting and repetition: what costs by the entry, or reserves memory by what is claimed."""


def _nested(make: Callable[..., bytes], name: object, depth: int) -> bytes:
    body = b""
    for _ in range(depth):
        body = make(name, body)
    return body


def _fragments() -> bytes:
    return box(b"mvex", full_box(b"trex", struct.pack(">IIIII", 1, 1, 1, 2, 0)))


def _run(samples: int) -> bytes:
    run = box(b"trun", bytes(4), struct.pack(">I", samples))
    return box(b"moof", full_box(b"mfhd", bytes(4)), box(b"traf", full_box(b"tfhd", struct.pack(">I", 1)), run))


def _another_track() -> bytes:
    whole = mp4(sound(0.02))
    return whole[whole.index(b"trak") - 4 :]


@cache
def _zeros(megabytes: int) -> bytes:
    """Compressed: a thousandth of it."""
    return zlib.compress(bytes(megabytes * MIB))


def _squeezed_index(megabytes: int) -> bytes:
    """QuickTime's compressed `moov`, beside a plain one."""
    body = struct.pack(">I", megabytes * MIB) + _zeros(megabytes)
    return mp4(sound(), box(b"cmov", box(b"dcom", b"zlib"), box(b"cmvd", body)))


SQUEEZED: Files = {
    "Matroska, blocks that unpack a thousandfold": lambda: mkv(
        mkv_block(_zeros(32)) * 30, tracks=mkv_track(1, 2, mkv_zlib())
    ),
    "MP4, an index that unpacks a thousandfold": lambda: _squeezed_index(32),
    "ID3, frames that unpack a thousandfold": lambda: (
        id3(*[id3_frame(b"TXXX", synchsafe(32 * MIB) + _zeros(32), 0x0009)] * 10) + _mp3()
    ),
}
"""What unpacks to a thousand times its size."""


# ── to carry something else ──


@cache
def _picture(megabytes: int) -> bytes:
    """Looks like a JPEG, and cannot be packed."""
    return b"\xff\xd8\xff\xe0" + random.Random(1).randbytes(megabytes * MIB) + SECRET


def _apic(picture: bytes) -> bytes:
    return id3_frame(b"APIC", b"\0image/jpeg\0\3\0" + picture)


def _flac_picture(picture: bytes) -> bytes:
    head = struct.pack(">II10sI16xI", 3, 10, b"image/jpeg", 0, len(picture))
    return flac_block(6, head + picture)


def _itunes(*atoms: bytes) -> bytes:
    return box(b"udta", full_box(b"meta", full_box(b"hdlr", bytes(4), b"mdir", bytes(13)), box(b"ilst", *atoms)))


def _atom(name: bytes, kind: int, value: bytes) -> bytes:
    return box(name, box(b"data", struct.pack(">II", kind, 0), value))


COVERS: Files = {
    "MP3 with a cover of 30 MB": lambda: id3(_apic(_picture(30))) + _mp3(),
    "M4A with a cover of 30 MB": lambda: mp4(sound(), _itunes(_atom(b"covr", 13, _picture(30)))),
    "FLAC with two covers of 15 MB": lambda: flac(1, *[_flac_picture(_picture(15))] * 2, value=1000),
    "Matroska with a cover of 30 MB": lambda: mkv(
        mkv_block(sound()),
        more=element(0x1941A469, element(0x61A7, element(0x466E, SECRET), element(0x465C, _picture(30)))),
    ),
}


def _tagged_id3() -> bytes:
    texts = [id3_frame(name, b"\0" + SECRET) for name in (b"TIT2", b"TPE1", b"TALB", b"TCOM")]
    chapter = id3_frame(b"CHAP", b"one\0" + struct.pack(">IIII", 0, 1000, 0, 0) + texts[0])
    return id3(*texts, chapter, id3_frame(b"GEOB", b"\0text/plain\0\0\0" + SECRET), _apic(_picture(2)))


def _tagged_mp4() -> bytes:
    atoms = _itunes(_atom(b"\xa9nam", 1, SECRET), _atom(b"\xa9cmt", 1, SECRET), _atom(b"covr", 13, _picture(2)))
    place = box(b"udta", box(b"\xa9xyz", struct.pack(">HH", len(SECRET), 0), SECRET))
    chapters = full_box(b"chpl", bytes(4), b"\1", bytes(8), bytes([len(SECRET)]), SECRET)
    return mp4(sound(), atoms, place, box(b"udta", chapters))


def _tagged_mkv() -> bytes:
    tags = element(0x1254C367, element(0x7373, element(0x67C8, element(0x45A3, b"TITLE"), element(0x4487, SECRET))))
    chapter = element(0xB6, number(0x73C4, 1), number(0x91, 0), element(0x80, element(0x85, SECRET)))
    file = element(0x61A7, element(0x466E, SECRET), element(0x4660, b"image/jpeg"), element(0x465C, _picture(2)))
    more = tags + element(0x1043A770, element(0x45B9, chapter)) + element(0x1941A469, file)
    return mkv(mkv_block(sound()), tracks=mkv_track(1, 2, element(0x536E, SECRET)), more=more)


TELLTALES: Files = {
    "WAV": lambda: wav(
        sound(),
        chunk(b"LIST", b"INFO" + chunk(b"INAM", SECRET) + chunk(b"ICMT", SECRET)),
        chunk(b"bext", SECRET.ljust(602, b"\0")),
        chunk(b"id3 ", _tagged_id3()),
    ),
    "CAF": lambda: caf(sound(), caf_chunk(b"info", struct.pack(">I", 1) + b"title\0" + SECRET + b"\0")),
    "MP3": lambda: _tagged_id3() + _mp3() + b"APETAGEX" + bytes(24) + SECRET + (b"TAG" + SECRET).ljust(128, b"\0"),
    "ADTS": lambda: _tagged_id3() + (CLIPS / "hello.aac").read_bytes(),
    "MP4": _tagged_mp4,
    "Matroska": _tagged_mkv,
    "Opus": lambda: opus(
        [OPUS_PAUSE] * 50, 1, 1, b"TITLE=" + SECRET, b"CHAPTER001NAME=" + SECRET, b"LOCATION=" + SECRET
    ),
    "FLAC": lambda: flac(
        1, flac_block(4, vorbis_comment(b"TITLE=" + SECRET)), _flac_picture(_picture(2)), flac_block(2, SECRET), value=1
    ),
}
"""Good sound, and something to find out about a child beside it."""

EVERY: Files = {
    **LISTS,
    **ELSEWHERE,
    **BOMBS,
    **TABLES,
    **SQUEEZED,
    **COVERS,
    **{f"{n} with tags": m for n, m in TELLTALES.items()},
}
