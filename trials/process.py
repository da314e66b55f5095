"""A process as its system shows it: memory, descriptors, threads and children."""

from __future__ import annotations

import contextlib
import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

_KIND = re.compile(r"(socket|pipe):\[\d+\]|anon_inode:\[?(\w+)\]?")
MEGABYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Look:
    """What one process holds at one moment."""

    rss_bytes: int
    """Memory that it occupies."""
    threads: int
    descriptors: Counter[str]
    """How many of each kind: `socket`, `pipe`, `eventpoll`, or the name of the file."""
    children: int
    """Those that ended and were not reaped included."""

    @property
    def open_files(self) -> int:
        return self.descriptors.total()


def look_at(pid: int) -> Look:
    """Raises FileNotFoundError when there is no such process any more."""
    process = Path(f"/proc/{pid}")
    status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    tasks = [one.read_text() for one in (process / "task").glob("*/children")]
    return Look(
        rss_bytes=int(status["VmRSS"].split()[0]) << 10,
        threads=int(status["Threads"]),
        descriptors=Counter(_kinds(process / "fd")),
        children=sum(len(one.split()) for one in tasks),
    )


def _kinds(folder: Path) -> list[str]:
    found = []
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):  # closed just now
            target = os.readlink(folder / name)
            kind = _KIND.match(target)
            found.append((kind[1] or kind[2]) if kind else Path(target).name)
    return found
