"""Making sure that something is on disk before anybody relies on it."""

from __future__ import annotations

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Return once this file, or this folder with the names in it, would survive a power cut: a new file has its name
    for good only when its folder is on disk too. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
