"""The steps of one conversion that touch the disk or count samples. Blocking; called in a thread.

prepare   original → what ffmpeg is to read          refuses what is not sound
listen    the decoded PCM → measurements             None where nothing audible came out
finish    the encoded MP3 → the MP3 that is kept      None where it is not what we asked for
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from toybackend.errors import AudioTooLarge, AudioTooLong, BadAudio
from toybackend.transcoder import arguments
from toybackend.transcoder.amr import AmrTrack, Band, read_amr, read_headerless
from toybackend.transcoder.arguments import ENCODED, ORIGINAL, SOUND, SOURCES, SPEECH, TRACK, WEIGHTED, Source
from toybackend.transcoder.limits import ConversionLimits
from toybackend.transcoder.loudness import RATE, SAMPLE_BYTES, Measured, measure
from toybackend.transcoder.mp4 import sound_codec
from toybackend.transcoder.mpeg_audio import OUR_FRAME_BYTES, check_our_mp3
from toybackend.transcoder.original import Data, opened
from toybackend.transcoder.pauses import is_complete, lay_in_pauses
from toybackend.transcoder.sniffing import Content, sniff

MP3 = "sound.mp3"
LEAST_FREE_BYTES = 1 << 20

#: How much longer than the limit a clip may turn out: what codecs add at the end of a recording stopped in time.
CODEC_PADDING_SECONDS = 0.1
#: How far the MP3 may be from the sound it was made of.
MP3_TOLERANCE_SECONDS = 0.1

#: A millisecond: less than that would be a message that lasts 0 ms.
_LEAST_BYTES = RATE // 1000 * SAMPLE_BYTES

_MP4_AMR = (b"samr", b"sawb")
_MP4_OTHERS = (b"mp4a", b"Opus", b".mp3", b"lpcm", b"sowt", b"twos", b"in24", b"ulaw", b"alaw")


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is to be decoded, and for AMR the frames to hold the result against."""

    source: Source
    track: AmrTrack | None = None
    keeps_pauses: bool = True
    """Whether the decoder turns pauses into sound as well, or they are laid in afterwards."""

    @property
    def is_narrow_band(self) -> bool:
        return self.track is not None and self.track.band is Band.NB


def prepare(original: Path, folder: Path, decoders: frozenset[str], limits: ConversionLimits) -> Prepared | None:
    """Looks into the original; None where AMR must first be extracted from an MP4.

    Raises BadAudio, AudioTooLong and AudioTooLarge, all before any process has started.
    """
    # A try that was cut short may have left its files: none of them may pass for the result of this one.
    for name in (ORIGINAL, TRACK, SPEECH, SOUND, WEIGHTED, ENCODED, MP3):
        (folder / name).unlink(missing_ok=True)
    if original.stat().st_size > limits.input_bytes:
        raise AudioTooLarge
    with opened(original) as data:
        return _prepare(data, original, folder, decoders, limits)


def _prepare(
    data: Data, original: Path, folder: Path, decoders: frozenset[str], limits: ConversionLimits
) -> Prepared | None:
    content = sniff(data)
    if content is Content.AMR:
        return prepare_amr(read_amr(data, limits.max_seconds), folder, decoders)
    if content is Content.BARE_AMR:
        return prepare_amr(read_headerless(data, limits.max_seconds), folder, decoders)
    # A link, so that ffmpeg sees a name of ours and never the original's.
    (folder / ORIGINAL).symlink_to(original.absolute())
    if content is Content.MP4:
        codec = sound_codec(data)
        if codec in _MP4_AMR:
            return None
        if codec not in _MP4_OTHERS:
            raise BadAudio("the sound in this file is of a kind that we do not play")
    return Prepared(SOURCES[content])


def prepare_extracted(folder: Path, decoders: frozenset[str], limits: ConversionLimits) -> Prepared | None:
    """The AMR track that ffmpeg copied out of an MP4; None where it copied nothing."""
    _check_room(folder)
    data = _read(folder / TRACK)
    if len(data) <= len(Band.WB.magic):
        return None
    return prepare_amr(read_amr(data, limits.max_seconds), folder, decoders)


def prepare_amr(track: AmrTrack, folder: Path, decoders: frozenset[str]) -> Prepared:
    """Writes the clean AMR file that ffmpeg gets."""
    source = arguments.amr_source(track.band, decoders)
    keeps_pauses = source.forced == arguments.OPENCORE[track.band]
    (folder / SPEECH).write_bytes(track.storage(with_pauses=keeps_pauses))
    return Prepared(source, track, keeps_pauses)


def listen(prepared: Prepared, folder: Path, limits: ConversionLimits) -> Measured | None:
    """Measures what was decoded, pauses put back; None where nothing came out, or for AMR not all of it.

    Raises AudioTooLong: the decoder was allowed one second more than the limit, to be able to tell.
    """
    _check_room(folder)
    sound, weighted = folder / SOUND, folder / WEIGHTED
    size = _size(sound)
    if size < _LEAST_BYTES or _size(weighted) != size:
        return None
    if prepared.track is not None:
        flags = prepared.track.is_speech()
        if not is_complete(size, len(flags) if prepared.keeps_pauses else sum(flags)):
            return None
        if not prepared.keeps_pauses and not all(flags):
            _fill(sound, flags)
            _fill(weighted, flags)
    with sound.open("rb") as pcm, weighted.open("rb") as weighted_pcm:
        measured = measure(pcm, weighted_pcm)
    if measured.seconds > limits.max_seconds + CODEC_PADDING_SECONDS:
        raise AudioTooLong(f"the recording lasts longer than {limits.max_seconds} seconds")
    return measured


def _fill(file: Path, is_speech: Sequence[bool]) -> None:
    whole = file.with_suffix(".whole")
    with file.open("rb") as speech, whole.open("wb") as filled:
        lay_in_pauses(speech, is_speech, filled)
    whole.replace(file)


def finish(measured: Measured, folder: Path) -> Path | None:
    """Drops the first MP3 frame and checks the rest, frame by frame; None where it is not the MP3 we asked for.

    LAME puts 1,105 samples of delay in front. The first frame (36 ms) holds nothing else; without it the MP3 is
    36 to 72 ms longer than the sound, all of it at the ends: nothing spoken is cut.
    """
    data = _read(folder / ENCODED)[OUR_FRAME_BYTES:]
    checked = check_our_mp3(data)
    if checked is None or not 0 <= checked.samples - measured.samples <= MP3_TOLERANCE_SECONDS * RATE:
        return None
    path = folder / MP3
    path.write_bytes(data)
    return path


def _check_room(folder: Path) -> None:
    """A child that had no room for its last bytes, a second of sound, may have ended as if all were well. Raises
    OSError."""
    found = os.statvfs(folder)
    if found.f_bavail * found.f_frsize < LEAST_FREE_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _size(path: Path) -> int:
    """In bytes; 0 where ffmpeg did not write it."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _read(path: Path) -> bytes:
    """The file, or nothing where ffmpeg did not write it."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
