"""What is in a file, by its content alone: an allow-list, decided before any process starts.

Names and declared types lie (AMR-WB called .amr, M4A called .aac), and a converter left to guess follows
playlists: a text that says `ffconcat version 1.0` plays another family's clip. So whatever is not plainly one
of the kinds below is refused here, and ffmpeg is told which demuxer to use, never asked.
"""

from __future__ import annotations

from enum import StrEnum

from toybackend.errors import BadAudio
from toybackend.transcoder.amr import band_of, is_headerless
from toybackend.transcoder.mpeg_audio import adts_frame_bytes, after_id3, is_stream, mp3_frame_bytes
from toybackend.transcoder.original import Data


class Content(StrEnum):
    """What we take."""

    AMR = "amr"
    BARE_AMR = "bare amr"
    """AMR-NB frames without the magic."""
    MP4 = "mp4"
    """Also 3GP, M4A and QuickTime: ISO base media files."""
    MATROSKA = "matroska"
    """WebM above all."""
    OGG = "ogg"
    WAV = "wav"
    CAF = "caf"
    MP3 = "mp3"
    ADTS = "adts"
    FLAC = "flac"


#: Box types an ISO base media or QuickTime file may open with.
_OPENING_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
_SILK = b"#!SILK"
_EBML = b"\x1a\x45\xdf\xa3"
_EBML_DOCTYPE = b"\x42\x82"
_FLAC = (b"fLaC\0\0\0\x22", b"fLaC\x80\0\0\x22")
"""And the head of the block that must come first."""
_HEAD = 64
"""Bytes in which a magic shows."""


def sniff(data: Data) -> Content:
    """The kind of sound these bytes hold. Raises BadAudio, saying which kind it saw where that helps."""
    if band_of(data):
        return Content.AMR
    head = data[:_HEAD]
    _refuse_known_strangers(head)
    return _by_magic(head) or _by_frames(data) or _refuse()


def _refuse_known_strangers(data: bytes) -> None:
    """Kinds that people really send and that deserve words of their own."""
    if not data:
        raise BadAudio("the recording is empty")
    if data[:1] in (b"\x02", b"#") and data[:8].lstrip(b"\x02").startswith(_SILK):
        raise BadAudio("this is a WeChat SILK recording; save it as AMR or M4A and send that")
    if data.startswith((b"#!AMR_MC1.0", b"#!AMR-WB_MC1.0")):
        raise BadAudio("this AMR recording has several channels; only one is taken")
    if data.startswith(b"#!AMR"):
        raise BadAudio("the start of this AMR recording is damaged")


def _by_magic(data: bytes) -> Content | None:
    if data[4:8] in _OPENING_BOXES:
        return Content.MP4
    if data.startswith(b"OggS\0"):
        return Content.OGG
    if data[:4] in (b"RIFF", b"RF64") and data[8:12] == b"WAVE":
        return Content.WAV
    if data.startswith(b"caff\0\1"):
        return Content.CAF
    if data.startswith(_FLAC):
        return Content.FLAC
    return Content.MATROSKA if _is_matroska(data) else None


def _is_matroska(data: bytes) -> bool:
    """An EBML head whose document type is `webm` or `matroska`."""
    at = data.find(_EBML_DOCTYPE)
    return data.startswith(_EBML) and at > 0 and data[at + 3 :].startswith((b"webm", b"matroska"))


def _by_frames(data: Data) -> Content | None:
    """Kinds without a magic: only a run of consistent frames proves them."""
    start = after_id3(data)
    if is_stream(data, start, mp3_frame_bytes):
        return Content.MP3
    if is_stream(data, start, adts_frame_bytes):
        return Content.ADTS
    return Content.BARE_AMR if is_headerless(data) else None


def _refuse() -> Content:
    raise BadAudio("this is not a kind of recording that we can play")
