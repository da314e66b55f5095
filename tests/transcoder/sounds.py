"""Sounds and clips for these tests, and an ear: what a decoder, other than the one under test, makes of an MP3."""

from __future__ import annotations

import array
import asyncio
import math
import random
import re
import subprocess
import wave
from collections.abc import Callable
from pathlib import Path

CLIPS = Path(__file__).parents[1] / "clips"
RATE = 16_000


async def until(happened: Callable[[], object]) -> None:
    """Returns once it has happened; fails after two seconds."""
    for _ in range(200):
        if happened():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen within two seconds")


def tone(seconds: float, peak: float = 0.5, hertz: float = 440.0) -> array.array[int]:
    return samples(seconds, lambda i: peak * math.sin(2 * math.pi * hertz * i / RATE))


def noise(seconds: float, peak: float, seed: int = 1) -> array.array[int]:
    dice = random.Random(seed)
    return samples(seconds, lambda _: peak * dice.uniform(-1, 1))


def samples(seconds: float, value: Callable[[int], float]) -> array.array[int]:
    return array.array("h", (round(32767 * max(-1.0, min(1.0, value(i)))) for i in range(round(seconds * RATE))))


def speech() -> array.array[int]:
    """The spoken "hello" clip, 16 kHz."""
    with wave.open(str(CLIPS / "hello.wav")) as clip:
        return array.array("h", clip.readframes(clip.getnframes()))


def at_peak(sound: array.array[int], dbfs: float) -> array.array[int]:
    factor = 32767 * 10 ** (dbfs / 20) / max(abs(value) for value in sound)
    return array.array("h", (round(value * factor) for value in sound))


def rms(sound: array.array[int]) -> float:
    return math.sqrt(sum(value * value for value in sound) / max(1, len(sound)))


def write_wav(path: Path, sound: array.array[int], rate: int = RATE) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(sound.tobytes())
    return path


def decoded(mp3: Path, ear: Path) -> array.array[int]:
    """The samples an independent decoder hears, mono, at 16 kHz."""
    command = [str(ear), "-v", "error", "-i", str(mp3), "-f", "s16le", "-ac", "1", "-ar", str(RATE), "-"]
    return array.array("h", subprocess.run(command, capture_output=True, check=True).stdout)


def loudness_and_true_peak(file: Path, ear: Path) -> tuple[float, float]:
    """LUFS and dBTP by ffmpeg's `ebur128`, which shares nothing with the code under test."""
    command = [str(ear), "-hide_banner", "-nostats", "-i", str(file), "-af", "ebur128=peak=true", "-f", "null", "-"]
    said = subprocess.run(command, capture_output=True, check=True, text=True).stderr
    loudness, peak = re.findall(r"I:\s+(\S+) LUFS", said)[-1], re.findall(r"Peak:\s+(\S+) dBFS", said)[-1]
    return float(loudness), float(peak)
