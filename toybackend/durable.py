"""Making sure that something is on disk before anybody relies on it."""

from __future__ import annotations

import contextlib
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


def make_folder(folder: Path) -> None:
    """Make a folder that only its owner may look into, with what is missing above it, so that it survives a power cut.
    Raises OSError."""
    above = [one.parent for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Its own name always: whoever made it earlier may have been stopped before this.
    for parent in above or [folder.parent]:
        with contextlib.suppress(PermissionError):  # we may not look into it, so it was made for us
            sync(parent)
