from __future__ import annotations

import base64
import contextlib
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transcoder.sounds import CLIPS
from toybackend.errors import BadAudio
from toybackend.transcoder.sniffing import Content, sniff


@pytest.mark.parametrize(
    ("clip", "content"),
    [
        ("hello_nb.amr", Content.AMR),
        ("hello_wb.amr", Content.AMR),
        ("hello.3gp", Content.MP4),
        ("hello.m4a", Content.MP4),
        ("video.mp4", Content.MP4),
        ("hello.webm", Content.MATROSKA),
        ("video.webm", Content.MATROSKA),
        ("hello.ogg", Content.OGG),
        ("hello.wav", Content.WAV),
        ("hello.caf", Content.CAF),
        ("hello.flac", Content.FLAC),
        ("hello.mp3", Content.MP3),
        ("hello.aac", Content.ADTS),
    ],
)
def test_real_recordings_are_known_by_content(clip: str, content: Content) -> None:
    assert sniff((CLIPS / clip).read_bytes()) is content


def test_bare_frames_and_rf64_are_known() -> None:
    assert sniff((CLIPS / "hello_nb.amr").read_bytes()[6:]) is Content.BARE_AMR
    assert sniff(b"RF64\xff\xff\xff\xffWAVEds64") is Content.WAV


@pytest.mark.parametrize("box", [b"moov", b"mdat", b"wide", b"free", b"skip"])
def test_a_file_may_open_with_another_box_than_ftyp(box: bytes) -> None:
    assert sniff(b"\0\0\0\x08" + box + bytes(100)) is Content.MP4


def a_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("clip.amr", (CLIPS / "hello_nb.amr").read_bytes())
    return buffer.getvalue()


STRANGERS = {
    "html": b"<!DOCTYPE html><html><body>hello</body></html>",
    "elf": b"\x7fELF\2\1\1" + bytes(200),
    "zip": a_zip(),
    "svg": b'<svg viewBox="0 0 1 1"><path d="M0 0"/></svg>',
    "m3u8": b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:10,\nother.amr\n",
    "ffconcat": b"ffconcat version 1.0\nfile other.amr\n",
    "text": b"hello, this is no recording at all. " * 40,
    "base64": base64.b64encode((CLIPS / "hello_nb.amr").read_bytes()),
    "if2": bytes([0x7C, 0x48, 0xA7, 0x12] * 200),
    "one byte": b"\0",
    "zeros": bytes(5000),
    "wav called riff": b"RIFF\0\0\0\0AVI LIST",
    "ebml of another kind": b"\x1a\x45\xdf\xa3\x8b\x42\x82\x88whatever",
    "png": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "pipes": b"|" * 5000,
    "page whose letters walk like frames": b"<!DOCTYPE html><html><body>p    " + (b"<p>" + b"word " * 5 + b"    ") * 9,
}


@pytest.mark.parametrize("data", STRANGERS.values(), ids=STRANGERS)
def test_everything_else_is_refused(data: bytes) -> None:
    with pytest.raises(BadAudio):
        sniff(data)


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"\x02#!SILK_V3" + bytes(100), "SILK"),
        (b"#!SILK_V3" + bytes(100), "SILK"),
        (b"#!AMR_MC1.0\n\xff\xff\xff\xff", "channels"),
        (b"#!AMR-WB_MC1.0\n\xff\xff\xff\xff", "channels"),
        (b"#!AMR\r\n" + bytes(100), "damaged"),
        (b"#!AMR", "damaged"),
        (b"", "empty"),
    ],
)
def test_kinds_that_people_send_have_words_of_their_own(data: bytes, word: str) -> None:
    with pytest.raises(BadAudio, match=word):
        sniff(data)


@given(st.binary(max_size=500))
def test_any_bytes_are_known_or_refused(data: bytes) -> None:
    with contextlib.suppress(BadAudio):
        assert sniff(data) in Content
