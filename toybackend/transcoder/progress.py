"""How far a child is, by how much it has written. It is not asked: a file that grows can be looked at from outside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from toybackend.ports import Progress

DECODED = 0.35
"""Where in the whole of a conversion decoding ends and encoding begins; LAME is the slower half."""
LOOK_SECONDS = 0.25


def share(progress: Progress, start: float, end: float) -> Progress:
    """Tells `progress` of a part of the whole."""
    return lambda part: progress(start + (end - start) * part)


@asynccontextmanager
async def growing(file: Path, whole: float, progress: Progress) -> AsyncIterator[None]:
    """While the context is open, tell how much of `whole` bytes is in the file; at its end, that all of it is."""
    watching = asyncio.create_task(_watch(file, whole, progress))
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    progress(1.0)


async def _watch(file: Path, whole: float, progress: Progress) -> None:
    while whole > 0:
        await asyncio.sleep(LOOK_SECONDS)
        progress(min(1.0, await asyncio.to_thread(_size, file) / whole))


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:  # the child has not begun
        return 0
