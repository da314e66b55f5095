"""The spoken prompts that are shipped: complete, and of the same make and loudness as every voice message."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from toybackend.models import BootState
from toybackend.transcoder import find_ffmpeg
from toybackend.transcoder.loudness import RATE, TARGET_LUFS
from toybackend.transcoder.mpeg_audio import check_our_mp3

ROOT = Path(__file__).parent.parent
SPOKEN = ROOT / "toybackend" / "prompts"
FILES = sorted(SPOKEN.glob("*/*.mp3"))
NAMES = {
    *("unlicensed", "unbound", "ready", "bound"),
    *("new_message", "recording", "sent", "failed"),
    *("quiet_hours", "daily_limit", "volume"),
    *("no_connection", "server_away"),
}
LANGUAGES = ("en", "zh")
LOUDNESS_TOLERANCE_LU = 2.0
SHORTEST_SECONDS, LONGEST_SECONDS = 1.0, 10.0
"""A child waits for the end of a prompt before speaking."""

every_file = pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")


def load_make() -> ModuleType:
    """`prompts/make.py`, which is a script beside the package and not in it."""
    spec = importlib.util.spec_from_file_location("prompts_make", ROOT / "prompts" / "make.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their own module up there
    spec.loader.exec_module(module)
    return module


def ffmpeg(*arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    command = [find_ffmpeg(None).path, "-nostdin", "-hide_banner", "-nostats", *arguments]
    return subprocess.run(command, capture_output=True, check=True)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_prompt_is_spoken_in_every_language(language: str) -> None:
    assert {file.stem for file in FILES if file.parent.name == language} == NAMES


def test_every_power_on_state_has_its_prompt() -> None:
    assert {state.value for state in BootState} <= NAMES


def test_what_is_spoken_is_what_is_written() -> None:
    make = load_make()
    prompts = make.read_prompts(make.TEXTS.read_text("utf-8"))
    assert sorted(prompt.file for prompt in prompts) == FILES


def test_a_text_without_one_of_its_languages_is_an_error() -> None:
    toml = """
        [voices]
        en = { espeak = "en-gb", words_per_minute = 145, pitch = 60 }
        zh = { espeak = "cmn-latn-pinyin", words_per_minute = 150, pitch = 60 }
        [texts.ready]
        en = "Welcome!"
    """
    with pytest.raises(ValueError, match=r"ready is written in \['en'\], the voices are \['en', 'zh'\]"):
        load_make().read_prompts(toml)


@every_file
def test_the_format_is_that_of_every_voice_message(file: Path) -> None:
    mp3 = check_our_mp3(file.read_bytes())
    assert mp3 is not None, "a frame is not mono, 16 kHz, 32 kbit/s, or there is something beside the frames"
    assert SHORTEST_SECONDS < mp3.samples / RATE < LONGEST_SECONDS


@every_file
def test_every_frame_decodes(file: Path) -> None:
    mp3 = check_our_mp3(file.read_bytes())
    assert mp3 is not None
    pcm = ffmpeg("-v", "error", "-xerror", "-f", "mp3", "-i", file, "-f", "s16le", "-").stdout
    assert len(pcm) == mp3.samples * 2


@every_file
def test_the_loudness_is_that_of_every_voice_message(file: Path) -> None:
    log = ffmpeg("-v", "info", "-f", "mp3", "-i", file, "-af", "ebur128", "-f", "null", "-").stderr.decode()
    summary = re.search(r"Integrated loudness:\s+I:\s+(-?[\d.]+) LUFS", log)
    assert summary, log[-2000:]
    assert float(summary[1]) == pytest.approx(TARGET_LUFS, abs=LOUDNESS_TOLERANCE_LU)
