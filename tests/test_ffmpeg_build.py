"""Our ffmpeg holds what the transcoder asks of it, and nothing that reaches beyond a file."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from toybackend.transcoder.amr import Band
from toybackend.transcoder.arguments import NATIVE, OPENCORE, SOURCES, Source, decode_arguments, encode_arguments
from toybackend.transcoder.loudness import Measured, level_filters

FOLDER = Path(__file__).parent.parent / "ffmpeg"
PROGRAM = FOLDER / "bin" / "ffmpeg"
LOUD = Measured(samples=16_000, peak_dbfs=0.0, loudness_lufs=-30.0, waveform=())
"""A clip with a peak so high that its gain needs the limiter."""

needs_our_build = pytest.mark.skipif(not PROGRAM.exists(), reason="no ffmpeg/bin/ffmpeg; `make ffmpeg` builds it")


def flags() -> list[str]:
    lines = (FOLDER / "configure-flags").read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def enabled(kind: str) -> set[str]:
    """Every part of this kind that configure-flags names."""
    prefix = f"--enable-{kind}="
    return {part for flag in flags() if flag.startswith(prefix) for part in flag.removeprefix(prefix).split(",")}


def filters_in(graph: str) -> set[str]:
    return set(re.findall(r"(?:^|[,;\]])(\w+)", graph))


def test_nothing_is_built_that_reaches_beyond_a_file() -> None:
    assert enabled("protocol") == {"file", "pipe"}
    assert {"--disable-everything", "--disable-autodetect", "--disable-network"} <= set(flags())
    assert not enabled("demuxer") & {"concat", "hls", "image2", "dash", "sdp", "rtsp"}


@pytest.mark.parametrize("source", SOURCES.values(), ids=[content.name for content in SOURCES])
def test_every_kind_of_file_has_its_demuxer_and_decoders(source: Source) -> None:
    assert source.demuxer in enabled("demuxer")
    assert enabled("decoder") & set(source.decoders)


def test_amr_is_read_and_taken_out_of_3gp() -> None:
    assert {*OPENCORE.values(), *NATIVE.values()} <= enabled("decoder")
    assert "amr" in enabled("demuxer") & enabled("muxer")
    assert "amr" in enabled("parser"), "without it a raw AMR file ends after 0.4 s, with exit code 0"
    assert set(Band) == OPENCORE.keys()


@pytest.mark.parametrize("narrow_band", [True, False])
def test_every_filter_of_the_transcoder_is_built(narrow_band: bool) -> None:
    decode = decode_arguments("ffmpeg", next(iter(SOURCES.values())), 120, frozenset(enabled("filter")))
    encode = encode_arguments("ffmpeg", level_filters(LOUD, narrow_band=narrow_band))
    graphs = [decode[decode.index("-filter_complex") + 1], encode[encode.index("-filter:a") + 1]]
    used = set().union(*map(filters_in, graphs))
    assert {"asetnsamples", "aresample", "biquad", "volume", "alimiter"} <= used
    assert used <= enabled("filter")


@needs_our_build
@pytest.mark.parametrize("kind", ["decoder", "encoder", "filter", "protocol"])
def test_the_program_has_what_the_flags_name(kind: str) -> None:
    listing = subprocess.run([PROGRAM, "-hide_banner", f"-{kind}s"], capture_output=True, text=True, check=True).stdout
    assert enabled(kind) <= set(re.findall(r"\w+", listing))


@needs_our_build
def test_the_program_says_what_it_was_made_of() -> None:
    build = (FOLDER / "bin" / "BUILD").read_text("utf-8")
    assert re.search(r"^source: .*ffmpeg", build, re.MULTILINE)
    assert re.search(r"^ffmpeg version \S+", build, re.MULTILINE)
