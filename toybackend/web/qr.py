"""QR codes for whoever draws them: our pages, and toys with a display."""

from __future__ import annotations

import asyncio
import functools
from typing import Annotated

import msgspec
import segno

Rows = Annotated[tuple[str, ...], msgspec.Meta(description="From top to bottom; 1 is dark. Without the quiet zone.")]


async def qr_rows(text: str) -> Rows:
    """The QR code (ISO/IEC 18004) of this text, at error correction level M or better: as many rows as each has
    characters, `1` for a dark module and `0` for a light one. A display adds the quiet zone, four light modules."""
    # Some milliseconds of arithmetic, too long for the loop.
    return await asyncio.to_thread(_rows, text)


@functools.lru_cache(maxsize=256)
def _rows(text: str) -> Rows:
    code = segno.make(text, error="m", micro=False)
    return tuple("".join("1" if module else "0" for module in row) for row in code.matrix)
