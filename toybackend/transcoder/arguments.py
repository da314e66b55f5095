"""The argument lists handed to ffmpeg, as pure functions: what runs can be read here, tested and timed alone.

One clip is two short processes, three for AMR inside 3GP:

    extract   3GP/MP4 with AMR → raw AMR, copied          only then are no frames lost (several in one packet)
    decode    anything → `sound.pcm` and `weighted.pcm`   the second K-weighted, to measure loudness
    encode    `sound.pcm` → `encoded.mp3`                 with the one gain that was computed between the two

Every list works on relative names in the clip's own folder, prefixed `file:` so that nothing in a name is
interpreted; forces the demuxer that the content said; opens no protocol but files; names the decoders
that may run, so that a hostile file does not reach the other five hundred of a distribution's ffmpeg; takes
the first sound track and nothing else: no picture, no tag, no location.
"""

from __future__ import annotations

from dataclasses import dataclass

from toybackend.transcoder.amr import Band
from toybackend.transcoder.loudness import RATE, WEIGHTED_SCALE, k_weighting
from toybackend.transcoder.sniffing import Content

ORIGINAL = "original"
TRACK = "track.amr"
SPEECH = "speech.amr"
SOUND = "sound.pcm"
WEIGHTED = "weighted.pcm"
ENCODED = "encoded.mp3"

_PCM = ("pcm_u8", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le", "pcm_f32le", "pcm_alaw", "pcm_mulaw")
_AAC = ("aac", "aac_fixed", "aac_latm")
_OPUS = ("opus", "libopus")
_MP3 = ("mp3float", "mp3")

#: Decoder that keeps pauses and fills them with comfort noise; ffmpeg's own drops SID (and NB's NO_DATA) frames.
OPENCORE = {Band.NB: "libopencore_amrnb", Band.WB: "libopencore_amrwb"}
NATIVE = {Band.NB: "amrnb", Band.WB: "amrwb"}


@dataclass(frozen=True, slots=True)
class Source:
    """What ffmpeg reads: a file of the folder, how it is taken apart, and which decoders may touch it."""

    file: str
    demuxer: str
    decoders: tuple[str, ...]
    forced: str | None = None
    """Name of the one decoder to use. Only for AMR whose frames were walked: elsewhere it turns into rubbish."""


SOURCES = {
    Content.MP4: Source(ORIGINAL, "mov", (*_AAC, *_OPUS, *_MP3, *_PCM)),
    Content.MATROSKA: Source(ORIGINAL, "matroska", (*_OPUS, "vorbis", "libvorbis", *_AAC, *_MP3, *_PCM)),
    Content.OGG: Source(ORIGINAL, "ogg", (*_OPUS, "vorbis", "libvorbis", "speex", "libspeex", "flac")),
    Content.WAV: Source(ORIGINAL, "wav", (*_PCM, "adpcm_ms", "adpcm_ima_wav")),
    Content.CAF: Source(ORIGINAL, "caf", (*_PCM, *_AAC, *_OPUS, "adpcm_ima_qt")),
    Content.MP3: Source(ORIGINAL, "mp3", _MP3),
    Content.ADTS: Source(ORIGINAL, "aac", _AAC),
    Content.FLAC: Source(ORIGINAL, "flac", ("flac",)),
}


def amr_source(band: Band, available: frozenset[str]) -> Source:
    """Clean AMR, read by opencore where the binary has it."""
    decoder = OPENCORE[band] if OPENCORE[band] in available else NATIVE[band]
    return Source(SPEECH, "amr", (decoder, NATIVE[band]), forced=decoder)


def describe_arguments(program: str, source: Source) -> list[str]:
    """Has the tool say what it takes the file for, its length above all; then it ends with a complaint."""
    said = ["-hide_banner", "-nostdin", "-loglevel", "info", "-protocol_whitelist", "file,pipe"]
    return [program, *said, *_read(source)]


def extract_amr_arguments(program: str) -> list[str]:
    """MP4 or 3GP with AMR in it → the same frames as a raw AMR file."""
    decoders = (*NATIVE.values(), *OPENCORE.values())
    read = ["-codec_whitelist", ",".join(decoders), "-vn", "-sn", "-dn", "-f", "mov", "-i", f"file:{ORIGINAL}"]
    write = ["-map", "0:a:0", "-c", "copy", *_CLEAN, "-f", "amr", f"file:{TRACK}"]
    return [*_start(program), *read, *write]


def decode_arguments(program: str, source: Source, seconds: float, filters: frozenset[str]) -> list[str]:
    """Any sound → 16 kHz mono 16-bit PCM, at most `seconds` of it, and the same K-weighted.

    `filters` are those in the binary. AMR comes in frames of 20 ms, and to pass each through every filter costs
    more than the filters do; joined to quarter seconds first, the whole pass takes a quarter less CPU.
    """
    graph = (
        f"[0:a:0]{'asetnsamples=4096:p=0,' if 'asetnsamples' in filters else ''}"
        f"aresample={RATE},aformat=sample_fmts=fltp:channel_layouts=mono,asplit[sound][copy];"
        f"[copy]{k_weighting(RATE)},volume={WEIGHTED_SCALE}[weighted]"
    )
    write = [*_pcm_output("[sound]", SOUND, seconds), *_pcm_output("[weighted]", WEIGHTED, seconds)]
    return [*_start(program), "-filter_complex_threads", "1", *_read(source), "-filter_complex", graph, *write]


def encode_arguments(program: str, filters: str) -> list[str]:
    """Our PCM → MP3 that the smallest decoders play: constant bit rate, no tags, every frame standing alone.

    `-reservoir 0` makes any frame a place to start from: for Range requests, and for us to drop the first one.
    `-compression_level 7` halves LAME's work; on speech the difference is not heard.
    """
    read = ["-f", "s16le", "-sample_rate", str(RATE), "-i", f"file:{SOUND}"]
    codec = ["-c:a", "libmp3lame", "-b:a", "32k", "-ar", str(RATE), "-ac", "1", "-compression_level", "7"]
    plain = ["-reservoir", "0", "-write_xing", "0", "-id3v2_version", "0", *_CLEAN]
    return [*_start(program), *read, "-filter:a", filters, *codec, *plain, "-f", "mp3", f"file:{ENCODED}"]


_CLEAN = ("-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact")


def _start(program: str) -> list[str]:
    quiet = ["-hide_banner", "-nostdin", "-nostats", "-loglevel", "error", "-y"]
    return [program, *quiet, "-protocol_whitelist", "file,pipe"]


def _read(source: Source) -> list[str]:
    forced = ["-c:a", source.forced] if source.forced else []
    decoders = ["-codec_whitelist", ",".join(source.decoders), "-vn", "-sn", "-dn", "-threads", "1"]
    return [*decoders, *forced, "-f", source.demuxer, "-i", f"file:{source.file}"]


def _pcm_output(pad: str, file: str, seconds: float) -> list[str]:
    return ["-map", pad, *_CLEAN, "-t", f"{seconds:g}", "-c:a", "pcm_s16le", "-f", "s16le", f"file:{file}"]
