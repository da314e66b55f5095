"""Speaks the prompts of `prompts.toml` and lays them down in `toybackend/prompts/LANGUAGE/NAME.mp3`.

    python prompts/make.py        (or: make prompts)

Run by hand after a text changed; the result is committed and shipped. Needs espeak-ng. Each prompt goes
through our own transcoder, so that it has the format and the loudness of every voice message.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from toybackend.models import Sound
from toybackend.transcoder import FfmpegTranscoder

TEXTS = Path(__file__).with_name("prompts.toml")
SPOKEN = Path(__file__).parent.parent / "toybackend" / "prompts"


@dataclass(frozen=True, slots=True)
class Voice:
    """How one language is spoken."""

    espeak: str
    """Name of the espeak-ng voice."""
    words_per_minute: int
    pitch: int
    """0…99."""


@dataclass(frozen=True, slots=True)
class Prompt:
    name: str
    language: str
    text: str
    voice: Voice

    @property
    def file(self) -> Path:
        """Where the spoken prompt belongs."""
        return SPOKEN / self.language / f"{self.name}.mp3"


def read_prompts(toml: str) -> list[Prompt]:
    """Every prompt in every language. Raises ValueError where a text lacks a language, or has one without a voice."""
    document = tomllib.loads(toml)
    voices = {language: Voice(**fields) for language, fields in document["voices"].items()}
    return [prompt for name, texts in document["texts"].items() for prompt in _in_each_language(name, texts, voices)]


def _in_each_language(name: str, texts: Mapping[str, str], voices: Mapping[str, Voice]) -> list[Prompt]:
    if texts.keys() != voices.keys():
        raise ValueError(f"{name} is written in {sorted(texts)}, the voices are {sorted(voices)}")
    return [Prompt(name, language, text, voices[language]) for language, text in texts.items()]


async def speak(prompt: Prompt, wav: Path) -> None:
    """Writes the text as a WAV file, as espeak-ng speaks it. Raises RuntimeError where it does not."""
    voice = prompt.voice
    manner = ["-v", voice.espeak, "-s", str(voice.words_per_minute), "-p", str(voice.pitch)]
    child = await asyncio.create_subprocess_exec("espeak-ng", *manner, "-w", wav, prompt.text)
    if await child.wait():
        raise RuntimeError(f"espeak-ng failed on {prompt.name} in {prompt.language}")


async def make(prompt: Prompt, transcoder: FfmpegTranscoder) -> Sound:
    """Speaks and converts one prompt into its place."""
    with tempfile.TemporaryDirectory() as name:
        folder, wav = Path(name) / "clip", Path(name) / "spoken.wav"
        folder.mkdir()
        await speak(prompt, wav)
        sound = await transcoder.convert(wav, folder)
        prompt.file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(sound.file, prompt.file)
        return sound


def remove_others(prompts: list[Prompt]) -> None:
    """Spoken files whose text is gone must not be shipped."""
    for stale in set(SPOKEN.glob("*/*.mp3")) - {prompt.file for prompt in prompts}:
        stale.unlink()


async def main() -> None:
    prompts = read_prompts(TEXTS.read_text("utf-8"))
    transcoder = FfmpegTranscoder()
    for prompt in prompts:
        sound = await make(prompt, transcoder)
        print(f"{prompt.language}/{prompt.name}.mp3  {sound.duration_ms / 1000:.2f} s  {prompt.text}")
    remove_others(prompts)


if __name__ == "__main__":
    asyncio.run(main())
