from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from toybackend.transcoder import FfmpegTranscoder
from toybackend.transcoder.ffmpeg import _from_path, _from_wheel, _our_build

BINARIES = {"our build": _our_build(), "wheel": _from_wheel(), "PATH": _from_path()}


def _here(origin: str) -> Path:
    path = BINARIES[origin]
    if path is None:
        pytest.skip(f"no ffmpeg here from: {origin}")
    return path


@pytest.fixture(params=BINARIES)
def binary(request: pytest.FixtureRequest) -> Path:
    """Each ffmpeg that a server may meet, one after the other."""
    return _here(request.param)


@pytest.fixture
def any_binary() -> Path:
    """One ffmpeg, the cheapest there is, for what does not depend on its version."""
    return next((path for path in BINARIES.values() if path), None) or _here("PATH")


@pytest.fixture
def ear() -> Path:
    """The ffmpeg that listens to results: not the one we ship, and with `ebur128` in it."""
    return BINARIES["wheel"] or _here("PATH")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "clip folder; $(touch x)"  # a name that a shell would act on
    path.mkdir()
    return path


@pytest.fixture(scope="session")
def transcoders() -> dict[Path, FfmpegTranscoder]:
    return {}


@pytest.fixture
def transcoder(binary: Path, transcoders: dict[Path, FfmpegTranscoder]) -> FfmpegTranscoder:
    """The same one for all tests of a binary, as in a server: the binary is asked about itself once."""
    return transcoders.setdefault(binary, FfmpegTranscoder(str(binary)))


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    """Whatever a test did: no child, dead or alive, and no file descriptor remains that was not there before."""
    children, files = _children(), len(os.listdir("/proc/self/fd"))
    yield
    assert _children() <= children
    assert len(os.listdir("/proc/self/fd")) <= files


def _children() -> set[str]:
    """Of any thread of this process, also those that are dead and not reaped."""
    children: set[str] = set()
    for one in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):  # a thread that has ended meanwhile
            children |= set(one.read_text().split())
    return children
