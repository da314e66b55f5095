"""What the browser's camera sees: a film of one still picture, in the plain format that Chromium takes for a camera."""

from __future__ import annotations

from pathlib import Path

import segno

WIDTH, HEIGHT = 640, 480
MODULE = 9
"""Pixels of one module of a QR code."""
WHITE, BLACK, GREY = b"\xeb", b"\x10", b"\x80"
"""ITU-R BT.601 luma of white and black, and chroma of no colour."""


def write_film(file: Path, qr_text: str) -> None:
    """A YUV4MPEG2 film of this QR code on white. Chromium reads it anew whenever a page opens the camera."""
    rows = [_row(modules) for modules in segno.make(qr_text, error="m", micro=False).matrix for _ in range(MODULE)]
    above = (HEIGHT - len(rows)) // 2
    blank = WHITE * WIDTH
    luma = b"".join([blank] * above + rows + [blank] * (HEIGHT - above - len(rows)))
    chroma = GREY * (WIDTH * HEIGHT // 2)
    file.write_bytes(b"YUV4MPEG2 W%d H%d F20:1 Ip A1:1 C420jpeg\n" % (WIDTH, HEIGHT) + b"FRAME\n" + luma + chroma)


def _row(modules: bytearray) -> bytes:
    drawn = b"".join((BLACK if module else WHITE) * MODULE for module in modules)
    left = (WIDTH - len(drawn)) // 2
    return WHITE * left + drawn + WHITE * (WIDTH - left - len(drawn))
