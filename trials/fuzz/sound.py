"""What must be true of whatever looks into a stranger's recording before ffmpeg does."""

from __future__ import annotations

import mmap
from collections.abc import Iterator

from toybackend.errors import AudioTooLong, BadAudio
from toybackend.transcoder.amr import MOST_JOINED, PROOF_FRAMES, Band, is_headerless, read_amr, read_headerless
from toybackend.transcoder.mp4 import MAX_BOXES, boxes, sound_codec
from toybackend.transcoder.mpeg_audio import adts_frame_bytes, after_id3, check_our_mp3, is_stream, mp3_frame_bytes
from toybackend.transcoder.sniffing import Content, sniff

MOST_SECONDS = 2
MOST_FRAMES = 100

_NB_BITS = (95, 103, 118, 134, 148, 159, 204, 244, 39)
_WB_BITS = (132, 177, 253, 285, 317, 365, 397, 461, 477, 40)
"""Bits of each frame type, silence last: 3GPP TS 26.101 and TS 26.201."""
STRANGERS = (
    b"<!DOCTYPE html><html><body>",
    b"<html><head><title>",
    b"<svg viewBox='0 0 1 1'>",
    b"<?xml version='1.0'?>",
    b"\x7fELF\2\1\1\0",
    b"PK\3\4\x14\0\0\0",
    b"#EXTM3U\n#EXTINF:1,\n",
    b"ffconcat version 1.0\n",
    b"\x02#!SILK_V3",
    b"#!SILK_V3",
    b"#!AMR_MC1.0\n",
    b"#!AMR\r\n",
    b"RIFF\0\0\0\0AVI LIST",
    b"\x89PNG\r\n\x1a\n",
    b"%PDF-1.7\n",
    b"[playlist]\nFile1=",
    b"v=0\no=- 0 0 IN IP4 ",
    b"\x1a\x45\xdf\xa3\x8b\x42\x82\x88whatever",
)
"""How what is no recording begins: pages, programs, archives, lists, and sound of kinds that are not taken."""


def check_sniff(data: bytes) -> bool:
    """One kind or a refusal, the same from memory and from a mapped file."""
    seen = _sniffed(data)
    if data:
        with mmap.mmap(-1, len(data)) as mapped:
            mapped.write(data)
            assert _sniffed(mapped) == seen, "a mapped file is another kind"
    if seen is Content.AMR:
        assert data.startswith((b"#!AMR\n", b"#!AMR-WB\n"))
    return seen is not None


def check_strangers(data: bytes) -> bool:
    """Whatever follows: what begins like no recording is none. The first byte chooses how it begins."""
    stranger = STRANGERS[(data[0] if data else 0) % len(STRANGERS)]
    assert _sniffed(stranger + data[1:]) is None, f"{stranger!r} passes for a recording"
    return False


def _sniffed(data: bytes | mmap.mmap) -> Content | None:
    try:
        return sniff(data)
    except BadAudio as refused:
        assert len(str(refused)) < 100
        return None


# ── AMR ──


def check_amr(data: bytes) -> bool:
    """The frames that are read are those that RFC 4867 puts there, counted once more by other means."""
    declared = next((band for band in Band if data.startswith(band.magic)), None)
    if declared is None:
        return _check_bare(data)
    try:
        track = read_amr(data, MOST_SECONDS)
    except AudioTooLong:
        assert any(len(_frames(data, len(declared.magic), band)[0]) > MOST_FRAMES for band in Band)
        return False
    except BadAudio:
        frames, _ = _frames(data, len(declared.magic), declared)
        assert not any(_is_speech(frame, declared) for frame in frames), "speech was refused"
        return False
    frames, reached_end = _frames(data, len(declared.magic), track.band)
    assert list(track.frames) == frames
    assert track.band is declared or (reached_end and not _frames(data, len(declared.magic), declared)[1])
    assert abs(track.seconds * 50 - len(frames)) < 1e-6
    assert track.is_speech() == [_is_speech(frame, track.band) for frame in frames]
    assert read_amr(track.storage(with_pauses=True), MOST_SECONDS) == track, "what is stored reads otherwise"
    speech = read_amr(track.storage(with_pauses=False), MOST_SECONDS)
    assert list(speech.frames) == [frame for frame in frames if _is_speech(frame, track.band)]
    return True


