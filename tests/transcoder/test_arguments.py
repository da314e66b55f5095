from __future__ import annotations

import pytest

from toybackend.transcoder import arguments
from toybackend.transcoder.amr import Band
from toybackend.transcoder.sniffing import Content

OPENCORE = frozenset({"libopencore_amrnb", "libopencore_amrwb"})
SOURCES = [*arguments.SOURCES.values(), *(arguments.amr_source(band, OPENCORE) for band in Band)]
COMMANDS = [
    arguments.extract_amr_arguments("ffmpeg"),
    arguments.encode_arguments("ffmpeg", "volume=1"),
    *(arguments.decode_arguments("ffmpeg", source, 121, frozenset()) for source in SOURCES),
]


def value(command: list[str], option: str) -> str:
    return command[command.index(option) + 1]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_is_confined(command: list[str]) -> None:
    read_at = command.index("-i")
    files = [command[read_at + 1], *(word for word in command if word.startswith("file:"))]
    assert all(name.startswith("file:") and "/" not in name and ".." not in name for name in files)
    assert command.index("-f") < read_at, "the demuxer is forced, not guessed"
    assert command.index("-protocol_whitelist") < read_at
    assert value(command, "-protocol_whitelist") == "file,pipe"
    assert value(command, "-map_metadata") == value(command, "-map_chapters") == "-1"
    assert "-nostdin" in command
    assert "-codec_whitelist" in command or value(command, "-f") == "s16le"


@pytest.mark.parametrize("command", [c for c in COMMANDS if "file:original" in c or "file:speech.amr" in c])
def test_only_the_first_sound_track_is_read(command: list[str]) -> None:
    assert {"-vn", "-sn", "-dn"} <= set(command[: command.index("-i")])
    assert "0:a:0" in command or any(word.startswith("[0:a:0]") for word in command)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.demuxer)
def test_decoding_is_bounded_and_only_named_decoders_run(source: arguments.Source) -> None:
    command = arguments.decode_arguments("ffmpeg", source, 121, frozenset())
    assert command.count("-t") == 2
    assert value(command, "-t") == "121"
    assert value(command, "-codec_whitelist").split(",") == list(source.decoders)
    assert command.index("-codec_whitelist") < command.index("-i")


def test_opencore_is_forced_where_it_is_there() -> None:
    assert arguments.amr_source(Band.NB, OPENCORE).forced == "libopencore_amrnb"
    assert arguments.amr_source(Band.WB, OPENCORE).forced == "libopencore_amrwb"
    assert arguments.amr_source(Band.NB, frozenset({"libopencore_amrwb"})).forced == "amrnb"
    assert arguments.amr_source(Band.WB, frozenset()).forced == "amrwb"


def test_a_decoder_is_forced_for_walked_amr_only() -> None:
    assert all(source.forced is None for source in arguments.SOURCES.values())
    forced = arguments.decode_arguments("ffmpeg", arguments.amr_source(Band.NB, OPENCORE), 121, frozenset())
    assert forced.index("-c:a") < forced.index("-i")


def test_frames_are_joined_where_the_binary_can() -> None:
    source = arguments.SOURCES[Content.OGG]
    with_it = arguments.decode_arguments("ffmpeg", source, 121, frozenset({"asetnsamples"}))
    without = arguments.decode_arguments("ffmpeg", source, 121, frozenset())
    assert value(with_it, "-filter_complex").replace("asetnsamples=4096:p=0,", "") == value(without, "-filter_complex")
    assert with_it != without


def test_every_content_is_read_somehow() -> None:
    assert set(Content) - set(arguments.SOURCES) == {Content.AMR, Content.BARE_AMR}


def test_the_mp3_is_what_small_decoders_play() -> None:
    command = arguments.encode_arguments("ffmpeg", "volume=2dB")
    wanted = {"-b:a": "32k", "-ar": "16000", "-ac": "1", "-write_xing": "0", "-id3v2_version": "0", "-reservoir": "0"}
    assert {option: value(command, option) for option in wanted} == wanted
    assert value(command, "-filter:a") == "volume=2dB"
