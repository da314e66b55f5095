from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transcoder.sounds import CLIPS
from toybackend.errors import BadAudio
from toybackend.transcoder.mp4 import MAX_BOXES, boxes, sound_codec


def box(kind: bytes, body: bytes = b"") -> bytes:
    return (8 + len(body)).to_bytes(4, "big") + kind + body


def track(handler: bytes, codec: bytes) -> bytes:
    described = box(b"stsd", bytes(7) + b"\1" + box(codec, bytes(28)))
    media = box(b"hdlr", bytes(8) + handler + bytes(12)) + box(b"minf", box(b"stbl", described))
    return box(b"trak", box(b"tkhd", bytes(84)) + box(b"mdia", media))


FTYP = box(b"ftyp", b"isom" + bytes(4))


@pytest.mark.parametrize(
    ("clip", "codec"),
    [
        ("hello.3gp", b"samr"),
        ("hello_packed.3gp", b"samr"),
        ("hello.m4a", b"mp4a"),
        ("video.mp4", b"mp4a"),
    ],
)
def test_the_codec_of_real_files(clip: str, codec: bytes) -> None:
    assert sound_codec((CLIPS / clip).read_bytes()) == codec


def test_the_first_sound_track_counts_and_pictures_do_not() -> None:
    tracks = track(b"vide", b"avc1") + track(b"soun", b"sawb") + track(b"soun", b"mp4a")
    assert sound_codec(FTYP + box(b"mdat", bytes(100)) + box(b"moov", tracks)) == b"sawb"


def test_sizes_of_64_bits_and_to_the_end_are_understood() -> None:
    mdat = (1).to_bytes(4, "big") + b"mdat" + (16 + 5).to_bytes(8, "big") + bytes(5)
    moov = box(b"moov", track(b"soun", b"samr"))
    assert sound_codec(FTYP + mdat + bytes(4) + moov[4:]) == b"samr"


MOOV = box(b"moov", track(b"soun", b"mp4a"))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        FTYP,
        FTYP + MOOV[:-1],
        FTYP + box(b"moov"),
        FTYP + box(b"moov", track(b"vide", b"avc1")),
        FTYP + box(b"moov", box(b"trak", box(b"mdia", box(b"hdlr", bytes(8) + b"soun")))),
        FTYP + MOOV.replace(box(b"mp4a", bytes(28)), b"\xff" * 36),
        FTYP + (7).to_bytes(4, "big") + b"skip" + MOOV,
        FTYP + (1).to_bytes(4, "big") + b"skip" + (2**63).to_bytes(8, "big") + MOOV,
    ],
    ids=["empty", "no index", "index cut", "no track", "no sound", "no table", "no entry", "size 7", "huge size"],
)
def test_without_a_whole_index_there_is_no_sound(data: bytes) -> None:
    with pytest.raises(BadAudio):
        sound_codec(data)


def test_the_number_of_boxes_is_bounded() -> None:
    data = box(b"free") * (MAX_BOXES + 10)
    assert len(list(boxes(data, 0, len(data)))) == MAX_BOXES


@given(st.binary(max_size=400))
def test_boxes_never_leave_their_parent(data: bytes) -> None:
    end = 0
    for found in boxes(data, 0, len(data)):
        assert end <= found.start <= found.end <= len(data)
        end = found.end


@given(st.binary(max_size=60), st.integers(0, len(MOOV)), st.integers(0, 20))
def test_any_damage_is_a_codec_or_a_refusal(rubbish: bytes, at: int, cut: int) -> None:
    damaged = FTYP + MOOV[:at] + rubbish + MOOV[at + cut :]
    with contextlib.suppress(BadAudio):
        assert len(sound_codec(damaged)) == 4