def _check_bare(data: bytes) -> bool:
    if not is_headerless(data):
        return False
    frames, reached_end = _frames(data, 0, Band.NB)
    assert len(frames) >= 5
    assert (reached_end and b"".join(frames) == data) or len(frames) >= PROOF_FRAMES, "a byte is in no frame"
    try:
        assert list(read_headerless(data, MOST_SECONDS).frames) == frames
    except AudioTooLong:
        assert len(frames) > MOST_FRAMES
    except BadAudio:
        assert not any(_is_speech(frame, Band.NB) for frame in frames), "speech was refused"
        return False
    return True


def _frames(data: bytes, at: int, band: Band) -> tuple[list[bytes], bool]:
    """Whole frames, and whether nothing but them, the magic, and one cut short was there."""
    bits, frames, joined = (_NB_BITS if band is Band.NB else _WB_BITS), list[bytes](), 0
    while at < len(data):
        head = data[at]
        kind = head >> 3 & 15
        if joined < MOST_JOINED and data.startswith(band.magic, at):
            at, joined = at + len(band.magic), joined + 1
            continue
        if head & 0b1000_0011 or (kind >= len(bits) and kind != 15 and not (kind == 14 and band is Band.WB)):
            return frames, False
        size = 1 + (-(-bits[kind] // 8) if kind < len(bits) else 0)
        if at + size <= len(data):
            frames.append(data[at : at + size])
        at += size
    return frames, True


def _is_speech(frame: bytes, band: Band) -> bool:
    return frame[0] >> 3 & 15 < len(_NB_BITS if band is Band.NB else _WB_BITS) - 1


# ── boxes and frames ──


def check_mp4(data: bytes) -> bool:
    """Boxes lie inside one another and never overlap; a codec is four letters of the file itself."""
    _check_level(data, 0, len(data), depth=0)
    try:
        codec = sound_codec(data)
    except BadAudio:
        return False
    assert len(codec) == 4
    assert b"moov" in data
    assert b"soun" in data
    assert data.find(codec, data.find(b"stsd")) > 0
    return True


def _check_level(data: bytes, start: int, end: int, *, depth: int) -> None:
    last, count = start, 0
    for box in boxes(data, start, end):
        count += 1
        assert last + 8 <= box.start <= box.end <= end, "a box leaves its parent"
        assert data[box.start - 12 if box.start - last == 16 else box.start - 4 :][:4] == box.type
        last = box.end
        if depth < 4:
            _check_level(data, box.start, box.end, depth=depth + 1)
    assert count <= MAX_BOXES


def check_mpeg(data: bytes) -> bool:
    """Lengths are those that the standards allow; an MP3 of ours is ours in every byte that says so."""
    start = after_id3(data)
    assert start == 0 or data.startswith(b"ID3")
    for at in _places(data):
        assert 0 <= mp3_frame_bytes(data, at) <= 1441
        assert adts_frame_bytes(data, at) == 0 or 7 < adts_frame_bytes(data, at) < 8192
    streams = [is_stream(data, start, frame_bytes) for frame_bytes in (mp3_frame_bytes, adts_frame_bytes)]
    assert not all(streams), "both kinds at once"
    ours = check_our_mp3(data)
    frames = [data[at : at + 144] for at in range(0, len(data), 144)]
    is_ours = bool(data) and all(_is_our_frame(frame) for frame in frames)
    assert (ours is not None) is is_ours
    assert ours is None or ours.frames == len(frames)
    return any(streams) or is_ours


def _places(data: bytes) -> Iterator[int]:
    """Some, those with a sync byte among them."""
    yield from range(min(len(data), 16))
    at = -1
    for _ in range(16):
        at = data.find(b"\xff", at + 1)
        if at < 0:
            return
        yield at


def _is_our_frame(frame: bytes) -> bool:
    """MPEG-2 layer III, no checksum, 32 kbit/s, 16 kHz, not padded, mono."""
    return len(frame) == 144 and frame.startswith(b"\xff\xf3\x48") and frame[3] >> 6 == 3
