"""A file system of its own, small enough to be filled; and a full disk for whoever may not mount one."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

REMOUNT_SECONDS = 10.0


class Fillable(Protocol):
    """What can be full for a process, and have room again."""

    def fill(self, leave_bytes: int = 0) -> None:
        """Take everything but this."""

    def free(self) -> None: ...


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
        """Take everything but this, also from somebody who goes on writing meanwhile."""
        with self._ballast.open("ab") as file:
            while (missing := self.free_bytes - leave_bytes) > 0:
                with contextlib.suppress(OSError):  # somebody was faster
                    os.posix_fallocate(file.fileno(), file.tell(), missing)
                file.seek(0, os.SEEK_END)

    def free(self) -> None:
        self._ballast.unlink()

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """While the context is open, nothing can be written to it; nobody may have a file of it open then."""
        self._remount("ro")
        try:
            yield
        finally:
            self._remount("rw")

    def _remount(self, how: str) -> None:
        """Some time after the last file was closed the kernel is done with it, too."""
        command, patience = ["mount", "-o", f"remount,{how}", str(self.folder)], time.monotonic() + REMOUNT_SECONDS
        while subprocess.run(command, capture_output=True, check=time.monotonic() > patience).returncode:
            time.sleep(0.05)

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


class NoGrowth:
    """A process that cannot write to any file for a while: a full disk for those who may not mount one."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._before = resource.prlimit(pid, resource.RLIMIT_FSIZE)

    def fill(self, leave_bytes: int = 0) -> None:
        """Of every file the first bytes still go in."""
        resource.prlimit(self._pid, resource.RLIMIT_FSIZE, (leave_bytes, self._before[1]))

    def free(self) -> None:
        with contextlib.suppress(ProcessLookupError):  # it may have been killed meanwhile
            resource.prlimit(self._pid, resource.RLIMIT_FSIZE, self._before)
