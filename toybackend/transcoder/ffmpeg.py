"""Which ffmpeg is used, what it can do, and what holds it."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from toybackend.errors import ConverterUnavailable
from toybackend.settings import Confinement
from toybackend.transcoder import sandbox
from toybackend.transcoder.child import Runner, log_tail
from toybackend.transcoder.limits import ConversionLimits
from toybackend.transcoder.sandbox import Sandbox

Origin = Literal["setting", "our build", "wheel", "PATH"]

_REPOSITORY = Path(__file__).resolve().parents[2]
_ANSWER_BYTES = 256 * 1024
_VERSION = re.compile(r"^ffmpeg version n?(\S+)", re.MULTILINE)
_DECODER = re.compile(r"^ A\S{5} (\w+)", re.MULTILINE)
_FILTER = re.compile(r"^ [T.][S.]\S? (\w+) +\S+->", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class FoundFfmpeg:
    """A program file, not yet asked anything."""

    path: Path
    origin: Origin


@dataclass(frozen=True, slots=True)
class Ffmpeg:
    """A program that answered: its version, and the audio decoders and filters in it."""

    found: FoundFfmpeg
    version: str
    decoders: frozenset[str]
    filters: frozenset[str]

    @property
    def program(self) -> str:
        return str(self.found.path)

    def __str__(self) -> str:
        return f"ffmpeg {self.version} ({self.found.origin}) {self.found.path}"


def find_ffmpeg(setting: str | None) -> FoundFfmpeg:
    """The first ffmpeg there is: the setting, our own small build, the imageio-ffmpeg wheel, PATH.

    A setting is an order, so one that leads nowhere is an error and not a reason to look elsewhere.
    Raises ConverterUnavailable.
    """
    if setting:
        named = shutil.which(setting)
        if named is None:
            raise ConverterUnavailable(f"the FFMPEG setting names {setting}, which is no program we can run")
        return FoundFfmpeg(Path(named).absolute(), "setting")
    places: dict[Origin, Callable[[], Path | None]] = {
        "our build": _our_build,
        "wheel": _from_wheel,
        "PATH": _from_path,
    }
    for origin, look in places.items():
        if path := look():
            return FoundFfmpeg(path, origin)
    raise ConverterUnavailable("no ffmpeg found; run `make ffmpeg` or name one in the FFMPEG setting")


def sandbox_of(setting: str | None, confinement: Confinement) -> Sandbox:
    """What will hold the ffmpeg that this setting leads to; blocking. Where it leads to none, what there is."""
    chosen = sandbox.chosen(confinement)
    try:
        return chosen.around(str(find_ffmpeg(setting).path))
    except (ConverterUnavailable, OSError):
        return chosen


async def examine(found: FoundFfmpeg, run: Runner, folder: Path, limits: ConversionLimits) -> Ffmpeg:
    """Asks the program once for its version, decoders and filters.

    Raises ConverterUnavailable if it does not answer as ffmpeg does, OSError if it cannot be started.
    """

    async def ask(question: str) -> tuple[str, str]:
        outcome = await run([str(found.path), question], folder, limits)
        answer = await asyncio.to_thread(log_tail, folder, _ANSWER_BYTES)
        version = _VERSION.search(answer)
        if version is None or not outcome.clean:
            raise ConverterUnavailable(f"{found.path} does not answer as ffmpeg does; it {outcome}")
        return version[1].split("-")[0], answer

    version, decoders = await ask("-decoders")
    _, filters = await ask("-filters")
    return Ffmpeg(found, version, frozenset(_DECODER.findall(decoders)), frozenset(_FILTER.findall(filters)))


def _our_build() -> Path | None:
    places = (_REPOSITORY / "ffmpeg/bin/ffmpeg", Path(sys.prefix) / "libexec/toybackend/ffmpeg")
    return next((place for place in places if os.access(place, os.X_OK) and place.is_file()), None)


def _from_wheel() -> Path | None:
    """The binary inside the imageio-ffmpeg package. Its own search is not used: that one falls back to PATH."""
    try:
        import imageio_ffmpeg  # type: ignore[import-untyped]
    except ImportError:
        return None
    binaries = Path(imageio_ffmpeg.__file__).parent / "binaries"
    return next((path for path in sorted(binaries.glob("ffmpeg-*")) if os.access(path, os.X_OK)), None)


def _from_path() -> Path | None:
    found = shutil.which("ffmpeg")
    return Path(found).absolute() if found else None
