"""What the tests of faults break, and repair again: an ffmpeg, and a disk."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from toybackend.transcoder.ffmpeg import find_ffmpeg

FAULTS = {
    "hangs": "exec sleep 600",
    "prints garbage and exits 1": "head -c 5000 /dev/urandom; echo nonsense >&2; exit 1",
    "exits 0 without sound": "exit 0",
    "is killed": "kill -9 $$",
}
"""What a sick ffmpeg does, in the words of sh."""
MISSING = "is missing"


class BreakableFfmpeg:
    """A program file that is the real ffmpeg while it is well. What it is can change while a server uses it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "ffmpeg"
        self._real = find_ffmpeg(None).path
        self.repair()

    def repair(self) -> None:
        self._become(f'exec {self._real} "$@"')

    def fall_ill(self, how: str, *, only_when_converting: bool = False) -> None:
        """`only_when_converting`: asked for its decoders it still answers, as a tool does that lost one of them."""
        if how == MISSING:
            self.file.unlink()
            return
        answer = f'case "$*" in *-decoders*) exec {self._real} "$@";; esac\n' if only_when_converting else ""
        self._become(answer + FAULTS[how])

    def slow_down(self, seconds: float) -> None:
        """Take this long over every run on somebody's clip, and leave the file `started` beside itself."""
        started = self.file.with_name("started")
        answer = f'case "$* $PWD" in *-decoders*|*known-good-*) exec {self._real} "$@";; esac'
        self._become(f'{answer}\n: > {started}\nsleep {seconds}\nexec {self._real} "$@"')

    @property
    def has_started(self) -> bool:
        """A slow run has begun."""
        return self.file.with_name("started").exists()

    def _become(self, script: str) -> None:
        # Under another name first: a script that is just being read must not change.
        new = self.file.with_name("ffmpeg.new")
        new.write_text(f"#!/bin/sh\n{script}\n")
        new.chmod(0o755)
        new.replace(self.file)


class SmallDisk:
    """A file system of a few megabytes, and a file that takes all that is left of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    @property
    def free_bytes(self) -> int:
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize

    def fill(self, leave_bytes: int = 0) -> None:
        """Take everything but this."""
        missing = self.free_bytes - leave_bytes
        with self._ballast.open("ab") as file:
            os.posix_fallocate(file.fileno(), file.tell(), missing)

    def free(self) -> None:
        self._ballast.unlink()

    def files(self, below: str) -> list[str]:
        """Names of all files in a folder and the folders in it."""
        return sorted(found.name for found in (self.folder / below).rglob("*") if found.is_file())


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[SmallDisk]:
    """Mounted there while the context is open. Raises CalledProcessError where we may not mount."""
    folder.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", str(folder)],
        check=True,
        capture_output=True,
    )
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, capture_output=True)


@contextmanager
def no_file_grows() -> Iterator[None]:
    """While the context is open this process can write to no file: a full disk for those who may not mount one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
