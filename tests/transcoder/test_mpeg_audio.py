from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transcoder.sounds import CLIPS
from toybackend.transcoder.mpeg_audio import (
    adts_frame_bytes,
    after_id3,
    check_our_mp3,
    is_stream,
    mp3_frame_bytes,
)

OURS = bytes.fromhex("fff348c4") + bytes(140)


def adts_frame(size: int) -> bytes:
    """44.1 kHz stereo AAC-LC, no CRC."""
    head = 0xFFF << 44 | 1 << 40 | 1 << 38 | 4 << 34 | 2 << 30 | size << 13 | 0x7FF << 2
    return head.to_bytes(7, "big") + bytes(size - 7)


def test_frame_lengths_are_those_of_the_tables() -> None:
    assert mp3_frame_bytes(OURS, 0) == 144
    assert mp3_frame_bytes(bytes.fromhex("fffb9064"), 0) == 417  # MPEG-1, 128 kbit/s, 44.1 kHz
    assert mp3_frame_bytes(bytes.fromhex("fffb9264"), 0) == 418  # the same, padded
    assert mp3_frame_bytes(bytes.fromhex("ffe318c4"), 0) == 72  # MPEG-2.5, 8 kbit/s, 8 kHz
    assert adts_frame_bytes(adts_frame(300), 0) == 300


@pytest.mark.parametrize("head", ["fff348", "ffeb9064", "fffb0064", "fffbf064", "fffb9c64", "fffd9064", "00fb9064"])
def test_what_is_no_layer_iii_header_has_no_length(head: str) -> None:
    assert mp3_frame_bytes(bytes.fromhex(head), 0) == 0


def test_neither_kind_is_taken_for_the_other() -> None:
    mp3, aac = (CLIPS / "hello.mp3").read_bytes(), (CLIPS / "hello.aac").read_bytes()
    assert is_stream(mp3, after_id3(mp3), mp3_frame_bytes)
    assert not is_stream(mp3, after_id3(mp3), adts_frame_bytes)
    assert is_stream(aac, 0, adts_frame_bytes)
    assert not is_stream(aac, 0, mp3_frame_bytes)


def test_one_header_proves_nothing() -> None:
    assert not is_stream(OURS, 0, mp3_frame_bytes)
    assert not is_stream(OURS + bytes(1000), 0, mp3_frame_bytes)
    assert not is_stream(OURS * 2 + bytes(1000), 0, mp3_frame_bytes)
    assert is_stream(OURS * 2, 0, mp3_frame_bytes)
    assert is_stream(adts_frame(50) * 4, 0, adts_frame_bytes)
    assert not is_stream(adts_frame(7) * 4, 0, adts_frame_bytes)


def test_an_id3_tag_is_stepped_over() -> None:
    tag = b"ID3\4\0\0" + bytes([0, 0, 1, 2]) + b"x" * 130
    assert after_id3(tag + OURS) == len(tag)
    assert after_id3(tag + bytes(33) + OURS) == len(tag) + 33
    footed = b"ID3\4\0\x10" + bytes([0, 0, 0, 5]) + b"x" * 5 + b"3DI\4\0\x10" + bytes([0, 0, 0, 5])
    assert after_id3(footed + OURS) == len(footed)
    assert after_id3(OURS) == 0
    assert after_id3(b"ID3") == 0


def test_our_mp3_is_counted() -> None:
    checked = check_our_mp3(OURS * 10)
    assert checked is not None
    assert (checked.frames, checked.samples) == (10, 5760)


@pytest.mark.parametrize(
    "data",
    [b"", OURS[:-1], OURS + b"TAG", b"ID3" + OURS, OURS + bytes.fromhex("fff34844") + bytes(140)],
    ids=["empty", "cut short", "tail", "head", "stereo"],
)
def test_what_is_not_all_ours_is_no_mp3_of_ours(data: bytes) -> None:
    assert check_our_mp3(data) is None


@given(st.binary(max_size=200), st.integers(0, 210))
def test_any_bytes_have_a_length_or_none(data: bytes, at: int) -> None:
    assert mp3_frame_bytes(data, at) >= 0
    assert adts_frame_bytes(data, at) >= 0
    assert after_id3(data) >= 0
