from __future__ import annotations

import sys
from pathlib import Path

import pytest

from toybackend.errors import ConverterUnavailable
from toybackend.transcoder import ffmpeg
from toybackend.transcoder.child import run_child
from toybackend.transcoder.ffmpeg import FoundFfmpeg, examine, find_ffmpeg
from toybackend.transcoder.limits import ConversionLimits


def program(path: Path, script: str = "exit 0") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any ffmpeg."""
    monkeypatch.setattr(ffmpeg, "_REPOSITORY", tmp_path / "repository")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "prefix"))
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def test_places_are_tried_in_order(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConverterUnavailable, match="make ffmpeg"):
        find_ffmpeg(None)
    on_path = program(nowhere / "bin/ffmpeg")
    assert find_ffmpeg(None) == FoundFfmpeg(on_path, "PATH")

    wheel = program(nowhere / "imageio_ffmpeg/binaries/ffmpeg-linux-x86_64-v9.0.2")
    (nowhere / "imageio_ffmpeg/__init__.py").touch()
    monkeypatch.delitem(sys.modules, "imageio_ffmpeg")
    monkeypatch.setattr(sys, "path", [str(nowhere)])
    assert find_ffmpeg(None) == FoundFfmpeg(wheel, "wheel")

    installed = program(nowhere / "prefix/libexec/toybackend/ffmpeg")
    assert find_ffmpeg(None) == FoundFfmpeg(installed, "our build")
    built = program(nowhere / "repository/ffmpeg/bin/ffmpeg")
    assert find_ffmpeg("") == FoundFfmpeg(built, "our build")
    assert find_ffmpeg(str(on_path)) == FoundFfmpeg(on_path, "setting")
    monkeypatch.delitem(sys.modules, "imageio_ffmpeg")


def test_a_setting_may_be_a_name_on_path(nowhere: Path) -> None:
    named = program(nowhere / "bin/my-ffmpeg")
    assert find_ffmpeg("my-ffmpeg") == FoundFfmpeg(named, "setting")


def test_a_setting_that_leads_nowhere_is_not_skipped(nowhere: Path) -> None:
    program(nowhere / "bin/ffmpeg")
    (nowhere / "no-program").touch()
    for setting in (nowhere / "missing", nowhere / "no-program"):
        with pytest.raises(ConverterUnavailable, match="FFMPEG setting"):
            find_ffmpeg(str(setting))


async def test_a_real_program_tells_version_and_decoders(binary: Path, folder: Path) -> None:
    answer = await examine(FoundFfmpeg(binary, "setting"), run_child, folder, ConversionLimits())
    assert answer.version[0].isdigit()
    assert {"amrnb", "amrwb", "aac", "opus", "vorbis", "mp3float"} <= answer.decoders
    assert "h264" not in answer.decoders
    assert {"aresample", "asplit", "biquad", "volume", "alimiter"} <= answer.filters
    assert str(answer) == f"ffmpeg {answer.version} (setting) {binary}"


@pytest.mark.parametrize(
    "script", ["exit 0", "exit 1", "echo something else", "echo ffmpeg version 5.0; exit 1", "kill -9 $$"]
)
async def test_a_program_that_does_not_answer_as_ffmpeg_is_unavailable(folder: Path, script: str) -> None:
    fake = program(folder / "ffmpeg", script)
    with pytest.raises(ConverterUnavailable, match="does not answer"):
        await examine(FoundFfmpeg(fake, "setting"), run_child, folder, ConversionLimits())
