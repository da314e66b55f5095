"""A stranger's file, looked into without being read as a whole: an hour of music may have many megabytes, and what
tells its kind is in a few of them."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

Data = bytes | mmap.mmap
"""What can be indexed and sliced like bytes; a slice is bytes. Beyond that the two have little in common."""


@contextmanager
def opened(file: Path) -> Iterator[Data]:
    """The bytes of a file that nobody changes meanwhile."""
    with file.open("rb") as source:
        if not file.stat().st_size:  # nothing cannot be mapped
            yield b""
            return
        with mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield data
