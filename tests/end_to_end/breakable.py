"""What the tests of faults break, and repair again: an ffmpeg, and every disk that this process writes to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from toybackend.transcoder.ffmpeg import find_ffmpeg
from trials.small_disk import NoGrowth

FAULTS = {
    "hangs": "exec sleep 600",
    "prints garbage and exits 1": "head -c 5000 /dev/urandom; echo nonsense >&2; exit 1",
    "exits 0 without sound": "exit 0",
    "is killed": "kill -9 $$",
}
"""What a sick ffmpeg does, in the words of sh."""
RARE_FAULTS = {
    "spews 100 MB": "head -c 100000000 /dev/zero | tr '\\0' x >&2; exit 1",
    "forks, and its children stay": "sleep 600 & (sleep 600 & sleep 600) & sleep 0.1; exit 0",
    "is deaf to signals": "trap '' TERM INT HUP; sleep 600 & wait; sleep 600",
    "stops itself": "kill -STOP $$; sleep 600",
    "closes its files": "exec 0<&- 1>&- 2>&-; sleep 600",
}
"""What one does that is broken on purpose."""
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
        self._become(answer + (FAULTS | RARE_FAULTS)[how])

    def slow_down(self, seconds: float) -> None:
        """Take this long over every run on somebody's clip, and leave the file `started` beside itself."""
        started = self.file.with_name("started")
        answer = f'case "$* $PWD" in *-decoders*|*known-good-*) exec {self._real} "$@";; esac'
        self._become(f'{answer}\n: > {started}\nsleep {seconds}\nexec {self._real} "$@"')

    def kill_whoever_runs_it(self, *, over_bytes: int) -> None:
        """Over a recording of more than so many bytes."""
        size = "$(stat -c %s speech.amr 2>/dev/null || echo 0)"
        self._become(f'[ {size} -gt {over_bytes} ] && kill -9 $PPID\nexec {self._real} "$@"')

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


@contextmanager
def no_file_grows() -> Iterator[None]:
    """While the context is open this process can write to no file: a full disk for those who may not mount one."""
    disk = NoGrowth(os.getpid())
    disk.fill()
    try:
        yield
    finally:
        disk.free()
